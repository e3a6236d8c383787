/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container that is made for its state image alone: what is different from the one that the
 * bundle describes, and how the image is written when its worker has come to rest.
 */
#ifndef RUNTIME_REST_H
#define RUNTIME_REST_H

#include <stdint.h>
#include <sys/types.h>

#include "oci-spec/config.h"
#include "runtime/base/err.h"

struct cgroup;
struct state_name;

/* Parts of the configuration that are others. */
struct rest {
	struct oci_process process;
	struct oci_linux linux_;
	const char **args;  /* owned */
	char *cgroups_path; /* owned */
};

/*
 * Makes the configuration of a worker that of one that comes to rest, in a cgroup called `id`
 * beside its own. It refers to *r from then on.
 */
int rest_ask(struct rest *r, struct oci_config *config, const char *id, struct err *err);
void rest_finish(struct rest *r);

/* How long each message on the conversation may take. */
int rest_limit(int conn, unsigned seconds, struct err *err);

/*
 * Writes the image of the process at rest, whose registers are at that address of its memory. By
 * a process in the cgroup (NULL: none): the memory of a file is charged to who writes it.
 */
int rest_save(const struct state_name *name, struct cgroup *cgroup, pid_t pid, uint64_t regs,
	struct err *err);

#endif
