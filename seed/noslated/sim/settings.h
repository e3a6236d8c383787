/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the policy by name: for the command line, and for records. */
#ifndef SEED_NOSLATED_SIM_SETTINGS_H
#define SEED_NOSLATED_SIM_SETTINGS_H

#include <stddef.h>

#include "seed/noslated/policy/policy.h"
#include "seed/noslated/sim/keys.h"

struct err;

/* Of struct policy_settings: every field of it. */
extern const struct key settings_keys[];
extern const size_t settings_n_keys;

#define SETTINGS_NAME_MAX 120

/* A policy that a run is to compare. */
struct settings {
	char name[SETTINGS_NAME_MAX];
	struct policy_settings values; /* but for what a function itself says */
};

/* "keep-alive", "turf:idle=5s". `concurrency` is what workers have where nothing else is said. */
int settings_parse(const char *spec, unsigned concurrency, struct settings *ret, struct err *err);
/* What each key by itself cannot tell. `what` begins the error. */
int settings_check(const struct policy_settings *s, const char *what, struct err *err);
/* The n-th policy that is known by name; NULL: there are no more. */
const char *settings_known(size_t n);
/* What it stands for, one line. */
const char *settings_about(size_t n);

#endif
