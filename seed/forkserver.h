/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The side of warmfork that runs inside a worker process. A seed calls
 * seed_serve() at its fork point; a cold worker calls seed_receive_one(). Both
 * return with the same struct seed_request, after which the two go one way.
 */
#ifndef SEED_FORKSERVER_H
#define SEED_FORKSERVER_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/err.h"
#include "seed/wire.h"

/*
 * Hidden options of the worker's command line. "--seed-serve=LISTEN,KEEPER" makes
 * it a seed: two descriptor numbers for seed_serve(). "--seed-cold=FD" makes it a
 * cold worker: one for seed_receive_one().
 */
#define SEED_OPTION_SERVE "--seed-serve="
#define SEED_OPTION_COLD  "--seed-cold="

struct seed_request {
	int conn;	  /* the conversation with the runtime goes on here; owned */
	const void *plan; /* mapped read-only from the sealed memfd */
	size_t plan_len;
	int fds[SEED_FDS_MAX]; /* the plan's descriptors, in its order; owned; O_CLOEXEC */
	size_t n_fds;
	int image_fd;	  /* state image to go on from, or -1; owned */
	int pagemap_fd;	  /* with one: /proc/self/pagemap, or -1; owned */
	uint64_t missing; /* CLONE_NEW* that were asked for and have yet to be made by unshare(2) */
	bool bare;	  /* no file of the host is seen: the root is an empty directory */
};

/*
 * Serves clone requests until the process ends. Returns 0 only in a clone, which
 * then has: no descriptor but 0-2 (/dev/null), conn and the plan's; all signals at
 * default and none blocked; a session of its own; dumpable 0; and whose pid the
 * keeper and the client already know. Returns a negative errno in the seed when
 * the keeper is gone or the set-up fails: the seed then ends.
 *
 * From the call until the return in a clone nothing is allocated, no stdio is
 * touched and no lock is taken. Where it can, the process leaves the files of the host
 * (seed_request.bare); its clones return to them where they have to see them.
 */
int seed_serve(int listen_fd, int keeper_fd, struct seed_request *ret, struct err *err);

/*
 * Runs `run` in a clone made and settled as those of seed_serve() are, but a child
 * of ours and without any descriptor, and waits for it. 0 when it returned 0. The
 * worker calls it before seed_serve(), with a function that runs JavaScript: a
 * seed whose clones cannot run must not say ready.
 */
int seed_trial(int (*run)(void *arg), void *arg, int timeout_ms, struct err *err);

/* Parses the two numbers behind SEED_OPTION_SERVE. */
int seed_serve_parse(const char *arg, int *ret_listen_fd, int *ret_keeper_fd, struct err *err);

/*
 * The same request on an inherited socket, for a process that is its own
 * container already: no fork, the same state on return. The socket becomes conn.
 */
int seed_receive_one(int fd, struct seed_request *ret, struct err *err);

/* Unmaps the plan; descriptors are left alone (the box closes what it used). */
void seed_request_finish(struct seed_request *req);

#endif
