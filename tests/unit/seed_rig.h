/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A real keeper with a real seed for the tests of seed/. The worker is the test
 * binary itself: rig_main() makes a seed of it when it is executed as one. A clone
 * runs the text in its plan:
 *   "exit N"     ends with that status        "signal N"  ends by that signal
 *   "hold"       says "up", lives until the connection ends
 *   "say FILE"   sends the contents of FILE of the host (up to 64 KiB) and ends
 *   "fds"        sends one line "N target" for each of its descriptors and ends
 *   "root"       sends what it sees in "/" (where that is nothing, errno of a new file) and ends
 *   "self"       sends facts that no file tells
 *   "title"      names itself and holds
 *   "missing"    ends with status 7 when namespaces are missing, as in one that was parked, else 8
 * The name of the worker's file chooses how the seed behaves: "dies" ends before it
 * is ready, everything else serves.
 */
#ifndef TESTS_UNIT_SEED_RIG_H
#define TESTS_UNIT_SEED_RIG_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/exit_file.h"
#include "runtime/base/fd.h"
#include "runtime/base/proc.h"
#include "seed/client.h"
#include "seed/forkserver.h"
#include "seed/keeper_priv.h"
#include "seed/launch.h"
#include "seed/socket_priv.h"
#include "tests/unit/unit.h"

#define RIG_SEED "s"

struct rig {
	char dir[64];
	char worker[96];
	pid_t keeper;
};

/* --- the worker --- */

static inline void rig_send(int conn, const char *text)
{
	if (send(conn, text, strlen(text), MSG_NOSIGNAL) < 0)
		_exit(99);
}

static inline void rig_hold(int conn)
{
	char c;

	rig_send(conn, "up");
	while (recv(conn, &c, 1, 0) > 0)
		;
	_exit(0);
}

static inline void rig_say_fds(int conn)
{
	DIR *dir = opendir("/proc/self/fd");
	char text[8192] = "";
	struct dirent *e;

	while ((e = readdir(dir)) != NULL) {
		char target[256];
		ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);

		if (n < 0 || atoi(e->d_name) == dirfd(dir))
			continue;
		target[n] = '\0';
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s %s\n", e->d_name,
			target);
	}
	rig_send(conn, text);
}

static inline void rig_say_root(int conn)
{
	DIR *dir = opendir("/");
	char text[4096] = "";
	struct dirent *e;

	while ((e = readdir(dir)) != NULL)
		if (*e->d_name != '.')
			snprintf(
				text + strlen(text), sizeof(text) - strlen(text), "%s ", e->d_name);
	if (!*text) {
		/* Who may mount can make it writable. */
		int r = mount(NULL, "/", NULL, MS_REMOUNT, NULL);

		snprintf(text, sizeof(text), "nothing, remount %d, mkdir %s", r,
			mkdir("/new", 0700) < 0 ? strerrorname_np(errno) : "done");
	}
	rig_send(conn, text);
}

static inline void rig_say_self(int conn)
{
	char text[512];
	stack_t stack;
	int death_signal;
	int *tid = NULL;
	void *robust = NULL;
	size_t robust_len;

	sigaltstack(NULL, &stack);
	prctl(PR_GET_PDEATHSIG, &death_signal, 0, 0, 0);
	prctl(PR_GET_TID_ADDRESS, &tid, 0, 0, 0);
	syscall(SYS_get_robust_list, 0, &robust, &robust_len);
	snprintf(text, sizeof(text),
		"leader=%d dumpable=%d round=%d excepts=%d stack=%d death=%d tid=%d robust=%d",
		getsid(0) == getpid(), prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), fegetround(),
		fetestexcept(FE_ALL_EXCEPT), !(stack.ss_flags & SS_DISABLE), death_signal,
		tid && *tid == gettid(), robust != NULL);
	rig_send(conn, text);
}

