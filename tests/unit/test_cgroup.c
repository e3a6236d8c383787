/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real cgroups on this host, as they are and as two other hosts would have them,
 * which a private mount namespace pretends: v1 alone (no v2 mount), and v2 alone
 * (mounted over everything; its memory, pids and cpu controllers may be v1's, so
 * only what needs no controller is tested there).
 */
#include "runtime/box/cgroup.h"

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
static bool enter(enum mode mode)
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

static struct cgroup *make(const struct cgroup_options *options, const struct cgroup_limits *limits)
{
	struct cgroup *cg = NULL;
	struct err err = ERR_INIT;
	int r = cgroup_create_limited(options, limits, &cg, &warnings, &err);

	ck_assert_msg(r == 0, "%s", err.msg);
	return cg;
}

static struct cgroup *make_plain(void)
{
	struct cgroup_limits limits;

	cgroup_limits_init(&limits);
	return make(&(struct cgroup_options){.id = id}, &limits);
}

/* A child in the cgroup that runs `act` and then waits for a signal. */
static pid_t spawn(const struct cgroup *cg, void (*act)(void))
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

static int wait_status(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static void destroy(struct cgroup *cg)
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

static const char *value(struct cgroup *cg, const char *controller, const char *file)
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

static void life(enum mode mode)
{
	_cleanup_free_ pid_t *pids = NULL;
	struct err err = ERR_INIT;
	struct cgroup *cg;
	bool frozen = true;
	pid_t pid;
	size_t n;

	if (!enter(mode))
		return;
	cg = make_plain();
	pid = spawn(cg, NULL);
	ck_assert_int_eq(cgroup_pids(cg, &pids, &n, &err), 0);
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(pids[0], pid);
	ck_assert_int_eq(cgroup_is_frozen(cg, &frozen, &err), 0);
	ck_assert(!frozen);
	ck_assert_msg(cgroup_freeze(cg, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(cgroup_is_frozen(cg, &frozen, &err), 0);
	ck_assert(frozen);
	ck_assert_msg(cgroup_thaw(cg, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(cgroup_signal_all(cg, SIGTERM, &err), 0);
	ck_assert_int_eq(WTERMSIG(wait_status(pid)), SIGTERM);
	destroy(cg);
}

START_TEST(life_as_is)
{
	life(AS_IS);
}
END_TEST

START_TEST(life_only_v1)
{
	life(ONLY_V1);
}
END_TEST

START_TEST(life_only_v2)
{
	life(ONLY_V2);
}
END_TEST

static void on_signal(int sig UNUSED)
{
	_exit(9);
}

static void exit_on_usr1(void)
{
	signal(SIGUSR1, on_signal);
}

static void kill_paused(enum mode mode)
{
	struct err err = ERR_INIT;
	struct cgroup *cg;
	bool frozen = true;
	pid_t a, b;

	if (!enter(mode))
		return;
	cg = make_plain();
	a = spawn(cg, exit_on_usr1);
	b = spawn(cg, exit_on_usr1);
	ck_assert_int_eq(cgroup_freeze(cg, &err), 0);
	/* A signal that has a handler waits until somebody thaws. */
	ck_assert_int_eq(cgroup_signal_all(cg, SIGUSR1, &err), 0);
	ck_assert_int_eq(cgroup_is_frozen(cg, &frozen, &err), 0);
	ck_assert(frozen);
	ck_assert_int_eq(waitpid(a, NULL, WNOHANG), 0);
	ck_assert_msg(cgroup_signal_all(cg, SIGKILL, &err) == 0, "%s", err.msg);
	ck_assert(WIFSIGNALED(wait_status(a)));
	ck_assert(WIFSIGNALED(wait_status(b)));
	destroy(cg);
}

START_TEST(kill_paused_as_is)
{
	kill_paused(AS_IS);
}
END_TEST

START_TEST(kill_paused_only_v1)
{
	kill_paused(ONLY_V1);
}
END_TEST

START_TEST(kill_paused_only_v2)
{
	kill_paused(ONLY_V2);
}
END_TEST

/* Forks children for as long as it lives; they do the same. */
static void multiply(void)
{
	for (int i = 0; i < 3; i++)
		(void)!fork();
	signal(SIGCHLD, SIG_IGN);
	if (fork() == 0)
		for (;;)
			if (fork() == 0)
				usleep(1000);
}

static void kill_forkers(enum mode mode)
{
	_cleanup_free_ pid_t *pids = NULL;
	struct cgroup_limits limits;
	struct err err = ERR_INIT;
	struct cgroup *cg;
	int64_t deadline;
	size_t n = 1;
	pid_t pid;

	if (!enter(mode))
		return;
	cgroup_limits_init(&limits);
	/* Where no limit can be set, the one of whoever runs the tests holds. */
	if (cgroup_layout_find(&layout, "pids"))
		limits.pids = 40;
	else
		return;
	cg = make(&(struct cgroup_options){.id = id}, &limits);
	pid = spawn(cg, multiply);
	ck_assert_msg(cgroup_signal_all(cg, SIGKILL, &err) == 0, "%s", err.msg);
	ck_assert(WIFSIGNALED(wait_status(pid)));
	deadline = cgroup_now_ms() + 10000;
	while (n > 0 && cgroup_now_ms() < deadline) {
		free(take_ptr(&pids));
		ck_assert_int_eq(cgroup_pids(cg, &pids, &n, &err), 0);
		usleep(1000);
	}
	ck_assert_uint_eq(n, 0);
	destroy(cg);
}

START_TEST(kill_forkers_as_is)
{
	kill_forkers(AS_IS);
}
END_TEST

START_TEST(kill_forkers_only_v1)
{
	kill_forkers(ONLY_V1);
}
END_TEST

static bool can_open(unsigned major_nr, unsigned minor_nr)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/turf-test-%d", (int)getpid());
	if (mknod(path, S_IFCHR | 0600, makedev(major_nr, minor_nr)) < 0)
		return false;
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	unlink(path);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static void probe_devices(void)
{
	/* null: a default. mem: denied. kmsg: allowed by the rules given. */
	_exit((can_open(1, 3) ? 1 : 0) | (can_open(1, 1) ? 2 : 0) | (can_open(1, 11) ? 4 : 0));
}

static void devices(enum mode mode)
{
	const struct device_rule rules[] = {
		{false, 'a', DEVICE_ANY, DEVICE_ANY, DEVICE_ALL},
		{true, 'c', 1, 11, DEVICE_ALL},
	};
	struct cgroup_limits limits;
	struct err err = ERR_INIT;
	struct cgroup *cg;
	const int *fds;
	size_t n;
	pid_t pid;

	if (!enter(mode))
		return;
	cgroup_limits_init(&limits);
	limits.devices = rules;
	limits.n_devices = ARRAY_SIZE(rules);
	cg = make(&(struct cgroup_options){.id = id}, &limits);
	/* Again, with a cgroup below: nothing has changed, nothing is refused. */
	ck_assert_int_eq(mkdirat(cgroup_dir_find(cg, "devices")->fd, "below", 0755), 0);
	ck_assert_msg(cgroup_apply_devices(cg, &limits, &err) == 0, "%s", err.msg);
	n = cgroup_attach_fds(cg, &fds);
	pid = fork();
	if (pid == 0) {
		for (size_t i = 0; i < n; i++)
			if (write(fds[i], "0", 1) != 1)
				_exit(100);
		probe_devices();
	}
	ck_assert_int_eq(WEXITSTATUS(wait_status(pid)), 1 | 4);
	destroy(cg);
}

START_TEST(devices_as_is)
{
	devices(AS_IS);
}
END_TEST

START_TEST(devices_only_v1)
{
	devices(ONLY_V1);
}
END_TEST

START_TEST(devices_only_v2)
{
	devices(ONLY_V2);
}
END_TEST

START_TEST(limits_are_written)
{
	struct cgroup_limits l;
	struct cgroup *cg;
	bool v2;

	enter(AS_IS);
	cgroup_limits_init(&l);
	l.memory.limit = 64 << 20;
	l.memory.reservation = 32 << 20;
	l.cpu.shares = 1024;
	l.cpu.quota = 50000;
	l.cpu.period = 200000;
	l.pids = 7;
	l.cpuset.cpus = "0";
	cg = make(&(struct cgroup_options){.id = id}, &l);
	v2 = cgroup_dir_find(cg, "memory")->ops == &cgroup_ops_v2;
	ck_assert_str_eq(
		value(cg, "memory", v2 ? "memory.max" : "memory.limit_in_bytes"), "67108864");
	ck_assert_str_eq(
		value(cg, "memory", v2 ? "memory.low" : "memory.soft_limit_in_bytes"), "33554432");
	ck_assert_str_eq(value(cg, "pids", "pids.max"), "7");
	ck_assert_str_eq(value(cg, "cpuset", "cpuset.cpus"), "0");
	v2 = cgroup_dir_find(cg, "cpu")->ops == &cgroup_ops_v2;
	if (v2) {
		ck_assert_str_eq(value(cg, "cpu", "cpu.weight"), "100");
		ck_assert_str_eq(value(cg, "cpu", "cpu.max"), "50000 200000");
	} else {
		ck_assert_str_eq(value(cg, "cpu", "cpu.shares"), "1024");
		ck_assert_str_eq(value(cg, "cpu", "cpu.cfs_quota_us"), "50000");
		ck_assert_str_eq(value(cg, "cpu", "cpu.cfs_period_us"), "200000");
	}
	destroy(cg);
}
END_TEST

START_TEST(limits_can_be_changed)
{
	struct cgroup_limits l;
	struct err err = ERR_INIT;
	struct cgroup *cg;
	const char *max;

	enter(AS_IS);
	cgroup_limits_init(&l);
	l.memory.limit = 64 << 20;
	l.memory.swap = 64 << 20;
	l.cpu.quota = 5000;
	l.cpu.period = 10000;
	l.cpu.idle = 1;
	l.pids = 0;
	cg = make(&(struct cgroup_options){.id = id}, &l);
	max = cgroup_dir_find(cg, "memory")->ops == &cgroup_ops_v2 ? "memory.max"
								   : "memory.limit_in_bytes";
	ck_assert_str_eq(value(cg, "pids", "pids.max"), "1");
	/* Up and down again: memory may never be above memory and swap. */
	cgroup_limits_init(&l);
	l.memory.limit = l.memory.swap = 128 << 20;
	l.pids = LIMIT_NONE;
	l.cpu.period = 2000;
	l.cpu.quota = 1000;
	l.cpu.idle = 0;
	ck_assert_msg(cgroup_apply(cg, &l, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(value(cg, "memory", max), "134217728");
	ck_assert_str_eq(value(cg, "pids", "pids.max"), "max");
	l.memory.limit = l.memory.swap = 32 << 20;
	ck_assert_msg(cgroup_apply(cg, &l, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(value(cg, "memory", max), "33554432");
	destroy(cg);
}
END_TEST

START_TEST(memory_in_use_can_be_kept_safe)
{
	struct cgroup_limits l;
	struct err err = ERR_INIT;
	struct cgroup *cg;
	pid_t pid;

	enter(AS_IS);
	cgroup_limits_init(&l);
	l.memory.limit = 64 << 20;
	cg = make(&(struct cgroup_options){.id = id}, &l);
	pid = spawn(cg, NULL);
	l.memory.limit = 1;
	l.memory.check_before_update = true;
	/* The child's stack pages are charged, so one byte is less than what is in use. */
	ck_assert_int_eq(cgroup_apply(cg, &l, &err), -EBUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "linux.resources.memory.limit: 1 is below the "));
	ck_assert_int_eq(cgroup_signal_all(cg, SIGKILL, &err), 0);
	wait_status(pid);
	destroy(cg);
}
END_TEST

static void touch_much(void)
{
	size_t len = 64 << 20;
	char *p = malloc(len);

	for (size_t i = 0; i < len; i += 4096)
		((volatile char *)p)[i] = 1;
}

START_TEST(memory_limit_bites)
{
	struct cgroup_limits l;
	struct cgroup *cg;
	const int *fds;
	size_t n;
	pid_t pid;

	enter(AS_IS);
	cgroup_limits_init(&l);
	l.memory.limit = l.memory.swap = 16 << 20;
	cg = make(&(struct cgroup_options){.id = id}, &l);
	n = cgroup_attach_fds(cg, &fds);
	pid = fork();
	if (pid == 0) {
		for (size_t i = 0; i < n; i++)
			if (write(fds[i], "0", 1) != 1)
				_exit(100);
		touch_much();
		_exit(0);
	}
	ck_assert_int_eq(WTERMSIG(wait_status(pid)), SIGKILL);
	destroy(cg);
}
END_TEST

START_TEST(kept_form_opens_again)
{
	const struct cgroup_path *paths;
	_cleanup_free_ pid_t *pids = NULL;
	struct err err = ERR_INIT;
	struct cgroup_limits l;
	struct cgroup *cg, *again;
	char path[128];
	size_t n;
	pid_t pid;

	enter(AS_IS);
	snprintf(path, sizeof(path), "/%s-above/deeper/leaf", id);
	cgroup_limits_init(&l);
	cg = make(&(struct cgroup_options){.id = id, .path = path}, &l);
	pid = spawn(cg, NULL);
	n = cgroup_paths(cg, &paths);
	ck_assert_int_eq(cgroup_open(paths, n, &again, &err), 0);
	cgroup_close(cg);
	ck_assert_int_eq(cgroup_pids(again, &pids, &n, &err), 0);
	ck_assert_uint_eq(n, 1);
	ck_assert_int_eq(cgroup_signal_all(again, SIGKILL, &err), 0);
	wait_status(pid);
	destroy(again);
	/* And once more when all is gone. */
	cgroup_limits_init(&l);
	cg = make(&(struct cgroup_options){.id = id, .path = path}, &l);
	n = cgroup_paths(cg, &paths);
	ck_assert_int_eq(cgroup_destroy(cg, &err), 0);
	ck_assert_int_eq(cgroup_open(paths, n, &again, &err), 0);
	cgroup_close(cg);
	ck_assert_int_eq(cgroup_signal_all(again, SIGKILL, &err), 0);
	destroy(again);
}
END_TEST

START_TEST(cgroups_below_are_removed)
{
	struct cgroup *cg;

	enter(AS_IS);
	cg = make_plain();
	for (size_t i = 0; i < cg->n_dirs; i++) {
		ck_assert_int_eq(mkdirat(cg->dirs[i].fd, "a", 0755), 0);
		ck_assert_int_eq(mkdirat(cg->dirs[i].fd, "a/b", 0755), 0);
		ck_assert_int_eq(mkdirat(cg->dirs[i].fd, "c", 0755), 0);
	}
	destroy(cg);
}
END_TEST

START_TEST(deep_trees_are_removed)
{
	struct cgroup *cg;
	int fd;

	enter(AS_IS);
	cg = make_plain();
	fd = dup(cgroup_dir_find(cg, "freezer")->fd);
	for (int i = 0; i < 200; i++) {
		int next;

		ck_assert_int_eq(
			mkdirat(fd, "a-name-long-enough-to-pass-the-limit-of-paths", 0755), 0);
		next = openat(fd, "a-name-long-enough-to-pass-the-limit-of-paths",
			O_RDONLY | O_DIRECTORY);
		close(fd);
		fd = next;
	}
	close(fd);
	destroy(cg);
}
END_TEST

START_TEST(found_directory_stays)
{
	struct cgroup_limits l;
	struct err err = ERR_INIT;
	struct cgroup *first, *second;
	char path[128];
	pid_t pid;

	enter(AS_IS);
	snprintf(path, sizeof(path), "/%s", id);
	cgroup_limits_init(&l);
	first = make(&(struct cgroup_options){.id = "x", .path = path}, &l);
	second = make(&(struct cgroup_options){.id = "y", .path = path}, &l);
	/* Once it was killed, nobody can be born there; only being attached is safe. */
	ck_assert_int_eq(cgroup_v2_dirfd(second), -1);
	ck_assert_int_eq(cgroup_signal_all(second, SIGKILL, &err), 0);
	pid = spawn(second, NULL);
	ck_assert_int_eq(kill(pid, 0), 0);
	kill(pid, SIGKILL);
	wait_status(pid);
	ck_assert_int_eq(cgroup_destroy(second, &err), 0);
	ck_assert_int_eq(access(first->dirs[0].path, F_OK), 0);
	cgroup_close(second);
	destroy(first);
}
END_TEST

/* What was announced, one "controller path" a line, and that none of it was there. */
static int note(void *arg, const struct cgroup_path *paths, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		buf_printf(arg, "%s %s\n", paths[i].controller, paths[i].path);
		if (strstr(paths[i].path, "-above"))
			ck_assert_int_lt(access(paths[i].path, F_OK), 0);
	}
	return 0;
}

static int refuse(void *arg, const struct cgroup_path *paths, size_t n, struct err *err)
{
	return err_say(err, ENOSPC, "no room for a note");
}

START_TEST(announced_is_what_is_made)
{
	_cleanup_buf_ struct buf before = BUF_INIT, after = BUF_INIT;
	struct cgroup_options options = {.id = "x", .announce = note, .announce_arg = &before};
	const struct cgroup_path *paths;
	struct err err = ERR_INIT;
	struct cgroup_limits l;
	struct cgroup *cg;
	char path[128];
	size_t n;

	enter(AS_IS);
	snprintf(path, sizeof(path), "/%s-above/leaf", id);
	options.path = path;
	cgroup_limits_init(&l);
	cg = make(&options, &l);
	n = cgroup_paths(cg, &paths);
	for (size_t i = 0; i < n; i++)
		buf_printf(&after, "%s %s\n", paths[i].controller, paths[i].path);
	ck_assert_str_eq(before.data, after.data);
	destroy(cg);
	options.announce = refuse;
	ck_assert_int_eq(cgroup_create_limited(&options, &l, &cg, &warnings, &err), -ENOSPC);
	ck_assert_str_eq(err.msg, "no room for a note");
}
END_TEST

START_TEST(occupied_directory_is_refused)
{
	struct cgroup_limits l;
	struct err err = ERR_INIT;
	struct cgroup *first, *second = NULL;
	char path[128];
	pid_t pid;

	enter(AS_IS);
	snprintf(path, sizeof(path), "/%s", id);
	cgroup_limits_init(&l);
	first = make(&(struct cgroup_options){.id = "x", .path = path}, &l);
	pid = spawn(first, NULL);
	ck_assert_int_eq(cgroup_create_limited(&(struct cgroup_options){.id = "y", .path = path},
				 &l, &second, &warnings, &err),
		-EBUSY);
	ck_assert_ptr_nonnull(strstr(err.msg, "has processes in it"));
	ck_assert_int_eq(cgroup_signal_all(first, SIGKILL, &err), 0);
	wait_status(pid);
	destroy(first);
}
END_TEST

/* How many directories of ours there are in all hierarchies. */
static size_t count_ours(void)
{
	size_t n = 0;

	for (size_t i = 0; i < layout.n; i++) {
		_cleanup_free_ char *place = NULL;
		struct err err = ERR_INIT;
		char path[4096];

		ck_assert_int_eq(
			cgroup_layout_place(&layout, &layout.list[i], NULL, id, &place, &err), 0);
		snprintf(path, sizeof(path), "%s%s", layout.list[i].mount, place);
		n += access(path, F_OK) == 0;
	}
	return n;
}

START_TEST(half_made_cgroups_are_undone)
{
	const struct cgroup_setting no_file = {"memory/max", "1"};
	struct cgroup_limits l;
	struct err err = ERR_INIT;
	struct cgroup *cg = NULL;
	const struct cgroup_options options = {.id = id};

	enter(AS_IS);
	cgroup_limits_init(&l);
	l.cpuset.cpus = "4000-4001";
	ck_assert_int_lt(cgroup_create_limited(&options, &l, &cg, &warnings, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "linux.resources.cpu.cpus"));
	ck_assert_uint_eq(count_ours(), 0);

	cgroup_limits_init(&l);
	l.unified = &no_file;
	l.n_unified = 1;
	ck_assert_int_eq(cgroup_create_limited(&options, &l, &cg, &warnings, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "linux.resources.unified: 'memory/max' is no file of a cgroup");
	ck_assert_ptr_null(cg);
	ck_assert_uint_eq(count_ours(), 0);
}
END_TEST

START_TEST(missing_controller_is_named)
{
	const struct cgroup_setting setting = {"turf.max", "1"};
	const struct cgroup_options options = {.id = id};
	struct cgroup_limits l;
	struct err err = ERR_INIT;
	struct cgroup *cg = NULL;

	enter(AS_IS);
	cgroup_limits_init(&l);
	l.unified = &setting;
	l.n_unified = 1;
	ck_assert_int_eq(cgroup_create_limited(&options, &l, &cg, &warnings, &err), -ENOTSUP);
	ck_assert_str_eq(
		err.msg, "linux.resources.unified: the cgroup controller 'turf' is not available");
	ck_assert_uint_eq(count_ours(), 0);
}
END_TEST

START_TEST(only_needed_hierarchies_are_used)
{
	struct cgroup *cg;

	enter(AS_IS);
	cg = make_plain();
	ck_assert_ptr_nonnull(cgroup_dir_find(cg, "devices"));
	ck_assert_ptr_nonnull(cgroup_dir_find(cg, "freezer"));
	if (has_v1()) {
		ck_assert_ptr_null(cgroup_dir_find(cg, "cpuset"));
		ck_assert_ptr_null(cgroup_dir_find(cg, "blkio"));
	}
	destroy(cg);
}
END_TEST

/* What /proc/PID/cgroup says of a process. */
static char *membership(pid_t pid)
{
	char path[64];
	char *text = NULL;
	struct err err = ERR_INIT;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	ck_assert_int_eq(file_read(AT_FDCWD, path, 1 << 16, &text, &len, &err), 0);
	return text;
}

START_TEST(foreign_child_ends_where_ours_would)
{
	struct cgroup_limits l;
	struct err err = ERR_INIT;
	struct cgroup *own, *cg;
	_cleanup_free_ char *ours = NULL, *theirs = NULL;
	const int *fds;
	char byte;
	int go[2], ready[2];
	pid_t foreign, child;

	enter(AS_IS);
	/* Born before we move away, so its surroundings are not ours. */
	ck_assert_int_eq(pipe2(go, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(ready, O_CLOEXEC), 0);
	cgroup_limits_init(&l);
	l.cpu.shares = 512;
	l.cpuset.cpus = "0";
	own = make(&(struct cgroup_options){.id = "own", .path = id}, &l);
	foreign = fork();
	if (foreign == 0) {
		int n, fd;

		/* Descriptors come by number: the tables are shared by birth, so open them by /proc. */
		while (read(go[0], &n, sizeof(n)) == sizeof(n) && n >= 0) {
			char path[64];

			snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getppid(), n);
			fd = open(path, O_WRONLY | O_CLOEXEC);
			if (fd < 0 || write(fd, "0", 1) != 1)
				_exit(100);
			close(fd);
		}
		(void)!write(ready[1], "x", 1);
		for (;;)
			pause();
	}
	ck_assert_int_eq(cgroup_attach_pid(own, getpid(), &err), 0);
	cgroup_limits_init(&l);
	cg = make(&(struct cgroup_options){.id = "inner", .foreign_parent = true}, &l);
	for (size_t i = 0, n = cgroup_attach_fds(cg, &fds); i < n; i++)
		ck_assert_int_eq(write(go[1], &fds[i], sizeof(int)), sizeof(int));
	ck_assert_int_eq(write(go[1], &(int){-1}, sizeof(int)), sizeof(int));
	ck_assert_int_eq(read(ready[0], &byte, 1), 1);
	child = spawn(cg, NULL);
	ours = membership(child);
	theirs = membership(foreign);
	ck_assert_str_eq(ours, theirs);
	/* On pure v2 every hierarchy is used, and the container's place is beside ours. */
	if (!layout.pure_v2)
		ck_assert_ptr_nonnull(strstr(ours, id));

	kill(foreign, SIGKILL);
	kill(child, SIGKILL);
	wait_status(foreign);
	wait_status(child);
	destroy(cg);
	/* Out of it, as it goes away. */
	for (size_t i = 0; i < layout.n; i++) {
		char path[4096], text[16];

		snprintf(path, sizeof(path), "%s%s/cgroup.procs", layout.list[i].mount,
			layout.list[i].own);
		snprintf(text, sizeof(text), "%d", (int)getpid());
		ck_assert_int_eq(file_put(AT_FDCWD, path, text, &err), 0);
	}
	destroy(own);
}
END_TEST

START_TEST(clone_into_v2_directory)
{
	struct clone_args args = {.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD};
	struct err err = ERR_INIT;
	_cleanup_free_ char *text = NULL;
	struct cgroup *cg;
	pid_t pid;

	if (!enter(ONLY_V2))
		enter(AS_IS);
	cg = make_plain();
	ck_assert_int_ge(cgroup_v2_dirfd(cg), 0);
	args.cgroup = (uint64_t)cgroup_v2_dirfd(cg);
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		for (;;)
			pause();
	text = membership(pid);
	ck_assert_ptr_nonnull(strstr(text, id));
	ck_assert_int_eq(cgroup_signal_all(cg, SIGKILL, &err), 0);
	wait_status(pid);
	destroy(cg);
}
END_TEST

START_TEST(container_may_own_its_cgroup)
{
	static const char text[] =
		"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"process\":{\"cwd\":\"/\","
		"\"args\":[\"x\"],\"user\":{\"uid\":5,\"gid\":5}},\"mounts\":[{\"destination\":"
		"\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\"%s}],\"linux\":{"
		"\"namespaces\":[{\"type\":\"user\"},{\"type\":\"cgroup\"},{\"type\":\"mount\"}],"
		"\"uidMappings\":[{\"containerID\":0,\"hostID\":70000,\"size\":100}],"
		"\"gidMappings\":[{\"containerID\":0,\"hostID\":70000,\"size\":100}]}}";
	static const char *const options[] = {"", ",\"options\":[\"ro\"]"};
	struct err err = ERR_INIT;
	struct cgroup *cg;
	struct stat st;
	uid_t owner = 0;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		_cleanup_oci_config_ struct oci_config *config = NULL;
		_cleanup_buf_ struct buf json = BUF_INIT;

		buf_printf(&json, text, options[i]);
		ck_assert_msg(
			oci_config_parse(json.data, json.len, &config, &err) == 0, "%s", err.msg);
		ck_assert_int_eq(cgroup_delegate_owner(config, &owner), i == 0);
	}
	ck_assert_uint_eq(owner, 70005);
	if (!enter(ONLY_V2))
		return;
	cg = make_plain();
	ck_assert_msg(cgroup_delegate(cg, owner, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(fstat(cg->dirs[0].fd, &st), 0);
	ck_assert_uint_eq(st.st_uid, owner);
	ck_assert_int_eq(fstatat(cg->dirs[0].fd, "cgroup.procs", &st, 0), 0);
	ck_assert_uint_eq(st.st_uid, owner);
	/* The limits of the container are not its own to change. */
	ck_assert_int_eq(fstatat(cg->dirs[0].fd, "cgroup.max.depth", &st, 0), 0);
	ck_assert_uint_eq(st.st_uid, 0);
	destroy(cg);
}
END_TEST

START_TEST(weights_of_shares)
{
	ck_assert_uint_eq(cgroup_weight_of_shares(0), 1);
	ck_assert_uint_eq(cgroup_weight_of_shares(2), 1);
	ck_assert_uint_eq(cgroup_weight_of_shares(1024), 100);
	ck_assert_uint_eq(cgroup_weight_of_shares(262144), 10000);
	ck_assert_uint_eq(cgroup_weight_of_shares(1u << 30), 10000);
	for (uint64_t s = 3; s < 262144; s += 61)
		ck_assert_uint_ge(cgroup_weight_of_shares(s), cgroup_weight_of_shares(s - 1));
}
END_TEST

START_TEST(swap_alone)
{
	int64_t v = 0;

	ck_assert_int_eq(cgroup_swap_alone(100, 60, &v), 0);
	ck_assert_int_eq(v, 40);
	ck_assert_int_eq(cgroup_swap_alone(LIMIT_NONE, LIMIT_UNSET, &v), 0);
	ck_assert_int_eq(v, LIMIT_NONE);
	ck_assert_int_eq(cgroup_swap_alone(50, 60, &v), -EINVAL);
	ck_assert_int_eq(cgroup_swap_alone(50, LIMIT_UNSET, &v), -EINVAL);
	ck_assert_int_eq(cgroup_swap_alone(50, LIMIT_NONE, &v), -EINVAL);
}
END_TEST

int main(void)
{
	const TTest *const cases[] = {weights_of_shares, swap_alone, life_as_is, life_only_v1,
		life_only_v2, kill_paused_as_is, kill_paused_only_v1, kill_paused_only_v2,
		kill_forkers_as_is, kill_forkers_only_v1, devices_as_is, devices_only_v1,
		devices_only_v2, limits_are_written, limits_can_be_changed,
		memory_in_use_can_be_kept_safe, memory_limit_bites, kept_form_opens_again,
		cgroups_below_are_removed, deep_trees_are_removed, found_directory_stays,
		announced_is_what_is_made, occupied_directory_is_refused,
		half_made_cgroups_are_undone, missing_controller_is_named,
		only_needed_hierarchies_are_used, foreign_child_ends_where_ours_would,
		clone_into_v2_directory, container_may_own_its_cgroup};

	if (geteuid() != 0) {
		puts("cgroup: needs root to make cgroups");
		return 77;
	}
	return unit_run("cgroup", cases, ARRAY_SIZE(cases));
}
