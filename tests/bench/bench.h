/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all benches share: rounds, samples, a table for people on stdout, and rows
 * of JSON in $B/bench/NAME.json. A bench gives figures and exits 0 whatever they
 * are; what cannot be measured is a row without a value and with the reason.
 *
 * A bench interleaves its cases with its baselines: each round runs every case
 * once, in an order of its own, so that a noisy minute hits all of them.
 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"

/* Rounds unless BENCH_ROUNDS says otherwise; the first few are run and forgotten. */
#define BENCH_ROUNDS_DEFAULT 40
#define BENCH_WARM_UP	     3
#define BENCH_CASES_MAX	     16

struct bench_samples {
	double *v; /* owned; sorted by bench_sort() */
	size_t n;
	size_t cap;
};

struct bench_case {
	const char *name;
	const char *missing; /* why it cannot run here; NULL when it can */
	/* Runs once: microseconds of wall time, and of CPU where they are known (else negative). */
	int (*run)(const struct bench_case *c, double *ret_wall_us, double *ret_cpu_us,
		struct err *err);
	const void *arg;
	struct bench_samples wall;
	struct bench_samples cpu;
};

double bench_now_us(void);
unsigned bench_rounds(void);
/* For who looks into one of many: BENCH_ONLY is unset, a part of the name, or holds it. */
bool bench_is_wanted(const char *name);

void bench_add(struct bench_samples *s, double v);
/* 0 <= p <= 1; NAN when there is no sample. Sorts. */
double bench_quantile(struct bench_samples *s, double p);
/* Of the wall time. */
double bench_median_ms(struct bench_case *c);

/*
 * Runs all cases that are wanted `rounds` times after the warm-up. A case that fails is reported
 * on stderr and becomes `missing`; the others go on.
 */
void bench_run(struct bench_case *cases, size_t n, unsigned rounds);

/* --- results --- */

struct bench_report;

struct bench_report *bench_report_open(const char *name);

/* What a bar is held against. */
enum bench_bar {
	BENCH_VALUE_AT_MOST,
	BENCH_VALUE_AT_LEAST,
	BENCH_RATIO_AT_MOST,
	BENCH_RATIO_AT_LEAST,
};

/* One figure. `baseline`, `reason`, `samples` may be NULL; `bar` NAN for none; value NAN: missing. */
struct bench_row {
	const char *name;
	const char *metric; /* "wall p50" */
	const char *unit;
	double value;
	const char *baseline;
	double ratio; /* NAN: none */
	double bar;
	enum bench_bar bar_kind;
	const char *reason;
	struct bench_samples *samples;
};

void bench_report_row(struct bench_report *r, const struct bench_row *row);
/* Rows for p10, p50 and p99 of wall and CPU, in ms, of each case, with ratios to `baselines`. */
void bench_report_cases(struct bench_report *r, struct bench_case *cases, size_t n,
	const size_t *baselines, size_t n_b);
/* A row for the median wall time of one case, whose ratio to another is to be at most `bar`. */
void bench_report_ratio(
	struct bench_report *r, struct bench_case *cases, size_t which, size_t against, double bar);

/* "private memory" of that many KiB, at most `bar`; NAN: why is in *err. */
void bench_report_kib(
	struct bench_report *r, const char *name, double value, double bar, const struct err *err);
/* A remark below the table. */
void bench_report_note(struct bench_report *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Prints the table, writes the file, frees. */
int bench_report_close(struct bench_report *r);

/* --- the host, directories, programs and workers --- */

/*
 * Where the v2 hierarchy holds controllers beside v1's, which crun refuses, this process
 * gets a mount namespace without it.
 */
int bench_hide_hybrid(bool *ret_hidden, struct err *err);

/* Makes a directory with a name of its own; *ret is "" on failure. */
int bench_directory(const char *parent, char ret[64], struct err *err);
/* With all that is in it. "" is no error. */
void bench_directory_remove(const char *path);

/* Executes argv with stdout in /dev/null and waits. An exit other than 0 is an error. */
int bench_exec(const char *const *argv, double *ret_wall_us, double *ret_cpu_us, struct err *err);
/* Starts it and comes back at once. */
int bench_start(const char *const *argv, pid_t *ret_pid, struct err *err);
int bench_wait(pid_t pid, int *ret_status, double *ret_cpu_us, struct err *err);
/* Kills and waits. `ret_cpu_us` may be NULL. */
void bench_stop(pid_t pid, double *ret_cpu_us);

/* What the program writes, up to the buffer's size; an exit other than 0 is an error. */
int bench_output(const char *const *argv, char *ret, size_t size, struct err *err);

/* Where PATH has the program; NULL when it has not. Owned by the caller. */
char *bench_find(const char *program);

/*
 * Waits until somebody listens on the Unix socket, sends a GET and returns when the
 * first byte of the answer is there. `pid`: the process that is to bring it up, watched
 * for an early end; 0: none.
 */
#define BENCH_FIRST_BYTE_TIMEOUT_MS 20000
int bench_first_byte(const char *socket_path, pid_t pid, struct err *err);

/* Memory that a process has changed and shares with nobody, in KiB; 0 when it is gone. */
double bench_private_kib(pid_t pid);

/* Path of a program of the build directory, $B/NAME. Not owned, good until the next call. */
const char *bench_program(const char *name);

#endif
