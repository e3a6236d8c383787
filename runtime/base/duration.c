/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/duration.h"

#include <errno.h>

#include "runtime/base/util.h"

int duration_parse(const char *text, uint64_t max_ms, uint64_t *ret_ms)
{
	static const struct {
		const char *unit;
		uint64_t ms;
	} units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
	char *end = (char *)text;
	uint64_t n = 0;

	errno = 0;
	if (*text >= '0' && *text <= '9')
		n = strtoull(text, &end, 10);
	for (size_t i = 0; i < ARRAY_SIZE(units) && end != text; i++) {
		if (!streq(end, units[i].unit))
			continue;
		if (errno || n == 0 || n > max_ms / units[i].ms)
			return -ERANGE;
		*ret_ms = n * units[i].ms;
		return 0;
	}
	return -EINVAL;
}
