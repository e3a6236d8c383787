/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event loop: see loop.h for what it promises.
 *
 * One turn is: wait, descriptors, due timers, deferred calls; `after` runs behind
 * each single callback. Descriptors are level-triggered, so whatever a turn leaves
 * undone (because the loop was stopped) is found again by the next one.
 *
 * Invariants:
 * - heap[i]->slot == i + 1, and no timer is later than its children.
 * - n_alive counts the active foreground watchers, running foreground timers, queued
 *   deferred calls and holds; the loop runs while it is not 0.
 * - An event whose watcher was removed in the same turn has data.ptr == NULL, so that a
 *   watcher's memory may be freed as soon as it is removed.
 *
 * The owner check costs a syscall, so it stands where a loop crosses a fork by mistake
 * (init, run, add, close) and not where each request passes.
 */
#include "aworker/loop.h"

#include <errno.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"

/* Events taken per wait; the rest comes with the next one. */
#define LOOP_EVENTS_MAX 64

/* Signals taken per read of the signalfd. */
#define LOOP_SIGNALS_MAX 8

/* First capacity of the timer heap; it doubles. */
#define LOOP_HEAP_MIN 16

#define NS_PER_MS 1000000u

static void assert_owner(const struct loop *l)
{
	assert(l->owner == getpid());
}

uint64_t loop_clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

uint64_t loop_now_ns(const struct loop *l)
{
	return l->now_ns;
}

bool loop_is_open(const struct loop *l)
{
	return l->owner != 0;
}

int loop_init(struct loop *l, struct err *err)
{
	int fd;

	assert(l->owner == 0);
	fd = epoll_create1(EPOLL_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "create an epoll descriptor");
	*l = (struct loop){
		.owner = getpid(),
		.epoll_fd = fd,
		.signal_fd = -1,
		.now_ns = loop_clock_ns(),
	};
	l->deferred_tail = &l->deferred;
	return 0;
}

void loop_close(struct loop *l)
{
	if (!loop_is_open(l))
		return;
	assert_owner(l);
	fd_close(&l->signal_fd);
	fd_close(&l->epoll_fd);
	free(l->heap);
	*l = (struct loop){.epoll_fd = -1, .signal_fd = -1};
}

void loop_set_after(struct loop *l, loop_fn fn, void *data)
{
	l->after = fn;
	l->after_data = data;
}

static void run_after(struct loop *l)
{
	if (l->after)
		l->after(l->after_data);
}

/* --- descriptors --- */

int loop_fd_add(struct loop *l, struct loop_fd *w, int fd, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = w};

	assert_owner(l);
	assert(!w->active);
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0)
		return -errno;
	w->fd = fd;
	w->events = events;
	w->active = true;
	if (!w->background)
		l->n_alive++;
	return 0;
}

int loop_fd_modify(struct loop *l, struct loop_fd *w, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = w};

	assert(w->active);
	if (w->events == events)
		return 0;
	if (epoll_ctl(l->epoll_fd, EPOLL_CTL_MOD, w->fd, &event) < 0)
		return -errno;
	w->events = events;
	return 0;
}

void loop_fd_remove(struct loop *l, struct loop_fd *w)
{
	if (!w->active)
		return;
	epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
	for (int i = 0; i < l->n_ready; i++) {
		if (l->ready[i].data.ptr == w)
			l->ready[i].data.ptr = NULL;
	}
	w->active = false;
	if (!w->background)
		l->n_alive--;
}

static void run_fds(struct loop *l)
{
	for (int i = 0; i < l->n_ready && !l->stopped; i++) {
		struct loop_fd *w = l->ready[i].data.ptr;

		if (!w)
			continue;
		w->fn(w->data, l->ready[i].events);
		run_after(l);
	}
}

/* --- timers --- */

static bool is_before(const struct loop_timer *a, const struct loop_timer *b)
{
	if (a->due_ns != b->due_ns)
		return a->due_ns < b->due_ns;
	return a->order < b->order;
}

