/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/address.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/unit.h"

static char dir[64];
static struct address address;
static struct err err;

static void make_dir(void)
{
	strcpy(dir, "/tmp/turf-address-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(address.path, sizeof(address.path), "%s/s", dir);
}

static void remove_dir(void)
{
	unlink(address.path);
	ck_assert_int_eq(rmdir(dir), 0);
}

static bool can_connect(void)
{
	struct sockaddr_un s = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), r;

	memcpy(s.sun_path, address.path, sizeof(s.sun_path));
	r = connect(fd, (struct sockaddr *)&s, sizeof(s));
	close(fd);
	return r == 0;
}

START_TEST(only_one_can_listen)
{
	struct stat st;
	int fd;

	make_dir();
	fd = address_listen(&address, &err);
	ck_assert_int_ge(fd, 0);
	ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	ck_assert_int_eq(stat(address.path, &st), 0);
	ck_assert_int_eq(st.st_mode & 0777, 0600);
	ck_assert_int_eq(address_listen(&address, &err), -EADDRINUSE);
	ck_assert(can_connect());
	close(fd);
	remove_dir();
}
END_TEST

START_TEST(what_a_dead_one_left_is_replaced)
{
	int fd;

	make_dir();
	fd = address_listen(&address, &err);
	ck_assert_int_ge(fd, 0);
	close(fd);
	ck_assert(!can_connect());
	fd = address_listen(&address, &err);
	ck_assert_int_ge(fd, 0);
	ck_assert(can_connect());
	close(fd);
	remove_dir();
}
END_TEST

START_TEST(one_that_is_too_busy_is_not_dead)
{
	struct sockaddr_un s = {.sun_family = AF_UNIX};
	int busy = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), fd;

	make_dir();
	memcpy(s.sun_path, address.path, sizeof(s.sun_path));
	ck_assert_int_eq(bind(busy, (struct sockaddr *)&s, sizeof(s)), 0);
	ck_assert_int_eq(listen(busy, 0), 0);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&s, sizeof(s)), 0);
	ck_assert(!can_connect());
	/* Nor is it waited for. */
	ck_assert_int_eq(address_listen(&address, &err), -EADDRINUSE);
	address_remove_stale(&address);
	ck_assert_int_eq(access(address.path, F_OK), 0);
	close(fd);
	close(busy);
	remove_dir();
}
END_TEST

START_TEST(only_stale_ones_are_removed)
{
	int fd;

	make_dir();
	fd = address_listen(&address, &err);
	address_remove_stale(&address);
	ck_assert(can_connect());
	close(fd);
	address_remove_stale(&address);
	ck_assert_int_eq(access(address.path, F_OK), -1);
	address_remove_stale(&address);
	remove_dir();
	address_remove_stale(&address);
}
END_TEST

#define RACERS 8

/* All wait for the end of a pipe, then go for the same address. */
static _Noreturn void child_race(int start, int told)
{
	char byte;
	ssize_t n = read(start, &byte, 1);
	int fd = n == 0 ? address_listen(&address, &err) : -1;

	byte = fd >= 0 ? 'y' : fd == -EADDRINUSE ? 'n' : '?';
	_exit(write(told, &byte, 1) == 1 && (fd < 0 || pause()) ? 0 : 1);
}

