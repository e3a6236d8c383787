/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/control/worker.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/proc.h"
#include "runtime/base/util.h"
#include "runtime/life.h"
#include "seed/noslated/control/undertaker.h"
#include "seed/noslated/control/worker_log.h"

/* Connections that wait for a worker whose code still starts. */
#define BACKLOG 511

/* How a worker's container is known after we were killed. */
#define NAME_SUFFIX ".name"

struct worker {
	struct workers *all;
	struct worker *next, **prev;
	char *name, *function;
	char *id; /* of the container */
	char socket[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	char note[sizeof(((struct sockaddr_un *)NULL)->sun_path) + sizeof(NAME_SUFFIX)];
	int pidfd;
	pid_t pid;
	bool child; /* ours to reap */
	uv_poll_t end;
	uv_timer_t kill;
	unsigned handles; /* that libuv has not closed yet */
};

/* --- the reserved descriptor --- */

int workers_reserve(struct err *err)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (fd < 0)
			return err_set(err, errno, "open '/dev/null'");
	} while (fd < WORKER_LISTEN_FD);
	if (fd > WORKER_LISTEN_FD)
		close(fd);
	return 0;
}

/* Nothing of ours is ever there when something is executed. */
static int lend(int fd, struct err *err)
{
	return dup2(fd, WORKER_LISTEN_FD) < 0 ? err_set(err, errno, "dup2") : 0;
}

static void take_back(void)
{
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		(void)dup3(fd, WORKER_LISTEN_FD, O_CLOEXEC);
	fd_close(&fd);
}

/* --- what was left behind --- */

int workers_init(struct workers *all, struct err *err)
{
	DIR *dir = opendir(all->sockets);
	struct dirent *entry;
	char note[PATH_MAX];

	if (!dir)
		return err_set(err, errno, "open '%s'", all->sockets);
	while ((entry = readdir(dir))) {
		const size_t n = strlen(entry->d_name), suffix = strlen(NAME_SUFFIX);

		if (n > suffix && streq(entry->d_name + n - suffix, NAME_SUFFIX)) {
			snprintf(note, sizeof(note), "%s/%s", all->sockets, entry->d_name);
			undertaker_bury(all->root, note);
		} else if (*entry->d_name != '.') {
			(void)unlinkat(dirfd(dir), entry->d_name, 0);
		}
	}
	closedir(dir);
	return 0;
}

/* --- one worker --- */

static void worker_free(struct worker *w)
{
	fd_close(&w->pidfd);
	free(w->name);
	free(w->function);
	free(w->id);
	free(w);
}

static void on_closed(uv_handle_t *h)
{
	struct worker *w = h->data;

	if (--w->handles == 0)
		worker_free(w);
}

static void leave(struct worker *w)
{
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->all->n--;
}

static void reap(struct worker *w)
{
	siginfo_t info;

	if (w->child)
		(void)waitid(P_PIDFD, (id_t)w->pidfd, &info, WEXITED);
}

static void bury(struct worker *w)
{
	reap(w);
	(void)unlink(w->socket);
	if (undertaker_order(w->all->undertaker, w->note) < 0)
		undertaker_bury(w->all->root, w->note);
	leave(w);
}

static void on_end(uv_poll_t *h, int status UNUSED, int events UNUSED)
{
	struct worker *w = h->data;

	bury(w);
	w->all->gone(w->all->arg, w);
	uv_close((uv_handle_t *)&w->end, on_closed);
	uv_close((uv_handle_t *)&w->kill, on_closed);
}

static void on_kill(uv_timer_t *h)
{
	const struct worker *w = h->data;

	(void)proc_pidfd_signal(w->pidfd, SIGKILL);
}

static int listen_at(const char *path, struct err *err)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(fd, BACKLOG) < 0)
		return err_set(err, errno, "listen at '%s'", path);
	return take_fd(&fd);
}

