/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* Formats into buf and marks what did not fit, so that nobody reads half a path as a whole one. */
static size_t format(char *buf, size_t size, const char *fmt, va_list ap)
{
	int n = vsnprintf(buf, size, fmt, ap);

	if (n < 0) {
		buf[0] = '\0';
		return 0;
	}
	if ((size_t)n < size)
		return (size_t)n;
	memcpy(buf + size - 4, "...", 4);
	return size - 1;
}

int err_set(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	n = format(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	snprintf(err->msg + n, sizeof(err->msg) - n, ": %s",
		strerrordesc_np(code) ?: "unknown error");
	err->code = code;
	return -code;
}

int err_say(struct err *err, int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	format(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	err->code = code;
	return -code;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	char inner[ERR_MSG_MAX];
	va_list ap;
	size_t n;

	memcpy(inner, err->msg, sizeof(inner));
	va_start(ap, fmt);
	n = format(err->msg, sizeof(err->msg), fmt, ap);
	va_end(ap);
	snprintf(err->msg + n, sizeof(err->msg) - n, ": %s", inner);
	return -err->code;
}

int err_oom(struct err *err)
{
	return err_say(err, ENOMEM, "out of memory");
}
