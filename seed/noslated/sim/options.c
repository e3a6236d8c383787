/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/sim/options.h"

#include <errno.h>
#include <stdio.h>

#include "runtime/base/err.h"
#include "seed/noslated/sim/keys.h"

#define START_MS     3.0
#define START_P99_MS 10.0
#define MS_MAX	     3.6e6
#define SCALE_MIN    1e-6
#define SCALE_MAX    1e6
#define COUNT_MAX    1000000000

enum option_id {
	OPT_AZURE_2019,
	OPT_AZURE_2021,
	OPT_CONCURRENCY,
	OPT_HELP,
	OPT_HTML,
	OPT_JSON,
	OPT_MEMORY,
	OPT_MINUTES,
	OPT_POLICY,
	OPT_RECORD,
	OPT_REPLAY,
	OPT_RUNNING,
	OPT_WAITING,
	OPT_SCALE_DURATION,
	OPT_SEED,
	OPT_STARTING,
	OPT_START_MS,
	OPT_START_P99_MS,
	OPT_SYNTHETIC,
	OPT_VERSION,
	N_OPTIONS,
};

/* One table for reading, help and completion. */
static const struct {
	const char *name, *argument, *help;
} table[N_OPTIONS] = {
	[OPT_AZURE_2019] = {"--azure-2019", "PATH",
		"directory or prefix of the trace's three files"},
	[OPT_AZURE_2021] = {"--azure-2021", "FILE", "the trace with a line for each request"},
	[OPT_SYNTHETIC] = {"--synthetic", "KIND",
		"poisson, burst, diurnal or greedy[:KEY=VALUE,...]"},
	[OPT_MINUTES] = {"--minutes", "A-B", "only this part of the workload, from 1"},
	[OPT_SCALE_DURATION] = {"--scale-duration", "X", "requests take X times as long"},
	[OPT_SEED] = {"--seed", "N", "of all that is random (1)"},
	[OPT_POLICY] = {"--policy", "NAME", "turf, keep-alive, kpa or lambda[:KEY=VALUE,...]; all"},
	[OPT_CONCURRENCY] = {"--concurrency", "N", "requests that a worker has at a time (1)"},
	[OPT_START_MS] = {"--start-ms", "X", "median of what a start takes (3)"},
	[OPT_START_P99_MS] = {"--start-p99-ms", "X", "what 99 of 100 starts do not exceed (10)"},
	[OPT_MEMORY] = {"--memory", "BYTES", "of all workers of the node; K, M, G, T (no limit)"},
	[OPT_STARTING] = {"--starting", "N", "workers that start at a time (no limit)"},
	[OPT_RUNNING] = {"--running", "N", "requests that run at a time (no limit)"},
	[OPT_WAITING] = {"--waiting", "N", "requests that wait (no limit)"},
	[OPT_JSON] = {"--json", NULL, "a report for programs"},
	[OPT_HTML] = {"--html", "FILE", "a page with diagrams, too"},
	[OPT_RECORD] = {"--record", "FILE", "what the policy is told and what it says"},
	[OPT_REPLAY] = {"--replay", "FILE", "tells it again and compares"},
	[OPT_HELP] = {"--help", NULL, "this text"},
	[OPT_VERSION] = {"--version", NULL, "the version"},
};

void options_finish(struct options *o)
{
	free_clear(&o->policies);
}

void options_print_help(void)
{
	puts("usage: noslate-sim --azure-2019 PATH | --azure-2021 FILE | --synthetic KIND "
	     "[OPTION]...\n"
	     "       noslate-sim --replay FILE\n"
	     "What policies of a node's scheduler cost under a workload.\n");
	for (size_t i = 0; i < N_OPTIONS; i++) {
		char left[40];

		snprintf(left, sizeof(left), "%s %s", table[i].name, table[i].argument ?: "");
		printf("  %-22s %s\n", left, table[i].help);
	}
	puts("\nPolicies:");
	for (size_t i = 0; settings_known(i); i++)
		printf("  %-22s %s\n", settings_known(i), settings_about(i));
}

void options_complete(char **args)
{
	const char *before = NULL;

	for (; args[0] && args[1]; args++)
		before = args[0];
	for (size_t i = 0; before && i < N_OPTIONS; i++) {
		if (!streq(table[i].name, before) || !table[i].argument)
			continue;
		if (i == OPT_POLICY)
			for (size_t k = 0; settings_known(k); k++)
				puts(settings_known(k));
		if (i == OPT_SYNTHETIC)
			for (size_t k = 0; synthetic_kinds[k]; k++)
				puts(synthetic_kinds[k]);
		return;
	}
	for (size_t i = 0; i < N_OPTIONS; i++)
		puts(table[i].name);
}

static int parse_minutes(const char *text, struct workload_options *o, struct err *err)
{
	unsigned from, to;
	int end = 0;

	if (strspn(text, "0123456789-") != strlen(text) ||
		sscanf(text, "%6u-%6u%n", &from, &to, &end) != 2 || text[end] || from < 1 ||
		to < from || to > WORKLOAD_MINUTES_MAX)
		return err_say(err, EINVAL, "--minutes '%s': expected such as 1-60", text);
	o->from = from;
	o->to = to;
	return 0;
}

static int set_source(struct options *o, enum option_id id, enum options_source source,
	const char *value, struct err *err)
{
	if (o->source != SOURCE_NONE)
		return err_say(err, EINVAL, "more than one workload");
	o->source = source;
	o->source_arg = value;
	snprintf(o->source_text, sizeof(o->source_text), "%s %s", table[id].name + 2, value);
	return 0;
}

