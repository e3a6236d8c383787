/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "shim/loop.h"

/* Bytes at a time. A pump has a buffer of its own only while its reader keeps it waiting. */
#define PUMP_SIZE (16 << 10)

struct pump {
	struct watch *from;
	struct watch *to; /* NULL for a file */
	int file;	  /* -1 for what can be polled */
	bool complained;
	char *rest; /* owned; what `to` has not taken yet */
	size_t rest_len, rest_at;
	pump_done_fn *done;
	void *arg;
};

static char shared_buffer[PUMP_SIZE];

void pump_drop(struct pump **p)
{
	struct pump *old = take_ptr(p);

	if (!old)
		return;
	watch_drop(&old->from);
	watch_drop(&old->to);
	fd_close(&old->file);
	free(old->rest);
	free(old);
}

static void pump_end(struct pump *p)
{
	pump_done_fn *done = p->done;
	void *arg = p->arg;

	pump_drop(&p);
	done(arg);
}

static void write_file(struct pump *p, size_t len)
{
	int r = fd_write_all(p->file, shared_buffer, len);

	if (r < 0 && !p->complained)
		log_error("output of a container is lost: %s", strerror(-r));
	p->complained = r < 0;
}

/* How much was taken: all, or less when the other end is full. Negative when nobody is there. */
static ssize_t write_some(int fd, const char *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(fd, data + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			return -errno;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

/* Takes a copy of what has to wait, and reads no more before it is gone. */
static bool keep_rest(struct pump *p, const char *data, size_t len)
{
	p->rest = malloc(len);
	if (!p->rest)
		return false;
	memcpy(p->rest, data, len);
	p->rest_len = len;
	p->rest_at = 0;
	watch_events(p->from, 0);
	watch_events(p->to, UV_WRITABLE);
	return true;
}

static void on_readable(void *arg, int events)
{
	struct pump *p = arg;
	ssize_t n = read(watch_descriptor(p->from), shared_buffer, sizeof(shared_buffer));
	ssize_t taken;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	/* A terminal whose last process is gone says EIO. */
	if (n <= 0) {
		pump_end(p);
		return;
	}
	if (!p->to) {
		write_file(p, (size_t)n);
		return;
	}
	taken = write_some(watch_descriptor(p->to), shared_buffer, (size_t)n);
	if (taken < 0 || (taken < n && !keep_rest(p, shared_buffer + taken, (size_t)(n - taken))))
		pump_end(p);
}

static void on_writable(void *arg, int events)
{
	struct pump *p = arg;
	ssize_t taken =
		write_some(watch_descriptor(p->to), p->rest + p->rest_at, p->rest_len - p->rest_at);

	if (taken < 0) {
		pump_end(p);
		return;
	}
	p->rest_at += (size_t)taken;
	if (p->rest_at < p->rest_len)
		return;
	free_clear(&p->rest);
	watch_events(p->to, 0);
	watch_events(p->from, UV_READABLE);
}

/* What is always ready, and cannot be polled. */
static bool is_file(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && !S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode) && !isatty(fd);
}

struct pump *pump_start(int from, int to, pump_done_fn *done, void *arg, struct err *err)
{
	struct pump *p = calloc(1, sizeof(*p));

	if (!p) {
		fd_close(&from);
		fd_close(&to);
		err_oom(err);
		return NULL;
	}
	*p = (struct pump){.file = -1, .done = done, .arg = arg};
	if (is_file(to))
		p->file = take_fd(&to);
	else
		p->to = watch_fd(take_fd(&to), 0, on_writable, p, err);
	if (p->file < 0 && !p->to) {
		fd_close(&from);
		pump_drop(&p);
		return NULL;
	}
	p->from = watch_fd(from, UV_READABLE, on_readable, p, err);
	if (!p->from)
		pump_drop(&p);
	return p;
}
