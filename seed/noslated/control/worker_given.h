/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers that are somebody else's program: an OCI bundle that was given with the profile, with its own root and
 * its own rights, which are not judged. What is ours is put into its configuration: the socket on descriptor 3
 * as systemd would hand it over (sd_listen_fds(3)), the profile's environment and resources, namespaces for
 * processes and mounts, no terminal, no cgroup of its choice, and a root that none of its workers can change
 * for the others.
 */
#ifndef SEED_NOSLATED_CONTROL_WORKER_GIVEN_H
#define SEED_NOSLATED_CONTROL_WORKER_GIVEN_H

#include "runtime/base/err.h"

struct buf;
struct profile_function;
struct worker_code;

/* The changed config.json; errors begin with "code.path". */
int worker_given_config(const struct profile_function *f, const struct worker_code *code,
	struct buf *text, struct err *err);

#endif
