/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The start gate: a socket in the container's state directory on which the
 * created process waits. `start` connects, and learns whether the payload runs:
 * GOING and then end of file is success, a sentence is a failure, end of file
 * alone means that the process died.
 */
#ifndef RUNTIME_BOX_GATE_H
#define RUNTIME_BOX_GATE_H

#include <stdint.h>

#include "runtime/base/err.h"

#define GATE_SOCKET "start"

/* Makes the socket in the directory. Returns a listening descriptor in *ret_fd. */
int gate_listen(int state_dir_fd, int *ret_fd, struct err *err);

/* Takes the descriptor of a seccomp listener, whose number in the container's process is given. */
typedef int (*gate_listener_fn)(void *arg, int remote_fd, struct err *err);

/* Saves a process at rest, whose registers are at that address of its memory. */
typedef int (*gate_rested_fn)(void *arg, uint64_t regs, struct err *err);

struct gate_duties {
	void *arg;
	/* NULL where that cannot be */
	gate_listener_fn listener;
	gate_rested_fn rested;
};

/* Waits for the last words of a process that was told to go; `conn` leads to it. */
int gate_outcome(int conn, const struct gate_duties *duties, struct err *err);

/*
 * Opens the gate and waits for the outcome; at most one caller succeeds, because
 * the socket is removed by the first. -ENOENT when the gate is open already.
 */
int gate_start(int state_dir_fd, struct err *err);
/* The same for a container whose seccomp profile has a listener. */
int gate_start_listening(int state_dir_fd, gate_listener_fn listener, void *arg, struct err *err);

#endif
