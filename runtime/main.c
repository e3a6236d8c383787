/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turf: an OCI runtime that warm-forks JavaScript workers. This file is the table
 * of verbs and what happens before and after one; each verb has a file of its own.
 */
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/paths.h"
#include "runtime/base/util.h"
#include "runtime/options.h"
#include "runtime/rootless.h"
#include "runtime/verbs.h"

/* runc's, so that scripts can tell a mistyped verb from a verb that failed. */
#define EXIT_UNKNOWN_VERB 3

/* The heap grows by so much at a time: a program that lives for milliseconds asks once. */
#define HEAP_STEP (512 << 10)

static const struct verb verbs[] = {
	{"checkpoint", verb_checkpoint, "[options] ID", "save a running container, and delete it",
		&checkpoint_options, 1, 1, complete_container},
	{"create", verb_create, "[options] ID", "make a container that waits for start",
		&create_options, 1, 1, NULL},
	{"delete", verb_delete, "[options] ID", "remove a stopped container", &delete_options, 1, 1,
		complete_container},
	{"events", verb_events, "[options] ID", "print statistics and out-of-memory events as JSON",
		&events_options, 1, 1, complete_container},
	{"exec", verb_exec, "[options] ID [COMMAND [ARGUMENT...]]",
		"execute a process in a running container", &exec_options, 1, VERB_REST,
		complete_container},
	{"features", verb_features, "", "print what is implemented as JSON", NULL, 0, 0, NULL},
	{"help", verb_help, "[VERB]", "explain turf or a verb", NULL, 0, 1, complete_verb},
	{"kill", verb_kill, "[options] ID [SIGNAL]", "send a signal, by default TERM",
		&kill_options, 1, 2, complete_kill},
	{"list", verb_list, "[options]", "list containers", &list_options, 0, 0, NULL},
	{"mounts", verb_mounts, "add|remove ID FILE", "change the mounts of a running container",
		NULL, 3, 3, complete_mounts},
	{"pause", verb_pause, "ID", "let every process of a container stand still", NULL, 1, 1,
		complete_container},
	{"ps", verb_ps, "[options] ID [PS-OPTION...]", "list the processes of a container",
		&ps_options, 1, VERB_REST, complete_container},
	{"restore", verb_restore, "[options] ID", "make a container from what checkpoint saved",
		&restore_options, 1, 1, NULL},
	{"resume", verb_resume, "ID", "let a paused container run again", NULL, 1, 1,
		complete_container},
	{"run", verb_run, "[options] ID", "create, start and wait for a container", &run_options, 1,
		1, NULL},
	{"seed", verb_seed, "[options] start|stop|list|info|image [NAME]",
		"control the warm processes that workers are forked from", &seed_options, 1, 3,
		complete_seed},
	{"spec", verb_spec, "[options]", "write a config.json to begin with", &spec_options, 0, 0,
		NULL},
	{"start", verb_start, "ID", "start a created container", NULL, 1, 1, complete_container},
	{"state", verb_state, "ID", "print the state of a container as JSON", NULL, 1, 1,
		complete_container},
	{"update", verb_update, "[options] ID", "change the limits of a container", &update_options,
		1, 1, complete_container},
	{"version", verb_version, "", "print versions", NULL, 0, 0, NULL},
	{NULL, NULL, NULL, NULL, NULL, 0, 0, NULL},
};

static struct globals globals = {
	.log_format = "text",
	.cgroup_manager = "cgroupfs",
	.rootless = "auto",
	.verbs = verbs,
};

static const char *const log_formats[] = {"text", "json", NULL};
static const char *const log_levels[] = {"error", "warn", "warning", "info", "debug", NULL};
static const char *const cgroup_managers[] = {"cgroupfs", "systemd", "disabled", NULL};
static const char *const rootless_values[] = {"auto", "true", "false", NULL};

static const struct option options[] = {
	{"root", 0, OPTION_STRING, &globals.root, "DIR", NULL, "where containers are kept"},
	{"log", 0, OPTION_STRING, &globals.log, "FILE", NULL, "append messages to FILE"},
	{"log-format", 0, OPTION_STRING, &globals.log_format, "FORMAT", log_formats,
		"of that file: text or json"},
	{"log-level", 0, OPTION_STRING, &globals.log_level, "LEVEL", log_levels,
		"error, warn, info or debug"},
	{"debug", 0, OPTION_FLAG, &globals.debug, NULL, NULL, "same as --log-level debug"},
	{"systemd-cgroup", 0, OPTION_FLAG, &globals.systemd_cgroup, NULL, NULL,
		"same as --cgroup-manager systemd"},
	{"cgroup-manager", 0, OPTION_STRING, &globals.cgroup_manager, "NAME", cgroup_managers,
		"who makes cgroups: cgroupfs, systemd or disabled"},
	{"rootless", 0, OPTION_STRING, &globals.rootless, "VALUE", rootless_values,
		"whether a cgroup that may not be made is a warning: true, false or auto"},
	{"help", 'h', OPTION_FLAG, &globals.help, NULL, NULL, "explain turf or the verb"},
	{"version", 'v', OPTION_FLAG, &globals.version, NULL, NULL, "print versions"},
};

