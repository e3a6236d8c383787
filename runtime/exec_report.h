/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `turf exec ID aworker report`: a worker's root file system is its JavaScript, and has no
 * program that could ask it. So the process that joined asks by itself, in place of an execve.
 */
#ifndef RUNTIME_EXEC_REPORT_H
#define RUNTIME_EXEC_REPORT_H

#include <stdbool.h>

#include "oci-spec/config.h"
#include "runtime/record.h"
#include "seed/report.h"

struct exec_report {
	struct oci_process process; /* without what only an execve could give; borrows */
	const char *const *words;   /* behind the command */
	pid_t pid;		    /* of the worker, inside */
};

/* It is a worker's container, whose root has no program of that name. */
bool exec_report_wanted(const struct oci_process *process, const struct record *record);
int exec_report_make(const struct oci_process *process, const struct record *record,
	struct exec_report *ret, struct err *err);

/* For box_spawn_function(), with the struct; the exit codes are those of aworker(1). */
int exec_report_run(void *report);

#endif
