/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the debugger know of each other. */
#ifndef AWORKER_INSPECT_INSPECT_PRIV_H
#define AWORKER_INSPECT_INSPECT_PRIV_H

#include "aworker/http/http_server.h"
#include "aworker/inspect/inspect.h"
#include "aworker/loop.h"
#include "aworker/ws/websocket.h"

#define INSPECT_ID_SIZE 37

struct inspect_session {
	struct inspect *inspect;
	struct inspect_session *next;
	struct ws_conn *conn;
	uint32_t id;
	bool gone; /* to be freed when no loop's callback is on the stack */
};

struct inspect {
	struct worker *worker;
	struct loop loop;
	struct loop_fd turn;	 /* `loop`, in the worker's loop */
	struct loop_timer timer; /* its earliest timer, likewise */
	struct loop_fd wake;	 /* signals, in `loop`, while the worker's does not turn */
	struct loop_timer tick;
	uint64_t tick_ns;
	struct http_listener listener;
	struct http_server *http;
	struct inspect_session *sessions;
	unsigned n_sessions;
	uint32_t serial;
	char id[INSPECT_ID_SIZE]; /* the path of the WebSocket */
	/* The message to carry out next; a loop stops for each. */
	struct buf message;
	uint32_t message_for;
	bool has_message;
	bool waiting; /* --inspect-brk, ... */
	bool ran;     /* ... until a debugger says to run */
	bool alone;   /* the last session has gone */
	bool resumed; /* JavaScript no longer stands */
	bool busy;    /* a message is being carried out */
};

/* --- inspect_http.c --- */

extern const struct http_handler inspect_http_handler; /* its data is the inspect */

/* --- inspect.c --- */

/* The descriptor is the session's. */
int inspect_session_open(struct inspect *in, int fd, const struct buf *rest, struct err *err);

/* --- inspect_signal.c: a debugger that talks to a worker which computes --- */

/* SIGIO of these descriptors interrupts JavaScript from now on. */
void inspect_signal_open(struct inspect *in);
void inspect_signal_watch(int fd);
void inspect_signal_close(void);
/* Serves what has come; called between two statements of JavaScript. */
void inspect_interrupted(void *data);

#endif
