/* SPDX-License-Identifier: Apache-2.0 */
/* Start of a container and of processes of Exec in it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "shim/bundle.h"
#include "shim/child.h"
#include "shim/events.h"
#include "shim/message.h"
#include "shim/proto/events.pb-c.h"
#include "shim/task_priv.h"

/* --- a container --- */

static void publish_start(const struct process *p)
{
	Pb__TaskStart event = PB__TASK_START__INIT;

	event.container_id = message_string(p->container->id);
	event.pid = (uint32_t)p->pid;
	events_publish("/tasks/start", "containerd.events.TaskStart", &event.base);
}

static void publish_exec_started(const struct process *p)
{
	Pb__TaskExec event = PB__TASK_EXEC__INIT;

	event.container_id = message_string(p->container->id);
	event.exec_id = message_string(p->id);
	event.pid = (uint32_t)p->pid;
	events_publish("/tasks/exec-started", "containerd.events.TaskExecStarted", &event.base);
}

void task_started(struct operation *op)
{
	struct process *p = op->process;
	Pb__PidResponse response = PB__PID_RESPONSE__INIT;

	p->state = PROCESS_RUNNING;
	if (*p->id)
		publish_exec_started(p);
	else
		publish_start(p);
	response.pid = (uint32_t)p->pid;
	ttrpc_reply(op->call, &response.base);
	operation_end(op);
}

static void on_started(void *arg, const struct runtime_result *result)
{
	struct operation *op = arg;

	if (!result->ok) {
		task_fail_runtime(op->call, "start", result);
		operation_end(op);
		return;
	}
	task_started(op);
}

static void run_start(struct operation *op)
{
	struct process *p = op->process;
	const char *args[] = {"start", p->container->id, NULL};

	p->making = true;
	if (p->state != PROCESS_CREATED) {
		ttrpc_fail(op->call, TTRPC_FAILED_PRECONDITION,
			"cannot start a container that was started before");
		operation_end(op);
	} else if (p->container->checkpoint) {
		task_restore(op);
	} else if (!task_run(op, args, NULL, on_started)) {
		operation_end(op);
	}
}

/* --- a process of Exec --- */

/* Files of a starting process; taken away again when it is. */
struct exec_start {
	struct operation *op;
	char *pid_file;
	int spec; /* a memfd, which the runtime opens by its path */
};

static void exec_start_free(struct exec_start *s)
{
	if (s->pid_file)
		unlink(s->pid_file);
	fd_close(&s->spec);
	free(s->pid_file);
	free(s);
}

/* It can be started no more, but is there until it is deleted. */
static void exec_failed(struct operation *op)
{
	struct process *p = op->process;

	/* One that runs, and whose terminal never came. */
	if (p->child)
		(void)child_signal(p->child, SIGKILL);
	process_give_up(p);
	operation_end(op);
}

static void on_exec_started(void *arg, const struct runtime_result *result)
{
	struct exec_start *s = arg;
	struct operation *op = s->op;
	struct process *p = op->process;
	struct err err = ERR_INIT;
	int pid;

	if (!result->ok) {
		task_fail_runtime(op->call, "exec", result);
		exec_failed(op);
	} else if (bundle_take_pid(s->pid_file, &pid, &err) < 0 ||
		   process_watch(p, pid, &err) < 0 || stdio_started(&p->io, &err) < 0) {
		ttrpc_fail(op->call, TTRPC_UNKNOWN, "OCI runtime exec failed: %s", err.msg);
		exec_failed(op);
	} else {
		task_started(op);
	}
	exec_start_free(s);
}

static int exec_prepare(struct exec_start *s, struct err *err)
{
	const struct process *p = s->op->process;

	if (asprintf(&s->pid_file, "%s/exec-%s.pid", p->container->bundle, p->id) < 0) {
		s->pid_file = NULL;
		return err_oom(err);
	}
	s->spec = memfd_sealed("process.json", p->spec, strlen(p->spec), err);
	return s->spec < 0 ? s->spec : 0;
}

