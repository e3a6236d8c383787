/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/container.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>

#include "runtime/base/exit_file.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "shim/child.h"
#include "shim/events.h"
#include "shim/loop.h"
#include "shim/message.h"
#include "shim/oom.h"
#include "shim/proto/events.pb-c.h"
#include "shim/ttrpc_server.h"

/* The last pause between two looks for how a clone ended; together they are twice as long. */
#define EXIT_FILE_TIMEOUT_MS 1000

/* What is told of a process about which nothing can be found out. */
#define EXIT_CODE_UNKNOWN 255

static struct container *containers;
static size_t n_containers;

struct container *container_find(const char *id)
{
	for (struct container *c = containers; c; c = c->next)
		if (streq(c->id, id))
			return c;
	return NULL;
}

size_t container_count(void)
{
	return n_containers;
}

static int process_init(struct process *p, struct container *c, const char *id, struct err *err)
{
	p->container = c;
	p->end = &p->first;
	p->id = strdup(id);
	return p->id ? 0 : err_oom(err);
}

static void process_finish(struct process *p)
{
	struct waiter *w;

	while ((w = p->waiters)) {
		p->waiters = w->next;
		ttrpc_fail(w->call, TTRPC_NOT_FOUND, "process was deleted");
		free(w);
	}
	/* Those behind the one that removes the process. */
	while (p->first) {
		struct operation *op = p->first;

		p->first = op->next;
		ttrpc_fail(op->call, TTRPC_NOT_FOUND, "process was deleted");
		free(op);
	}
	child_drop(&p->child);
	timer_drop(&p->exit_timer);
	stdio_finish(&p->io);
	free_clear(&p->spec);
	free_clear(&p->id);
}

struct container *container_create(const char *id, const char *bundle, struct err *err)
{
	struct container *c;

	if (container_find(id)) {
		err_say(err, EEXIST, "container %s already exists", id);
		return NULL;
	}
	if (n_containers == CONTAINERS_MAX) {
		err_say(err, E2BIG, "this shim has %d containers already", CONTAINERS_MAX);
		return NULL;
	}
	c = calloc(1, sizeof(*c));
	if (c) {
		c->id = strdup(id);
		c->bundle = strdup(bundle);
	}
	/* First what makes the rest fit to be finished: zeros are descriptors. */
	if (!c || stdio_init(&c->init.io, NULL, NULL, NULL, false, err) < 0 ||
		process_init(&c->init, c, "", err) < 0 || !c->id || !c->bundle) {
		err_oom(err);
		if (c) {
			process_finish(&c->init);
			free(c->id);
			free(c->bundle);
		}
		free(c);
		return NULL;
	}
	c->next = containers;
	containers = c;
	n_containers++;
	return c;
}

void container_destroy(struct container *c)
{
	struct container **p = &containers;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	n_containers--;
	while (c->execs)
		process_remove_exec(c->execs);
	oom_unwatch(&c->oom);
	process_finish(&c->init);
	runtime_finish(&c->runtime);
	free(c->checkpoint);
	free(c->cgroups);
	free(c->id);
	free(c->bundle);
	free(c);
}

struct process *process_find(struct container *c, const char *exec_id)
{
	if (!*exec_id)
		return &c->init;
	for (struct process *p = c->execs; p; p = p->next)
		if (streq(p->id, exec_id))
			return p;
	return NULL;
}

struct process *process_add_exec(struct container *c, const char *exec_id, struct err *err)
{
	struct process *p;

	if (process_find(c, exec_id)) {
		err_say(err, EEXIST, "id %s already exists", exec_id);
		return NULL;
	}
	if (c->n_execs == EXECS_MAX) {
		err_say(err, E2BIG, "container %s has %d processes of exec already", c->id,
			EXECS_MAX);
		return NULL;
	}
	p = calloc(1, sizeof(*p));
	if (!p || process_init(p, c, exec_id, err) < 0) {
		err_oom(err);
		free(p);
		return NULL;
	}
	p->next = c->execs;
	c->execs = p;
	c->n_execs++;
	return p;
}

