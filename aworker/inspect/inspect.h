/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The debugger: --inspect serves the Chrome DevTools Protocol.
 *
 * It has a loop of its own, which the worker's loop watches. While JavaScript stands at a
 * breakpoint only that one turns, so nothing of the worker happens. A worker without the
 * option has no listener, no descriptor and no inspector of V8.
 *
 * Who may connect: who can reach the address and knows the path, a random UUID that /json tells
 * to requests whose Host is an IP address or "localhost", and which come from no web page.
 */
#ifndef AWORKER_INSPECT_INSPECT_H
#define AWORKER_INSPECT_INSPECT_H

#include "runtime/base/err.h"

struct worker;

#define INSPECT_ADDRESS "127.0.0.1:9229"

/* Debuggers at one time. */
#define INSPECT_SESSIONS_MAX 8

/* A message of a debugger: the source of a script is one. */
#define INSPECT_MESSAGE_MAX ((size_t)128 << 20)

/* What may wait for a debugger; then V8 waits, up to so long, and cuts a silent one off. */
#define INSPECT_QUEUE_HIGH ((size_t)1 << 20)
#define INSPECT_SEND_MS	   30000

/* The three do nothing without the option. Listens, and says where. */
int inspect_open(struct worker *w, struct err *err);
/* --inspect-brk: waits for a debugger, and for its word to go on. */
void inspect_wait(struct worker *w);
/* All has run: waits until the debuggers have gone, unless a signal wants the end. Closes. */
void inspect_close(struct worker *w);

#endif
