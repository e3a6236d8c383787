/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turf-seed: the keeper of one seed. Becomes a daemon and returns when the seed is
 * ready, so that `turf-seed NAME && turf run ...` is right.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/paths.h"
#include "seed/keeper_priv.h"

#define EXIT_USAGE 2

/* Each takes a descriptor and some memory of the keeper's. */
#define MAX_CLONES_LIMIT 1000000

static const char usage[] =
	"usage: turf-seed [--background | --foreground] [--max-clones N] [--parked N]\n"
	"                 [--worker PATH] NAME\n"
	"       turf-seed --help | --version\n";

enum {
	OPT_BACKGROUND = 1,
	OPT_FOREGROUND,
	OPT_HELP,
	OPT_MAX,
	OPT_PARKED,
	OPT_REPORT,
	OPT_VERSION,
	OPT_WORKER
};

static const struct option long_options[] = {
	{"background", no_argument, NULL, OPT_BACKGROUND},
	{"foreground", no_argument, NULL, OPT_FOREGROUND},
	{"help", no_argument, NULL, OPT_HELP},
	{"max-clones", required_argument, NULL, OPT_MAX},
	{"parked", required_argument, NULL, OPT_PARKED},
	{"report-fd", required_argument, NULL, OPT_REPORT}, /* for seed_start(), not for people */
	{"version", no_argument, NULL, OPT_VERSION},
	{"worker", required_argument, NULL, OPT_WORKER},
	{0},
};

struct arguments {
	struct keeper_options keeper;
	bool foreground;
	char *worker; /* owned; keeper.worker */
};

static int parse_number(const char *s, unsigned min, unsigned max, unsigned *ret)
{
	char *end;
	unsigned long v;

	errno = 0;
	v = strtoul(s, &end, 10);
	if (*s < '0' || *s > '9' || *end || errno || v < min || v > max)
		return -EINVAL;
	*ret = (unsigned)v;
	return 0;
}

/* One option. 0, or a negative errno; --help and --version end the program. */
static int take_option(struct arguments *a, int opt, const char *value, struct err *err)
{
	unsigned fd;

	switch (opt) {
	case OPT_BACKGROUND: a->keeper.background = true; return 0;
	case OPT_FOREGROUND: a->foreground = true; return 0;
	case OPT_MAX:
		if (parse_number(value, 1, MAX_CLONES_LIMIT, &a->keeper.max_clones) == 0)
			return 0;
		return err_say(
			err, EINVAL, "--max-clones %s: expected 1 to %d", value, MAX_CLONES_LIMIT);
	case OPT_PARKED:
		if (parse_number(value, 0, SEED_PARKED_MAX, &a->keeper.parked) == 0)
			return 0;
		return err_say(
			err, EINVAL, "--parked %s: expected 0 to %d", value, SEED_PARKED_MAX);
	case OPT_REPORT:
		if (parse_number(value, 3, 1000000, &fd) < 0 || fcntl((int)fd, F_GETFD) < 0)
			return err_say(err, EINVAL, "--report-fd %s: no open descriptor", value);
		a->keeper.report_fd = (int)fd;
		return fd_set_cloexec((int)fd, true);
	case OPT_WORKER:
		free(a->worker);
		a->worker = realpath(value, NULL);
		if (!a->worker)
			return err_set(err, errno, "--worker '%s'", value);
		return 0;
	case OPT_HELP: fputs(usage, stdout); exit(EXIT_SUCCESS);
	case OPT_VERSION: puts("turf-seed " TURF_VERSION); exit(EXIT_SUCCESS);
	}
	return err_say(err, EINVAL, "see 'turf-seed --help'");
}

static int parse(struct arguments *a, int argc, char **argv, struct err *err)
{
	int opt;
	int r;

	while ((opt = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		r = take_option(a, opt, optarg, err);
		if (r < 0)
			return r;
	}
	if (argc - optind != 1)
		return err_say(err, EINVAL, "expected one name; see 'turf-seed --help'");
	a->keeper.name = argv[optind];
	if (!paths_id_is_valid(a->keeper.name))
		return err_say(err, EINVAL, "'%s' is no name for a seed: 1 to %d of A-Za-z0-9_+.-",
			a->keeper.name, PATHS_ID_MAX);
	if (a->foreground && a->keeper.background)
		return err_say(err, EINVAL, "--foreground and --background exclude each other");
	return 0;
}

/* Parent: waits for the daemon's report and says it. */
static int hear_daemon(int fd)
{
	struct seed_report report;
	struct err err = ERR_INIT;

	if (fd_read_all(fd, &report, sizeof(report)) != sizeof(report))
		err_say(&err, EPIPE, "the keeper ended before it was ready");
	else if (report.code)
		err_say(&err, report.code, "%s", report.text);
	if (err.code)
		log_error("%s", err.msg);
	return err.code ? EXIT_FAILURE : EXIT_SUCCESS;
}

static void detach(void)
{
	int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd <= STDERR_FILENO && null_fd >= 0; fd++)
		dup2(null_fd, fd);
	if (null_fd > STDERR_FILENO)
		close(null_fd);
}

static int fail(struct arguments *a, const struct err *err, int code)
{
	if (a->keeper.report_fd < 0)
		log_error("%s", err->msg);
	keeper_report_to(&a->keeper.report_fd, err->code, err->msg);
	free(a->worker);
	return code;
}

/* Returns only in the daemon. */
static void daemonise(struct arguments *a)
{
	int report[2] = {-1, -1};
	struct err err = ERR_INIT;
	pid_t pid;

	/* Without a starter that listens it is our own first process that does. */
	if (a->keeper.report_fd < 0 && pipe2(report, O_CLOEXEC) < 0) {
		err_set(&err, errno, "make a pipe");
		exit(fail(a, &err, EXIT_FAILURE));
	}
	pid = fork();
	if (pid < 0) {
		err_set(&err, errno, "fork");
		exit(fail(a, &err, EXIT_FAILURE));
	}
	if (pid > 0) {
		if (report[0] < 0)
			exit(EXIT_SUCCESS);
		close(report[1]);
		exit(hear_daemon(report[0]));
	}
	if (report[0] >= 0) {
		close(report[0]);
		a->keeper.report_fd = report[1];
	}
	setsid();
	detach();
}

int main(int argc, char **argv)
{
	struct arguments a = {
		.keeper = {.max_clones = SEED_MAX_CLONES_DEFAULT,
			.parked = SEED_PARKED_DEFAULT,
			.report_fd = -1},
	};
	struct log_config config = {.level = LOG_LEVEL_WARN, .fd = -1, .program = "turf-seed"};
	struct err err = ERR_INIT;
	int r;

	log_setup(&config);
	if (parse(&a, argc, argv, &err) < 0)
		return fail(&a, &err, EXIT_USAGE);
	if (!a.worker && paths_program("aworker", &a.worker, &err) < 0)
		return fail(&a, &err, EXIT_FAILURE);
	a.keeper.worker = a.worker;
	if (!a.foreground)
		daemonise(&a);
	umask(077);
	if (chdir("/") < 0) {
		err_set(&err, errno, "chdir '/'");
		return fail(&a, &err, EXIT_FAILURE);
	}
	r = keeper_run(&a.keeper, &err);
	if (r < 0 && a.foreground)
		log_error("%s", err.msg);
	free(a.worker);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
