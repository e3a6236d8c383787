/* SPDX-License-Identifier: Apache-2.0 */
/* noslated: the supervisor, and, executed by it, everything else (role.h). */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/log.h"
#include "runtime/base/paths.h"
#include "runtime/base/util.h"
#include "seed/noslated/control/control.h"
#include "seed/noslated/control/maker.h"
#include "seed/noslated/control/telemetry.h"
#include "seed/noslated/data_role.h"
#include "seed/noslated/role.h"
#include "seed/noslated/supervisor.h"

#define EXIT_USAGE 2

static const char usage[] =
	"usage: noslated [--listen ADDRESS]... [--run DIR] [--state DIR] [--log DIR] [--root DIR]\n"
	"                [--access-log FILE] [--metrics ADDRESS] [--otlp URL] [--trace-ratio "
	"RATIO]\n"
	"       noslated --help | --version\n"
	"Serves the functions that noslatectl applies: a worker for who waits, and none for "
	"nobody.\n"
	"      --listen ADDRESS  where HTTP is taken: HOST:PORT or unix:PATH (127.0.0.1:8088)\n"
	"      --run DIR         sockets and bundles (/run/noslated)\n"
	"      --state DIR       what was applied (/var/lib/noslated)\n"
	"      --log DIR         what workers print (/var/log/noslated)\n"
	"      --root DIR        where containers are kept, as turf has it (/run/turf)\n"
	"      --access-log FILE a JSON line for each request; -: standard output (none)\n"
	"      --metrics ADDRESS where anybody may read /metrics, /healthz and /readyz (nowhere)\n"
	"      --otlp URL        the collector that gets traces, http://ADDRESS:PORT (none)\n"
	"      --trace-ratio RATIO  of requests that belong to no trace (0.01)\n";

enum {
	OPT_ACCESS_LOG = 1,
	OPT_HELP,
	OPT_LISTEN,
	OPT_LOG,
	OPT_METRICS,
	OPT_OTLP,
	OPT_ROOT,
	OPT_RUN,
	OPT_STATE,
	OPT_TRACE_RATIO,
	OPT_VERSION
};

static const struct option long_options[] = {
	{"access-log", required_argument, NULL, OPT_ACCESS_LOG},
	{"help", no_argument, NULL, OPT_HELP},
	{"listen", required_argument, NULL, OPT_LISTEN},
	{"log", required_argument, NULL, OPT_LOG},
	{"metrics", required_argument, NULL, OPT_METRICS},
	{"otlp", required_argument, NULL, OPT_OTLP},
	{"root", required_argument, NULL, OPT_ROOT},
	{"run", required_argument, NULL, OPT_RUN},
	{"state", required_argument, NULL, OPT_STATE},
	{"trace-ratio", required_argument, NULL, OPT_TRACE_RATIO},
	{"version", no_argument, NULL, OPT_VERSION},
	{0},
};

static int take_option(struct control_options *o, int opt, const char *value, struct err *err)
{
	switch (opt) {
	case OPT_ACCESS_LOG: o->access_log = value; return 0;
	case OPT_METRICS: o->metrics = value; return 0;
	case OPT_OTLP:
		o->otlp.url = value;
		o->otlp.traces_url = NULL;
		return 0;
	case OPT_TRACE_RATIO:
		return telemetry_parse_ratio("--trace-ratio", value, &o->trace_ratio, err);
	case OPT_LISTEN:
		if (o->n_listen == CONTROL_LISTEN_MAX)
			return err_say(
				err, E2BIG, "--listen: at most %d addresses", CONTROL_LISTEN_MAX);
		o->listen[o->n_listen++] = value;
		return 0;
	case OPT_LOG: o->log = value; return 0;
	case OPT_ROOT: o->root = value; return 0;
	case OPT_RUN: o->run = value; return 0;
	case OPT_STATE: o->state = value; return 0;
	case OPT_HELP: fputs(usage, stdout); exit(EXIT_SUCCESS);
	case OPT_VERSION: puts("noslated " TURF_VERSION); exit(EXIT_SUCCESS);
	}
	return err_say(err, EINVAL, "see 'noslated --help'");
}

static int parse(struct control_options *o, int argc, char **argv, struct err *err)
{
	int opt;

	while ((opt = getopt_long(argc, argv, "", long_options, NULL)) != -1)
		if (take_option(o, opt, optarg, err) < 0)
			return -err->code;
	if (optind < argc)
		return err_say(
			err, EINVAL, "'%s' is too much; see 'noslated --help'", argv[optind]);
	if (o->n_listen == 0)
		o->listen[o->n_listen++] = "127.0.0.1:8088";
	return 0;
}

static int take_options(struct control_options *o, int argc, char **argv, struct err *err)
{
	*o = (struct control_options){.root = PATHS_STATE_ROOT,
		.run = "/run/noslated",
		.state = "/var/lib/noslated",
		.log = "/var/log/noslated"};
	return telemetry_environment(o, err) < 0 ? -err->code : parse(o, argc, argv, err);
}

/* Also the program of everything that it executes. */
static int find_self(char **ret, struct err *err)
{
	*ret = realpath("/proc/self/exe", NULL);
	return *ret ? 0 : err_set(err, errno, "find '/proc/self/exe'");
}

static int run_supervisor(int argc, char **argv, struct err *err)
{
	_cleanup_free_ char *self = NULL;
	struct control_options ignored;

	if (take_options(&ignored, argc, argv, err) < 0 || find_self(&self, err) < 0)
		return -err->code;
	if (geteuid() != 0)
		return err_say(err, EPERM, "only root can make containers for others");
	return supervisor_run(self, argv, err);
}

/* The role is the first argument; the others are the supervisor's. */
static int run_control(int argc, char **argv, struct err *err)
{
	_cleanup_free_ char *self = NULL;
	struct control_options o;

	argv[1] = argv[0];
	if (take_options(&o, argc - 1, argv + 1, err) < 0 || find_self(&self, err) < 0)
		return -err->code;
	o.program = self;
	return control_run(&o, err);
}

static int run_data(int argc UNUSED, char **argv, struct err *err)
{
	return data_role_run(str_after(argv[1], ROLE_DATA), err);
}

static int run_maker(int argc UNUSED, char **argv, struct err *err)
{
	return maker_run(str_after(argv[1], ROLE_MAKER), err);
}

static const struct role {
	const char *argument; /* NULL: any */
	const char *program;
	int (*run)(int argc, char **argv, struct err *err);
} roles[] = {
	{ROLE_CONTROL, "noslated", run_control},
	{ROLE_DATA, "noslated: data plane", run_data},
	{ROLE_MAKER, "noslated: maker", run_maker},
	{NULL, "noslated", run_supervisor},
};

int main(int argc, char **argv)
{
	struct log_config config = {.level = LOG_LEVEL_WARN, .fd = -1};
	const struct role *role = roles;
	struct err err = ERR_INIT;
	int r;

	while (role->argument && !(argc > 1 && str_after(argv[1], role->argument)))
		role++;
	config.program = role->program;
	log_setup(&config);
	r = role->run(argc, argv, &err);
	if (err.code == 0)
		return r;
	log_error("%s", err.msg);
	return err.code == EINVAL ? EXIT_USAGE : EXIT_FAILURE;
}