START_TEST(of_many_at_once_one_wins_and_is_reached)
{
	make_dir();
	for (int round = 0; round < 50; round++) {
		int start[2], told[2], winners = 0;
		pid_t pids[RACERS];

		ck_assert_int_eq(pipe2(start, O_CLOEXEC), 0);
		ck_assert_int_eq(pipe2(told, O_CLOEXEC), 0);
		for (int i = 0; i < RACERS; i++) {
			pids[i] = fork();
			ck_assert_int_ge(pids[i], 0);
			if (pids[i] == 0) {
				close(start[1]);
				child_race(start[0], told[1]);
			}
		}
		close(start[0]);
		close(start[1]);
		for (int i = 0; i < RACERS; i++) {
			char byte = '-';

			ck_assert_int_eq(read(told[0], &byte, 1), 1);
			ck_assert_int_ne(byte, '?');
			winners += byte == 'y';
		}
		ck_assert_int_eq(winners, 1);
		ck_assert(can_connect());
		for (int i = 0; i < RACERS; i++)
			kill(pids[i], SIGKILL);
		for (int i = 0; i < RACERS; i++)
			ck_assert_int_eq(waitpid(pids[i], NULL, 0), pids[i]);
		close(told[0]);
		close(told[1]);
	}
	remove_dir();
}
END_TEST

/* One that is between bind(2) and listen(2), which takes it until it is asked to. */
static _Noreturn void child_bind_slowly(int told)
{
	int lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un s = {.sun_family = AF_UNIX};

	memcpy(s.sun_path, address.path, sizeof(s.sun_path));
	if (flock(lock, LOCK_EX) < 0 || bind(fd, (struct sockaddr *)&s, sizeof(s)) < 0 ||
		write(told, "b", 1) != 1)
		_exit(1);
	usleep(100000);
	if (listen(fd, 1) < 0)
		_exit(1);
	close(lock);
	pause();
	_exit(1);
}

START_TEST(one_that_is_about_to_listen_is_waited_for)
{
	int told[2];
	char byte;
	pid_t pid;

	make_dir();
	ck_assert_int_eq(pipe2(told, O_CLOEXEC), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		child_bind_slowly(told[1]);
	ck_assert_int_eq(read(told[0], &byte, 1), 1);
	ck_assert_int_eq(address_listen(&address, &err), -EADDRINUSE);
	ck_assert(can_connect());
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	close(told[0]);
	close(told[1]);
	remove_dir();
}
END_TEST

START_TEST(places_are_told_apart_by_all_their_parts)
{
	struct address a, b;
	char sub[80];

	make_dir();
	snprintf(sub, sizeof(sub), "%s/sub", dir);
	ck_assert_int_eq(address_choose(sub, "/c", "ns", "group", &a, &err), 0);
	ck_assert_ptr_eq(strstr(a.path, sub), a.path);
	ck_assert_int_eq(address_choose(sub, "/c", "ns", "group", &b, &err), 0);
	ck_assert_str_eq(a.path, b.path);
	ck_assert_int_eq(address_choose(sub, "/c2", "ns", "group", &b, &err), 0);
	ck_assert_str_ne(a.path, b.path);
	ck_assert_int_eq(address_choose(sub, "/c", "nsg", "roup", &b, &err), 0);
	ck_assert_str_ne(a.path, b.path);
	ck_assert_int_eq(address_choose(sub, "/c", "ns", "group2", &b, &err), 0);
	ck_assert_str_ne(a.path, b.path);
	ck_assert_int_eq(rmdir(sub), 0);
	remove_dir();
}
END_TEST

START_TEST(a_path_that_is_too_long_is_refused)
{
	char path[sizeof(address.path) + 1];

	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(address.path)] = '\0';
	ck_assert_int_eq(address_set(path, &address, &err), -ENAMETOOLONG);
	path[sizeof(address.path) - 1] = '\0';
	ck_assert_int_eq(address_set(path, &address, &err), 0);
	ck_assert_str_eq(address.path, path);
	strcpy(address.path, "/nowhere/at/all");
	ck_assert_int_eq(address_listen(&address, &err), -ENOENT);
}
END_TEST

UNIT_MAIN("shim address", only_one_can_listen, what_a_dead_one_left_is_replaced,
	one_that_is_too_busy_is_not_dead, only_stale_ones_are_removed,
	of_many_at_once_one_wins_and_is_reached, one_that_is_about_to_listen_is_waited_for,
	places_are_told_apart_by_all_their_parts, a_path_that_is_too_long_is_refused)
