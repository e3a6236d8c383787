/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much of something there was on average, over the last seconds: as many seconds as are asked for, up to
 * WINDOW_SECONDS, the running one included.
 */
#ifndef SEED_NOSLATED_POLICY_WINDOW_H
#define SEED_NOSLATED_POLICY_WINDOW_H

#include <stdint.h>

#define WINDOW_SECONDS 64

struct window {
	double area[WINDOW_SECONDS]; /* of each second: amount times seconds */
	uint64_t began_ns, now_ns;
	double amount;
};

void window_init(struct window *w, uint64_t now_ns);
/* There is so much from now on. */
void window_set(struct window *w, double amount, uint64_t now_ns);
/* Since window_init(), if that is a shorter time. */
double window_average(struct window *w, uint64_t last_ns, uint64_t now_ns);

#endif
