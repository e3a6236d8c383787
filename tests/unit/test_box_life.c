/* SPDX-License-Identifier: Apache-2.0 */
/* The life of containers: namespaces, gate, hooks, failures, what is left behind. */
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "tests/unit/box_harness.h"

static struct box_test t;

START_TEST(runs_a_program_in_new_namespaces)
{
	box_test_begin(&t);
	BOX_RUN(&t,
		box_json("echo $$; ls /; hostname; exit 7", "", "", "", "\"hostname\":\"boxed\""));
	ck_assert_str_eq(t.out, "1\nbin\ndev\netc\nproc\nsys\ntmp\nboxed\n");
	ck_assert_int_eq(WEXITSTATUS(t.status), 7);
	ck_assert_int_eq(t.warnings.len, 0);
	box_test_end(&t);
}
END_TEST

START_TEST(runs_without_pivot)
{
	box_test_begin(&t);
	t.options.no_pivot = true;
	BOX_RUN(&t, box_json("ls /; pwd", "", "", "", ""));
	ck_assert_str_eq(t.out, "bin\ndev\netc\nproc\nsys\ntmp\n/\n");
	box_test_end(&t);
}
END_TEST

START_TEST(shows_nothing_of_the_host_in_its_mounts)
{
	box_test_begin(&t);
	BOX_RUN(&t, box_json("cut -d' ' -f5 /proc/self/mountinfo; ls /tmp", "", "", "", ""));
	ck_assert_str_eq(t.out, "/\n/proc\n/dev\n/dev/pts\n");
	box_test_end(&t);
}
END_TEST

START_TEST(leaks_no_descriptor)
{
	int leak;

	box_test_begin(&t);
	leak = open("/etc/passwd", O_RDONLY); /* a caller's that is not to be preserved */
	ck_assert_int_ge(leak, 3);
	BOX_RUN(&t, box_json("ls /proc/$$/fd; true", "", "", "", ""));
	ck_assert_str_eq(t.out, "0\n1\n2\n");
	close(leak);
	box_test_end(&t);
}
END_TEST

START_TEST(preserves_descriptors_that_are_asked_for)
{
	int fd;

	/* A descriptor 3 as it is after an execve of the runtime. */
	fd = open("/proc/sys/kernel/ostype", O_RDONLY);
	ck_assert_int_ge(dup2(fd, 3), 0);
	box_test_begin(&t);
	t.options.preserve_fds = 1;
	BOX_RUN(&t, box_json("cat <&3", "", "", "", ""));
	ck_assert_str_eq(t.out, "Linux\n");
	box_test_end(&t);
}
END_TEST

START_TEST(refuses_to_preserve_what_is_not_there)
{
	struct err err = ERR_INIT;

	box_test_begin(&t);
	t.options.preserve_fds = 200;
	ck_assert_int_eq(box_create(&t, box_json("true", "", "", "", "")), -EBADF);
	(void)err;
	ck_assert_ptr_nonnull(strstr(t.err.msg, "is to be preserved but not open"));
	box_test_end(&t);
}
END_TEST

START_TEST(starts_only_once)
{
	struct err err = ERR_INIT;

	box_test_begin(&t);
	ck_assert_int_eq(box_create(&t, box_json("echo ran", "", "", "", "")), 0);
	ck_assert_int_eq(gate_start(t.dir_fd, &t.err), 0);
	ck_assert_int_eq(gate_start(t.dir_fd, &err), -ENOENT);
	box_finish(&t);
	ck_assert_str_eq(t.out, "ran\n");
	box_test_end(&t);
}
END_TEST

