/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_OWNER_H
#define RUNTIME_OWNER_H

#include <sys/types.h>

/*
 * The name that /etc/passwd gives to a user, or the number; not owned, good until the
 * next call. From the file alone: a static program cannot load name services.
 */
const char *owner_name(uid_t uid);

#endif
