/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/control/worker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "runtime/base/proc.h"
#include "runtime/base/util.h"
#include "runtime/container.h"
#include "runtime/record.h"
#include "seed/noslated/control/crew.h"
#include "seed/noslated/control/maker.h"
#include "seed/noslated/control/worker_exit.h"
#include "seed/noslated/control/worker_log.h"
#include "seed/noslated/link.h"

#define container_of(p, type, member) ((type *)(void *)((char *)(p)-offsetof(type, member)))

struct worker {
	struct workers *all;
	struct worker *next, **prev;
	struct table_entry entry;
	char *name, *function, *bundle;
	char *id; /* of the container */
	unsigned long number;
	char socket[MAKER_SOCKET_MAX + 1];
	struct worker_output *output;
	void *owner;
	int pidfd; /* -1: it is being made */
	pid_t pid;
	bool stops;
	uint64_t grace_ms;
	enum stats_exit exit;
	uint64_t begun_ns, making_ns;
	uv_poll_t end;
	uv_timer_t kill;
	unsigned handles; /* that libuv has not closed yet */
};

/* --- coming and going --- */

static void worker_free(struct worker *w)
{
	worker_output_finish(w->output);
	fd_close(&w->pidfd);
	free(w->name);
	free(w->function);
	free(w->bundle);
	free(w->id);
	free(w);
}

static struct worker *worker_new(struct workers *all, const struct worker_spec *spec)
{
	struct worker *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	*w = (struct worker){.all = all,
		.name = strdup(spec->name),
		.function = strdup(spec->function),
		.bundle = strdup(spec->bundle),
		.owner = spec->owner,
		.pidfd = -1};
	if (w->name && w->function && w->bundle)
		return w;
	worker_free(w);
	return NULL;
}

static int enter(struct worker *w, struct err *err)
{
	struct workers *all = w->all;

	if (table_add(&all->by_name, &w->entry, w->name) < 0)
		return err_oom(err);
	w->next = all->first;
	w->prev = &all->first;
	if (w->next)
		w->next->prev = &w->next;
	all->first = w;
	all->n++;
	return 0;
}

static void leave(struct worker *w)
{
	table_remove(&w->all->by_name, &w->entry);
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->all->n--;
}

/* --- its end --- */

static void on_closed(uv_handle_t *h)
{
	struct worker *w = h->data;

	if (--w->handles == 0)
		worker_free(w);
}

/* Without memory for the order it stays until the next control plane looks. */
static void bury(const struct worker *w)
{
	if (crew_bury(w->all->crew, w->socket) < 0)
		log_error("worker '%s' is not buried: no memory", w->name);
}

static void on_end(uv_poll_t *h, int status UNUSED, int events UNUSED)
{
	struct worker *w = h->data;
	struct worker_output *output = take_ptr(&w->output);

	w->exit = w->stops ? STATS_EXIT_STOPPED : worker_exit_look(w->all->root, w->id);
	leave(w);
	worker_output_finish(output);
	bury(w);
	w->all->gone(w->all->arg, w, NULL);
	uv_close((uv_handle_t *)&w->end, on_closed);
	uv_close((uv_handle_t *)&w->kill, on_closed);
}

static void on_kill(uv_timer_t *h)
{
	const struct worker *w = h->data;

	(void)proc_pidfd_signal(w->pidfd, SIGKILL);
}

static void on_failed(struct worker *w, const char *why)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s" MAKER_PIPE, w->socket);
	(void)unlink(path);
	leave(w);
	w->all->gone(w->all->arg, w, why);
	worker_free(w);
}

static void begin_end(struct worker *w)
{
	(void)proc_pidfd_signal(w->pidfd, SIGTERM);
	uv_timer_start(&w->kill, on_kill, w->grace_ms, 0);
}

void worker_stop(struct worker *w, uint64_t grace_ms)
{
	w->stops = true;
	w->grace_ms = grace_ms;
	if (w->pidfd >= 0)
		begin_end(w);
	else if (crew_cancel(w->all->crew, w->name))
		on_failed(w, NULL);
}

/* --- its beginning --- */

