/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random numbers by counter: what number is drawn depends on the seed and on what it is for, never on what
 * was drawn before. So each policy sees the same arrivals and durations, in whatever order it asks.
 *
 * A key is the state of a splitmix64 generator for one purpose, function and minute; the n-th number of
 * that generator is reached without the ones before.
 */
#ifndef SEED_NOSLATED_SIM_RANDOM_H
#define SEED_NOSLATED_SIM_RANDOM_H

#include <stdint.h>

enum random_purpose {
	RANDOM_ARRIVAL = 1,
	RANDOM_DURATION,
	RANDOM_START,
	RANDOM_COUNT,
	RANDOM_SHAPE,
};

#define RANDOM_STEP UINT64_C(0x9e3779b97f4a7c15)

static inline uint64_t random_mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static inline uint64_t random_key(
	uint64_t seed, enum random_purpose purpose, uint32_t function, uint32_t minute)
{
	const uint64_t z = random_mix(seed + (uint64_t)purpose * RANDOM_STEP);

	return random_mix(z + ((uint64_t)function << 32 | minute) * RANDOM_STEP);
}

static inline uint64_t random_at(uint64_t key, uint64_t n)
{
	return random_mix(key + (n + 1) * RANDOM_STEP);
}

/* Of [0, 1). */
static inline double random_unit(uint64_t key, uint64_t n)
{
	return (double)(random_at(key, n) >> 11) * 0x1p-53;
}

#endif
