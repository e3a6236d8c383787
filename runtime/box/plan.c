/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes plans. The work is split by what it is about: namespaces, rootfs, devices and
 * paths here below in plan_sandbox.c, mounts in plan_mounts.c, the process in
 * plan_process.c. A plan for a clone is also kept in a sealed memfd; one for a child
 * of ours is simply there after the fork.
 */
#include <errno.h>
#include <linux/sched.h>
#include <sched.h>

#include "oci-spec/config.h"
#include "runtime/base/fd.h"
#include "runtime/box/cgroup.h"
#include "runtime/box/mounts.h"
#include "runtime/box/plan_build.h"

/* Namespaces that a process cannot be born with: they look at where their maker stands. */
#define NS_UNSHARED ((uint64_t)(CLONE_NEWCGROUP | CLONE_NEWTIME))

int plan_cgroups(struct builder *b)
{
	struct plan_head *head = &b->plan->head;
	_cleanup_buf_ struct buf list = BUF_INIT;
	const int *fds = NULL;
	size_t n = b->options->cgroup ? cgroup_attach_fds(b->options->cgroup, &fds) : 0;

	head->attach_v2 = head->stay_v2 = -1;
	b->plan->cgroup_fd = b->options->cgroup ? cgroup_v2_dirfd(b->options->cgroup) : -1;
	for (size_t i = 0; i < n; i++) {
		int32_t index = plan_put_fd(b, fds[i], false);

		if (index < 0)
			return index;
		if ((int)i == cgroup_attach_v2(b->options->cgroup))
			head->attach_v2 = index;
		buf_put(&list, &index, sizeof(index));
	}
	if (n > 0 && cgroup_stay_v2(b->options->cgroup) >= 0) {
		head->stay_v2 = plan_put_fd(b, cgroup_stay_v2(b->options->cgroup), false);
		if (head->stay_v2 < 0)
			return head->stay_v2;
	}
	if (buf_failed(&list))
		return err_oom(b->err);
	head->attach = plan_put_array(b, list.data, n, sizeof(int32_t));
	return 0;
}

/* What cannot be done by a process that is not our child, or not in our mount namespace. */
static const char *find_own_child_reason(const struct box_plan *p)
{
	if (p->head.flags & PLAN_ROOTLESS)
		return "no seed takes clones of an ordinary user";
	if (p->joined & CLONE_NEWUSER)
		return "it joins a user namespace by path";
	if (p->head.clone_flags & CLONE_NEWUSER && p->joined & ~(uint64_t)CLONE_NEWPID)
		return "it has a new user namespace and joins others by path";
	if (p->joined & CLONE_NEWNS)
		return "it joins a mount namespace by path";
	if (p->head.create_hooks.n)
		return "createContainer hooks look for the rootfs in the caller's mount namespace";
	if (!(p->head.flags & PLAN_NO_NEW_PRIVS) && p->head.seccomp.n &&
		p->head.flags & PLAN_WORKER)
		return "seccomp without noNewPrivileges needs an execve to drop privileges";
	if (p->n_fds > PLAN_FDS_CLONE_MAX)
		return "it has more mounts and descriptors than fit in a clone request";
	return NULL;
}

int plan_finish(struct builder *b)
{
	struct box_plan *p = b->plan;

	/* The NUL that plan_check() wants, and that ends a plan without strings. */
	buf_put(&p->bytes, "", 1);
	if (buf_failed(&p->bytes))
		return err_oom(b->err);
	if (p->bytes.len > PLAN_LEN_MAX)
		return plan_say(b, E2BIG, "the plan of the container is larger than %u bytes",
			PLAN_LEN_MAX);
	p->head.magic = PLAN_MAGIC;
	p->head.version = PLAN_VERSION;
	p->head.len = (uint32_t)p->bytes.len;
	p->head.n_fds = (uint32_t)p->n_fds;
	memcpy(p->bytes.data, &p->head, sizeof(p->head));
	p->own_child = find_own_child_reason(p);
	if (p->head.flags & PLAN_WORKER && !(p->head.flags & PLAN_JOIN)) {
		p->plan_fd = memfd_sealed("turf-plan", p->bytes.data, p->bytes.len, b->err);
		if (p->plan_fd < 0)
			return p->plan_fd;
	}
	return 0;
}

