/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the data plane writes beside its answers, as the control plane tells it: statistics and traces, whose
 * files are mapped, and the access log.
 */
#ifndef SEED_NOSLATED_DATA_TELEMETRY_H
#define SEED_NOSLATED_DATA_TELEMETRY_H

#include <stdbool.h>
#include <uv.h>

struct data_plane;
struct spans;
struct stats;

struct data_telemetry {
	struct data_plane *plane;
	uv_timer_t again;
	char *stats_path;
	struct stats *stats;
	struct spans *spans;
};

void data_telemetry_init(struct data_telemetry *t, uv_loop_t *loop, struct data_plane *plane);
/* False: it is none of these messages ("stats", "spans", "access-log"). */
bool data_telemetry_take(struct data_telemetry *t, const char *kind, const char *file);
/* Counts no more, so that another plane can. */
void data_telemetry_leave(struct data_telemetry *t);
/* Before the plane is destroyed; data_telemetry_finish() when its memory is freed. */
void data_telemetry_close(struct data_telemetry *t);
void data_telemetry_finish(struct data_telemetry *t);

#endif