static void watch(struct worker *w, int pidfd)
{
	uv_loop_t *loop = w->all->loop;

	w->pidfd = pidfd;
	w->pid = proc_pidfd_pid(pidfd);
	w->end.data = w->kill.data = w;
	w->handles = 2;
	uv_poll_init(loop, &w->end, pidfd);
	uv_poll_start(&w->end, UV_READABLE, on_end);
	uv_timer_init(loop, &w->kill);
}

void workers_made(struct workers *all, const char *name, int *pidfd)
{
	struct worker *w = worker_find(all, name);

	if (!w)
		return;
	watch(w, take_fd(pidfd));
	w->making_ns = uv_hrtime() - w->begun_ns;
	if (w->stops)
		begin_end(w);
	else
		all->ready(all->arg, w);
}

void workers_failed(struct workers *all, const char *name, const char *why)
{
	struct worker *w = worker_find(all, name);

	if (w)
		on_failed(w, why);
}

static int order(struct worker *w, const char *tenant, struct err *err)
{
	const struct link_message m = {.kind = "make",
		.worker = w->name,
		.function = w->function,
		.id = w->id,
		.bundle = w->bundle,
		.tenant = tenant,
		.socket = w->socket};

	return crew_make(w->all->crew, &m) < 0 ? err_oom(err) : 0;
}

static int open_output(struct worker *w, struct worker_log *log, struct err *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s" MAKER_PIPE, w->socket);
	return worker_log_open(log, w->name, path, &w->output, err);
}

int worker_start(struct workers *all, const struct worker_spec *spec, struct err *err)
{
	struct worker *w = worker_new(all, spec);

	if (!w)
		return err_oom(err);
	w->number = all->n_sockets++;
	snprintf(w->socket, sizeof(w->socket), "%s/%lu", all->sockets, w->number);
	w->begun_ns = uv_hrtime();
	/* Another container than that of a worker of this name that a killed maker has left. */
	if (asprintf(&w->id, "%s.%s.%lu", w->function, w->name, w->number) < 0)
		w->id = NULL;
	if (!w->id) {
		worker_free(w);
		return err_oom(err);
	}
	if (open_output(w, spec->log, err) < 0 || enter(w, err) < 0) {
		worker_free(w);
		return err_wrap(err, "worker '%s'", spec->name);
	}
	if (order(w, spec->tenant, err) == 0)
		return 0;
	leave(w);
	worker_free(w);
	return err_wrap(err, "worker '%s'", spec->name);
}

/* --- those of before --- */

/* A pidfd of the container's process; -1 when there is none that lives. */
static int find_process(const struct workers *all, const char *id)
{
	_cleanup_(container_close) struct container c = CONTAINER_INIT;
	_cleanup_record_ struct record record = {0};
	struct err err = ERR_INIT;
	int fd;

	if (container_open(all->root, id, &c, &err) < 0 ||
		container_record(&c, &record, &err) < 0 ||
		container_status(&c, &record) != OCI_STATUS_RUNNING)
		return -1;
	fd = proc_open(&record.init, &err);
	return fd < 0 ? -1 : fd;
}

/* True when it lives and is ours from now on. */
static bool adopt(struct workers *all, const struct link_message *o, struct worker_log *log)
{
	const struct worker_spec spec = {
		.name = o->worker, .function = o->function, .bundle = o->bundle};
	int pidfd = find_process(all, o->id);
	struct worker *w = pidfd < 0 ? NULL : worker_new(all, &spec);
	struct err err = ERR_INIT;

	if (!w) {
		fd_close(&pidfd);
		return false;
	}
	snprintf(w->socket, sizeof(w->socket), "%s", o->socket);
	w->id = strdup(o->id);
	if (!w->id || open_output(w, log, &err) < 0 || enter(w, &err) < 0) {
		log_error("worker '%s' is given up: %s", w->name, err.msg);
		fd_close(&pidfd);
		worker_free(w);
		return false;
	}
	watch(w, pidfd);
	return true;
}

struct adoption {
	struct worker_log *(*log)(void *arg, const char *function, const char *bundle);
	void *arg;
};

