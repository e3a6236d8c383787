/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --watch: the worker starts again, as the same process, when a file changes that it has loaded or
 * tried to. The listening socket stays open, so a client that comes meanwhile waits and is
 * not refused. A worker that has ended by itself or failed waits for a change as well.
 *
 * Folders are watched, not files: editors replace a file by another one of its name.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "aworker/module/module_path.h"
#include "aworker/options.h"
#include "aworker/worker.h"
#include "aworker/worker_priv.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"

#define WATCH_FILES_MAX 4096
/* A change is over when nothing more has happened for that long. */
#define WATCH_SETTLE_MS 50
/* For the requests that run. */
#define WATCH_DRAIN_MS 2000

#define CHANGES (IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE)

struct watched {
	int folder; /* number of inotify's */
	char *path;
};

struct watch {
	int fd;
	struct loop_fd watcher;
	struct loop_timer timer;
	struct watched *files;
	size_t n;
	const char *changed; /* of files; NULL: nothing has */
	bool over;	     /* the worker is to start again */
};

void watch_file(struct worker *w, const char *path)
{
	struct watch *watch = w->watch;
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	struct watched *files;
	int n;

	if (!watch || !slash || watch->n == WATCH_FILES_MAX)
		return;
	n = snprintf(folder, sizeof(folder), "%.*s", slash == path ? 1 : (int)(slash - path), path);
	if (n < 0 || (size_t)n >= sizeof(folder))
		return;
	files = reallocarray(watch->files, watch->n + 1, sizeof(*files));
	if (!files)
		return;
	watch->files = files;
	files[watch->n] = (struct watched){.path = strdup(path)};
	files[watch->n].folder = inotify_add_watch(watch->fd, folder, CHANGES | IN_ONLYDIR);
	/* A folder that is not there or cannot be read has nothing that could change. */
	if (files[watch->n].path && files[watch->n].folder >= 0)
		watch->n++;
	else
		free(files[watch->n].path);
	if (watch->n == WATCH_FILES_MAX)
		worker_say("--watch: %d files are watched, changes of others are not noticed",
			WATCH_FILES_MAX);
}

static void watch_option(struct worker *w, const char *path)
{
	_cleanup_free_ char *absolute = path ? module_path_absolute(path) : NULL;

	if (absolute)
		watch_file(w, absolute);
}

static const char *match(const struct watch *watch, const struct inotify_event *event)
{
	for (size_t i = 0; i < watch->n; i++)
		if (watch->files[i].folder == event->wd && event->len > 0 &&
			streq(strrchr(watch->files[i].path, '/') + 1, event->name))
			return watch->files[i].path;
	return NULL;
}

/* Takes what has happened so far; true when it is of interest. */
static bool take_events(struct watch *watch)
{
	_Alignas(struct inotify_event) char buf[16 * (sizeof(struct inotify_event) + NAME_MAX + 1)];
	const struct inotify_event *event;
	bool any = false;
	ssize_t n = read(watch->fd, buf, sizeof(buf));

	for (char *p = buf; n > 0 && p < buf + n; p += sizeof(*event) + event->len) {
		const char *path;

		event = (const struct inotify_event *)p;
		path = match(watch, event);
		if (path) {
			watch->changed = path;
			any = true;
		}
	}
	return any;
}

static void end(void *data)
{
	worker_exit(data, WORKER_EXIT_OK);
}

/* What is to run again first, then again for those who do not come to their end. */
static void on_settled(void *data)
{
	struct worker *w = data;

	if (w->watch->over || !w->http) {
		w->watch->over = true;
		end(w);
		return;
	}
	w->watch->over = true;
	http_server_drain(w->http, end);
	loop_timer_start(&w->loop, &w->watch->timer, (uint64_t)WATCH_DRAIN_MS * 1000000);
}

