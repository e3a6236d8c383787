/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mksnapshot FILE: runs the platform's scripts and writes the startup snapshot
 * that is linked into aworker. A program of the build, never installed.
 *
 * It also proves what would otherwise be found out on somebody's server: that the
 * snapshot starts, and that a forked copy of an engine lives with this libnode.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "aworker/builtin.h"
#include "aworker/ops/ops.h"
#include "aworker/v8/engine.h"
#include "runtime/base/fd.h"

static int try_snapshot(
	const struct engine_options *made_with, const void *blob, size_t len, struct err *err)
{
	struct engine_options options = *made_with;
	struct engine *e;
	int rc;

	options.snapshot = blob;
	options.snapshot_len = len;
	rc = engine_create(&options, &e, err);
	if (rc < 0)
		return err_wrap(err, "start from the new snapshot");
	engine_fork_prepare(e);
	rc = engine_self_test_fork(e, err);
	engine_destroy(e);
	return rc;
}

int main(int argc, char **argv)
{
	/* Ops have no worker yet: host.data is NULL. */
	struct engine_options options = {
		.ops = ops_table(), .sources = builtin_sources, .n_sources = builtin_n_sources};
	_cleanup_free_ void *blob = NULL;
	struct err err = ERR_INIT;
	struct engine *e;
	size_t len = 0;
	int rc;

	if (argc != 2) {
		fprintf(stderr, "usage: mksnapshot FILE\n");
		return 2;
	}
	rc = options.ops ? engine_create_for_snapshot(&options, &e, &err) : err_oom(&err);
	if (rc == 0)
		rc = engine_snapshot_take(e, &blob, &len, &err);
	if (rc == 0)
		rc = try_snapshot(&options, blob, len, &err);
	if (rc == 0)
		rc = file_write_atomic(AT_FDCWD, argv[1], blob, len, 0644, &err);
	if (rc < 0) {
		fprintf(stderr, "mksnapshot: %s\n", err.msg);
		return 1;
	}
	return 0;
}
