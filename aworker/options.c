/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line; see options.h. Options end at FILE: what follows is the
 * worker's own.
 */
#include "aworker/options.h"

#include <errno.h>

#include "runtime/base/util.h"
#include "seed/report.h"

enum option_id {
	OPTION_EVAL,
	OPTION_LISTEN,
	OPTION_LOCATION,
	OPTION_IMPORT_MAP,
	OPTION_ENV_FILE,
	OPTION_KV,
	OPTION_NO_SNAPSHOT,
	OPTION_V8_OPTIONS,
	OPTION_BUILD_IMAGE,
	OPTION_BUILD_STATE,
	OPTION_STATE,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option {
	enum option_id id;
	char letter; /* 0: none */
	const char *name;
	const char *value; /* what it takes, NULL: nothing */
	const char *help;
} table[] = {
	{OPTION_EVAL, 'e', "eval", "CODE", "run CODE instead of a file"},
	{OPTION_LISTEN, 0, "listen", "ADDRESS",
		"where a worker with a fetch handler serves: HOST:PORT,\n"
		"unix:PATH or fd:N (PORT of the environment, else\n"
		"127.0.0.1:8080)"},
	{OPTION_LOCATION, 0, "location", "URL", "what location.href says (the URL of FILE)"},
	{OPTION_IMPORT_MAP, 0, "import-map", "FILE",
		"what names in imports mean, as JSON: {\"imports\": {...}}"},
	{OPTION_ENV_FILE, 0, "env-file", "FILE", "more environment, as lines of NAME=VALUE"},
	{OPTION_KV, 0, "kv", "NAME[=FILE]",
		"a key-value store as env.NAME, in memory; it begins with\n"
		"the object of JSON in FILE"},
	{OPTION_NO_SNAPSHOT, 0, "no-snapshot", NULL, "start from the platform's sources"},
	{OPTION_V8_OPTIONS, 0, "v8-options", "FLAGS", "flags for V8, for debugging"},
	{OPTION_BUILD_IMAGE, 0, "build-image", "FILE",
		"write a base image of this program, for aworker-loader"},
	{OPTION_BUILD_STATE, 0, "build-state", "IMAGE",
		"run FILE up to where it would serve, and write its\n"
		"state, for --state"},
	{OPTION_STATE, 0, "state", "IMAGE", "go on from IMAGE; run FILE where it does not fit"},
	{OPTION_HELP, 'h', "help", NULL, "print this help"},
	{OPTION_VERSION, 'v', "version", NULL, "print the version"},
};

/* Column at which --help explains. */
#define HELP_COLUMN 24

static void put_indented(struct buf *out, const char *text)
{
	for (; *text; text++) {
		buf_put(out, text, 1);
		if (*text == '\n')
			buf_printf(out, "%*s", HELP_COLUMN, "");
	}
	buf_puts(out, "\n");
}

void options_help(struct buf *out)
{
	buf_puts(out, "Usage: aworker [OPTION]... FILE [ARG]...\n"
		      "       aworker [OPTION]... -e CODE [ARG]...\n"
		      "       aworker report [--json] [PID]\n"
		      "Run a JavaScript worker with Web APIs, or ask one that runs (PID 1) for\n"
		      "its heap, its requests and how long it has run.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct buf left = BUF_INIT;

		if (table[i].letter)
			buf_printf(&left, "  -%c, ", table[i].letter);
		else
			buf_puts(&left, "      ");
		buf_printf(&left, "--%s", table[i].name);
		if (table[i].value)
			buf_printf(&left, " %s", table[i].value);
		buf_printf(out, "%-*s", HELP_COLUMN, left.data ? left.data : "");
		if (left.len >= HELP_COLUMN)
			buf_printf(out, "\n%*s", HELP_COLUMN, "");
		buf_finish(&left);
		put_indented(out, table[i].help);
	}
	buf_puts(out,
		"\nExit status: 0, 1 after an uncaught error, 2 for a wrong command line, 3 when\n"
		"a file cannot be read, 4 when ADDRESS cannot be listened on, 5 when the engine\n"
		"fails or is out of memory, 128+N after signal N.\n");
}

void options_complete(const char *const *words, struct buf *out)
{
	const char *last = "";

	if (words[0] && words[1] && streq(words[0], REPORT_COMMAND)) {
		buf_puts(out, "--json\n");
		return;
	}
	for (size_t i = 0; words[i]; i++) {
		last = words[i];
		/* What comes behind FILE is not ours. */
		if (words[i + 1] && *last != '-' && (i == 0 || *words[i - 1] != '-'))
			return;
	}
	if (*last != '-')
		return;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		buf_printf(out, "--%s\n", table[i].name);
}

/* --- parsing --- */

/* "--name", "--name=value", "-n"; *ret_value is what follows "=", NULL without. */
static const struct option *find(const char *arg, const char **ret_value)
{
	*ret_value = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		const char *rest = str_after(arg, "--");

		if (table[i].letter && arg[1] == table[i].letter && arg[2] == '\0')
			return &table[i];
		rest = rest ? str_after(rest, table[i].name) : NULL;
		if (rest && (*rest == '\0' || *rest == '=')) {
			*ret_value = *rest ? rest + 1 : NULL;
			return &table[i];
		}
	}
	return NULL;
}

