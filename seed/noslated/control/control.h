/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control plane: keeps the set of functions, makes workers and buries them, keeps the data plane
 * running, and answers noslatectl.
 *
 * What is applied is written before it is told, so that a restart finds it: STATE/functions.json. Below RUN
 * are the admin socket, workers' sockets and, for each function, the bundle of its containers; below LOG what
 * workers print.
 */
#ifndef SEED_NOSLATED_CONTROL_CONTROL_H
#define SEED_NOSLATED_CONTROL_CONTROL_H

#include <stddef.h>

#include "runtime/base/err.h"
#include "seed/noslated/control/otlp_export.h"

#define CONTROL_LISTEN_MAX 16

struct control_options {
	const char *program;	       /* noslated itself: what the data plane is executed from */
	const char *root;	       /* of containers */
	const char *run, *state, *log; /* directories; made when they are not there */
	const char *listen[CONTROL_LISTEN_MAX]; /* HOST:PORT or unix:PATH, for the data plane */
	size_t n_listen;
	const char *metrics;	  /* HOST:PORT or unix:PATH, for who reads them; NULL: none */
	const char *access_log;	  /* absolute, or "-"; NULL: none */
	struct otlp_options otlp; /* where traces go */
	double trace_ratio;	  /* of requests that belong to no trace */
};

/* Until SIGTERM or SIGINT. Descriptors have been reserved (workers_reserve()). */
int control_run(const struct control_options *options, struct err *err);

#endif
