/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads modules that the engine asks for before it needs them, some at a time and through Linux
 * AIO. What cannot be read so (it is no regular file, it changes, it is too large) is left to
 * modules_load(), which says what is wrong with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "aworker/aio/aio.h"
#include "aworker/worker.h"
#include "aworker/worker_priv.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"

/* Files that are open at a time; more wait. */
#define READS_MAX 64

struct module_read {
	struct module_reads *reads;
	struct module_read *next;
	uint64_t ticket;
	char *name;
	int fd;
	size_t size;
	struct aio_job *job;
};

struct module_reads {
	struct worker *worker;
	struct aio *aio;
	struct loop_deferred begin;
	struct module_read *running;
	size_t n_running;
	struct module_read *waiting, **waiting_tail;
};

static void read_free(struct module_read *r)
{
	aio_job_destroy(r->job);
	fd_close(&r->fd);
	free(r->name);
	free(r);
}

/* `source`: NULL where it could not be read. */
static void arrive(struct module_read *r, struct buf *source)
{
	struct worker *w = r->reads->worker;
	enum engine_module_type type = ENGINE_MODULE_SCRIPT;
	const uint64_t ticket = r->ticket;
	struct err err = ERR_INIT;

	if (source && modules_interpret(w, r->name, &type, source, &err) < 0)
		source = NULL;
	read_free(r);
	engine_module_arrived(w->engine, ticket, type, source);
}

static void take_running(struct module_read *r)
{
	struct module_read **at = &r->reads->running;

	while (*at != r)
		at = &(*at)->next;
	*at = r->next;
	r->reads->n_running--;
}

static void on_read(void *data, ssize_t n)
{
	struct module_read *r = data;
	struct module_reads *reads = r->reads;
	_cleanup_buf_ struct buf source = BUF_INIT;

	take_running(r);
	if (reads->waiting)
		loop_defer(&reads->worker->loop, &reads->begin);
	if (n < 0 || (size_t)n != r->size) {
		arrive(r, NULL);
		return;
	}
	source.data = aio_job_take(r->job);
	source.len = r->size;
	source.cap = r->size + 1;
	r->job = NULL;
	source.data[r->size] = '\0';
	arrive(r, &source);
}

/* One byte more than it has is asked for, to see whether it has grown. */
static bool begin(struct module_read *r)
{
	struct module_reads *reads = r->reads;
	struct stat st;
	size_t len;

	r->fd = open(r->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (r->fd < 0 || fstat(r->fd, &st) < 0 || !S_ISREG(st.st_mode) ||
		st.st_size >= WORKER_FILE_MAX)
		return false;
	r->size = (size_t)st.st_size;
	len = (r->size / AIO_ALIGN + 1) * AIO_ALIGN;
	r->job = aio_job_create(reads->aio, len);
	if (!r->job)
		return false;
	r->next = reads->running;
	reads->running = r;
	reads->n_running++;
	aio_read(r->job, r->fd, len, 0, on_read, r);
	return true;
}

static void begin_some(void *data)
{
	struct module_reads *reads = data;
	struct module_read *r;

	while (reads->n_running < READS_MAX && (r = reads->waiting)) {
		reads->waiting = r->next;
		if (!reads->waiting)
			reads->waiting_tail = &reads->waiting;
		if (!begin(r))
			arrive(r, NULL);
	}
}

static struct module_reads *reads_of(struct worker *w)
{
	struct module_reads *reads;
	struct err err;

	if (w->module_reads || !loop_is_open(&w->loop))
		return w->module_reads;
	reads = calloc(1, sizeof(*reads));
	if (!reads || worker_aio(w, &reads->aio, &err) < 0) {
		free(reads);
		return NULL;
	}
	reads->worker = w;
	reads->begin = (struct loop_deferred){.fn = begin_some, .data = reads};
	reads->waiting_tail = &reads->waiting;
	w->module_reads = reads;
	return reads;
}

int modules_prefetch(void *data, const char *name, uint64_t ticket)
{
	struct worker *w = data;
	struct module_reads *reads = w ? reads_of(w) : NULL;
	struct module_read *r = reads ? calloc(1, sizeof(*r)) : NULL;
	struct err err;

	if (!r)
		return -EAGAIN;
	*r = (struct module_read){.reads = reads, .ticket = ticket, .name = strdup(name), .fd = -1};
	if (!r->name || modules_depend(w, name, &err) < 0) {
		read_free(r);
		return -ENOMEM;
	}
	*reads->waiting_tail = r;
	reads->waiting_tail = &r->next;
	loop_defer(&w->loop, &reads->begin);
	return 0;
}

void modules_prefetch_wait(void *data)
{
	struct worker *w = data;

	begin_some(w->module_reads);
	aio_wait(w->aio);
}

void modules_prefetch_stop(struct worker *w)
{
	struct module_reads *reads = w->module_reads;
	struct module_read *r;

	if (!reads)
		return;
	loop_defer_cancel(&w->loop, &reads->begin);
	while ((r = reads->running)) {
		reads->running = r->next;
		read_free(r);
	}
	while ((r = reads->waiting)) {
		reads->waiting = r->next;
		read_free(r);
	}
	free(reads);
	w->module_reads = NULL;
}
