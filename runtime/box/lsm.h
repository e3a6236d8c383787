/* SPDX-License-Identifier: Apache-2.0 */
/* Which security modules this host enforces. */
#ifndef RUNTIME_BOX_LSM_H
#define RUNTIME_BOX_LSM_H

#include <stdbool.h>

bool lsm_apparmor_enabled(void);
bool lsm_selinux_enabled(void);

#endif
