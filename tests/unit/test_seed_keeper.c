/* SPDX-License-Identifier: Apache-2.0 */
/* A keeper's life: started, asked, outlived by clones, replaced, stopped. */
#include "tests/unit/seed_rig.h"

static void assert_exit(int dir, int status)
{
	struct err err = ERR_INIT;
	struct exit_file e;

	ck_assert_msg(exit_file_wait(dir, 20000, &e, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(exit_file_code(e.status), status);
}

static struct seed_clone hold(const struct rig *r, int state_dir)
{
	struct seed_call call = SEED_CALL_INIT;
	struct seed_clone c;
	char text[16];

	call.state_dir_fd = state_dir;
	c = rig_clone_with(r, "hold", &call);
	rig_hear(&c, text, sizeof(text));
	ck_assert_str_eq(text, "up");
	return c;
}

START_TEST(info_tells_what_there_is)
{
	struct seed_info info;
	struct seed_clone c;
	struct rig r;

	rig_open(&r, "8");
	info = rig_info();
	ck_assert_int_eq(info.state, SEED_STATE_READY);
	ck_assert_str_eq(seed_state_name(info.state), "ready");
	ck_assert_int_eq(info.keeper_pid, r.keeper);
	ck_assert_int_gt(info.seed_pid, 0);
	ck_assert_uint_eq(info.clones_max, 8);
	ck_assert_uint_eq(info.clones_alive, 0);
	ck_assert_str_eq(info.name, RIG_SEED);
	ck_assert_str_eq(info.worker, r.worker);
	ck_assert_str_eq(info.build, TURF_VERSION);
	c = hold(&r, -1);
	RIG_UNTIL(info, info.clones_alive == 1);
	rig_release(&c);
	RIG_UNTIL(info, info.clones_alive == 0);
	ck_assert_uint_eq(info.clones_total, 1);
	rig_close(&r);
}
END_TEST

START_TEST(one_name_has_one_keeper)
{
	struct seed_report report;
	struct rig r;
	struct rig second;

	rig_open(&r, "8");
	second = r;
	report = rig_start_keeper(&second, "8");
	ck_assert_int_eq(report.code, EEXIST);
	ck_assert_str_eq(report.text, "a keeper runs under this name");
	ck_assert_int_ne(rig_wait_keeper(&second), 0);
	ck_assert_int_eq(rig_info().keeper_pid, r.keeper);
	rig_close(&r);
}
END_TEST

START_TEST(a_worker_that_dies_is_reported_and_leaves_nothing)
{
	struct seed_report report;
	char path[96];
	struct rig r;

	rig_prepare(&r, "dies");
	report = rig_start_keeper(&r, "8");
	ck_assert_int_eq(report.code, ECHILD);
	ck_assert_str_eq(
		report.text, "the worker ended before it was ready: exit status 3: no good today");
	ck_assert_int_ne(rig_wait_keeper(&r), 0);
	snprintf(path, sizeof(path), "%s/" RIG_SEED, r.dir);
	ck_assert_int_eq(access(path, F_OK), -1);
	rig_remove(&r);
}
END_TEST

START_TEST(a_file_that_is_no_program_is_reported)
{
	struct seed_report report;
	struct rig r;
	int fd;

	rig_prepare(&r, "none");
	fd = open(r.worker, O_WRONLY | O_TRUNC);
	ck_assert_int_eq(fd_write_all(fd, "junk\n", 5), 0);
	close(fd);
	report = rig_start_keeper(&r, "8");
	ck_assert_int_eq(report.code, ECHILD);
	ck_assert_ptr_nonnull(strstr(report.text, "Exec format error"));
	rig_wait_keeper(&r);
	ck_assert_int_eq(chmod(r.worker, 0644), 0);
	report = rig_start_keeper(&r, "8");
	ck_assert_int_eq(report.code, EACCES);
	rig_wait_keeper(&r);
	rig_remove(&r);
}
END_TEST

START_TEST(clones_outlive_their_seed)
{
	struct seed_info before;
	struct seed_info info;
	struct seed_clone c;
	struct rig r;
	int dir;

	rig_open(&r, "8");
	dir = rig_state_dir(&r, "one");
	c = hold(&r, dir);
	before = rig_info();
	ck_assert_int_eq(kill(before.seed_pid, SIGKILL), 0);
	RIG_UNTIL(info, info.state == SEED_STATE_READY && info.restarts == 1);
	ck_assert_int_ne(info.seed_pid, before.seed_pid);
	ck_assert_uint_eq(info.clones_alive, 1);
	ck_assert_int_eq(proc_pidfd_wait(c.pidfd, 0), -ETIMEDOUT);
	proc_pidfd_signal(c.pidfd, SIGTERM);
	assert_exit(dir, 128 + SIGTERM);
	rig_release(&c);
	close(dir);
	rig_close(&r);
}
END_TEST

START_TEST(clones_outlive_their_keeper)
{
	struct proc_id seed = {0};
	struct seed_report report;
	struct proc_stat st;
	struct err err = ERR_INIT;
	struct seed_clone c;
	struct rig r;
	int pidfd;
	int dir;

	rig_open(&r, "8");
	dir = rig_state_dir(&r, "one");
	c = hold(&r, dir);
	seed.pid = rig_info().seed_pid;
	pidfd = proc_pidfd_open(seed.pid);
	ck_assert_int_ge(pidfd, 0);
	kill(r.keeper, SIGKILL);
	rig_wait_keeper(&r);
	/* The seed goes, the clone stays, the name is free. */
	ck_assert_int_eq(proc_pidfd_wait(pidfd, 20000), 0);
	close(pidfd);
	ck_assert_int_eq(proc_pidfd_wait(c.pidfd, 0), -ETIMEDOUT);
	ck_assert_int_eq(proc_stat_read(c.pid, &st, &err), 0);
	ck_assert_int_ne(st.ppid, r.keeper);
	report = rig_start_keeper(&r, "8");
	ck_assert_msg(report.code == 0, "%s", report.text);
	ck_assert_uint_eq(rig_info().clones_alive, 0);
	{
		struct seed_clone other = hold(&r, -1);

		rig_release(&other);
	}
	rig_release(&c);
	close(dir);
	rig_close(&r);
}
END_TEST

START_TEST(a_new_worker_replaces_the_seed)
{
	struct seed_call call = SEED_CALL_INIT;
	struct seed_info before;
	struct seed_info info;
	struct seed_clone c, old;
	struct err err = ERR_INIT;
	char next[128];
	struct rig r;

	rig_open(&r, "8");
	before = rig_info();
	old = hold(&r, -1);
	snprintf(next, sizeof(next), "%s.new", r.worker);
	rig_copy(next);
	ck_assert_int_eq(rename(next, r.worker), 0);
	ck_assert_int_eq(rig_call(&r, "hold", &call, &c, &err), -ESTALE);
	ck_assert_str_eq(err.msg, "seed 's': the seed runs another build of the worker");
	RIG_UNTIL(info, info.state == SEED_STATE_READY && info.seed_pid != before.seed_pid);
	ck_assert_uint_eq(info.restarts, 0);
	ck_assert_uint_eq(info.clones_alive, 1);
	c = hold(&r, -1);
	rig_release(&c);
	rig_release(&old);
	/* A client of another build alone moves nothing. */
	before = rig_info();
	snprintf(r.worker, sizeof(r.worker), "%s/other", r.dir);
	rig_copy(r.worker);
	ck_assert_int_eq(rig_call(&r, "hold", &call, &c, &err), -ESTALE);
	ck_assert_int_eq(rig_info().seed_pid, before.seed_pid);
	rig_close(&r);
}
END_TEST

/* Asks for clones until the seed fails it; 0 when the failure is one that may be. */
static int child_ask_on(const struct rig *r)
{
	for (;;) {
		struct seed_call call = SEED_CALL_INIT;
		struct seed_clone c;
		struct err err = ERR_INIT;
		int res = rig_call(r, "hold", &call, &c, &err);

		if (res == -EPIPE || res == -EAGAIN)
			return 0;
		if (res < 0)
			return -res;
		close(c.conn);
		close(c.pidfd);
	}
}

START_TEST(no_clone_is_lost_when_the_seed_is_killed_at_work)
{
	enum { ROUNDS = 5, CLIENTS = 50 };
	struct seed_call call = SEED_CALL_INIT;
	struct seed_info info;
	struct seed_clone alive;
	char path[64];
	char *children;
	struct err err = ERR_INIT;
	struct rig r;
	size_t len;

	rig_open(&r, "512");
	ck_assert_int_eq(rig_call(&r, "hold", &call, &alive, &err), 0);
	for (int round = 0; round < ROUNDS; round++) {
		pid_t pids[CLIENTS];
		int status;

		info = rig_info();
		for (int i = 0; i < CLIENTS; i++) {
			pids[i] = fork();
			if (pids[i] == 0)
				_exit(child_ask_on(&r));
		}
		usleep(3000 + 1700 * round);
		ck_assert_int_eq(kill(info.seed_pid, SIGKILL), 0);
		for (int i = 0; i < CLIENTS; i++) {
			ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
			ck_assert_int_eq(status, 0);
		}
		RIG_UNTIL(info, info.state == SEED_STATE_READY);
		/* What ran before is not touched. */
		ck_assert_int_eq(kill(alive.pid, 0), 0);
	}
	close(alive.conn);
	close(alive.pidfd);
	RIG_UNTIL(info, info.clones_alive == 0);
	/* The seed is the keeper's only child: those whose message never came have ended too. */
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)r.keeper, (int)r.keeper);
	for (int tries = 0;; tries++) {
		ck_assert_int_lt(tries, 2000);
		ck_assert_int_eq(file_read(AT_FDCWD, path, 4096, &children, &len, &err), 0);
		if (atoi(children) == info.seed_pid && !strchr(strchr(children, ' ') + 1, ' '))
			break;
		free(children);
		usleep(5000);
	}
	free(children);
	rig_close(&r);
}
END_TEST

