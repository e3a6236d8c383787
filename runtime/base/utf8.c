/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/utf8.h"

#include <stdint.h>

#include "runtime/base/util.h"

/* Length by the first byte, and the range of the second, which excludes what is not well-formed. */
static const struct {
	uint8_t first_lo, first_hi, second_lo, second_hi, len;
} shapes[] = {
	{0xc2, 0xdf, 0x80, 0xbf, 2},
	{0xe0, 0xe0, 0xa0, 0xbf, 3},
	{0xe1, 0xec, 0x80, 0xbf, 3},
	{0xed, 0xed, 0x80, 0x9f, 3},
	{0xee, 0xef, 0x80, 0xbf, 3},
	{0xf0, 0xf0, 0x90, 0xbf, 4},
	{0xf1, 0xf3, 0x80, 0xbf, 4},
	{0xf4, 0xf4, 0x80, 0x8f, 4},
};

size_t utf8_sequence(const char *s, size_t len)
{
	const uint8_t *u = (const uint8_t *)s;

	if (len == 0)
		return 0;
	if (u[0] < 0x80)
		return 1;
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		if (u[0] < shapes[i].first_lo || u[0] > shapes[i].first_hi)
			continue;
		if (len < shapes[i].len || u[1] < shapes[i].second_lo || u[1] > shapes[i].second_hi)
			return 0;
		for (size_t k = 2; k < shapes[i].len; k++)
			if ((u[k] & 0xc0) != 0x80)
				return 0;
		return shapes[i].len;
	}
	return 0;
}
