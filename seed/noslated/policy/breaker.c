/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/policy/breaker.h"

#include <string.h>

#include "seed/noslated/policy/policy.h"

bool breaker_admits(struct breaker *b, uint64_t now, bool *ret_trial)
{
	*ret_trial = false;
	if (!b->open)
		return true;
	if (now < b->until_ns || b->tried)
		return false;
	b->tried = *ret_trial = true;
	return true;
}

static void forget(struct breaker *b)
{
	memset(b->served, 0, sizeof(b->served));
	memset(b->failed, 0, sizeof(b->failed));
}

/* Slots that nobody has written to for a whole window are of another one. */
static unsigned slot_of(struct breaker *b, uint64_t window_ns, uint64_t now)
{
	const uint64_t width = window_ns / BREAKER_SLOTS + 1, slot = now / width;

	b->slot_end_ns = (slot + 1) * width;
	if (slot - b->slot >= BREAKER_SLOTS) {
		forget(b);
		b->slot = slot;
	}
	while (b->slot < slot) {
		b->slot++;
		b->served[b->slot % BREAKER_SLOTS] = b->failed[b->slot % BREAKER_SLOTS] = 0;
	}
	return slot % BREAKER_SLOTS;
}

static bool is_too_much(const struct breaker *b, const struct policy_breaker *s)
{
	uint64_t served = 0, failed = 0;

	for (int i = 0; i < BREAKER_SLOTS; i++) {
		served += b->served[i];
		failed += b->failed[i];
	}
	return failed >= s->failures && failed * 100 >= (served + failed) * s->percent;
}

bool breaker_heard(
	struct breaker *b, const struct policy_breaker *s, bool trial, bool failed, uint64_t now)
{
	unsigned at;

	if (s->failures == 0) {
		b->open = b->tried = false;
		return false;
	}
	if (b->open && trial) {
		b->tried = false;
		b->open = failed;
		b->until_ns = now + s->open_ns;
		forget(b);
		return failed;
	}
	/* What was sent before it opened says nothing new. */
	if (b->open)
		return false;
	/* Another window may be set at any time: slots of the old one are good enough until they end. */
	at = now < b->slot_end_ns ? b->slot % BREAKER_SLOTS : slot_of(b, s->window_ns, now);
	if (!failed) {
		b->served[at]++;
		return false;
	}
	b->failed[at]++;
	if (!is_too_much(b, s))
		return false;
	b->open = true;
	b->tried = false;
	b->until_ns = now + s->open_ns;
	return true;
}

void breaker_untried(struct breaker *b)
{
	b->tried = false;
}
