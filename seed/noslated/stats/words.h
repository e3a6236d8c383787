/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is counted, and in which words. Two segments: DATA_FILE is written by the data plane, CONTROL_FILE by
 * the control plane; each has a structure of words for the node and one for a function. families.c says what
 * each is called where metrics are read.
 */
#ifndef SEED_NOSLATED_STATS_WORDS_H
#define SEED_NOSLATED_STATS_WORDS_H

#include "seed/noslated/stats/histogram.h"
#include "seed/noslated/stats/stats.h"

#define STATS_DATA_FILE	   "stats.data" /* below RUN */
#define STATS_CONTROL_FILE "stats.control"

/* Of answers: 1xx to 5xx, and none (who asked has left). */
#define STATS_CLASSES 6

/* --- the data plane's --- */

struct stats_data_node {
	uint64_t connections, requests, upstreams, workers, functions; /* gauges */
	uint64_t memory; /* gauge: bytes of all workers, as the policy counts them */
	uint64_t answered, starts, log_dropped, spans, spans_dropped;
	uint64_t errors[STATS_LABELS_MAX]; /* before a function was found */
};

struct stats_data_function {
	uint64_t answers[STATS_CLASSES];
	uint64_t queued; /* requests that had to wait */
	uint64_t cold;	 /* requests that waited for their worker to start */
	uint64_t retries, in, out;
	uint64_t errors[STATS_LABELS_MAX];
	struct stats_data_gauges {
		uint64_t starting, serving, idle, draining; /* workers */
		uint64_t waiting, running;		    /* requests */
	} now;
	uint64_t duration[HISTOGRAM_FINE_WORDS];
	uint64_t wait[HISTOGRAM_COARSE_WORDS]; /* of those that had to */
};

extern const struct stats_form stats_data_form;

/* --- the control plane's --- */

enum stats_exit {
	STATS_EXIT_STOPPED, /* it was told to */
	STATS_EXIT_ENDED,   /* by itself, with code 0 */
	STATS_EXIT_FAILED,  /* by itself, with another one */
	STATS_EXIT_KILLED,  /* by a signal that was not ours */
	STATS_EXIT_OOM,	    /* it had no memory left */
	STATS_EXITS
};

struct stats_control_node {
	uint64_t version, workers, data_runs; /* gauges */
	uint64_t applied, refused, data_starts, spans_sent, spans_lost;
};

struct stats_control_function {
	uint64_t starts, start_failures;
	uint64_t exits[STATS_EXITS];
	uint64_t cpu_user_ns, cpu_system_ns; /* of all workers that there were */
	struct stats_control_gauges {
		uint64_t workers, memory; /* bytes, measured */
	} now;
	uint64_t start[HISTOGRAM_COARSE_WORDS]; /* from being told to it until it serves */
};

extern const struct stats_form stats_control_form;

/* --- what they are called --- */

enum stats_type { STATS_COUNTER, STATS_GAUGE, STATS_FINE, STATS_COARSE };
enum stats_scale { STATS_ONE, STATS_SECONDS /* of nanoseconds */ };

struct stats_family {
	const char *name; /* without "_total"; with its unit */
	const char *unit; /* of the name, or NULL */
	const char *help;
	enum stats_type type;
	enum stats_scale scale;
	uint16_t first, n; /* words */
	const char *label; /* NULL: there is one word, or it is a histogram */
	const char *const *
		values; /* of the label; NULL: the segment's own, and of these those that are not 0 */
};

struct stats_families {
	const struct stats_family *node, *function;
	size_t n_node, n_function;
};

extern const struct stats_families stats_data_families, stats_control_families;

#endif
