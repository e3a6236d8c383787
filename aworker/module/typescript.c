/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TypeScript: types are stripped, line by line, by a script that hack/typescript-deps fetches.
 * It is loaded with the first file that needs it, and forgotten when the main file has run.
 * Nothing is checked, and no other file is looked at.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "aworker/worker.h"
#include "aworker/worker_priv.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"

#define SCRIPT	   "typescript.js"
#define SCRIPT_MAX (4u << 20)

bool typescript_is(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && (streq(dot, ".ts") || streq(dot, ".mts"));
}

/* Where libnode is looked for, too. */
static int read_script(char **ret, size_t *ret_len, struct err *err)
{
	char exe[PATH_MAX], path[PATH_MAX + 32];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	exe[n > 0 ? n : 0] = '\0';
	slash = strrchr(exe, '/');
	if (slash) {
		*slash = '\0';
		snprintf(path, sizeof(path), "%s/lib/" SCRIPT, exe);
		if (file_read(AT_FDCWD, path, SCRIPT_MAX, ret, ret_len, err) == 0)
			return 0;
		snprintf(path, sizeof(path), "%s/../lib/turf/" SCRIPT, exe);
		if (file_read(AT_FDCWD, path, SCRIPT_MAX, ret, ret_len, err) == 0)
			return 0;
	}
	return file_read(AT_FDCWD, TURF_LIBDIR "/" SCRIPT, SCRIPT_MAX, ret, ret_len, err);
}

static int load_script(struct worker *w, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (engine_has_tool(w->engine))
		return 0;
	if (read_script(&text, &len, err) < 0)
		return err_say(err, ENOENT,
			"TypeScript needs '" TURF_LIBDIR "/" SCRIPT
			"', which is not here: bundle the file with esbuild");
	return engine_load_tool(w->engine, SCRIPT, text, len, err);
}

int typescript_strip(struct worker *w, const char *name, struct buf *source, struct err *err)
{
	struct buf stripped = BUF_INIT;

	if (load_script(w, err) < 0)
		return -err->code;
	if (engine_use_tool(
		    w->engine, source->data ? source->data : "", source->len, &stripped, err) < 0) {
		buf_finish(&stripped);
		return err_wrap(err, "%s", name);
	}
	buf_finish(source);
	*source = stripped;
	return 0;
}
