/* SPDX-License-Identifier: Apache-2.0 */
/* What a clone is, and how its end is recorded. */
#include <linux/magic.h>
#include <linux/sched.h>
#include <sys/vfs.h>

#include "tests/unit/seed_rig.h"

START_TEST(a_clone_runs_its_plan_and_its_exit_is_recorded)
{
	struct seed_call call = SEED_CALL_INIT;
	struct err err = ERR_INIT;
	struct seed_clone c;
	struct exit_file e;
	struct rig r;

	rig_open(&r, "8");
	call.state_dir_fd = rig_state_dir(&r, "one");
	c = rig_clone_with(&r, "exit 7", &call);
	ck_assert_msg(exit_file_wait(call.state_dir_fd, 20000, &e, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(e.pid, c.pid);
	ck_assert(WIFEXITED(e.status));
	ck_assert_int_eq(exit_file_code(e.status), 7);
	ck_assert_int_eq(proc_pidfd_wait(c.pidfd, 0), 0);
	close(c.conn);
	close(c.pidfd);
	close(call.state_dir_fd);

	call.state_dir_fd = rig_state_dir(&r, "two");
	c = rig_clone_with(&r, "signal 15", &call);
	ck_assert_msg(exit_file_wait(call.state_dir_fd, 20000, &e, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(exit_file_code(e.status), 128 + 15);
	close(c.conn);
	close(c.pidfd);
	close(call.state_dir_fd);
	rig_close(&r);
}
END_TEST

START_TEST(a_clone_holds_nothing_of_the_seed)
{
	struct seed_call call = SEED_CALL_INIT;
	struct seed_clone c;
	char text[8192];
	struct rig r;
	int fds[3] = {open("/dev/zero", O_RDONLY), open("/dev/full", O_RDONLY),
		open("/dev/zero", O_RDONLY)};
	unsigned null = 0, zero = 0, full = 0, socket = 0, lines = 0;

	rig_open(&r, "8");
	call.state_dir_fd = rig_state_dir(&r, "one");
	call.fds = fds;
	call.n_fds = 3;
	c = rig_clone_with(&r, "fds", &call);
	rig_hear(&c, text, sizeof(text));
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		lines++;
		null += strstr(line, " /dev/null") && atoi(line) <= 2;
		zero += strstr(line, " /dev/zero") != NULL;
		full += strstr(line, " /dev/full") != NULL;
		socket += strstr(line, " socket:") != NULL;
	}
	ck_assert_uint_eq(null, 3);
	ck_assert_uint_eq(zero, 2);
	ck_assert_uint_eq(full, 1);
	ck_assert_uint_eq(socket, 1);
	ck_assert_uint_eq(lines, 7);
	close(c.conn);
	close(c.pidfd);
	close(call.state_dir_fd);
	rig_close(&r);
}
END_TEST

static void assert_line(const char *status, const char *line)
{
	ck_assert_msg(strstr(status, line) != NULL, "no '%s' in:\n%s", line, status);
}

START_TEST(a_clone_is_as_after_execve)
{
	struct seed_clone c;
	char text[65537];
	struct rig r;

	rig_open(&r, "8");
	c = rig_clone(&r, "say /proc/self/status");
	rig_hear(&c, text, sizeof(text));
	assert_line(text, "SigBlk:\t0000000000000000\n");
	assert_line(text, "SigIgn:\t0000000000000000\n");
	assert_line(text, "SigCgt:\t0000000000000000\n");
	assert_line(text, "Threads:\t1\n");
	rig_release(&c);
	c = rig_clone(&r, "self");
	rig_hear(&c, text, sizeof(text));
	ck_assert_str_eq(
		text, "leader=1 dumpable=0 round=0 excepts=0 stack=0 death=0 tid=1 robust=1");
	rig_release(&c);
	rig_close(&r);
}
END_TEST

START_TEST(the_keeper_is_the_parent)
{
	struct proc_stat st;
	struct err err = ERR_INIT;
	struct seed_clone c;
	char text[16];
	struct rig r;

	rig_open(&r, "8");
	c = rig_clone(&r, "hold");
	rig_hear(&c, text, sizeof(text));
	ck_assert_int_eq(proc_stat_read(c.pid, &st, &err), 0);
	ck_assert_int_eq(st.ppid, r.keeper);
	ck_assert_int_eq(proc_pidfd_pid(c.pidfd), c.pid);
	rig_release(&c);
	rig_close(&r);
}
END_TEST

START_TEST(a_clone_takes_a_name_of_any_length)
{
	struct seed_clone c;
	struct err err = ERR_INIT;
	char path[64];
	char *text;
	size_t len;
	struct rig r;

	rig_open(&r, "8");
	c = rig_clone(&r, "title");
	rig_hear(&c, path, sizeof(path));
	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)c.pid);
	ck_assert_int_eq(file_read(AT_FDCWD, path, 4096, &text, &len, &err), 0);
	ck_assert_uint_eq(len, sizeof("my\0two words\0"));
	ck_assert_mem_eq(text, "my\0two words\0", len);
	free(text);
	snprintf(path, sizeof(path), "/proc/%d/environ", (int)c.pid);
	ck_assert_int_eq(file_read(AT_FDCWD, path, 4096, &text, &len, &err), 0);
	ck_assert_uint_eq(len, sizeof("ONLY=this"));
	ck_assert_mem_eq(text, "ONLY=this", len);
	free(text);
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)c.pid);
	ck_assert_int_eq(file_read(AT_FDCWD, path, 4096, &text, &len, &err), 0);
	ck_assert_str_eq(text, "renamed\n");
	free(text);
	rig_release(&c);
	rig_close(&r);
}
END_TEST

