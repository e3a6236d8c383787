/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.namespaces, id maps and time offsets. What the config leaves out is the
 * caller's own; a child of ours is there already, a clone of a seed may have to join.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/box/plan_build.h"

struct ns_kind {
	int type;
	const char *word; /* of the config */
	const char *own;  /* the caller's, as its children get it */
};

/* In the order of joining: a user namespace takes away the right to join the others. */
static const struct ns_kind kinds[] = {
	{CLONE_NEWPID, "pid", "/proc/self/ns/pid_for_children"},
	{CLONE_NEWCGROUP, "cgroup", "/proc/self/ns/cgroup"},
	{CLONE_NEWIPC, "ipc", "/proc/self/ns/ipc"},
	{CLONE_NEWUTS, "uts", "/proc/self/ns/uts"},
	{CLONE_NEWNET, "network", "/proc/self/ns/net"},
	{CLONE_NEWTIME, "time", "/proc/self/ns/time_for_children"},
	{CLONE_NEWNS, "mount", "/proc/self/ns/mnt"},
	{CLONE_NEWUSER, "user", "/proc/self/ns/user"},
};

/* A path of the config must be a namespace of the kind that it says. */
static int open_named(struct builder *b, const struct ns_kind *kind, const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int type;

	if (fd < 0)
		return plan_error(b, errno, "linux.namespaces: %s: open '%s'", kind->word, path);
	type = ioctl(fd, NS_GET_NSTYPE);
	if (type < 0)
		return plan_say(b, EINVAL, "linux.namespaces: %s: '%s' is not a namespace",
			kind->word, path);
	if (type != kind->type)
		return plan_say(b, EINVAL,
			"linux.namespaces: %s: '%s' is a namespace of another kind", kind->word,
			path);
	return take_fd(&fd);
}

static int put_ns(
	struct builder *b, struct buf *list, const struct ns_kind *kind, int fd, bool named)
{
	struct plan_ns ns = {.type = (uint32_t)kind->type, .named = named};
	struct stat st;

	if (fstat(fd, &st) < 0) {
		int code = errno;

		fd_close(&fd);
		return plan_error(b, code, "stat the %s namespace", kind->word);
	}
	ns.dev = st.st_dev;
	ns.ino = st.st_ino;
	if (kind->type == CLONE_NEWUSER)
		b->plan->user_ns = st.st_ino;
	ns.fd = plan_put_fd(b, fd, true);
	if (ns.fd < 0)
		return ns.fd;
	buf_put(list, &ns, sizeof(ns));
	return 0;
}

static int find_own_user(struct builder *b)
{
	struct stat st;

	if (stat("/proc/self/ns/user", &st) < 0)
		return plan_error(b, errno, "stat '/proc/self/ns/user'");
	b->plan->user_ns = st.st_ino;
	return 0;
}

static int plan_one(struct builder *b, struct buf *list, const struct ns_kind *kind)
{
	const struct oci_namespace *ns = oci_config_namespace(b->config, kind->type);
	struct box_plan *p = b->plan;
	int fd;

	if (kind->type == CLONE_NEWUSER && !ns && find_own_user(b) < 0)
		return -b->err->code;
	if (ns && !ns->path) {
		p->head.clone_flags |= (uint64_t)kind->type;
		return 0;
	}
	if (ns) {
		p->joined |= (uint64_t)kind->type;
		fd = open_named(b, kind, ns->path);
	} else if (p->head.flags & PLAN_WORKER) {
		fd = open(kind->own, O_RDONLY | O_CLOEXEC);
		if (fd < 0 && errno == ENOENT) /* this kernel has no such thing */
			return 0;
		if (fd < 0)
			return plan_error(b, errno, "open '%s'", kind->own);
	} else {
		return 0;
	}
	if (fd < 0)
		return fd;
	if (kind->type == CLONE_NEWPID) {
		p->pidns_fd = fd;
		return 0;
	}
	return put_ns(b, list, kind, fd, ns != NULL);
}

static struct plan_array put_map(struct builder *b, const struct oci_id_mapping *list, size_t n)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		struct plan_id_map m = {
			.inside = list[i].container_id,
			.outside = list[i].host_id,
			.size = list[i].size,
		};

		buf_put(&out, &m, sizeof(m));
	}
	if (buf_failed(&out))
		b->plan->bytes.failed = true;
	return plan_put_array(b, out.data, buf_failed(&out) ? 0 : n, sizeof(struct plan_id_map));
}

