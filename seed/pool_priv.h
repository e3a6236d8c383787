/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parked clones: made before anybody asks for them, each in a PID namespace of its
 * own (the one thing that cannot be changed later), otherwise like any other clone.
 * What a fork takes, and the first touch of memory afterwards, is then done when a
 * request comes; handing over is one message. A parked clone holds nothing of any
 * tenant: no plan, no descriptor but its end of a socket pair.
 */
#ifndef SEED_POOL_PRIV_H
#define SEED_POOL_PRIV_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"
#include "seed/control.h"

struct clone_ground;
struct seed_message;
struct seed_request;

struct pool_clone {
	pid_t pid;
	int pidfd;
	int conn;
	bool ready; /* has said that it waits for its request */
};

struct pool {
	struct pool_clone clones[SEED_PARKED_MAX];
	unsigned n;
	unsigned wanted;
	int64_t due_ms; /* when one more is made; INT64_MAX while none is wanted */
};

void pool_init(struct pool *p, unsigned wanted);

unsigned pool_ready(const struct pool *p);

/* Fills p->n entries of `fds` for poll(2), and hears what came back in them. */
void pool_poll(const struct pool *p, struct pollfd *fds);
void pool_hear(struct pool *p, const struct pollfd *fds, unsigned n);

/*
 * Makes one more when it is due. Returns 1 in a parked clone that has got its request,
 * which is *ret; else 0.
 */
int pool_grow(struct pool *p, const struct clone_ground *g, struct seed_request *ret);

/* Whether a parked clone can become what the request asks for. */
bool pool_suits(const struct seed_message *m);

/*
 * Takes a ready clone out of the pool; the caller owns both descriptors. False: none
 * is ready.
 */
bool pool_take(struct pool *p, struct pool_clone *ret);

/* Hands a request to a clone that was taken. 0, or a negative errno when it is dead. */
int pool_hand_over(const struct pool_clone *c, const struct clone_ground *g, int conn,
	const struct seed_message *m);

/* Ends them all and waits until they are gone. */
void pool_finish(struct pool *p);

#endif
