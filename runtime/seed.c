/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/client.h"

#include <errno.h>
#include <stdio.h>

#include "runtime/base/buf.h"
#include "runtime/base/log.h"
#include "runtime/base/paths.h"
#include "runtime/base/rfc3339.h"
#include "runtime/life.h"
#include "runtime/seed_image.h"
#include "runtime/verbs.h"

static struct {
	const char *worker;
	unsigned max_clones;
	unsigned parked;
	bool force;
	struct seed_image_options image;
} given = {
	.parked = SEED_PARKED_DEFAULT, .image = {.bundle = ".", .timeout_s = LIFE_REST_TIMEOUT_S}};

static const struct option options[] = {
	{"worker", 0, OPTION_STRING, &given.worker, "PATH", NULL,
		"start: the executable, by default our aworker"},
	{"max-clones", 0, OPTION_UNSIGNED, &given.max_clones, "N", NULL,
		"start: how many clones may live at one time"},
	{"parked", 0, OPTION_UNSIGNED, &given.parked, "N", NULL,
		"start: how many clones wait for requests"},
	{"bundle", 'b', OPTION_STRING, &given.image.bundle, "DIR", NULL,
		"image build: of the worker, by default the working directory"},
	{"tenant", 0, OPTION_STRING, &given.image.tenant, "NAME", NULL,
		"image build: who may go on from it"},
	{"timeout", 0, OPTION_UNSIGNED, &given.image.timeout_s, "SECONDS", NULL,
		"image build: how long the code may run, by default a minute"},
	{"if-missing", 0, OPTION_FLAG, &given.image.if_missing, NULL, NULL,
		"image build: only where there is none, with the least priority, and no error"},
	{"force", 'f', OPTION_FLAG, &given.force, NULL, NULL,
		"stop: although clones live; they stay, without anybody who learns of their exit"},
};

const struct option_table seed_options = {options, ARRAY_SIZE(options), NULL};

static int seed_verb_start(const char *name, struct err *err)
{
	const struct seed_start start = {
		.name = name,
		.worker = given.worker,
		.max_clones = given.max_clones,
		.parked = &given.parked,
	};

	return seed_start(&start, err);
}

static int seed_verb_stop(const char *name, struct err *err)
{
	return seed_stop(name, given.force, err);
}

static int seed_verb_info(const char *name, struct err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct seed_info info;
	char when[RFC3339_MAX];
	int r = seed_info(name, &info, err);

	if (r < 0)
		return r;
	buf_printf(&out, "name:          %s\n", info.name);
	buf_printf(&out, "state:         %s\n", seed_state_name((enum seed_state)info.state));
	buf_printf(&out, "worker:        %s\n", info.worker);
	buf_printf(&out, "build:         %s\n", info.build);
	buf_printf(&out, "engine:        %s\n", info.from_image ? "from the base image" : "new");
	buf_printf(&out, "keeper pid:    %d\n", info.keeper_pid);
	buf_printf(&out, "started:       %s\n", rfc3339_seconds(info.started_s, when));
	if (info.seed_pid) {
		buf_printf(&out, "seed pid:      %d\n", info.seed_pid);
		buf_printf(&out, "seed started:  %s\n", rfc3339_seconds(info.seed_started_s, when));
	}
	buf_printf(&out, "clones alive:  %u of %u\n", info.clones_alive, info.clones_max);
	buf_printf(&out, "parked:        %u of %u\n", info.parked, info.parked_wanted);
	buf_printf(&out, "clones total:  %llu\n", (unsigned long long)info.clones_total);
	buf_printf(&out, "restarts:      %u\n", info.restarts);
	if (info.seed_ended_s)
		buf_printf(&out, "last end:      %s, %s\n",
			rfc3339_seconds(info.seed_ended_s, when), info.last_end);
	if (*info.last_error)
		buf_printf(&out, "last error:    %s\n", info.last_error);
	return buf_failed(&out) ? err_oom(err) : print_out(out.data, err);
}

static int list_seeds(struct err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_strv_ char **names = NULL;
	int r = seed_names(&names, err);

	if (r < 0)
		return r;
	buf_printf(&out, "%-16s %-9s %-8s %-7s %s\n", "NAME", "STATE", "PID", "CLONES", "WORKER");
	for (char **name = names; *name; name++) {
		struct seed_info info;

		/* Its directory is left, but nobody answers. */
		if (seed_info(*name, &info, err) < 0)
			buf_printf(&out, "%-16s %-9s %-8d %-7d %s\n", *name, "stopped", 0, 0, "");
		else
			buf_printf(&out, "%-16s %-9s %-8d %-7u %s\n", *name,
				seed_state_name((enum seed_state)info.state), info.seed_pid,
				info.clones_alive, info.worker);
	}
	return buf_failed(&out) ? err_oom(err) : print_out(out.data, err);
}

static const struct seed_verb {
	const char *name;
	int (*run)(const char *name, struct err *err); /* NULL: list */
} seed_verbs[] = {
	{"start", seed_verb_start},
	{"stop", seed_verb_stop},
	{"info", seed_verb_info},
	{"list", NULL},
};

int verb_seed(const struct globals *g, char **args, struct err *err)
{
	const char *name = args[1];

	if (streq(args[0], "image"))
		return seed_image(g, &given.image, args + 1, err);
	if (name && args[2])
		return err_say(
			err, EINVAL, "seed %s: one argument too many: '%s'", args[0], args[2]);
	for (size_t i = 0; i < ARRAY_SIZE(seed_verbs); i++) {
		if (!streq(seed_verbs[i].name, args[0]))
			continue;
		if (!seed_verbs[i].run && args[1])
			return err_say(
				err, EINVAL, "seed list: one argument too many: '%s'", args[1]);
		if (!seed_verbs[i].run)
			return list_seeds(err);
		if (!name)
			name = PATHS_SEED_DEFAULT;
		if (!paths_id_is_valid(name))
			return err_say(err, EINVAL,
				"invalid seed name '%s': 1 to %d letters, digits, '_', '+', '-' "
				"and '.'",
				name, PATHS_ID_MAX);
		return seed_verbs[i].run(name, err);
	}
	return err_say(
		err, EINVAL, "seed: '%s' is none of start, stop, list, info, image", args[0]);
}

int complete_seed(
	const struct globals *g, char **args, unsigned index, char ***ret, struct err *err)
{
	if (index == 1 && streq(args[0], "image"))
		return seed_image_actions(ret, err);
	if (index == 1)
		return seed_names(ret, err);
	*ret = calloc(ARRAY_SIZE(seed_verbs) + 2, sizeof(**ret));
	for (size_t i = 0; *ret && i < ARRAY_SIZE(seed_verbs); i++)
		(*ret)[i] = strdup(seed_verbs[i].name);
	if (*ret)
		(*ret)[ARRAY_SIZE(seed_verbs)] = strdup("image");
	return *ret ? 0 : err_oom(err);
}
