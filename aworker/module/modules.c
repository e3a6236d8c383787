/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Modules are files, named by absolute path. A specifier is relative ("./x.js", "../x.js"), an
 * absolute path, a file: URL, or a name of the import map; other bare names have no meaning
 * without a package manager and are refused with a hint.
 *
 * What a file that is no script exports is told by its name, as bundlers for workers expect.
 * Which files were loaded is remembered: they are watched (watch.c), and only their source maps
 * are read (stack_map.c). Most of them are read in module_reads.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "aworker/module/import_map.h"
#include "aworker/module/module_path.h"
#include "aworker/worker.h"
#include "aworker/worker_priv.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"

static const struct {
	const char *ending;
	enum engine_module_type type;
} types[] = {
	{".json", ENGINE_MODULE_JSON},
	{".wasm", ENGINE_MODULE_WASM},
	{".txt", ENGINE_MODULE_TEXT},
	{".html", ENGINE_MODULE_TEXT},
	{".sql", ENGINE_MODULE_TEXT},
	{".bin", ENGINE_MODULE_DATA},
};

/* What wrangler leaves behind the name of a file. */
#define WASM_SUFFIX ".wasm?module"

/* Those that are worth a hint when they are imported without "node:". */
static const char *const node_modules[] = {"assert", "async_hooks", "buffer", "child_process",
	"cluster", "console", "constants", "crypto", "dgram", "diagnostics_channel", "dns",
	"domain", "events", "fs", "fs/promises", "http", "http2", "https", "inspector", "module",
	"net", "os", "path", "perf_hooks", "process", "punycode", "querystring", "readline", "repl",
	"stream", "stream/promises", "stream/web", "string_decoder", "timers", "timers/promises",
	"tls", "tty", "url", "util", "v8", "vm", "wasi", "worker_threads", "zlib"};

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), k = strlen(end);

	return n >= k && streq(s + n - k, end);
}

static bool is_of_node(const char *specifier)
{
	if (str_after(specifier, "node:"))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(node_modules); i++)
		if (streq(specifier, node_modules[i]))
			return true;
	return false;
}

/* "https:", "npm:" and the like; a path has none, and a package neither. */
static size_t scheme_len(const char *specifier)
{
	size_t n =
		strspn(specifier, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				  "+-.");

	return specifier[n] == ':' ? n : 0;
}

static int no_path(const char *specifier, struct err *err)
{
	size_t scheme = scheme_len(specifier);

	if (is_of_node(specifier))
		return err_say(err, EINVAL,
			"it is a module of Node.js, which aworker has not: use a Web API, or give "
			"a "
			"replacement by --import-map or by an alias of the bundler");
	if (scheme > 0)
		return err_say(err, EINVAL,
			"modules of '%.*s:' are not fetched: bundle it into the file, or give a "
			"copy by "
			"--import-map",
			(int)scheme, specifier);
	return err_say(err, EINVAL,
		"it is neither a path (./x.js, /x.js) nor a file: URL nor a name of --import-map; "
		"bundle packages into the file");
}

int modules_resolve(
	void *data, const char *specifier, const char *referrer, char **ret_name, struct err *err)
{
	struct worker *w = data;
	_cleanup_free_ char *path = NULL;
	int r = module_path_of(specifier, referrer, &path, err);

	if (r < 0)
		return r;
	if (w && w->import_map) {
		int found = import_map_find(
			w->import_map, path ? path : specifier, referrer, ret_name, err);

		if (found != 0)
			return found < 0 ? found : 0;
	}
	if (r == 0)
		return no_path(specifier, err);
	if (ends_with(path, WASM_SUFFIX))
		*strrchr(path, '?') = '\0';
	*ret_name = take_ptr(&path);
	return 0;
}

int modules_remember(struct worker *w, const char *name, struct err *err)
{
	char *copy = strdup(name);
	char **files = copy ? realloc(w->files, (w->n_files + 1) * sizeof(*files)) : NULL;

	if (!files) {
		free(copy);
		return err_oom(err);
	}
	files[w->n_files++] = copy;
	w->files = files;
	return 0;
}

/* Before it is read: one that is not there yet may come, and is watched for. */
int modules_depend(struct worker *w, const char *name, struct err *err)
{
	if (modules_remember(w, name, err) < 0)
		return -err->code;
	watch_file(w, name);
	return 0;
}

int modules_interpret(struct worker *w, const char *name, enum engine_module_type *ret_type,
	struct buf *source, struct err *err)
{
	*ret_type = ENGINE_MODULE_SCRIPT;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (ends_with(name, types[i].ending))
			*ret_type = types[i].type;
	return w && typescript_is(name) ? typescript_strip(w, name, source, err) : 0;
}

/* One that could not be read ahead. */
static bool is_remembered(const struct worker *w, const char *name)
{
	for (size_t i = w->n_files; i > 0; i--)
		if (streq(w->files[i - 1], name))
			return true;
	return false;
}

int modules_load(void *data, const char *name, enum engine_module_type *ret_type,
	struct buf *ret_source, struct err *err)
{
	struct worker *w = data;
	char *text;
	size_t len;

	if (w && !is_remembered(w, name) && modules_depend(w, name, err) < 0)
		return -err->code;
	if (file_read(AT_FDCWD, name, WORKER_FILE_MAX, &text, &len, err) < 0)
		return -err->code;
	*ret_source = (struct buf){.data = text, .len = len, .cap = len + 1};
	return modules_interpret(w, name, ret_type, ret_source, err);
}

void modules_forget(struct worker *w)
{
	for (size_t i = 0; i < w->n_files; i++)
		free(w->files[i]);
	free_clear(&w->files);
	w->n_files = 0;
	import_map_destroy(w->import_map);
	w->import_map = NULL;
}
