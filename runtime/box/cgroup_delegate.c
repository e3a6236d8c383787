/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Giving a container its cgroup: with a user and a cgroup namespace of its own, and
 * cgroup v2 mounted for writing, its user may make cgroups below. What the kernel
 * lists as safe to hand over changes its owner, and nothing else: not the limits.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/fd.h"
#include "runtime/box/cgroup_priv.h"

#define LIST_FILE "/sys/kernel/cgroup/delegate"

/* Of kernels without the list. */
#define LIST_DEFAULT "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n"

static bool is_new(const struct oci_config *config, int type)
{
	const struct oci_namespace *ns = oci_config_namespace(config, type);

	return ns && !ns->path;
}

static bool has_option(const struct oci_mount *m, const char *option)
{
	for (const char *const *o = m->options; o && *o; o++)
		if (streq(*o, option))
			return true;
	return false;
}

static bool mounts_writable(const struct oci_config *config)
{
	for (size_t i = 0; i < config->n_mounts; i++) {
		const struct oci_mount *m = &config->mounts[i];

		if (m->type && str_after(m->type, "cgroup") && !has_option(m, "ro") &&
			streq(m->destination, "/sys/fs/cgroup"))
			return true;
	}
	return false;
}

bool cgroup_delegate_owner(const struct oci_config *config, uid_t *ret)
{
	const struct oci_linux *l = config->linux_;
	uint32_t uid = config->process ? config->process->user.uid : 0;

	if (!l || !is_new(config, CLONE_NEWUSER) || !is_new(config, CLONE_NEWCGROUP) ||
		!mounts_writable(config))
		return false;
	for (size_t i = 0; i < l->n_uid_mappings; i++) {
		const struct oci_id_mapping *m = &l->uid_mappings[i];

		if (uid - m->container_id < m->size && uid >= m->container_id) {
			*ret = m->host_id + (uid - m->container_id);
			return true;
		}
	}
	return false;
}

int cgroup_delegate(struct cgroup *cg, uid_t owner, struct err *err)
{
	const struct cgroup_dir *dir = cgroup_dir_v2(cg);
	_cleanup_free_ char *list = NULL;
	struct err ignored;
	char *save = NULL;
	size_t len;

	/* v1 is not safe to hand over. */
	if (!dir || dir->fd < 0 || cg->n_dirs > 1)
		return 0;
	if (file_read(AT_FDCWD, LIST_FILE, 1u << 16, &list, &len, &ignored) < 0)
		list = strdup(LIST_DEFAULT);
	if (!list)
		return err_oom(err);
	if (fchown(dir->fd, owner, (gid_t)-1) < 0)
		return err_set(err, errno, "give cgroup '%s' to user %u", dir->path, owner);
	for (char *f = strtok_r(list, "\n", &save); f; f = strtok_r(NULL, "\n", &save))
		if (fchownat(dir->fd, f, owner, (gid_t)-1, AT_SYMLINK_NOFOLLOW) < 0 &&
			errno != ENOENT)
			return err_set(err, errno, "give '%s' of cgroup '%s' to user %u", f,
				dir->path, owner);
	return 0;
}
