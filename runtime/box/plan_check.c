/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan that arrives on a socket is believed only after this. Part of the child's
 * half: no allocation.
 */
#include <errno.h>
#include <linux/sched.h>
#include <sys/resource.h>

#include "runtime/box/plan_priv.h"

struct checker {
	const struct plan_head *p;
	struct err *err;
};

static int bad(const struct checker *c, const char *what)
{
	return err_say(c->err, EBADMSG, "damaged plan: %s", what);
}

static int check_array(
	const struct checker *c, const char *what, struct plan_array a, size_t size, size_t align)
{
	if (a.n == 0)
		return 0;
	if (a.off < sizeof(*c->p) || a.off % align || a.off > c->p->len ||
		a.n > (c->p->len - a.off) / size)
		return bad(c, what);
	return 0;
}

/* The plan ends in NUL, so a string that starts inside ends inside. */
static int check_str(const struct checker *c, const char *what, uint32_t off, bool needed)
{
	if (off == 0 && !needed)
		return 0;
	return off < sizeof(*c->p) || off >= c->p->len ? bad(c, what) : 0;
}

static int check_fd(const struct checker *c, const char *what, int32_t fd, bool needed)
{
	if (fd == -1 && !needed)
		return 0;
	if (fd >= PLAN_FDS_MAX - (int32_t)c->p->trees.n && fd < PLAN_FDS_MAX)
		return 0;
	return fd < 0 || (uint32_t)fd >= c->p->n_fds ? bad(c, what) : 0;
}

static int check_strs(const struct checker *c, const char *what, struct plan_array a)
{
	if (check_array(c, what, a, sizeof(uint32_t), sizeof(uint32_t)) < 0)
		return -EBADMSG;
	plan_each(uint32_t, s, c->p, a) if (check_str(c, what, *s, true) < 0) return -EBADMSG;
	return 0;
}

static int check_fds(const struct checker *c, const char *what, struct plan_array a, bool needed)
{
	if (check_array(c, what, a, sizeof(int32_t), sizeof(int32_t)) < 0)
		return -EBADMSG;
	plan_each(int32_t, fd, c->p, a) if (check_fd(c, what, *fd, needed) < 0) return -EBADMSG;
	return 0;
}

#define CHECK_ARRAY(c, T, name) check_array((c), #name, (c)->p->name, sizeof(T), _Alignof(T))

static int check_mounts(const struct checker *c)
{
	if (CHECK_ARRAY(c, struct plan_mount, mounts) < 0)
		return -EBADMSG;
	plan_each(struct plan_mount, m, c->p, c->p->mounts)
	{
		if (m->kind < PLAN_MOUNT_FS || m->kind > PLAN_MOUNT_SYMLINK ||
			m->flags & ~PLAN_MOUNT_FLAGS_ALL)
			return bad(c, "mounts: kind");
		if (check_str(c, "mounts: dest", m->dest, true) < 0 ||
			check_str(c, "mounts: where", m->where, true) < 0 ||
			check_str(c, "mounts: fstype", m->fstype, m->kind == PLAN_MOUNT_FS) < 0 ||
			check_str(c, "mounts: source", m->source, m->kind == PLAN_MOUNT_SYMLINK) <
				0 ||
			check_fd(c, "mounts: fd", m->fd, m->kind == PLAN_MOUNT_TREE) < 0 ||
			check_array(c, "mounts: params", m->params, sizeof(struct plan_param),
				_Alignof(struct plan_param)) < 0 ||
			check_array(c, "mounts: propagation", m->propagation, sizeof(uint32_t),
				_Alignof(uint32_t)) < 0)
			return -EBADMSG;
		plan_each(struct plan_param, kv, c->p,
			m->params) if (check_str(c, "mounts: params", kv->key, true) < 0 ||
				       check_str(c, "mounts: params", kv->value, false) <
					       0) return -EBADMSG;
	}
	return 0;
}

static int check_trees(const struct checker *c)
{
	if (CHECK_ARRAY(c, struct plan_tree, trees) < 0)
		return -EBADMSG;
	if (c->p->trees.n > PLAN_TREES_MAX || c->p->trees.n + c->p->n_fds > PLAN_FDS_MAX)
		return bad(c, "trees");
	plan_each(struct plan_tree, t, c->p,
		c->p->trees) if (check_str(c, "trees", t->path, true) < 0 ||
				 check_array(c, "trees", t->attrs, sizeof(struct plan_attr),
					 _Alignof(struct plan_attr)) < 0) return -EBADMSG;
	return 0;
}

static int check_hooks(const struct checker *c, const char *what, struct plan_array hooks)
{
	if (check_array(c, what, hooks, sizeof(struct plan_hook), _Alignof(struct plan_hook)) < 0)
		return -EBADMSG;
	plan_each(struct plan_hook, h, c->p,
		hooks) if (check_str(c, what, h->path, true) < 0 ||
			   check_strs(c, what, h->argv) < 0 ||
			   check_strs(c, what, h->envp) < 0) return -EBADMSG;
	return 0;
}

