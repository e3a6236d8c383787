/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker that runs tells of itself: heap, requests, how long it has run.
 *
 * Who asks binds a datagram socket to an abstract name made of a random number, and queues
 * REPORT_SIGNAL with that number to the worker, again until it answers. The worker sends one
 * datagram there: text for people, or an object of JSON, as the number says. The kernel tells
 * who sent it, so nobody else can answer. Both have to be in one network namespace.
 */
#ifndef SEED_REPORT_H
#define SEED_REPORT_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"

/* One that does nothing to a process that is no worker. */
#define REPORT_SIGNAL SIGURG

#define REPORT_MAX 8192 /* bytes of one */

/* How long a worker may take, for instance because it computes. */
#define REPORT_TIMEOUT_MS 5000

/* The command: `aworker report [--json] [PID]`. */
#define REPORT_COMMAND "report"

struct report_options {
	bool json;
	pid_t pid;
};

/* `words` follow the command, NULL-terminated. What they do not say is kept. -EINVAL. */
int report_parse(const char *const *words, struct report_options *ret, struct err *err);

/*
 * Asks, and writes what comes to stdout. -ESRCH: no such process; -EPERM: not ours to ask;
 * -ETIMEDOUT. Allocates nothing.
 */
int report_print(const struct report_options *options, struct err *err);

/* --- the worker's end --- */

/* The format that is asked for by the number of a signal. */
bool report_wants_json(uint64_t number);
/* Lost where nobody listens any more; never blocks. */
void report_answer(uint64_t number, const void *text, size_t len);

#endif
