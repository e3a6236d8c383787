/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The admin API: what a function's workers have printed, as the JSON lines of its files; with "follow" also
 * what they will. The files are read as they are taken, so a slow reader costs a descriptor and no memory.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/paths.h"
#include "seed/noslated/control/admin_priv.h"
#include "seed/noslated/control/worker_log.h"

#define TAIL_DEFAULT 100
#define TAIL_MAX     100000

struct tail {
	struct web_client *client;
	uv_fs_event_t watch;
	bool watches;
	char path[PATH_MAX];
	int fd; /* of the file that is being read; -1: there is none yet */
	bool follows;
};

/* --- files --- */

static void path_of(const struct tail *t, bool last, char ret[PATH_MAX])
{
	if (snprintf(ret, PATH_MAX, "%s%s", t->path, last ? "" : WORKER_LOG_OLDER) >= PATH_MAX)
		ret[0] = '\0';
}

static int open_file(const struct tail *t, bool last)
{
	char path[PATH_MAX];

	path_of(t, last, path);
	return open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
}

/* Whether the open file has this name. */
static bool has_name(const struct tail *t, bool last)
{
	char path[PATH_MAX];
	struct stat named, mine;

	path_of(t, last, path);
	return stat(path, &named) == 0 && fstat(t->fd, &mine) == 0 && named.st_ino == mine.st_ino &&
	       named.st_dev == mine.st_dev;
}

/*
 * All of one is read: is there a newer one? The one that took the name of ours, or, when ours is the older
 * of two or was thrown away, the next of those that are there.
 */
static bool next_file(struct tail *t)
{
	int fd;

	fd = t->fd >= 0 && !has_name(t, false) ? open_file(t, false) : -1;
	if (fd < 0)
		fd = open_file(t, true);
	if (fd < 0)
		return false;
	fd_close(&t->fd);
	t->fd = fd;
	return true;
}

/* Where its last `n` lines begin, or, when it has fewer, 0 and how many are missing. */
static off_t seek_lines(int fd, uint64_t n, uint64_t *ret_missing)
{
	char block[16384];
	off_t end = lseek(fd, 0, SEEK_END);
	const off_t size = end;

	*ret_missing = 0;
	while (end > 0) {
		const size_t len = end < (off_t)sizeof(block) ? (size_t)end : sizeof(block);

		if (pread(fd, block, len, end - (off_t)len) != (ssize_t)len)
			return size;
		for (size_t i = len; i-- > 0;)
			if (block[i] == '\n' && end - (off_t)len + (off_t)i + 1 < size && n-- == 1)
				return end - (off_t)len + (off_t)i + 1;
		end -= (off_t)len;
	}
	*ret_missing = size > 0 && n > 0 ? n - 1 : n;
	return 0;
}

/* At the last `n` lines of both. */
static void seek_tail(struct tail *t, uint64_t n)
{
	_cleanup_close_ int last = open_file(t, true);
	uint64_t missing = n;
	off_t at = 0;

	if (n == 0) {
		if (last >= 0)
			(void)lseek(last, 0, SEEK_END);
		t->fd = take_fd(&last);
		return;
	}
	if (last >= 0)
		at = seek_lines(last, n, &missing);
	t->fd = missing > 0 ? open_file(t, false) : -1;
	if (t->fd >= 0) {
		/* The newer one follows from its beginning. */
		(void)lseek(t->fd, seek_lines(t->fd, missing, &missing), SEEK_SET);
		return;
	}
	if (last >= 0)
		(void)lseek(last, at, SEEK_SET);
	t->fd = take_fd(&last);
}

/* --- the stream --- */

static void on_closed(uv_handle_t *h)
{
	free(h->data);
}

static void on_gone(void *arg)
{
	struct tail *t = arg;

	fd_close(&t->fd);
	if (t->watches)
		uv_close((uv_handle_t *)&t->watch, on_closed);
	else
		free(t);
}

static bool read_some(struct tail *t, struct buf *out)
{
	char block[WEB_PIECE / 2];
	const ssize_t n = t->fd >= 0 ? read(t->fd, block, sizeof(block)) : 0;

	if (n > 0)
		buf_put(out, block, (size_t)n);
	return n > 0;
}

/* Once more before a file is left: it may have grown until it was replaced. */
static enum web_stream pull(void *arg, struct buf *out)
{
	struct tail *t = arg;

	for (;;) {
		if (read_some(t, out))
			return WEB_STREAM_MORE;
		if (t->fd >= 0 && has_name(t, true))
			break;
		if (read_some(t, out))
			return WEB_STREAM_MORE;
		if (!next_file(t))
			break;
	}
	return t->follows ? WEB_STREAM_MORE : WEB_STREAM_END;
}

static const struct web_source source = {pull, on_gone};

/* Of any file in that directory, of which one may be ours. */
static void on_change(uv_fs_event_t *w, const char *name, int events UNUSED, int status UNUSED)
{
	struct tail *t = w->data;
	const char *slash = strrchr(t->path, '/');

	if (!name || str_after(name, slash + 1))
		web_stream_wake(t->client);
}

static int watch(struct tail *t, uv_loop_t *loop, const char *dir)
{
	uv_fs_event_init(loop, &t->watch);
	t->watch.data = t;
	t->watches = true;
	return uv_fs_event_start(&t->watch, on_change, dir, 0);
}

static int read_query(
	const struct admin_call *call, uint64_t *ret_lines, bool *ret_follow, struct err *err)
{
	const char *query = call->request->query;
	uint64_t follow = 0;

	*ret_lines = TAIL_DEFAULT;
	if (web_query_number(query, "lines", TAIL_MAX, ret_lines, err) < 0 ||
		web_query_number(query, "follow", 1, &follow, err) < 0)
		return -err->code;
	*ret_follow = follow;
	return 0;
}

/* Also of one that was removed. */
static bool has_log(const struct admin_call *call, const char *name)
{
	char path[PATH_MAX];

	if (profile_set_find(&call->control->set, name))
		return true;
	return paths_id_is_valid(name) &&
	       snprintf(path, sizeof(path), "%s/%s.log", call->control->options->log, name) <
		       (int)sizeof(path) &&
	       access(path, F_OK) == 0;
}

void admin_get_log(const struct admin_call *call)
{
	const char *name = call->parts.text[0], *dir = call->control->options->log;
	struct err err = ERR_INIT;
	struct tail *t;
	uint64_t lines = 0;
	bool follow = false;

	if (!has_log(call, name)) {
		web_fail(call->client, 404, "there is no function of this name");
		return;
	}
	if (read_query(call, &lines, &follow, &err) < 0) {
		web_fail(call->client, 400, err.msg);
		return;
	}
	t = calloc(1, sizeof(*t));
	if (!t) {
		web_fail(call->client, 503, "there is no memory left");
		return;
	}
	t->client = call->client;
	t->follows = follow;
	snprintf(t->path, sizeof(t->path), "%s/%s.log", dir, name);
	if (follow && watch(t, &call->control->loop, dir) < 0) {
		t->fd = -1;
		on_gone(t);
		web_fail(call->client, 503, "the directory of logs cannot be watched");
		return;
	}
	seek_tail(t, lines);
	web_stream(call->client, WEB_JSON_LINES, &source, t);
}
