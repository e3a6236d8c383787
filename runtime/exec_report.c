/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/exec_report.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/payload.h"

#define EXIT_USAGE 2

bool exec_report_wanted(const struct oci_process *process, const struct record *record)
{
	_cleanup_close_ int root_fd = -1;
	char path[32];

	if (record->payload == RECORD_EXEC || !process->args[1] ||
		!streq(process->args[1], REPORT_COMMAND))
		return false;
	snprintf(path, sizeof(path), "/proc/%d/root", (int)record->init.pid);
	root_fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return root_fd >= 0 && payload_means_worker(process, root_fd);
}

int exec_report_make(const struct oci_process *process, const struct record *record,
	struct exec_report *ret, struct err *err)
{
	struct exec_report r = {.process = *process, .words = process->args + 2};

	/* Nothing is executed that it could stop, and a filter needs no privilege then. */
	r.process.no_new_privileges = true;
	if (proc_inner_pid(record->init.pid, &r.pid, err) < 0)
		return -err->code;
	*ret = r;
	return 0;
}

static int fail(int code, const struct err *err)
{
	dprintf(STDERR_FILENO, "aworker: %s\n", err->msg);
	return code;
}

int exec_report_run(void *report)
{
	const struct exec_report *r = report;
	struct report_options options = {.pid = r->pid};
	struct err err = ERR_INIT;

	if (report_parse(r->words, &options, &err) < 0)
		return fail(EXIT_USAGE, &err);
	return report_print(&options, &err) < 0 ? fail(EXIT_FAILURE, &err) : EXIT_SUCCESS;
}
