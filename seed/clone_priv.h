/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a process by clone3(2) without libc's fork(), and giving it the state
 * that execve(2) would have given. Everything here is free of allocation, stdio
 * and locks.
 */
#ifndef SEED_CLONE_PRIV_H
#define SEED_CLONE_PRIV_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"

/* What a clone needs to know of its origin; found out once, before the first clone. */
struct clone_ground {
	int null_fd; /* /dev/null */
	int host_fd; /* mount namespace of the host; -1: that is where we are */
	int bare_fd; /* else ours */
	int proc_fd; /* /proc of the host, O_PATH; -1: where it usually is */
	int *tid_address;
	void *robust_head;
	size_t robust_len;
};

#define CLONE_GROUND_INIT                                                  \
	{                                                                  \
		.null_fd = -1, .host_fd = -1, .bare_fd = -1, .proc_fd = -1 \
	}

/*
 * Also brings the calling process into the state that its clones start with:
 * signals at default and unblocked, dumpable 0.
 */
int clone_ground_prepare(struct clone_ground *ret, struct err *err);
void clone_ground_finish(struct clone_ground *g);

/*
 * Leaves the files of the host for a mount namespace of which an empty directory is the root.
 * A clone copies that instead of all mounts of the host, and has none of them to take away;
 * and there is nothing there that it could reach by a path. On failure all is as it was.
 */
int clone_ground_leave_host(struct clone_ground *g, struct err *err);

struct clone_how {
	uint64_t flags; /* CLONE_NEW*, and CLONE_PARENT for a sibling */
	int cgroup_fd;	/* born there, or -1 */
};

/* As fork(): 0 in the child, the pid in the parent, or a negative errno. The pidfd is the parent's. */
pid_t clone_make(const struct clone_ground *g, const struct clone_how *how, int *ret_pidfd);

/*
 * In the clone: what the kernel keeps and execve() would not. 0-2 become
 * /dev/null, every descriptor but `keep` is closed (the array is sorted in place),
 * a session of its own.
 */
int child_settle(const struct clone_ground *g, int *keep, size_t n_keep, struct err *err);

struct seed_message;
struct seed_request;

/* In the process that is to have the state image of *req, if there is one: opens its page map. */
void seed_request_look(struct seed_request *req, int proc_fd);

/* child_settle() with all that belongs to *req, and `also` (-1: nothing). */
int seed_request_settle(
	const struct clone_ground *g, struct seed_request *req, int also, struct err *err);

/* Maps the plan and takes over conn and the plan's descriptors; the rest of *m is the caller's. */
int seed_request_take(
	struct seed_request *ret, int conn, const struct seed_message *m, struct err *err);

#endif
