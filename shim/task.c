/* SPDX-License-Identifier: Apache-2.0 */
/* The table of calls, and those that only ask. */
#include "shim/task.h"

#include <errno.h>
#include <unistd.h>

#include "runtime/base/arena.h"
#include "runtime/base/buf.h"
#include "runtime/base/json.h"
#include "runtime/base/paths.h"
#include "shim/container.h"
#include "shim/events.h"
#include "shim/message.h"
#include "shim/metrics.h"
#include "shim/proto/options.pb-c.h"
#include "shim/sandbox.h"
#include "shim/task_priv.h"

/* Processes of one container that Pids tells of. */
#define PIDS_MAX 65536

const char *task_namespace;
static void (*quit_shim)(void);

void task_setup(const char *namespace, void (*quit)(void))
{
	task_namespace = namespace;
	quit_shim = quit;
}

void task_reply_empty(struct ttrpc_call *call)
{
	Pb__Empty empty = PB__EMPTY__INIT;

	ttrpc_reply(call, &empty.base);
}

bool task_run(struct operation *op, const char *const *args, const int *fds, runtime_done_fn *done)
{
	struct err err = ERR_INIT;

	if (runtime_run(&op->process->container->runtime, args, fds, done, op, &err) == 0)
		return true;
	ttrpc_fail(op->call, err.code == ENOENT ? TTRPC_NOT_FOUND : TTRPC_UNKNOWN,
		"OCI runtime %s failed: %s", args[0], err.msg);
	return false;
}

void task_fail_runtime(
	struct ttrpc_call *call, const char *what, const struct runtime_result *result)
{
	ttrpc_fail(call, TTRPC_UNKNOWN, "OCI runtime %s failed: %s", what, result->message);
}

bool task_check_id(struct ttrpc_call *call, const char *what, const char *id)
{
	if (paths_id_is_valid(id))
		return true;
	ttrpc_fail(call, TTRPC_INVALID_ARGUMENT,
		"the id of the %s '%s' is not made of 1 to %d letters, digits and '_+-.'", what, id,
		PATHS_ID_MAX);
	return false;
}

bool task_must_run(struct operation *op)
{
	if (process_is_alive(op->process))
		return true;
	ttrpc_fail(op->call, TTRPC_FAILED_PRECONDITION, "container %s is not running",
		op->process->container->id);
	operation_end(op);
	return false;
}

/* --- State, Wait, Connect --- */

static Pb__TaskStatus status_of(const struct process *p)
{
	const struct container *c = p->container;

	switch (p->state) {
	case PROCESS_CREATED: return PB__TASK_STATUS__TASK_CREATED;
	case PROCESS_RUNNING:
		if (p == &c->init && c->paused)
			return PB__TASK_STATUS__TASK_PAUSED;
		if (p == &c->init && c->pausing)
			return PB__TASK_STATUS__TASK_PAUSING;
		return PB__TASK_STATUS__TASK_RUNNING;
	case PROCESS_STOPPED: return PB__TASK_STATUS__TASK_STOPPED;
	default:
		/* Of Exec, not started: clients ask for "created". */
		return PB__TASK_STATUS__TASK_CREATED;
	}
}

static void task_state(struct ttrpc_call *call, const void *request)
{
	const Pb__ProcessRequest *r = request;
	struct process *p = process_of_call(call, r->id, r->exec_id);
	Pb__StateResponse response = PB__STATE_RESPONSE__INIT;
	Pb__Timestamp at;

	if (!p)
		return;
	message_timestamp(&at, &p->ended_at);
	response.id = message_string(p->container->id);
	response.bundle = message_string(p->container->bundle);
	response.exec_id = message_string(p->id);
	response.pid = (uint32_t)p->pid;
	response.status = status_of(p);
	response.stdin = message_string(p->io.paths[STDIO_IN]);
	response.stdout = message_string(p->io.paths[STDIO_OUT]);
	response.stderr = message_string(p->io.paths[STDIO_ERR]);
	response.terminal = p->io.terminal;
	response.exited_at = &at;
	if (p->state == PROCESS_STOPPED)
		response.exit_status = p->exit_code;
	ttrpc_reply(call, &response.base);
}

static void task_wait(struct ttrpc_call *call, const void *request)
{
	const Pb__ProcessRequest *r = request;
	struct process *p = process_of_call(call, r->id, r->exec_id);

	if (p)
		process_wait(p, call);
}

