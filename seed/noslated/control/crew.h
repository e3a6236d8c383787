/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The makers (maker.h) of a control plane, and what they have yet to do. Whatever a maker dies of costs the
 * order that it was at; another maker is started in its place.
 */
#ifndef SEED_NOSLATED_CONTROL_CREW_H
#define SEED_NOSLATED_CONTROL_CREW_H

#include <stdbool.h>
#include <uv.h>

#include "runtime/base/err.h"

/* As many as there are processors, and one more for burials. */
#define CREW_MAX 17
/* Burials that wait for the last maker alone; of more all of them do some. */
#define CREW_BURIALS 32

struct crew;
struct link_message;

struct crew_options {
	uv_loop_t *loop;
	const char *program, *root; /* borrowed; `root`: of containers */
	int lock_fd;		    /* borrowed; each maker has a copy while it lives */
	/* Of each order to make: a pidfd that is to be taken, or why there is none. */
	void (*made)(void *arg, const char *worker, int *pidfd);
	void (*failed)(void *arg, const char *worker, const char *why);
	void (*idle)(void *arg); /* nothing is left to be done, or is at the moment */
	void *arg;
};

int crew_create(const struct crew_options *options, struct crew **ret, struct err *err);
/* Ends the makers; orders are forgotten. NULL is fine. */
void crew_destroy(struct crew *c);

/* The message is copied. -ENOMEM. */
int crew_make(struct crew *c, const struct link_message *m);
int crew_bury(struct crew *c, const char *socket);
/* True when no maker has begun with it: nobody hears of it any more. */
bool crew_cancel(struct crew *c, const char *worker);
/* Nothing is left to be done. */
bool crew_is_idle(const struct crew *c);
/* No further order is begun with. */
void crew_rest(struct crew *c);
bool crew_is_at_rest(const struct crew *c);

#endif
