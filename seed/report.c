/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/report.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"

/* The lowest bit of a number. */
#define NUMBER_JSON UINT64_C(1)

/* A signal that finds another one pending is lost, so it is sent again. */
#define AGAIN_MS 100

static socklen_t address_of(uint64_t number, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
			   (size_t)snprintf(ret->sun_path + 1, sizeof(ret->sun_path) - 1,
				   "turf-report-%016llx", (unsigned long long)number));
}

bool report_wants_json(uint64_t number)
{
	return number & NUMBER_JSON;
}

void report_answer(uint64_t number, const void *text, size_t len)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;
	socklen_t address_len = address_of(number, &address);

	if (fd >= 0)
		(void)!sendto(
			fd, text, len, MSG_NOSIGNAL, (struct sockaddr *)&address, address_len);
}

static int parse_pid(const char *word, pid_t *ret)
{
	char *end;
	long v;

	errno = 0;
	v = strtol(word, &end, 10);
	if (*word < '1' || *word > '9' || *end || errno || v > INT32_MAX)
		return -EINVAL;
	*ret = (pid_t)v;
	return 0;
}

int report_parse(const char *const *words, struct report_options *ret, struct err *err)
{
	struct report_options o = *ret;
	bool has_pid = false;

	for (; *words; words++) {
		if (streq(*words, "--json")) {
			o.json = true;
		} else if (**words == '-' || has_pid) {
			return err_say(err, EINVAL, "%s: '%s' is too much: [--json] [PID]",
				REPORT_COMMAND, *words);
		} else {
			if (parse_pid(*words, &o.pid) < 0)
				return err_say(err, EINVAL, "%s: '%s' is no process id",
					REPORT_COMMAND, *words);
			has_pid = true;
		}
	}
	*ret = o;
	return 0;
}

static int open_socket(uint64_t number, struct err *err)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	socklen_t len = address_of(number, &address);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &(int){1}, sizeof(int)) < 0 ||
		bind(fd, (struct sockaddr *)&address, len) < 0)
		return err_set(err, errno, "%s: make a socket for the answer", REPORT_COMMAND);
	return take_fd(&fd);
}

/* The answer's length; 0: that was nobody's we asked. */
static ssize_t take(int fd, pid_t from, char *text)
{
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(struct ucred))];
	} control;
	struct iovec part = {text, REPORT_MAX};
	struct msghdr msg = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	const struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&msg) : NULL;
	struct ucred peer;

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS)
		return 0;
	memcpy(&peer, CMSG_DATA(c), sizeof(peer));
	return peer.pid == from ? n : 0;
}

static int ask(const struct report_options *o, uint64_t number, struct err *err)
{
	if (sigqueue(o->pid, REPORT_SIGNAL, (union sigval){.sival_ptr = (void *)number}) == 0)
		return 0;
	return err_set(err, errno, "%s: ask process %d", REPORT_COMMAND, (int)o->pid);
}

static ssize_t exchange(
	const struct report_options *o, int fd, uint64_t number, char *text, struct err *err)
{
	const int64_t end = clock_ms() + REPORT_TIMEOUT_MS;
	struct pollfd answer = {.fd = fd, .events = POLLIN};
	ssize_t n;

	while (clock_ms() < end) {
		int64_t again = clock_ms() + AGAIN_MS;

		if (ask(o, number, err) < 0)
			return -err->code;
		for (int64_t now = clock_ms(); now < again; now = clock_ms()) {
			if (poll(&answer, 1, (int)(again - now)) <= 0)
				continue;
			n = take(fd, o->pid, text);
			if (n > 0)
				return n;
		}
	}
	return err_say(err, ETIMEDOUT,
		"%s: process %d did not answer within %d s: it computes, or is no worker",
		REPORT_COMMAND, (int)o->pid, REPORT_TIMEOUT_MS / 1000);
}

int report_print(const struct report_options *o, struct err *err)
{
	_cleanup_close_ int fd = -1;
	char text[REPORT_MAX];
	uint64_t number;
	ssize_t n;

	if (getrandom(&number, sizeof(number), 0) != sizeof(number))
		return err_set(err, errno, "%s: a random number", REPORT_COMMAND);
	number = o->json ? number | NUMBER_JSON : number & ~NUMBER_JSON;
	fd = open_socket(number, err);
	if (fd < 0)
		return fd;
	n = exchange(o, fd, number, text, err);
	if (n < 0)
		return (int)n;
	if (fd_write_all(STDOUT_FILENO, text, (size_t)n) < 0)
		return err_set(err, errno, "%s: write", REPORT_COMMAND);
	return 0;
}
