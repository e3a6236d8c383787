/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing limits: what v1 and v2 have in common. cgroup_v1.c and cgroup_v2.c do
 * the rest.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>

#include "oci-spec/config.h"
#include "runtime/base/fd.h"
#include "runtime/box/cgroup_devices.h"
#include "runtime/box/cgroup_limits.h"
#include "runtime/box/cgroup_priv.h"

/* The directory for a field that is set. */
static int need_dir(struct cgroup *cg, const char *controller, const char *field,
	const struct cgroup_dir **ret, struct err *err)
{
	*ret = cgroup_dir_find(cg, controller);
	if (!*ret || (*ret)->fd < 0)
		return err_say(err, ENOTSUP,
			"linux.resources.%s: the container has no cgroup of the controller '%s'",
			field, controller);
	return 0;
}

static int apply_pids(struct cgroup *cg, const struct cgroup_limits *l, struct err *err)
{
	const struct cgroup_dir *dir;
	/* A limit of none at all would not let the container in; one is the least there is. */
	int64_t pids = l->pids == 0 ? 1 : l->pids;

	if (pids == LIMIT_UNSET)
		return 0;
	if (need_dir(cg, "pids", "pids", &dir, err) < 0)
		return -err->code;
	return cgroup_put_number(dir, "pids.max", pids, "max", "linux.resources.pids.limit", err);
}

static int apply_cpuset(struct cgroup *cg, const struct cgroup_limits *l, struct err *err)
{
	const struct cgroup_dir *dir;

	if (!cgroup_limits_has_cpuset(l))
		return 0;
	if (need_dir(cg, "cpuset", "cpu", &dir, err) < 0)
		return -err->code;
	if (l->cpuset.cpus &&
		cgroup_put(dir, "cpuset.cpus", l->cpuset.cpus, "linux.resources.cpu.cpus", err) < 0)
		return -err->code;
	if (l->cpuset.mems &&
		cgroup_put(dir, "cpuset.mems", l->cpuset.mems, "linux.resources.cpu.mems", err) < 0)
		return -err->code;
	return 0;
}

static int apply_block_io(struct cgroup *cg, const struct cgroup_limits *l, struct err *err)
{
	/* v1's name and v2's. */
	const char *name = cgroup_dir_find(cg, "blkio") ? "blkio" : "io";
	const struct cgroup_dir *dir;

	if (!cgroup_limits_has_block_io(l))
		return 0;
	if (need_dir(cg, name, "blockIO", &dir, err) < 0)
		return -err->code;
	return dir->ops->set_block_io(dir, l->block_io, err);
}

/* hugetlb.SIZE.max on v2; the reservation's limit came with Linux 5.7. */
static int put_hugepage(
	const struct cgroup_dir *dir, const struct oci_hugepage_limit *h, struct err *err)
{
	const char *field = "linux.resources.hugepageLimits";
	const char *suffix = dir->ops == &cgroup_ops_v2 ? "max" : "limit_in_bytes";
	char file[80], reserved[80], text[24];

	snprintf(file, sizeof(file), "hugetlb.%.20s.%s", h->page_size, suffix);
	snprintf(reserved, sizeof(reserved), "hugetlb.%.20s.rsvd.%s", h->page_size, suffix);
	snprintf(text, sizeof(text), "%" PRIu64, h->limit);
	if (!cgroup_has_file(dir, file)) {
		if (h->limit == 0)
			return 0;
		return err_say(
			err, ENOTSUP, "%s: this host has no pages of '%s'", field, h->page_size);
	}
	if (cgroup_put(dir, file, text, field, err) < 0)
		return -err->code;
	return cgroup_has_file(dir, reserved) ? cgroup_put(dir, reserved, text, field, err) : 0;
}

static int apply_hugepages(struct cgroup *cg, const struct cgroup_limits *l, struct err *err)
{
	const struct cgroup_dir *dir = cgroup_dir_find(cg, "hugetlb");

	if (!dir && !cgroup_limits_has_hugepages(l))
		return 0;
	if (need_dir(cg, "hugetlb", "hugepageLimits", &dir, err) < 0)
		return -err->code;
	for (size_t i = 0; i < l->n_hugepages; i++)
		if (put_hugepage(dir, &l->hugepages[i], err) < 0)
			return -err->code;
	return 0;
}

static int apply_network(struct cgroup *cg, const struct cgroup_limits *l, struct err *err)
{
	const struct cgroup_dir *dir;

	if (cgroup_limits_has_class_id(l) &&
		(need_dir(cg, "net_cls", "network.classID", &dir, err) < 0 ||
			cgroup_put_number(dir, "net_cls.classid", l->network->class_id.value, "",
				"linux.resources.network.classID", err) < 0))
		return -err->code;
	for (size_t i = 0; l->network && i < l->network->n_priorities; i++) {
		const struct oci_net_priority *p = &l->network->priorities[i];
		char text[16];

		snprintf(text, sizeof(text), "%" PRIu32, p->priority);
		if (need_dir(cg, "net_prio", "network.priorities", &dir, err) < 0 ||
			cgroup_put_line(dir, "net_prio.ifpriomap", p->name, text, "0",
				"linux.resources.network.priorities", err) < 0)
			return -err->code;
	}
	return 0;
}

