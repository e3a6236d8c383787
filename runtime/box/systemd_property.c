/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/box/systemd_property.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/buf.h"

/* Shorter names systemd has not. */
#define NAME_MIN 3

/* Between the strings of a list; no string holds it. */
#define LIST_SEPARATOR "\t"

#define US_PER_S 1000000

static const struct number_type {
	const char *word;
	const char *dbus;
	int64_t min;
	uint64_t max;
} number_types[] = {
	{"byte", "y", 0, UINT8_MAX},
	{"int16", "n", INT16_MIN, INT16_MAX},
	{"uint16", "q", 0, UINT16_MAX},
	{"int32", "i", INT32_MIN, INT32_MAX},
	{"uint32", "u", 0, UINT32_MAX},
	{"int64", "x", INT64_MIN, INT64_MAX},
	{"uint64", "t", 0, UINT64_MAX},
	{"double", "d", 0, 0},
};

static const struct number_type *const type_int32 = &number_types[3];
static const struct number_type *const type_double = &number_types[7];

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " ");
}

/* Appends what is between the quotes and moves behind them; false for what is no string. */
static bool take_string(struct buf *b, const char **text)
{
	const char *s = *text;
	char quote = *s++;

	if (quote != '\'' && quote != '"')
		return false;
	for (; *s != quote; s++) {
		if (*s == '\\' && (s[1] == '\\' || s[1] == '\'' || s[1] == '"'))
			s++;
		else if (*s == '\\')
			return false;
		if (iscntrl((unsigned char)*s))
			return false;
		buf_put(b, s, 1);
	}
	*text = s + 1;
	return true;
}

static bool put_strings(struct buf *b, const char *name, const char *text)
{
	buf_printf(b, "%s as ", name);
	for (const char *s = text + 1;;) {
		s = skip_blanks(s);
		if (!take_string(b, &s))
			return false;
		s = skip_blanks(s);
		if (*s == ']')
			return *skip_blanks(s + 1) == '\0';
		if (*s++ != ',')
			return false;
		buf_puts(b, LIST_SEPARATOR);
	}
}

static bool put_string(struct buf *b, const char *name, const char *text)
{
	buf_printf(b, "%s s ", name);
	return take_string(b, &text) && *skip_blanks(text) == '\0';
}

static bool is_in(const struct number_type *type, bool negative, uint64_t magnitude)
{
	if (negative)
		return type->min < 0 && magnitude <= (uint64_t) - (type->min + 1) + 1;
	return magnitude <= type->max;
}

/* "StopSec" -> "StopUSec"; false for other names, of which "USec" is one. */
static bool is_in_seconds(const char *name)
{
	size_t len = strlen(name);

	return len > NAME_MIN && streq(name + len - 3, "Sec") &&
	       islower((unsigned char)name[len - 4]);
}

static bool put_microseconds(struct buf *b, const char *name, double seconds)
{
	double us = seconds * US_PER_S;

	if (!(us >= 0 && us < 0x1p64))
		return false;
	buf_printf(b, "%.*sUSec t %" PRIu64, (int)strlen(name) - 3, name, (uint64_t)us);
	return true;
}

/* Moves behind the word that says it; without one the number itself does. */
static const struct number_type *take_type(const char **text)
{
	for (size_t i = 0; i < ARRAY_SIZE(number_types); i++) {
		const char *rest = str_after(*text, number_types[i].word);

		if (rest && *rest == ' ') {
			*text = skip_blanks(rest);
			return &number_types[i];
		}
	}
	return strpbrk(*text, ".eE") && !strpbrk(*text, "xX") ? type_double : type_int32;
}

static bool put_real(struct buf *b, const char *name, const char *text)
{
	char *end;
	double value = strtod(text, &end);

	if (*skip_blanks(end) != '\0' || !isfinite(value))
		return false;
	if (is_in_seconds(name))
		return put_microseconds(b, name, value);
	buf_printf(b, "%s d %.17g", name, value);
	return true;
}

static bool put_number(struct buf *b, const char *name, const char *text)
{
	const struct number_type *type = take_type(&text);
	bool negative = *text == '-';
	uint64_t magnitude;
	char *end;

	if (!isdigit((unsigned char)text[negative]))
		return false;
	if (type == type_double || is_in_seconds(name))
		return put_real(b, name, text);
	errno = 0;
	magnitude = strtoull(text + negative, &end, 0);
	if (errno != 0 || *skip_blanks(end) != '\0' || !is_in(type, negative, magnitude))
		return false;
	buf_printf(b, "%s %s %s%" PRIu64, name, type->dbus, negative ? "-" : "", magnitude);
	return true;
}

static bool put_value(struct buf *b, const char *name, const char *text)
{
	if (*text == '[')
		return put_strings(b, name, text);
	if (*text == '\'' || *text == '"')
		return put_string(b, name, text);
	if (!streq(text, "true") && !streq(text, "false"))
		return put_number(b, name, text);
	buf_printf(b, "%s b %s", name, text);
	return true;
}

int systemd_property_put(struct buf *b, const char *name, const char *text, struct err *err)
{
	_cleanup_buf_ struct buf line = BUF_INIT;
	size_t letters = 0;

	while (isalpha((unsigned char)name[letters]))
		letters++;
	if (name[letters] != '\0' || letters < NAME_MIN)
		return err_say(err, EINVAL,
			"annotations['" SYSTEMD_PROPERTY_ANNOTATION "%s']: '%s' is no name of a "
			"property",
			name, name);
	if (strlen(text) > SYSTEMD_PROPERTY_VALUE_MAX)
		return err_say(err, EINVAL,
			"annotations['" SYSTEMD_PROPERTY_ANNOTATION "%s']: longer than %d bytes",
			name, SYSTEMD_PROPERTY_VALUE_MAX);
	if (!put_value(&line, name, skip_blanks(text)))
		return err_say(err, EINVAL,
			"annotations['" SYSTEMD_PROPERTY_ANNOTATION "%s']: '%s' is none of true, "
			"false, 'string', number, ['list', 'of', 'strings']",
			name, text);
	if (buf_failed(&line))
		return err_oom(err);
	buf_printf(b, "%s\n", line.data);
	return 0;
}
