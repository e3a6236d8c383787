/* SPDX-License-Identifier: Apache-2.0 */
/*
 * By the queue, and by what is expected. Nobody else has to wait, or is stopped, for a worker that is only
 * expected to be wanted.
 */
#include "seed/noslated/policy/policy_priv.h"

unsigned scale_forecast(struct policy_function *f, uint64_t now, uint64_t *due)
{
	const struct policy_settings *s = &f->settings;
	const unsigned wanted = scale_queue(f, now, due);
	const unsigned expected = forecast_expected(&f->forecast, s->idle_ns, now, due);
	const unsigned ahead = (f->n_running + s->concurrency - 1) / s->concurrency + expected;

	if (ahead <= wanted || node_is_short(f->policy, SCARCE_START) ||
		!node_has(f->policy, SCARCE_START, f) || tenant_is_full(f->tenant, SCARCE_START, f))
		return wanted;
	return ahead;
}
