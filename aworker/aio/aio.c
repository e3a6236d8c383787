/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See aio.h. A job is idle, waits in the queue, is the kernel's, or waits to be told of. It belongs
 * to its owner, or, when that has destroyed it meanwhile, to this file.
 */
#include "aworker/aio/aio.h"

#include <errno.h>
#include <fcntl.h>
#include <libaio.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "aworker/loop.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"

#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

/* Of a longer piece the beginning stands for the rest. */
#define PAGES_LOOKED_AT 256

enum job_state { JOB_IDLE, JOB_QUEUED, JOB_KERNELS, JOB_DONE };

struct aio_job {
	struct iocb iocb;
	struct aio *aio;
	struct aio_job *next; /* in the queue, or of those that are done */
	enum job_state state;
	bool orphan; /* destroyed, but not idle yet */
	char *bytes;
	bool writes;
	bool cold;   /* it is not in the page cache */
	bool direct; /* so it is read past it */
	int fd;
	size_t len, moved;
	uint64_t at;
	ssize_t result;
	aio_fn fn;
	void *data;
};

struct job_list {
	struct aio_job *first, **tail;
};

struct aio {
	struct loop *loop;
	io_context_t context; /* NULL: none */
	bool asked;	      /* for one */
	struct loop_fd watcher;
	int event_fd;
	struct aio_job *running[AIO_EVENTS];
	size_t n_running;
	struct job_list queue, done;
	struct loop_deferred tell;
};

static void list_init(struct job_list *l)
{
	l->first = NULL;
	l->tail = &l->first;
}

static void list_add(struct job_list *l, struct aio_job *j)
{
	j->next = NULL;
	*l->tail = j;
	l->tail = &j->next;
}

static struct aio_job *list_take(struct job_list *l)
{
	struct aio_job *j = l->first;

	if (!j)
		return NULL;
	l->first = j->next;
	if (!l->first)
		l->tail = &l->first;
	return j;
}

static void job_free(struct aio_job *j)
{
	free(j->bytes);
	free(j);
}

/* --- the page cache --- */

/* Where preadv2() cannot tell: overlayfs, tmpfs, FUSE. */
static bool is_resident(int fd, size_t len, uint64_t at)
{
	const uint64_t first = at / AIO_ALIGN * AIO_ALIGN;
	unsigned char pages[PAGES_LOOKED_AT];
	struct stat st;
	uint64_t n;
	void *map;
	bool all;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	if (at >= (uint64_t)st.st_size)
		return true;
	n = at + len < (uint64_t)st.st_size ? at + len - first : (uint64_t)st.st_size - first;
	n = n < sizeof(pages) * AIO_ALIGN ? n : sizeof(pages) * AIO_ALIGN;
	map = mmap(NULL, n, PROT_READ, MAP_SHARED, fd, (off_t)first);
	if (map == MAP_FAILED)
		return false;
	all = mincore(map, n, pages) == 0;
	for (size_t i = 0; i * AIO_ALIGN < n; i++)
		all = all && (pages[i] & 1);
	munmap(map, n);
	return all;
}

bool aio_is_cached(int fd, size_t len)
{
	const struct {
		uint64_t at, len;
	} range = {0, len};
	struct {
		uint64_t cached, dirty, written, evicted, recently;
	} pages;

	return syscall(SYS_cachestat, fd, &range, &pages, 0) == 0 &&
	       pages.cached >= (len + AIO_ALIGN - 1) / AIO_ALIGN;
}

bool aio_read_cached(int fd, void *bytes, size_t len, uint64_t at, size_t *ret_moved)
{
	size_t moved = 0;
	ssize_t n;

	do {
		const struct iovec v = {(char *)bytes + moved, len - moved};
		const uint64_t from = at + moved;

		n = preadv2(fd, &v, 1, (off_t)from, RWF_NOWAIT);
		if (n < 0 && errno == EOPNOTSUPP && is_resident(fd, v.iov_len, from))
			n = pread(fd, v.iov_base, v.iov_len, (off_t)from);
		if (n > 0)
			moved += (size_t)n;
	} while (n > 0 && moved < len);
	*ret_moved = moved;
	/* Whatever is wrong the real call will find, too. */
	return n >= 0;
}

/* --- one step of a job --- */

static void finish(struct aio_job *j, ssize_t result)
{
	j->state = JOB_DONE;
	j->result = result;
	list_add(&j->aio->done, j);
	loop_defer(j->aio->loop, &j->aio->tell);
}