static const struct option_table global_options = {options, ARRAY_SIZE(options), NULL};

static enum log_level chosen_level(const struct globals *g)
{
	const char *level = g->log_level;

	if (g->debug || (level && streq(level, "debug")))
		return LOG_LEVEL_DEBUG;
	if (!level || str_after(level, "warn"))
		return LOG_LEVEL_WARN;
	return streq(level, "info") ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR;
}

static int setup_log(const struct globals *g, struct err *err)
{
	struct log_config config = {.level = chosen_level(g), .fd = -1, .program = "turf"};

	config.format = streq(g->log_format, "json") ? LOG_FORMAT_JSON : LOG_FORMAT_TEXT;
	if (g->log && *g->log) {
		config.fd = open(g->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
		if (config.fd < 0)
			return err_set(err, errno, "open log file '%s'", g->log);
	}
	log_setup(&config);
	return 0;
}

/* Descriptors 0-2 must exist, or the first files we open would be taken for them. */
static int open_standard_fds(struct err *err)
{
	for (int i = 0; i <= STDERR_FILENO; i++)
		/* The lowest number that is free is the one that is missing. */
		if (fd_set_cloexec(i, false) < 0 && open("/dev/null", O_RDWR) < 0)
			return err_set(err, errno, "open '/dev/null'");
	return 0;
}

/* Not freed: it is needed until the end. */
static int choose_root(struct globals *g, struct err *err)
{
	char *root;

	g->root = PATHS_STATE_ROOT;
	if (!rootless_uses_own_root())
		return 0;
	if (rootless_state_root(&root, err) < 0)
		return -err->code;
	g->root = root;
	return 0;
}

static int run_verb(const struct verb *verb, char **args, struct err *err)
{
	size_t n;
	int r;

	r = options_parse(verb->options, args, verb->max_args == VERB_REST, &n, err);
	if (r < 0)
		return err_wrap(err, "%s", verb->name);
	if (n < verb->min_args)
		return err_say(err, EINVAL, "%s: too few arguments: turf %s %s", verb->name,
			verb->name, verb->usage);
	if (n > verb->max_args)
		return err_say(err, EINVAL, "%s: one argument too many: '%s'", verb->name,
			args[verb->max_args]);
	return verb->run(&globals, args, err);
}

/* `turf create --help` and `turf --help` alike; but not `turf exec ID ls --help`. */
static bool asks_for_help(const struct verb *verb, char **args)
{
	for (; *args && !streq(*args, "--"); args++) {
		const struct option *o = options_find(verb->options, *args);

		if (streq(*args, "--help") || streq(*args, "-h"))
			return true;
		if (**args != '-' && verb->max_args == VERB_REST)
			return false;
		if (o && o->kind != OPTION_FLAG && !strchr(*args, '=') && args[1])
			args++;
	}
	return false;
}

static int run(char **args, struct err *err)
{
	const struct verb *verb;
	size_t n;
	int r;

	r = open_standard_fds(err);
	if (r < 0)
		return r;
	if (choose_root(&globals, err) < 0)
		return -err->code;
	if (args[0] && streq(args[0], "__complete"))
		return complete_words(&globals, args + 1, err);
	r = options_parse(&global_options, args, true, &n, err);
	if (r == 0)
		r = setup_log(&globals, err);
	if (r < 0)
		return r;
	if (globals.version)
		return verb_version(&globals, args, err);
	if (globals.help || n == 0)
		return help_print(&globals, NULL, err);
	verb = verb_find(verbs, args[0]);
	if (!verb) {
		log_error("unknown verb '%s'; 'turf help' lists them", args[0]);
		return EXIT_UNKNOWN_VERB;
	}
	if (asks_for_help(verb, args + 1))
		return help_print(&globals, verb, err);
	return run_verb(verb, args + 1, err);
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	int r;

	globals.options = &global_options;
	(void)mallopt(M_TOP_PAD, HEAP_STEP);
	r = run(argv + (argc > 0), &err);
	if (r >= 0)
		return r;
	log_error("%s", err.msg);
	return EXIT_FAILURE;
}
