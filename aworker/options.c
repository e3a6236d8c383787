/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line; see options.h. Options end at FILE: what follows is the
 * worker's own. Behind a command they may follow FILE as well, up to "--".
 */
#include "aworker/options.h"

#include <errno.h>
#include <inttypes.h>
#include <unistd.h>

#include "aworker/http/http_server.h"
#include "aworker/profile.h"
#include "runtime/base/duration.h"
#include "runtime/base/util.h"
#include "seed/report.h"

enum option_id {
	OPTION_EVAL,
	OPTION_LISTEN,
	OPTION_HOST,
	OPTION_PORT,
	OPTION_MAX_CONNECTIONS,
	OPTION_WATCH,
	OPTION_INHERIT,
	OPTION_LOCATION,
	OPTION_IMPORT_MAP,
	OPTION_ENV_FILE,
	OPTION_KV,
	OPTION_CACHE,
	OPTION_CACHE_SIZE,
	OPTION_HEAP_LIMIT,
	OPTION_STACK_LIMIT,
	OPTION_TASK_LIMIT,
	OPTION_CPU_LIMIT,
	OPTION_REPORT,
	OPTION_NO_SNAPSHOT,
	OPTION_V8_OPTIONS,
	OPTION_BUILD_IMAGE,
	OPTION_BUILD_STATE,
	OPTION_STATE,
	OPTION_MODE,
	OPTION_SNAPSHOT_BLOB,
	OPTION_BUILD_SNAPSHOT,
	OPTION_REQUIRE_SNAPSHOT,
	OPTION_INSPECT,
	OPTION_INSPECT_BRK,
	OPTION_CPU_PROF,
	OPTION_CPU_PROF_INTERVAL,
	OPTION_HEAP_PROF,
	OPTION_HELP,
	OPTION_VERSION,
};

static const struct option {
	enum option_id id;
	char letter; /* 0: none */
	const char *name;
	const char *value; /* what it takes, NULL: nothing; "[...]": only behind "=" */
	const char *help;  /* NULL: not for people */
} table[] = {
	{OPTION_EVAL, 'e', "eval", "CODE", "run CODE instead of a file"},
	{OPTION_LISTEN, 0, "listen", "ADDRESS",
		"where a worker with a fetch handler serves: HOST:PORT,\n"
		"unix:PATH or fd:N (PORT of the environment, else\n"
		"127.0.0.1:8080)"},
	{OPTION_HOST, 0, "host", "ADDRESS", "the HOST of --listen alone"},
	{OPTION_PORT, 0, "port", "PORT", "the PORT of --listen alone"},
	{OPTION_MAX_CONNECTIONS, 0, "max-connections", "N",
		"how many clients may be connected at one time (1024)"},
	{OPTION_WATCH, 0, "watch", NULL, "start again when a file that was loaded changes"},
	{OPTION_INHERIT, 0, "inherit", "ADDRESS", NULL},
	{OPTION_LOCATION, 0, "location", "URL", "what location.href says (the URL of FILE)"},
	{OPTION_IMPORT_MAP, 0, "import-map", "FILE",
		"what names in imports mean, as JSON: {\"imports\": {...}}"},
	{OPTION_ENV_FILE, 0, "env-file", "FILE", "more environment, as lines of NAME=VALUE"},
	{OPTION_KV, 0, "kv", "NAME[=FILE]",
		"a key-value store as env.NAME, in memory; it begins with\n"
		"the object of JSON in FILE"},
	{OPTION_CACHE, 0, "cache", "FOLDER", "where `caches` are kept (in memory)"},
	{OPTION_CACHE_SIZE, 0, "cache-size", "SIZE",
		"what they may hold: bytes, or with K, M or G (64M)"},
	{OPTION_HEAP_LIMIT, 0, "heap-limit", "SIZE",
		"how far JavaScript's heap may grow, and ArrayBuffers once\n"
		"more: bytes, or with K, M or G"},
	{OPTION_STACK_LIMIT, 0, "stack-limit", "SIZE",
		"how deep JavaScript may nest its calls: bytes, or with K or\n"
		"M, at least 64K (nearly 8M)"},
	{OPTION_TASK_LIMIT, 0, "task-limit", "TIME",
		"processor time that code may take before it comes back to\n"
		"the loop: 500ms, 2s, 1m"},
	{OPTION_CPU_LIMIT, 0, "cpu-limit", "TIME",
		"processor time that the worker may take in all"},
	{OPTION_REPORT, 0, "report", "FOLDER",
		"write a report there after an uncaught error, when the\n"
		"engine fails, and for each SIGUSR2"},
	{OPTION_NO_SNAPSHOT, 0, "no-snapshot", NULL, "start from the platform's sources"},
	{OPTION_V8_OPTIONS, 0, "v8-options", "FLAGS", "flags for V8, for debugging"},
	{OPTION_BUILD_IMAGE, 0, "build-image", "FILE",
		"write a base image of this program, for aworker-loader"},
	{OPTION_BUILD_STATE, 0, "build-state", "IMAGE",
		"run FILE up to where it would serve, and write its\n"
		"state, for --state"},
	{OPTION_STATE, 0, "state", "IMAGE", "go on from IMAGE; run FILE where it does not fit"},
	{OPTION_MODE, 0, "mode", "MODE",
		"seed: be the seed that turf copies, of the name FILE\n"
		"(default); seed-userland: run FILE up to where it would\n"
		"serve, and keep its state in memory, for --state"},
	{OPTION_SNAPSHOT_BLOB, 0, "snapshot-blob", "SNAPSHOT",
		"go on from SNAPSHOT; run FILE, if it is given, where it\n"
		"does not fit"},
	{OPTION_BUILD_SNAPSHOT, 0, "build-snapshot", NULL,
		"run FILE up to where it would serve, and write SNAPSHOT"},
	{OPTION_REQUIRE_SNAPSHOT, 0, "require-snapshot", NULL,
		"do not run FILE where SNAPSHOT does not fit"},
	{OPTION_INSPECT, 0, "inspect", "[ADDRESS]",
		"serve debuggers (Chrome DevTools Protocol) at ADDRESS:\n"
		"HOST:PORT or PORT (127.0.0.1:9229)"},
	{OPTION_INSPECT_BRK, 0, "inspect-brk", "[ADDRESS]",
		"the same, and stop before the first line"},
	{OPTION_CPU_PROF, 0, "cpu-prof", "[FILE]",
		"write a CPU profile at the end (CPU.DATE.PID....cpuprofile)"},
	{OPTION_CPU_PROF_INTERVAL, 0, "cpu-prof-interval", "US",
		"microseconds between its samples (1000)"},
	{OPTION_HEAP_PROF, 0, "heap-prof", "[FILE]",
		"write a profile of allocations at the end\n"
		"(Heap.DATE.PID....heapprofile)"},
	{OPTION_HELP, 'h', "help", NULL, "print this help"},
	{OPTION_VERSION, 'v', "version", NULL, "print the version"},
};