START_TEST(a_clone_is_born_in_the_namespaces_it_asks_for)
{
	struct seed_call call = SEED_CALL_INIT;
	struct seed_clone init, c, outside;
	char text[65537];
	char path[64];
	struct rig r;

	rig_open(&r, "8");
	call.clone_flags = CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC;
	init = rig_clone_with(&r, "hold", &call);
	rig_hear(&init, text, sizeof(text));
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)init.pid);
	call = (struct seed_call)SEED_CALL_INIT;
	call.pidns_fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(call.pidns_fd, 0);
	c = rig_clone_with(&r, "say /proc/sys/kernel/ns_last_pid", &call);
	rig_hear(&c, text, sizeof(text));
	/* Read by a task whose PID namespace is the joined one, in which it is the second. */
	ck_assert_str_eq(text, "2\n");
	rig_release(&c);
	/* The seed has come back. */
	outside = rig_clone(&r, "hold");
	rig_hear(&outside, text, sizeof(text));
	snprintf(path, sizeof(path), "/proc/%d/ns/pid", (int)outside.pid);
	ck_assert_int_gt(readlink(path, text, sizeof(text)), 0);
	ck_assert_int_gt(readlink("/proc/self/ns/pid", text + 100, 100), 0);
	ck_assert_mem_eq(text, text + 100, 16);
	rig_release(&outside);
	rig_release(&init);
	/* Nobody can be born there any more. */
	{
		struct err err = ERR_INIT;

		ck_assert_int_eq(rig_call(&r, "hold", &call, &c, &err), -ENOMEM);
		ck_assert_str_eq(
			err.msg, "seed 's': clone: out of memory, or the PID namespace has ended");
	}
	close(call.pidns_fd);
	rig_close(&r);
}
END_TEST

/* A new cgroup v2 directory, or -1 where none can be made. */
static int make_cgroup(char path[128])
{
	static const char *const roots[] = {"/sys/fs/cgroup/unified", "/sys/fs/cgroup"};
	struct statfs fs;

	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		if (statfs(roots[i], &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC)
			continue;
		snprintf(path, 128, "%s/turf-test-seed-%d", roots[i], (int)getpid());
		if (mkdir(path, 0755) == 0)
			return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	}
	return -1;
}

START_TEST(a_clone_is_born_in_its_cgroup)
{
	struct seed_call call = SEED_CALL_INIT;
	struct seed_clone c;
	char expected[160];
	char text[65537];
	char path[128];
	struct rig r;

	call.cgroup_fd = make_cgroup(path);
	if (call.cgroup_fd < 0)
		return;
	rig_open(&r, "8");
	c = rig_clone_with(&r, "say /proc/self/cgroup", &call);
	rig_hear(&c, text, sizeof(text));
	rig_release(&c);
	rig_close(&r);
	close(call.cgroup_fd);
	ck_assert_int_eq(rmdir(path), 0);
	snprintf(expected, sizeof(expected), "0::%s\n", strrchr(path, '/'));
	assert_line(text, expected);
}
END_TEST

static void hear_root(const struct rig *r, uint64_t flags, bool sees_host, char text[4096])
{
	struct seed_call call = SEED_CALL_INIT;
	struct seed_clone c;

	call.clone_flags = flags;
	call.sees_host = sees_host;
	c = rig_clone_with(r, "root", &call);
	rig_hear(&c, text, 4096);
	rig_release(&c);
}

START_TEST(a_clone_sees_no_file_of_the_host)
{
	char text[4096];
	struct rig r;

	rig_open(&r, "8");
	hear_root(&r, CLONE_NEWNS, false, text);
	ck_assert_str_eq(text, "nothing, remount 0, mkdir ENOSPC");
	/* But one that has to. */
	hear_root(&r, CLONE_NEWNS, true, text);
	ck_assert_ptr_nonnull(strstr(text, "proc "));
	hear_root(&r, CLONE_NEWNS | CLONE_NEWUSER, true, text);
	ck_assert_ptr_nonnull(strstr(text, "proc "));
	/* The seed has come back. */
	hear_root(&r, 0, false, text);
	ck_assert_ptr_nonnull(str_after(text, "nothing, "));
	rig_close(&r);
}
END_TEST

START_TEST(two_hundred_quick_exits_are_all_recorded)
{
	enum { N = 200 };
	struct err err = ERR_INIT;
	int dirs[N];
	struct seed_info info;
	struct rig r;

	rig_open(&r, "300");
	for (int i = 0; i < N; i++) {
		struct seed_call call = SEED_CALL_INIT;
		struct seed_clone c;
		char text[32];

		snprintf(text, sizeof(text), "d%d", i);
		dirs[i] = call.state_dir_fd = rig_state_dir(&r, text);
		snprintf(text, sizeof(text), "exit %d", i);
		c = rig_clone_with(&r, text, &call);
		close(c.conn);
		close(c.pidfd);
	}
	for (int i = 0; i < N; i++) {
		struct exit_file e;

		ck_assert_msg(exit_file_wait(dirs[i], 20000, &e, &err) == 0, "%d: %s", i, err.msg);
		ck_assert_int_eq(exit_file_code(e.status), i);
		close(dirs[i]);
	}
	RIG_UNTIL(info, info.clones_alive == 0);
	ck_assert_uint_eq(info.clones_total, N);
	rig_close(&r);
}
END_TEST

RIG_MAIN("seed_clone", a_clone_runs_its_plan_and_its_exit_is_recorded,
	a_clone_holds_nothing_of_the_seed, a_clone_is_as_after_execve, the_keeper_is_the_parent,
	a_clone_takes_a_name_of_any_length, a_clone_is_born_in_the_namespaces_it_asks_for,
	a_clone_is_born_in_its_cgroup, a_clone_sees_no_file_of_the_host,
	two_hundred_quick_exits_are_all_recorded)
