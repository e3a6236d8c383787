/* SPDX-License-Identifier: Apache-2.0 */
/* Create: root file system, standard input and output, then the runtime's `create`. */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>

#include "runtime/base/arena.h"
#include "runtime/base/log.h"
#include "shim/bundle.h"
#include "shim/cgroup.h"
#include "shim/events.h"
#include "shim/message.h"
#include "shim/oom.h"
#include "shim/proto/events.pb-c.h"
#include "shim/rootfs.h"
#include "shim/settings.h"
#include "shim/task_priv.h"

#define PID_FILE "init.pid"

int task_pid_file(char **ret, const struct container *c, struct err *err)
{
	return asprintf(ret, "%s/" PID_FILE, c->bundle) < 0 ? err_oom(err) : 0;
}

/* Undoes what this call made, and answers it. */
static void create_failed(struct operation *op, enum ttrpc_code code, const char *why)
{
	struct container *c = op->process->container;
	struct err err = ERR_INIT;

	ttrpc_fail(op->call, code, "%s", why);
	operation_end_last(op);
	if (c->mounted && rootfs_unmount(c->bundle, &err) < 0)
		log_warn("container %s: %s", c->id, err.msg);
	container_destroy(c);
}

static void publish_create(const struct operation *op)
{
	const Pb__CreateRequest *r = op->request;
	Pb__TaskCreate event = PB__TASK_CREATE__INIT;
	Pb__TaskIO io = PB__TASK_IO__INIT;

	io.stdin = r->stdin;
	io.stdout = r->stdout;
	io.stderr = r->stderr;
	io.terminal = r->terminal;
	event.container_id = r->id;
	event.bundle = r->bundle;
	event.n_rootfs = r->n_rootfs;
	event.rootfs = r->rootfs;
	event.io = &io;
	event.checkpoint = r->checkpoint;
	event.pid = (uint32_t)op->process->pid;
	events_publish("/tasks/create", "containerd.events.TaskCreate", &event.base);
}

static void created(struct operation *op)
{
	Pb__PidResponse response = PB__PID_RESPONSE__INIT;

	op->process->state = PROCESS_CREATED;
	publish_create(op);
	response.pid = (uint32_t)op->process->pid;
	ttrpc_reply(op->call, &response.base);
	operation_end(op);
	/* A bundle's configuration needs much memory for a moment. */
	malloc_trim(0);
}

int task_take_over(struct process *p, struct err *err)
{
	struct container *c = p->container;
	_cleanup_free_ char *file = NULL;
	int pid;

	if (task_pid_file(&file, c, err) < 0 || bundle_take_pid(file, &pid, err) < 0 ||
		stdio_started(&p->io, err) < 0)
		return -err->code;
	/* A start from a checkpoint may be the second one. */
	oom_unwatch(&c->oom);
	free(c->cgroups);
	c->cgroups = cgroup_of(pid);
	c->oom = oom_watch(c->id, c->cgroups);
	return process_watch(p, pid, err);
}

struct removal {
	struct operation *op;
	void (*then)(struct operation *op, const struct err *why);
	struct err why;
};

static void on_removed(void *arg, const struct runtime_result *result)
{
	struct removal *removal = arg;

	removal->then(removal->op, &removal->why);
	free(removal);
}

void task_remove_again(struct operation *op, const struct err *why,
	void (*then)(struct operation *op, const struct err *why))
{
	struct container *c = op->process->container;
	const char *args[] = {"delete", "--force", c->id, NULL};
	struct removal *removal = malloc(sizeof(*removal));
	struct err err = ERR_INIT;

	if (removal) {
		*removal = (struct removal){op, then, *why};
		if (runtime_run(&c->runtime, args, NULL, on_removed, removal, &err) == 0)
			return;
	}
	free(removal);
	then(op, why);
}

static void not_taken_over(struct operation *op, const struct err *why)
{
	create_failed(op, TTRPC_UNKNOWN, why->msg);
}

static void on_created(void *arg, const struct runtime_result *result)
{
	struct operation *op = arg;
	struct err err = ERR_INIT;
	char why[4096 + 64];

	if (!result->ok) {
		snprintf(why, sizeof(why), "OCI runtime create failed: %s", result->message);
		create_failed(op, TTRPC_UNKNOWN, why);
		return;
	}
	if (task_take_over(op->process, &err) < 0)
		task_remove_again(op, &err, not_taken_over);
	else
		created(op);
}

