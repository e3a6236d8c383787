/* SPDX-License-Identifier: Apache-2.0 */
/* noslated: the control plane, or, executed by it, the data plane. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/log.h"
#include "runtime/base/paths.h"
#include "runtime/base/util.h"
#include "seed/noslated/control/control.h"
#include "seed/noslated/control/worker.h"
#include "seed/noslated/data_role.h"
#include "seed/noslated/role.h"

#define EXIT_USAGE 2

static const char usage[] =
	"usage: noslated [--listen ADDRESS]... [--run DIR] [--state DIR] [--log DIR] [--root DIR]\n"
	"       noslated --help | --version\n"
	"Serves the functions that noslatectl applies: a worker for who waits, and none for "
	"nobody.\n"
	"      --listen ADDRESS  where HTTP is taken: HOST:PORT or unix:PATH (127.0.0.1:8088)\n"
	"      --run DIR         sockets and bundles (/run/noslated)\n"
	"      --state DIR       what was applied (/var/lib/noslated)\n"
	"      --log DIR         what workers print (/var/log/noslated)\n"
	"      --root DIR        where containers are kept, as turf has it (/run/turf)\n";

enum { OPT_HELP = 1, OPT_LISTEN, OPT_LOG, OPT_ROOT, OPT_RUN, OPT_STATE, OPT_VERSION };

static const struct option long_options[] = {
	{"help", no_argument, NULL, OPT_HELP},
	{"listen", required_argument, NULL, OPT_LISTEN},
	{"log", required_argument, NULL, OPT_LOG},
	{"root", required_argument, NULL, OPT_ROOT},
	{"run", required_argument, NULL, OPT_RUN},
	{"state", required_argument, NULL, OPT_STATE},
	{"version", no_argument, NULL, OPT_VERSION},
	{0},
};

static int take_option(struct control_options *o, int opt, const char *value, struct err *err)
{
	switch (opt) {
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

static int run_control(int argc, char **argv, struct err *err)
{
	struct control_options o = {.root = PATHS_STATE_ROOT,
		.run = "/run/noslated",
		.state = "/var/lib/noslated",
		.log = "/var/log/noslated"};
	_cleanup_free_ char *self = realpath("/proc/self/exe", NULL);

	if (parse(&o, argc, argv, err) < 0)
		return -err->code;
	if (!self)
		return err_set(err, errno, "find '/proc/self/exe'");
	if (geteuid() != 0)
		return err_say(err, EPERM, "only root can make containers for others");
	o.program = self;
	return control_run(&o, err);
}

int main(int argc, char **argv)
{
	const char *data = argc == 2 ? str_after(argv[1], ROLE_DATA) : NULL;
	const struct log_config config = {.level = LOG_LEVEL_WARN,
		.fd = -1,
		.program = data ? "noslated: data plane" : "noslated"};
	struct err err = ERR_INIT;
	int r;

	log_setup(&config);
	if (data)
		r = data_role_run((unsigned)strtoul(data, NULL, 10), &err);
	else
		r = workers_reserve(&err) < 0 ? -err.code : run_control(argc, argv, &err);
	if (r == 0)
		return EXIT_SUCCESS;
	log_error("%s", err.msg);
	return err.code == EINVAL ? EXIT_USAGE : EXIT_FAILURE;
}
