/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/policy/window.h"

#define NS_PER_S UINT64_C(1000000000)

void window_init(struct window *w, uint64_t now_ns)
{
	*w = (struct window){.began_ns = now_ns, .now_ns = now_ns};
}

static double *area_of(struct window *w, uint64_t second)
{
	return &w->area[second % WINDOW_SECONDS];
}

void window_set(struct window *w, double amount, uint64_t now_ns)
{
	uint64_t second = w->now_ns / NS_PER_S, last = now_ns / NS_PER_S;

	/* What is older than the window need not be told apart. */
	if (last - second > WINDOW_SECONDS) {
		second = last - WINDOW_SECONDS;
		w->now_ns = second * NS_PER_S;
	}
	for (; second < last; second++) {
		*area_of(w, second) += w->amount * (double)((second + 1) * NS_PER_S - w->now_ns) /
				       (double)NS_PER_S;
		w->now_ns = (second + 1) * NS_PER_S;
		*area_of(w, second + 1) = 0;
	}
	*area_of(w, last) += w->amount * (double)(now_ns - w->now_ns) / (double)NS_PER_S;
	w->now_ns = now_ns;
	w->amount = amount;
}

double window_average(struct window *w, uint64_t last_ns, uint64_t now_ns)
{
	const uint64_t last = now_ns / NS_PER_S;
	uint64_t seconds = last_ns / NS_PER_S, from;
	double area = 0;

	window_set(w, w->amount, now_ns);
	if (seconds >= WINDOW_SECONDS)
		seconds = WINDOW_SECONDS - 1;
	from = last >= seconds ? last - seconds : 0;
	if (from < w->began_ns / NS_PER_S)
		from = w->began_ns / NS_PER_S;
	for (uint64_t s = from; s <= last; s++)
		area += *area_of(w, s);
	from = from * NS_PER_S > w->began_ns ? from * NS_PER_S : w->began_ns;
	return now_ns > from ? area * (double)NS_PER_S / (double)(now_ns - from) : w->amount;
}