static void run_create(struct operation *op)
{
	struct process *p = op->process;
	struct container *c = p->container;
	const char *args[RUNTIME_ARGS_MAX];
	_cleanup_free_ char *file = NULL;
	struct err err = ERR_INIT;
	size_t n = 0;

	if (task_pid_file(&file, c, &err) < 0) {
		create_failed(op, TTRPC_RESOURCE_EXHAUSTED, err.msg);
		return;
	}
	args[n++] = "create";
	args[n++] = "--bundle";
	args[n++] = c->bundle;
	args[n++] = "--pid-file";
	args[n++] = file;
	if (c->runtime.turf)
		args[n++] = "--exit-file";
	if (c->runtime.no_pivot_root)
		args[n++] = "--no-pivot";
	if (c->runtime.no_new_keyring)
		args[n++] = "--no-new-keyring";
	if (p->io.terminal) {
		args[n++] = "--console-socket";
		args[n++] = stdio_console_socket(&p->io);
	}
	args[n++] = c->id;
	args[n] = NULL;
	if (runtime_run(&c->runtime, args, p->io.give, on_created, op, &err) < 0) {
		err_wrap(&err, "OCI runtime create failed");
		create_failed(op, err.code == ENOENT ? TTRPC_NOT_FOUND : TTRPC_UNKNOWN, err.msg);
	}
}

static void on_opened(void *arg, const struct err *err)
{
	struct operation *op = arg;

	if (err->code)
		create_failed(op, err->code == ENOENT ? TTRPC_NOT_FOUND : TTRPC_UNKNOWN, err->msg);
	else
		run_create(op);
}

/* A container that is restored has no process before it starts. */
static void create_from_checkpoint(struct operation *op)
{
	const Pb__CreateRequest *r = op->request;
	struct container *c = op->process->container;

	c->checkpoint = strdup(r->checkpoint);
	if (!c->checkpoint)
		create_failed(op, TTRPC_RESOURCE_EXHAUSTED, "out of memory");
	else
		created(op);
}

static int prepare(struct operation *op, struct err *err)
{
	const Pb__CreateRequest *r = op->request;
	struct container *c = op->process->container;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	Pb__RuncOptions *options;
	struct bundle bundle;

	if (bundle_read(c->bundle, &bundle, err) < 0)
		return -err->code;
	c->own_pids = bundle.own_pids;
	bundle_finish(&bundle);
	if (settings_read(r->options, &arena, &options, err) < 0 ||
		runtime_init(&c->runtime, options, task_namespace, err) < 0 ||
		runtime_save(&c->runtime, c->bundle, err) < 0)
		return -err->code;
	stdio_finish(&c->init.io);
	if (stdio_init(&c->init.io, r->stdin, r->stdout, r->stderr, r->terminal, err) < 0)
		return -err->code;
	if (r->n_rootfs == 0)
		return 0;
	if (rootfs_mount(c->bundle, r->rootfs, r->n_rootfs, err) < 0)
		return -err->code;
	c->mounted = true;
	return 0;
}

static void begin_create(struct operation *op)
{
	const Pb__CreateRequest *r = op->request;
	struct err err = ERR_INIT;

	op->process->making = true;
	if (prepare(op, &err) < 0)
		create_failed(
			op, err.code == EINVAL ? TTRPC_INVALID_ARGUMENT : TTRPC_UNKNOWN, err.msg);
	else if (*r->checkpoint)
		create_from_checkpoint(op);
	else
		stdio_open(&op->process->io, r->id, on_opened, op);
}

void task_create(struct ttrpc_call *call, const void *request)
{
	const Pb__CreateRequest *r = request;
	struct err err = ERR_INIT;
	struct container *c;

	if (!task_check_id(call, "container", r->id))
		return;
	if (r->bundle[0] != '/') {
		ttrpc_fail(call, TTRPC_INVALID_ARGUMENT, "the bundle '%s' is no absolute path",
			r->bundle);
		return;
	}
	c = container_create(r->id, r->bundle, &err);
	if (!c)
		ttrpc_fail(call,
			err.code == EEXIST ? TTRPC_ALREADY_EXISTS : TTRPC_RESOURCE_EXHAUSTED, "%s",
			err.msg);
	else
		operation_queue(&c->init, call, r, begin_create);
}
