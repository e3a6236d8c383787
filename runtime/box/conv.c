/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/box/conv.h"

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "runtime/base/fd.h"

/* A message is sent without the unused rest of its text. */
#define CONV_LEN_MIN (offsetof(struct conv_msg, text) + 1)

union conv_control {
	struct cmsghdr align;
	char data[CMSG_SPACE(sizeof(int))];
};

int conv_send(int conn, const struct conv_msg *msg, int fd)
{
	union conv_control control = {.data = {0}};
	struct iovec iov = {(void *)(uintptr_t)msg, CONV_LEN_MIN + strlen(msg->text)};
	struct msghdr head = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (fd >= 0) {
		head.msg_control = control.data;
		head.msg_controllen = sizeof(control.data);
		control.align = (struct cmsghdr){
			.cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS,
		};
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
	}
	do
		n = sendmsg(conn, &head, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int conv_say(int conn, enum conv_type type, uint32_t value)
{
	struct conv_msg msg = {.type = type, .value = value};

	return conv_send(conn, &msg, -1);
}

int conv_error(int conn, const struct err *why)
{
	struct conv_msg msg = {.type = CONV_ERROR, .value = (uint32_t)why->code};

	memcpy(msg.text, why->msg, sizeof(msg.text));
	msg.text[sizeof(msg.text) - 1] = '\0';
	return conv_send(conn, &msg, -1);
}

static int control_fd(struct msghdr *head)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(head);
	int fd = -1;

	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
		c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	return fd;
}

int conv_recv(int conn, struct conv_msg *ret, int *ret_fd)
{
	union conv_control control = {.data = {0}};
	struct iovec iov = {ret, sizeof(*ret)};
	struct msghdr head = {.msg_iov = &iov, .msg_iovlen = 1};
	_cleanup_close_ int fd = -1;
	ssize_t n;

	/* Without room for it the kernel never makes a descriptor. */
	if (ret_fd) {
		head.msg_control = control.data;
		head.msg_controllen = sizeof(control.data);
	}
	do
		n = recvmsg(conn, &head, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	if (ret_fd)
		fd = control_fd(&head);
	if (n == 0)
		return 0;
	if ((size_t)n < CONV_LEN_MIN || head.msg_flags & MSG_TRUNC || ((char *)ret)[n - 1] != '\0')
		return -EPROTO;
	if (ret_fd)
		*ret_fd = take_fd(&fd);
	return 1;
}

int conv_failed(const struct conv_msg *msg, struct err *err)
{
	return err_say(
		err, msg->value && msg->value < 4096 ? (int)msg->value : EPROTO, "%s", msg->text);
}

int conv_expect(int conn, enum conv_type type, struct conv_msg *ret, int *ret_fd, struct err *err)
{
	int r = conv_recv(conn, ret, ret_fd);

	if (r == 0)
		return err_say(err, EPIPE, "the other side of the conversation is gone");
	if (r < 0)
		return err_set(err, -r, "receive from the other side");
	if (ret->type == CONV_ERROR)
		return conv_failed(ret, err);
	if (ret->type != type)
		return err_say(err, EPROTO, "unexpected message %u instead of %u", ret->type, type);
	return 0;
}