static void heap_place(struct loop *l, size_t i, struct loop_timer *t)
{
	l->heap[i] = t;
	t->slot = i + 1;
}

static void heap_sift_up(struct loop *l, size_t i, struct loop_timer *t)
{
	while (i > 0) {
		size_t parent = (i - 1) / 2;

		if (!is_before(t, l->heap[parent]))
			break;
		heap_place(l, i, l->heap[parent]);
		i = parent;
	}
	heap_place(l, i, t);
}

static void heap_sift_down(struct loop *l, size_t i, struct loop_timer *t)
{
	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= l->n_timers)
			break;
		if (child + 1 < l->n_timers && is_before(l->heap[child + 1], l->heap[child]))
			child++;
		if (!is_before(l->heap[child], t))
			break;
		heap_place(l, i, l->heap[child]);
		i = child;
	}
	heap_place(l, i, t);
}

/* Puts a timer whose key has changed, or that is new at slot i, where it belongs. */
static void heap_fix(struct loop *l, size_t i, struct loop_timer *t)
{
	if (i > 0 && is_before(t, l->heap[(i - 1) / 2]))
		heap_sift_up(l, i, t);
	else
		heap_sift_down(l, i, t);
}

static int heap_reserve(struct loop *l)
{
	size_t cap = l->heap_cap ? l->heap_cap * 2 : LOOP_HEAP_MIN;
	struct loop_timer **heap;

	if (l->n_timers < l->heap_cap)
		return 0;
	heap = reallocarray(l->heap, cap, sizeof(*heap));
	if (!heap)
		return -ENOMEM;
	l->heap = heap;
	l->heap_cap = cap;
	return 0;
}

int loop_timer_start(struct loop *l, struct loop_timer *t, uint64_t delay_ns)
{
	uint64_t now = loop_clock_ns();

	assert(loop_is_open(l));
	if (t->slot == 0) {
		int r = heap_reserve(l);

		if (r < 0)
			return r;
		l->n_timers++;
		if (!t->background)
			l->n_alive++;
		t->slot = l->n_timers;
	}
	t->due_ns = delay_ns > UINT64_MAX - now ? UINT64_MAX : now + delay_ns;
	t->order = l->orders++;
	heap_fix(l, t->slot - 1, t);
	return 0;
}

void loop_timer_stop(struct loop *l, struct loop_timer *t)
{
	size_t i = t->slot - 1;
	struct loop_timer *last;

	if (t->slot == 0)
		return;
	last = l->heap[--l->n_timers];
	if (last != t)
		heap_fix(l, i, last);
	t->slot = 0;
	if (!t->background)
		l->n_alive--;
}

bool loop_timer_is_running(const struct loop_timer *t)
{
	return t->slot != 0;
}

static void run_timers(struct loop *l)
{
	/* Those that the callbacks start have to wait a turn, or descriptors would starve. */
	uint64_t first_new = l->orders;

	while (l->n_timers > 0 && !l->stopped) {
		struct loop_timer *t = l->heap[0];

		if (t->due_ns > l->now_ns || t->order >= first_new)
			break;
		loop_timer_stop(l, t);
		t->fn(t->data);
		run_after(l);
	}
}

