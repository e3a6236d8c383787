/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Control groups and namespaces. Groups come first, because the root of a new cgroup
 * namespace is where its maker is. Namespaces of others are joined before a user
 * namespace is, while we still may.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/box/conv.h"
#include "runtime/box/enter_priv.h"

static const char *ns_file(uint32_t type)
{
	switch (type) {
	case CLONE_NEWNS: return "mnt";
	case CLONE_NEWUTS: return "uts";
	case CLONE_NEWIPC: return "ipc";
	case CLONE_NEWNET: return "net";
	case CLONE_NEWUSER: return "user";
	case CLONE_NEWCGROUP: return "cgroup";
	case CLONE_NEWTIME: return "time";
	case CLONE_NEWPID: return "pid";
	default: return "?";
	}
}

/* A process of one thread may stay where it is without anybody's lock, but not go elsewhere. */
static bool is_in_v2(const struct enter *e)
{
	const int32_t stay = e->plan->stay_v2;

	return e->in_cgroup || (stay >= 0 && write(e->fds[stay], "0", 1) == 1);
}

int enter_attach_cgroups(struct enter *e, struct err *err)
{
	const struct plan_head *p = e->plan;

	plan_each(int32_t, index, p, p->attach)
	{
		bool needless = *index == p->attach_v2 && is_in_v2(e);

		if (!needless && write(e->fds[*index], "0", 1) < 0)
			return err_set(err, errno, "join the cgroup");
		fd_batch_add(&e->done, &e->fds[*index]);
	}
	if (p->stay_v2 >= 0)
		fd_batch_add(&e->done, &e->fds[p->stay_v2]);
	return 0;
}

static bool stat_own(uint32_t type, struct stat *ret)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/ns/%s", ns_file(type));
	return stat(path, ret) == 0;
}

/* Those of the process that its clones have with it; st_ino 0: not known. */
static struct {
	uint32_t type;
	struct stat st;
} remembered[] = {{CLONE_NEWNS, {0}}, {CLONE_NEWUTS, {0}}, {CLONE_NEWIPC, {0}}, {CLONE_NEWNET, {0}},
	{CLONE_NEWUSER, {0}}, {CLONE_NEWCGROUP, {0}}, {CLONE_NEWTIME, {0}}, {CLONE_NEWPID, {0}}};

void box_remember_namespaces(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(remembered); i++)
		if (!stat_own(remembered[i].type, &remembered[i].st))
			remembered[i].st = (struct stat){0};
}

static bool find_own(uint32_t type, struct stat *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(remembered); i++)
		if (remembered[i].type == type && remembered[i].st.st_ino != 0) {
			*ret = remembered[i].st;
			return true;
		}
	return stat_own(type, ret);
}

/* Joining the user namespace one is in already is an error; the others only cost time. */
static bool is_in(const struct plan_ns *ns)
{
	struct stat st;

	return find_own(ns->type, &st) && st.st_dev == ns->dev && st.st_ino == ns->ino;
}

static int join_all(struct enter *e, struct err *err)
{
	const struct plan_head *p = e->plan;

	plan_each(struct plan_ns, ns, p, p->ns)
	{
		int fd = e->fds[ns->fd];
		bool skip = ns->type == CLONE_NEWPID || e->joined || (!ns->named && e->own);

		if (!skip && !is_in(ns) && setns(fd, (int)ns->type) < 0)
			return err_set(err, errno, "join the %s %s namespace",
				ns->named ? "named" : "caller's", ns_file(ns->type));
		fd_close(&e->fds[ns->fd]);
	}
	return 0;
}

/* The ids the process is to have at first: root of the namespace, or all it has. */
static int become_mapped(const struct plan_head *p, struct err *err)
{
	uid_t uid = p->uid;
	gid_t gid = p->gid;

	plan_each(struct plan_id_map, m, p, p->uid_map) if (m->inside == 0) uid = 0;
	plan_each(struct plan_id_map, m, p, p->gid_map) if (m->inside == 0) gid = 0;
	if (setresgid(gid, gid, gid) < 0)
		return err_set(err, errno, "take gid %u in the user namespace", gid);
	if (!(p->flags & PLAN_GROUPS_KEEP) && setgroups(0, NULL) < 0)
		return err_set(err, errno, "drop the groups in the user namespace");
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0 || setresuid(uid, uid, uid) < 0)
		return err_set(err, errno, "take uid %u in the user namespace", uid);
	return 0;
}

static int write_offsets(const struct plan_head *p, struct err *err)
{
	_cleanup_close_ int fd = -1;
	char text[128];
	int n = snprintf(text, sizeof(text), "monotonic %lld %u\nboottime %lld %u\n",
		(long long)p->time_monotonic_s, p->time_monotonic_ns, (long long)p->time_boottime_s,
		p->time_boottime_ns);
	int saved;

	/*
	 * In a user namespace the file belongs to a root that is not ours while we are
	 * not dumpable. There is nobody in the new namespace to profit from it.
	 */
	if (p->clone_flags & CLONE_NEWUSER)
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	saved = errno;
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (fd < 0)
		return err_set(err, saved, "linux.timeOffsets: open /proc/self/timens_offsets");
	if (write(fd, text, (size_t)n) < 0)
		return err_set(err, errno, "linux.timeOffsets");
	return 0;
}

/* unshare() makes it for children; the process itself goes in by setns(). */
static int new_time_namespace(const struct plan_head *p, struct err *err)
{
	_cleanup_close_ int fd = -1;

	if (unshare(CLONE_NEWTIME) < 0)
		return err_set(err, errno, "make a time namespace");
	if ((p->time_monotonic_s || p->time_monotonic_ns || p->time_boottime_s ||
		    p->time_boottime_ns) &&
		write_offsets(p, err) < 0)
		return -err->code;
	fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "open the time namespace");
	if (setns(fd, CLONE_NEWTIME) < 0)
		return err_set(err, errno, "enter the time namespace");
	return 0;
}

/* 127.0.0.1 is expected to work, and who has no CAP_NET_ADMIN inside cannot see to it. */
static int loopback_up(struct err *err)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0)
		return err_set(err, errno, "set up the loopback interface");
	return 0;
}

int enter_namespaces(struct enter *e, struct err *err)
{
	const struct plan_head *p = e->plan;
	struct conv_msg msg;

	if (e->missing && unshare((int)e->missing) < 0)
		return err_set(err, errno, "make the namespaces");
	if (join_all(e, err) < 0)
		return -err->code;
	if (p->clone_flags & CLONE_NEWUSER) {
		if (conv_expect(e->conn, CONV_MAPPED, &msg, NULL, err) < 0 ||
			become_mapped(p, err) < 0)
			return -err->code;
	}
	if (p->flags & PLAN_ROOTLESS)
		(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	if (p->clone_flags & CLONE_NEWNET && loopback_up(err) < 0)
		return -err->code;
	if (p->net_devices.n) {
		int r = conv_say(e->conn, CONV_NET_WANTED, 0);

		if (r < 0)
			return err_set(err, -r, "ask for the network interfaces");
		if (conv_expect(e->conn, CONV_NET_DONE, &msg, NULL, err) < 0)
			return -err->code;
	}
	if (p->unshare & CLONE_NEWCGROUP && unshare(CLONE_NEWCGROUP) < 0)
		return err_set(err, errno, "make a cgroup namespace");
	if (p->unshare & CLONE_NEWTIME)
		return new_time_namespace(p, err);
	return 0;
}
