/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An interface keeps its properties when it changes its namespace, but not its
 * addresses: they are read before and set again behind. Done by the runtime, because
 * only it may take an interface away from the host.
 */
#include "runtime/box/net_devices.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <net/if.h>
#include <sched.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/box/netlink_priv.h"

#define ADDRESSES_MAX 256
#define ADDRESS_LEN   16 /* of IPv6 */
#define INDEX_TRIES   4096

struct address {
	uint8_t family, prefix;
	uint8_t len;
	bool has_local, has_broadcast;
	uint8_t address[ADDRESS_LEN], local[ADDRESS_LEN], broadcast[ADDRESS_LEN];
};

struct addresses {
	unsigned index; /* of the interface */
	size_t n;
	struct address list[ADDRESSES_MAX];
};

struct move {
	const char *name, *new_name;
	int here, there; /* netlink sockets */
	int netns_fd;
	unsigned index, new_index;
	struct addresses addresses;
};

static bool copy_attr(const struct rtattr *a, size_t len, uint8_t out[ADDRESS_LEN])
{
	if (!a || RTA_PAYLOAD(a) != len)
		return false;
	memcpy(out, RTA_DATA(a), len);
	return true;
}

static int on_address(void *arg, uint16_t type, const void *body, size_t len)
{
	struct addresses *all = arg;
	const struct ifaddrmsg *m = body;
	const size_t head = NLMSG_ALIGN(sizeof(*m));
	const char *attrs = (const char *)body + head;
	const struct rtattr *wide;
	struct address a;
	uint32_t flags;

	if (type != RTM_NEWADDR || len < head)
		return 0;
	len -= head;
	flags = m->ifa_flags;
	wide = netlink_find(attrs, len, IFA_FLAGS);
	if (wide && RTA_PAYLOAD(wide) == sizeof(flags))
		memcpy(&flags, RTA_DATA(wide), sizeof(flags));
	if (m->ifa_index != all->index || m->ifa_scope != RT_SCOPE_UNIVERSE ||
		!(flags & IFA_F_PERMANENT))
		return 0;
	a = (struct address){.family = m->ifa_family, .prefix = m->ifa_prefixlen};
	a.len = m->ifa_family == AF_INET ? 4 : ADDRESS_LEN;
	a.has_local = copy_attr(netlink_find(attrs, len, IFA_LOCAL), a.len, a.local);
	a.has_broadcast = copy_attr(netlink_find(attrs, len, IFA_BROADCAST), a.len, a.broadcast);
	if (!copy_attr(netlink_find(attrs, len, IFA_ADDRESS), a.len, a.address))
		return 0;
	if (all->n == ADDRESSES_MAX)
		return -E2BIG;
	all->list[all->n++] = a;
	return 0;
}

static int read_addresses(struct move *m, struct err *err)
{
	const struct ifaddrmsg body = {.ifa_family = AF_UNSPEC};
	struct netlink_request r;
	int rc;

	m->addresses.index = m->index;
	netlink_begin(&r, RTM_GETADDR, NLM_F_DUMP, &body, sizeof(body));
	rc = netlink_dump(m->here, &r, on_address, &m->addresses);
	if (rc == -E2BIG)
		return err_say(err, E2BIG, "more than %d addresses", ADDRESSES_MAX);
	return rc < 0 ? err_set(err, -rc, "read its addresses") : 0;
}

/* By name, or by index where there is none: 0, or -ENODEV. */
static int get_link(int fd, const char *name, unsigned index)
{
	const struct ifinfomsg body = {.ifi_family = AF_UNSPEC, .ifi_index = (int)index};
	struct netlink_request r;

	netlink_begin(&r, RTM_GETLINK, 0, &body, sizeof(body));
	if (name)
		netlink_put(&r, IFLA_IFNAME, name, strlen(name) + 1);
	return netlink_call(fd, &r);
}