static void look_at(struct workers *all, const char *name, const struct adoption *how)
{
	_cleanup_json_ struct json_doc *doc = NULL;
	_cleanup_free_ char *text = NULL, *socket = NULL;
	struct link_message o = {0};
	struct worker_log *log;
	char path[PATH_MAX];
	struct err err = ERR_INIT;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", all->sockets, name);
	socket = strndup(path, strlen(path) - strlen(MAKER_ORDER));
	if (!socket)
		return;
	if (file_read(AT_FDCWD, path, LINK_PACKET_MAX, &text, &len, &err) == 0 &&
		link_read(text, len, &doc, &o, &err) == 0 && o.worker && o.function && o.bundle &&
		o.id && o.socket && streq(o.socket, socket) && !worker_find(all, o.worker)) {
		log = how->log(how->arg, o.function, o.bundle);
		if (log && adopt(all, &o, log))
			return;
	}
	if (crew_bury(all->crew, socket) < 0)
		log_error("'%s' is not buried: no memory", socket);
}

/* What has no order: whoever made it was killed at that. */
static void forget_strays(const struct workers *all)
{
	DIR *dir = opendir(all->sockets);
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		char path[PATH_MAX];

		snprintf(path, sizeof(path), "%lu" MAKER_ORDER, strtoul(entry->d_name, NULL, 10));
		if (*entry->d_name != '.' && faccessat(dirfd(dir), path, F_OK, 0) < 0)
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
	}
	if (dir)
		closedir(dir);
}

static bool ends_in(const char *name, const char *end)
{
	const size_t n = strlen(name), m = strlen(end);

	return n > m && streq(name + n - m, end);
}

int workers_adopt(struct workers *all,
	struct worker_log *(*log)(void *arg, const char *function, const char *bundle), void *arg,
	struct err *err)
{
	const struct adoption how = {log, arg};
	DIR *dir = opendir(all->sockets);
	struct dirent *entry;

	if (!dir)
		return err_set(err, errno, "open '%s'", all->sockets);
	while ((entry = readdir(dir))) {
		const unsigned long number = strtoul(entry->d_name, NULL, 10);

		if (*entry->d_name != '.' && number >= all->n_sockets)
			all->n_sockets = number + 1;
		if (ends_in(entry->d_name, MAKER_ORDER))
			look_at(all, entry->d_name, &how);
	}
	closedir(dir);
	forget_strays(all);
	return 0;
}

void workers_leave(struct workers *all)
{
	while (all->first) {
		struct worker *w = all->first;
		struct worker_output *output = take_ptr(&w->output);

		leave(w);
		worker_output_finish(output);
		if (w->handles == 0) {
			worker_free(w);
			continue;
		}
		uv_close((uv_handle_t *)&w->end, on_closed);
		uv_close((uv_handle_t *)&w->kill, on_closed);
	}
	table_finish(&all->by_name);
}

/* --- what there is --- */

struct worker *worker_find(const struct workers *all, const char *name)
{
	struct table_entry *e = table_find(&all->by_name, name, strlen(name));

	return e ? container_of(e, struct worker, entry) : NULL;
}

enum stats_exit worker_exit(const struct worker *w)
{
	return w->exit;
}

const char *worker_name(const struct worker *w)
{
	return w->name;
}

const char *worker_function(const struct worker *w)
{
	return w->function;
}

const char *worker_bundle(const struct worker *w)
{
	return w->bundle;
}

const char *worker_socket(const struct worker *w)
{
	return w->socket;
}

pid_t worker_pid(const struct worker *w)
{
	return w->pid;
}

uint64_t worker_making_ns(const struct worker *w)
{
	return w->making_ns;
}

bool worker_is_ready(const struct worker *w)
{
	return w->pidfd >= 0 && !w->stops;
}

void *worker_owner(const struct worker *w)
{
	return w->owner;
}

void worker_set_owner(struct worker *w, void *owner)
{
	w->owner = owner;
}

bool worker_is_stopping(const struct worker *w)
{
	return w->stops;
}

struct worker *worker_next(const struct worker *w)
{
	return w->next;
}
