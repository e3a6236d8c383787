/* SPDX-License-Identifier: Apache-2.0 */
/* What a replay keeps: things by their numbers in the record, and decisions that it has yet to tell of. */
#ifndef SEED_NOSLATED_SIM_REPLAY_PRIV_H
#define SEED_NOSLATED_SIM_REPLAY_PRIV_H

#include <stddef.h>

#include "seed/noslated/policy/policy.h"
#include "seed/noslated/sim/replay.h"

struct json_node;

enum verb { START, STOP, SEND, REFUSE };

struct decision {
	enum verb verb;
	uint64_t a, b; /* worker and function, worker, request and worker, request and why */
};

struct request {
	struct policy_request policy;
	uint64_t number;
	struct request *next; /* of those that are no more; freed when the policy has returned */
};

struct worker {
	struct policy_worker *policy;
	uint64_t number;
	unsigned running;
};

/* Things by number. */
struct list {
	void **v; /* owned */
	uint64_t n, cap;
};

enum { FUNCTIONS, REQUESTS, WORKERS, LISTS };
struct replay {
	const char *path;
	unsigned long line;
	struct policy *policy;
	uint64_t now;
	struct list lists[LISTS];
	struct request *over;
	struct decision *made; /* owned; decisions that the record has yet to tell of */
	size_t n_made, next_made, cap_made;
	struct replay_count count;
	int failed; /* negative errno */
};

/* 0 or -ENOMEM. */
int replay_list_add(struct list *l, void *thing);
/* A request is freed when the policy has returned. */
void replay_is_over(struct replay *p, struct request *r);

/* --- replay_tell.c --- */

/* Does what the line of an input says. Errors are sentences without a place. */
int replay_tell(struct replay *p, const char *what, const struct json_node *n, struct err *err);

#endif
