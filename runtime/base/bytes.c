/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/bytes.h"

#include <errno.h>

#include "runtime/base/util.h"

int bytes_parse(const char *text, uint64_t *ret)
{
	static const struct {
		const char *suffix;
		uint64_t factor;
	} units[] = {{"", 1}, {"k", 1000}, {"M", 1000000}, {"G", 1000000000}, {"Ki", 1u << 10},
		{"Mi", 1u << 20}, {"Gi", 1u << 30}};
	uint64_t v = 0;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	for (; *text >= '0' && *text <= '9'; text++)
		if (__builtin_mul_overflow(v, 10, &v) ||
			__builtin_add_overflow(v, (uint64_t)(*text - '0'), &v))
			return -ERANGE;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (streq(text, units[i].suffix))
			return __builtin_mul_overflow(v, units[i].factor, ret) ? -ERANGE : 0;
	return -EINVAL;
}
