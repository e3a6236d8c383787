/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEED_NOSLATED_CTL_DIGEST_H
#define SEED_NOSLATED_CTL_DIGEST_H

#include "runtime/base/err.h"

/* The verb: prints the digest of a file, a directory or an OCI layout. */
int verb_digest(char **args, struct err *err);

#endif
