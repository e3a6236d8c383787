/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/control/worker_log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/util.h"

/* More than a pipe holds. */
#define REST_MAX (1 << 20)

struct worker_log {
	uv_loop_t *loop;
	char *path;
	int fd;
	size_t size;
	unsigned users; /* its function, and each worker */
};

struct worker_output {
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

	snprintf(older, sizeof(older), "%s" WORKER_LOG_OLDER, log->path);
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
static void write_line(struct worker_output *o)
{
	struct worker_log *log = o->log;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct json_writer w;

	o->line[o->len] = '\0';
	json_writer_init(&w, &out, false);
	json_write_object_begin(&w);
	put_time(&w);
	json_write_member_str(&w, "worker", o->worker);
	json_write_member_str(&w, "text", o->line);
	json_write_object_end(&w);
	buf_puts(&out, "\n");
	o->len = 0;
	if (!buf_failed(&out) && open_file(log) && fd_write_all(log->fd, out.data, out.len) == 0)
		log->size += out.len;
}

/* --- the pipe --- */

static void on_closed(uv_handle_t *h)
{
	struct worker_output *o = h->data;

	worker_log_release(o->log);
	free(o->worker);
	free(o);
}

static void take(struct worker_output *o, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] != '\n')
			o->line[o->len++] = text[i];
		if (text[i] == '\n' || o->len == sizeof(o->line) - 1)
			write_line(o);
	}
}

static void on_alloc(uv_handle_t *h UNUSED, size_t wanted UNUSED, uv_buf_t *ret)
{
	static char buffer[16384];

	*ret = uv_buf_init(buffer, sizeof(buffer));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	if (n > 0)
		take(stream->data, buf->base, (size_t)n);
	else if (n < 0)
		uv_read_stop(stream);
}

/* Nobody writes to it any more but who should not. */
static void read_the_rest(struct worker_output *o)
{
	char buffer[16384];
	uv_os_fd_t fd;
	ssize_t n;

	if (uv_fileno((uv_handle_t *)&o->pipe, &fd) < 0)
		return;
	for (size_t i = 0; i < REST_MAX / sizeof(buffer); i++) {
		n = read(fd, buffer, sizeof(buffer));
		if (n <= 0)
			break;
		take(o, buffer, (size_t)n);
	}
	if (o->len > 0)
		write_line(o);
}

void worker_output_finish(struct worker_output *o)
{
	if (!o)
		return;
	uv_read_stop((uv_stream_t *)&o->pipe);
	read_the_rest(o);
	uv_close((uv_handle_t *)&o->pipe, on_closed);
}

/* For reading and writing: it has no end while it is open, whoever else opens and closes it. */
static int open_pipe(const char *path, struct err *err)
{
	int fd;

	if (mkfifo(path, 0600) < 0 && errno != EEXIST)
		return err_set(err, errno, "make the pipe '%s'", path);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? err_set(err, errno, "open '%s'", path) : fd;
}

int worker_log_open(struct worker_log *log, const char *worker, const char *path,
	struct worker_output **ret, struct err *err)
{
	struct worker_output *o = calloc(1, sizeof(*o));
	int fd;

	if (!o || !(o->worker = strdup(worker))) {
		free(o);
		return err_oom(err);
	}
	fd = open_pipe(path, err);
	if (fd < 0) {
		free(o->worker);
		free(o);
		return -err->code;
	}
	o->log = log;
	log->users++;
	o->pipe.data = o;
	uv_pipe_init(log->loop, &o->pipe, 0);
	uv_pipe_open(&o->pipe, fd);
	uv_read_start((uv_stream_t *)&o->pipe, on_alloc, on_read);
	*ret = o;
	return 0;
}
