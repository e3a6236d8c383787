/* SPDX-License-Identifier: Apache-2.0 */
/* Rootfs, devices, masked and read-only paths, sysctls. */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/box/plan_build.h"

#define DEVICE_MODE 0666

static const struct oci_device default_devices[] = {
	{.type = 'c', .path = "/dev/null", .major = 1, .minor = 3},
	{.type = 'c', .path = "/dev/zero", .major = 1, .minor = 5},
	{.type = 'c', .path = "/dev/full", .major = 1, .minor = 7},
	{.type = 'c', .path = "/dev/random", .major = 1, .minor = 8},
	{.type = 'c', .path = "/dev/urandom", .major = 1, .minor = 9},
	{.type = 'c', .path = "/dev/tty", .major = 5, .minor = 0},
};

/* The first member of the config that needs mounts; NULL. */
static const char *needs_mounts(const struct oci_config *c)
{
	const struct oci_linux *l = c->linux_;

	if (c->n_mounts)
		return "mounts";
	if (c->root->readonly)
		return "root.readonly";
	if (l && l->masked_paths && l->masked_paths[0])
		return "linux.maskedPaths";
	if (l && l->readonly_paths && l->readonly_paths[0])
		return "linux.readonlyPaths";
	if (l && l->rootfs_propagation)
		return "linux.rootfsPropagation";
	return NULL;
}

static int open_rootfs(struct builder *b, const char *path)
{
	struct plan_head *head = &b->plan->head;
	struct mount_attr attr = {
		.propagation = head->root_propagation & MS_PRIVATE ? MS_PRIVATE : MS_SLAVE,
	};
	_cleanup_plan_tree_ struct plan_tree_job tree = PLAN_TREE_INIT;
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r;

	if (!(head->flags & PLAN_MOUNT_NS)) {
		fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			return plan_error(b, errno, "root.path: open '%s'", path);
		return plan_put_fd(b, take_fd(&fd), true);
	}
	r = plan_tree_open(b, path, true, &tree, &st);
	if (r < 0)
		return plan_error(b, -r, "root.path: open '%s'", path);
	if (!S_ISDIR(st.st_mode))
		return plan_error(b, ENOTDIR, "root.path: '%s'", path);
	/* Mounts of the container must not show up in what the rootfs was copied from. */
	r = plan_tree_attr(&tree, true, &attr);
	if (r < 0)
		return plan_error(b, -r, "root.path: '%s': set its propagation", path);
	return plan_tree_put(b, &tree);
}

int plan_rootfs(struct builder *b)
{
	const struct oci_config *c = b->config;
	const struct oci_hooks *hooks = c->hooks;
	struct plan_head *head = &b->plan->head;
	const char *member = needs_mounts(c);
	_cleanup_free_ char *path = NULL;
	const char *given = c->root->path;

	if (!(head->flags & PLAN_MOUNT_NS)) {
		if (member)
			return plan_say(b, EINVAL, "%s: needs a new mount namespace", member);
		if (b->plan->joined & CLONE_NEWNS)
			head->flags |= PLAN_ROOT_BY_PATH;
	}
	if (asprintf(&path, "%s%s%s", given[0] == '/' ? "" : b->options->bundle,
		    given[0] == '/' ? "" : "/", given) < 0) {
		path = NULL;
		return err_oom(b->err);
	}
	if (c->linux_)
		head->root_propagation = (uint32_t)c->linux_->rootfs_propagation;
	if (c->root->readonly)
		head->flags |= PLAN_ROOT_READONLY;
	head->root_fd = open_rootfs(b, path);
	if (head->root_fd < 0)
		return head->root_fd;
	head->root_path = plan_put_str(b, path);
	head->root_attach = plan_put_str(b, hooks && hooks->n_create_container ? path : "/");
	return 0;
}

/* A bind mount on /dev brings its own nodes. */
static bool has_own_dev(const struct builder *b, bool *ret_failed)
{
	for (size_t i = 0; i < b->config->n_mounts; i++) {
		const struct oci_mount *m = &b->config->mounts[i];
		_cleanup_free_ char *dest = plan_clean_path(m->destination);

		if (!dest) {
			*ret_failed = true;
			return true;
		}
		if (!streq(dest, "dev"))
			continue;
		if (m->type && streq(m->type, "bind"))
			return true;
		for (const char *const *o = m->options; o && *o; o++)
			if (streq(*o, "bind") || streq(*o, "rbind"))
				return true;
	}
	return false;
}