static inline void rig_run_clone(struct seed_request *req)
{
	const char *argument;
	char plan[4096] = "";
	struct err err;

	memcpy(plan, req->plan, req->plan_len);
	seed_request_finish(req);
	if ((argument = str_after(plan, "exit ")))
		_exit(atoi(argument));
	if ((argument = str_after(plan, "signal "))) {
		kill(getpid(), atoi(argument));
		_exit(98);
	}
	if ((argument = str_after(plan, "say "))) {
		char *text;
		size_t len;

		if (file_read(AT_FDCWD, argument, 65536, &text, &len, &err) < 0)
			_exit(97);
		rig_send(req->conn, text);
		_exit(0);
	}
	if (streq(plan, "missing"))
		_exit(req->missing ? 7 : 8);
	if (req->missing && unshare((int)req->missing) < 0)
		_exit(95);
	if (streq(plan, "fds"))
		rig_say_fds(req->conn);
	if (streq(plan, "root"))
		rig_say_root(req->conn);
	if (streq(plan, "self"))
		rig_say_self(req->conn);
	if (streq(plan, "title") &&
		seed_process_title("renamed", (const char *const[]){"my", "two words", "", NULL},
			(const char *const[]){"ONLY=this", NULL}, &err) < 0)
		_exit(96);
	if (streq(plan, "hold") || streq(plan, "title"))
		rig_hold(req->conn);
	_exit(0);
}

static inline int rig_trial_ok(void *arg)
{
	return *(int *)arg;
}