static int apply_rdma(struct cgroup *cg, const struct cgroup_limits *l, struct err *err)
{
	const char *field = "linux.resources.rdma";
	const struct cgroup_dir *dir;

	for (size_t i = 0; i < l->n_rdma; i++) {
		const struct oci_rdma *r = &l->rdma[i];
		char text[64];
		int n = 0;

		if (r->hca_handles.set)
			n = snprintf(text, sizeof(text), "hca_handle=%" PRIu32 " ",
				r->hca_handles.value);
		if (r->hca_objects.set)
			snprintf(text + n, sizeof(text) - (size_t)n, "hca_object=%" PRIu32,
				r->hca_objects.value);
		if (need_dir(cg, "rdma", "rdma", &dir, err) < 0 ||
			cgroup_put_line(dir, "rdma.max", r->name, text,
				"hca_handle=max hca_object=max", field, err) < 0)
			return -err->code;
	}
	return 0;
}

/* What a container may be told of the files without a controller; others move or kill processes. */
static bool may_set(const char *file)
{
	static const char *const allowed[] = {
		"cgroup.max.depth", "cgroup.max.descendants", "cgroup.pressure"};

	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++)
		if (streq(file, allowed[i]))
			return true;
	return !str_after(file, "cgroup.");
}

int cgroup_check_unified(const struct cgroup_limits *l, struct err *err)
{
	for (size_t i = 0; i < l->n_unified; i++) {
		const char *file = l->unified[i].file;

		/* "memory.high" */
		if (strchr(file, '/') || *file == '.' || !strchr(file, '.'))
			return err_say(err, EINVAL,
				"linux.resources.unified: '%s' is no file of a cgroup", file);
		if (!may_set(file))
			return err_say(
				err, EINVAL, "linux.resources.unified: '%s' is no limit", file);
	}
	return 0;
}

static int apply_unified(struct cgroup *cg, const struct cgroup_limits *l, struct err *err)
{
	const char *field = "linux.resources.unified";
	const struct cgroup_dir *dir = cgroup_dir_v2(cg);

	if (l->n_unified > 0 && (!dir || dir->fd < 0))
		return err_say(err, ENOTSUP, "%s: the container has no cgroup of version 2", field);
	for (size_t i = 0; i < l->n_unified; i++) {
		if (!cgroup_has_file(dir, l->unified[i].file))
			return err_say(err, ENOTSUP, "%s: cgroup v2 of this host has no '%s'",
				field, l->unified[i].file);
		if (cgroup_put(dir, l->unified[i].file, l->unified[i].value, field, err) < 0)
			return -err->code;
	}
	return 0;
}

/*
 * An ordinary user's container can make no devices, and of the host's it can open those
 * that the user can.
 */
int cgroup_apply_devices(
	struct cgroup *cg, const struct cgroup_limits *l, bool rootless, struct err *err)
{
	const struct cgroup_dir *dir = cgroup_dir_find(cg, "devices");
	_cleanup_free_ struct device_rule *rules = NULL;
	size_t n;
	int r;

	/* Without any cgroup there was a warning already. */
	if (!dir)
		return 0;
	if (device_rules_with_default(l->devices, l->n_devices, &rules, &n, err) < 0)
		return -err->code;
	r = dir->ops->set_devices(dir, rules, n, err);
	return rootless && (r == -EPERM || r == -EACCES) ? 0 : r;
}

/*
 * Realtime on v1: a group can have no more than the one above it, and one that was made
 * on the way to the container's has nothing.
 */
static int raise_realtime(struct cgroup *cg, const struct cgroup_limits *l, struct err *err)
{
	for (size_t i = 0; i < cg->n_paths; i++) {
		const struct cgroup_path *p = &cg->paths[i];
		const char *suffix = strchrnul(p->controller, ':');
		_cleanup_free_ char *list =
			strndup(p->controller, (size_t)(suffix - p->controller));
		_cleanup_close_ int fd = -1;
		struct cgroup_dir above = {.path = (char *)p->path, .fd = -1};
		int64_t now;

		if (!list)
			return err_oom(err);
		if (!streq(suffix, ":parent") || !cgroup_list_has(list, "cpu"))
			continue;
		above.fd = fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return err_set(err, errno, "open cgroup '%s'", p->path);
		if (cgroup_get_number(&above, "cpu.rt_runtime_us", &now, err) < 0)
			return -err->code;
		if (now >= l->cpu.rt_runtime)
			continue;
		if (cgroup_put_number(&above, "cpu.rt_period_us", l->cpu.rt_period, "-1",
			    "linux.resources.cpu.realtimePeriod", err) < 0 ||
			cgroup_put_number(&above, "cpu.rt_runtime_us", l->cpu.rt_runtime, "-1",
				"linux.resources.cpu.realtimeRuntime", err) < 0)
			return -err->code;
	}
	return 0;
}

int cgroup_apply(struct cgroup *cg, const struct cgroup_limits *l, struct err *err)
{
	const struct cgroup_dir *dir;

	if (cgroup_limits_has_memory(l) && (need_dir(cg, "memory", "memory", &dir, err) < 0 ||
						   dir->ops->set_memory(dir, l, err) < 0))
		return -err->code;
	if (l->cpu.rt_runtime > 0 && raise_realtime(cg, l, err) < 0)
		return -err->code;
	if (cgroup_limits_has_cpu(l) &&
		(need_dir(cg, "cpu", "cpu", &dir, err) < 0 || dir->ops->set_cpu(dir, l, err) < 0))
		return -err->code;
	if (apply_cpuset(cg, l, err) < 0 || apply_pids(cg, l, err) < 0 ||
		apply_block_io(cg, l, err) < 0 || apply_hugepages(cg, l, err) < 0 ||
		apply_network(cg, l, err) < 0 || apply_rdma(cg, l, err) < 0)
		return -err->code;
	return apply_unified(cg, l, err);
}