static int add_kv(const char *value, struct worker_options *o, struct err *err)
{
	if (o->n_kv == WORKER_KV_MAX)
		return err_say(err, EINVAL, "at most %d stores (--kv)", WORKER_KV_MAX);
	o->kv[o->n_kv++] = value;
	return 0;
}

static int apply(enum option_id id, const char *value, enum command *command,
	struct worker_options *o, struct err *err)
{
	switch (id) {
	case OPTION_EVAL: o->code = value; break;
	case OPTION_LISTEN: o->listen = value; break;
	case OPTION_LOCATION: o->location = value; break;
	case OPTION_IMPORT_MAP: o->import_map = value; break;
	case OPTION_ENV_FILE: o->env_file = value; break;
	case OPTION_KV: return add_kv(value, o, err);
	case OPTION_NO_SNAPSHOT: o->no_snapshot = true; break;
	case OPTION_V8_OPTIONS: o->v8_options = value; break;
	case OPTION_BUILD_IMAGE:
		*command = COMMAND_BUILD_IMAGE;
		o->image = value;
		break;
	case OPTION_BUILD_STATE: o->build_state = value; break;
	case OPTION_STATE: o->state = value; break;
	case OPTION_HELP: *command = COMMAND_HELP; break;
	case OPTION_VERSION: *command = COMMAND_VERSION; break;
	}
	return 0;
}

/* Handles *argv and what belongs to it; returns where to go on, NULL with *err. */
static const char *const *take_option(
	const char *const *argv, enum command *command, struct worker_options *o, struct err *err)
{
	const char *value;
	const struct option *option = find(*argv, &value);

	if (!option) {
		err_say(err, EINVAL, "unknown option '%s' (see aworker --help)", *argv);
		return NULL;
	}
	if (!option->value && value) {
		err_say(err, EINVAL, "option --%s takes no value", option->name);
		return NULL;
	}
	if (option->value && !value)
		value = *++argv;
	if (option->value && !value) {
		err_say(err, EINVAL, "option --%s needs a value: %s", option->name, option->value);
		return NULL;
	}
	return apply(option->id, value, command, o, err) < 0 ? NULL : argv + 1;
}

int options_parse(const char *const *argv, enum command *ret_command, struct worker_options *ret,
	struct err *err)
{
	struct worker_options o = {0};
	enum command command = COMMAND_RUN;

	if (*argv)
		argv++;
	while (*argv && **argv == '-' && (*argv)[1]) {
		if (streq(*argv, "--")) {
			argv++;
			break;
		}
		argv = take_option(argv, &command, &o, err);
		if (!argv)
			return -err->code;
	}
	if (command == COMMAND_RUN && !o.code && *argv && streq(*argv, REPORT_COMMAND)) {
		command = COMMAND_REPORT;
		argv++;
	} else if (command == COMMAND_RUN && !o.code) {
		o.file = *argv;
		if (!o.file)
			return err_say(err, EINVAL, "a file is needed (see aworker --help)");
		argv++;
	}
	o.args = argv;
	*ret_command = command;
	*ret = o;
	return 0;
}
