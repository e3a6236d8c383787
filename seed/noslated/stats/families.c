/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the words are called. Where Noslate has a name for the same thing it is that one (noslate.data.
 * invoke_count is noslate_data_invoke_count_total), so that dashboards can be kept.
 */
#include "runtime/base/util.h"
#include "seed/noslated/stats/words.h"

#define WORD(type, member)  (offsetof(type, member) / sizeof(uint64_t))
#define WORDS(type, member) WORD(type, member), sizeof(((type *)NULL)->member) / sizeof(uint64_t)
#define ALL_WORDS(type)	    (sizeof(type) / sizeof(uint64_t))

_Static_assert(ALL_WORDS(struct stats_data_node) <= STATS_NODE_WORDS, "words of the node");
_Static_assert(ALL_WORDS(struct stats_control_node) <= STATS_NODE_WORDS, "words of the node");
_Static_assert(ALL_WORDS(struct stats_data_function) <= STATS_SLOT_WORDS, "words of a slot");
_Static_assert(ALL_WORDS(struct stats_control_function) <= STATS_SLOT_WORDS, "words of a slot");

const struct stats_form stats_data_form = {
	.kind = 1,
	.families = &stats_data_families,
	.n_words = ALL_WORDS(struct stats_data_function),
	.gauges_at = WORD(struct stats_data_function, now),
	.n_gauges = ALL_WORDS(struct stats_data_gauges),
};

const struct stats_form stats_control_form = {
	.kind = 2,
	.families = &stats_control_families,
	.n_words = ALL_WORDS(struct stats_control_function),
	.gauges_at = WORD(struct stats_control_function, now),
	.n_gauges = ALL_WORDS(struct stats_control_gauges),
};

/* --- the data plane's --- */

#define NODE(member)	 WORDS(struct stats_data_node, member)
#define FUNCTION(member) WORDS(struct stats_data_function, member)

static const char *const classes[STATS_CLASSES] = {"1xx", "2xx", "3xx", "4xx", "5xx", "none"};
static const char *const worker_states[] = {"starting", "serving", "idle", "draining"};
static const char *const request_states[] = {"waiting", "running"};

static const struct stats_family data_node[] = {
	{"noslate_node_connections", NULL, "Connections of clients.", STATS_GAUGE, STATS_ONE,
		NODE(connections), NULL, NULL},
	{"noslate_node_requests", NULL, "Requests that wait or run.", STATS_GAUGE, STATS_ONE,
		NODE(requests), NULL, NULL},
	{"noslate_node_upstreams", NULL, "Connections to workers.", STATS_GAUGE, STATS_ONE,
		NODE(upstreams), NULL, NULL},
	{"noslate_node_workers", NULL, "Workers that start or serve.", STATS_GAUGE, STATS_ONE,
		NODE(workers), NULL, NULL},
	{"noslate_node_functions", NULL, "Functions that are served.", STATS_GAUGE, STATS_ONE,
		NODE(functions), NULL, NULL},
	{"noslate_node_worker_memory_bytes", "bytes",
		"Memory of all workers, as starts are decided by it.", STATS_GAUGE, STATS_ONE,
		NODE(memory), NULL, NULL},
	{"noslate_node_answered", NULL, "Requests that have ended, of functions or not.",
		STATS_COUNTER, STATS_ONE, NODE(answered), NULL, NULL},
	{"noslate_node_refused", NULL, "Requests that were refused before a function was found.",
		STATS_COUNTER, STATS_ONE, NODE(errors), "error", NULL},
	{"noslate_node_data_plane_starts", NULL, "Starts of the data plane.", STATS_COUNTER,
		STATS_ONE, NODE(starts), NULL, NULL},
	{"noslate_node_access_log_dropped", NULL, "Lines that the access log did not take.",
		STATS_COUNTER, STATS_ONE, NODE(log_dropped), NULL, NULL},
	{"noslate_node_traces", NULL, "Requests that were traced.", STATS_COUNTER, STATS_ONE,
		NODE(spans), NULL, NULL},
	{"noslate_node_traces_dropped", NULL, "Traced requests for which there was no room.",
		STATS_COUNTER, STATS_ONE, NODE(spans_dropped), NULL, NULL},
};

