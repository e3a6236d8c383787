/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first process of noslated: starts the control plane, again when it dies, and keeps descriptors for it
 * meanwhile, as systemd does for its services: listening sockets, links to the other processes. It knows of
 * nothing else, and so has little reason to die. When it does, all of noslated ends in order.
 *
 * SIGTERM, SIGINT and SIGUSR1 are passed on to the control plane; with the first two it ends. After SIGHUP it executes its
 * program again, which may be another one by now, and so does the control plane.
 */
#ifndef SEED_NOSLATED_SUPERVISOR_H
#define SEED_NOSLATED_SUPERVISOR_H

#include "runtime/base/err.h"

/* Descriptors that it keeps. */
#define SUPERVISOR_KEPT_MAX 64

/*
 * `argv` is that of this process. Returns when the control plane has ended, with its status, or a negative
 * errno.
 */
int supervisor_run(const char *program, char **argv, struct err *err);

/* --- the control plane's side --- */

/* A status of the control plane that says: once more, at once. */
#define SUPERVISOR_AGAIN 75

struct store_kept {
	char *name;
	int fd; /* -1: it was taken */
};

struct store {
	int socket;
	struct store_kept kept[SUPERVISOR_KEPT_MAX]; /* when this process began */
	size_t n;
};

/* What was kept for this process. -EBADF: it has no supervisor. */
int store_open(struct store *s, struct err *err);
void store_close(struct store *s);
/* The caller's from now on; kept until store_drop(). -1: there is none. */
int store_take(struct store *s, const char *name);
/* Keeps a copy of it. */
int store_keep(const struct store *s, const char *name, int fd, struct err *err);
void store_drop(const struct store *s, const char *name);
/* From now on it is worth to be started again. */
void store_ready(const struct store *s);

#endif
