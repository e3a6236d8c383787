/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the program itself says on standard error: sentences, and errors that nobody caught.
 * On a terminal in colours, unless NO_COLOR is set.
 */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "aworker/worker.h"
#include "aworker/worker_priv.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"

/* A sentence with a file name and a stack of JavaScript behind it. */
#define SAY_MAX 1024

#define BOLD  "\033[1m"
#define RED   "\033[31m"
#define DIM   "\033[2m"
#define PLAIN "\033[0m"

bool worker_colours(int fd)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

	return !(no_color && *no_color) && !(term && streq(term, "dumb")) && isatty(fd);
}

void worker_say(const char *fmt, ...)
{
	const bool colours = worker_colours(STDERR_FILENO);
	char text[SAY_MAX];
	size_t n;
	va_list ap;

	n = (size_t)snprintf(
		text, sizeof(text), "%saworker:%s ", colours ? BOLD : "", colours ? PLAIN : "");
	va_start(ap, fmt);
	vsnprintf(text + n, sizeof(text) - n - 1, fmt, ap);
	va_end(ap);
	n = strlen(text);
	text[n++] = '\n';
	fd_write_all(STDERR_FILENO, text, n);
}

void worker_say_error(struct worker *w, const char *message, const char *stack)
{
	const bool colours = worker_colours(STDERR_FILENO);
	_cleanup_free_ char *mapped_message = w ? stack_map_text(w, message) : NULL;
	_cleanup_free_ char *mapped_stack = w && stack ? stack_map_text(w, stack) : NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	const char *end = colours ? PLAIN : "";

	buf_printf(&text, "%s%s%s\n", colours ? RED : "", mapped_message ? mapped_message : message,
		end);
	if (stack && *stack)
		buf_printf(&text, "%s%s%s\n", colours ? DIM : "",
			mapped_stack ? mapped_stack : stack, end);
	if (!buf_failed(&text))
		fd_write_all(STDERR_FILENO, text.data, text.len);
}
