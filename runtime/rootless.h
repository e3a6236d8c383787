/* SPDX-License-Identifier: Apache-2.0 */
/* What is different for a runtime that is not the host's root. */
#ifndef RUNTIME_ROOTLESS_H
#define RUNTIME_ROOTLESS_H

#include <stdbool.h>

#include "runtime/base/err.h"

/*
 * `choice` is --rootless: "true", "false", or "auto": whoever is not uid 0, or is it only
 * in a user namespace. For them a cgroup that may not be made is a warning.
 */
bool rootless_is(const char *choice);

/*
 * Whether the containers are an ordinary user's: also those of one who is uid 0 in a
 * user namespace, as engines make themselves (runc's rule: XDG_RUNTIME_DIR is set, and
 * USER is not root).
 */
bool rootless_uses_own_root(void);

/*
 * Where an ordinary user's containers are: below $XDG_RUNTIME_DIR, or what login
 * managers set that to. *ret is malloc'd.
 */
int rootless_state_root(char **ret, struct err *err);

#endif
