/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/console.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/fd.h"

/* Names that a runtime sends along with the terminal. */
#define NAME_MAX_SENT 4096

int console_listen(const char *dir, char **ret_path, struct err *err)
{
	static unsigned n;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int len;

	if (fd < 0)
		return err_set(err, errno, "make a socket for the console");
	len = snprintf(address.sun_path, sizeof(address.sun_path), "%s/console-%d-%u", dir,
		(int)getpid(), n++);
	if (len < 0 || (size_t)len >= sizeof(address.sun_path))
		return err_say(err, ENAMETOOLONG, "the path of sockets '%s' is too long", dir);
	unlink(address.sun_path);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 1) < 0)
		return err_set(err, errno, "listen on '%s'", address.sun_path);
	*ret_path = strdup(address.sun_path);
	if (!*ret_path) {
		unlink(address.sun_path);
		return err_oom(err);
	}
	return take_fd(&fd);
}

int console_receive(int listening, struct err *err)
{
	_cleanup_close_ int conn = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	char name[NAME_MAX_SENT];
	struct iovec part = {name, sizeof(name)};
	/* Room for one descriptor and not, as padding would allow, for two. */
	struct msghdr m = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = CMSG_LEN(sizeof(int))};
	struct cmsghdr *c;
	int fd;

	if (conn < 0)
		return err_set(err, errno, "the runtime has sent no terminal: accept");
	if (recvmsg(conn, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT) < 0)
		return err_set(err, errno, "receive the terminal");
	c = CMSG_FIRSTHDR(&m);
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
		c->cmsg_len != CMSG_LEN(sizeof(int)))
		return err_say(err, EPROTO, "the runtime has sent something else than a terminal");
	memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	if (!isatty(fd)) {
		close(fd);
		return err_say(err, EPROTO, "the runtime has sent something else than a terminal");
	}
	return fd;
}