static int check_sandbox(const struct checker *c)
{
	const struct plan_head *p = c->p;

	if (CHECK_ARRAY(c, struct plan_ns, ns) < 0)
		return -EBADMSG;
	plan_each(struct plan_ns, ns, p,
		p->ns) if (check_fd(c, "ns", ns->fd, true) < 0) return -EBADMSG;
	if (CHECK_ARRAY(c, struct plan_id_map, uid_map) < 0 ||
		CHECK_ARRAY(c, struct plan_id_map, gid_map) < 0 ||
		check_fds(c, "attach", p->attach, true) < 0 ||
		check_fd(c, "attach_v2", p->attach_v2, false) < 0 ||
		check_fd(c, "stay_v2", p->stay_v2, false) < 0 ||
		check_fd(c, "root_fd", p->root_fd, true) < 0 ||
		check_str(c, "root_path", p->root_path, true) < 0 ||
		check_str(c, "root_attach", p->root_attach, true) < 0 ||
		check_fd(c, "null_fd", p->null_fd, p->masked.n > 0) < 0 || check_mounts(c) < 0 ||
		check_strs(c, "masked", p->masked) < 0 ||
		check_strs(c, "readonly", p->readonly) < 0)
		return -EBADMSG;
	if (CHECK_ARRAY(c, struct plan_device, devices) < 0 ||
		CHECK_ARRAY(c, struct plan_sysctl, sysctl) < 0)
		return -EBADMSG;
	plan_each(struct plan_device, d, p,
		p->devices) if (check_str(c, "devices", d->path, true) < 0 ||
				check_fd(c, "devices", d->fd, p->flags & PLAN_DEV_BIND) <
					0) return -EBADMSG;
	plan_each(struct plan_sysctl, s, p,
		p->sysctl) if (check_str(c, "sysctl", s->name, true) < 0 ||
			       check_str(c, "sysctl", s->value, true) < 0) return -EBADMSG;
	if (CHECK_ARRAY(c, struct plan_net_device, net_devices) < 0)
		return -EBADMSG;
	plan_each(struct plan_net_device, n, p,
		p->net_devices) if (check_str(c, "net_devices", n->name, true) < 0 ||
				    check_str(c, "net_devices", n->new_name, true) <
					    0) return -EBADMSG;
	if (check_hooks(c, "create_hooks", p->create_hooks) < 0 ||
		check_hooks(c, "start_hooks", p->start_hooks) < 0)
		return -EBADMSG;
	return 0;
}

static int check_process(const struct checker *c)
{
	const struct plan_head *p = c->p;

	if (check_str(c, "cwd", p->cwd, true) < 0 ||
		check_str(c, "apparmor", p->apparmor, false) < 0 ||
		check_str(c, "selinux", p->selinux, false) < 0 ||
		check_str(c, "cwd_made", p->cwd_made, false) < 0 ||
		check_strs(c, "argv", p->argv) < 0 || check_strs(c, "envp", p->envp) < 0 ||
		check_fds(c, "preserved", p->preserved, p->flags & PLAN_WORKER) < 0 ||
		check_fd(c, "gate_fd", p->gate_fd, false) < 0)
		return -EBADMSG;
	if (p->argv.n == 0)
		return bad(c, "argv");
	for (size_t i = 0; i < ARRAY_SIZE(p->stdio); i++)
		if (check_fd(c, "stdio", p->stdio[i], !(p->flags & PLAN_TERMINAL)) < 0)
			return -EBADMSG;
	if (CHECK_ARRAY(c, uint32_t, groups) < 0 ||
		CHECK_ARRAY(c, struct plan_rlimit, rlimits) < 0 ||
		CHECK_ARRAY(c, struct sock_filter, seccomp) < 0 ||
		CHECK_ARRAY(c, uint64_t, affinity) < 0 ||
		CHECK_ARRAY(c, uint64_t, mempolicy_nodes) < 0)
		return -EBADMSG;
	if (p->seccomp.n > BPF_MAXINSNS)
		return bad(c, "seccomp");
	plan_each(struct plan_rlimit, r, p, p->rlimits) if (r->resource >= RLIM_NLIMITS) return bad(
		c, "rlimits");
	return 0;
}

int plan_check(const void *plan, size_t len, size_t n_fds, struct err *err)
{
	const struct plan_head *p = plan;
	const struct checker c = {p, err};

	if (len < sizeof(*p) || len > PLAN_LEN_MAX || (uintptr_t)plan % _Alignof(struct plan_head))
		return bad(&c, "length");
	if (p->magic != PLAN_MAGIC || p->version != PLAN_VERSION)
		return bad(&c, "version");
	if (p->len != len || ((const char *)plan)[len - 1] != '\0')
		return bad(&c, "length");
	if (p->n_fds != n_fds || n_fds > PLAN_FDS_MAX)
		return bad(&c, "number of descriptors");
	if (p->flags & ~PLAN_ALL || p->unshare & ~(uint32_t)(CLONE_NEWCGROUP | CLONE_NEWTIME))
		return bad(&c, "flags");
	if (check_str(&c, "id", p->id, true) < 0 ||
		check_str(&c, "hostname", p->hostname, false) < 0 ||
		check_str(&c, "domainname", p->domainname, false) < 0)
		return -EBADMSG;
	if (check_trees(&c) < 0 || check_sandbox(&c) < 0 || check_process(&c) < 0)
		return -EBADMSG;
	return 0;
}
