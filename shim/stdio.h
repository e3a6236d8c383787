/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard input, output and error of a process in a container, as containerd names them:
 * nothing, a fifo, a file (file://PATH) or a program that takes logs (binary://PROGRAM).
 *
 * Without a terminal the ends of fifos and of a log program's pipes are handed straight to
 * the container: the shim copies nothing and is not woken up. It keeps what makes their
 * other ends outlast a restart of containerd: a reading end of each output. A file of the
 * host is never handed in, it would let a container undo its log: its output is copied.
 * A terminal is copied between its master and the fifos.
 */
#ifndef SHIM_STDIO_H
#define SHIM_STDIO_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"

struct pump;
struct timer;
struct logger;

enum { STDIO_IN, STDIO_OUT, STDIO_ERR, STDIO_N };

typedef void stdio_fn(void *arg, const struct err *err);

struct stdio {
	char *paths[STDIO_N]; /* owned; "" for none */
	bool terminal;
	int give[STDIO_N]; /* for the container, until stdio_started(); -1: /dev/null */
	int keep[STDIO_N]; /* a writing end of the input, reading ends of the outputs */
	int copy[2];	   /* what is copied: from the container, to its file or fifo */
	struct pump *pump_in, *pump_out;
	struct logger *logger;
	int console;	    /* listens until the runtime has sent the master end */
	char *console_path; /* owned; the socket of that */
	int master;
	bool input_closed;
	bool lost; /* a terminal's output goes nowhere: nobody wants it, or nobody is left who did */
	stdio_fn *ready; /* the caller of stdio_open() */
	void *ready_arg;
	void (*drained)(void *arg); /* the caller of stdio_drain() */
	void *drained_arg;
	struct timer *drain_timer;
};

/* Where sockets for consoles are made, and what a log program is told. Borrowed. */
void stdio_setup(const char *socket_dir, const char *namespace);

/* Copies the three paths, which may be NULL. What is made of them by stdio_open() comes later. */
int stdio_init(struct stdio *io, const char *in, const char *out, const char *error, bool terminal,
	struct err *err);

/*
 * Opens everything and calls `ready`, at once or when a log program is ready: with an err of
 * code 0, or with what failed. `id` is the container's.
 */
void stdio_open(struct stdio *io, const char *id, stdio_fn *ready, void *arg);

/* The socket for --console-socket; NULL without a terminal. Borrowed. */
const char *stdio_console_socket(const struct stdio *io);

/* The runtime has made the process: takes its terminal, closes what was handed over. */
int stdio_started(struct stdio *io, struct err *err);

/* The client will send no more. */
void stdio_close_input(struct stdio *io);

/* -ENOTTY without a terminal. */
int stdio_resize(struct stdio *io, uint32_t width, uint32_t height);

/*
 * Calls back when all output of an ended process has been copied, at once or later, at most
 * STDIO_DRAIN_MS later: perhaps nobody reads. A terminal's and a file's output is lost then.
 */
#define STDIO_DRAIN_MS 10000
void stdio_drain(struct stdio *io, void (*drained)(void *arg), void *arg);

/* Closes everything, so that clients read end of file. The paths stay. */
void stdio_close(struct stdio *io);

/* Also forgets the paths; what stdio_init() has made may be finished at any moment. */
void stdio_finish(struct stdio *io);

#endif
