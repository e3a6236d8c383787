/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two readers: people on stderr ("turf: sentence"), machines in the log file
 * (logfmt or the JSON lines that containerd's go-runc reads). Errors go to
 * both, so that a tool that shows only one of them still shows the cause.
 */
#include "runtime/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/rfc3339.h"

#define LOG_MSG_MAX 2048
/* Every byte of a message may become \u00XX. */
#define LOG_LINE_MAX (LOG_MSG_MAX * 6 + 128)

static struct log_config config = {
	.level = LOG_LEVEL_WARN, .format = LOG_FORMAT_TEXT, .fd = -1, .program = "turf"};

static const char *const level_names[] = {"error", "warning", "info", "debug"};

void log_setup(const struct log_config *c)
{
	config = *c;
}

bool log_enabled(enum log_level level)
{
	return level <= config.level;
}

/* Quotes for JSON and for logfmt alike: both take backslash escapes. */
static size_t quote(char *out, const char *s)
{
	char *p = out;

	*p++ = '"';
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			p += sprintf(p, "\\%c", c);
		else if (c == '\n')
			p += sprintf(p, "\\n");
		else if (c < 0x20 || c == 0x7f)
			p += sprintf(p, "\\u%04x", c);
		else
			*p++ = (char)c;
	}
	*p++ = '"';
	*p = '\0';
	return (size_t)(p - out);
}

static void write_file_line(enum log_level level, const char *msg)
{
	char line[LOG_LINE_MAX];
	char quoted[LOG_MSG_MAX * 6 + 3];
	char when[RFC3339_MAX];
	struct timespec now;
	int n;

	clock_gettime(CLOCK_REALTIME, &now);
	rfc3339_seconds(now.tv_sec, when);
	quote(quoted, msg);
	if (config.format == LOG_FORMAT_JSON)
		n = snprintf(line, sizeof(line), "{\"level\":\"%s\",\"msg\":%s,\"time\":\"%s\"}\n",
			level_names[level], quoted, when);
	else
		n = snprintf(line, sizeof(line), "time=\"%s\" level=%s msg=%s\n", when,
			level_names[level], quoted);
	if (n > 0)
		(void)fd_write_all(config.fd, line, (size_t)n);
}

/* Messages quote names and output of others, which must neither break lines nor steer a terminal. */
static void blank_controls(char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
}

static void write_stderr_line(enum log_level level, const char *msg)
{
	char line[LOG_MSG_MAX + 128];
	int n = snprintf(line, sizeof(line), "%s: %s%s\n", config.program,
		level == LOG_LEVEL_WARN ? "warning: " : "", msg);

	size_t len = n < 0 ? 0 : (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1;

	if (len == 0)
		return;
	blank_controls(line, len - 1);
	line[len - 1] = '\n';
	(void)fd_write_all(STDERR_FILENO, line, len);
}

void log_write(enum log_level level, const char *fmt, ...)
{
	int saved = errno;
	char msg[LOG_MSG_MAX];
	va_list ap;

	if (!log_enabled(level))
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	if (config.fd >= 0)
		write_file_line(level, msg);
	if (config.fd < 0 || level == LOG_LEVEL_ERROR)
		write_stderr_line(level, msg);
	errno = saved;
}