/* What the kernel would refuse half-way is refused before anything moves. */
static int check_there(struct move *m, struct err *err)
{
	int rc = strchr(m->new_name, '%') ? -ENODEV : get_link(m->there, m->new_name, 0);

	if (rc == 0)
		return err_say(
			err, EEXIST, "the container has an interface '%s' already", m->new_name);
	/* The same number if it is free there, as the kernel does it. */
	m->new_index = m->index;
	for (int i = 0; rc == -ENODEV && i < INDEX_TRIES; i++, m->new_index++) {
		rc = get_link(m->there, NULL, m->new_index);
		if (rc == -ENODEV)
			return 0;
		rc = rc == 0 ? -ENODEV : rc;
	}
	return err_set(err, -rc, "look into the container's network namespace");
}

static int move_link(const struct move *m, struct err *err)
{
	const struct ifinfomsg body = {.ifi_family = AF_UNSPEC, .ifi_index = (int)m->index};
	struct netlink_request r;
	int rc;

	netlink_begin(&r, RTM_NEWLINK, 0, &body, sizeof(body));
	netlink_put(&r, IFLA_NET_NS_FD, &m->netns_fd, sizeof(m->netns_fd));
	netlink_put(&r, IFLA_IFNAME, m->new_name, strlen(m->new_name) + 1);
	if (m->new_index != m->index)
		netlink_put(&r, IFLA_NEW_IFINDEX, &m->new_index, sizeof(m->new_index));
	rc = netlink_call(m->here, &r);
	return rc < 0 ? err_set(err, -rc, "move it as '%s'", m->new_name) : 0;
}

static int put_address(const struct move *m, const struct address *a, struct err *err)
{
	const struct ifaddrmsg body = {
		.ifa_family = a->family,
		.ifa_prefixlen = a->prefix,
		.ifa_scope = RT_SCOPE_UNIVERSE,
		.ifa_flags = IFA_F_PERMANENT,
		.ifa_index = m->new_index,
	};
	struct netlink_request r;
	int rc;

	netlink_begin(&r, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &body, sizeof(body));
	netlink_put(&r, IFA_ADDRESS, a->address, a->len);
	if (a->has_local)
		netlink_put(&r, IFA_LOCAL, a->local, a->len);
	if (a->has_broadcast)
		netlink_put(&r, IFA_BROADCAST, a->broadcast, a->len);
	rc = netlink_call(m->there, &r);
	return rc < 0 ? err_set(err, -rc, "give it its addresses again") : 0;
}

static int set_up(const struct move *m, struct err *err)
{
	const struct ifinfomsg body = {
		.ifi_family = AF_UNSPEC,
		.ifi_index = (int)m->new_index,
		.ifi_flags = IFF_UP,
		.ifi_change = IFF_UP,
	};
	struct netlink_request r;
	int rc;

	netlink_begin(&r, RTM_NEWLINK, 0, &body, sizeof(body));
	rc = netlink_call(m->there, &r);
	return rc < 0 ? err_set(err, -rc, "set it up") : 0;
}

/* A socket stays in the namespace it was made in. */
static int open_there(int netns_fd, struct err *err)
{
	_cleanup_close_ int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int fd;

	if (own < 0 || setns(netns_fd, CLONE_NEWNET) < 0)
		return err_set(err, errno, "enter the container's network namespace");
	fd = netlink_open();
	if (setns(own, CLONE_NEWNET) < 0) {
		int code = errno;

		fd_close(&fd);
		return err_set(err, code, "return to the own network namespace");
	}
	return fd < 0 ? err_set(err, -fd, "open netlink") : fd;
}

static int move(struct move *m, struct err *err)
{
	m->index = if_nametoindex(m->name);
	if (m->index == 0)
		return err_set(err, errno, "find it");
	if (read_addresses(m, err) < 0 || check_there(m, err) < 0 || move_link(m, err) < 0)
		return -err->code;
	for (size_t i = 0; i < m->addresses.n; i++)
		if (put_address(m, &m->addresses.list[i], err) < 0)
			return -err->code;
	return set_up(m, err);
}

int net_device_move(const char *name, const char *new_name, int netns_fd, struct err *err)
{
	_cleanup_close_ int here = netlink_open();
	_cleanup_close_ int there = -1;
	struct move m = {.name = name, .new_name = new_name, .netns_fd = netns_fd};

	if (here < 0)
		return err_set(err, -here, "open netlink");
	there = open_there(netns_fd, err);
	if (there < 0)
		return there;
	m.here = here;
	m.there = there;
	return move(&m, err);
}