static void task_connect(struct ttrpc_call *call, const void *request)
{
	const Pb__ContainerRequest *r = request;
	Pb__ConnectResponse response = PB__CONNECT_RESPONSE__INIT;
	const struct container *c = container_find(r->id);

	/* The shim answers also when it has no such container: that is how it is found alive. */
	response.shim_pid = (uint32_t)getpid();
	response.task_pid = c ? (uint32_t)c->init.pid : 0;
	response.version = message_string(TURF_VERSION);
	ttrpc_reply(call, &response.base);
}

/* --- ResizePty, CloseIO --- */

static void task_resize_pty(struct ttrpc_call *call, const void *request)
{
	const Pb__ResizePtyRequest *r = request;
	struct process *p = process_of_call(call, r->id, r->exec_id);
	int rc;

	if (!p)
		return;
	if (r->width > UINT16_MAX || r->height > UINT16_MAX) {
		ttrpc_fail(call, TTRPC_INVALID_ARGUMENT, "a terminal has no %u columns, %u rows",
			r->width, r->height);
		return;
	}
	rc = stdio_resize(&p->io, r->width, r->height);
	/* One that has just ended, or has no terminal, needs no size. */
	if (rc < 0 && rc != -ENOTTY && rc != -EIO)
		ttrpc_fail(call, TTRPC_UNKNOWN, "resize the terminal: %s", strerror(-rc));
	else
		task_reply_empty(call);
}

static void task_close_io(struct ttrpc_call *call, const void *request)
{
	const Pb__CloseIORequest *r = request;
	struct process *p = process_of_call(call, r->id, r->exec_id);

	if (!p)
		return;
	if (r->stdin)
		stdio_close_input(&p->io);
	task_reply_empty(call);
}

/* --- Pids --- */

static const char *exec_of_pid(const struct container *c, uint32_t pid)
{
	for (const struct process *p = c->execs; p; p = p->next)
		if (p->pid == (pid_t)pid && p->state == PROCESS_RUNNING)
			return p->id;
	return NULL;
}

static int add_pid(Pb__PidsResponse *response, const struct container *c, uint32_t pid,
	struct arena *a, struct err *err)
{
	Pb__ProcessInfo *info = arena_alloc(a, sizeof(*info));
	Pb__ProcessDetails details = PB__PROCESS_DETAILS__INIT;
	const char *exec_id = exec_of_pid(c, pid);
	struct buf *scratch;

	if (!info)
		return err_oom(err);
	pb__process_info__init(info);
	info->pid = pid;
	response->processes[response->n_processes++] = info;
	if (!exec_id)
		return 0;
	details.exec_id = message_string(exec_id);
	info->info = arena_alloc(a, sizeof(*info->info));
	scratch = &(struct buf)BUF_INIT;
	if (!info->info)
		return err_oom(err);
	message_write_any(info->info, "containerd.runc.v1.ProcessDetails", &details.base, scratch);
	info->info->value.data =
		(uint8_t *)arena_strndup(a, scratch->data ? scratch->data : "", scratch->len);
	buf_finish(scratch);
	return info->info->value.data ? 0 : err_oom(err);
}

static int read_pids(Pb__PidsResponse *response, const struct container *c, const char *text,
	struct arena *a, struct err *err)
{
	_cleanup_json_ struct json_doc *doc = NULL;
	uint32_t pid;

	if (json_parse(text, strlen(text), &doc, err) < 0 || json_is_array(json_root(doc), err) < 0)
		return -err->code;
	if (json_count(json_root(doc)) > PIDS_MAX)
		return err_say(err, E2BIG, "more than %d processes", PIDS_MAX);
	response->processes =
		arena_calloc(a, json_count(json_root(doc)), sizeof(*response->processes));
	if (!response->processes)
		return err_oom(err);
	json_for_each (n, json_root(doc))
		if (json_to_u32(n, &pid, err) < 0 || add_pid(response, c, pid, a, err) < 0)
			return -err->code;
	return 0;
}

static void on_pids(void *arg, const struct runtime_result *result)
{
	struct operation *op = arg;
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	Pb__PidsResponse response = PB__PIDS_RESPONSE__INIT;
	struct err err = ERR_INIT;

	if (!result->ok)
		task_fail_runtime(op->call, "ps", result);
	else if (read_pids(&response, op->process->container, result->output, &arena, &err) < 0)
		ttrpc_fail(op->call, TTRPC_UNKNOWN, "list of processes: %s", err.msg);
	else
		ttrpc_reply(op->call, &response.base);
	operation_end(op);
}

/*
 * One that has ended keeps its pid in the list until it is deleted: containerd, when it
 * starts anew, takes an empty list for a shim that it has forgotten, and the exit were lost.
 */
