/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SHIM_TASK_PRIV_H
#define SHIM_TASK_PRIV_H

#include "shim/container.h"
#include "shim/ttrpc_server.h"

extern const char *task_namespace;

/* A call that has no answer but its success. */
void task_reply_empty(struct ttrpc_call *call);

/*
 * Runs the runtime for an operation, with `done(op, result)` at the end. When it cannot be
 * started the call is answered and false returned; the operation is still to be ended.
 */
bool task_run(struct operation *op, const char *const *args, const int *fds, runtime_done_fn *done);

/* "OCI runtime WHAT failed: why", as callers of containerd expect it. */
void task_fail_runtime(
	struct ttrpc_call *call, const char *what, const struct runtime_result *result);

/* containerd's rule for ids, and room for file names. False when the call was answered with InvalidArgument. */
bool task_check_id(struct ttrpc_call *call, const char *what, const char *id);

void task_create(struct ttrpc_call *call, const void *request);
void task_start(struct ttrpc_call *call, const void *request);
void task_exec(struct ttrpc_call *call, const void *request);
void task_kill(struct ttrpc_call *call, const void *request);
void task_delete(struct ttrpc_call *call, const void *request);
void task_pause(struct ttrpc_call *call, const void *request);
void task_resume(struct ttrpc_call *call, const void *request);
void task_update(struct ttrpc_call *call, const void *request);
void task_checkpoint(struct ttrpc_call *call, const void *request);

/* False when the container does not run; the call was answered then, and the operation ended. */
bool task_must_run(struct operation *op);

/* Where the runtime writes the id of init; malloc'd. */
int task_pid_file(char **ret, const struct container *c, struct err *err);
/* What the runtime has made becomes ours, at once: before another child is reaped. */
int task_take_over(struct process *p, struct err *err);
/* The runtime has made a container that cannot be taken over: removes it, then calls `then`. */
void task_remove_again(struct operation *op, const struct err *why,
	void (*then)(struct operation *op, const struct err *why));

/* The process runs: tells so, and ends the operation. */
void task_started(struct operation *op);
/* The start of a container from a checkpoint: init was not made before. */
void task_restore(struct operation *op);

#endif
