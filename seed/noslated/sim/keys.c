/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/sim/keys.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "runtime/base/duration.h"
#include "runtime/base/err.h"

#define NS_PER_MS UINT64_C(1000000)
#define TEXT_MAX  200

size_t keys_name_len(const char *spec)
{
	return strcspn(spec, ":");
}

int keys_number(
	const char *text, const char *what, double min, double max, double *ret, struct err *err)
{
	char *end;
	const double v = strtod(text, &end);

	if (!*text || *end || strspn(text, "0123456789.eE+-") != strlen(text) ||
		!(v >= min && v <= max))
		return err_say(err, EINVAL, "%s '%s': expected a number from %g to %g", what, text,
			min, max);
	*ret = v;
	return 0;
}

int keys_count(
	const char *text, const char *what, double min, double max, unsigned *ret, struct err *err)
{
	const size_t digits = strspn(text, "0123456789");
	unsigned long v;

	errno = 0;
	v = strtoul(text, NULL, 10);
	if (!digits || text[digits] || errno || (double)v < min || (double)v > max)
		return err_say(err, EINVAL, "%s '%s': expected a whole number from %.0f to %.0f",
			what, text, min, max);
	*ret = (unsigned)v;
	return 0;
}

int keys_bytes(const char *text, const char *what, uint64_t *ret, struct err *err)
{
	static const char units[] = "KMGT";
	const size_t digits = strspn(text, "0123456789");
	const char *unit = text[digits] ? strchr(units, text[digits]) : NULL;
	const unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
	unsigned long long v;

	errno = 0;
	v = strtoull(text, NULL, 10);
	if (!digits || (text[digits] && (!unit || text[digits + 1])) || errno ||
		v > UINT64_MAX >> shift)
		return err_say(err, EINVAL, "%s '%s': expected bytes, such as 1048576, 512M or 16G",
			what, text);
	*ret = (uint64_t)v << shift;
	return 0;
}

static int parse_duration(const char *text, const char *what, uint64_t *ret, struct err *err)
{
	uint64_t ms = 0;

	if (!streq(text, "0") && duration_parse(text, KEYS_DURATION_MAX_MS, &ms) < 0)
		return err_say(err, EINVAL,
			"%s '%s': expected a duration, such as 0, 500ms, 30s or 10m", what, text);
	*ret = ms * NS_PER_MS;
	return 0;
}

static int parse_word(
	const struct key *k, const char *text, const char *what, int *ret, struct err *err)
{
	char list[TEXT_MAX] = "";

	for (int i = 0; k->words[i]; i++) {
		if (streq(k->words[i], text)) {
			*ret = i;
			return 0;
		}
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", i ? ", " : "",
			k->words[i]);
	}
	return err_say(err, EINVAL, "%s '%s': expected one of %s", what, text, list);
}

static int parse_value(
	const struct key *k, const char *text, const char *what, void *to, struct err *err)
{
	switch (k->kind) {
	case KEY_COUNT: return keys_count(text, what, k->min, k->max, to, err);
	case KEY_NUMBER: return keys_number(text, what, k->min, k->max, to, err);
	case KEY_DURATION: return parse_duration(text, what, to, err);
	case KEY_BYTES: return keys_bytes(text, what, to, err);
	case KEY_WORD: return parse_word(k, text, what, to, err);
	case KEY_BOOL:
		if (!streq(text, "yes") && !streq(text, "no"))
			return err_say(err, EINVAL, "%s '%s': expected yes or no", what, text);
		*(bool *)to = streq(text, "yes");
		return 0;
	}
	return -EINVAL;
}

static int parse_pair(char *pair, const struct key *keys, size_t n, char *target, const char *what,
	struct err *err)
{
	char *value = strchr(pair, '=');
	char place[TEXT_MAX];

	if (!value)
		return err_say(err, EINVAL, "%s: expected KEY=VALUE instead of '%s'", what, pair);
	*value++ = '\0';
	for (size_t i = 0; i < n; i++) {
		if (!streq(keys[i].name, pair))
			continue;
		snprintf(place, sizeof(place), "%s: %s", what, pair);
		return parse_value(&keys[i], value, place, target + keys[i].offset, err);
	}
	return err_say(err, EINVAL, "%s: no key '%s'", what, pair);
}

int keys_parse(const char *spec, const struct key *keys, size_t n, void *target, const char *what,
	struct err *err)
{
	const size_t len = keys_name_len(spec);
	_cleanup_free_ char *copy = NULL;
	char *rest, *pair;
	int r;

	if (!spec[len])
		return 0;
	copy = strdup(spec + len + 1);
	if (!copy)
		return err_oom(err);
	rest = copy;
	while ((pair = strsep(&rest, ","))) {
		r = parse_pair(pair, keys, n, target, what, err);
		if (r < 0)
			return r;
	}
	return 0;
}
