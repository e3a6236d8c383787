/* SPDX-License-Identifier: Apache-2.0 */
/* Parked clones; a real keeper and seed (seed_rig.h). */
#include <sched.h>

#include "tests/unit/seed_rig.h"

static void open_with(struct rig *r, const char *parked)
{
	struct seed_report report;

	rig_prepare(r, "worker");
	report = rig_start_keeper_with(r, "50", parked);
	ck_assert_msg(report.code == 0, "keeper: %s", report.text);
}

static void wait_parked(unsigned n)
{
	struct seed_info info;

	RIG_UNTIL(info, info.parked == n);
	ck_assert_uint_eq(info.clones_alive, 0);
}

static int exit_status(const struct rig *r, const char *name, const char *plan, uint64_t flags)
{
	struct seed_call call = SEED_CALL_INIT;
	struct exit_file e;
	struct seed_clone c;
	struct err err = ERR_INIT;

	call.clone_flags = flags;
	call.state_dir_fd = rig_state_dir(r, name);
	c = rig_clone_with(r, plan, &call);
	ck_assert_int_eq(proc_pidfd_wait(c.pidfd, 20000), 0);
	ck_assert_int_eq(exit_file_wait(call.state_dir_fd, 20000, &e, &err), 0);
	ck_assert_int_eq(e.pid, c.pid);
	close(call.state_dir_fd);
	close(c.conn);
	close(c.pidfd);
	return WEXITSTATUS(e.status);
}

START_TEST(a_request_gets_a_parked_clone)
{
	struct rig r;

	open_with(&r, "2");
	wait_parked(2);
	ck_assert_int_eq(exit_status(&r, "a", "missing", CLONE_NEWPID | CLONE_NEWUTS), 7);
	/* What cannot be changed later needs a clone of its own. */
	ck_assert_int_eq(exit_status(&r, "b", "missing", CLONE_NEWUTS), 8);
	ck_assert_int_eq(exit_status(&r, "c", "missing", CLONE_NEWPID | CLONE_NEWUSER), 8);
	wait_parked(2);
	rig_close(&r);
}
END_TEST

START_TEST(an_empty_pool_is_no_obstacle)
{
	struct seed_clone c[8];
	char text[64];
	struct rig r;

	open_with(&r, "1");
	wait_parked(1);
	for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
		struct seed_call call = SEED_CALL_INIT;

		call.clone_flags = CLONE_NEWPID;
		c[i] = rig_clone_with(&r, "hold", &call);
	}
	for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
		rig_hear(&c[i], text, sizeof(text));
		ck_assert_str_eq(text, "up");
		rig_release(&c[i]);
	}
	wait_parked(1);
	rig_close(&r);
}
END_TEST

static void namespace_of(pid_t pid, const char *name, char target[64])
{
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, name);
	n = readlink(path, target, 63);
	ck_assert_int_gt(n, 0);
	target[n] = '\0';
}

START_TEST(its_namespaces_are_those_asked_for)
{
	static const struct {
		const char *name;
		bool own;
	} spaces[] = {{"pid", true}, {"uts", true}, {"ipc", true}, {"net", false}, {"mnt", true}};
	struct seed_call call = SEED_CALL_INIT;
	struct seed_clone c;
	char text[64];
	char outside[64];
	struct rig r;

	open_with(&r, "1");
	wait_parked(1);
	call.clone_flags = CLONE_NEWPID | CLONE_NEWUTS | CLONE_NEWIPC;
	c = rig_clone_with(&r, "hold", &call);
	rig_hear(&c, text, sizeof(text));
	/* It was parked with less. No clone sees files of the host, unless it has to. */
	ck_assert_int_eq(sched_getscheduler(c.pid), SCHED_OTHER);
	for (size_t i = 0; i < ARRAY_SIZE(spaces); i++) {
		namespace_of(c.pid, spaces[i].name, text);
		namespace_of(getpid(), spaces[i].name, outside);
		ck_assert_msg(streq(text, outside) != spaces[i].own, "%s", spaces[i].name);
	}
	rig_release(&c);
	rig_close(&r);
}
END_TEST

static void expect_link(pid_t pid, int fd, const char *target)
{
	char path[64], is[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
	n = readlink(path, is, sizeof(is) - 1);
	ck_assert_int_gt(n, 0);
	is[n] = '\0';
	ck_assert_str_eq(is, target);
}

static unsigned count_fds(pid_t pid)
{
	struct dirent *e;
	unsigned n = 0;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	ck_assert_ptr_nonnull(dir);
	while ((e = readdir(dir)) != NULL)
		n += *e->d_name != '.';
	closedir(dir);
	return n;
}

START_TEST(it_holds_nothing_of_the_seed)
{
	struct seed_call call = SEED_CALL_INIT;
	struct seed_clone c;
	char text[16];
	struct rig r;

	open_with(&r, "1");
	wait_parked(1);
	call.clone_flags = CLONE_NEWPID;
	c = rig_clone_with(&r, "hold", &call);
	rig_hear(&c, text, sizeof(text));
	for (int fd = 0; fd <= 2; fd++)
		expect_link(c.pid, fd, "/dev/null");
	/* The conversation, and nothing more. */
	ck_assert_uint_eq(count_fds(c.pid), 4);
	rig_release(&c);
	rig_close(&r);
}
END_TEST

/* Children of the keeper that are neither the seed nor announced. */
static pid_t find_parked(const struct rig *r, pid_t seed)
{
	char path[64];
	char text[4096];
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)r->keeper, (int)r->keeper);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	for (char *save = NULL, *word = strtok_r(text, " ", &save); word;
		word = strtok_r(NULL, " ", &save))
		if (atoi(word) != seed)
			return (pid_t)atoi(word);
	return 0;
}

START_TEST(one_that_dies_is_replaced)
{
	struct seed_info info;
	struct rig r;
	pid_t victim;

	open_with(&r, "1");
	wait_parked(1);
	info = rig_info();
	victim = find_parked(&r, info.seed_pid);
	ck_assert_int_gt(victim, 0);
	ck_assert_int_eq(kill(victim, SIGKILL), 0);
	RIG_UNTIL(info, info.parked == 0);
	RIG_UNTIL(info, info.parked == 1);
	ck_assert_int_eq(exit_status(&r, "a", "missing", CLONE_NEWPID | CLONE_NEWUTS), 7);
	rig_close(&r);
}
END_TEST

START_TEST(they_end_with_the_seed)
{
	struct seed_info info;
	struct rig r;
	pid_t seed, parked;
	int pidfd;

	open_with(&r, "1");
	wait_parked(1);
	seed = rig_info().seed_pid;
	parked = find_parked(&r, seed);
	pidfd = proc_pidfd_open(parked);
	ck_assert_int_ge(pidfd, 0);
	ck_assert_int_eq(kill(seed, SIGKILL), 0);
	ck_assert_int_eq(proc_pidfd_wait(pidfd, 20000), 0);
	close(pidfd);
	RIG_UNTIL(info, info.seed_pid != seed && info.parked == 1);
	parked = find_parked(&r, info.seed_pid);
	pidfd = proc_pidfd_open(parked);
	ck_assert_int_ge(pidfd, 0);
	rig_close(&r);
	/* The seed has waited for it. */
	ck_assert_int_eq(proc_pidfd_wait(pidfd, 0), 0);
	close(pidfd);
}
END_TEST

RIG_MAIN("seed_pool", a_request_gets_a_parked_clone, an_empty_pool_is_no_obstacle,
	its_namespaces_are_those_asked_for, it_holds_nothing_of_the_seed, one_that_dies_is_replaced,
	they_end_with_the_seed)
