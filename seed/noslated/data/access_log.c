/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/data/access_log.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/decimal.h"
#include "runtime/base/rfc3339.h"
#include "runtime/base/utf8.h"
#include "runtime/base/util.h"

static char *put(char *to, const char *s)
{
	return mempcpy(to, s, strlen(s));
}

/* Milliseconds with three digits behind the point. */
static char *put_ms(char *to, uint64_t us)
{
	to += decimal_put(to, us / 1000);
	*to++ = '.';
	*to++ = (char)('0' + us / 100 % 10);
	*to++ = (char)('0' + us / 10 % 10);
	*to++ = (char)('0' + us % 10);
	return to;
}

/* At most `max` bytes, quotes included; what is no UTF-8 becomes U+FFFD. */
static char *put_text(char *to, struct head_text t, size_t max)
{
	static const char hex[] = "0123456789abcdef";
	const char *end = to + max - 8, *s = t.at;

	*to++ = '"';
	while (s < t.at + t.len && to < end) {
		const unsigned char c = (unsigned char)*s;
		size_t n;

		if (c >= 0x20 && c < 0x7f) {
			if (c == '"' || c == '\\')
				*to++ = '\\';
			*to++ = *s++;
		} else if (c < 0x80) {
			to = put(to, "\\u00");
			*to++ = hex[c >> 4];
			*to++ = hex[c & 15];
			s++;
		} else {
			n = utf8_sequence(s, (size_t)(t.at + t.len - s));
			memcpy(to, n ? s : UTF8_REPLACEMENT, n ? n : 3);
			to += n ? n : 3;
			s += n ? n : 1;
		}
	}
	*to++ = '"';
	return to;
}

static char *put_time(struct access_log *l, char *to)
{
	struct timespec t;
	char text[RFC3339_MAX];

	clock_gettime(CLOCK_REALTIME, &t);
	if (t.tv_sec != l->second || !l->when[0]) {
		rfc3339_seconds(t.tv_sec, text);
		text[strcspn(text, "Z")] = '\0';
		memcpy(l->when, text, strlen(text) < sizeof(l->when) ? strlen(text) + 1 : 0);
		l->second = t.tv_sec;
	}
	to = put(to, l->when);
	*to++ = '.';
	for (long d = 100000000; d >= 1000; d /= 10)
		*to++ = (char)('0' + t.tv_nsec / d % 10);
	return put(to, "Z\"");
}

static char *put_key_text(char *to, const char *key, struct head_text t, size_t max)
{
	return put_text(put(to, key), t, max);
}

static struct head_text text(const char *s)
{
	return (struct head_text){s, strlen(s)};
}

void access_log_write(struct access_log *l, const struct access_line *line)
{
	char *to;

	if (l->fd < 0)
		return;
	if (l->len + ACCESS_LOG_LINE > sizeof(l->buffer))
		access_log_flush(l);
	if (l->len + ACCESS_LOG_LINE > sizeof(l->buffer)) {
		l->dropped++;
		return;
	}
	to = put_time(l, put(l->buffer + l->len, "{\"time\":\""));
	to = put_key_text(to, ",\"id\":", text(line->id), 160);
	to = put_key_text(to, ",\"function\":", text(line->function), 300);
	to = put_key_text(to, ",\"worker\":", text(line->worker), 160);
	to = put_key_text(to, ",\"client\":", text(line->client), 128);
	to = put_key_text(to, ",\"method\":", line->method, 80);
	to = put_key_text(to, ",\"path\":", line->path, 2600);
	to = put(to, ",\"status\":");
	to += decimal_put(to, (uint64_t)line->status);
	if (*line->error)
		to = put_key_text(to, ",\"error\":", text(line->error), 64);
	to = put(to, ",\"in\":");
	to += decimal_put(to, line->in);
	to = put(to, ",\"out\":");
	to += decimal_put(to, line->out);
	to = put_ms(put(to, ",\"queue_ms\":"), line->queue_us);
	to = put_ms(put(to, ",\"first_ms\":"), line->first_us);
	to = put_ms(put(to, ",\"total_ms\":"), line->total_us);
	to = put(to, "}\n");
	l->len = (size_t)(to - l->buffer);
}

void access_log_flush(struct access_log *l)
{
	while (l->fd >= 0 && l->len > 0) {
		const ssize_t n = write(l->fd, l->buffer, l->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		memmove(l->buffer, l->buffer + n, l->len - (size_t)n);
		l->len -= (size_t)n;
	}
}
