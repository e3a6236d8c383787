/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Executes turf-seed and hears how it went. The keeper becomes a daemon by itself;
 * it speaks to us once, on descriptor REPORT, in a struct seed_report.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/paths.h"
#include "seed/client.h"
#include "seed/keeper_priv.h"
#include "seed/socket_priv.h"

#define REPORT_FD 3

/* The keeper itself gives up after SEED_START_TIMEOUT_MS and says why. */
#define REPORT_SLACK_MS 5000

#define ARGS_MAX 14

struct command {
	const char *argv[ARGS_MAX];
	size_t n;
	char max_clones[16];
	char parked[32];
	char seeds_dir[4096];
	char base_image[4096];
	char verified_dir[4096];
	const char *envp[5];
};

static void fill_command(struct command *c, const char *keeper, const struct seed_start *start)
{
	const char *args[] = {keeper, "--report-fd=3", start->background ? "--background" : NULL,
		start->worker ? "--worker" : NULL, start->worker,
		start->max_clones ? "--max-clones" : NULL, start->max_clones ? c->max_clones : NULL,
		start->parked ? c->parked : NULL, "--", start->name};

	if (start->parked)
		snprintf(c->parked, sizeof(c->parked), "--parked=%u", *start->parked);
	snprintf(c->max_clones, sizeof(c->max_clones), "%u", start->max_clones);
	snprintf(c->seeds_dir, sizeof(c->seeds_dir), "TURF_SEEDS_DIR=%s", paths_seeds_dir());
	for (size_t i = 0; i < ARRAY_SIZE(args); i++)
		if (args[i])
			c->argv[c->n++] = args[i];
	snprintf(c->base_image, sizeof(c->base_image), "TURF_BASE_IMAGE=%s", paths_base_image());
	c->envp[0] = c->seeds_dir;
	c->envp[1] = c->base_image;
	snprintf(c->verified_dir, sizeof(c->verified_dir), "TURF_VERIFIED_DIR=%s",
		paths_verified_dir());
	c->envp[2] = c->verified_dir;
	c->envp[3] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/* Nothing of the caller's goes along: descriptors, signal mask, ignored signals. */
static int spawn(const struct command *c, int report_fd, pid_t *ret_pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t all;
	sigset_t none;
	int r;

	posix_spawn_file_actions_init(&files);
	posix_spawnattr_init(&attr);
	sigfillset(&all);
	sigemptyset(&none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	r = posix_spawn_file_actions_adddup2(&files, report_fd, REPORT_FD);
	for (int fd = 0; fd <= STDERR_FILENO && r == 0; fd++)
		r = posix_spawn_file_actions_addopen(&files, fd, "/dev/null", O_RDWR, 0);
	if (r == 0)
		r = posix_spawn_file_actions_addclosefrom_np(&files, REPORT_FD + 1);
	if (r == 0)
		r = posix_spawn(ret_pid, c->argv[0], &files, &attr, (char *const *)c->argv,
			(char *const *)c->envp);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return -r;
}

static int hear_report(int fd, struct err *err)
{
	struct seed_report report;
	ssize_t n;

	if (seed_socket_wait(fd, SEED_START_TIMEOUT_MS + REPORT_SLACK_MS) < 0)
		return err_say(err, ETIMEDOUT, "its keeper does not say whether it is ready");
	n = fd_read_all(fd, &report, sizeof(report));
	if (n < 0)
		return err_set(err, (int)-n, "hear its keeper");
	if (n != sizeof(report) || report.code < 0)
		return err_say(err, EPIPE, "its keeper ended before it was ready");
	report.text[sizeof(report.text) - 1] = '\0';
	return report.code ? err_say(err, report.code, "%s", report.text) : 0;
}

static int start_keeper(const struct seed_start *start, struct err *err)
{
	_cleanup_free_ char *found = NULL;
	_cleanup_close_ int report_r = -1;
	_cleanup_close_ int report_w = -1;
	const char *keeper = start->keeper;
	struct command c = {0};
	int report[2];
	pid_t pid;
	int r;

	if (!paths_id_is_valid(start->name))
		return err_say(err, EINVAL, "not a name for a seed: 1 to %d of A-Za-z0-9_+.-",
			PATHS_ID_MAX);
	if (!keeper) {
		r = paths_program("turf-seed", &found, err);
		if (r < 0)
			return r;
		keeper = found;
	}
	if (pipe2(report, O_CLOEXEC) < 0)
		return err_set(err, errno, "make a pipe");
	report_r = report[0];
	report_w = report[1];
	fill_command(&c, keeper, start);
	r = spawn(&c, report_w, &pid);
	if (r < 0)
		return err_set(err, -r, "execute '%s'", keeper);
	fd_close(&report_w);
	r = hear_report(report_r, err);
	/* Its first process ends as soon as the daemon stands on its own. */
	waitpid(pid, NULL, 0);
	return r;
}

int seed_start(const struct seed_start *start, struct err *err)
{
	int r = start_keeper(start, err);

	return r < 0 ? err_wrap(err, "start seed '%s'", start->name) : 0;
}
