/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/box/netlink_priv.h"

/* The kernel's answers come in messages of at most this size. */
#define ANSWER_MAX 32768

void netlink_begin(
	struct netlink_request *r, uint16_t type, uint16_t flags, const void *body, size_t body_len)
{
	memset(r, 0, sizeof(*r));
	r->head.nlmsg_type = type;
	r->head.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	r->head.nlmsg_len = (uint32_t)NLMSG_LENGTH(body_len);
	memcpy(NLMSG_DATA(&r->head), body, body_len);
}

void netlink_put(struct netlink_request *r, uint16_t type, const void *data, size_t len)
{
	size_t at = NLMSG_ALIGN(r->head.nlmsg_len);
	struct rtattr a = {.rta_type = type};

	if (len > sizeof(r->bytes) || at + RTA_LENGTH(len) > sizeof(r->bytes)) {
		r->overflow = true;
		return;
	}
	a.rta_len = (unsigned short)RTA_LENGTH(len);
	memcpy(r->bytes + at, &a, sizeof(a));
	memcpy(r->bytes + at + RTA_LENGTH(0), data, len);
	r->head.nlmsg_len = (uint32_t)(at + a.rta_len);
}

int netlink_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);

	return fd < 0 ? -errno : fd;
}

static int send_request(int fd, const struct netlink_request *r)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};

	if (r->overflow)
		return -EMSGSIZE;
	if (sendto(fd, r->bytes, r->head.nlmsg_len, 0, (const struct sockaddr *)&kernel,
		    sizeof(kernel)) < 0)
		return -errno;
	return 0;
}

/* Only the kernel is believed: anybody may send to a netlink socket. */
static ssize_t receive(int fd, char *buf)
{
	for (;;) {
		struct sockaddr_nl from = {.nl_pid = 1};
		struct iovec iov = {buf, ANSWER_MAX};
		struct msghdr head = {.msg_name = &from,
			.msg_namelen = sizeof(from),
			.msg_iov = &iov,
			.msg_iovlen = 1};
		ssize_t n = recvmsg(fd, &head, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (head.msg_flags & MSG_TRUNC)
			return -EMSGSIZE;
		if (from.nl_pid == 0)
			return n;
	}
}

static int error_of(const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);

	return h->nlmsg_len < NLMSG_LENGTH(sizeof(*e)) ? -EPROTO : e->error;
}

int netlink_dump(int fd, struct netlink_request *r,
	int (*each)(void *arg, uint16_t type, const void *body, size_t len), void *arg)
{
	_Alignas(struct nlmsghdr) char buf[ANSWER_MAX];
	int rc = send_request(fd, r);

	if (rc < 0)
		return rc;
	for (;;) {
		ssize_t n = receive(fd, buf);
		const struct nlmsghdr *h = (const void *)buf;

		if (n < 0)
			return (int)n;
		for (size_t left = (size_t)n; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left)) {
			if (h->nlmsg_type == NLMSG_ERROR)
				return rc < 0 ? rc : error_of(h);
			if (h->nlmsg_type == NLMSG_DONE)
				return rc;
			/* The rest has to be read, or the next answer would begin with it. */
			if (rc == 0)
				rc = each(arg, h->nlmsg_type, NLMSG_DATA(h),
					h->nlmsg_len - NLMSG_HDRLEN);
		}
	}
}

static int ignore(void *arg, uint16_t type, const void *body, size_t len)
{
	return 0;
}

int netlink_call(int fd, struct netlink_request *r)
{
	r->head.nlmsg_flags |= NLM_F_ACK;
	return netlink_dump(fd, r, ignore, NULL);
}

const struct rtattr *netlink_find(const void *data, size_t len, uint16_t type)
{
	const struct rtattr *a = data;

	for (; RTA_OK(a, len); a = RTA_NEXT(a, len))
		if (a->rta_type == type)
			return a;
	return NULL;
}
