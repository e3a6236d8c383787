/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/module/module_path.h"

#include <errno.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/util.h"

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

char *module_path_join(const char *dir, size_t dir_len, const char *path)
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

char *module_path_absolute(const char *path)
{
	_cleanup_free_ char *cwd = *path == '/' ? NULL : getcwd(NULL, 0);

	return module_path_join(cwd ? cwd : "", cwd ? strlen(cwd) : 0, path);
}

char *module_path_url(const char *path)
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

static char *join_url(const char *url, struct err *err)
{
	_cleanup_free_ char *decoded = path_of_url(url, err);

	return decoded ? module_path_join("", 0, decoded) : NULL;
}

int module_path_of(const char *specifier, const char *referrer, char **ret, struct err *err)
{
	const char *slash = referrer && *referrer == '/' ? strrchr(referrer, '/') : NULL;
	char *path;

	err->code = 0;
	if (str_after(specifier, "file:"))
		path = join_url(specifier, err);
	else if (*specifier != '/' && !str_after(specifier, "./") && !str_after(specifier, "../"))
		return 0;
	else
		path = slash ? module_path_join(referrer, (size_t)(slash - referrer), specifier)
			     : module_path_absolute(specifier);
	if (!path)
		return err->code ? -err->code : err_oom(err);
	*ret = path;
	return 1;
}