static int add_policy(struct options *o, const char *value, struct err *err)
{
	if (o->n_policies == OPTIONS_POLICIES_MAX)
		return err_say(err, E2BIG, "more than %d policies", OPTIONS_POLICIES_MAX);
	o->policy_args[o->n_policies++] = value;
	return 0;
}

static int parse_seed(const char *value, uint64_t *ret, struct err *err)
{
	unsigned seed;
	int r = keys_count(value, "--seed", 0, COUNT_MAX, &seed, err);

	if (r == 0)
		*ret = seed;
	return r;
}

static int take(struct options *o, enum option_id id, const char *value, struct err *err)
{
	const char *name = table[id].name;
	struct policy_limits *limits = &o->node.limits;

	switch (id) {
	case OPT_AZURE_2019: return set_source(o, id, SOURCE_AZURE_2019, value, err);
	case OPT_AZURE_2021: return set_source(o, id, SOURCE_AZURE_2021, value, err);
	case OPT_SYNTHETIC: return set_source(o, id, SOURCE_SYNTHETIC, value, err);
	case OPT_MINUTES: return parse_minutes(value, &o->workload, err);
	case OPT_SEED: return parse_seed(value, &o->workload.seed, err);
	case OPT_POLICY: return add_policy(o, value, err);
	case OPT_MEMORY: return keys_bytes(value, name, &limits->memory, err);
	case OPT_STARTING: return keys_count(value, name, 0, COUNT_MAX, &limits->starting, err);
	case OPT_RUNNING: return keys_count(value, name, 0, COUNT_MAX, &limits->running, err);
	case OPT_WAITING: return keys_count(value, name, 0, COUNT_MAX, &limits->waiting, err);
	case OPT_CONCURRENCY: return keys_count(value, name, 1, COUNT_MAX, &o->concurrency, err);
	case OPT_SCALE_DURATION:
		return keys_number(
			value, name, SCALE_MIN, SCALE_MAX, &o->workload.scale_duration, err);
	case OPT_START_MS: return keys_number(value, name, 0, MS_MAX, &o->node.start_ms, err);
	case OPT_START_P99_MS:
		return keys_number(value, name, 0, MS_MAX, &o->node.start_p99_ms, err);
	case OPT_HTML: o->html = value; return 0;
	case OPT_RECORD: o->record = value; return 0;
	case OPT_REPLAY: o->replay = value; return 0;
	case OPT_JSON: o->json = true; return 0;
	case OPT_HELP: o->help = true; return 0;
	case OPT_VERSION: o->version = true; return 0;
	case N_OPTIONS: break;
	}
	return -EINVAL;
}

/* "--name value" or "--name=value". */
static int take_option(struct options *o, char ***args, struct err *err)
{
	const char *arg = *(*args)++;
	const size_t len = strcspn(arg, "=");

	for (enum option_id id = 0; id < N_OPTIONS; id++) {
		const char *value = arg[len] ? arg + len + 1 : NULL;

		if (strlen(table[id].name) != len || strncmp(table[id].name, arg, len) != 0)
			continue;
		if (!table[id].argument && value)
			return err_say(err, EINVAL, "%s takes no value", table[id].name);
		if (table[id].argument && !value)
			value = **args ? *(*args)++ : NULL;
		if (table[id].argument && !value)
			return err_say(err, EINVAL, "%s: expected %s behind it", table[id].name,
				table[id].argument);
		return take(o, id, value, err);
	}
	return err_say(err, EINVAL, "'%s' is not known; see 'noslate-sim --help'", arg);
}

static int check(const struct options *o, struct err *err)
{
	if (o->help || o->version)
		return 0;
	if (o->replay && (o->source != SOURCE_NONE || o->record || o->html || o->json))
		return err_say(err, EINVAL, "--replay stands alone: the record says the rest");
	if (!o->replay && o->source == SOURCE_NONE)
		return err_say(err, EINVAL, "expected a workload; see 'noslate-sim --help'");
	if (o->record && o->n_policies != 1)
		return err_say(err, EINVAL, "--record takes one --policy");
	if (o->node.start_p99_ms < o->node.start_ms)
		return err_say(err, EINVAL, "--start-p99-ms %g is less than --start-ms %g",
			o->node.start_p99_ms, o->node.start_ms);
	return 0;
}

static int make_policies(struct options *o, struct err *err)
{
	int r = 0;

	if (o->n_policies == 0)
		for (size_t i = 0; settings_known(i); i++)
			o->policy_args[o->n_policies++] = settings_known(i);
	o->policies = calloc(o->n_policies, sizeof(*o->policies));
	if (!o->policies)
		return err_oom(err);
	for (size_t i = 0; r == 0 && i < o->n_policies; i++)
		r = settings_parse(o->policy_args[i], o->concurrency, &o->policies[i], err);
	return r;
}

int options_parse(char **args, struct options *o, struct err *err)
{
	int r = 0;

	*o = (struct options){
		.workload = {.seed = 1, .scale_duration = 1},
		.node = {.start_ms = START_MS, .start_p99_ms = 0},
		.concurrency = 1,
	};
	while (r == 0 && *args)
		r = take_option(o, &args, err);
	/* Where only the median is given, the rest keeps its shape. */
	if (o->node.start_p99_ms == 0)
		o->node.start_p99_ms = o->node.start_ms * (START_P99_MS / START_MS);
	if (r == 0)
		r = check(o, err);
	if (r == 0)
		r = make_policies(o, err);
	o->node.seed = o->workload.seed;
	return r;
}