static void run_exec(struct operation *op)
{
	struct process *p = op->process;
	struct exec_start *s = calloc(1, sizeof(*s));
	const char *args[RUNTIME_ARGS_MAX];
	char spec_path[64];
	struct err err = ERR_INIT;
	size_t n = 0;

	if (!s || (s->spec = -1, s->op = op, exec_prepare(s, &err) < 0)) {
		ttrpc_fail(op->call, TTRPC_RESOURCE_EXHAUSTED, "OCI runtime exec failed: %s",
			s ? err.msg : "out of memory");
		if (s)
			exec_start_free(s);
		exec_failed(op);
		return;
	}
	snprintf(spec_path, sizeof(spec_path), "/proc/%d/fd/%d", (int)getpid(), s->spec);
	args[n++] = "exec";
	args[n++] = "--process";
	args[n++] = spec_path;
	args[n++] = "--detach";
	args[n++] = "--pid-file";
	args[n++] = s->pid_file;
	if (p->io.terminal) {
		args[n++] = "--console-socket";
		args[n++] = stdio_console_socket(&p->io);
	}
	args[n++] = p->container->id;
	args[n] = NULL;
	if (runtime_run(&p->container->runtime, args, p->io.give, on_exec_started, s, &err) < 0) {
		ttrpc_fail(op->call, err.code == ENOENT ? TTRPC_NOT_FOUND : TTRPC_UNKNOWN,
			"OCI runtime exec failed: %s", err.msg);
		exec_start_free(s);
		exec_failed(op);
	}
}

static void on_exec_opened(void *arg, const struct err *err)
{
	struct operation *op = arg;

	if (err->code == 0) {
		run_exec(op);
		return;
	}
	ttrpc_fail(op->call, err->code == ENOENT ? TTRPC_NOT_FOUND : TTRPC_UNKNOWN, "%s", err->msg);
	exec_failed(op);
}

static void run_start_exec(struct operation *op)
{
	struct process *p = op->process;
	const struct container *c = p->container;

	p->making = true;
	if (p->state != PROCESS_NEW) {
		ttrpc_fail(op->call, TTRPC_FAILED_PRECONDITION,
			"cannot start a process that was started before");
		operation_end(op);
	} else if (!process_is_alive(&c->init)) {
		ttrpc_fail(
			op->call, TTRPC_FAILED_PRECONDITION, "container %s is not running", c->id);
		operation_end(op);
	} else {
		stdio_open(&p->io, c->id, on_exec_opened, op);
	}
}

void task_start(struct ttrpc_call *call, const void *request)
{
	const Pb__ProcessRequest *r = request;
	struct process *p = process_of_call(call, r->id, r->exec_id);

	if (p)
		operation_queue(p, call, r, *r->exec_id ? run_start_exec : run_start);
}

/* --- Exec: only kept, until it is started --- */

static void publish_exec_added(const struct process *p)
{
	Pb__TaskExec event = PB__TASK_EXEC__INIT;

	event.container_id = message_string(p->container->id);
	event.exec_id = message_string(p->id);
	events_publish("/tasks/exec-added", "containerd.events.TaskExecAdded", &event.base);
}

void task_exec(struct ttrpc_call *call, const void *request)
{
	const Pb__ExecRequest *r = request;
	struct process *init = process_of_call(call, r->id, "");
	struct err err = ERR_INIT;
	struct process *p;

	if (!init || !task_check_id(call, "process", r->exec_id))
		return;
	if (!r->spec) {
		ttrpc_fail(call, TTRPC_INVALID_ARGUMENT, "the process %s has no description",
			r->exec_id);
		return;
	}
	p = process_add_exec(init->container, r->exec_id, &err);
	if (!p) {
		ttrpc_fail(call,
			err.code == EEXIST ? TTRPC_ALREADY_EXISTS : TTRPC_RESOURCE_EXHAUSTED, "%s",
			err.msg);
		return;
	}
	if (stdio_init(&p->io, r->stdin, r->stdout, r->stderr, r->terminal, &err) == 0)
		p->spec = strndup((char *)r->spec->value.data, r->spec->value.len);
	if (!p->spec) {
		process_remove_exec(p);
		ttrpc_fail(call, TTRPC_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	publish_exec_added(p);
	task_reply_empty(call);
}
