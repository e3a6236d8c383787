/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life cycle of a container as functions: what the verbs create, start, run
 * and delete consist of. Each leaves everything as it was when it fails, except
 * where the specification says that the container is stopped.
 */
#ifndef RUNTIME_LIFE_H
#define RUNTIME_LIFE_H

#include <stdbool.h>

#include "runtime/base/err.h"
#include "runtime/box/cgroup.h"
#include "runtime/container.h"
#include "runtime/record.h"

struct console;
struct cgroup;
struct oci_config;
struct oci_hook;

/* How long a worker may take to run what it is to have run in a state image, in seconds, unless said. */
#define LIFE_REST_TIMEOUT_S 60

/* How long a killed process may take to be gone. */
#define LIFE_KILL_TIMEOUT_MS 10000

/* What a restorer works with. Nothing is owned. */
struct life_restoring {
	const struct record *record;
	const struct oci_config *config;
	const struct cgroup *cgroup; /* NULL: there is none */
	const char *dir;	     /* the state directory */
	/* NULL, or to be called, with the first process, once its namespaces are there. */
	int (*hooks)(void *arg, pid_t pid, struct err *err);
	void *hooks_arg;
};

/*
 * Makes the process, as our child and in the cgroup, in place of create's own ways. What
 * it leaves in the cgroup when it fails is killed.
 */
struct life_restorer {
	int (*restore)(
		void *arg, const struct life_restoring *with, pid_t *ret_pid, struct err *err);
	void *arg;
};

/* Nothing is owned. */
struct life_options {
	const char *root;
	const char *id;
	const char *bundle;
	const char *config_file;    /* NULL: the bundle's config.json */
	const char *console_socket; /* NULL: none */
	const char *pid_file;	    /* NULL: none */
	const char *pidfd_socket;   /* gets a pidfd of the process; NULL: none */
	const char *warmfork;	    /* NULL: as the annotation says */
	const char *tenant;	    /* of state images; NULL: as state_store.h says */
	enum cgroup_manager cgroup_manager;
	unsigned preserve_fds;
	const int *stdio; /* what become 0, 1 and 2 of the container; NULL: our own */
	bool rootless;	  /* goes on without a cgroup where it may not make one */
	bool no_pivot;
	bool no_new_keyring;
	bool knows_exit_file; /* the caller needs no descendant */
	bool may_start_seed;
	bool start;	 /* at once, poststart hooks included: there is no gate to open */
	bool to_rest;	 /* a worker that becomes a state image, and is left standing */
	bool if_missing; /* ... unless there is one, or will be soon; -EEXIST */
	unsigned rest_timeout_s;
	const struct life_restorer *restorer; /* NULL: a new process, which waits for start */
	struct console *console; /* gets the terminal when there is no socket; NULL: refuse one */
};

struct life {
	struct container container;
	enum record_payload payload;
	int pidfd; /* of the container's process; owned */
	pid_t pid;
	bool wants_state; /* a worker that went from source, and whose image is to be made */
};

#define LIFE_INIT                                         \
	{                                                 \
		CONTAINER_INIT, RECORD_EXEC, -1, 0, false \
	}

void life_close(struct life *life);
#define _cleanup_life_ _cleanup_(life_close)

/*
 * On success the process waits at its gate, or runs when that was asked for; the
 * directory is not locked.
 */
int life_create(const struct life_options *options, struct life *ret, struct err *err);

/*
 * Opens the gate and runs poststart hooks. A hook that fails stops the container
 * (runtime-spec 1.3, life cycle, step 9).
 */
int life_start(struct container *c, struct err *err);

/*
 * Ends what is left of the container, under the lock, and removes what `create`
 * made; then poststop hooks. Without `force` only a stopped one. -ENOENT says that somebody
 * else has deleted it.
 */
int life_delete(struct container *c, bool force, struct err *err);

/* Kills every process of the container and waits until its own is gone. */
int life_end_processes(const struct record *r, struct cgroup *cg, struct err *err);

/* Runs the configuration's hooks; see box/hooks.h. */
int life_hooks(const char *kind, const struct oci_hook *hooks, size_t n, const char *state,
	size_t len, struct err *err);

/* The directories of resctrl that `create` made. */
int life_remove_rdt(const struct record *r, struct err *err);

/* poststart hooks of a process that runs. */
int life_poststart(const struct record *r, struct err *err);

/* poststop hooks with the state "stopped"; failures are warnings. */
void life_poststop(const struct record *r);

/* Logs the sentences that the box collected. */
struct buf;
void life_log_warnings(const struct buf *warnings);

#endif
