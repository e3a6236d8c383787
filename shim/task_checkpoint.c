/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoint, and the start of a container that was checkpointed. */
#include <errno.h>
#include <stdio.h>

#include "runtime/base/arena.h"
#include "shim/events.h"
#include "shim/message.h"
#include "shim/proto/events.pb-c.h"
#include "shim/task_priv.h"

static int work_dir(char **ret, const struct container *c, struct err *err)
{
	if (asprintf(ret, "%s/criu-work", c->bundle) >= 0)
		return 0;
	*ret = NULL;
	return err_oom(err);
}

static void on_checkpointed(void *arg, const struct runtime_result *result)
{
	struct operation *op = arg;
	const Pb__CheckpointRequest *r = op->request;
	Pb__TaskCheckpointed event = PB__TASK_CHECKPOINTED__INIT;

	if (!result->ok) {
		task_fail_runtime(op->call, "checkpoint", result);
	} else {
		event.container_id = r->id;
		event.checkpoint = r->path;
		events_publish(
			"/tasks/checkpointed", "containerd.events.TaskCheckpointed", &event.base);
		task_reply_empty(op->call);
	}
	operation_end(op);
}

static size_t checkpoint_args(const char **args, const Pb__CheckpointRequest *r,
	const Pb__CheckpointOptions *o, const char *work_path)
{
	static const char *const modes[] = {"ignore", "soft", "full", "strict"};
	size_t n = 0;

	args[n++] = "checkpoint";
	args[n++] = "--image-path";
	args[n++] = o && *o->image_path ? o->image_path : r->path;
	args[n++] = "--work-path";
	args[n++] = work_path;
	if (!o || !o->exit)
		args[n++] = "--leave-running";
	if (!o)
		return n;
	if (o->open_tcp)
		args[n++] = "--tcp-established";
	if (o->external_unix_sockets)
		args[n++] = "--ext-unix-sk";
	if (o->terminal)
		args[n++] = "--shell-job";
	if (o->file_locks)
		args[n++] = "--file-locks";
	for (size_t i = 0; i < ARRAY_SIZE(modes); i++)
		if (streq(o->cgroups_mode, modes[i])) {
			args[n++] = "--manage-cgroups-mode";
			args[n++] = modes[i];
		}
	for (size_t i = 0; i < o->n_empty_namespaces && n + 4 < RUNTIME_ARGS_MAX; i++) {
		args[n++] = "--empty-ns";
		args[n++] = o->empty_namespaces[i];
	}
	return n;
}

static void run_checkpoint(struct operation *op)
{
	const Pb__CheckpointRequest *r = op->request;
	struct container *c = op->process->container;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_free_ char *work = NULL;
	const char *args[RUNTIME_ARGS_MAX];
	struct err err = ERR_INIT;
	const Pb__CheckpointOptions *o = NULL;
	size_t n;

	if (!task_must_run(op))
		return;
	if (message_any_is(r->options, "containerd.runc.v1.CheckpointOptions"))
		o = message_read(&pb__checkpoint_options__descriptor, r->options->value.data,
			r->options->value.len, &arena);
	if (work_dir(&work, c, &err) < 0) {
		ttrpc_fail(op->call, TTRPC_RESOURCE_EXHAUSTED, "%s", err.msg);
		operation_end(op);
		return;
	}
	n = checkpoint_args(args, r, o, o && *o->work_path ? o->work_path : work);
	args[n++] = c->id;
	args[n] = NULL;
	if (!task_run(op, args, NULL, on_checkpointed))
		operation_end(op);
}

void task_checkpoint(struct ttrpc_call *call, const void *request)
{
	const Pb__CheckpointRequest *r = request;
	struct process *p = process_of_call(call, r->id, "");

	if (p)
		operation_queue(p, call, r, run_checkpoint);
}

/* --- the start of what was checkpointed --- */

/* It may be started once more, and opens its streams again then. */
static void not_restored(struct operation *op)
{
	stdio_close(&op->process->io);
	operation_end(op);
}

static void restore_failed(struct operation *op, const struct err *why)
{
	ttrpc_fail(op->call, why->code == ENOENT ? TTRPC_NOT_FOUND : TTRPC_UNKNOWN,
		"OCI runtime restore failed: %s", why->msg);
	not_restored(op);
}

static void on_restored(void *arg, const struct runtime_result *result)
{
	struct operation *op = arg;
	struct err err = ERR_INIT;

	if (!result->ok) {
		task_fail_runtime(op->call, "restore", result);
		not_restored(op);
	} else if (task_take_over(op->process, &err) < 0) {
		task_remove_again(op, &err, restore_failed);
	} else {
		task_started(op);
	}
}

static int run_restore(struct operation *op, struct err *err)
{
	struct process *p = op->process;
	struct container *c = p->container;
	_cleanup_free_ char *file = NULL, *work = NULL;
	const char *args[RUNTIME_ARGS_MAX];
	size_t n = 0;

	if (task_pid_file(&file, c, err) < 0 || work_dir(&work, c, err) < 0)
		return -err->code;
	args[n++] = "restore";
	args[n++] = "--detach";
	args[n++] = "--bundle";
	args[n++] = c->bundle;
	args[n++] = "--pid-file";
	args[n++] = file;
	args[n++] = "--image-path";
	args[n++] = c->checkpoint;
	args[n++] = "--work-path";
	args[n++] = work;
	if (p->io.terminal) {
		args[n++] = "--console-socket";
		args[n++] = stdio_console_socket(&p->io);
	}
	args[n++] = c->id;
	args[n] = NULL;
	return runtime_run(&c->runtime, args, p->io.give, on_restored, op, err);
}

static void on_opened(void *arg, const struct err *opened)
{
	struct operation *op = arg;
	struct err err = *opened;

	if (err.code || run_restore(op, &err) < 0)
		restore_failed(op, &err);
}

void task_restore(struct operation *op)
{
	struct process *p = op->process;

	stdio_open(&p->io, p->container->id, on_opened, op);
}
