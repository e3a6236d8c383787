/* SPDX-License-Identifier: Apache-2.0 */
/* The sealed image, its environment, and the exit file. */
#include "seed/launch.h"

#include <sys/mman.h>

#include "tests/unit/seed_rig.h"

#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

static const char *value_of(char **envp, const char *name)
{
	for (; *envp; envp++) {
		const char *rest = str_after(*envp, name);

		if (rest && *rest == '=')
			return rest + 1;
	}
	return NULL;
}

START_TEST(an_image_cannot_be_changed)
{
	struct seed_build_id id, expected;
	struct err err = ERR_INIT;
	char path[FD_PATH_MAX];
	struct stat st, original;
	int fd;

	ck_assert_msg(seed_worker_image("/bin/true", &fd, &id, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(stat("/bin/true", &original), 0);
	ck_assert_int_eq(st.st_size, original.st_size);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(write(fd, "x", 1), -1);
	ck_assert_int_eq(errno, EPERM);
	ck_assert_int_eq(ftruncate(fd, 0), -1);
	ck_assert_ptr_eq(mmap(NULL, 1, PROT_WRITE, MAP_SHARED, fd, 0), MAP_FAILED);
	ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, F_SEAL_EXEC), -1);
	/* By its path, as a container would try through /proc/self/exe. */
	{
		int again = open(fd_path(fd, path), O_WRONLY);

		ck_assert(again < 0 || write(again, "x", 1) < 0);
	}
	ck_assert_int_eq(seed_build_id_of("/bin/true", &expected, &err), 0);
	ck_assert_mem_eq(&id, &expected, sizeof(id));
	close(fd);
}
END_TEST

START_TEST(only_programs_become_images)
{
	struct seed_build_id id;
	struct err err = ERR_INIT;
	int fd = -2;

	ck_assert_int_eq(seed_worker_image("/nonexistent", &fd, &id, &err), -ENOENT);
	ck_assert_str_eq(err.msg, "open worker '/nonexistent': No such file or directory");
	ck_assert_int_eq(seed_worker_image("/tmp", &fd, &id, &err), -EACCES);
	ck_assert_int_eq(seed_worker_image("/etc/passwd", &fd, &id, &err), -EACCES);
	ck_assert_str_eq(err.msg, "execute worker '/etc/passwd': Permission denied");
	ck_assert_int_eq(fd, -2);
}
END_TEST

