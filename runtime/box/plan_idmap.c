/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mapped ids of mounts. The kernel takes a mapping in the form of a user namespace, so
 * one is made for it, in which nothing ever runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/box/plan_build.h"

static int put_map(
	int proc, const char *file, const struct oci_id_mapping *map, size_t n, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "%u %u %u\n", map[i].container_id, map[i].host_id, map[i].size);
	if (buf_failed(&text))
		return err_oom(err);
	return file_put(proc, file, text.data, err);
}

static int make_userns(const struct plan_id_maps *maps, struct err *err)
{
	_cleanup_plan_carrier_ struct plan_carrier carrier = PLAN_CARRIER_INIT;
	int fd;

	if (plan_carrier_start(CLONE_NEWUSER, &carrier, err) < 0 ||
		put_map(carrier.proc, "uid_map", maps->uids, maps->n_uids, err) < 0 ||
		put_map(carrier.proc, "gid_map", maps->gids, maps->n_gids, err) < 0)
		return -err->code;
	fd = openat(carrier.proc, "ns/user", O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_set(err, errno, "open the user namespace") : fd;
}

static bool same(
	const struct oci_id_mapping *a, size_t n_a, const struct oci_id_mapping *b, size_t n_b)
{
	return n_a == n_b && memcmp(a, b, n_a * sizeof(*a)) == 0;
}

/* Mounts of one container mostly have one mapping. */
static int find_userns(struct builder *b, const struct plan_id_maps *maps)
{
	const struct plan_id_maps *last = &b->idmaps;
	int fd;

	if (b->idmap_fd >= 0 && same(last->uids, last->n_uids, maps->uids, maps->n_uids) &&
		same(last->gids, last->n_gids, maps->gids, maps->n_gids))
		return b->idmap_fd;
	fd = make_userns(maps, b->err);
	if (fd < 0)
		return fd;
	fd_close(&b->idmap_fd);
	b->idmap_fd = fd;
	b->idmaps = *maps;
	return fd;
}

/* "idmap" alone means the container's own mapping. */
static int own_userns(struct builder *b)
{
	const struct oci_linux *l = b->config->linux_;
	const struct oci_namespace *ns = oci_config_namespace(b->config, CLONE_NEWUSER);
	struct plan_id_maps maps;
	int fd;

	if (!ns)
		return plan_say(b, EINVAL,
			"there are neither mappings for it nor a user namespace to take them from");
	if (ns->path) {
		fd_close(&b->idmap_fd);
		fd = open(ns->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
		if (fd < 0)
			return plan_error(b, errno, "open '%s'", ns->path);
		b->idmaps = (struct plan_id_maps){0};
		return b->idmap_fd = fd;
	}
	maps = (struct plan_id_maps){
		l->uid_mappings, l->gid_mappings, l->n_uid_mappings, l->n_gid_mappings};
	return find_userns(b, &maps);
}

int plan_idmap(struct builder *b, const struct oci_mount *m, bool recursive, int tree)
{
	const struct plan_id_maps maps = {
		m->uid_mappings, m->gid_mappings, m->n_uid_mappings, m->n_gid_mappings};
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP};
	int fd;

	if (tree < 0)
		return plan_say(b, EPERM, "mapped ids: only for root");
	fd = maps.n_uids ? find_userns(b, &maps) : own_userns(b);
	if (fd < 0)
		return err_wrap(b->err, "mapped ids");
	attr.userns_fd = (uint64_t)fd;
	if (mount_setattr(tree, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &attr,
		    sizeof(attr)) < 0)
		return errno == EINVAL
			       ? plan_say(b, ENOTSUP,
					 "mapped ids: the kernel or a file system below cannot "
					 "do it")
			       : plan_error(b, errno, "mapped ids");
	return 0;
}