static int device_tree(struct builder *b, const struct oci_device *d, mode_t type)
{
	_cleanup_plan_tree_ struct plan_tree_job tree = PLAN_TREE_INIT;
	struct stat st;
	int r = plan_tree_open(b, d->path, false, &tree, &st);

	if (r < 0)
		return plan_error(b, -r, "linux.devices: open the host's '%s'", d->path);
	if ((st.st_mode & S_IFMT) != type ||
		st.st_rdev != makedev((unsigned)d->major, (unsigned)d->minor))
		return plan_say(b, ENODEV,
			"linux.devices: the host's '%s' is another device, and "
			"a user namespace can have only the host's",
			d->path);
	return plan_tree_put(b, &tree);
}

static int put_device(struct builder *b, struct buf *list, const struct oci_device *d)
{
	_cleanup_free_ char *path = plan_clean_path(d->path);
	mode_t type = d->type == 'b' ? S_IFBLK : d->type == 'p' ? S_IFIFO : S_IFCHR;
	struct plan_device out = {
		.mode = type | (d->file_mode.set ? d->file_mode.value & 07777 : DEVICE_MODE),
		.rdev = type == S_IFIFO ? 0 : makedev((unsigned)d->major, (unsigned)d->minor),
		.uid = d->uid.set ? d->uid.value : 0,
		.gid = d->gid.set ? d->gid.value : 0,
		.fd = -1,
	};

	if (!path)
		return err_oom(b->err);
	/* Fifos may be made by anybody. */
	if (b->plan->head.flags & PLAN_DEV_BIND && type != S_IFIFO) {
		out.fd = device_tree(b, d, type);
		if (out.fd < 0)
			return out.fd;
	}
	out.path = plan_put_str(b, path);
	buf_put(list, &out, sizeof(out));
	return 0;
}

int plan_devices(struct builder *b)
{
	const struct oci_linux *l = b->config->linux_;
	struct plan_head *head = &b->plan->head;
	_cleanup_buf_ struct buf list = BUF_INIT;
	bool failed = false;

	if (has_own_dev(b, &failed))
		return failed ? err_oom(b->err) : 0;
	head->flags |= PLAN_DEV | (access("/proc/kcore", F_OK) == 0 ? PLAN_KCORE : 0u);
	if (plan_has_namespace(b, CLONE_NEWUSER))
		head->flags |= PLAN_DEV_BIND;
	for (size_t i = 0; i < ARRAY_SIZE(default_devices); i++) {
		const struct oci_device *d = &default_devices[i];
		bool replaced = false;

		for (size_t j = 0; l && j < l->n_devices; j++)
			replaced |= streq(l->devices[j].path, d->path);
		if (!replaced && put_device(b, &list, d) < 0)
			return -b->err->code;
	}
	for (size_t j = 0; l && j < l->n_devices; j++)
		if (put_device(b, &list, &l->devices[j]) < 0)
			return -b->err->code;
	if (buf_failed(&list))
		return err_oom(b->err);
	head->devices = plan_put_array(
		b, list.data, list.len / sizeof(struct plan_device), sizeof(struct plan_device));
	return 0;
}

static int put_paths(struct builder *b, const char *const *paths, struct plan_array *ret)
{
	_cleanup_buf_ struct buf list = BUF_INIT;
	size_t n = 0;

	for (; paths && paths[n]; n++) {
		_cleanup_free_ char *path = plan_clean_path(paths[n]);
		uint32_t off;

		if (!path)
			return err_oom(b->err);
		off = plan_put_str(b, *path ? path : ".");
		buf_put(&list, &off, sizeof(off));
	}
	if (buf_failed(&list))
		return err_oom(b->err);
	*ret = plan_put_array(b, list.data, n, sizeof(uint32_t));
	return 0;
}