static int plan_id_maps(struct builder *b)
{
	const struct oci_linux *l = b->config->linux_;
	struct plan_head *head = &b->plan->head;

	if (!(head->clone_flags & CLONE_NEWUSER)) {
		if (l && (l->n_uid_mappings || l->n_gid_mappings) &&
			!(b->plan->joined & CLONE_NEWUSER))
			return plan_say(b, EINVAL,
				"linux.uidMappings: there is no user namespace to map ids in");
		return 0;
	}
	if (!l->n_uid_mappings || !l->n_gid_mappings)
		return plan_say(b, EINVAL, "linux.%s: missing for a new user namespace",
			l->n_uid_mappings ? "gidMappings" : "uidMappings");
	head->uid_map = put_map(b, l->uid_mappings, l->n_uid_mappings);
	head->gid_map = put_map(b, l->gid_mappings, l->n_gid_mappings);
	/* Who is not root may map the own group alone, and only after giving up setgroups(2). */
	if (geteuid() != 0 && l->n_gid_mappings == 1 && l->gid_mappings[0].size == 1 &&
		l->gid_mappings[0].host_id == getegid())
		head->flags |= PLAN_GROUPS_KEEP;
	if (head->flags & PLAN_GROUPS_KEEP && b->config->process->user.n_additional_gids)
		return plan_say(b, EPERM,
			"process.user.additionalGids: only with more than one group in "
			"linux.gidMappings");
	return 0;
}

static int plan_time(struct builder *b)
{
	const struct oci_time_offsets *t =
		b->config->linux_ ? b->config->linux_->time_offsets : NULL;
	struct plan_head *head = &b->plan->head;

	if (!t)
		return 0;
	if (!(head->clone_flags & CLONE_NEWTIME))
		return plan_say(b, EINVAL, "linux.timeOffsets: there is no new time namespace");
	if (t->monotonic) {
		head->time_monotonic_s = t->monotonic->secs;
		head->time_monotonic_ns = t->monotonic->nanosecs;
	}
	if (t->boottime) {
		head->time_boottime_s = t->boottime->secs;
		head->time_boottime_ns = t->boottime->nanosecs;
	}
	return 0;
}

static int plan_net_devices(struct builder *b)
{
	const struct oci_linux *l = b->config->linux_;
	_cleanup_buf_ struct buf list = BUF_INIT;

	if (!l || !l->n_net_devices)
		return 0;
	if (!plan_has_namespace(b, CLONE_NEWNET))
		return plan_say(b, EINVAL,
			"linux.netDevices: there is no network namespace of the container's");
	for (size_t i = 0; i < l->n_net_devices; i++) {
		const struct oci_net_device *d = &l->net_devices[i];
		const struct plan_net_device out = {
			plan_put_str(b, d->name), plan_put_str(b, d->new_name ?: d->name)};

		buf_put(&list, &out, sizeof(out));
	}
	if (buf_failed(&list))
		return err_oom(b->err);
	b->plan->head.net_devices =
		plan_put_array(b, list.data, l->n_net_devices, sizeof(struct plan_net_device));
	return 0;
}

bool plan_has_namespace(const struct builder *b, int type)
{
	return (b->plan->head.clone_flags | b->plan->head.unshare | b->plan->joined) &
	       (uint64_t)type;
}

int plan_namespaces(struct builder *b)
{
	_cleanup_buf_ struct buf list = BUF_INIT;
	struct plan_head *head = &b->plan->head;

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		int r = plan_one(b, &list, &kinds[i]);

		if (r < 0)
			return r;
	}
	if (buf_failed(&list))
		return err_oom(b->err);
	head->ns = plan_put_array(
		b, list.data, list.len / sizeof(struct plan_ns), sizeof(struct plan_ns));
	if (head->clone_flags & CLONE_NEWNS)
		head->flags |= PLAN_MOUNT_NS;
	if ((head->hostname || head->domainname) && !plan_has_namespace(b, CLONE_NEWUTS))
		return plan_say(b, EINVAL, "%s: there is no UTS namespace of the container's",
			head->hostname ? "hostname" : "domainname");
	if (plan_id_maps(b) < 0 || plan_net_devices(b) < 0)
		return -b->err->code;
	return plan_time(b);
}
