/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The containers of this shim and their processes: the container's own ("init", with the
 * exec id "") and those of Exec. What changes a process is queued: the next operation
 * begins when the one before is answered. What only asks is answered at once.
 *
 * How an end is told: a process that has ended is settled when the operation that makes or
 * starts it is over, so that its start is told first; init when no other process of the
 * container is left, so that theirs are told before. Settling publishes the exit and
 * answers who waits.
 */
#ifndef SHIM_CONTAINER_H
#define SHIM_CONTAINER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "shim/proto/task.pb-c.h"
#include "shim/runtime.h"
#include "shim/stdio.h"

struct child;
struct oom;
struct ttrpc_call;

/* Containers of one shim: a pod has a few. */
#define CONTAINERS_MAX 4096
/* Processes of Exec in one container that were not deleted yet. */
#define EXECS_MAX 4096

enum process_state {
	PROCESS_NEW,	 /* nothing of it exists yet */
	PROCESS_CREATED, /* init waits for start */
	PROCESS_RUNNING,
	PROCESS_STOPPED, /* settled */
};

struct process;
struct operation;
typedef void operation_fn(struct operation *op);

/* What a call does to a process; lives from operation_queue() to operation_end(). */
struct operation {
	struct operation *next;
	operation_fn *run;
	struct process *process;
	struct ttrpc_call *call;
	const void *request; /* of the call */
};

struct waiter {
	struct waiter *next;
	struct ttrpc_call *call;
};

struct process {
	struct process *next;
	struct container *container;
	char *id; /* owned; "" for init */
	enum process_state state;
	struct stdio io;
	char *spec;		  /* owned; "process" of an exec as JSON */
	pid_t pid;		  /* 0 before there is one */
	struct child *child;	  /* while it lives */
	struct timer *exit_timer; /* until it is told how it ended */
	unsigned exit_wait_ms;
	bool ended;  /* and perhaps not settled yet */
	bool making; /* the running operation makes or starts it */
	uint32_t exit_code;
	struct timespec ended_at;
	struct operation *first, **end; /* the first one is running when busy */
	bool busy;
	struct waiter *waiters;
	operation_fn *when_stopped; /* goes on with the running operation */
};

struct container {
	struct container *next;
	char *id, *bundle; /* owned */
	struct runtime runtime;
	struct process init;
	struct process *execs; /* owned, the newest first */
	size_t n_execs;
	bool paused, pausing;
	bool own_pids; /* a PID namespace of its own: the kernel ends all with init */
	bool killing_others, killed_others; /* what is left when init has ended, without one */
	bool mounted;			    /* its root file system, by us */
	char *checkpoint;		    /* owned; to be restored from */
	char *cgroups;			    /* owned; /proc/PID/cgroup of init */
	struct oom *oom;
};

/* NULL when there is none. One that is being made is one. */
struct container *container_find(const char *id);
size_t container_count(void);

/* A new one, which is known by its id from now on. NULL with *err: out of memory, too many, -EEXIST. */
struct container *container_create(const char *id, const char *bundle, struct err *err);
/* Forgets it and answers whoever still waits; nothing of the host is touched. */
void container_destroy(struct container *c);

/* Exec ids; NULL when there is none. "" is init. */
struct process *process_find(struct container *c, const char *exec_id);
struct process *process_add_exec(struct container *c, const char *exec_id, struct err *err);
void process_remove_exec(struct process *p);

/*
 * The process that a call is about, or NULL, and then the call has been answered with
 * NotFound.
 */
struct process *process_of_call(struct ttrpc_call *call, const char *id, const char *exec_id);

/* Runs it when those before are over; answers for itself when there is no memory. */
void operation_queue(
	struct process *p, struct ttrpc_call *call, const void *request, operation_fn *run);
/* Ends it after its call was answered. */
void operation_end(struct operation *op);
/* The same when the process, or its container, is removed next. */
void operation_end_last(struct operation *op);

/* Waits for the process with this pid from now on: it was just made. */
int process_watch(struct process *p, pid_t pid, struct err *err);
/* Tells the end of a process that has ended, if it is time to. */
void process_settle(struct process *p);
/* One that could not be started has ended, too: whoever waits for it hears so. No event. */
void process_give_up(struct process *p);
bool process_is_alive(const struct process *p);

/* Answers the call when the process is settled. */
void process_wait(struct process *p, struct ttrpc_call *call);
/* Goes on with the operation when it is. */
void process_when_stopped(struct operation *op, operation_fn *then);

#endif
