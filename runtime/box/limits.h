/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker keeps to by itself, before the kernel has to make it. 0: no limit of this kind. */
#ifndef RUNTIME_BOX_LIMITS_H
#define RUNTIME_BOX_LIMITS_H

#include <stdint.h>

/* With less stack than that the worker's own code would fail. */
#define BOX_LIMIT_STACK_MIN ((uint64_t)64 << 10)

/* The longest of the times. */
#define BOX_LIMIT_MAX_MS (UINT64_C(9999) * 60 * 60 * 1000)

struct box_limits {
	uint64_t memory;  /* bytes, of its own cgroup */
	uint64_t heap;	  /* bytes, of its JavaScript alone */
	uint64_t stack;	  /* bytes, of its JavaScript */
	uint64_t cpu_ms;  /* of processor time in all */
	uint64_t task_ms; /* of processor time until it comes back to its loop */
};

#endif
