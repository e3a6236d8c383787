/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller's side of a seed: connect, ask for a clone, start and query keepers.
 * Every call has a deadline; every failure is a sentence that names the seed.
 */
#ifndef SEED_CLIENT_H
#define SEED_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"
#include "seed/control.h"

/* How long to wait for a seed's answer, for a keeper's, and for a new seed to get ready. */
#define SEED_REQUEST_TIMEOUT_MS 5000
#define SEED_CONTROL_TIMEOUT_MS 3000
#define SEED_START_TIMEOUT_MS	30000

/* What a clone gets. Nothing is owned: descriptors stay the caller's. */
struct seed_call {
	int plan_fd; /* sealed memfd */
	size_t plan_len;
	uint64_t clone_flags; /* CLONE_NEW* */
	int state_dir_fd;     /* O_PATH directory for `exit`; -1: no exit file */
	int pidns_fd;	      /* PID namespace to join, or -1 */
	int cgroup_fd;	      /* v2 cgroup directory to be born in, or -1 */
	int image_fd;	      /* state image to go on from, or -1 */
	bool sees_host;	      /* the clone has to see the files of the host */
	const int *fds;
	size_t n_fds;
	const char *worker; /* executable that the seed should be running; NULL: the usual one */
};

#define SEED_CALL_INIT                                                                             \
	{                                                                                          \
		.plan_fd = -1, .state_dir_fd = -1, .pidns_fd = -1, .cgroup_fd = -1, .image_fd = -1 \
	}

struct seed_clone {
	int conn;  /* from now on the clone's: its side of the conversation with the runtime */
	pid_t pid; /* in the host's PID namespace */
	int pidfd;
};

/* Connects to the seed's clone socket. -ENOENT or -ECONNREFUSED: there is no such seed. */
int seed_connect(const char *name, int *ret_conn, struct err *err);

/*
 * Sends one request and waits for the clone. Takes over `conn` (it is closed on
 * failure, and part of *ret on success). Errors worth telling apart: -ESTALE the
 * seed is of another build (its keeper is replacing it), -EUSERS the limit of clones
 * is reached, -EAGAIN it is not ready, -EPIPE it died meanwhile, -ETIMEDOUT. After each
 * of them a cold start is possible.
 */
int seed_request(const char *name, int conn, const struct seed_call *call, struct seed_clone *ret,
	struct err *err);

/* The bare message, for a cold worker at the other end of a socketpair; no answer is awaited. */
int seed_send(int conn, const struct seed_call *call, struct err *err);

struct seed_start {
	const char *name;
	const char
		*worker; /* executable that the seed should run; NULL: what its keeper was told */
	const char *keeper;	/* executable of the keeper; NULL: paths_program("turf-seed") */
	unsigned max_clones;	/* 0: the default */
	const unsigned *parked; /* clones that wait for requests; NULL: the default */
	bool background;	/* return as soon as the keeper runs; its seed gets ready later */
};

/*
 * Starts a keeper by executing turf-seed and waits until its seed is ready, unless in
 * the background. The keeper holds no descriptor and no session of the caller's.
 * -EEXIST: it runs. When the seed does not get ready the keeper ends again and the
 * sentence says why; in the background it goes on trying, and seed_info() tells.
 */
int seed_start(const struct seed_start *start, struct err *err);

/* -ENOENT when no keeper runs under that name. */
int seed_info(const char *name, struct seed_info *ret, struct err *err);

/* -EBUSY while clones live, unless `force` (they live on, but without an exit file). */
int seed_stop(const char *name, bool force, struct err *err);

/* Names of the seeds whose keeper answers or whose directory is left; NULL-terminated, sorted. */
int seed_names(char ***ret, struct err *err);

#endif
