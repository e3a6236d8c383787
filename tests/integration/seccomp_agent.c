/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp_agent SOCKET: a seccomp agent. Takes one connection, prints the container
 * process state that comes with it, then answers every call with errno 123 (ENOMEDIUM)
 * until the container is gone.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define STATE_MAX 65536

static int receive(int conn, char *state)
{
	union {
		struct cmsghdr align;
		char data[CMSG_SPACE(4 * sizeof(int))];
	} control;
	size_t len = 0;
	int fd = -1;

	for (;;) {
		struct iovec iov = {state + len, STATE_MAX - 1 - len};
		struct msghdr head = {.msg_iov = &iov,
			.msg_iovlen = 1,
			.msg_control = control.data,
			.msg_controllen = sizeof(control.data)};
		ssize_t n = recvmsg(conn, &head, MSG_CMSG_CLOEXEC);
		struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&head) : NULL;

		if (n <= 0)
			break;
		/* Descriptors come with the first part alone, and there is one. */
		if (c && (len != 0 || c->cmsg_len != CMSG_LEN(sizeof(int))))
			return -1;
		if (c)
			memcpy(&fd, CMSG_DATA(c), sizeof(fd));
		len += (size_t)n;
	}
	state[len] = '\0';
	return fd;
}

static void answer_all(int fd)
{
	for (;;) {
		struct seccomp_notif call;
		struct seccomp_notif_resp answer;

		memset(&call, 0, sizeof(call));
		if (ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, &call) < 0) {
			if (errno == EINTR)
				continue;
			return;
		}
		memset(&answer, 0, sizeof(answer));
		answer.id = call.id;
		answer.error = -ENOMEDIUM;
		(void)ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, &answer);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	static char state[STATE_MAX];
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int conn, fd;

	if (argc != 2 || strlen(argv[1]) >= sizeof(address.sun_path))
		return 2;
	strcpy(address.sun_path, argv[1]);
	if (bind(listener, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(listener, 1) < 0)
		return 1;
	puts("listening");
	fflush(stdout);
	conn = accept(listener, NULL, NULL);
	fd = receive(conn, state);
	if (fd < 0)
		return 1;
	puts(state);
	fflush(stdout);
	answer_all(fd);
	return 0;
}