START_TEST(several_starters_at_once_open_the_gate_once)
{
	int wins = 0;
	pid_t pids[8];

	box_test_begin(&t);
	ck_assert_int_eq(box_create(&t, box_json("echo ran; sleep 0.2", "", "", "", "")), 0);
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		pids[i] = fork();
		if (pids[i] == 0)
			_exit(gate_start(t.dir_fd, &t.err) == 0 ? 1 : 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(pids); i++) {
		int status;

		waitpid(pids[i], &status, 0);
		wins += WEXITSTATUS(status);
	}
	ck_assert_int_eq(wins, 1);
	box_finish(&t);
	ck_assert_str_eq(t.out, "ran\n");
	box_test_end(&t);
}
END_TEST

START_TEST(a_starter_that_says_nothing_opens_no_gate)
{
	char path[128];
	int fd;

	box_test_begin(&t);
	ck_assert_int_eq(box_create(&t, box_json("echo ran", "", "", "", "")), 0);
	fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	snprintf(path, sizeof(path), "%s/" GATE_SOCKET, t.dir);
	{
		struct {
			unsigned short family;
			char path[108];
		} address = {AF_UNIX, ""};

		memcpy(address.path, path, strlen(path) + 1);
		ck_assert_int_eq(connect(fd, (void *)&address, sizeof(address)), 0);
	}
	ck_assert_int_eq(send(fd, "nonsense", 8, 0), 8);
	close(fd);
	ck_assert_int_eq(gate_start(t.dir_fd, &t.err), 0);
	box_finish(&t);
	ck_assert_str_eq(t.out, "ran\n");
	box_test_end(&t);
}
END_TEST

START_TEST(start_learns_that_the_process_died_at_the_gate)
{
	box_test_begin(&t);
	ck_assert_int_eq(box_create(&t, box_json("true", "", "", "", "")), 0);
	fd_close(&t.options.gate_fd);
	kill(t.child.pid, SIGKILL);
	waitpid(t.child.pid, NULL, 0);
	ck_assert_int_eq(gate_start(t.dir_fd, &t.err), -EPIPE);
	ck_assert_str_eq(t.err.msg, "the container's process died before it could start");
	box_test_end(&t);
}
END_TEST

START_TEST(create_names_a_missing_program)
{
	char json[8192];
	char *at;

	box_test_begin(&t);
	strcpy(json, box_json("true", "", "", "", ""));
	at = strstr(json, "\"sh\",\"-c\"");
	memcpy(at, "\"nosuch\" ", 9);
	at[9] = ',';
	ck_assert_int_eq(box_create(&t, json), -ENOENT);
	ck_assert_str_eq(t.err.msg, "exec: \"nosuch\": executable file not found in $PATH");
	box_test_end(&t);
}
END_TEST

START_TEST(start_learns_that_the_exec_failed)
{
	char json[8192];
	char *at;

	box_test_begin(&t);
	box_run_in(t.dir, "printf garbage >rootfs/bin/bad && chmod 755 rootfs/bin/bad");
	strcpy(json, box_json("true", "", "", "", ""));
	at = strstr(json, "\"sh\",\"-c\"");
	memcpy(at, "\"bad\",\"x\"", 9);
	ck_assert_int_eq(box_create(&t, json), 0);
	ck_assert_int_eq(gate_start(t.dir_fd, &t.err), -ENOEXEC);
	ck_assert_str_eq(t.err.msg, "exec: \"bad\": Exec format error");
	box_test_end(&t);
}
END_TEST

START_TEST(hooks_run_at_their_times_with_their_states)
{
	char hooks[4096];

	box_test_begin(&t);
	box_run_in(t.dir, "printf '#!/bin/sh\\ncat >/tmp/started\\n' >rootfs/bin/hook; chmod 755 "
			  "rootfs/bin/hook");
	/* createContainer: the host's programs, the container's namespaces, the old root. */
	snprintf(hooks, sizeof(hooks),
		"\"hooks\":{\"createContainer\":[{\"path\":\"/bin/sh\",\"args\":[\"sh\",\"-c\","
		"\"cat >%s/created; hostname >>%s/created; ls %s/rootfs/proc/1 >/dev/null || "
		"exit 5\"]}],"
		"\"startContainer\":[{\"path\":\"/bin/hook\",\"env\":[\"PATH=/bin\"]}]},"
		"\"hostname\":\"hooked\"",
		t.dir, t.dir, t.dir);
	BOX_RUN(&t, box_json("cat /tmp/started", "", "", "", hooks));
	ck_assert_ptr_nonnull(strstr(t.out, "\"status\":\"created\""));
	ck_assert_ptr_nonnull(strstr(t.out, "\"pid\":1,"));
	box_run_in(t.dir, "grep -q '\"status\":\"creating\"' created && "
			  "grep -q '\"pid\":1,' created && grep -q hooked created");
	box_test_end(&t);
}
END_TEST

