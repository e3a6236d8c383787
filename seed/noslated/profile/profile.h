/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What noslated is told to serve: a set of functions, as one JSON text. A set is taken whole or not at all.
 * tables.c has every member, its range and its default; noslated(8) explains them.
 */
#ifndef SEED_NOSLATED_PROFILE_PROFILE_H
#define SEED_NOSLATED_PROFILE_PROFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"

struct buf;
struct json_writer;
struct oci_pair;
struct policy_limits;
struct policy_settings;

#define PROFILE_VERSION	      1
#define PROFILE_FUNCTIONS_MAX 10000
#define PROFILE_TENANTS_MAX   10000
#define PROFILE_NAME_MAX      128 /* characters; of a function, a tenant */
#define PROFILE_REPLICAS_MAX  10000
#define PROFILE_TIME_MAX_MS   (UINT64_C(24) * 60 * 60 * 1000)
#define PROFILE_MEMORY_MAX    (UINT64_C(1) << 40)
#define PROFILE_MEMORY_MIN    (UINT64_C(8) << 20)

enum profile_runtime { PROFILE_AWORKER, PROFILE_BUNDLE };
enum profile_start {
	PROFILE_START_AUTO,
	PROFILE_START_STATE,
	PROFILE_START_SNAPSHOT,
	PROFILE_START_SOURCE
};

/* One of path and url. */
struct profile_code {
	const char *path;   /* a directory, a .js file, a zip file, an OCI layout or a bundle */
	const char *url;    /* http(s): a zip file */
	const char *digest; /* "sha256:..."; a url needs it, of a bundle that of its config.json */
	const char *entry;  /* the file that a worker runs, below the directory */
};

/* A request that fits all that is given is the function's; the most exact one of several wins. */
struct profile_route {
	const char *host;   /* without a port */
	const char *path;   /* a prefix, of whole segments */
	const char *header; /* "name: value" */
	uint32_t weight;    /* among routes that say the same */
};

struct profile_replicas {
	uint32_t min, max;
};

struct profile_queue {
	uint32_t length;
	uint64_t deadline_ms;
	uint64_t busy_after_ms,
		busy_deadline_ms; /* shorter, when somebody waits all the time; 0: not */
};

/* When nobody is sent to a function any more, because its workers fail. */
struct profile_breaker {
	uint32_t failures, percent; /* failures 0: never */
	uint64_t window_ms, open_ms;
};

struct profile_rate {
	uint32_t per_second, burst; /* 0: no limit */
};

struct profile_scale {
	int policy;	      /* enum policy_scale */
	uint32_t utilisation; /* percent */
	uint64_t window_ms, panic_ms;
	uint64_t idle_ms;
	int shrink; /* enum policy_shrink */
};

struct profile_resources {
	uint64_t memory;     /* bytes */
	uint32_t cpu_shares; /* thousandths of a processor; 0: no limit */
	uint32_t pids;
	uint64_t heap, stack;	  /* bytes; 0: as the worker has it */
	uint64_t task_ms, cpu_ms; /* of processor time; 0: no limit */
};

struct profile_times {
	uint64_t request_ms, drain_ms;
};

struct profile_function {
	const char *name; /* as that of a container */
	const char *tenant;
	int runtime; /* enum profile_runtime */
	int start;   /* enum profile_start */
	struct profile_code code;
	const struct oci_pair *env;
	size_t n_env;
	const struct profile_route
		*routes; /* none: by its name alone, "x-noslate-function: NAME" */
	size_t n_routes;
	bool disposable;
	bool drained; /* takes no new requests, and has no workers without one */
	uint32_t concurrency;
	uint32_t ejected_after; /* failures in a row */
	int dispatch;		/* enum policy_dispatch */
	struct profile_replicas replicas;
	struct profile_queue queue;
	struct profile_rate rate;
	struct profile_breaker breaker;
	struct profile_scale scale;
	struct profile_resources resources;
	struct profile_times times;
};

/* Of all workers together; 0: no limit. */
struct profile_node {
	uint64_t memory;
	uint32_t starting, running, waiting;
};

/* What the functions of a tenant may have together; 0: no limit. */
struct profile_tenant {
	const char *name;
	uint32_t running, workers;
	uint64_t memory;
	struct profile_rate rate;
	uint32_t weight; /* its share of what is scarce */
};

struct profile_set {
	struct arena arena; /* of all that it points to */
	struct profile_node node;
	struct profile_function *functions; /* by name */
	size_t n_functions;
	struct profile_tenant *tenants; /* by name; those that need no mention are not there */
	size_t n_tenants;
};

/*
 * A negative errno, and in `errors` (which may be NULL) a line for each function that is wrong, each with
 * its JSON path, the first of which is *err; nothing was read then.
 */
int profile_set_parse(
	const char *text, size_t len, struct profile_set *ret, struct buf *errors, struct err *err);
/* Also one of zeros. */
void profile_set_finish(struct profile_set *s);
/* The text that means the same, with all defaults in it. */
void profile_set_write(const struct profile_set *s, struct buf *out);
/* Of one function, as a value of a larger text. */
void profile_function_write(const struct profile_function *f, struct json_writer *w);
/* The same for programs, in two thirds of the bytes. */
void profile_set_write_compact(const struct profile_set *s, struct buf *out);
/* NULL: there is none of this name. */
const struct profile_function *profile_set_find(const struct profile_set *s, const char *name);

/* `f` is one of the set. */
void profile_settings(
	const struct profile_set *s, const struct profile_function *f, struct policy_settings *ret);
void profile_limits(const struct profile_set *s, struct policy_limits *ret);

/* What a text may look like, as JSON Schema (draft 2020-12), made from the tables. */
void profile_schema_write(struct buf *out);

#endif