static inline void rig_worker(const char *self, const char *numbers)
{
	const char *slash = strrchr(self, '/');
	const char *base = slash ? slash + 1 : self;
	struct seed_request req;
	struct err err = ERR_INIT;
	int listen_fd;
	int keeper_fd;
	int zero = 0;

	seed_process_init();
	if (streq(base, "dies")) {
		fprintf(stderr, "no good today\n");
		exit(3);
	}
	/* Things that a clone must not inherit. */
	signal(SIGUSR1, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	fesetround(FE_UPWARD);
	if (open("/etc/hostname", O_RDONLY) < 0 ||
		seed_trial(rig_trial_ok, &zero, 10000, &err) < 0 ||
		seed_serve_parse(numbers, &listen_fd, &keeper_fd, &err) < 0 ||
		seed_serve(listen_fd, keeper_fd, &req, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		exit(4);
	}
	rig_run_clone(&req);
}

#define RIG_MAIN(module, ...)                                                                  \
	int main(int argc, char **argv)                                                        \
	{                                                                                      \
		const TTest *const cases[] = {__VA_ARGS__};                                    \
		const char *numbers = argc > 1 ? str_after(argv[1], SEED_OPTION_SERVE) : NULL; \
                                                                                               \
		if (numbers)                                                                   \
			rig_worker(argv[0], numbers);                                          \
		return unit_run(module, cases, ARRAY_SIZE(cases));                             \
	}

/* --- the keeper --- */

static inline void rig_copy(const char *to)
{
	static char data[1 << 20];
	int in = open("/proc/self/exe", O_RDONLY);
	int out = open(to, O_WRONLY | O_CREAT | O_EXCL, 0755);
	ssize_t n;

	ck_assert_int_ge(out, 0);
	while ((n = read(in, data, sizeof(data))) > 0)
		ck_assert_int_eq(fd_write_all(out, data, (size_t)n), 0);
	close(in);
	ck_assert_int_eq(close(out), 0);
}

/* build/turf-seed of the build that this test belongs to. */
static inline void rig_keeper_path(char path[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 32);

	ck_assert_int_gt(n, 0);
	path[n] = '\0';
	n = strrchr(path, '/') - path;
	snprintf(path + n, PATH_MAX - (size_t)n, "/../turf-seed");
}

static inline void rig_prepare(struct rig *r, const char *worker)
{
	*r = (struct rig){.dir = "/tmp/seed-rig.XXXXXX"};
	ck_assert_ptr_nonnull(mkdtemp(r->dir));
	snprintf(r->worker, sizeof(r->worker), "%s/%s", r->dir, worker);
	rig_copy(r->worker);
	setenv("TURF_SEEDS_DIR", r->dir, 1);
}

/* A keeper that dies with the test, whatever becomes of it. Returns its report. */
static inline struct seed_report rig_start_keeper_with(
	struct rig *r, const char *max_clones, const char *parked)
{
	struct seed_report report = {.code = -1};
	char path[PATH_MAX];
	int pipes[2];

	rig_keeper_path(path);
	ck_assert_int_eq(pipe2(pipes, O_CLOEXEC), 0);
	r->keeper = fork();
	if (r->keeper == 0) {
		char number[32];

		prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
		fd_set_cloexec(pipes[1], false);
		snprintf(number, sizeof(number), "--report-fd=%d", pipes[1]);
		execl(path, path, "--foreground", number, "--worker", r->worker, "--max-clones",
			max_clones, "--parked", parked, RIG_SEED, NULL);
		_exit(127);
	}
	close(pipes[1]);
	(void)fd_read_all(pipes[0], &report, sizeof(report));
	close(pipes[0]);
	return report;
}

/* Without parked clones: each is made when it is asked for. */
static inline struct seed_report rig_start_keeper(struct rig *r, const char *max_clones)
{
	return rig_start_keeper_with(r, max_clones, "0");
}

static inline void rig_open(struct rig *r, const char *max_clones)
{
	struct seed_report report;

	rig_prepare(r, "worker");
	report = rig_start_keeper(r, max_clones);
	ck_assert_msg(report.code == 0, "keeper: %s", report.text);
}

static inline int rig_wait_keeper(struct rig *r)
{
	int status = -1;

	ck_assert_int_eq(waitpid(r->keeper, &status, 0), r->keeper);
	r->keeper = 0;
	return status;
}

static inline void rig_remove(struct rig *r)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", r->dir);
	ck_assert_int_eq(system(command), 0);
}

static inline void rig_close(struct rig *r)
{
	char path[96];

	kill(r->keeper, SIGTERM);
	ck_assert_int_eq(rig_wait_keeper(r), 0);
	snprintf(path, sizeof(path), "%s/" RIG_SEED, r->dir);
	ck_assert_int_eq(access(path, F_OK), -1);
	rig_remove(r);
}

/* --- the client --- */

static inline int rig_plan(const char *text)
{
	struct err err = ERR_INIT;
	int fd = memfd_sealed("plan", text, strlen(text), &err);

	ck_assert_msg(fd >= 0, "%s", err.msg);
	return fd;
}

static inline int rig_call(const struct rig *r, const char *plan, struct seed_call *call,
	struct seed_clone *ret, struct err *err)
{
	int conn;
	int res;

	call->plan_fd = rig_plan(plan);
	call->plan_len = strlen(plan);
	call->worker = r->worker;
	res = seed_connect(RIG_SEED, &conn, err);
	if (res == 0)
		res = seed_request(RIG_SEED, conn, call, ret, err);
	close(call->plan_fd);
	return res;
}

static inline struct seed_clone rig_clone_with(
	const struct rig *r, const char *plan, struct seed_call *call)
{
	struct seed_clone c;
	struct err err = ERR_INIT;
	int res;

	call->sees_host |= str_after(plan, "say ") || streq(plan, "fds");
	res = rig_call(r, plan, call, &c, &err);
	ck_assert_msg(res == 0, "%s", err.msg);
	return c;
}

static inline struct seed_clone rig_clone(const struct rig *r, const char *plan)
{
	struct seed_call call = SEED_CALL_INIT;

	return rig_clone_with(r, plan, &call);
}

static inline void rig_hear(struct seed_clone *c, char *text, size_t size)
{
	ssize_t n = recv(c->conn, text, size - 1, 0);

	ck_assert_int_ge(n, 0);
	text[n] = '\0';
}

/* Ends a clone that holds. */
static inline void rig_release(struct seed_clone *c)
{
	close(c->conn);
	ck_assert_int_eq(proc_pidfd_wait(c->pidfd, 20000), 0);
	close(c->pidfd);
}

static inline int rig_state_dir(const struct rig *r, const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", r->dir, name);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static inline struct seed_info rig_info(void)
{
	struct seed_info info;
	struct err err = ERR_INIT;

	ck_assert_msg(seed_info(RIG_SEED, &info, &err) == 0, "%s", err.msg);
	return info;
}

/* Polls the keeper until `what` holds; the keeper learns of things when the kernel tells it. */
#define RIG_UNTIL(info, what)                                                 \
	do {                                                                  \
		int tries_ = 0;                                               \
                                                                              \
		for (info = rig_info(); !(what) && tries_ < 2000; tries_++) { \
			usleep(5000);                                         \
			info = rig_info();                                    \
		}                                                             \
		ck_assert_msg(what, "never: %s", #what);                      \
	} while (0)

#endif
