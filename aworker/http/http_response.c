/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Heads of responses: a status and fields from the worker's code -> bytes.
 *
 * What belongs to the connection is ours and not the worker's: the framing
 * fields are dropped from what it gives and written anew, so that no worker can
 * make a response that a proxy would cut at another place than its client.
 */
#include "aworker/http/http_priv.h"

#include <errno.h>
#include <string.h>

#include "runtime/base/util.h"

#define STATUS_MIN 200
#define STATUS_MAX 599

bool http_status_has_body(int status)
{
	return status != 204 && status != 304;
}

/* --- Date --- */

/*
 * Civil date from days since 1970 (proleptic Gregorian calendar; eras of 400 years that
 * begin on the first of March). gmtime_r() would do, but it takes the time zone's lock and
 * opens a file the first time, which a clone may not have.
 */
static void civil(int64_t days, int *year, int *month, int *day)
{
	int64_t z = days + 719468;
	int64_t era = z / 146097, doe = z % 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*day = (int)(doy - (153 * mp + 2) / 5 + 1);
	*month = (int)(mp < 10 ? mp + 3 : mp - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2));
}

static char *put_digits(char *p, int v, int width)
{
	for (int i = width - 1; i >= 0; i--) {
		p[i] = (char)('0' + v % 10);
		v /= 10;
	}
	return p + width;
}

void http_date(time_t t, char ret[HTTP_DATE_MAX])
{
	static const char days[] = "ThuFriSatSunMonTueWed";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	int64_t s = t < 0 ? 0 : t;
	int rest = (int)(s % 86400), year, month, day;
	char *p = ret;

	civil(s / 86400, &year, &month, &day);
	p = mempcpy(p, days + 3 * (s / 86400 % 7), 3);
	p = mempcpy(p, ", ", 2);
	p = put_digits(p, day, 2);
	*p++ = ' ';
	p = mempcpy(p, months + 3 * (month - 1), 3);
	*p++ = ' ';
	p = put_digits(p, year, 4);
	*p++ = ' ';
	p = put_digits(p, rest / 3600, 2);
	*p++ = ':';
	p = put_digits(p, rest / 60 % 60, 2);
	*p++ = ':';
	p = put_digits(p, rest % 60, 2);
	memcpy(p, " GMT", 5);
}

/* --- checks --- */

/* RFC 9110 field-value and RFC 9112 reason-phrase: no CR, LF, NUL. */
static bool is_value(const char *s, size_t len)
{
	return !memchr(s, '\r', len) && !memchr(s, '\n', len) && !memchr(s, 0, len);
}

int http_response_check(const struct http_response *r, struct err *err)
{
	if (r->status < STATUS_MIN || r->status > STATUS_MAX)
		return err_say(err, ERANGE, "status %d is not within %d and %d", r->status,
			STATUS_MIN, STATUS_MAX);
	if (!is_value(r->reason, r->reason_len))
		return err_say(err, EINVAL, "status text holds CR, LF or NUL");
	if (r->n_strings % 2 != 0)
		return err_say(err, EINVAL, "a header has no value");
	for (size_t i = 0; i < r->n_strings; i += 2) {
		if (!http_is_token(r->strings[i], r->lens[i]))
			return err_say(err, EINVAL, "'%.*s' is no header name",
				(int)(r->lens[i] < 64 ? r->lens[i] : 64), r->strings[i]);
		if (!is_value(r->strings[i + 1], r->lens[i + 1]))
			return err_say(err, EINVAL, "header '%.*s' holds CR, LF or NUL",
				(int)(r->lens[i] < 64 ? r->lens[i] : 64), r->strings[i]);
	}
	return 0;
}

/* --- writing --- */

