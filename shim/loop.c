/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/loop.h"

#include <errno.h>

#include "runtime/base/fd.h"

struct watch {
	uv_poll_t poll;
	int fd;
	watch_fn *fn;
	void *arg;
};

struct timer {
	uv_timer_t timer;
	timer_fn *fn;
	void *arg;
};

static void free_handle(uv_handle_t *h)
{
	free(h->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct watch *w = poll->data;

	w->fn(w->arg, status < 0 ? status : events);
}

struct watch *watch_fd(int fd, int events, watch_fn *fn, void *arg, struct err *err)
{
	struct watch *w = calloc(1, sizeof(*w));
	int r;

	if (!w) {
		fd_close(&fd);
		err_oom(err);
		return NULL;
	}
	*w = (struct watch){.fd = fd, .fn = fn, .arg = arg};
	r = uv_poll_init(uv_default_loop(), &w->poll, fd);
	if (r < 0) {
		err_set(err, -r, "watch a descriptor");
		fd_close(&fd);
		free(w);
		return NULL;
	}
	w->poll.data = w;
	watch_events(w, events);
	return w;
}

void watch_events(struct watch *w, int events)
{
	if (events)
		uv_poll_start(&w->poll, events, on_poll);
	else
		uv_poll_stop(&w->poll);
}

int watch_descriptor(const struct watch *w)
{
	return w->fd;
}

void watch_drop(struct watch **w)
{
	struct watch *old = take_ptr(w);

	if (!old)
		return;
	uv_close((uv_handle_t *)&old->poll, free_handle);
	fd_close(&old->fd);
}

static void on_timer(uv_timer_t *timer)
{
	struct timer *t = timer->data;

	t->fn(t->arg);
}

struct timer *timer_start(uint64_t ms, timer_fn *fn, void *arg)
{
	struct timer *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->fn = fn;
	t->arg = arg;
	uv_timer_init(uv_default_loop(), &t->timer);
	t->timer.data = t;
	uv_timer_start(&t->timer, on_timer, ms, 0);
	return t;
}

void timer_drop(struct timer **t)
{
	struct timer *old = take_ptr(t);

	if (old)
		uv_close((uv_handle_t *)&old->timer, free_handle);
}
