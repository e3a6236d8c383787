/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writing limits: what v1 and v2 have in common. cgroup_v1.c and cgroup_v2.c do
 * the rest.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "runtime/base/fd.h"
#include "runtime/box/cgroup_devices.h"
#include "runtime/box/cgroup_limits.h"
#include "runtime/box/cgroup_priv.h"

int cgroup_put_number(const struct cgroup_dir *dir, const char *file, int64_t value,
	const char *none, const char *field, struct err *err)
{
	char text[24];

	if (value == LIMIT_UNSET)
		return 0;
	snprintf(text, sizeof(text), "%" PRId64, value);
	if (file_put(dir->fd, file, value == LIMIT_NONE ? none : text, err) < 0)
		return err_wrap(err, "%s: cgroup '%s'", field, dir->path);
	return 0;
}

int cgroup_get_number(const struct cgroup_dir *dir, const char *file, int64_t *ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	uint64_t value;
	size_t len;

	if (file_read(dir->fd, file, 4096, &text, &len, err) < 0)
		return err_wrap(err, "cgroup '%s'", dir->path);
	if (str_after(text, "max")) {
		*ret = INT64_MAX;
		return 0;
	}
	if (sscanf(text, "%" SCNu64, &value) != 1)
		return err_say(err, EPROTO, "cgroup '%s': '%s' is not a number but '%.40s'",
			dir->path, file, text);
	*ret = value > INT64_MAX ? INT64_MAX : (int64_t)value;
	return 0;
}

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
	if (l->cpuset.cpus && file_put(dir->fd, "cpuset.cpus", l->cpuset.cpus, err) < 0)
		return err_wrap(err, "linux.resources.cpu.cpus");
	if (l->cpuset.mems && file_put(dir->fd, "cpuset.mems", l->cpuset.mems, err) < 0)
		return err_wrap(err, "linux.resources.cpu.mems");
	return 0;
}

static int apply_unified(struct cgroup *cg, const struct cgroup_limits *l, struct err *err)
{
	const struct cgroup_dir *dir = cgroup_dir_v2(cg);

	if (l->n_unified > 0 && !dir)
		return err_say(err, ENOTSUP,
			"linux.resources.unified: the container has no cgroup of version 2");
	for (size_t i = 0; i < l->n_unified; i++)
		if (file_put(dir->fd, l->unified[i].file, l->unified[i].value, err) < 0)
			return err_wrap(err, "linux.resources.unified");
	return 0;
}

int cgroup_apply_devices(struct cgroup *cg, const struct cgroup_limits *l, struct err *err)
{
	const struct cgroup_dir *dir = cgroup_dir_find(cg, "devices");
	_cleanup_free_ struct device_rule *rules = NULL;
	size_t n = l->n_devices + device_rules_default_n;

	/* Without any cgroup there was a warning already. */
	if (!dir)
		return 0;
	rules = calloc(n, sizeof(*rules));
	if (!rules)
		return err_oom(err);
	if (l->n_devices)
		memcpy(rules, l->devices, l->n_devices * sizeof(*rules));
	memcpy(rules + l->n_devices, device_rules_default, device_rules_default_n * sizeof(*rules));
	return dir->ops->set_devices(dir, rules, n, err);
}

int cgroup_apply(struct cgroup *cg, const struct cgroup_limits *l, struct err *err)
{
	const struct cgroup_dir *dir;

	if (cgroup_limits_has_memory(l) && (need_dir(cg, "memory", "memory", &dir, err) < 0 ||
						   dir->ops->set_memory(dir, l, err) < 0))
		return -err->code;
	if (cgroup_limits_has_cpu(l) &&
		(need_dir(cg, "cpu", "cpu", &dir, err) < 0 || dir->ops->set_cpu(dir, l, err) < 0))
		return -err->code;
	if (apply_cpuset(cg, l, err) < 0 || apply_pids(cg, l, err) < 0)
		return -err->code;
	return apply_unified(cg, l, err);
}
