/* SPDX-License-Identifier: Apache-2.0 */
/* wrk as the clients of a server that runs on a processor of its own, and what the server spends. */
#ifndef TESTS_BENCH_LOAD_H
#define TESTS_BENCH_LOAD_H

#include <stdbool.h>
#include <sys/types.h>

#include "runtime/base/err.h"

#define LOAD_SERVER_CPU 0
#define LOAD_CLIENT_CPU 1

#define LOAD_ANY_CPU (-1)

/* For the processes that are started from now on. */
void load_use_cpu(int cpu);
/* For one that runs, and those that it starts. */
void load_move(pid_t pid, int cpu);

/* One that nobody had a moment ago. */
unsigned load_free_port(void);
/* Until somebody listens at 127.0.0.1, 20 seconds at most. */
int load_await(unsigned port, struct err *err);

/* Processor time of all its threads that live, in microseconds. */
double load_cpu_us(pid_t pid);

struct load {
	const char *wrk; /* bench_find("wrk") */
	const char *url, *seconds;
	const char *connections; /* NULL: 32 */
	const char *header;	 /* "name: value"; NULL: none */
	const char *script;	 /* of Lua; NULL: none */
	bool anywhere;		 /* on whichever processor */
};

struct load_result {
	double n, rate, p50_us, p99_us; /* answers, and a second */
};

/* An answer other than 2xx and a broken connection are errors. */
int load_run(const struct load *l, struct load_result *ret, struct err *err);

#endif
