/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a cgroup: made, filled, stopped, killed, gone; devices as the kernel sees them. */
#include "runtime/base/clock.h"
#include "tests/unit/cgroup_rig.h"

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
	deadline = clock_ms() + 10000;
	while (n > 0 && clock_ms() < deadline) {
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
	ck_assert_msg(cgroup_apply_devices(cg, &limits, false, &err) == 0, "%s", err.msg);
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

/* As systemd does with a scope in which nobody is left, at any moment. */
static void removed_by_another(enum mode mode)
{
	struct err err = ERR_INIT;
	struct cgroup *cg;

	if (!enter(mode))
		return;
	cg = make_plain();
	for (size_t i = 0; i < cg->n_dirs; i++)
		ck_assert_int_eq(rmdir(cg->dirs[i].path), 0);
	ck_assert_msg(cgroup_signal_all(cg, SIGKILL, &err) == 0, "%s", err.msg);
	ck_assert_msg(cgroup_signal_all(cg, SIGTERM, &err) == 0, "%s", err.msg);
	destroy(cg);
}

START_TEST(removed_by_another_as_is)
{
	removed_by_another(AS_IS);
}
END_TEST

START_TEST(removed_by_another_only_v1)
{
	removed_by_another(ONLY_V1);
}
END_TEST

START_TEST(removed_by_another_only_v2)
{
	removed_by_another(ONLY_V2);
}
END_TEST

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

CGROUP_MAIN("cgroup", life_as_is, life_only_v1, life_only_v2, kill_paused_as_is,
	kill_paused_only_v1, kill_paused_only_v2, kill_forkers_as_is, kill_forkers_only_v1,
	removed_by_another_as_is, removed_by_another_only_v1, removed_by_another_only_v2,
	devices_as_is, devices_only_v1, devices_only_v2)