static int failing_hook(void *arg, const char *state, size_t len, struct err *err)
{
	char pid[32];

	(void)arg;
	(void)len;
	snprintf(pid, sizeof(pid), "\"pid\":%d,", (int)t.child.pid);
	ck_assert_ptr_nonnull(strstr(state, pid));
	return err_say(err, ECHILD, "prestart: refused");
}

START_TEST(a_failed_hook_fails_the_start)
{
	box_test_begin(&t);
	t.duties.create_runtime = failing_hook;
	ck_assert_int_eq(box_create(&t, box_json("true", "", "", "",
						"\"hooks\":{\"prestart\":[{\"path\":\"/x\"}]}")),
		-ECHILD);
	ck_assert_str_eq(t.err.msg, "prestart: refused");
	box_test_end(&t);
	box_test_begin(&t);
	t.duties.create_runtime = NULL;
	ck_assert_int_eq(
		box_create(
			&t, box_json("true", "", "", "",
				    "\"hooks\":{\"createContainer\":[{\"path\":\"/bin/false\"}]}")),
		-ECHILD);
	ck_assert_str_eq(t.err.msg, "createContainer: hook '/bin/false': exit status 1");
	box_test_end(&t);
	box_test_begin(&t);
	ck_assert_int_eq(
		box_create(
			&t, box_json("echo ran", "", "", "",
				    "\"hooks\":{\"startContainer\":[{\"path\":\"/bin/nosuch\"}]}")),
		0);
	ck_assert_int_eq(gate_start(t.dir_fd, &t.err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(t.err.msg, "startContainer: hook '/bin/nosuch'"));
	box_test_end(&t);
}
END_TEST

START_TEST(the_child_dies_with_a_runtime_that_is_killed_before_ready)
{
	int pids[2];
	pid_t runtime, child = 0;

	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	ck_assert_int_eq(pipe(pids), 0);
	box_test_begin(&t);
	runtime = fork();
	if (runtime == 0) {
		/* Never listens to its child, which therefore never gets released. */
		if (box_plan_text(&t, box_json("echo ran", "", "", "", "")) < 0 ||
			box_spawn(t.plan, &t.child, &t.err) < 0)
			_exit(1);
		if (write(pids[1], &t.child.pid, sizeof(child)) < 0)
			_exit(1);
		/* It has spoken, and waits for an answer. */
		if (poll(&(struct pollfd){.fd = t.child.conn, .events = POLLIN}, 1, -1) != 1)
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	ck_assert_int_eq(read(pids[0], &child, sizeof(child)), sizeof(child));
	waitpid(runtime, NULL, 0);
	/* We are its parent now, because the runtime was; it ends by itself. */
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	box_test_end(&t);
}
END_TEST

START_TEST(joins_namespaces_by_path)
{
	char more[512], json[16384], want[128], *at;
	ssize_t n;
	pid_t holder;
	int sync[2];

	box_test_begin(&t);
	ck_assert_int_eq(pipe(sync), 0);
	holder = (pid_t)fork();
	if (holder == 0) {
		if (unshare(CLONE_NEWNET | CLONE_NEWUTS) < 0 || sethostname("joined", 6) < 0 ||
			write(sync[1], "x", 1) < 0)
			_exit(1);
		pause();
	}
	ck_assert_int_eq(read(sync[0], want, 1), 1);
	strcpy(json, box_json("hostname; readlink /proc/self/ns/net", "", "", "", ""));
	at = strstr(json, "{\"type\":\"uts\"}");
	n = snprintf(more, sizeof(more),
		"{\"type\":\"uts\",\"path\":\"/proc/%d/ns/uts\"},"
		"{\"type\":\"network\",\"path\":\"/proc/%d/ns/net\"}",
		holder, holder);
	memmove(at + n, at + 14, strlen(at + 14) + 1);
	memcpy(at, more, (size_t)n);
	BOX_RUN(&t, json);
	strcpy(want, "joined\n");
	snprintf(more, sizeof(more), "/proc/%d/ns/net", holder);
	n = readlink(more, want + 7, sizeof(want) - 9);
	want[7 + n] = '\n';
	want[8 + n] = '\0';
	ck_assert_str_eq(t.out, want);
	kill(holder, SIGKILL);
	waitpid(holder, NULL, 0);
	box_test_end(&t);
}
END_TEST

START_TEST(refuses_paths_that_are_no_such_namespace)
{
	static const char *const paths[][2] = {
		{"/proc/self/ns/net", "linux.namespaces: ipc: '/proc/self/ns/net' is a namespace "
				      "of another kind"},
		{"/etc/passwd", "linux.namespaces: ipc: '/etc/passwd' is not a namespace"},
		{"/nosuch", "linux.namespaces: ipc: open '/nosuch': No such file or directory"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		char json[16384], more[256], *at;
		size_t n;

		box_test_begin(&t);
		strcpy(json, box_json("true", "", "", "", ""));
		at = strstr(json, "{\"type\":\"ipc\"}");
		n = (size_t)snprintf(
			more, sizeof(more), "{\"type\":\"ipc\",\"path\":\"%s\"}", paths[i][0]);
		memmove(at + n, at + 14, strlen(at + 14) + 1);
		memcpy(at, more, n);
		ck_assert_int_lt(box_create(&t, json), 0);
		ck_assert_str_eq(t.err.msg, paths[i][1]);
		box_test_end(&t);
	}
}
END_TEST

START_TEST(joins_a_pid_namespace)
{
	struct clone_args args = {.flags = CLONE_NEWPID, .exit_signal = SIGCHLD};
	char json[16384], more[256], *at;
	size_t n;
	pid_t init;

	box_test_begin(&t);
	init = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (init == 0) {
		for (;;)
			pause();
	}
	strcpy(json, box_json("echo $$; readlink /proc/1/exe >/dev/null; ls -d /proc/1", "", "", "",
			     ""));
	at = strstr(json, "{\"type\":\"pid\"}");
	n = (size_t)snprintf(
		more, sizeof(more), "{\"type\":\"pid\",\"path\":\"/proc/%d/ns/pid\"}", (int)init);
	memmove(at + n, at + 14, strlen(at + 14) + 1);
	memcpy(at, more, n);
	BOX_RUN(&t, json);
	ck_assert_str_eq(t.out, "2\n/proc/1\n");
	kill(init, SIGKILL);
	waitpid(init, NULL, 0);
	box_test_end(&t);
}
END_TEST

/* What is opened for writing must never be a file of the host. */
START_TEST(the_runtime_cannot_be_reached_for_writing)
{
	box_test_begin(&t);
	ck_assert_int_eq(box_create(&t, box_json("true", "", "", "", "")), 0);
	{
		char path[64];
		int fd;

		snprintf(path, sizeof(path), "/proc/%d/exe", (int)t.child.pid);
		/* We are root of the host: whoever is inside can do no more. */
		ck_assert_int_lt(access(path, W_OK), 0);
		ck_assert_int_eq(errno, EROFS);
		fd = open(path, O_PATH);
		{
			struct mount_attr rw = {.attr_clr = MOUNT_ATTR_RDONLY};

			ck_assert_int_lt(mount_setattr(fd, "", AT_EMPTY_PATH, &rw, sizeof(rw)), 0);
		}
		ck_assert_int_lt(mount(NULL, path, NULL, MS_BIND | MS_REMOUNT, NULL), 0);
		close(fd);
		ck_assert_int_lt(access(path, W_OK), 0);
	}
	box_test_end(&t);
}
END_TEST

START_TEST(a_program_that_is_proc_self_exe_is_not_the_hosts_file)
{
	char json[8192], *at;

	box_test_begin(&t);
	/* The loader of the test's own binary is not inside, so that it fails late. */
	strcpy(json, box_json("true", "", "", "", ""));
	at = strstr(json, "\"sh\",\"-c\",\"true\"");
	memcpy(at, "\"/proc/self/exe\"", 16);
	ck_assert_int_eq(box_create(&t, json), 0);
	(void)gate_start(t.dir_fd, &t.err);
	box_test_end(&t);
}
END_TEST

START_TEST(a_new_user_namespace_has_its_maps_and_devices)
{
	char json[16384], *at;

	box_test_begin(&t);
	strcpy(json,
		box_json("id -u; cat /proc/self/uid_map | tr -s ' '; cat /dev/zero | head -c 3 | "
			 "wc -c; grep CapEff /proc/self/status; touch /tmp/x && stat -c %u /tmp/x",
			"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":100,\"hard\":200}]", "",
			"\"uidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":65536}],"
			"\"gidMappings\":[{\"containerID\":0,\"hostID\":100000,\"size\":65536}]",
			""));
	at = strstr(json, "{\"type\":\"uts\"}");
	memmove(at + 16, at, strlen(at) + 1);
	memcpy(at, "{\"type\":\"user\"},", 16);
	box_run_in(t.dir, "chmod 777 rootfs/tmp");
	BOX_RUN(&t, json);
	ck_assert_str_eq(t.out, "0\n 0 100000 65536\n3\nCapEff:\t0000000000000000\n0\n");
	box_run_in(t.dir, "test $(stat -c %%u rootfs/tmp/x) = 100000");
	box_test_end(&t);
}
END_TEST

START_TEST(a_time_namespace_has_its_offsets)
{
	char json[16384], *at;

	box_test_begin(&t);
	strcpy(json, box_json("cat /proc/self/timens_offsets | tr -s ' '", "", "",
			     "\"timeOffsets\":{\"boottime\":{\"secs\":86400}}", ""));
	at = strstr(json, "{\"type\":\"uts\"}");
	memmove(at + 16, at, strlen(at) + 1);
	memcpy(at, "{\"type\":\"time\"},", 16);
	BOX_RUN(&t, json);
	ck_assert_str_eq(t.out, "monotonic 0 0\nboottime 86400 0\n");
	box_test_end(&t);
}
END_TEST

UNIT_MAIN("box_life", runs_a_program_in_new_namespaces, runs_without_pivot,
	shows_nothing_of_the_host_in_its_mounts, leaks_no_descriptor,
	preserves_descriptors_that_are_asked_for, refuses_to_preserve_what_is_not_there,
	starts_only_once, several_starters_at_once_open_the_gate_once,
	a_starter_that_says_nothing_opens_no_gate, start_learns_that_the_process_died_at_the_gate,
	create_names_a_missing_program, start_learns_that_the_exec_failed,
	hooks_run_at_their_times_with_their_states, a_failed_hook_fails_the_start,
	the_child_dies_with_a_runtime_that_is_killed_before_ready, joins_namespaces_by_path,
	refuses_paths_that_are_no_such_namespace, joins_a_pid_namespace,
	the_runtime_cannot_be_reached_for_writing,
	a_program_that_is_proc_self_exe_is_not_the_hosts_file,
	a_new_user_namespace_has_its_maps_and_devices, a_time_namespace_has_its_offsets)
