/* SPDX-License-Identifier: Apache-2.0 */
/* noslate-code at work (code/code.h), while the loop goes on. */
#ifndef SEED_NOSLATED_CONTROL_CODE_JOB_H
#define SEED_NOSLATED_CONTROL_CODE_JOB_H

#include <uv.h>

#include "runtime/base/err.h"
#include "seed/noslated/code/digest.h"

struct code_job;

/* Those that run. */
struct code_jobs {
	uv_loop_t *loop;
	struct code_job *first;
};

/* How it went; `d` is what it answers, where that is a digest. */
typedef void (*code_job_fn)(void *arg, const struct digest *d, const struct err *err);

struct code_job_options {
	const char *act;
	const char *args[2];	   /* NULL: no more */
	int tree, source, scratch; /* -1: none; borrowed until code_job_start() returns */
	code_job_fn done;	   /* never called before that */
	void *arg;
};

/* At most what code.h allows, and after CODE_JOB_MS it is killed. */
#define CODE_JOB_MS (10 * 60 * 1000)

int code_job_start(struct code_jobs *all, const struct code_job_options *o, struct code_job **ret,
	struct err *err);
/* It ends soon, and done() says so. */
void code_job_kill(struct code_job *job);
/* Kills all and waits for them, where the loop does not run any more; done() is not called. */
void code_jobs_finish(struct code_jobs *all);

#endif