START_TEST(a_launch_has_an_environment_of_its_own)
{
	char dir[] = "/tmp/seed-launch.XXXXXX";
	struct err err = ERR_INIT;
	struct seed_launch l;
	char worker[64];
	char libs[64];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(worker, sizeof(worker), "%s/aworker", dir);
	snprintf(libs, sizeof(libs), "%s/lib", dir);
	rig_copy(worker);
	setenv("SECRET", "of the caller", 1);
	ck_assert_msg(
		seed_launch_prepare(worker, SEED_OPTION_COLD "3", &l, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(l.argv[0], worker);
	ck_assert_str_eq(l.argv[1], "--seed-cold=3");
	ck_assert_ptr_null(l.argv[2]);
	ck_assert_str_eq(value_of(l.envp, "LD_LIBRARY_PATH"), TURF_LIBDIR);
	ck_assert_str_eq(value_of(l.envp, SEED_ENV_WORKER), worker);
	ck_assert_ptr_null(value_of(l.envp, "SECRET"));
	seed_launch_finish(&l);
	/* A build tree uses its own library. */
	ck_assert_int_eq(mkdir(libs, 0755), 0);
	ck_assert_int_eq(seed_launch_prepare(worker, SEED_OPTION_COLD "3", &l, &err), 0);
	ck_assert_str_eq(value_of(l.envp, "LD_LIBRARY_PATH"), libs);
	seed_launch_finish(&l);
	rmdir(libs);
	unlink(worker);
	rmdir(dir);
}
END_TEST

START_TEST(an_image_is_executed)
{
	char *const argv[] = {"sh", "-c", "exit \"$CODE\"", NULL};
	char *const envp[] = {"CODE=23", NULL};
	struct seed_launch l = {.argv = (char **)argv, .envp = (char **)envp};
	struct err err = ERR_INIT;
	int status;
	pid_t pid;

	ck_assert_int_eq(seed_worker_image("/bin/sh", &l.image_fd, &l.build_id, &err), 0);
	pid = fork();
	if (pid == 0) {
		seed_launch_exec(&l);
		_exit(1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(WEXITSTATUS(status), 23);
	close(l.image_fd);
}
END_TEST

START_TEST(descriptor_numbers_are_parsed_strictly)
{
	static const char *const bad[] = {
		"", "3", "3,", ",4", "3,4,", "3,4 ", "-1,4", "3;4", "3,99999999"};
	struct err err = ERR_INIT;
	int a = 0;
	int b = 0;

	ck_assert_int_eq(seed_serve_parse("3,4", &a, &b, &err), 0);
	ck_assert_int_eq(a, 3);
	ck_assert_int_eq(b, 4);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		ck_assert_int_eq(seed_serve_parse(bad[i], &a, &b, &err), -EINVAL);
}
END_TEST

static int child_result(void *arg)
{
	return *(int *)arg;
}

static int child_crash(void *arg)
{
	raise(SIGKILL);
	return 0;
}

static int child_hang(void *arg)
{
	pause();
	return 0;
}

START_TEST(a_trial_tells_how_it_went)
{
	struct err err = ERR_INIT;
	int good = 0;
	int bad = 9;

	ck_assert_int_eq(seed_trial(child_result, &good, 20000, &err), 0);
	ck_assert_int_eq(seed_trial(child_result, &bad, 20000, &err), -ECHILD);
	ck_assert_str_eq(err.msg, "clone on trial: exit status 9");
	ck_assert_int_eq(seed_trial(child_crash, NULL, 20000, &err), -ECHILD);
	ck_assert_str_eq(err.msg, "clone on trial: killed by signal 9");
	ck_assert_int_eq(seed_trial(child_hang, NULL, 50, &err), -ETIMEDOUT);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

/* A process as a cold worker is one: the request comes on a socket that it was given. */
static int child_cold(int conn)
{
	struct seed_request req;
	struct err err = ERR_INIT;

	signal(SIGUSR1, SIG_IGN);
	if (seed_receive_one(conn, &req, &err) < 0) {
		rig_send(conn, err.msg);
		return 1;
	}
	rig_run_clone(&req);
	return 0;
}

static void hear_cold(const struct seed_call *call, char *text, size_t size)
{
	struct seed_clone c = {0};
	struct err err = ERR_INIT;
	int pair[2];
	pid_t pid;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	pid = fork();
	if (pid == 0)
		_exit(child_cold(pair[1]));
	close(pair[1]);
	ck_assert_msg(seed_send(pair[0], call, &err) == 0, "%s", err.msg);
	c.conn = pair[0];
	rig_hear(&c, text, size);
	close(pair[0]);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
}

START_TEST(a_cold_worker_is_as_a_clone)
{
	struct seed_call call = SEED_CALL_INIT;
	char text[65537];
	unsigned lines = 0;
	int zero = open("/dev/zero", O_RDONLY);

	call.plan_fd = rig_plan("fds");
	call.plan_len = 3;
	call.fds = &zero;
	call.n_fds = 1;
	hear_cold(&call, text, sizeof(text));
	for (char *p = text; (p = strchr(p, '\n')); p++)
		lines++;
	ck_assert_uint_eq(lines, 5); /* 0-2, the socket, /dev/zero */
	ck_assert_ptr_nonnull(strstr(text, "0 /dev/null\n1 /dev/null\n2 /dev/null\n"));
	close(call.plan_fd);
	call.plan_fd = rig_plan("say /proc/self/status");
	call.plan_len = strlen("say /proc/self/status");
	hear_cold(&call, text, sizeof(text));
	ck_assert_ptr_nonnull(strstr(text, "SigIgn:\t0000000000000000\n"));
	close(call.plan_fd);
	call.plan_fd = rig_plan("self");
	call.plan_len = 5;
	hear_cold(&call, text, sizeof(text));
	ck_assert_str_eq(text, "clone request: a plan of 4 bytes, 5 were announced");
}
END_TEST

START_TEST(an_exit_file_says_what_was_written)
{
	char dir[] = "/tmp/seed-exit.XXXXXX";
	struct rusage usage = {.ru_utime = {1, 500000}, .ru_stime = {2, 3}, .ru_maxrss = 4096};
	struct err err = ERR_INIT;
	struct exit_file e, read;
	int fd;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	fd = open(dir, O_PATH);
	ck_assert_int_eq(exit_file_read(fd, &read, &err), -ENOENT);
	ck_assert_int_eq(exit_file_wait(fd, 20, &read, &err), -ETIMEDOUT);
	exit_file_fill(&e, 42, 0x0700, &usage);
	ck_assert_int_eq(exit_file_write(fd, &e, &err), 0);
	ck_assert_int_eq(exit_file_read(fd, &read, &err), 0);
	ck_assert_mem_eq(&e, &read, sizeof(e));
	ck_assert_int_eq(read.user_us, 1500000);
	ck_assert_int_eq(read.system_us, 2000003);
	ck_assert_int_eq(exit_file_code(read.status), 7);
	ck_assert_int_eq(exit_file_code(SIGKILL), 137);
	ck_assert_int_eq(exit_file_wait(fd, -1, &read, &err), 0);
	{
		static const char *const bad[] = {"", "1 2 3 4 5\n", "1 2 3 4 5 6", "x\n",
			"1 2 3 4 5 6 7\n", "-1 2 3 4 5 6\n"};
		char path[64];

		snprintf(path, sizeof(path), "%s/" EXIT_FILE_NAME, dir);
		for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
			ck_assert_int_eq(file_write_atomic(AT_FDCWD, path, bad[i], strlen(bad[i]),
						 0600, &err),
				0);
			ck_assert_int_eq(exit_file_read(fd, &read, &err), -EPROTO);
		}
		unlink(path);
	}
	close(fd);
	rmdir(dir);
}
END_TEST

RIG_MAIN("seed_launch", an_image_cannot_be_changed, only_programs_become_images,
	a_launch_has_an_environment_of_its_own, an_image_is_executed,
	descriptor_numbers_are_parsed_strictly, a_trial_tells_how_it_went,
	a_cold_worker_is_as_a_clone, an_exit_file_says_what_was_written)