/* Takes in what one call has moved, or its negative errno. True: that was all. */
static bool account(struct aio_job *j, ssize_t n)
{
	if (n == 0 && j->writes)
		n = -EIO;
	if (n < 0) {
		finish(j, n);
		return true;
	}
	j->moved += (size_t)n;
	/* Past the page cache only the end of a file is not a whole number of blocks. */
	if (j->moved < j->len && n > 0 && !(j->direct && n % AIO_ALIGN))
		return false;
	finish(j, (ssize_t)j->moved);
	return true;
}

static void move_plainly(struct aio_job *j)
{
	ssize_t n;

	j->direct = false;
	do {
		char *bytes = j->bytes + j->moved;
		const size_t left = j->len - j->moved;
		const off_t at = (off_t)(j->at + j->moved);

		n = j->writes ? pwrite(j->fd, bytes, left, at) : pread(j->fd, bytes, left, at);
		if (n < 0)
			n = -errno;
	} while (n == -EINTR || !account(j, n));
}

/* What the page cache has. True: that was all. */
static bool read_cached(struct aio_job *j)
{
	size_t n;

	j->direct = false;
	j->cold = !aio_read_cached(
		j->fd, j->bytes + j->moved, j->len - j->moved, j->at + j->moved, &n);
	j->moved += n;
	if (!j->cold)
		finish(j, (ssize_t)j->moved);
	return !j->cold;
}

static bool set_direct(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && fcntl(fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) == 0;
}

static bool can_be_direct(const struct aio_job *j)
{
	return j->cold && (j->at + j->moved) % AIO_ALIGN == 0 && j->len % AIO_ALIGN == 0 &&
	       j->moved % AIO_ALIGN == 0;
}

/* 1 or a negative errno. */
static int submit(struct aio *a, struct aio_job *j)
{
	struct iocb *iocb = &j->iocb;
	char *bytes = j->bytes + j->moved;
	const size_t left = j->len - j->moved;
	const uint64_t at = j->at + j->moved;
	int r;

	if (j->writes)
		io_prep_pwrite(iocb, j->fd, bytes, left, (long long)at);
	else
		io_prep_pread(iocb, j->fd, bytes, left, (long long)at);
	io_set_eventfd(iocb, a->event_fd);
	iocb->data = j;
	/* The kernel looks at the flag now, so it need not stay. */
	j->direct = can_be_direct(j) && set_direct(j->fd, true);
	do
		r = io_submit(a->context, 1, &iocb);
	while (r == -EINTR);
	if (j->direct)
		set_direct(j->fd, false);
	return r;
}

static void on_event(void *data, uint32_t events);

/* A failure is none: there is a way without. */
static void open_context(struct aio *a)
{
	a->asked = true;
	a->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	a->watcher = (struct loop_fd){.fn = on_event, .data = a, .background = true};
	if (a->event_fd >= 0 && loop_fd_add(a->loop, &a->watcher, a->event_fd, EPOLLIN) == 0 &&
		io_setup(AIO_EVENTS, &a->context) == 0)
		return;
	a->context = NULL;
	loop_fd_remove(a->loop, &a->watcher);
	fd_close(&a->event_fd);
}

/* False: it has to wait for others that run. */
static bool advance(struct aio *a, struct aio_job *j)
{
	size_t slot = 0;
	int r;

	if (!j->writes && read_cached(j))
		return true;
	if (!a->asked)
		open_context(a);
	if (!a->context) {
		move_plainly(j);
		return true;
	}
	if (a->n_running == AIO_EVENTS)
		return false;
	r = submit(a, j);
	if (r == -EAGAIN && a->n_running > 0)
		return false;
	if (r != 1) {
		move_plainly(j);
		return true;
	}
	j->state = JOB_KERNELS;
	while (a->running[slot])
		slot++;
	a->running[slot] = j;
	a->n_running++;
	return true;
}

static void advance_all(struct aio *a)
{
	struct aio_job *j;

	while ((j = list_take(&a->queue))) {
		if (j->orphan) {
			job_free(j);
			continue;
		}
		if (advance(a, j))
			continue;
		/* Back to the front. */
		j->next = a->queue.first;
		a->queue.first = j;
		if (!j->next)
			a->queue.tail = &j->next;
		return;
	}
}

/* --- what has ended --- */

static void on_tell(void *data)
{
	struct aio *a = data;
	struct job_list told = {a->done.first, a->done.tail};
	struct aio_job *j;

	/* What callbacks start is told of in the next turn. */
	if (!told.first)
		return;
	list_init(&a->done);
	while ((j = list_take(&told))) {
		if (j->orphan) {
			job_free(j);
			continue;
		}
		j->state = JOB_IDLE;
		loop_unhold(a->loop);
		j->fn(j->data, j->result);
	}
}