static int build(struct builder *b, UNUSED int pidfd)
{
	struct plan_head *head = &b->plan->head;
	const struct box_options *o = b->options;
	int r;

	(void)buf_extend(&b->plan->bytes, sizeof(*head));
	head->flags = (o->payload == BOX_PAYLOAD_WORKER ? PLAN_WORKER : 0) |
		      (o->no_pivot ? PLAN_NO_PIVOT : 0) | (o->no_new_keyring ? 0 : PLAN_KEYRING);
	head->id = plan_put_str(b, o->id);
	head->hostname = plan_put_str(b, o->config->hostname);
	head->domainname = plan_put_str(b, o->config->domainname);
	if (plan_namespaces(b) < 0 || plan_privileges(b) < 0 || plan_cgroups(b) < 0 ||
		plan_rootfs(b) < 0 || plan_devices(b) < 0 || plan_mounts(b) < 0 ||
		plan_paths(b) < 0 || plan_sysctls(b) < 0 || plan_process(b) < 0 ||
		plan_trees(b) < 0)
		return -b->err->code;
	r = o->gate_fd < 0 ? -1 : plan_put_fd(b, o->gate_fd, false);
	if (r < 0 && o->gate_fd >= 0)
		return r;
	head->gate_fd = r;
	head->unshare = (uint32_t)(head->clone_flags & NS_UNSHARED);
	head->clone_flags &= ~NS_UNSHARED;
	return plan_finish(b);
}

static int create(const struct box_options *options, int (*build_fn)(struct builder *b, int pidfd),
	int pidfd, struct box_plan **ret, struct buf *warnings, struct err *err)
{
	_cleanup_box_plan_ struct box_plan *p = NULL;
	struct builder b = {
		.options = options,
		.config = options->config,
		.warnings = warnings,
		.err = err,
		.idmap_fd = -1,
		.locked = PLAN_LOCKED_INIT,
	};
	int r;

	if (!options->config->process)
		return err_say(err, EINVAL, "process: missing");
	p = calloc(1, sizeof(*p));
	if (!p)
		return err_oom(err);
	p->plan_fd = p->pidns_fd = p->cgroup_fd = -1;
	b.plan = p;
	r = build_fn(&b, pidfd);
	fd_close(&b.idmap_fd);
	plan_locked_finish(&b.locked);
	buf_finish(&b.trees);
	if (r < 0)
		return r;
	*ret = take_ptr(&p);
	return 0;
}

int box_plan_create(const struct box_options *options, struct box_plan **ret, struct buf *warnings,
	struct err *err)
{
	return create(options, build, -1, ret, warnings, err);
}

int box_plan_join(const struct box_options *options, int pidfd, struct box_plan **ret,
	struct buf *warnings, struct err *err)
{
	return create(options, plan_join, pidfd, ret, warnings, err);
}

static int build_add(struct builder *b, int pidfd)
{
	return plan_join_to_mount(b, pidfd, true);
}

static int build_remove(struct builder *b, int pidfd)
{
	return plan_join_to_mount(b, pidfd, false);
}

int box_plan_mounts(const struct box_options *options, int pidfd, bool add, struct box_plan **ret,
	struct buf *warnings, struct err *err)
{
	return create(options, add ? build_add : build_remove, pidfd, ret, warnings, err);
}

void box_plan_destroy(struct box_plan *p)
{
	_cleanup_fd_batch_ struct fd_batch fds = {.n = 0};

	if (!p)
		return;
	for (size_t i = 0; i < p->n_fds; i++)
		if (p->owned[i])
			fd_batch_add(&fds, &p->fds[i]);
	fd_batch_add(&fds, &p->plan_fd);
	fd_batch_add(&fds, &p->pidns_fd);
	buf_finish(&p->bytes);
	free(p);
}

/* File systems that have no paths among their options, nor one as their source. */
static bool is_pathless(const char *fstype)
{
	static const char *const types[] = {
		"proc", "sysfs", "tmpfs", "devpts", "mqueue", "cgroup", "cgroup2"};

	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (streq(types[i], fstype))
			return true;
	return false;
}

bool plan_mounts_by_path(const struct plan_head *p)
{
	plan_each(struct plan_mount, m, p, p->mounts)
	{
		if (m->kind == PLAN_MOUNT_FS && !is_pathless(plan_str(p, m->fstype)))
			return true;
	}
	return false;
}

/*
 * Who makes a user namespace may mount a procfs where one can be seen already; an offset of
 * time is written in one.
 */
static bool sees_host(const struct plan_head *p)
{
	return !(p->flags & PLAN_MOUNT_NS) || p->clone_flags & CLONE_NEWUSER ||
	       p->unshare & CLONE_NEWTIME || plan_mounts_by_path(p);
}

void box_plan_call(const struct box_plan *p, struct box_call *ret)
{
	*ret = (struct box_call){
		.plan_fd = p->plan_fd,
		.plan_len = p->bytes.len,
		.fds = p->fds,
		.n_fds = p->n_fds,
		.clone_flags = p->head.clone_flags,
		.pidns_fd = p->pidns_fd,
		.cgroup_fd = p->cgroup_fd,
		.sees_host = sees_host((const void *)p->bytes.data),
	};
}

const char *box_plan_needs_own_child(const struct box_plan *p)
{
	return p->own_child;
}