static const struct stats_family data_function[] = {
	{"noslate_data_invoke_count", NULL, "Requests that have ended, by the class of the answer.",
		STATS_COUNTER, STATS_ONE, FUNCTION(answers), "code", classes},
	{"noslate_data_queued_request_count", NULL, "Requests that had to wait.", STATS_COUNTER,
		STATS_ONE, FUNCTION(queued), NULL, NULL},
	{"noslate_data_cold_start_count", NULL, "Requests that waited for their worker to start.",
		STATS_COUNTER, STATS_ONE, FUNCTION(cold), NULL, NULL},
	{"noslate_data_error_count", NULL, "Requests that failed, by the name of the error.",
		STATS_COUNTER, STATS_ONE, FUNCTION(errors), "error", NULL},
	{"noslate_data_retry_count", NULL, "Requests that were sent once more.", STATS_COUNTER,
		STATS_ONE, FUNCTION(retries), NULL, NULL},
	{"noslate_data_received_bytes", "bytes", "What clients sent, heads included.",
		STATS_COUNTER, STATS_ONE, FUNCTION(in), NULL, NULL},
	{"noslate_data_sent_bytes", "bytes", "What clients got, heads included.", STATS_COUNTER,
		STATS_ONE, FUNCTION(out), NULL, NULL},
	{"noslate_data_workers", NULL, "Workers; those that are idle serve, too.", STATS_GAUGE,
		STATS_ONE, WORD(struct stats_data_function, now.starting), 4, "state",
		worker_states},
	{"noslate_data_requests", NULL, "Requests.", STATS_GAUGE, STATS_ONE,
		WORD(struct stats_data_function, now.waiting), 2, "state", request_states},
	{"noslate_data_invoke_duration_seconds", "seconds",
		"From the first byte of a request to the end of its answer.", STATS_FINE,
		STATS_SECONDS, FUNCTION(duration), NULL, NULL},
	{"noslate_data_queued_request_duration_seconds", "seconds",
		"How long requests waited, of those that had to.", STATS_COARSE, STATS_SECONDS,
		FUNCTION(wait), NULL, NULL},
};

const struct stats_families stats_data_families = {
	data_node, data_function, ARRAY_SIZE(data_node), ARRAY_SIZE(data_function)};

/* --- the control plane's --- */

#undef NODE
#undef FUNCTION
#define NODE(member)	 WORDS(struct stats_control_node, member)
#define FUNCTION(member) WORDS(struct stats_control_function, member)

static const char *const exits[STATS_EXITS] = {
	[STATS_EXIT_STOPPED] = "stopped",
	[STATS_EXIT_ENDED] = "ended",
	[STATS_EXIT_FAILED] = "failed",
	[STATS_EXIT_KILLED] = "killed",
	[STATS_EXIT_OOM] = "oom",
};

static const struct stats_family control_node[] = {
	{"noslate_control_set_version", NULL, "Sets of functions that were taken since a start.",
		STATS_GAUGE, STATS_ONE, NODE(version), NULL, NULL},
	{"noslate_control_workers", NULL, "Containers of workers.", STATS_GAUGE, STATS_ONE,
		NODE(workers), NULL, NULL},
	{"noslate_control_data_plane_up", NULL, "Whether there is a data plane.", STATS_GAUGE,
		STATS_ONE, NODE(data_runs), NULL, NULL},
	{"noslate_control_applied", NULL, "Sets of functions that were taken.", STATS_COUNTER,
		STATS_ONE, NODE(applied), NULL, NULL},
	{"noslate_control_refused", NULL, "Sets of functions that were refused.", STATS_COUNTER,
		STATS_ONE, NODE(refused), NULL, NULL},
	{"noslate_control_data_plane_starts", NULL, "Data planes that were started.", STATS_COUNTER,
		STATS_ONE, NODE(data_starts), NULL, NULL},
	{"noslate_control_traces_sent", NULL, "Traced requests that the collector took.",
		STATS_COUNTER, STATS_ONE, NODE(spans_sent), NULL, NULL},
	{"noslate_control_traces_lost", NULL, "Traced requests that the collector did not take.",
		STATS_COUNTER, STATS_ONE, NODE(spans_lost), NULL, NULL},
};

static const struct stats_family control_function[] = {
	{"noslate_control_function_replica_total_count", NULL, "Containers of workers.",
		STATS_GAUGE, STATS_ONE, WORD(struct stats_control_function, now.workers), 1, NULL,
		NULL},
	{"noslate_control_replica_mem_rss_bytes", "bytes", "Memory of the workers, measured.",
		STATS_GAUGE, STATS_ONE, WORD(struct stats_control_function, now.memory), 1, NULL,
		NULL},
	{"noslate_control_replica_cpu_user_seconds", "seconds", "Processor time of the workers.",
		STATS_COUNTER, STATS_SECONDS, FUNCTION(cpu_user_ns), NULL, NULL},
	{"noslate_control_replica_cpu_system_seconds", "seconds",
		"Processor time that the kernel took for the workers.", STATS_COUNTER,
		STATS_SECONDS, FUNCTION(cpu_system_ns), NULL, NULL},
	{"noslate_control_function_replica_start_count", NULL, "Workers that were started.",
		STATS_COUNTER, STATS_ONE, FUNCTION(starts), NULL, NULL},
	{"noslate_control_function_replica_start_failure_count", NULL,
		"Workers that could not be started.", STATS_COUNTER, STATS_ONE,
		FUNCTION(start_failures), NULL, NULL},
	{"noslate_control_function_replica_exit_count", NULL, "Workers that have ended, by how.",
		STATS_COUNTER, STATS_ONE, FUNCTION(exits), "reason", exits},
	{"noslate_control_function_replica_start_duration_seconds", "seconds",
		"How long it took to make a worker.", STATS_COARSE, STATS_SECONDS, FUNCTION(start),
		NULL, NULL},
};

const struct stats_families stats_control_families = {
	control_node, control_function, ARRAY_SIZE(control_node), ARRAY_SIZE(control_function)};
