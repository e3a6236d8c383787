/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/data/ids.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/random.h>

int ids_init(struct ids *ids)
{
	if (getrandom(ids->state, sizeof(ids->state), 0) != sizeof(ids->state))
		return -errno;
	ids->state[0] |= 1;
	return 0;
}

static uint64_t rotate(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

/* xoshiro256++ */
static uint64_t next(struct ids *ids)
{
	uint64_t *s = ids->state;
	const uint64_t result = rotate(s[0] + s[3], 23) + s[0], t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

static char *put_hex(char *to, uint64_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 60; i >= 0; i -= 4)
		*to++ = digits[n >> i & 15];
	return to;
}

void ids_make(struct ids *ids, char to[IDS_MADE + 1])
{
	/* No part of a trace may be all zeros. */
	to = put_hex(to, next(ids) | 1);
	to = put_hex(to, next(ids));
	*to = '\0';
}

void ids_make_trace(struct ids *ids, const char id[IDS_MADE], char to[IDS_TRACE + 1])
{
	to = mempcpy(to, "00-", 3);
	to = mempcpy(to, id, IDS_MADE);
	*to++ = '-';
	strcpy(put_hex(to, next(ids) | 1), "-00");
}

bool ids_request_is_sane(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && (!s[i] || !strchr("-_.:+/=@", s[i])))
			return false;
	return len > 0 && len <= IDS_REQUEST_MAX;
}

static bool is_hex(const char *s, size_t len)
{
	bool zero = true;

	for (size_t i = 0; i < len; i++) {
		if (!isdigit((unsigned char)s[i]) && (s[i] < 'a' || s[i] > 'f'))
			return false;
		zero &= s[i] == '0';
	}
	return !zero;
}

bool ids_trace_is_sane(const char *s, size_t len)
{
	return len == IDS_TRACE && memcmp(s, "00-", 3) == 0 && is_hex(s + 3, 32) && s[35] == '-' &&
	       is_hex(s + 36, 16) && s[52] == '-' && isxdigit((unsigned char)s[53]) &&
	       isxdigit((unsigned char)s[54]);
}
