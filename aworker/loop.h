/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker's event loop: epoll for descriptors, a heap for timers, a list of
 * deferred calls, one signalfd. No thread, no signal handler, no static state.
 *
 * A loop belongs to the process that initialised it. Before a fork point it is
 * closed; each copy initialises it anew. Every other use by another process is a
 * mistake of ours and asserts.
 *
 * Watchers are embedded in their owner's struct, zero-initialised, and may be
 * removed at any moment, from within any callback too. None is owned by the loop.
 */
#ifndef AWORKER_LOOP_H
#define AWORKER_LOOP_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/types.h>

#include "runtime/base/err.h"

struct loop;

typedef void (*loop_fd_fn)(void *data, uint32_t events); /* EPOLLIN | EPOLLOUT | EPOLLHUP ... */
typedef void (*loop_fn)(void *data);
typedef void (*loop_signal_fn)(void *data, int signal);

struct loop_fd {
	int fd; /* borrowed; valid while `active` */
	uint32_t events;
	loop_fd_fn fn;
	void *data;
	bool active;
	bool background; /* set before adding: does not keep loop_run() going */
};

struct loop_timer {
	uint64_t due_ns; /* CLOCK_MONOTONIC */
	uint64_t order;	 /* of two that are due at once the one started first fires first */
	loop_fn fn;
	void *data;
	size_t slot; /* place in the heap + 1; 0: not running */
	bool background;
};

struct loop_deferred {
	loop_fn fn;
	void *data;
	struct loop_deferred *next;
	struct loop_deferred **prev; /* NULL: not queued */
};

struct loop_signals {
	sigset_t set;
	loop_signal_fn fn;
	void *data;
	struct loop_fd watcher;
};

/* Zero-initialise; then loop_init(). The members are the loop's own. */
struct loop {
	pid_t owner; /* 0: closed */
	int epoll_fd;
	int signal_fd;
	struct loop_signals signals;
	struct loop_timer **heap;
	size_t n_timers;
	size_t heap_cap;
	uint64_t orders;
	struct loop_deferred *deferred;
	struct loop_deferred **deferred_tail;
	struct epoll_event *ready; /* of the current turn; events of removed watchers are NULLed */
	int n_ready;
	size_t n_alive; /* foreground descriptors, timers, deferred calls and holds */
	uint64_t now_ns;
	bool stopped;
	loop_fn after;
	void *after_data;
};

int loop_init(struct loop *l, struct err *err);
/*
 * Gives every descriptor and all memory back. Watchers that are still there are forgotten
 * (their `active` and `slot` are not touched: it is a mistake to have any but signals).
 */
void loop_close(struct loop *l);
bool loop_is_open(const struct loop *l);

/* `fn` runs after every single callback of the loop: the microtask checkpoint. */
void loop_set_after(struct loop *l, loop_fn fn, void *data);

/* Turns until nothing is alive or loop_stop() was called. 0, or a negative errno of epoll. */
int loop_run(struct loop *l, struct err *err);
/* One turn that does not wait: for a loop whose epoll_fd and loop_due_ns() another one watches. */
int loop_poll(struct loop *l, struct err *err);
/* When (CLOCK_MONOTONIC) a timer or a deferred call is due; UINT64_MAX: there is none. */
uint64_t loop_due_ns(const struct loop *l);
/* loop_run() returns after the callback that runs now. The next loop_run() goes on. */
void loop_stop(struct loop *l);

/* CLOCK_MONOTONIC as of the start of this turn, and read anew. */
uint64_t loop_now_ns(const struct loop *l);
uint64_t loop_clock_ns(void);

/* Level-triggered. w->fn and w->data are set by the caller before. 0 or a negative errno. */
int loop_fd_add(struct loop *l, struct loop_fd *w, int fd, uint32_t events);
int loop_fd_modify(struct loop *l, struct loop_fd *w, uint32_t events);
/* Must come before close(2) of the descriptor. Nothing happens when it is not active. */
void loop_fd_remove(struct loop *l, struct loop_fd *w);

/* (Re)starts a one-shot timer; fn and data are set before. It may be started anew in its callback. */
int loop_timer_start(struct loop *l, struct loop_timer *t, uint64_t delay_ns);
void loop_timer_stop(struct loop *l, struct loop_timer *t);
bool loop_timer_is_running(const struct loop_timer *t);

/* Runs fn once, after the callbacks of this turn; queuing twice is the same as once. */
void loop_defer(struct loop *l, struct loop_deferred *d);
void loop_defer_cancel(struct loop *l, struct loop_deferred *d);

/* Keeps loop_run() going (or no longer) for something that the loop does not see. They nest. */
void loop_hold(struct loop *l);
void loop_unhold(struct loop *l);

/* Blocks these signals and delivers them to fn from the loop; once a loop. Background. */
int loop_watch_signals(
	struct loop *l, const sigset_t *set, loop_signal_fn fn, void *data, struct err *err);

#endif
