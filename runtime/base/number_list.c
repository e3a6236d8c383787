/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/number_list.h"

#include <errno.h>

#define WORD_BITS 64

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t\n");
}

/* One number below `limit` at *s, which is moved behind it. */
static int take_number(const char **s, size_t limit, size_t *ret, struct err *err)
{
	size_t value = 0;
	const char *c = *s;

	if (*c < '0' || *c > '9')
		return err_say(err, EINVAL, "a number is missing at '%s'", c);
	for (; *c >= '0' && *c <= '9'; c++) {
		value = value * 10 + (size_t)(*c - '0');
		if (value >= limit)
			return err_say(err, ERANGE, "numbers go from 0 to %zu", limit - 1);
	}
	*s = skip_blanks(c);
	*ret = value;
	return 0;
}

int number_list_parse(const char *list, uint64_t *mask, size_t words, struct err *err)
{
	const char *s = skip_blanks(list);
	size_t limit = words * WORD_BITS;

	memset(mask, 0, words * sizeof(*mask));
	while (*s) {
		size_t first, last;

		if (take_number(&s, limit, &first, err) < 0)
			return -err->code;
		last = first;
		if (*s == '-') {
			s = skip_blanks(s + 1);
			if (take_number(&s, limit, &last, err) < 0)
				return -err->code;
		}
		if (last < first)
			return err_say(err, EINVAL, "%zu-%zu is no range", first, last);
		for (size_t i = first; i <= last; i++)
			mask[i / WORD_BITS] |= UINT64_C(1) << i % WORD_BITS;
		if (*s && *s != ',')
			return err_say(err, EINVAL, "unexpected '%s'", s);
		if (*s == ',')
			s = skip_blanks(s + 1);
	}
	return 0;
}