/* The host's own /dev/null, and nothing that stands in its place. */
static int null_tree(struct builder *b)
{
	_cleanup_plan_tree_ struct plan_tree_job tree = PLAN_TREE_INIT;
	struct stat st;
	int r = plan_tree_open(b, "/dev/null", false, &tree, &st);

	if (r < 0)
		return plan_error(b, -r, "linux.maskedPaths: open '/dev/null'");
	if (!S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return plan_say(b, ENODEV, "linux.maskedPaths: the host's '/dev/null' is none");
	return plan_tree_put(b, &tree);
}

int plan_paths(struct builder *b)
{
	const struct oci_linux *l = b->config->linux_;
	struct plan_head *head = &b->plan->head;

	head->null_fd = -1;
	if (!l)
		return 0;
	if (put_paths(b, l->masked_paths, &head->masked) < 0 ||
		put_paths(b, l->readonly_paths, &head->readonly) < 0)
		return -b->err->code;
	if (head->masked.n) {
		head->null_fd = null_tree(b);
		if (head->null_fd < 0)
			return head->null_fd;
	}
	return 0;
}

/* The namespace that a sysctl belongs to; 0: to the whole host. */
static int sysctl_namespace(const char *path)
{
	static const char *const ipc[] = {"kernel/msgmax", "kernel/msgmnb", "kernel/msgmni",
		"kernel/sem", "kernel/shmall", "kernel/shmmax", "kernel/shmmni",
		"kernel/shm_rmid_forced"};

	if (str_after(path, "net/"))
		return CLONE_NEWNET;
	if (str_after(path, "fs/mqueue/"))
		return CLONE_NEWIPC;
	if (streq(path, "kernel/domainname") || streq(path, "kernel/hostname"))
		return CLONE_NEWUTS;
	for (size_t i = 0; i < ARRAY_SIZE(ipc); i++)
		if (streq(path, ipc[i]))
			return CLONE_NEWIPC;
	return 0;
}

/* Whichever of '.' and '/' comes first separates; the other one is then part of a name. */
static char *sysctl_path(const char *name)
{
	char *path = strdup(name);
	const char *first = strpbrk(name, "./");

	if (path && first && *first == '.')
		for (char *c = path; *c; c++)
			*c = *c == '.' ? '/' : *c == '/' ? '.' : *c;
	return path;
}

static bool has_dots(const char *path)
{
	for (const char *end; *path; path = *end ? end + 1 : end) {
		end = strchrnul(path, '/');
		if (end == path || (path[0] == '.' && (end - path == 1 ||
							      (end - path == 2 && path[1] == '.'))))
			return true;
	}
	return false;
}

static int put_sysctl(struct builder *b, struct buf *list, const struct oci_pair *pair)
{
	_cleanup_free_ char *path = sysctl_path(pair->name);
	_cleanup_free_ char *full = NULL;
	struct plan_sysctl out;
	int ns;

	if (!path || asprintf(&full, "sys/%s", path) < 0) {
		full = NULL;
		return err_oom(b->err);
	}
	if (has_dots(path))
		return plan_say(b, EINVAL, "linux.sysctl: '%s' is no name of a sysctl", pair->name);
	ns = sysctl_namespace(path);
	if (!ns)
		return plan_say(b, EINVAL,
			"linux.sysctl: '%s' is the whole host's, not a namespace's", pair->name);
	if (!plan_has_namespace(b, ns))
		return plan_say(b, EINVAL,
			"linux.sysctl: '%s' is of a namespace that the container "
			"shares with the host",
			pair->name);
	out.name = plan_put_str(b, full);
	out.value = plan_put_str(b, pair->value);
	buf_put(list, &out, sizeof(out));
	return 0;
}

int plan_sysctls(struct builder *b)
{
	const struct oci_linux *l = b->config->linux_;
	_cleanup_buf_ struct buf list = BUF_INIT;

	for (size_t i = 0; l && i < l->n_sysctl; i++)
		if (put_sysctl(b, &list, &l->sysctl[i]) < 0)
			return -b->err->code;
	if (buf_failed(&list))
		return err_oom(b->err);
	b->plan->head.sysctl =
		plan_put_array(b, list.data, l ? l->n_sysctl : 0, sizeof(struct plan_sysctl));
	return 0;
}
