/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real cgroups on this host, as they are and as two other hosts would have them,
 * which a private mount namespace pretends: v1 alone (no v2 mount), and v2 alone
 * (mounted over everything; its memory, pids and cpu controllers may be v1's, so
 * only what needs no controller is tested there).
 */
#ifndef TESTS_UNIT_CGROUP_RIG_H
#define TESTS_UNIT_CGROUP_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/proc.h"
#include "runtime/box/cgroup.h"
#include "runtime/box/cgroup_devices.h"
#include "runtime/box/cgroup_limits.h"
#include "runtime/box/cgroup_priv.h"
#include "tests/unit/unit.h"

enum mode { AS_IS, ONLY_V1, ONLY_V2 };

static struct cgroup_layout layout;
static struct buf warnings;
static char id[64];

static bool has_v1(void)
{
	for (size_t i = 0; i < layout.n; i++)
		if (!layout.list[i].v2)
			return true;
	return false;
}

/* False when the host cannot pretend. */
static inline bool enter(enum mode mode)
{
	struct err err = ERR_INIT;

	snprintf(id, sizeof(id), "turf-test-%d", (int)getpid());
	ck_assert_int_eq(cgroup_layout_load(&layout, &err), 0);
	if (mode == AS_IS)
		return true;
	if (!has_v1())
		return false;
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	for (size_t i = 0; mode == ONLY_V1 && i < layout.n; i++)
		if (layout.list[i].v2)
			ck_assert_int_eq(umount(layout.list[i].mount), 0);
	if (mode == ONLY_V2)
		ck_assert_int_eq(mount("cgroup2", "/sys/fs/cgroup", "cgroup2", 0, NULL), 0);
	cgroup_layout_finish(&layout);
	ck_assert_int_eq(cgroup_layout_load(&layout, &err), 0);
	ck_assert_int_eq(layout.pure_v2, mode == ONLY_V2);
	return true;
}

static inline struct cgroup *make(
	const struct cgroup_options *options, const struct cgroup_limits *limits)
{
	struct cgroup *cg = NULL;
	struct err err = ERR_INIT;
	int r = cgroup_create_limited(options, limits, &cg, &warnings, &err);

	ck_assert_msg(r == 0, "%s", err.msg);
	return cg;
}

static inline struct cgroup *make_plain(void)
{
	struct cgroup_limits limits;

	cgroup_limits_init(&limits);
	return make(&(struct cgroup_options){.id = id}, &limits);
}

/* A child in the cgroup that runs `act` and then waits for a signal. */
static inline pid_t spawn(const struct cgroup *cg, void (*act)(void))
{
	const int *fds;
	size_t n = cgroup_attach_fds(cg, &fds);
	int ready[2];
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		/* Check's handler would end the whole case. */
		signal(SIGTERM, SIG_DFL);
		for (size_t i = 0; i < n; i++)
			if (write(fds[i], "0", 1) != 1)
				_exit(100);
		if (act)
			act();
		(void)!write(ready[1], "x", 1);
		for (;;)
			pause();
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

static inline int wait_status(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static inline void destroy(struct cgroup *cg)
{
	const struct cgroup_path *paths;
	size_t n = cgroup_paths(cg, &paths);
	struct err err = ERR_INIT;
	int r = cgroup_destroy(cg, &err);

	ck_assert_msg(r == 0, "%s", err.msg);
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(access(paths[i].path, F_OK) < 0, "%s is left", paths[i].path);
	cgroup_close(cg);
}

static inline const char *value(struct cgroup *cg, const char *controller, const char *file)
{
	static char text[4096];
	struct cgroup_dir *dir = cgroup_dir_find(cg, controller);
	_cleanup_free_ char *data = NULL;
	struct err err = ERR_INIT;
	size_t len;

	ck_assert_msg(dir != NULL, "no %s", controller);
	ck_assert_msg(
		file_read(dir->fd, file, sizeof(text) - 1, &data, &len, &err) == 0, "%s", err.msg);
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(data, "\n"), data);
	return text;
}

/* UNIT_MAIN() of tests that make cgroups. */
#define CGROUP_MAIN(module, ...)                                     \
	int main(void)                                               \
	{                                                            \
		const TTest *const cases[] = {__VA_ARGS__};          \
                                                                     \
		if (geteuid() != 0) {                                \
			puts(module ": needs root to make cgroups"); \
			return 77;                                   \
		}                                                    \
		return unit_run(module, cases, ARRAY_SIZE(cases));   \
	}

#endif
