/* SPDX-License-Identifier: Apache-2.0 */
/* noslatectl: asks a noslated on this machine, and tells it what to serve. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/log.h"
#include "runtime/base/util.h"
#include "seed/noslated/ctl/ask.h"
#include "seed/noslated/ctl/ctl.h"
#include "seed/noslated/ctl/status.h"

#define EXIT_USAGE  2
#define RUN_DEFAULT "/run/noslated"

/* --- verbs --- */

static const struct verb {
	const char *name;
	ctl_verb run;
	int n_needed, n_most; /* arguments */
	const char *args, *options, *help;
} verbs[] = {
	{"apply", verb_apply, 1, 1, "FILE", "",
		"serve the functions of FILE (- is standard input), and no others"},
	{"get", verb_get, 0, 0, "", "", "print what is applied, with all defaults"},
	{"history", verb_history, 0, 0, "", "", "list the last sets that were applied"},
	{"rollback", verb_rollback, 1, 1, "SET", "", "serve one of them again"},
	{"list", verb_list, 0, 0, "", "", "list functions, and how they are"},
	{"describe", verb_describe, 1, 1, "FUNCTION", "",
		"print all of a function: its profile, state, workers and events"},
	{"top", verb_top, 0, 0, "[--once]", "1", "show functions, the busiest first"},
	{"digest", verb_digest, 1, 1, "PATH", "",
		"print what code.digest is to be for code at PATH"},
	{"workers", verb_workers, 0, 1, "[FUNCTION]", "", "list the workers that there are"},
	{"logs", verb_logs, 1, 1, "[-f] [-n LINES] FUNCTION", "fn",
		"print what its workers have printed"},
	{"events", verb_events, 0, 0, "[-f] [--since NUMBER] [--function NAME]", "fsF",
		"print what has happened"},
	{"invoke", verb_invoke, 1, 2,
		"[-i] [-X METHOD] [-H HEADER]... [-d DATA|@FILE] FUNCTION [PATH]", "iXHd",
		"send a request to a function"},
	{"scale", verb_scale, 1, 1, "[--min N] [--max N] FUNCTION", "mM",
		"change how many workers a function may have"},
	{"drain", verb_drain, 0, 1, "[FUNCTION]", "",
		"take no new requests for a function, or for any"},
	{"resume", verb_resume, 0, 1, "[FUNCTION]", "", "take them again"},
	{"seeds", verb_seeds, 0, 0, "", "", "list the seeds that workers are copied from"},
	{"dashboard", verb_dashboard, 0, 0, "[--listen ADDRESS:PORT]", "l",
		"show all of it to a browser on this machine"},
	{"schema", verb_schema, 0, 0, "", "", "print the JSON Schema of what apply takes"},
	{"version", verb_version, 0, 0, "", "", "print the daemon's version and the set it serves"},
};

/* --- options --- */

static const struct option long_options[] = {
	{"run", required_argument, NULL, 'r'},
	{"socket", required_argument, NULL, 'S'},
	{"output", required_argument, NULL, 'o'},
	{"json", no_argument, NULL, 'j'},
	{"help", no_argument, NULL, 'h'},
	{"version", no_argument, NULL, 'v'},
	{"follow", no_argument, NULL, 'f'},
	{"lines", required_argument, NULL, 'n'},
	{"since", required_argument, NULL, 's'},
	{"function", required_argument, NULL, 'F'},
	{"once", no_argument, NULL, '1'},
	{"min", required_argument, NULL, 'm'},
	{"max", required_argument, NULL, 'M'},
	{"include", no_argument, NULL, 'i'},
	{"request", required_argument, NULL, 'X'},
	{"header", required_argument, NULL, 'H'},
	{"data", required_argument, NULL, 'd'},
	{"listen", required_argument, NULL, 'l'},
	{0},
};
static const char short_options[] = "o:fn:iX:H:d:h";
/* Of all verbs. */
static const char common[] = "rSojhv";

static const char *long_name(int letter)
{
	const struct option *o = long_options;

	while (o->name && o->val != letter)
		o++;
	return o->name;
}

static int set_output(const char *value, struct err *err)
{
	if (!streq(value, "json") && !streq(value, "table"))
		return err_say(err, EINVAL, "--output: '%s' is neither json nor table", value);
	given.json = streq(value, "json");
	return 0;
}

static int add_header(const char *value, struct err *err)
{
	if (given.n_headers == CTL_HEADERS_MAX)
		return err_say(err, E2BIG, "--header: at most %d", CTL_HEADERS_MAX);
	given.headers[given.n_headers++] = value;
	return 0;
}

