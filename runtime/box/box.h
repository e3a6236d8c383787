/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's half of a sandbox: a configuration becomes a plan, a plan becomes a
 * child, the child is led to its start gate. The child's half is enter.h.
 *
 * A plan is flat bytes and descriptors. Everything that only the caller can know
 * is resolved while it is made: paths in the caller's mount namespace become
 * detached mount trees, names become numbers, profiles become BPF, omitted
 * namespaces become descriptors of the caller's own. So it makes no difference
 * who executes it: a child of ours, or a clone of a seed that lives elsewhere.
 */
#ifndef RUNTIME_BOX_BOX_H
#define RUNTIME_BOX_BOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"
#include "runtime/box/limits.h"

struct box_plan;
struct buf;
struct cgroup;
struct oci_config;

enum box_payload {
	BOX_PAYLOAD_EXEC,   /* execve of process.args */
	BOX_PAYLOAD_WORKER, /* the process is there already, as an Aworker is, and goes on */
};

/* Nothing is owned. */
struct box_options {
	const char *id;
	const char *bundle; /* absolute */
	const struct oci_config *config;
	const struct cgroup *cgroup; /* made; gives the descriptors to attach by */
	enum box_payload payload;
	struct box_limits limits; /* for a worker; `memory` is taken from the config */
	int stdio[3];		  /* become 0-2 of the container; unused with a terminal */
	unsigned preserve_fds;	  /* descriptors 3.. of the caller that the container keeps */
	int gate_fd;		  /* from gate_listen(); -1: starts when `ready` has been done */
	bool no_pivot;
	bool no_new_keyring;
	size_t first_mount; /* of config->mounts; those before it are left out */
	/* To join: the user namespace that the container was made with (box_child); 0: not known */
	uint64_t user_ns;
};

/*
 * Everything of the configuration that cannot be honoured here is an error naming
 * the field, or a warning as in cgroup.h where the specification or other
 * runtimes let it pass.
 */
int box_plan_create(const struct box_options *options, struct box_plan **ret, struct buf *warnings,
	struct err *err);

/*
 * A plan of another kind: a process more in a container that runs, `pidfd` being its
 * first one, borrowed. `config` is the container's, with the process to run in place
 * of its own; `cgroup` comes from cgroup_open_join(). No gate: box_bring_up() returns
 * when the process has been executed.
 */
int box_plan_join(const struct box_options *options, int pidfd, struct box_plan **ret,
	struct buf *warnings, struct err *err);

void box_plan_destroy(struct box_plan *plan); /* NULL is fine */

static inline void box_plan_destroy_ptr_(struct box_plan **plan)
{
	box_plan_destroy(*plan);
}
#define _cleanup_box_plan_ _cleanup_(box_plan_destroy_ptr_)

/* What a clone request is made of; borrowed from the plan. */
struct box_call {
	int plan_fd; /* sealed memfd */
	size_t plan_len;
	const int *fds;
	size_t n_fds;
	uint64_t clone_flags; /* CLONE_NEW* that the child is born with */
	int pidns_fd;	      /* PID namespace to join before it is born, or -1 */
	int cgroup_fd;	      /* v2 directory to be born in, or -1 */
	bool sees_host;	      /* the child has to see the files of the host */
};

void box_plan_call(const struct box_plan *plan, struct box_call *ret);

/* NULL when a clone of a seed can execute it; else why only a child of the caller's own can. */
const char *box_plan_needs_own_child(const struct box_plan *plan);

struct box_child {
	int conn; /* SOCK_SEQPACKET; owned */
	pid_t pid;
	int pidfd;	  /* owned */
	bool mapped;	  /* its user namespace has its id maps already */
	bool between;	  /* it is the process in between, which makes the one that joins */
	uint64_t user_ns; /* once it is up: its user namespace, as an inode of nsfs */
};

#define BOX_CHILD_INIT                     \
	{                                  \
		-1, 0, -1, false, false, 0 \
	}

/* Forks a child of ours that executes the plan (payload EXEC). SIGKILLed when we die before READY. */
int box_spawn(const struct box_plan *plan, struct box_child *ret, struct err *err);

/*
 * The same for a plan that joins, of payload WORKER: in place of an execve the child calls `run`, with the
 * rights and descriptors of the container and a copy of our memory, and ends with what that
 * returns.
 */
int box_spawn_function(const struct box_plan *plan, int (*run)(void *arg), void *arg,
	struct box_child *ret, struct err *err);

/* Where a program finds its end of the conversation, and a file that it needs. */
#define BOX_PROGRAM_CONN 3
#define BOX_PROGRAM_FILE 4

/*
 * Makes a child of ours in the plan's namespaces that executes `exe_fd` with
 * argv, descriptor 3 being its end of the conversation, 4 the file (-1: none), 0-2 ours
 * (or /dev/null). The program receives the call on descriptor 3 (seed_send) and then goes
 * the way of a clone.
 */
int box_spawn_program(const struct box_plan *plan, int exe_fd, int file_fd, const char *const *argv,
	const char *const *envp, struct box_child *ret, struct err *err);

/* What the child needs done outside while it comes up. Callbacks may fail the start. */
struct box_duties {
	void *arg;
	/*
	 * The state for hooks, by oci_state_write(): status "creating", and this pid, which
	 * is that of our PID namespace or, for the container's own hooks, of theirs.
	 */
	int (*state)(void *arg, pid_t pid, struct buf *ret, struct err *err);
	/* prestart and createRuntime hooks: the namespaces exist, pivot_root is yet to come. */
	int (*create_runtime)(void *arg, const char *state, size_t len, struct err *err);
	/* process.terminal: the master end, borrowed. */
	int (*console)(void *arg, int master_fd, struct err *err);
	/* A failure that the container survives; one sentence. NULL is fine. */
	void (*warning)(void *arg, const char *text);
	/*
	 * A process that starts without a gate has a seccomp profile with a listener, which is this
	 * descriptor of its own; see gate.h. NULL where that cannot be.
	 */
	int (*listener)(void *arg, int remote_fd, struct err *err);
	/*
	 * A worker without a gate that is to become a state image is at rest; see gate.h. NULL where
	 * that cannot be.
	 */
	int (*rested)(void *arg, uint64_t regs, struct err *err);
	/*
	 * It stands at its gate, and dies if we do until this returns: the place to write
	 * the container's state. NULL is fine.
	 */
	int (*ready)(void *arg, struct err *err);
};

/*
 * Leads the child to its gate, or to its execve where it joins: id maps, hooks, console. Returns when it stands
 * there, or with the sentence of the step that failed, here or in the child; the
 * child is then dead or dying (kill it by pidfd and wait). Takes child->conn.
 */
int box_bring_up(struct box_child *child, const struct box_plan *plan,
	const struct box_duties *duties, struct err *err);

/* Kills what is left of a child that failed to come up; reaps it if it is ours. */
void box_child_abort(struct box_child *child);

#endif
