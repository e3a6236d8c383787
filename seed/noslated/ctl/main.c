/* SPDX-License-Identifier: Apache-2.0 */
/* noslatectl: asks a noslated on this machine, and tells it what to serve. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "runtime/base/util.h"
#include "seed/noslated/ctl/ask.h"
#include "seed/noslated/ctl/digest.h"
#include "seed/noslated/profile/profile.h"

#define EXIT_USAGE 2
#define FILE_MAX   (4u << 20)

static struct {
	const char *run;
	bool json;
} given = {.run = "/run/noslated"};

/* --- answers --- */

static int fail_with(const struct answer *a, struct err *err)
{
	_cleanup_json_ struct json_doc *doc = NULL;
	const struct json_node *errors;
	const char *text;

	if (json_parse(a->body.data ? a->body.data : "", a->body.len, &doc, err) < 0)
		return err_say(err, EPROTO, "noslated answers with status %d", a->status);
	errors = json_get(json_root(doc), "errors");
	if (!errors || json_count(errors) == 0 || json_to_str(json_first(errors), &text, err) < 0)
		return err_say(err, EPROTO, "noslated answers with status %d", a->status);
	/* Each mistake is a line; the last one is main()'s to say. */
	json_for_each (n, errors) {
		if (json_to_str(n, &text, err) < 0)
			return -err->code;
		if (json_next(n))
			log_error("%s", text);
	}
	return err_say(err, EINVAL, "%s", text);
}

static int ask(const char *method, const char *target, const char *body, size_t len,
	struct answer *ret, struct err *err)
{
	if (ask_noslated(given.run, method, target, body, len, ret, err) < 0)
		return -err->code;
	return ret->status == 200 ? 0 : fail_with(ret, err);
}

static int print(const struct answer *a, struct err *err)
{
	int r = fd_write_all(STDOUT_FILENO, a->body.data, a->body.len);

	return r < 0 ? err_set(err, -r, "write") : 0;
}

static int get(const char *target, struct err *err)
{
	_cleanup_(answer_finish) struct answer a = {0};

	return ask("GET", target, NULL, 0, &a, err) < 0 ? -err->code : print(&a, err);
}

/* --- verbs --- */

static int verb_apply(char **args, struct err *err)
{
	_cleanup_(answer_finish) struct answer a = {0};
	_cleanup_free_ char *text = NULL;
	const bool stdin_ = streq(args[0], "-");
	size_t len;
	int r = stdin_ ? file_read_fd(STDIN_FILENO, "standard input", FILE_MAX, &text, &len, err)
		       : file_read(AT_FDCWD, args[0], FILE_MAX, &text, &len, err);

	if (r < 0 || ask("PUT", "/v1/functions", text, len, &a, err) < 0)
		return -err->code;
	return given.json ? print(&a, err) : 0;
}

static int verb_get(char **args UNUSED, struct err *err)
{
	return get("/v1/functions", err);
}

static int put_row(struct buf *out, const struct json_node *n, struct err *err)
{
	const char *name, *function;
	int64_t pid;

	if (json_need_str(n, "name", &name, err) < 0 ||
		json_need_str(n, "function", &function, err) < 0 ||
		json_need_i64(n, "pid", &pid, err) < 0)
		return -err->code;
	buf_printf(out, "%-24s %-32s %d\n", function, name, (int)pid);
	return 0;
}

static int verb_workers(char **args UNUSED, struct err *err)
{
	_cleanup_(answer_finish) struct answer a = {0};
	_cleanup_json_ struct json_doc *doc = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (given.json)
		return get("/v1/workers", err);
	if (ask("GET", "/v1/workers", NULL, 0, &a, err) < 0 ||
		json_parse(a.body.data, a.body.len, &doc, err) < 0)
		return -err->code;
	buf_printf(&out, "%-24s %-32s %s\n", "FUNCTION", "WORKER", "PID");
	json_for_each (n, json_root(doc))
		if (put_row(&out, n, err) < 0)
			return -err->code;
	return buf_failed(&out) ? err_oom(err) : fd_write_all(STDOUT_FILENO, out.data, out.len);
}

static int verb_schema(char **args UNUSED, struct err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	profile_schema_write(&out);
	return buf_failed(&out) ? err_oom(err) : fd_write_all(STDOUT_FILENO, out.data, out.len);
}

static int verb_version(char **args UNUSED, struct err *err)
{
	return get("/v1/version", err);
}

static const struct verb {
	const char *name;
	int n_args;
	int (*run)(char **args, struct err *err);
	const char *args, *help;
} verbs[] = {
	{"apply", 1, verb_apply, "FILE",
		"serve the functions of FILE (- is standard input), and no others"},
	{"get", 0, verb_get, "", "print what is applied, with all defaults"},
	{"digest", 1, verb_digest, "PATH", "print what code.digest is to be for code at PATH"},
	{"workers", 0, verb_workers, "", "list the workers that there are"},
	{"schema", 0, verb_schema, "", "print the JSON Schema of FILE"},
	{"version", 0, verb_version, "", "print the daemon's version, and how often was applied"},
};

/* --- the command line --- */

static void print_help(void)
{
	puts("usage: noslatectl [--run DIR] [--json] VERB [ARG]\n"
	     "       noslatectl --help | --version\n");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		printf("  %-8s %-5s %s\n", verbs[i].name, verbs[i].args, verbs[i].help);
	puts("\n      --run DIR   the daemon's (/run/noslated)\n"
	     "      --json      for machines");
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (streq(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

static int complete(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		puts(verbs[i].name);
	return 0;
}

static int run(int argc, char **argv, struct err *err)
{
	static const struct option options[] = {{"run", required_argument, NULL, 'r'},
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'v'}, {0}};
	const struct verb *verb;
	int opt;

	while ((opt = getopt_long(argc, argv, "+", options, NULL)) != -1)
		switch (opt) {
		case 'r': given.run = optarg; break;
		case 'j': given.json = true; break;
		case 'h': print_help(); return 0;
		case 'v': puts("noslatectl " TURF_VERSION); return 0;
		default: return err_say(err, EINVAL, "see 'noslatectl --help'");
		}
	if (optind == argc)
		return err_say(err, EINVAL, "a verb is needed; see 'noslatectl --help'");
	if (streq(argv[optind], "__complete"))
		return complete();
	verb = find_verb(argv[optind]);
	if (!verb)
		return err_say(
			err, EINVAL, "unknown verb '%s'; see 'noslatectl --help'", argv[optind]);
	if (argc - optind - 1 != verb->n_args)
		return err_say(err, EINVAL, "usage: noslatectl %s %s", verb->name, verb->args);
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