static void on_events(void *data, uint32_t events UNUSED)
{
	struct worker *w = data;

	if (take_events(w->watch) && !w->watch->over && !w->signal)
		loop_timer_start(&w->loop, &w->watch->timer, (uint64_t)WATCH_SETTLE_MS * 1000000);
}

int watch_open(struct worker *w, struct err *err)
{
	struct watch *watch;
	int r;

	if (!w->options.watch)
		return 0;
	watch = calloc(1, sizeof(*watch));
	if (!watch)
		return err_oom(err);
	watch->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	r = watch->fd < 0 ? -errno : 0;
	watch->watcher = (struct loop_fd){.fn = on_events, .data = w, .background = true};
	watch->timer = (struct loop_timer){.fn = on_settled, .data = w, .background = true};
	if (r == 0)
		r = loop_fd_add(&w->loop, &watch->watcher, watch->fd, EPOLLIN);
	if (r < 0) {
		fd_close(&watch->fd);
		free(watch);
		return err_set(err, -r, "watch files");
	}
	w->watch = watch;
	if (w->options.file)
		watch_file(w, w->name);
	watch_option(w, w->options.import_map);
	watch_option(w, w->options.env_file);
	for (size_t i = 0; i < w->options.n_kv; i++)
		if (strchr(w->options.kv[i], '='))
			watch_option(w, strchr(w->options.kv[i], '=') + 1);
	return 0;
}

void watch_close(struct worker *w)
{
	if (!w->watch)
		return;
	loop_timer_stop(&w->loop, &w->watch->timer);
	loop_fd_remove(&w->loop, &w->watch->watcher);
}

void watch_destroy(struct worker *w)
{
	struct watch *watch = w->watch;

	if (!watch)
		return;
	for (size_t i = 0; i < watch->n; i++)
		free(watch->files[i].path);
	free(watch->files);
	fd_close(&watch->fd);
	free(watch);
	w->watch = NULL;
}

/* --- starting again --- */

static void wait_for_change(struct watch *watch)
{
	struct pollfd p = {.fd = watch->fd, .events = POLLIN};

	worker_say("waiting for a change of its files");
	while (!watch->changed && (poll(&p, 1, -1) > 0 || errno == EINTR))
		(void)take_events(watch);
	/* Until it has settled. */
	while (poll(&p, 1, WATCH_SETTLE_MS) > 0)
		(void)take_events(watch);
}

static void execute(const char *const *argv, const char *inherit)
{
	size_t n = 0;
	const char **again;

	while (argv[n])
		n++;
	again = calloc(n + 2, sizeof(*again));
	if (!again)
		return;
	n = 0;
	again[n++] = *argv++;
	if (inherit)
		again[n++] = inherit;
	/* Ours of the last time stands in the same place. */
	if (*argv && str_after(*argv, OPTION_INHERIT_PREFIX))
		argv++;
	while (*argv)
		again[n++] = *argv++;
	execve("/proc/self/exe", (char *const *)again, environ);
	free(again);
}

int watch_again(struct worker *w, const char *const *argv)
{
	int fd = take_fd(&w->listener.fd);
	char inherit[sizeof(OPTION_INHERIT_PREFIX) + 16] = "";

	/* The socket file stays, too. */
	free_clear(&w->listener.unlink);
	worker_close(w);
	if (!w->watch->over)
		wait_for_change(w->watch);
	worker_say("%s has changed, starting again", w->watch->changed);
	/* One that has failed before it would listen hands on what it was given. */
	if (fd < 0 && w->options.inherit)
		snprintf(inherit, sizeof(inherit), OPTION_INHERIT_PREFIX "%s", w->options.inherit);
	else if (fd >= 0)
		snprintf(inherit, sizeof(inherit), OPTION_INHERIT_PREFIX "fd:%d", fd);
	if (fd >= 0)
		fd_set_cloexec(fd, false);
	execute(argv, *inherit ? inherit : NULL);
	worker_say("execute '/proc/self/exe': %s", strerror(errno));
	return WORKER_EXIT_ENGINE;
}