static const struct command_word {
	const char *word;
	enum command command;
} commands[] = {
	{"serve", COMMAND_RUN},
	{"check", COMMAND_CHECK},
	{"repl", COMMAND_REPL},
	{REPORT_COMMAND, COMMAND_REPORT},
};

/* NULL: the word is none. */
static const struct command_word *find_command(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (streq(commands[i].word, word))
			return &commands[i];
	return NULL;
}

/* Column at which --help explains. */
#define HELP_COLUMN 24

static bool is_optional(const struct option *o)
{
	return o->value && *o->value == '[';
}

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
	buf_puts(out,
		"Usage: aworker [OPTION]... FILE [ARG]...\n"
		"       aworker [OPTION]... -e CODE [ARG]...\n"
		"       aworker serve [OPTION]... FILE [OPTION]... [-- ARG...]\n"
		"       aworker check [OPTION]... FILE\n"
		"       aworker [repl [OPTION]...]\n"
		"       aworker report [--json] [PID]\n"
		"Run a JavaScript worker with Web APIs; serve one and say where; compile and\n"
		"link one without running it; evaluate what is typed, which is what a terminal\n"
		"gets without FILE; or ask one that runs (PID 1) for its heap, its\n"
		"requests and how long it has run.\n\n");
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct buf left = BUF_INIT;

		if (!table[i].help)
			continue;
		if (table[i].letter)
			buf_printf(&left, "  -%c, ", table[i].letter);
		else
			buf_puts(&left, "      ");
		buf_printf(&left, "--%s", table[i].name);
		if (table[i].value)
			buf_printf(&left, is_optional(&table[i]) ? "[=%s" : " %s",
				table[i].value + is_optional(&table[i]));
		buf_printf(out, "%-*s", HELP_COLUMN, left.data ? left.data : "");
		if (left.len >= HELP_COLUMN)
			buf_printf(out, "\n%*s", HELP_COLUMN, "");
		buf_finish(&left);
		put_indented(out, table[i].help);
	}
	buf_puts(out,
		"\nExit status: 0, 1 after an uncaught error, 2 for a wrong command line, 3 when\n"
		"a file cannot be read, 4 when ADDRESS cannot be listened on, 5 when the engine\n"
		"fails or is out of memory, 6 and 7 when --task-limit and --cpu-limit are used\n"
		"up, 128+N after signal N.\n");
}