START_TEST(stop_spares_clones_unless_forced)
{
	struct err err = ERR_INIT;
	struct seed_info info;
	struct seed_clone c;
	struct rig r;

	rig_open(&r, "8");
	c = hold(&r, -1);
	ck_assert_int_eq(seed_stop(RIG_SEED, false, &err), -EBUSY);
	ck_assert_str_eq(err.msg, "seed 's': 1 clones of it live");
	ck_assert_int_eq(seed_stop(RIG_SEED, true, &err), 0);
	ck_assert_int_eq(rig_wait_keeper(&r), 0);
	ck_assert_int_eq(proc_pidfd_wait(c.pidfd, 0), -ETIMEDOUT);
	rig_release(&c);
	ck_assert_int_eq(seed_info(RIG_SEED, &info, &err), -ENOENT);
	ck_assert_str_eq(err.msg, "seed 's': no keeper runs under this name");
	ck_assert_int_eq(seed_stop(RIG_SEED, false, &err), -ENOENT);
	rig_remove(&r);
}
END_TEST

START_TEST(a_daemon_is_started_and_stopped)
{
	struct err err = ERR_INIT;
	char keeper[PATH_MAX];
	struct seed_start start = {.name = RIG_SEED, .keeper = keeper, .max_clones = 5};
	struct seed_info info;
	struct seed_clone c;
	char **names;
	struct rig r;

	rig_keeper_path(keeper);
	rig_prepare(&r, "worker");
	start.worker = r.worker;
	ck_assert_msg(seed_start(&start, &err) == 0, "%s", err.msg);
	info = rig_info();
	ck_assert_int_eq(info.state, SEED_STATE_READY);
	ck_assert_uint_eq(info.clones_max, 5);
	ck_assert_int_eq(getsid(info.keeper_pid), info.keeper_pid);
	ck_assert_int_eq(seed_start(&start, &err), -EEXIST);
	ck_assert_str_eq(err.msg, "start seed 's': a keeper runs under this name");
	c = hold(&r, -1);
	rig_release(&c);
	ck_assert_int_eq(seed_names(&names, &err), 0);
	ck_assert_str_eq(names[0], RIG_SEED);
	ck_assert_ptr_null(names[1]);
	strv_free(names);
	RIG_UNTIL(info, info.clones_alive == 0);
	ck_assert_msg(seed_stop(RIG_SEED, false, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(seed_names(&names, &err), 0);
	ck_assert_ptr_null(names[0]);
	strv_free(names);
	/* Nobody of ours is left to wait for. */
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	rig_remove(&r);
}
END_TEST

START_TEST(in_the_background_failures_are_told_when_asked)
{
	struct seed_call call = SEED_CALL_INIT;
	struct err err = ERR_INIT;
	char keeper[PATH_MAX];
	struct seed_start start = {.name = RIG_SEED, .keeper = keeper, .background = true};
	struct seed_info info;
	struct seed_clone c;
	struct rig r;

	rig_keeper_path(keeper);
	rig_prepare(&r, "dies");
	start.worker = r.worker;
	ck_assert_msg(seed_start(&start, &err) == 0, "%s", err.msg);
	RIG_UNTIL(info, info.state == SEED_STATE_WAITING);
	ck_assert_str_eq(info.last_error,
		"the worker ended before it was ready: exit status 3: no good today");
	ck_assert_uint_ge(info.restarts, 1);
	/* Nobody waits for a seed that does not come. */
	ck_assert_int_eq(rig_call(&r, "hold", &call, &c, &err), -EAGAIN);
	ck_assert_int_eq(seed_stop(RIG_SEED, false, &err), 0);
	start.background = false;
	ck_assert_int_eq(seed_start(&start, &err), -ECHILD);
	ck_assert_str_eq(err.msg,
		"start seed 's': the worker ended before it was ready: exit status 3: "
		"no good today");
	rig_remove(&r);
}
END_TEST

/* Started without a service manager it gets few; who may raise the limit does. */
START_TEST(descriptors_are_enough_or_the_sentence_says_so)
{
	const struct rlimit few = {100, 100}, more = {100, 101};
	struct seed_report report;
	struct rig r;

	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &few), 0);
	rig_prepare(&r, "worker");
	report = rig_start_keeper(&r, "64");
	if (setrlimit(RLIMIT_NOFILE, &more) == 0) {
		struct seed_clone c;

		ck_assert_msg(report.code == 0, "keeper: %s", report.text);
		c = hold(&r, -1);
		rig_release(&c);
		rig_close(&r);
		return;
	}
	ck_assert_int_eq(report.code, EMFILE);
	ck_assert_str_eq(report.text, "64 clones need 128 open files, the limit is 100");
	ck_assert_int_gt(rig_wait_keeper(&r), 0);
	rig_remove(&r);
}
END_TEST

