/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OCI runtime that does the work, as a program that is executed: turf, or any other
 * with runc's command line. What went wrong is read from its log.
 */
#ifndef SHIM_RUNTIME_H
#define SHIM_RUNTIME_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/err.h"
#include "shim/proto/options.pb-c.h"

struct runtime {
	char *binary; /* a path, or a name to be searched in PATH */
	char *root;   /* where it keeps its containers */
	bool systemd_cgroup;
	bool no_pivot_root;
	bool no_new_keyring;
	bool turf; /* it writes exit files, and forks workers when it is told that they are read */
};

/*
 * The runtime that these options (NULL for none) ask for, in `namespace`. A program with
 * the base name "turf" is taken for ours.
 */
int runtime_init(struct runtime *ret, const struct Pb__RuncOptions *options, const char *namespace,
	struct err *err);
void runtime_finish(struct runtime *r);

/* Kept in the bundle, so that "delete" finds what "create" was done with. */
int runtime_save(const struct runtime *r, const char *bundle, struct err *err);
int runtime_load(struct runtime *ret, const char *bundle, struct err *err);
/* After an orderly end: "delete" has nothing to do. */
void runtime_forget(const char *bundle);

struct runtime_result {
	bool ok;
	const char *message; /* why not: one sentence, borrowed */
	const char *output;  /* standard output where it was asked for, borrowed; "" else */
};

typedef void runtime_done_fn(void *arg, const struct runtime_result *result);

/*
 * Executes the runtime with these arguments behind the global ones; at most
 * RUNTIME_ARGS_MAX. `fds` are standard input, output and error of the container that is
 * made; NULL when none is, then `output` is what it prints. `done` is not called when
 * this fails.
 */
#define RUNTIME_ARGS_MAX 32
int runtime_run(const struct runtime *r, const char *const *args, const int *fds,
	runtime_done_fn *done, void *arg, struct err *err);

#endif