static void reply_ended_pid(struct ttrpc_call *call, const struct process *p)
{
	Pb__PidsResponse response = PB__PIDS_RESPONSE__INIT;
	Pb__ProcessInfo info = PB__PROCESS_INFO__INIT;
	Pb__ProcessInfo *list[] = {&info};

	info.pid = (uint32_t)p->pid;
	response.processes = list;
	response.n_processes = 1;
	ttrpc_reply(call, &response.base);
}

static void run_pids(struct operation *op)
{
	const char *args[] = {"ps", "--format", "json", op->process->container->id, NULL};

	if (process_is_alive(op->process) && task_run(op, args, NULL, on_pids))
		return;
	if (!process_is_alive(op->process))
		reply_ended_pid(op->call, op->process);
	operation_end(op);
}

static void task_pids(struct ttrpc_call *call, const void *request)
{
	const Pb__ContainerRequest *r = request;
	struct process *p = process_of_call(call, r->id, "");

	if (p)
		operation_queue(p, call, r, run_pids);
}

/* --- Stats --- */

static void task_stats(struct ttrpc_call *call, const void *request)
{
	const Pb__ContainerRequest *r = request;
	struct process *p = process_of_call(call, r->id, "");
	Pb__StatsResponse response = PB__STATS_RESPONSE__INIT;
	_cleanup_buf_ struct buf scratch = BUF_INIT;
	struct err err = ERR_INIT;
	Pb__Any stats;

	if (!p)
		return;
	if (metrics_read(p->container->cgroups, &stats, &scratch, &err) < 0) {
		ttrpc_fail(call, err.code == ENOENT ? TTRPC_NOT_FOUND : TTRPC_UNKNOWN,
			"container %s: %s", r->id, err.msg);
		return;
	}
	response.stats = &stats;
	ttrpc_reply(call, &response.base);
}

/* --- Shutdown --- */

struct shutdown {
	struct shutdown *next;
	struct ttrpc_call *call;
	bool now;
};

static struct shutdown *shutdowns; /* wait for the last events to be taken */

/*
 * A container that came meanwhile keeps the shim. Its socket is gone before anybody hears
 * of the end, or who starts the next one would still find it.
 */
static void on_flushed(void *arg)
{
	bool end = container_count() == 0;
	struct shutdown *s;

	for (s = shutdowns; s; s = s->next)
		end = end || s->now;
	if (end)
		quit_shim();
	while ((s = shutdowns)) {
		shutdowns = s->next;
		task_reply_empty(s->call);
		free(s);
	}
}

static void task_shutdown(struct ttrpc_call *call, const void *request)
{
	const Pb__ShutdownRequest *r = request;
	struct shutdown *s;

	if ((container_count() > 0 || sandbox_exists()) && !r->now) {
		task_reply_empty(call);
		return;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		ttrpc_fail(call, TTRPC_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	*s = (struct shutdown){shutdowns, call, r->now};
	shutdowns = s;
	if (!s->next)
		events_flush(TASK_FLUSH_MS, on_flushed, NULL);
}

static const struct ttrpc_method methods[] = {
	{"State", &pb__process_request__descriptor, task_state},
	{"Create", &pb__create_request__descriptor, task_create},
	{"Start", &pb__process_request__descriptor, task_start},
	{"Delete", &pb__process_request__descriptor, task_delete},
	{"Pids", &pb__container_request__descriptor, task_pids},
	{"Pause", &pb__container_request__descriptor, task_pause},
	{"Resume", &pb__container_request__descriptor, task_resume},
	{"Checkpoint", &pb__checkpoint_request__descriptor, task_checkpoint},
	{"Kill", &pb__kill_request__descriptor, task_kill},
	{"Exec", &pb__exec_request__descriptor, task_exec},
	{"ResizePty", &pb__resize_pty_request__descriptor, task_resize_pty},
	{"CloseIO", &pb__close_iorequest__descriptor, task_close_io},
	{"Update", &pb__update_request__descriptor, task_update},
	{"Wait", &pb__process_request__descriptor, task_wait},
	{"Stats", &pb__container_request__descriptor, task_stats},
	{"Connect", &pb__container_request__descriptor, task_connect},
	{"Shutdown", &pb__shutdown_request__descriptor, task_shutdown},
};

const struct ttrpc_service task_service_v2 = {
	"containerd.task.v2.Task", methods, ARRAY_SIZE(methods)};
const struct ttrpc_service task_service_v3 = {
	"containerd.task.v3.Task", methods, ARRAY_SIZE(methods)};