START_TEST(bad_names_and_absent_seeds_are_told_apart)
{
	struct err err = ERR_INIT;
	struct seed_start start = {.name = "a/b"};
	struct rig r;
	int conn;

	rig_prepare(&r, "worker");
	ck_assert_int_eq(seed_connect("none", &conn, &err), -ENOENT);
	ck_assert_int_eq(seed_connect("a/b", &conn, &err), -EINVAL);
	ck_assert_int_eq(seed_start(&start, &err), -EINVAL);
	start = (struct seed_start){.name = "x", .keeper = "/nonexistent/turf-seed"};
	ck_assert_int_eq(seed_start(&start, &err), -ENOENT);
	ck_assert_str_eq(err.msg,
		"start seed 'x': execute '/nonexistent/turf-seed': No such file or directory");
	rig_remove(&r);
}
END_TEST

START_TEST(the_command_line_is_checked)
{
	static const char *const bad[] = {"", "a b", "x y", "--max-clones 0 x", "--max-clones 1x x",
		"--worker /nonexistent x", "--foreground --background x", "--nonsense x",
		"--report-fd 99 x"};
	char keeper[PATH_MAX];
	char command[PATH_MAX + 128];

	rig_keeper_path(keeper);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		snprintf(command, sizeof(command), "'%s' %s 2>&1 | grep -c . | grep -qx '[1-9]'",
			keeper, bad[i]);
		ck_assert_msg(system(command) == 0, "no message for: %s", bad[i]);
		snprintf(command, sizeof(command), "'%s' %s >/dev/null 2>&1", keeper, bad[i]);
		ck_assert_int_eq(WEXITSTATUS(system(command)), 2);
	}
	snprintf(command, sizeof(command), "'%s' --version | grep -q '^turf-seed '", keeper);
	ck_assert_int_eq(system(command), 0);
	snprintf(command, sizeof(command), "'%s' --help | grep -q '^usage: turf-seed '", keeper);
	ck_assert_int_eq(system(command), 0);
}
END_TEST

RIG_MAIN("seed_keeper", info_tells_what_there_is, one_name_has_one_keeper,
	a_worker_that_dies_is_reported_and_leaves_nothing, a_file_that_is_no_program_is_reported,
	clones_outlive_their_seed, clones_outlive_their_keeper, a_new_worker_replaces_the_seed,
	no_clone_is_lost_when_the_seed_is_killed_at_work, stop_spares_clones_unless_forced,
	a_daemon_is_started_and_stopped, in_the_background_failures_are_told_when_asked,
	descriptors_are_enough_or_the_sentence_says_so, bad_names_and_absent_seeds_are_told_apart,
	the_command_line_is_checked)