static int create(struct worker *w, const char *bundle, const char *tenant, int log_fd,
	struct life *life, struct err *err)
{
	_cleanup_close_ int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int fd = listen_at(w->socket, err);
	const int stdio[] = {null_fd, log_fd, log_fd};
	const struct life_options options = {
		.root = w->all->root,
		.id = w->id,
		.bundle = bundle,
		.tenant = tenant,
		.preserve_fds = 1,
		.stdio = stdio,
		.knows_exit_file = true,
		.may_start_seed = true,
		.start = true,
	};

	if (fd < 0)
		return -err->code;
	if (null_fd < 0)
		return err_set(err, errno, "open '/dev/null'");
	if (file_write_atomic(AT_FDCWD, w->note, w->id, strlen(w->id), 0600, err) < 0 ||
		lend(fd, err) < 0)
		return -err->code;
	(void)life_create(&options, life, err);
	take_back();
	return -err->code;
}

static void watch(struct worker *w)
{
	uv_loop_t *loop = w->all->loop;

	w->end.data = w->kill.data = w;
	w->handles = 2;
	uv_poll_init(loop, &w->end, w->pidfd);
	uv_poll_start(&w->end, UV_READABLE, on_end);
	uv_timer_init(loop, &w->kill);
}

static struct worker *worker_new(struct workers *all, const char *name, const char *function)
{
	struct worker *w = calloc(1, sizeof(*w));
	const unsigned n = all->n_sockets++;

	if (!w)
		return NULL;
	*w = (struct worker){
		.all = all, .name = strdup(name), .function = strdup(function), .pidfd = -1};
	snprintf(w->socket, sizeof(w->socket), "%s/%u", all->sockets, n);
	snprintf(w->note, sizeof(w->note), "%s/%u" NAME_SUFFIX, all->sockets, n);
	if (asprintf(&w->id, "%s.%s", function, name) < 0)
		w->id = NULL;
	if (w->name && w->function && w->id)
		return w;
	worker_free(w);
	return NULL;
}

static void enter(struct worker *w)
{
	struct workers *all = w->all;

	w->next = all->first;
	w->prev = &all->first;
	if (w->next)
		w->next->prev = &w->next;
	all->first = w;
	all->n++;
}

int worker_start(struct workers *all, const char *name, const char *function, const char *bundle,
	const char *tenant, struct worker_log *log, struct worker **ret, struct err *err)
{
	struct worker *w = worker_new(all, name, function);
	_cleanup_close_ int log_fd = w ? worker_log_open(log, name, err) : -1;
	struct life life = LIFE_INIT;

	if (!w)
		return err_oom(err);
	if (log_fd < 0 || create(w, bundle, tenant, log_fd, &life, err) < 0) {
		(void)unlink(w->socket);
		(void)unlink(w->note);
		worker_free(w);
		return err_wrap(err, "worker '%s'", name);
	}
	w->pidfd = take_fd(&life.pidfd);
	w->pid = life.pid;
	w->child = life.payload != RECORD_WARM;
	life_close(&life);
	enter(w);
	watch(w);
	*ret = w;
	return 0;
}

void worker_stop(struct worker *w, uint64_t grace_ms)
{
	(void)proc_pidfd_signal(w->pidfd, SIGTERM);
	uv_timer_start(&w->kill, on_kill, grace_ms, 0);
}

void workers_finish(struct workers *all)
{
	while (all->first) {
		struct worker *w = all->first;

		bury(w);
		worker_free(w);
	}
}

struct worker *worker_find(const struct workers *all, const char *name)
{
	struct worker *w = all->first;

	while (w && !streq(w->name, name))
		w = w->next;
	return w;
}

const char *worker_name(const struct worker *w)
{
	return w->name;
}

const char *worker_function(const struct worker *w)
{
	return w->function;
}

const char *worker_socket(const struct worker *w)
{
	return w->socket;
}

pid_t worker_pid(const struct worker *w)
{
	return w->pid;
}

struct worker *worker_next(const struct worker *w)
{
	return w->next;
}
