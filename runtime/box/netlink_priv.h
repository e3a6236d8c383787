/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests to rtnetlink, in memory of a fixed size: an attribute that would not fit
 * fails the request, so that no length can wrap into another attribute (CVE-2021-43784).
 */
#ifndef RUNTIME_BOX_NETLINK_PRIV_H
#define RUNTIME_BOX_NETLINK_PRIV_H

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETLINK_REQUEST_MAX 512

struct netlink_request {
	union {
		struct nlmsghdr head;
		char bytes[NETLINK_REQUEST_MAX];
	};
	bool overflow;
};

/* A request with `body` behind its head. */
void netlink_begin(struct netlink_request *r, uint16_t type, uint16_t flags, const void *body,
	size_t body_len);
void netlink_put(struct netlink_request *r, uint16_t type, const void *data, size_t len);

/* A socket in the caller's network namespace, or a negative errno. */
int netlink_open(void);

/* Sends it and waits for the kernel's word; 0 or a negative errno. */
int netlink_call(int fd, struct netlink_request *r);

/*
 * Sends it and hands each message of the answer to `each`, whose first negative result
 * is returned. `len` is that of the message behind its head.
 */
int netlink_dump(int fd, struct netlink_request *r,
	int (*each)(void *arg, uint16_t type, const void *body, size_t len), void *arg);

/* The attributes in the `len` bytes at `data`: the one of a type, NULL when there is none. */
const struct rtattr *netlink_find(const void *data, size_t len, uint16_t type);

#endif
