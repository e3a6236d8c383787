/* SPDX-License-Identifier: Apache-2.0 */
/* What a line of a record (record.h) says. Errors are sentences without a place. */
#ifndef SEED_NOSLATED_SIM_REPLAY_READ_H
#define SEED_NOSLATED_SIM_REPLAY_READ_H

#include "seed/noslated/policy/policy.h"

struct err;
struct json_node;

int replay_read_head(const struct json_node *n, struct policy_limits *ret, struct err *err);
int replay_read_settings(const struct json_node *n, struct policy_settings *ret, struct err *err);
/* Index of the word that a member has. */
int replay_read_word(const struct json_node *n, const char *key, const char *const *words, int *ret,
	struct err *err);

#endif