static const char *reason_of(int status)
{
	static const struct {
		int status;
		const char *reason;
	} reasons[] = {
		{200, "OK"},
		{201, "Created"},
		{202, "Accepted"},
		{203, "Non-Authoritative Information"},
		{204, "No Content"},
		{205, "Reset Content"},
		{206, "Partial Content"},
		{300, "Multiple Choices"},
		{301, "Moved Permanently"},
		{302, "Found"},
		{303, "See Other"},
		{304, "Not Modified"},
		{307, "Temporary Redirect"},
		{308, "Permanent Redirect"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{402, "Payment Required"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{405, "Method Not Allowed"},
		{406, "Not Acceptable"},
		{408, "Request Timeout"},
		{409, "Conflict"},
		{410, "Gone"},
		{411, "Length Required"},
		{412, "Precondition Failed"},
		{413, "Content Too Large"},
		{414, "URI Too Long"},
		{415, "Unsupported Media Type"},
		{416, "Range Not Satisfiable"},
		{417, "Expectation Failed"},
		{418, "I'm a teapot"},
		{421, "Misdirected Request"},
		{422, "Unprocessable Content"},
		{425, "Too Early"},
		{426, "Upgrade Required"},
		{428, "Precondition Required"},
		{429, "Too Many Requests"},
		{431, "Request Header Fields Too Large"},
		{451, "Unavailable For Legal Reasons"},
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{502, "Bad Gateway"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
		{505, "HTTP Version Not Supported"},
		{507, "Insufficient Storage"},
		{511, "Network Authentication Required"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		if (reasons[i].status == status)
			return reasons[i].reason;
	}
	return "";
}

static void put_number(struct buf *out, uint64_t v)
{
	char text[20];
	size_t at = sizeof(text);

	do {
		text[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	buf_put(out, text + at, sizeof(text) - at);
}

static void put_status_line(struct buf *out, int status, const char *reason, size_t len)
{
	buf_puts(out, "HTTP/1.1 ");
	put_number(out, (uint64_t)status);
	buf_puts(out, " ");
	if (len > 0)
		buf_put(out, reason, len);
	else
		buf_puts(out, reason_of(status));
	buf_puts(out, "\r\n");
}

bool http_response_length(const struct http_response *r, uint64_t *ret)
{
	for (size_t i = 0; i < r->n_strings; i += 2) {
		uint64_t v = 0;
		size_t n = r->lens[i + 1];

		if (!http_name_is(r->strings[i], r->lens[i], "content-length"))
			continue;
		for (size_t j = 0; j < n; j++) {
			char c = r->strings[i + 1][j];

			if (c < '0' || c > '9' || v > (UINT64_MAX - 9) / 10)
				return false;
			v = v * 10 + (uint64_t)(c - '0');
		}
		*ret = v;
		return n > 0;
	}
	return false;
}

/* Fields that describe the connection; Content-Length is written by us as well. */
static bool is_ours(const char *name, size_t len)
{
	static const char *const ours[] = {"connection", "keep-alive", "proxy-connection",
		"transfer-encoding", "upgrade", "trailer", "content-length"};

	for (size_t i = 0; i < ARRAY_SIZE(ours); i++) {
		if (http_name_is(name, len, ours[i]))
			return true;
	}
	return false;
}

/* Returns true when there was a Date among them. */
static bool put_fields(struct buf *out, const struct http_response *r, struct http_frame *frame)
{
	bool dated = false;

	for (size_t i = 0; i < r->n_strings; i += 2) {
		const char *name = r->strings[i], *value = r->strings[i + 1];
		size_t n = r->lens[i], len = r->lens[i + 1];

		if (http_name_is(name, n, "connection") && http_list_has(value, len, "close"))
			frame->close = true;
		if (is_ours(name, n))
			continue;
		dated |= http_name_is(name, n, "date");
		buf_put(out, name, n);
		buf_put(out, ": ", 2);
		buf_put(out, value, len);
		buf_put(out, "\r\n", 2);
	}
	return dated;
}

static void put_date(struct buf *out, const char *date)
{
	buf_put(out, "Date: ", 6);
	buf_put(out, date, HTTP_DATE_MAX - 1);
	buf_put(out, "\r\n", 2);
}

void http_response_head(
	struct buf *out, const struct http_response *r, struct http_frame *frame, const char *date)
{
	put_status_line(out, r->status, r->reason, r->reason_len);
	if (!put_fields(out, r, frame))
		put_date(out, date);
	switch (frame->framing) {
	case HTTP_FRAME_NONE: break;
	case HTTP_FRAME_LENGTH:
		buf_puts(out, "Content-Length: ");
		put_number(out, frame->length);
		buf_puts(out, "\r\n");
		break;
	case HTTP_FRAME_CHUNKED: buf_puts(out, "Transfer-Encoding: chunked\r\n"); break;
	case HTTP_FRAME_CLOSE: frame->close = true; break;
	}
	if (frame->close)
		buf_puts(out, "Connection: close\r\n");
	else if (frame->old_client)
		buf_puts(out, "Connection: keep-alive\r\n");
	buf_puts(out, "\r\n");
}

/* What went wrong, for the person at the other end. */
static const char *sentence_of(int status)
{
	switch (status) {
	case 400: return "The request is not valid HTTP/1.1.\n";
	case 408: return "The request did not arrive in time.\n";
	case 414: return "The request target is too long.\n";
	case 417: return "The expectation is not known.\n";
	case 431: return "The header fields are too many or too long.\n";
	case 500: return "The worker failed to answer.\n";
	case 501: return "The method or transfer encoding is not supported.\n";
	case 503: return "The worker is ending.\n";
	case 505: return "The protocol version is not supported.\n";
	default: return "\n";
	}
}

void http_response_refuse(struct buf *out, int status, bool with_body, const char *date)
{
	const char *text = sentence_of(status);

	put_status_line(out, status, "", 0);
	put_date(out, date);
	buf_puts(out, "Content-Type: text/plain;charset=UTF-8\r\nContent-Length: ");
	put_number(out, strlen(text));
	buf_puts(out, "\r\nConnection: close\r\n\r\n");
	if (with_body)
		buf_puts(out, text);
}
