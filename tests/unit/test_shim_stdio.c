/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Standard input and output. The test is client, container and runtime: it has the other
 * ends of fifos, what would be handed to the container, and sends terminals.
 */
#include "shim/stdio.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>

#include "runtime/base/fd.h"
#include "shim/child.h"
#include "tests/unit/shim_rig.h"

#define MIB (1 << 20)

static char dir[64];
static char in[96], out[96], error[96], file[96];
static struct stdio io;
static struct err err;
static bool ready, drained;

static size_t count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	ck_assert_ptr_nonnull(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void make_dir(void)
{
	strcpy(dir, "/tmp/turf-stdio-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(in, sizeof(in), "%s/in", dir);
	snprintf(out, sizeof(out), "%s/out", dir);
	snprintf(error, sizeof(error), "%s/err", dir);
	snprintf(file, sizeof(file), "%s/log/file", dir);
	signal(SIGPIPE, SIG_IGN);
	stdio_setup(dir, "the-namespace");
	/* The loop has descriptors of its own. */
	rig_turn();
}

static void make_fifos(void)
{
	make_dir();
	ck_assert_int_eq(mkfifo(in, 0600), 0);
	ck_assert_int_eq(mkfifo(out, 0600), 0);
	ck_assert_int_eq(mkfifo(error, 0600), 0);
}

static void remove_dir(void)
{
	char parent[96];

	unlink(in);
	unlink(out);
	unlink(error);
	unlink(file);
	snprintf(parent, sizeof(parent), "%s/log", dir);
	rmdir(parent);
	ck_assert_int_eq(rmdir(dir), 0);
}

static void finish(void)
{
	stdio_finish(&io);
	rig_settle();
	remove_dir();
}

static void on_ready(void *arg, const struct err *why)
{
	ck_assert_ptr_eq(arg, &ready);
	ck_assert(!ready);
	ready = true;
	err = *why;
}

static int open_io(const char *i, const char *o, const char *e, bool terminal)
{
	ready = false;
	err = (struct err)ERR_INIT;
	ck_assert_int_eq(stdio_init(&io, i, o, e, terminal, &err), 0);
	stdio_open(&io, "the-id", on_ready, &ready);
	LOOP_UNTIL(ready);
	return -err.code;
}

/* What the container gets, which keeps it when the shim has closed its own. */
static int take(int i)
{
	int fd = fcntl(io.give[i], F_DUPFD_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void started(void)
{
	ck_assert_msg(stdio_started(&io, &err) == 0, "%s", err.msg);
}

static int client_open(const char *path, int flags)
{
	int fd = open(path, flags | O_NONBLOCK | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void put(int fd, const char *text)
{
	ck_assert_int_eq(write(fd, text, strlen(text)), strlen(text));
}

/* What fork_writer() writes comes, while the loop turns. */
static void expect_pattern(int fd, size_t len)
{
	size_t total = 0;
	char got[5000];

	while (total < len) {
		ssize_t n;

		LOOP_UNTIL(rig_readable(fd));
		n = read(fd, got, sizeof(got));
		ck_assert_int_gt(n, 0);
		for (ssize_t i = 0; i < n; i++)
			ck_assert_int_eq(got[i], 'a' + (int)((total + (size_t)i) % 23));
		total += (size_t)n;
	}
	ck_assert_uint_eq(total, len);
}

/* Exactly this comes, while the loop turns. */
static void expect_text(int fd, const char *text)
{
	char got[256] = "";
	size_t n = 0;

	while (n < strlen(text)) {
		ssize_t r;

		LOOP_UNTIL(rig_readable(fd));
		r = read(fd, got + n, strlen(text) - n);
		ck_assert_msg(r > 0, "'%s' and no more", got);
		n += (size_t)r;
	}
	ck_assert_str_eq(got, text);
}

static void expect_end(int fd)
{
	char byte;

	LOOP_UNTIL(rig_readable(fd));
	ck_assert_int_eq(read(fd, &byte, 1), 0);
}

static void expect_nothing(int fd)
{
	rig_settle();
	ck_assert(!rig_readable(fd));
}

static void on_drained(void *arg)
{
	ck_assert(!drained);
	drained = true;
}

static void drain(void)
{
	drained = false;
	stdio_drain(&io, on_drained, NULL);
	LOOP_UNTIL(drained);
}

/* A container's process that writes more than any buffer holds. */
static pid_t fork_writer(int fd, size_t len)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	signal(SIGPIPE, SIG_DFL);
	for (size_t i = 0; i < len; i++) {
		char byte = (char)('a' + i % 23);

		if (write(fd, &byte, 1) != 1)
			_exit(1);
	}
	_exit(0);
}

static bool has_ended(pid_t pid)
{
	int status;
	pid_t r = waitpid(pid, &status, WNOHANG);

	ck_assert_int_ge(r, 0);
	if (r == pid)
		ck_assert_int_eq(status, 0);
	return r == pid;
}

static size_t file_size(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (size_t)st.st_size : 0;
}

/* --- fifos --- */

START_TEST(fifos_need_no_client)
{
	int fds[STDIO_N], reader;
	size_t before;

	make_fifos();
	before = count_fds();
	ck_assert_int_eq(open_io(in, out, error, false), 0);
	for (int i = 0; i < STDIO_N; i++)
		fds[i] = take(i);
	started();
	/* They are as the container would have opened them: they block. */
	for (int i = 0; i < STDIO_N; i++)
		ck_assert_int_eq(fcntl(fds[i], F_GETFL) & O_NONBLOCK, 0);
	put(fds[STDIO_OUT], "early");
	put(fds[STDIO_ERR], "bad");
	reader = client_open(out, O_RDONLY);
	expect_text(reader, "early");
	/* Clients come and go, and nothing is lost between two of them. */
	close(reader);
	put(fds[STDIO_OUT], "between");
	reader = client_open(out, O_RDONLY);
	expect_text(reader, "between");
	expect_nothing(reader);
	for (int i = 0; i < STDIO_N; i++)
		close(fds[i]);
	drain();
	stdio_close(&io);
	expect_end(reader);
	close(reader);
	rig_settle();
	ck_assert_uint_eq(count_fds(), before);
	finish();
}
END_TEST

START_TEST(input_ends_when_the_client_has_closed_it)
{
	int stdin_fd, writer, second;

	make_fifos();
	writer = client_open(in, O_RDWR);
	ck_assert_int_eq(open_io(in, "", NULL, false), 0);
	stdin_fd = take(STDIO_IN);
	ck_assert_int_eq(io.give[STDIO_OUT], -1);
	started();
	expect_nothing(stdin_fd);
	put(writer, "one");
	expect_text(stdin_fd, "one");
	expect_nothing(stdin_fd);
	second = client_open(in, O_WRONLY);
	put(writer, "two");
	close(writer);
	expect_text(stdin_fd, "two");
	/* Another one is still there. */
	expect_nothing(stdin_fd);
	close(second);
	expect_end(stdin_fd);
	close(stdin_fd);
	finish();
}
END_TEST

START_TEST(input_of_a_late_client_ends_when_it_says_so)
{
	int stdin_fd, writer;

	make_fifos();
	ck_assert_int_eq(open_io(in, "", NULL, false), 0);
	stdin_fd = take(STDIO_IN);
	started();
	/* Nobody has come yet: that is no end. */
	expect_nothing(stdin_fd);
	writer = client_open(in, O_WRONLY);
	put(writer, "late");
	close(writer);
	expect_text(stdin_fd, "late");
	expect_nothing(stdin_fd);
	stdio_close_input(&io);
	expect_end(stdin_fd);
	close(stdin_fd);
	finish();
}
END_TEST

START_TEST(input_that_was_there_before_is_not_lost)
{
	int stdin_fd, reader, writer;

	make_fifos();
	/* As ctr does: both ends, before the shim knows. */
	reader = client_open(in, O_RDONLY);
	writer = client_open(in, O_WRONLY);
	put(writer, "before");
	ck_assert_int_eq(open_io(in, NULL, NULL, false), 0);
	close(writer);
	stdin_fd = take(STDIO_IN);
	started();
	close(reader);
	expect_text(stdin_fd, "before");
	expect_end(stdin_fd);
	close(stdin_fd);
	finish();
}
END_TEST

START_TEST(close_io_ends_the_input)
{
	int stdin_fd;

	make_fifos();
	ck_assert_int_eq(open_io(in, NULL, NULL, false), 0);
	stdin_fd = take(STDIO_IN);
	started();
	expect_nothing(stdin_fd);
	stdio_close_input(&io);
	expect_end(stdin_fd);
	stdio_close_input(&io);
	close(stdin_fd);
	finish();
}
END_TEST

START_TEST(what_is_missing_is_an_error_and_leaves_nothing_open)
{
	size_t before;

	make_fifos();
	unlink(error);
	before = count_fds();
	ck_assert_int_eq(open_io(in, out, error, false), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, error));
	stdio_finish(&io);
	rig_settle();
	ck_assert_uint_eq(count_fds(), before);
	ck_assert_int_eq(open_io("/nowhere/in", NULL, NULL, false), -ENOENT);
	stdio_finish(&io);
	rig_settle();
	ck_assert_uint_eq(count_fds(), before);
	ck_assert_int_eq(stdio_resize(&io, 80, 24), -ENOTTY);
	remove_dir();
}
END_TEST

/* --- files --- */

START_TEST(both_outputs_go_to_the_end_of_a_file)
{
	char uri[128], *text;
	int a, b;
	size_t len;

	make_dir();
	snprintf(uri, sizeof(uri), "file://%s", file);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(open_io(NULL, uri, uri, false), 0);
		a = take(STDIO_OUT);
		b = take(STDIO_ERR);
		started();
		put(a, "out ");
		put(b, "err ");
		close(a);
		close(b);
		drain();
		stdio_finish(&io);
	}
	ck_assert_int_eq(file_read(AT_FDCWD, file, 100, &text, &len, &err), 0);
	ck_assert_str_eq(text, "out err out err ");
	free(text);
	/* A path of a file means the same. */
	ck_assert_int_eq(open_io(NULL, file, NULL, false), 0);
	a = take(STDIO_OUT);
	started();
	put(a, "path");
	close(a);
	drain();
	ck_assert_uint_eq(file_size(file), 20);
	finish();
}
END_TEST

START_TEST(a_full_disk_stops_nobody)
{
	char uri[128];
	pid_t pid;
	int a;

	make_dir();
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(mount("tmpfs", dir, "tmpfs", 0, "size=64k"), 0);
	snprintf(uri, sizeof(uri), "file://%s", file);
	ck_assert_int_eq(open_io(NULL, uri, uri, false), 0);
	a = take(STDIO_OUT);
	started();
	pid = fork_writer(a, MIB / 2);
	close(a);
	LOOP_UNTIL(has_ended(pid));
	drain();
	ck_assert_uint_gt(file_size(file), 0);
	ck_assert_uint_le(file_size(file), 65536);
	stdio_finish(&io);
	rig_settle();
	ck_assert_int_eq(umount(dir), 0);
	remove_dir();
}
END_TEST

START_TEST(a_fifo_in_the_place_of_a_file_is_not_waited_for)
{
	char uri[128];

	make_fifos();
	snprintf(uri, sizeof(uri), "file://%s", out);
	ck_assert_int_eq(open_io(NULL, uri, uri, false), -ENXIO);
	finish();
}
END_TEST

/* --- log programs --- */

static char program[96];

static void make_program(const char *script)
{
	int fd;

	make_dir();
	snprintf(program, sizeof(program), "%s/program", dir);
	fd = open(program, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
	ck_assert_int_ge(fd, 0);
	put(fd, "#!/bin/sh\n");
	put(fd, script);
	close(fd);
	ck_assert_int_eq(child_start_reaping(&err), 0);
}

static bool has_children(void)
{
	siginfo_t info = {0};

	return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0;
}

/* The program ends because its input does. */
static void finish_program(void)
{
	stdio_finish(&io);
	LOOP_UNTIL(!has_children());
	rig_settle();
}

static void expect_file(const char *path, const char *text)
{
	_cleanup_free_ char *got = NULL;
	size_t len;

	ck_assert_msg(file_read(AT_FDCWD, path, MIB, &got, &len, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(got, text);
}

START_TEST(a_log_program_gets_what_it_was_promised)
{
	char uri[512], expected[512];
	int a, b;

	make_program("{ echo \"$0 $CONTAINER_ID $CONTAINER_NAMESPACE $# [$HOME]\"\n"
		     "for a; do echo \"<$a>\"; done; } >${0%/*}/in\n"
		     "exec 5>&-\n"
		     "cat <&3 >${0%/*}/out & cat <&4 >${0%/*}/err; wait\n");
	snprintf(uri, sizeof(uri), "binary://%s?k=v&path=%%2Fa%%20b+c&flag&x=1%%3d2", program);
	ck_assert_int_eq(open_io(NULL, uri, "", false), 0);
	a = take(STDIO_OUT);
	b = take(STDIO_ERR);
	started();
	put(a, "to out");
	put(b, "to err");
	close(a);
	close(b);
	finish_program();
	snprintf(expected, sizeof(expected),
		"%s the-id the-namespace 8 []\n<k>\n<v>\n<path>\n</a b "
		"c>\n<flag>\n<>\n<x>\n<1=2>\n",
		program);
	expect_file(in, expected);
	expect_file(out, "to out");
	expect_file(error, "to err");
	unlink(program);
	remove_dir();
}
END_TEST

START_TEST(a_log_program_may_go_on_in_a_child)
{
	char uri[128];
	int a;

	make_program("{ sleep 0.1; echo >&5; exec 5>&-; cat <&3 >${0%/*}/out; } &\nexit 0\n");
	snprintf(uri, sizeof(uri), "binary://%s", program);
	ck_assert_int_eq(open_io(NULL, uri, NULL, false), 0);
	a = take(STDIO_OUT);
	started();
	put(a, "to the child");
	close(a);
	finish_program();
	expect_file(out, "to the child");
	unlink(program);
	remove_dir();
}
END_TEST

START_TEST(a_log_program_that_cannot_be_executed_is_an_error)
{
	make_dir();
	ck_assert_int_eq(open_io(NULL, "binary:///nowhere/program", NULL, false), -ENOENT);
	stdio_finish(&io);
	ck_assert_int_eq(open_io(NULL, "binary://program", NULL, false), -EINVAL);
	stdio_finish(&io);
	ck_assert_int_eq(open_io(NULL, "binary://?k=v", NULL, false), -EINVAL);
	finish();
}
END_TEST

/* --- terminals --- */

static int slave;

/* As a runtime does: a name, and `n` descriptors with it. */
static void send_fds(const int *fds, size_t n)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(2 * sizeof(int))];
	} control = {0};
	struct iovec part = {"name", 4};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", stdio_console_socket(&io));
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	if (n > 0) {
		m.msg_control = &control;
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
		control.align = (struct cmsghdr){CMSG_LEN(n * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.align), fds, n * sizeof(int));
	}
	ck_assert_int_eq(sendmsg(fd, &m, 0), 4);
	close(fd);
}

static int open_terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios t;

	ck_assert_int_ge(master, 0);
	ck_assert_int_eq(grantpt(master), 0);
	ck_assert_int_eq(unlockpt(master), 0);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	ck_assert_int_ge(slave, 0);
	ck_assert_int_eq(tcgetattr(slave, &t), 0);
	cfmakeraw(&t);
	ck_assert_int_eq(tcsetattr(slave, TCSANOW, &t), 0);
	return master;
}

static void start_terminal(void)
{
	int master = open_terminal();

	send_fds(&master, 1);
	close(master);
	started();
	/* The socket has gone. */
	ck_assert_ptr_null(stdio_console_socket(&io));
}

START_TEST(a_terminal_is_copied_both_ways)
{
	int reader, writer;
	struct winsize size;
	size_t before;

	make_fifos();
	before = count_fds();
	ck_assert_int_eq(open_io(in, out, error, true), 0);
	start_terminal();
	put(slave, "hello");
	reader = client_open(out, O_RDONLY);
	expect_text(reader, "hello");
	for (int i = 0; i < 3; i++) {
		/* Clients of the input come and go. */
		writer = client_open(in, O_WRONLY);
		put(writer, "typed");
		expect_text(slave, "typed");
		close(writer);
		expect_nothing(slave);
	}
	ck_assert_int_eq(stdio_resize(&io, 132, 43), 0);
	ck_assert_int_eq(ioctl(slave, TIOCGWINSZ, &size), 0);
	ck_assert_uint_eq(size.ws_col, 132);
	ck_assert_uint_eq(size.ws_row, 43);
	put(slave, "bye");
	close(slave);
	drain();
	expect_text(reader, "bye");
	stdio_close(&io);
	expect_end(reader);
	close(reader);
	rig_settle();
	ck_assert_uint_eq(count_fds(), before);
	finish();
}
END_TEST

START_TEST(a_slow_reader_gets_everything)
{
	int reader;
	char byte;
	pid_t pid;

	make_fifos();
	ck_assert_int_eq(open_io(NULL, out, NULL, true), 0);
	start_terminal();
	pid = fork_writer(slave, MIB);
	close(slave);
	/* Until everything between the two is full. */
	rig_settle();
	reader = client_open(out, O_RDONLY);
	expect_pattern(reader, MIB);
	LOOP_UNTIL(has_ended(pid));
	drain();
	ck_assert_int_le(read(reader, &byte, 1), 0);
	close(reader);
	finish();
}
END_TEST

/* A client that writes as much as there is room for, again and again. */
static _Noreturn void child_type(int fd, size_t len)
{
	static char text[MIB];
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	size_t sent = 0;

	for (size_t i = 0; i < len; i++)
		text[i] = (char)('a' + i % 23);
	while (sent < len && poll(&p, 1, -1) == 1) {
		ssize_t n = write(fd, text + sent, len - sent);

		if (n < 0 && errno != EAGAIN)
			_exit(1);
		sent += n > 0 ? (size_t)n : 0;
	}
	_exit(0);
}

START_TEST(a_terminal_that_reads_slowly_gets_everything)
{
	int writer;
	pid_t pid;

	make_fifos();
	ck_assert_int_eq(open_io(in, NULL, NULL, true), 0);
	start_terminal();
	writer = client_open(in, O_WRONLY);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		child_type(writer, MIB / 4);
	close(writer);
	/* Until everything between the two is full. */
	rig_settle();
	expect_pattern(slave, MIB / 4);
	LOOP_UNTIL(has_ended(pid));
	close(slave);
	drain();
	finish();
}
END_TEST

START_TEST(a_terminal_without_clients_goes_on)
{
	pid_t pid;

	make_dir();
	ck_assert_int_eq(open_io(NULL, NULL, NULL, true), 0);
	start_terminal();
	pid = fork_writer(slave, MIB / 4);
	close(slave);
	LOOP_UNTIL(has_ended(pid));
	drain();
	finish();
}
END_TEST

START_TEST(close_io_leaves_a_terminal_its_output)
{
	int reader, writer;

	make_fifos();
	ck_assert_int_eq(open_io(in, out, NULL, true), 0);
	start_terminal();
	writer = client_open(in, O_WRONLY);
	stdio_close_input(&io);
	rig_settle();
	ck_assert_int_eq(write(writer, "x", 1), -1);
	ck_assert_int_eq(errno, EPIPE);
	close(writer);
	reader = client_open(out, O_RDONLY);
	put(slave, "still");
	expect_text(reader, "still");
	close(slave);
	drain();
	close(reader);
	finish();
}
END_TEST

START_TEST(a_terminal_outlives_its_log_program)
{
	char uri[128];
	pid_t pid;

	make_program("exit 0\n");
	snprintf(uri, sizeof(uri), "binary://%s", program);
	ck_assert_int_eq(open_io(NULL, uri, NULL, true), 0);
	start_terminal();
	LOOP_UNTIL(!has_children());
	pid = fork_writer(slave, MIB / 4);
	close(slave);
	/* The shim reaps what it does not know: the end is seen by that. */
	LOOP_UNTIL(kill(pid, 0) < 0);
	drain();
	finish_program();
	unlink(program);
	remove_dir();
}
END_TEST

START_TEST(a_runtime_that_sends_no_terminal_is_told_of)
{
	int fds[2];
	size_t before;

	make_dir();
	before = count_fds();
	ck_assert_int_eq(open_io(NULL, NULL, NULL, true), 0);
	ck_assert_int_lt(stdio_started(&io, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "the runtime has sent no terminal"));
	stdio_finish(&io);

	ck_assert_int_eq(open_io(NULL, NULL, NULL, true), 0);
	send_fds(NULL, 0);
	ck_assert_int_eq(stdio_started(&io, &err), -EPROTO);
	stdio_finish(&io);

	/* Something else, and more than one: nothing stays open. */
	fds[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
	fds[1] = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (size_t n = 1; n <= 2; n++) {
		ck_assert_int_eq(open_io(NULL, NULL, NULL, true), 0);
		send_fds(fds, n);
		ck_assert_int_eq(stdio_started(&io, &err), -EPROTO);
		stdio_finish(&io);
	}
	close(fds[0]);
	close(fds[1]);
	rig_settle();
	ck_assert_uint_eq(count_fds(), before);
	remove_dir();
}
END_TEST

START_TEST(a_directory_for_consoles_may_be_too_deep)
{
	char deep[200];

	make_dir();
	memset(deep, 'x', sizeof(deep));
	deep[sizeof(deep) - 1] = '\0';
	stdio_setup(deep, "ns");
	ck_assert_int_eq(open_io(NULL, NULL, NULL, true), -ENAMETOOLONG);
	finish();
}
END_TEST

UNIT_MAIN("shim stdio", fifos_need_no_client, input_ends_when_the_client_has_closed_it,
	input_of_a_late_client_ends_when_it_says_so, input_that_was_there_before_is_not_lost,
	close_io_ends_the_input, what_is_missing_is_an_error_and_leaves_nothing_open,
	both_outputs_go_to_the_end_of_a_file, a_full_disk_stops_nobody,
	a_fifo_in_the_place_of_a_file_is_not_waited_for, a_log_program_gets_what_it_was_promised,
	a_log_program_may_go_on_in_a_child, a_log_program_that_cannot_be_executed_is_an_error,
	a_terminal_is_copied_both_ways, a_slow_reader_gets_everything,
	a_terminal_that_reads_slowly_gets_everything, a_terminal_without_clients_goes_on,
	close_io_leaves_a_terminal_its_output, a_terminal_outlives_its_log_program,
	a_runtime_that_sends_no_terminal_is_told_of, a_directory_for_consoles_may_be_too_deep)
