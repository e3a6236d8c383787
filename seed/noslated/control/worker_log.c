/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/control/worker_log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/util.h"

struct worker_log {
	uv_loop_t *loop;
	char *path;
	int fd;
	size_t size;
	unsigned users; /* its function, and each worker */
};

/* What one worker prints. */
struct source {
	struct worker_log *log;
	uv_pipe_t pipe;
	char *worker;
	char line[WORKER_LINE_MAX];
	size_t len;
};

struct worker_log *worker_log_create(uv_loop_t *loop, const char *path)
{
	struct worker_log *log = calloc(1, sizeof(*log));

	if (!log || !(log->path = strdup(path))) {
		free(log);
		return NULL;
	}
	log->loop = loop;
	log->fd = -1;
	log->users = 1;
	return log;
}

void worker_log_release(struct worker_log *log)
{
	if (!log || --log->users > 0)
		return;
	fd_close(&log->fd);
	free(log->path);
	free(log);
}

/* --- the file --- */

static void rotate(struct worker_log *log)
{
	char older[PATH_MAX];

	snprintf(older, sizeof(older), "%s.1", log->path);
	fd_close(&log->fd);
	(void)rename(log->path, older);
}

static bool open_file(struct worker_log *log)
{
	off_t size;

	if (log->fd >= 0 && log->size >= WORKER_LOG_MAX)
		rotate(log);
	if (log->fd >= 0)
		return true;
	log->fd = open(log->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
	size = log->fd >= 0 ? lseek(log->fd, 0, SEEK_END) : 0;
	log->size = size > 0 ? (size_t)size : 0;
	return log->fd >= 0;
}

static void put_time(struct json_writer *w)
{
	char text[64];
	struct timeval now;
	struct tm tm;
	size_t n;

	gettimeofday(&now, NULL);
	gmtime_r(&now.tv_sec, &tm);
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, sizeof(text) - n, ".%03dZ", (int)(now.tv_usec / 1000));
	json_write_member_str(w, "time", text);
}

/* A full disk loses lines, and no more. */
static void write_line(struct source *s)
{
	struct worker_log *log = s->log;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json_writer w;

	s->line[s->len] = '\0';
	json_writer_init(&w, &out, false);
	json_write_object_begin(&w);
	put_time(&w);
	json_write_member_str(&w, "worker", s->worker);
	json_write_member_str(&w, "text", s->line);
	json_write_object_end(&w);
	buf_puts(&out, "\n");
	s->len = 0;
	if (!buf_failed(&out) && open_file(log) && fd_write_all(log->fd, out.data, out.len) == 0)
		log->size += out.len;
}

/* --- the pipe --- */

static void on_closed(uv_handle_t *h)
{
	struct source *s = h->data;

	worker_log_release(s->log);
	free(s->worker);
	free(s);
}

static void take(struct source *s, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] != '\n')
			s->line[s->len++] = text[i];
		if (text[i] == '\n' || s->len == sizeof(s->line) - 1)
			write_line(s);
	}
}

static void on_alloc(uv_handle_t *h UNUSED, size_t wanted UNUSED, uv_buf_t *ret)
{
	static char buffer[16384];

	*ret = uv_buf_init(buffer, sizeof(buffer));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct source *s = stream->data;

	if (n > 0)
		take(s, buf->base, (size_t)n);
	if (n >= 0)
		return;
	if (s->len > 0)
		write_line(s);
	uv_close((uv_handle_t *)stream, on_closed);
}

int worker_log_open(struct worker_log *log, const char *worker, struct err *err)
{
	struct source *s = calloc(1, sizeof(*s));
	int ends[2];

	if (!s || !(s->worker = strdup(worker))) {
		free(s);
		return err_oom(err);
	}
	if (pipe2(ends, O_CLOEXEC) < 0) {
		free(s->worker);
		free(s);
		return err_set(err, errno, "make a pipe");
	}
	s->log = log;
	log->users++;
	s->pipe.data = s;
	uv_pipe_init(log->loop, &s->pipe, 0);
	uv_pipe_open(&s->pipe, ends[0]);
	uv_read_start((uv_stream_t *)&s->pipe, on_alloc, on_read);
	return ends[1];
}