void options_complete(const char *const *words, struct buf *out)
{
	const char *last = "";

	if (words[0] && words[1] && streq(words[0], REPORT_COMMAND)) {
		buf_puts(out, "--json\n");
		return;
	}
	if (words[0] && !words[1] && *words[0] && *words[0] != '-') {
		for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
			buf_printf(out, "%s\n", commands[i].word);
		return;
	}
	for (size_t i = 0; words[i]; i++) {
		last = words[i];
		/* What comes behind FILE is not ours. */
		if (words[i + 1] && *last != '-' && (i == 0 || *words[i - 1] != '-') &&
			!find_command(words[0]))
			return;
	}
	if (*last != '-')
		return;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		if (table[i].help)
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

static int set_number(
	const char *option, const char *value, unsigned max, unsigned *ret, struct err *err)
{
	char *end;
	unsigned long n = strtoul(value, &end, 10);

	if (*end || n == 0 || n > max)
		return err_say(err, EINVAL, "option --%s: '%s' is not a number from 1 to %u",
			option, value, max);
	*ret = (unsigned)n;
	return 0;
}

static int set_size(const char *option, const char *value, uint64_t *ret, struct err *err)
{
	static const char units[] = "KMG";
	unsigned long long size;
	unsigned shift = 0;
	char *end = NULL;

	errno = 0;
	size = *value >= '0' && *value <= '9' ? strtoull(value, &end, 10) : 0;
	if (end && *end && strchr(units, *end))
		shift = 10 * (unsigned)(strchr(units, *end++) - units + 1);
	if (!end || *end || errno || size == 0 || size > (WORKER_SIZE_MAX >> shift))
		return err_say(err, EINVAL,
			"option --%s: '%s' is not a number of bytes, at most %lluG", option, value,
			WORKER_SIZE_MAX >> 30);
	*ret = size << shift;
	return 0;
}

static int set_stack(const char *value, uint64_t *ret, struct err *err)
{
	if (set_size("stack-limit", value, ret, err) < 0)
		return -err->code;
	return *ret >= BOX_LIMIT_STACK_MIN
		       ? 0
		       : err_say(err, EINVAL, "option --stack-limit: '%s' is less than %" PRIu64,
				 value, BOX_LIMIT_STACK_MIN);
}

static int set_time(const char *option, const char *value, uint64_t *ret_ms, struct err *err)
{
	if (duration_parse(value, BOX_LIMIT_MAX_MS, ret_ms) < 0)
		return err_say(err, EINVAL,
			"option --%s: '%s' is not a duration from 1ms to 9999h, such as 5s", option,
			value);
	return 0;
}

static int set_path(const char *option, const char *value, const char **ret, struct err *err)
{
	if (!*value)
		return err_say(err, EINVAL, "option --%s: '' is no file", option);
	*ret = value;
	return 0;
}

static int set_mode(
	const char *value, enum command *command, struct worker_options *o, struct err *err)
{
	if (streq(value, "seed"))
		*command = COMMAND_SEED;
	else if (streq(value, "seed-userland"))
		o->build_state = WORKER_STATE_IN_MEMORY;
	else
		return err_say(err, EINVAL, "option --mode: '%s' is neither seed nor seed-userland",
			value);
	return 0;
}

static int apply(enum option_id id, const char *value, enum command *command,
	struct worker_options *o, struct err *err)
{
	switch (id) {
	case OPTION_EVAL: o->code = value; break;
	case OPTION_LISTEN: o->listen = value; break;
	case OPTION_HOST: o->host = value; break;
	case OPTION_PORT: o->port = value; break;
	case OPTION_MAX_CONNECTIONS:
		return set_number(
			"max-connections", value, HTTP_CONNECTIONS_LIMIT, &o->max_connections, err);
	case OPTION_WATCH: o->watch = true; break;
	case OPTION_INHERIT: o->inherit = value; break;
	case OPTION_LOCATION: o->location = value; break;
	case OPTION_IMPORT_MAP: o->import_map = value; break;
	case OPTION_ENV_FILE: o->env_file = value; break;
	case OPTION_KV: return add_kv(value, o, err);
	case OPTION_CACHE: o->cache = value; break;
	case OPTION_CACHE_SIZE: return set_size("cache-size", value, &o->cache_size, err);
	case OPTION_HEAP_LIMIT: return set_size("heap-limit", value, &o->limits.heap, err);
	case OPTION_STACK_LIMIT: return set_stack(value, &o->limits.stack, err);
	case OPTION_TASK_LIMIT: return set_time("task-limit", value, &o->limits.task_ms, err);
	case OPTION_CPU_LIMIT: return set_time("cpu-limit", value, &o->limits.cpu_ms, err);
	case OPTION_REPORT: o->report = value; break;
	case OPTION_NO_SNAPSHOT: o->no_snapshot = true; break;
	case OPTION_V8_OPTIONS: o->v8_options = value; break;
	case OPTION_BUILD_IMAGE:
		*command = COMMAND_BUILD_IMAGE;
		o->image = value;
		break;
	case OPTION_BUILD_STATE: return set_path("build-state", value, &o->build_state, err);
	case OPTION_STATE: o->state = value; break;
	case OPTION_MODE: return set_mode(value, command, o, err);
	case OPTION_SNAPSHOT_BLOB: o->snapshot_blob = value; break;
	case OPTION_BUILD_SNAPSHOT: o->build_snapshot = true; break;
	case OPTION_REQUIRE_SNAPSHOT: o->require_snapshot = true; break;
	case OPTION_INSPECT_BRK: o->inspect_break = true; /* fall through */
	case OPTION_INSPECT: o->inspect = value ? value : ""; break;
	case OPTION_CPU_PROF: o->cpu_prof = value ? value : ""; break;
	case OPTION_CPU_PROF_INTERVAL:
		return set_number("cpu-prof-interval", value, PROFILE_INTERVAL_MAX_US,
			&o->cpu_prof_interval_us, err);
	case OPTION_HEAP_PROF: o->heap_prof = value ? value : ""; break;
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
	if (option->value && !value && !is_optional(option))
		value = *++argv;
	if (option->value && !value && !is_optional(option)) {
		err_say(err, EINVAL, "option --%s needs a value: %s", option->name, option->value);
		return NULL;
	}
	return apply(option->id, value, command, o, err) < 0 ? NULL : argv + 1;
}

/* Up to the first word that is no option; *ret_last: "--" has said so. */
static int take_options(const char *const **argv, enum command *command, struct worker_options *o,
	bool *ret_last, struct err *err)
{
	*ret_last = false;
	while (**argv && ***argv == '-' && (**argv)[1]) {
		if (streq(**argv, "--")) {
			*ret_last = true;
			++*argv;
			break;
		}
		*argv = take_option(*argv, command, o, err);
		if (!*argv)
			return -err->code;
	}
	return 0;
}

static int take_file(
	const char *const **argv, enum command command, struct worker_options *o, struct err *err)
{
	if (o->code || command == COMMAND_REPL)
		return 0;
	if (!**argv && o->snapshot_blob && !o->build_snapshot)
		return 0;
	if (!**argv)
		return err_say(err, EINVAL, "a file is needed (see aworker --help)");
	o->file = *(*argv)++;
	return 0;
}

/* What follows the word of a command. */
static int take_command(const struct command_word *word, const char *const **argv,
	enum command *command, struct worker_options *o, struct err *err)
{
	bool last;

	*command = word->command;
	if (*command == COMMAND_REPORT)
		return 0;
	o->must_serve = *command == COMMAND_RUN;
	if (take_options(argv, command, o, &last, err) < 0 || take_file(argv, *command, o, err) < 0)
		return -err->code;
	if (!last && take_options(argv, command, o, &last, err) < 0)
		return -err->code;
	if (**argv && !last)
		return err_say(err, EINVAL,
			"%s: '%s' is too much; what is for the worker follows --", word->word,
			**argv);
	return 0;
}

int options_parse(const char *const *argv, enum command *ret_command, struct worker_options *ret,
	struct err *err)
{
	struct worker_options o = {0};
	enum command command = COMMAND_RUN;
	const struct command_word *word;
	bool last;

	if (*argv)
		argv++;
	if (take_options(&argv, &command, &o, &last, err) < 0)
		return -err->code;
	word = command == COMMAND_RUN && !o.code && !last && *argv ? find_command(*argv) : NULL;
	if (word) {
		argv++;
		if (take_command(word, &argv, &command, &o, err) < 0)
			return -err->code;
	} else if (command == COMMAND_RUN && !o.code && !o.snapshot_blob && !*argv &&
		   isatty(STDIN_FILENO)) {
		command = COMMAND_REPL;
	} else if (command == COMMAND_RUN && take_file(&argv, command, &o, err) < 0) {
		return -err->code;
	}
	if (!o.snapshot_blob && (o.build_snapshot || o.require_snapshot))
		return err_say(err, EINVAL, "which SNAPSHOT? (--snapshot-blob)");
	o.args = argv;
	*ret_command = command;
	*ret = o;
	return 0;
}
