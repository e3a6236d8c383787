/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other end of --console-socket, as conmon and containerd are: listens at a
 * path, receives one descriptor, prints its name and what the terminal says, and
 * types our standard input into it. Usage: recv_console SOCKET ROWS COLUMNS
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int receive(int conn, char *name, size_t size)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {name, size - 1};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	ssize_t n = recvmsg(conn, &msg, MSG_CMSG_CLOEXEC);
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int fd;

	if (n <= 0)
		die("recvmsg");
	if (!cmsg || cmsg->cmsg_type != SCM_RIGHTS || cmsg->cmsg_len != CMSG_LEN(sizeof(int))) {
		fputs("no descriptor came along\n", stderr);
		exit(1);
	}
	name[n] = '\0';
	memcpy(&fd, CMSG_DATA(cmsg), sizeof(int));
	return fd;
}

/* Until the terminal has no user any more. */
static void relay(int master)
{
	struct pollfd fds[2] = {{master, POLLIN, 0}, {STDIN_FILENO, POLLIN, 0}};
	char data[4096];

	for (;;) {
		ssize_t n;

		if (poll(fds, 2, -1) < 0)
			die("poll");
		if (fds[1].revents) {
			n = read(STDIN_FILENO, data, sizeof(data));
			if (n > 0 && write(master, data, (size_t)n) != n)
				die("write");
			if (n <= 0)
				fds[1].fd = -1;
		}
		if (!fds[0].revents)
			continue;
		n = read(master, data, sizeof(data));
		if (n <= 0)
			return;
		if (write(STDOUT_FILENO, data, (size_t)n) != n)
			die("write");
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	struct winsize size = {0};
	int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char name[4096];
	int conn, master;

	if (argc != 4 || strlen(argv[1]) >= sizeof(addr.sun_path)) {
		fputs("usage: recv_console SOCKET ROWS COLUMNS\n", stderr);
		return 2;
	}
	strcpy(addr.sun_path, argv[1]);
	if (bind(listening, (struct sockaddr *)&addr, sizeof(addr)) < 0 || listen(listening, 1) < 0)
		die("listen");
	conn = accept(listening, NULL, NULL);
	if (conn < 0)
		die("accept");
	master = receive(conn, name, sizeof(name));
	printf("name %s\n", name);
	fflush(stdout);
	size.ws_row = (unsigned short)atoi(argv[2]);
	size.ws_col = (unsigned short)atoi(argv[3]);
	if (ioctl(master, TIOCSWINSZ, &size) < 0)
		die("TIOCSWINSZ");
	relay(master);
	return 0;
}
