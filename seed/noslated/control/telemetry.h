/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All that others are told of what happens here: statistics, metrics, traces, the access log. Whoever makes
 * workers tells the meter; the data plane is told where to count.
 */
#ifndef SEED_NOSLATED_CONTROL_TELEMETRY_H
#define SEED_NOSLATED_CONTROL_TELEMETRY_H

#include "runtime/base/err.h"

struct control;
struct control_options;
struct link;
struct meter;
struct stats;
struct telemetry;

/* What OpenTelemetry's variables say, and defaults; options of the command line come after it. */
int telemetry_environment(struct control_options *o, struct err *err);
/* A number of 0 to 1; `name` is for the error. */
int telemetry_parse_ratio(const char *name, const char *text, double *ret, struct err *err);

int telemetry_open(struct control *c, struct telemetry **ret, struct err *err);
/* NULL is fine. */
void telemetry_close(struct telemetry *t);

/* For a data plane, before its set. */
void telemetry_tell(struct telemetry *t, struct link *link);
/* The access log was moved away: another file is begun. */
void telemetry_reopen(struct telemetry *t);
/* A set was taken, or was not. */
void telemetry_applied(struct telemetry *t);
void telemetry_refused(struct telemetry *t);
/* Gauges of the node. */
void telemetry_refresh(struct telemetry *t);

struct meter *telemetry_meter(struct telemetry *t);
const struct stats *telemetry_stats(const struct telemetry *t);

#endif
