/* SPDX-License-Identifier: Apache-2.0 */
/* Pause, Resume, Update. */
#include <stdio.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "shim/events.h"
#include "shim/message.h"
#include "shim/proto/events.pb-c.h"
#include "shim/task_priv.h"

static void publish(const struct container *c, const char *topic, const char *type)
{
	Pb__TaskEvent event = PB__TASK_EVENT__INIT;

	event.container_id = message_string(c->id);
	events_publish(topic, type, &event.base);
}

/* --- Pause, Resume --- */

static void on_paused(void *arg, const struct runtime_result *result)
{
	struct operation *op = arg;
	struct container *c = op->process->container;

	c->pausing = false;
	if (!result->ok) {
		task_fail_runtime(op->call, "pause", result);
	} else {
		c->paused = true;
		publish(c, "/tasks/paused", "containerd.events.TaskPaused");
		task_reply_empty(op->call);
	}
	operation_end(op);
}

static void run_pause(struct operation *op)
{
	struct container *c = op->process->container;
	const char *args[] = {"pause", c->id, NULL};

	if (!task_must_run(op))
		return;
	c->pausing = true;
	if (!task_run(op, args, NULL, on_paused)) {
		c->pausing = false;
		operation_end(op);
	}
}

static void on_resumed(void *arg, const struct runtime_result *result)
{
	struct operation *op = arg;
	struct container *c = op->process->container;

	if (!result->ok) {
		task_fail_runtime(op->call, "resume", result);
	} else {
		c->paused = false;
		publish(c, "/tasks/resumed", "containerd.events.TaskResumed");
		task_reply_empty(op->call);
	}
	operation_end(op);
}

static void run_resume(struct operation *op)
{
	const char *args[] = {"resume", op->process->container->id, NULL};

	if (task_must_run(op) && !task_run(op, args, NULL, on_resumed))
		operation_end(op);
}

static void queue_for_container(
	struct ttrpc_call *call, const Pb__ContainerRequest *r, operation_fn *run)
{
	struct process *p = process_of_call(call, r->id, "");

	if (p)
		operation_queue(p, call, r, run);
}

void task_pause(struct ttrpc_call *call, const void *request)
{
	queue_for_container(call, request, run_pause);
}

void task_resume(struct ttrpc_call *call, const void *request)
{
	queue_for_container(call, request, run_resume);
}

/* --- Update --- */

struct update {
	struct operation *op;
	int resources; /* a memfd, which the runtime opens by its path */
};

static void on_updated(void *arg, const struct runtime_result *result)
{
	struct update *u = arg;
	struct operation *op = u->op;

	fd_close(&u->resources);
	free(u);
	if (result->ok)
		task_reply_empty(op->call);
	else
		task_fail_runtime(op->call, "update", result);
	operation_end(op);
}

static void run_update(struct operation *op)
{
	const Pb__UpdateRequest *r = op->request;
	struct container *c = op->process->container;
	const char *args[] = {"update", "--resources", NULL, c->id, NULL};
	struct update *u = calloc(1, sizeof(*u));
	struct err err = ERR_INIT;
	char path[64];

	if (!u) {
		ttrpc_fail(op->call, TTRPC_RESOURCE_EXHAUSTED, "out of memory");
		operation_end(op);
		return;
	}
	u->op = op;
	u->resources = memfd_sealed(
		"resources.json", r->resources->value.data, r->resources->value.len, &err);
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), u->resources);
	args[2] = path;
	if (u->resources >= 0 && runtime_run(&c->runtime, args, NULL, on_updated, u, &err) == 0)
		return;
	fd_close(&u->resources);
	free(u);
	ttrpc_fail(op->call, TTRPC_UNKNOWN, "OCI runtime update failed: %s", err.msg);
	operation_end(op);
}

void task_update(struct ttrpc_call *call, const void *request)
{
	const Pb__UpdateRequest *r = request;
	struct process *p = process_of_call(call, r->id, "");

	if (!p)
		return;
	if (!r->resources)
		ttrpc_fail(call, TTRPC_INVALID_ARGUMENT, "no resources are given");
	else if (!process_is_alive(p))
		ttrpc_fail(call, TTRPC_FAILED_PRECONDITION, "container %s is not running", r->id);
	else
		operation_queue(p, call, r, run_update);
}