void process_remove_exec(struct process *p)
{
	struct container *c = p->container;
	struct process **q = &c->execs;

	while (*q != p)
		q = &(*q)->next;
	*q = p->next;
	c->n_execs--;
	process_finish(p);
	free(p);
}

struct process *process_of_call(struct ttrpc_call *call, const char *id, const char *exec_id)
{
	struct container *c = container_find(id);
	struct process *p = c ? process_find(c, exec_id) : NULL;

	if (!c)
		ttrpc_fail(call, TTRPC_NOT_FOUND, "container %s not found", id);
	else if (!p)
		ttrpc_fail(
			call, TTRPC_NOT_FOUND, "process %s of container %s not found", exec_id, id);
	return p;
}

/* --- operations --- */

static void run_next(struct process *p)
{
	if (p->busy || !p->first)
		return;
	p->busy = true;
	p->first->run(p->first);
}

void operation_queue(
	struct process *p, struct ttrpc_call *call, const void *request, operation_fn *run)
{
	struct operation *op = calloc(1, sizeof(*op));

	if (!op) {
		ttrpc_fail(call, TTRPC_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	*op = (struct operation){.run = run, .process = p, .call = call, .request = request};
	*p->end = op;
	p->end = &op->next;
	run_next(p);
}

void operation_end_last(struct operation *op)
{
	struct process *p = op->process;

	p->first = op->next;
	if (!p->first)
		p->end = &p->first;
	free(op);
	p->busy = p->making = false;
}

void operation_end(struct operation *op)
{
	struct process *p = op->process;

	operation_end_last(op);
	process_settle(p);
	run_next(p);
}

/* --- the end of processes --- */

bool process_is_alive(const struct process *p)
{
	return p->pid != 0 && !p->ended;
}

static bool others_are_left(const struct container *c)
{
	for (const struct process *p = c->execs; p; p = p->next)
		if (p->making || (p->pid != 0 && p->state != PROCESS_STOPPED))
			return true;
	return false;
}

static void publish_exit(const struct process *p)
{
	Pb__TaskExit event = PB__TASK_EXIT__INIT;
	Pb__Timestamp at;

	message_timestamp(&at, &p->ended_at);
	event.container_id = message_string(p->container->id);
	event.id = message_string(*p->id ? p->id : p->container->id);
	event.pid = (uint32_t)p->pid;
	event.exit_status = p->exit_code;
	event.exited_at = &at;
	events_publish("/tasks/exit", "containerd.events.TaskExit", &event.base);
}

static void answer_waiters(struct process *p)
{
	Pb__WaitResponse response = PB__WAIT_RESPONSE__INIT;
	Pb__Timestamp at;
	struct waiter *w;

	message_timestamp(&at, &p->ended_at);
	response.exit_status = p->exit_code;
	response.exited_at = &at;
	while ((w = p->waiters)) {
		p->waiters = w->next;
		ttrpc_reply(w->call, &response.base);
		free(w);
	}
}

static void on_others_killed(void *arg, const struct runtime_result *result)
{
	struct container *c = container_find(arg);

	free(arg);
	if (!c)
		return;
	if (!result->ok)
		log_debug("kill what is left of container %s: %s", c->id, result->message);
	c->killed_others = true;
	process_settle(&c->init);
}

/* False when nothing can be killed, and there is nothing to wait for. */
static bool kill_others(struct container *c)
{
	const char *args[] = {"kill", "--all", c->id, "9", NULL};
	char *id = strdup(c->id);
	struct err err = ERR_INIT;

	c->killing_others = true;
	if (id && runtime_run(&c->runtime, args, NULL, on_others_killed, id, &err) == 0)
		return true;
	log_warn("kill what is left of container %s: %s", c->id, err.msg);
	free(id);
	c->killed_others = true;
	return false;
}

static bool init_must_wait(struct container *c)
{
	if (!c->own_pids && !c->killed_others && (c->killing_others || kill_others(c)))
		return true;
	return others_are_left(c);
}

void process_settle(struct process *p)
{
	struct container *c = p->container;
	bool init = p == &c->init;

	if (!p->ended || p->making || p->state == PROCESS_STOPPED || (init && init_must_wait(c)))
		return;
	if (init)
		oom_check(c->oom);
	p->state = PROCESS_STOPPED;
	publish_exit(p);
	answer_waiters(p);
	if (!init)
		process_settle(&c->init);
	if (p->when_stopped)
		take_ptr (&p->when_stopped)(p->first);
}

void process_give_up(struct process *p)
{
	p->exit_code = EXIT_CODE_UNKNOWN;
	clock_gettime(CLOCK_REALTIME, &p->ended_at);
	p->state = PROCESS_STOPPED;
	stdio_close(&p->io);
	answer_waiters(p);
}

/* Clients that come and go leave theirs behind. */
static void drop_gone_waiters(struct process *p)
{
	struct waiter **at = &p->waiters;

	while (*at) {
		struct waiter *w = *at;

		if (!ttrpc_call_is_gone(w->call)) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		ttrpc_fail(w->call, TTRPC_UNAVAILABLE, "nobody waits");
		free(w);
	}
}

void process_wait(struct process *p, struct ttrpc_call *call)
{
	struct waiter *w = calloc(1, sizeof(*w));

	drop_gone_waiters(p);
	if (!w) {
		ttrpc_fail(call, TTRPC_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	*w = (struct waiter){p->waiters, call};
	p->waiters = w;
	if (p->state == PROCESS_STOPPED)
		answer_waiters(p);
}

void process_when_stopped(struct operation *op, operation_fn *then)
{
	if (op->process->state == PROCESS_STOPPED)
		then(op);
	else
		op->process->when_stopped = then;
}

static void process_ended(struct process *p)
{
	p->ended = true;
	process_settle(p);
}

static int read_exit_file(const struct process *p, struct exit_file *ret, struct err *err)
{
	const struct container *c = p->container;
	_cleanup_free_ char *dir = NULL;
	_cleanup_close_ int fd = -1;

	if (asprintf(&dir, "%s/%s", c->runtime.root, c->id) < 0)
		return err_oom(err);
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "open '%s'", dir);
	return exit_file_read(fd, ret, err);
}

/*
 * Of a process that is somebody else's child: a clone, whose keeper writes how it ended,
 * some time after its pidfd has told that it did.
 */
static void look_for_exit_file(void *arg)
{
	struct process *p = arg;
	struct err err = ERR_INIT;
	struct exit_file e;
	int r = read_exit_file(p, &e, &err);

	timer_drop(&p->exit_timer);
	if (r == 0) {
		p->exit_code = (uint32_t)exit_file_code(e.status);
		p->ended_at.tv_sec = e.ended_ns / 1000000000;
		p->ended_at.tv_nsec = e.ended_ns % 1000000000;
	} else if (p->exit_wait_ms < EXIT_FILE_TIMEOUT_MS) {
		p->exit_wait_ms = p->exit_wait_ms * 2 + 1;
		p->exit_timer = timer_start(p->exit_wait_ms, look_for_exit_file, p);
		if (p->exit_timer)
			return;
	}
	if (r < 0) {
		log_error("container %s: nobody tells how its process %d has ended: %s",
			p->container->id, (int)p->pid, err.msg);
		p->exit_code = EXIT_CODE_UNKNOWN;
	}
	process_ended(p);
}

static void on_end(void *arg, int status)
{
	struct process *p = arg;

	p->child = NULL;
	clock_gettime(CLOCK_REALTIME, &p->ended_at);
	if (status < 0) {
		look_for_exit_file(p);
		return;
	}
	p->exit_code = (uint32_t)exit_file_code(status);
	process_ended(p);
}

int process_watch(struct process *p, pid_t pid, struct err *err)
{
	p->child = child_watch(pid, on_end, p, err);
	if (p->child) {
		p->pid = pid;
		return 0;
	}
	if (err->code != ESRCH)
		return -err->code;
	/* A clone that has ended and was reaped already. */
	p->pid = pid;
	on_end(p, -1);
	return 0;
}
