/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/sim/meter.h"

#include <errno.h>

#include "runtime/base/util.h"
#include "seed/noslated/sim/workload.h"

int meter_init(struct meter *m, uint32_t minutes)
{
	memset(m, 0, sizeof(*m));
	m->minutes = calloc(minutes, sizeof(*m->minutes));
	if (!m->minutes)
		return -ENOMEM;
	m->n_minutes = minutes;
	return 0;
}

void meter_finish(struct meter *m)
{
	free_clear(&m->minutes);
}

void meter_advance(struct meter *m, uint64_t now_ns)
{
	const double s = (double)(now_ns - m->last_ns) * 1e-9;
	struct meter_minute *minute = &m->minutes[m->minute];

	minute->worker_s += s * m->workers;
	minute->busy_s += s * m->busy;
	minute->memory_byte_s += s * (double)m->memory;
	m->last_ns = now_ns;
}

void meter_end_minute(struct meter *m)
{
	const struct meter_minute *minute = &m->minutes[m->minute];

	meter_advance(m, (m->minute + 1) * WORKLOAD_MINUTE_NS);
	m->worker_s += minute->worker_s;
	m->busy_s += minute->busy_s;
	m->memory_byte_s += minute->memory_byte_s;
	if (++m->minute < m->n_minutes)
		m->minutes[m->minute].peak = m->workers;
}

void meter_start(struct meter *m, uint64_t now_ns, uint64_t memory)
{
	meter_advance(m, now_ns);
	m->starts++;
	m->memory += memory;
	m->workers++;
	if (m->memory > m->peak_memory)
		m->peak_memory = m->memory;
	if (m->workers > m->peak)
		m->peak = m->workers;
	if (m->workers > m->minutes[m->minute].peak)
		m->minutes[m->minute].peak = m->workers;
}

void meter_gone(struct meter *m, uint64_t now_ns, uint64_t memory)
{
	meter_advance(m, now_ns);
	m->workers--;
	m->memory -= memory;
}

void meter_busy(struct meter *m, uint64_t now_ns, int change)
{
	meter_advance(m, now_ns);
	m->busy += (uint32_t)change;
}

double meter_waste(const struct meter *m)
{
	return m->worker_s > 0 ? 1 - m->busy_s / m->worker_s : 0;
}

double meter_cold_ratio(const struct meter *m)
{
	return m->sent ? (double)m->cold / (double)m->sent : 0;
}

uint64_t meter_refused(const struct meter *m)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < METER_REFUSALS; i++)
		n += m->refused[i];
	return n;
}