static void forget_running(struct aio *a, const struct aio_job *j)
{
	for (size_t i = 0; i < AIO_EVENTS; i++)
		if (a->running[i] == j)
			a->running[i] = NULL;
	a->n_running--;
}

static void take_in(struct aio *a, const struct io_event *event)
{
	struct aio_job *j = event->data;

	forget_running(a, j);
	if (j->orphan) {
		job_free(j);
	} else if (j->direct && event->res == (unsigned long)-EINVAL) {
		/* Blocks of this file system are larger. */
		move_plainly(j);
	} else if (!account(j, (ssize_t)event->res)) {
		j->state = JOB_QUEUED;
		list_add(&a->queue, j);
	}
}

static void on_event(void *data, uint32_t events UNUSED)
{
	struct io_event ended[AIO_EVENTS];
	struct timespec none = {0};
	struct aio *a = data;
	uint64_t count;
	int n;

	(void)!read(a->event_fd, &count, sizeof(count));
	do {
		n = io_getevents(a->context, 0, AIO_EVENTS, ended, &none);
		for (int i = 0; i < n; i++)
			take_in(a, &ended[i]);
	} while (n == AIO_EVENTS || n == -EINTR);
	advance_all(a);
}

/* --- the whole --- */

int aio_create(struct loop *l, struct aio **ret, struct err *err)
{
	struct aio *a = calloc(1, sizeof(*a));

	if (!a)
		return err_oom(err);
	a->loop = l;
	a->event_fd = -1;
	a->tell = (struct loop_deferred){.fn = on_tell, .data = a};
	list_init(&a->queue);
	list_init(&a->done);
	*ret = a;
	return 0;
}

void aio_destroy(struct aio *a)
{
	struct aio_job *j;

	if (!a)
		return;
	if (a->context)
		io_destroy(a->context);
	loop_fd_remove(a->loop, &a->watcher);
	loop_defer_cancel(a->loop, &a->tell);
	fd_close(&a->event_fd);
	for (size_t i = 0; i < AIO_EVENTS; i++)
		if (a->running[i])
			job_free(a->running[i]);
	while ((j = list_take(&a->queue)) || (j = list_take(&a->done)))
		job_free(j);
	free(a);
}

bool aio_is_kernels(const struct aio *a)
{
	return a->context != NULL;
}

void aio_wait(struct aio *a)
{
	struct pollfd ended = {.fd = a->event_fd, .events = POLLIN};

	while (!a->done.first && a->n_running > 0)
		if (poll(&ended, 1, -1) > 0)
			on_event(a, POLLIN);
	on_tell(a);
}

/* --- jobs --- */

struct aio_job *aio_job_create(struct aio *a, size_t size)
{
	struct aio_job *j = calloc(1, sizeof(*j));
	void *bytes;

	if (!j)
		return NULL;
	if (posix_memalign(&bytes, AIO_ALIGN, size) != 0) {
		free(j);
		return NULL;
	}
	j->aio = a;
	j->bytes = bytes;
	return j;
}

void aio_job_destroy(struct aio_job *j)
{
	if (!j)
		return;
	if (j->state == JOB_IDLE) {
		job_free(j);
		return;
	}
	j->orphan = true;
	loop_unhold(j->aio->loop);
}

void *aio_job_bytes(struct aio_job *j)
{
	return j->bytes;
}

void *aio_job_take(struct aio_job *j)
{
	void *bytes = take_ptr(&j->bytes);

	assert(j->state == JOB_IDLE);
	job_free(j);
	return bytes;
}

static void start(
	struct aio_job *j, bool writes, int fd, size_t len, uint64_t at, aio_fn fn, void *data)
{
	struct aio *a = j->aio;

	assert(j->state == JOB_IDLE);
	j->state = JOB_QUEUED;
	j->writes = writes;
	j->cold = j->direct = false;
	j->fd = fd;
	j->len = len;
	j->at = at;
	j->moved = 0;
	j->fn = fn;
	j->data = data;
	loop_hold(a->loop);
	list_add(&a->queue, j);
	advance_all(a);
}

void aio_read(struct aio_job *j, int fd, size_t len, uint64_t at, aio_fn fn, void *data)
{
	start(j, false, fd, len, at, fn, data);
}

void aio_write(struct aio_job *j, int fd, size_t len, uint64_t at, aio_fn fn, void *data)
{
	start(j, true, fd, len, at, fn, data);
}
