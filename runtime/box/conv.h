/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The conversation between a child that comes up and its runtime: SOCK_SEQPACKET,
 * one struct a message, at most one descriptor with it. Both sides allocate nothing
 * and believe nothing: a message of another size or kind ends it.
 *
 * child:   PID? NET_WANTED? STATE_WANTED? CONSOLE? WARNING* (READY | ERROR)
 * runtime: MAPPED?  NET_DONE? STATE?                       RELEASED
 *
 * PID comes only from a process in between that makes the child; MAPPED only with a
 * new user namespace. A child that gets end of file ends.
 */
#ifndef RUNTIME_BOX_CONV_H
#define RUNTIME_BOX_CONV_H

#include <stdint.h>

#include "runtime/base/err.h"

enum conv_type {
	CONV_PID = 1,
	CONV_STATE_WANTED, /* value: the child's pid in its own namespace */
	CONV_CONSOLE,	   /* with the master */
	CONV_WARNING,	   /* text */
	CONV_READY,
	CONV_ERROR, /* value: errno; text */
	CONV_MAPPED,
	CONV_STATE, /* with a memfd: value bytes for createContainer, value2 for startContainer */
	CONV_RELEASED,
	CONV_GO,	 /* `start` to the child, on the gate's socket */
	CONV_GOING,	 /* and the child's answer */
	CONV_NET_WANTED, /* the network namespace is there to move interfaces to */
	CONV_NET_DONE,
	CONV_LISTENER, /* on the gate's socket; value: the descriptor of the seccomp listener */
	CONV_LISTENER_TAKEN,
	CONV_RESTED, /* in place of GOING: registers to go on with are at value + (value2 << 32) */
	CONV_KNOWN,  /* to a child that another process made: its CONV_PID has been heard */
};

struct conv_msg {
	uint32_t type;
	uint32_t value, value2;
	char text[ERR_MSG_MAX]; /* ends in NUL */
};

/* `fd` -1: none. Never SIGPIPE. 0 or a negative errno. */
int conv_send(int conn, const struct conv_msg *msg, int fd);
int conv_say(int conn, enum conv_type type, uint32_t value);
int conv_error(int conn, const struct err *why);

/*
 * 1 with a message, 0 at end of file, -EPROTO for anything that is no message. A
 * descriptor that came is in *ret_fd, owned, else -1; NULL: none is expected.
 */
int conv_recv(int conn, struct conv_msg *ret, int *ret_fd);

/* The error that a message of type ERROR tells. */
int conv_failed(const struct conv_msg *msg, struct err *err);

/* Waits for a message of one type; -EPIPE at end of file, ERROR becomes *err. */
int conv_expect(int conn, enum conv_type type, struct conv_msg *ret, int *ret_fd, struct err *err);

#endif
