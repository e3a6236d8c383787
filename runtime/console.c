/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/fd.h"

/* What runc sends; the receiver shows it to people at most. */
#define CONSOLE_DEVICE_NAME "/dev/ptmx"

static int connect_socket(const char *path, struct err *err)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = -1;

	if (strlen(path) >= sizeof(addr.sun_path))
		return err_say(err, ENAMETOOLONG, "socket '%s': longer than %zu bytes", path,
			sizeof(addr.sun_path) - 1);
	strcpy(addr.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, errno, "create a socket");
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0)
		return err_set(err, errno, "connect to socket '%s'", path);
	return take_fd(&fd);
}

int console_check_socket(const char *path, struct err *err)
{
	struct sockaddr_un addr;

	if (strlen(path) >= sizeof(addr.sun_path))
		return err_say(err, ENAMETOOLONG, "console socket '%s': longer than %zu bytes",
			path, sizeof(addr.sun_path) - 1);
	if (access(path, W_OK) < 0)
		return err_set(err, errno, "console socket '%s'", path);
	return 0;
}

int console_send_fd(const char *path, const char *name, int sent_fd, struct err *err)
{
	_cleanup_close_ int fd = connect_socket(path, err);
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {(void *)(uintptr_t)name, strlen(name)};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);

	if (fd < 0)
		return fd;
	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cmsg), &sent_fd, sizeof(int));
	if (sendmsg(fd, &msg, MSG_NOSIGNAL) < 0)
		return err_set(err, errno, "send to socket '%s'", path);
	return 0;
}

int console_send(const char *path, int master_fd, struct err *err)
{
	return console_send_fd(path, CONSOLE_DEVICE_NAME, master_fd, err) < 0
		       ? err_wrap(err, "console")
		       : 0;
}

int console_open(struct console *c, int master_fd, struct err *err)
{
	struct termios raw;

	c->master_fd = fcntl(master_fd, F_DUPFD_CLOEXEC, 3);
	if (c->master_fd < 0)
		return err_set(err, errno, "duplicate the terminal");
	/* A container that does not read its input must not keep us from copying its output. */
	if (fcntl(c->master_fd, F_SETFL, fcntl(c->master_fd, F_GETFL) | O_NONBLOCK) < 0)
		return err_set(err, errno, "set the terminal non-blocking");
	c->stdin_open = true;
	if (tcgetattr(STDIN_FILENO, &c->saved) < 0)
		return 0;
	raw = c->saved;
	cfmakeraw(&raw);
	if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) < 0)
		return err_set(err, errno, "set our terminal to raw mode");
	c->is_raw = true;
	console_resize(c);
	return 0;
}

void console_close(struct console *c)
{
	if (c->is_raw)
		(void)tcsetattr(STDIN_FILENO, TCSANOW, &c->saved);
	c->is_raw = false;
	fd_close(&c->master_fd);
}

void console_resize(const struct console *c)
{
	struct winsize size;

	if (c->master_fd >= 0 && ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0)
		(void)ioctl(c->master_fd, TIOCSWINSZ, &size);
}

void console_prepare(const struct console *c, struct pollfd *fds)
{
	bool pending = c->input_start < c->input_end;

	fds[0] = (struct pollfd){.fd = -1, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = c->master_fd, .events = POLLIN};
	if (c->master_fd < 0)
		return;
	if (pending)
		fds[1].events |= POLLOUT;
	else if (c->stdin_open)
		fds[0].fd = STDIN_FILENO;
}

static void read_input(struct console *c)
{
	ssize_t n = read(STDIN_FILENO, c->input, sizeof(c->input));

	c->input_start = 0;
	c->input_end = n > 0 ? (size_t)n : 0;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		/* A terminal has no end of file of its own; readers know this character as one. */
		c->stdin_open = false;
		c->input[0] = CEOF;
		c->input_end = 1;
	}
}

static void write_input(struct console *c)
{
	ssize_t n = write(c->master_fd, c->input + c->input_start, c->input_end - c->input_start);

	if (n > 0)
		c->input_start += (size_t)n;
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		c->input_start = c->input_end;
}

/* Copies one piece of output; false when there is none now, or none any more. */
static bool copy_output(struct console *c)
{
	char data[16384];
	ssize_t n = read(c->master_fd, data, sizeof(data));

	if (n > 0) {
		(void)fd_write_all(STDOUT_FILENO, data, (size_t)n);
		return true;
	}
	/* EIO: the last process that had the terminal open is gone. */
	if (n == 0 || (errno != EAGAIN && errno != EINTR))
		fd_close(&c->master_fd);
	return false;
}

void console_copy(struct console *c, const struct pollfd *fds)
{
	if (fds[0].revents)
		read_input(c);
	if (fds[1].revents & POLLOUT)
		write_input(c);
	if (fds[1].revents & (POLLIN | POLLHUP | POLLERR))
		(void)copy_output(c);
}

void console_drain(struct console *c)
{
	while (c->master_fd >= 0 && copy_output(c))
		;
}
