/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the engine asks of its host: modules, tasks, and a place for errors.
 *
 * Modules are files, named by absolute path. A specifier is relative ("./x.js", "../x.js"), an
 * absolute path or a file: URL; bare names have no meaning without a package manager and
 * are refused with a hint.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "aworker/worker.h"
#include "aworker/worker_priv.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"

/* --- paths --- */

/* In place: "/a/./b/../c" -> "/a/c". */
static void normalise(char *path)
{
	char *out = path, *p = path;

	while (*p) {
		char *end;
		size_t n;

		while (*p == '/')
			p++;
		end = strchrnul(p, '/');
		n = (size_t)(end - p);
		if (n == 2 && strncmp(p, "..", 2) == 0) {
			while (out > path && *--out != '/')
				;
		} else if (n > 0 && !(n == 1 && *p == '.')) {
			*out++ = '/';
			memmove(out, p, n);
			out += n;
		}
		p = end;
	}
	if (out == path)
		*out++ = '/';
	*out = '\0';
}

static char *join(const char *dir, size_t dir_len, const char *path)
{
	struct buf b = BUF_INIT;

	if (*path != '/') {
		buf_put(&b, dir, dir_len);
		buf_puts(&b, "/");
	}
	buf_puts(&b, path);
	if (!buf_failed(&b))
		normalise(b.data);
	return buf_take(&b);
}

char *worker_absolute(const char *path)
{
	_cleanup_free_ char *cwd = *path == '/' ? NULL : getcwd(NULL, 0);

	return join(cwd ? cwd : "", cwd ? strlen(cwd) : 0, path);
}

char *worker_file_url(const char *path)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~!$&'()*+,;=:@/";
	struct buf b = BUF_INIT;

	buf_puts(&b, "file://");
	for (; *path; path++) {
		if (strchr(plain, *path))
			buf_put(&b, path, 1);
		else
			buf_printf(&b, "%%%02X", (unsigned char)*path);
	}
	return buf_take(&b);
}

/* --- modules --- */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The path of "file:///a%20b"; NULL with *err set when it is none. */
static char *path_of_url(const char *url, struct err *err)
{
	const char *p = str_after(url, "file://");
	struct buf b = BUF_INIT;

	if (!p || *p != '/') {
		err_say(err, EINVAL, "'%s' names another machine", url);
		return NULL;
	}
	for (; *p && *p != '?' && *p != '#'; p++) {
		char c = *p;

		if (c == '%' && hex(p[1]) >= 0 && hex(p[2]) >= 0) {
			c = (char)(hex(p[1]) * 16 + hex(p[2]));
			p += 2;
		}
		buf_put(&b, &c, 1);
	}
	if (memchr(b.data, '\0', b.len)) {
		buf_finish(&b);
		err_say(err, EINVAL, "'%s' holds a NUL", url);
		return NULL;
	}
	return buf_take(&b);
}

static int resolve(const char *specifier, const char *referrer, char **ret, struct err *err)
{
	const char *slash = referrer ? strrchr(referrer, '/') : NULL;
	char *path;

	if (str_after(specifier, "file:")) {
		_cleanup_free_ char *decoded = path_of_url(specifier, err);

		if (!decoded)
			return err->code ? -err->code : err_oom(err);
		path = join("", 0, decoded);
	} else if (*specifier == '/' || str_after(specifier, "./") || str_after(specifier, "../")) {
		path = slash ? join(referrer, (size_t)(slash - referrer), specifier)
			     : worker_absolute(specifier);
	} else {
		return err_say(err, EINVAL,
			"cannot import '%s': only paths (./x.js, /x.js) and file: URLs; bundle "
			"packages into the file",
			specifier);
	}
	if (!path)
		return err_oom(err);
	*ret = path;
	return 0;
}

static int host_load(void *data, const char *specifier, const char *referrer, char **ret_name,
	struct buf *ret_source, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	struct worker *w = data;
	char *text;
	size_t len;
	int r;

	r = resolve(specifier, referrer, &path, err);
	if (r < 0)
		return r;
	r = file_read(AT_FDCWD, path, WORKER_FILE_MAX, &text, &len, err);
	if (r < 0)
		return err_wrap(err, "import '%s'", specifier);
	if (w)
		w->imports++;
	*ret_name = take_ptr(&path);
	*ret_source = (struct buf){.data = text, .len = len, .cap = len + 1};
	return 0;
}

/* --- tasks, errors --- */

/*
 * A task that is due keeps the worker alive (WebAssembly compiles so); one for later is the
 * garbage collector's.
 */
static void host_wake(void *data, double delay_ms)
{
	struct worker *w = data;

	if (!w || !loop_is_open(&w->loop))
		return;
	if (delay_ms <= 0)
		loop_timer_start(&w->loop, &w->task_timer, 0);
	else
		loop_timer_start(&w->loop, &w->delayed_timer, (uint64_t)(delay_ms * 1e6));
}

static void host_uncaught(void *data, const char *message, const char *stack)
{
	struct worker *w = data;
	struct buf text = BUF_INIT;
	bool memory = w && w->engine && engine_out_of_memory(w->engine);

	buf_printf(&text, "%s\n", message);
	if (stack && *stack)
		buf_printf(&text, "%s\n", stack);
	if (!buf_failed(&text))
		fd_write_all(STDERR_FILENO, text.data, text.len);
	buf_finish(&text);
	if (w && loop_is_open(&w->loop))
		worker_exit(w, memory ? WORKER_EXIT_ENGINE : WORKER_EXIT_ERROR);
}

static void host_fatal(void *data, const char *message)
{
	(void)data;
	worker_say("the engine cannot go on: %s", message);
	_exit(WORKER_EXIT_ENGINE);
}

const struct engine_host worker_host = {
	.load = host_load,
	.wake = host_wake,
	.uncaught = host_uncaught,
	.fatal = host_fatal,
};
