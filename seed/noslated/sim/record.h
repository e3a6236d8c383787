/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a policy was told and what it said, as lines of JSON (README.md): written by a host of the policy,
 * noslate-sim or noslated, and fed into a policy again by replay.h. Functions, requests and workers have
 * numbers from 0, in the order in which they come; those calls that bring one return it.
 *
 * Each call to the policy is recorded before it is made, so that its decisions follow it. Errors are kept
 * until record_close().
 */
#ifndef SEED_NOSLATED_SIM_RECORD_H
#define SEED_NOSLATED_SIM_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "seed/noslated/policy/policy.h"

struct err;
struct record;

#define RECORD_FORMAT  "noslate-policy-record"
#define RECORD_VERSION 2

extern const char *const record_refusals[]; /* words of enum policy_refusal, NULL at the end */

/* Replaces the file. */
int record_open(
	const char *path, const struct policy_limits *limits, struct record **ret, struct err *err);
/* Frees it in any case; what could not be written is an error now. NULL is fine. */
int record_close(struct record *r, struct err *err);

/* What the policy is told. */
uint64_t record_add(
	struct record *r, const char *tenant, const struct policy_settings *settings, uint64_t now);
void record_change(
	struct record *r, uint64_t function, const struct policy_settings *settings, uint64_t now);
void record_remove(struct record *r, uint64_t function, uint64_t now);
uint64_t record_arrive(struct record *r, uint64_t function, uint64_t now);
void record_leave(struct record *r, uint64_t request, uint64_t now);
void record_done(struct record *r, uint64_t request, bool failed, uint64_t now);
void record_ready(struct record *r, uint64_t worker, uint64_t now);
/* It has no time: the last one's. */
void record_measure(struct record *r, uint64_t worker, uint64_t memory);
void record_gone(struct record *r, uint64_t worker, uint64_t now);
void record_tick(struct record *r, uint64_t now);

/* What it says. */
uint64_t record_start(struct record *r, uint64_t function);
void record_stop(struct record *r, uint64_t worker);
void record_send(struct record *r, uint64_t request, uint64_t worker);
void record_refuse(struct record *r, uint64_t request, enum policy_refusal why);

#endif
