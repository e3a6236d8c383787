/* SPDX-License-Identifier: Apache-2.0 */
/* Kill and Delete. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "runtime/base/log.h"
#include "shim/child.h"
#include "shim/events.h"
#include "shim/message.h"
#include "shim/oom.h"
#include "shim/proto/events.pb-c.h"
#include "shim/rootfs.h"
#include "shim/task_priv.h"

/* --- Kill --- */

/* What runtimes say of a container whose process has just ended. */
static bool tells_of_end(const char *message)
{
	static const char *const sentences[] = {"process already finished", "not running",
		"no such process", "No such process", "does not exist", "is stopped"};

	for (size_t i = 0; i < ARRAY_SIZE(sentences); i++)
		if (strstr(message, sentences[i]))
			return true;
	return false;
}

static void on_killed(void *arg, const struct runtime_result *result)
{
	struct operation *op = arg;

	if (result->ok)
		task_reply_empty(op->call);
	else if (tells_of_end(result->message))
		ttrpc_fail(op->call, TTRPC_NOT_FOUND, "process already finished");
	else
		task_fail_runtime(op->call, "kill", result);
	operation_end(op);
}

static void run_kill(struct operation *op)
{
	const Pb__KillRequest *r = op->request;
	const char *args[5];
	char signal[16];
	size_t n = 0;

	snprintf(signal, sizeof(signal), "%u", r->signal);
	args[n++] = "kill";
	if (r->all)
		args[n++] = "--all";
	args[n++] = op->process->container->id;
	args[n++] = signal;
	args[n] = NULL;
	if (!task_run(op, args, NULL, on_killed))
		operation_end(op);
}

static void kill_exec(struct operation *op)
{
	const Pb__KillRequest *r = op->request;
	struct process *p = op->process;
	int rc = p->child ? child_signal(p->child, (int)r->signal) : -ESRCH;

	if (p->state == PROCESS_NEW)
		ttrpc_fail(op->call, TTRPC_FAILED_PRECONDITION, "process not created");
	else if (rc == -ESRCH)
		ttrpc_fail(op->call, TTRPC_NOT_FOUND, "process already finished");
	else if (rc < 0)
		ttrpc_fail(op->call, TTRPC_UNKNOWN, "send signal %u: %s", r->signal, strerror(-rc));
	else
		task_reply_empty(op->call);
	operation_end(op);
}

static void begin_kill(struct operation *op)
{
	struct process *p = op->process;

	if (*p->id) {
		kill_exec(op);
	} else if (p->state == PROCESS_STOPPED || p->ended) {
		ttrpc_fail(op->call, TTRPC_NOT_FOUND, "process already finished");
		operation_end(op);
	} else if (!p->pid) {
		ttrpc_fail(op->call, TTRPC_FAILED_PRECONDITION, "process not created");
		operation_end(op);
	} else {
		run_kill(op);
	}
}

void task_kill(struct ttrpc_call *call, const void *request)
{
	const Pb__KillRequest *r = request;
	struct process *p = process_of_call(call, r->id, r->exec_id);

	if (!p)
		return;
	if (r->signal > (uint32_t)SIGRTMAX)
		ttrpc_fail(call, TTRPC_INVALID_ARGUMENT, "there is no signal %u", r->signal);
	else
		operation_queue(p, call, r, begin_kill);
}

/* --- Delete --- */

static void fill_deleted(Pb__DeleteResponse *response, Pb__Timestamp *at, const struct process *p)
{
	message_timestamp(at, &p->ended_at);
	response->pid = (uint32_t)p->pid;
	response->exit_status = p->exit_code;
	response->exited_at = at;
}

static void publish_delete(const struct process *p)
{
	Pb__TaskDelete event = PB__TASK_DELETE__INIT;
	Pb__Timestamp at;

	message_timestamp(&at, &p->ended_at);
	event.container_id = message_string(p->container->id);
	event.pid = (uint32_t)p->pid;
	event.exit_status = p->exit_code;
	event.exited_at = &at;
	events_publish("/tasks/delete", "containerd.events.TaskDelete", &event.base);
}

static void exec_drained(void *arg)
{
	struct operation *op = arg;
	struct process *p = op->process;
	Pb__DeleteResponse response = PB__DELETE_RESPONSE__INIT;
	Pb__Timestamp at;

	fill_deleted(&response, &at, p);
	ttrpc_reply(op->call, &response.base);
	operation_end_last(op);
	process_remove_exec(p);
}

static void delete_exec(struct operation *op)
{
	struct process *p = op->process;

	if (p->pid && p->state != PROCESS_STOPPED) {
		ttrpc_fail(op->call, TTRPC_FAILED_PRECONDITION, "cannot delete a running process");
		operation_end(op);
		return;
	}
	stdio_drain(&p->io, exec_drained, op);
}

static void finish_delete(struct operation *op)
{
	struct process *p = op->process;
	struct container *c = p->container;
	Pb__DeleteResponse response = PB__DELETE_RESPONSE__INIT;
	struct err err = ERR_INIT;
	Pb__Timestamp at;

	if (c->mounted && rootfs_unmount(c->bundle, &err) < 0)
		log_warn("container %s: %s", c->id, err.msg);
	runtime_forget(c->bundle);
	publish_delete(p);
	fill_deleted(&response, &at, p);
	ttrpc_reply(op->call, &response.base);
	operation_end_last(op);
	container_destroy(c);
}

static void on_deleted(void *arg, const struct runtime_result *result)
{
	struct operation *op = arg;

	if (!result->ok && !tells_of_end(result->message)) {
		task_fail_runtime(op->call, "delete", result);
		operation_end(op);
		return;
	}
	finish_delete(op);
}

static void run_delete(void *arg)
{
	struct operation *op = arg;
	struct container *c = op->process->container;
	const char *args[] = {"delete", c->id, NULL};

	oom_unwatch(&c->oom);
	if (!task_run(op, args, NULL, on_deleted))
		operation_end(op);
}

/* One that waits for its start is ended first, and its end is told like any other. */
static void end_created(struct operation *op);

static void begin_delete(struct operation *op)
{
	struct process *p = op->process;

	if (*p->id)
		delete_exec(op);
	else if (p->state == PROCESS_STOPPED)
		stdio_drain(&p->io, run_delete, op);
	else if (p->state == PROCESS_CREATED && !p->pid)
		finish_delete(op);
	else if (p->state == PROCESS_CREATED)
		end_created(op);
	else {
		ttrpc_fail(op->call, TTRPC_FAILED_PRECONDITION, "cannot delete a running process");
		operation_end(op);
	}
}

static void on_ended(void *arg, const struct runtime_result *result)
{
	struct operation *op = arg;

	if (!result->ok && !tells_of_end(result->message)) {
		task_fail_runtime(op->call, "kill", result);
		operation_end(op);
		return;
	}
	process_when_stopped(op, begin_delete);
}

static void end_created(struct operation *op)
{
	const char *args[] = {"kill", op->process->container->id, "9", NULL};

	if (!task_run(op, args, NULL, on_ended))
		operation_end(op);
}

void task_delete(struct ttrpc_call *call, const void *request)
{
	const Pb__ProcessRequest *r = request;
	struct process *p = process_of_call(call, r->id, r->exec_id);

	if (p)
		operation_queue(p, call, r, begin_delete);
}