static void print_help(void)
{
	puts("usage: noslatectl [OPTION]... VERB [ARGUMENT]...\n"
	     "       noslatectl --help | --version\n");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		printf("  %s%s%s\n      %s\n", verbs[i].name, *verbs[i].args ? " " : "",
			verbs[i].args, verbs[i].help);
	puts("\n      --run DIR      the daemon's (NOSLATED_RUN, or " RUN_DEFAULT ")\n"
	     "      --socket PATH  where it is asked (admin.sock below DIR)\n"
	     "  -o, --output WORD  table or json\n"
	     "      --json         as -o json");
}

static int take_option(int opt, const char *value, struct err *err)
{
	switch (opt) {
	case 'r': given.run = value; return 0;
	case 'S': given.socket = value; return 0;
	case 'o': return set_output(value, err);
	case 'j': given.json = true; return 0;
	case 'h': print_help(); exit(EXIT_SUCCESS);
	case 'v': puts("noslatectl " TURF_VERSION); exit(EXIT_SUCCESS);
	case 'f': given.follow = true; return 0;
	case 'n': given.lines = value; return 0;
	case 's': given.since = value; return 0;
	case 'F': given.function = value; return 0;
	case '1': given.once = true; return 0;
	case 'm': given.min = value; return 0;
	case 'M': given.max = value; return 0;
	case 'i': given.head = true; return 0;
	case 'X': given.method = value; return 0;
	case 'H': return add_header(value, err);
	case 'd': given.data = value; return 0;
	case 'l': given.listen = value; return 0;
	}
	return err_say(err, EINVAL, "see 'noslatectl --help'");
}

/* Which options there were is known before the verb is: they may stand before it. */
struct seen {
	char letters[32];
	size_t n;
};

static int parse_options(int argc, char **argv, struct seen *seen, struct err *err)
{
	int opt;

	while ((opt = getopt_long(argc, argv, short_options, long_options, NULL)) != -1) {
		if (take_option(opt, optarg, err) < 0)
			return -err->code;
		if (!memchr(seen->letters, opt, seen->n))
			seen->letters[seen->n++] = (char)opt;
	}
	return 0;
}

static int check_options(const struct verb *v, const struct seen *seen, struct err *err)
{
	for (size_t i = 0; i < seen->n; i++)
		if (!strchr(common, seen->letters[i]) && !strchr(v->options, seen->letters[i]))
			return err_say(err, EINVAL, "%s: --%s is not for it", v->name,
				long_name(seen->letters[i]));
	return 0;
}

/* --- the command line --- */

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (streq(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

/* Words for the shell: verbs and options of all, or, behind a verb, its own options. */
static int complete(const char *verb)
{
	const struct verb *v = verb ? find_verb(verb) : NULL;
	const char *letters = v ? v->options : common;

	for (size_t i = 0; i < ARRAY_SIZE(verbs) && !v; i++)
		puts(verbs[i].name);
	for (const struct option *o = long_options; o->name; o++)
		if (strchr(letters, o->val))
			printf("--%s\n", o->name);
	return 0;
}

/* Names, for the shell as well; none when there is no daemon. */
static int complete_functions(struct err *err)
{
	_cleanup_(status_list_finish) struct status_list l = {0};

	if (ask_set_socket(given.socket, given.run, err) < 0 || status_list_ask(&l, err) < 0)
		return -err->code;
	for (size_t i = 0; i < l.n; i++)
		puts(l.all[i].name);
	return 0;
}

static int run(int argc, char **argv, struct err *err)
{
	const char *from_environment = getenv("NOSLATED_RUN");
	struct seen seen = {.n = 0};
	const struct verb *verb;
	int n;

	given.run = from_environment && *from_environment ? from_environment : RUN_DEFAULT;
	if (parse_options(argc, argv, &seen, err) < 0)
		return -err->code;
	if (optind == argc)
		return err_say(err, EINVAL, "a verb is needed; see 'noslatectl --help'");
	if (streq(argv[optind], "__complete"))
		return complete(argv[optind + 1]);
	if (streq(argv[optind], "__functions"))
		return complete_functions(err);
	verb = find_verb(argv[optind]);
	if (!verb)
		return err_say(
			err, EINVAL, "unknown verb '%s'; see 'noslatectl --help'", argv[optind]);
	n = argc - optind - 1;
	if (n < verb->n_needed || n > verb->n_most)
		return err_say(err, EINVAL, "usage: noslatectl %s%s%s", verb->name,
			*verb->args ? " " : "", verb->args);
	if (check_options(verb, &seen, err) < 0 || ask_set_socket(given.socket, given.run, err) < 0)
		return -err->code;
	return verb->run(argv + optind + 1, err);
}

int main(int argc, char **argv)
{
	static const struct log_config config = {
		.level = LOG_LEVEL_WARN, .fd = -1, .program = "noslatectl"};
	struct err err = ERR_INIT;
	int r;

	log_setup(&config);
	r = run(argc, argv, &err);
	if (r == 0)
		return EXIT_SUCCESS;
	log_error("%s", err.msg);
	return err.code == EINVAL ? EXIT_USAGE : EXIT_FAILURE;
}
