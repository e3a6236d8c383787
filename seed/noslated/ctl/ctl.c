/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/ctl/ctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "seed/noslated/ctl/ask.h"

struct ctl_options given;

int ctl_print(const char *text, size_t len, struct err *err)
{
	const int r = fd_write_all(STDOUT_FILENO, text, len);

	return r < 0 ? err_set(err, -r, "write") : 0;
}

bool ctl_has_colour(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && !(no && *no) && term && !streq(term, "dumb");
}

void ctl_terminal_size(unsigned *ret_columns, unsigned *ret_rows)
{
	struct winsize size = {0};

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0)
		size = (struct winsize){0};
	*ret_columns = size.ws_col;
	*ret_rows = size.ws_row;
}

int ctl_print_table(const struct table *t, struct err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	return table_write(t, ctl_has_colour(), 0, 0, &out) ? ctl_print(out.data, out.len, err)
							    : err_oom(err);
}

int ctl_get(const char *target, struct err *err)
{
	_cleanup_buf_ struct buf body = BUF_INIT;

	if (ask_well("GET", target, NULL, 0, &body, err) < 0)
		return -err->code;
	return ctl_print(body.data, body.len, err);
}

int ctl_number(const char *what, const char *text, uint64_t max, uint64_t *ret, struct err *err)
{
	unsigned long long n;

	errno = 0;
	n = strtoull(text, NULL, 10);
	if (!*text || strspn(text, "0123456789") != strlen(text) || errno || n > max)
		return err_say(err, EINVAL, "%s: '%s' is no number up to %llu", what, text,
			(unsigned long long)max);
	*ret = n;
	return 0;
}

void ctl_put_escaped(struct buf *out, const char *text)
{
	static const char plain[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";

	for (; *text; text++)
		if (strchr(plain, *text))
			buf_put(out, text, 1);
		else
			buf_printf(out, "%%%02X", (unsigned char)*text);
}

void ctl_put_function(struct buf *out, const char *name, const char *behind)
{
	buf_puts(out, "/v1/functions/");
	ctl_put_escaped(out, name);
	buf_puts(out, behind);
}