/* Milliseconds until there is something to do, rounded up so that no timer is early; -1: none. */
static int wait_ms(const struct loop *l)
{
	uint64_t now, ms;

	if (l->deferred)
		return 0;
	if (l->n_timers == 0)
		return -1;
	now = loop_clock_ns();
	if (l->heap[0]->due_ns <= now)
		return 0;
	ms = (l->heap[0]->due_ns - now + NS_PER_MS - 1) / NS_PER_MS;
	return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

/* --- deferred calls --- */

static void deferred_unlink(struct loop *l, struct loop_deferred *d)
{
	*d->prev = d->next;
	if (d->next)
		d->next->prev = d->prev;
	else
		l->deferred_tail = d->prev;
	d->prev = NULL;
	d->next = NULL;
	l->n_alive--;
}

void loop_defer(struct loop *l, struct loop_deferred *d)
{
	assert(loop_is_open(l));
	if (d->prev)
		return;
	d->next = NULL;
	d->prev = l->deferred_tail;
	*l->deferred_tail = d;
	l->deferred_tail = &d->next;
	l->n_alive++;
}

void loop_defer_cancel(struct loop *l, struct loop_deferred *d)
{
	if (d->prev)
		deferred_unlink(l, d);
}

/*
 * A marker behind the last one ends the round: what the callbacks queue runs in the next
 * turn. It lies on the stack, and whoever is cancelled meanwhile cannot be the end.
 */
static void run_deferred(struct loop *l)
{
	struct loop_deferred marker = {0};

	if (!l->deferred)
		return;
	loop_defer(l, &marker);
	while (!l->stopped && l->deferred != &marker) {
		struct loop_deferred *d = l->deferred;

		deferred_unlink(l, d);
		d->fn(d->data);
		run_after(l);
	}
	deferred_unlink(l, &marker);
}

/* --- holds, running --- */

void loop_hold(struct loop *l)
{
	l->n_alive++;
}

void loop_unhold(struct loop *l)
{
	assert(l->n_alive > 0);
	l->n_alive--;
}

static int turn(struct loop *l, int ms, struct err *err)
{
	struct epoll_event events[LOOP_EVENTS_MAX];
	int n = epoll_wait(l->epoll_fd, events, LOOP_EVENTS_MAX, ms);

	if (n < 0 && errno != EINTR)
		return err_set(err, errno, "wait for events");
	l->now_ns = loop_clock_ns();
	l->ready = events;
	l->n_ready = n < 0 ? 0 : n;
	run_fds(l);
	l->ready = NULL;
	l->n_ready = 0;
	run_timers(l);
	run_deferred(l);
	return 0;
}

int loop_run(struct loop *l, struct err *err)
{
	int r = 0;

	assert_owner(l);
	l->stopped = false;
	while (r == 0 && l->n_alive > 0 && !l->stopped)
		r = turn(l, wait_ms(l), err);
	return r;
}

int loop_poll(struct loop *l, struct err *err)
{
	assert_owner(l);
	l->stopped = false;
	return turn(l, 0, err);
}

uint64_t loop_due_ns(const struct loop *l)
{
	if (l->deferred)
		return 0;
	return l->n_timers > 0 ? l->heap[0]->due_ns : UINT64_MAX;
}

void loop_stop(struct loop *l)
{
	l->stopped = true;
}

/* --- signals --- */

static void on_signals(void *data, uint32_t events)
{
	struct loop *l = data;
	struct signalfd_siginfo infos[LOOP_SIGNALS_MAX];
	ssize_t n = read(l->signal_fd, infos, sizeof(infos));

	(void)events;
	for (ssize_t i = 0; i < n / (ssize_t)sizeof(infos[0]); i++)
		l->signals.fn(l->signals.data, (int)infos[i].ssi_signo);
}

int loop_watch_signals(
	struct loop *l, const sigset_t *set, loop_signal_fn fn, void *data, struct err *err)
{
	struct loop_fd *w = &l->signals.watcher;
	_cleanup_close_ int fd = -1;
	int r;

	assert(l->signal_fd == -1);
	fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return err_set(err, errno, "create a signal descriptor");
	l->signals = (struct loop_signals){.set = *set, .fn = fn, .data = data};
	*w = (struct loop_fd){.fn = on_signals, .data = l, .background = true};
	r = loop_fd_add(l, w, fd, EPOLLIN);
	if (r < 0)
		return err_set(err, -r, "watch the signal descriptor");
	/* Last, so that a failure leaves the signals as they were. */
	if (sigprocmask(SIG_BLOCK, set, NULL) < 0) {
		r = err_set(err, errno, "block signals");
		loop_fd_remove(l, w);
		return r;
	}
	l->signal_fd = take_fd(&fd);
	return 0;
}
