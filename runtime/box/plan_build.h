/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host's side of a plan: bytes and descriptors while they are put together.
 * Failures of memory are remembered by the buffer, as in buf.h.
 */
#ifndef RUNTIME_BOX_PLAN_BUILD_H
#define RUNTIME_BOX_PLAN_BUILD_H

#include <stdbool.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/box/box.h"
#include "runtime/box/plan_priv.h"

struct mount_attr;
struct oci_id_mapping;
struct oci_mount;
struct stat;

struct box_plan {
	struct plan_head head; /* copied to the start of the bytes at the end */
	struct buf bytes;
	int fds[PLAN_FDS_MAX];
	bool owned[PLAN_FDS_MAX];
	size_t n_fds;
	int plan_fd;	       /* sealed memfd, payload WORKER; else -1 */
	int pidns_fd;	       /* owned */
	int cgroup_fd;	       /* borrowed from the cgroup */
	uint64_t joined;       /* CLONE_NEW* of namespaces named by the config */
	uint64_t user_ns;      /* that it is to be in, as an inode of nsfs; 0: a new one */
	const char *own_child; /* why only a child of ours will do; NULL */
};

/* Borrowed from the config. */
struct plan_id_maps {
	const struct oci_id_mapping *uids, *gids;
	size_t n_uids, n_gids;
};

/* A detached tree, or what the child needs to make it. */
struct plan_tree_job {
	int fd; /* owned; -1: the child opens it */
	uint32_t path;
	bool recursive;
	struct buf attrs;
};

/* A process that stands for namespaces (plan_carrier.c). */
struct plan_carrier {
	pid_t pid;
	int proc; /* its /proc/PID; owned */
};

#define PLAN_CARRIER_INIT \
	{                 \
		0, -1     \
	}

/* A mount namespace, and the root of who is at home there. Owned. */
struct plan_place {
	int ns, root;
};

/* A copy of our mount namespace with the kernel's locks, and the way back (plan_locked.c). */
struct plan_locked {
	struct plan_place copy, own;
	int cwd; /* owned */
};

#define PLAN_LOCKED_INIT               \
	{                              \
		{-1, -1}, {-1, -1}, -1 \
	}

#define PLAN_TREE_INIT                 \
	{                              \
		-1, 0, false, BUF_INIT \
	}

struct builder {
	struct box_plan *plan;
	const struct box_options *options;
	const struct oci_config *config;
	struct buf *warnings;
	struct err *err;
	struct plan_id_maps idmaps; /* of idmap_fd */
	struct buf trees;	    /* struct plan_tree */
	size_t n_trees;
	int idmap_fd;		   /* user namespace of the last mapped mount; owned; -1 */
	struct plan_locked locked; /* made where the container has a user namespace */
	bool left_user_ns;	   /* to join: the first process is in one that it made itself */
};

/* Offset of a copy of `s`; 0 for NULL. */
uint32_t plan_put_str(struct builder *b, const char *s);
/* A copy of n elements of `size` bytes. */
struct plan_array plan_put_array(struct builder *b, const void *data, size_t n, size_t size);
struct plan_array plan_put_strs(struct builder *b, const char *const *strs);

/* Index of a descriptor, of which the plan becomes the owner or not; negative errno. */
int plan_put_fd(struct builder *b, int fd, bool owned);

/* As err_set() and err_say() of runtime/base/err.h, on the builder's error. */
#define plan_error(b, ...) err_set((b)->err, __VA_ARGS__)
#define plan_say(b, ...)   err_say((b)->err, __VA_ARGS__)

/* A path without "." and "..", taken from the root, without the leading '/'; malloc'd, NULL: memory. */
char *plan_clean_path(const char *path);

/* True when the container has a namespace of this type that is not the caller's. */
bool plan_has_namespace(const struct builder *b, int type);

int plan_namespaces(struct builder *b);
int plan_rootfs(struct builder *b);
int plan_mounts(struct builder *b);
/* Gives a detached tree the ids of the mount's mappings, or of the container's. */
int plan_idmap(struct builder *b, const struct oci_mount *m, bool recursive, int tree);
int plan_cgroup_mount(struct builder *b, struct buf *list, const struct oci_mount *m,
	const char *where, uint64_t attr);
int plan_devices(struct builder *b);
int plan_paths(struct builder *b);
int plan_sysctls(struct builder *b);
int plan_process(struct builder *b);
int plan_cgroups(struct builder *b);
/* The whole plan of joining the container whose process the pidfd is. */
int plan_join(struct builder *b, int pidfd);
/* The same of one that only changes mounts, those of the config; `add` or take away. */
int plan_join_to_mount(struct builder *b, int pidfd, bool add);
/* Completes the bytes. */
int plan_finish(struct builder *b);

/* Appends a mount to `list` (struct plan_mount); takes over what it refers to. */
void plan_add_mount(struct buf *list, const struct plan_mount *m);

/* Makes namespaces of these types, CLONE_NEWUSER among them, and the process that carries them. */
int plan_carrier_start(uint64_t namespaces, struct plan_carrier *ret, struct err *err);
void plan_carrier_finish(struct plan_carrier *c);
#define _cleanup_plan_carrier_ _cleanup_(plan_carrier_finish)

int plan_locked_make(struct plan_locked *l, struct err *err);
/* As open_tree(2) of a path, there. A negative errno on failure. */
int plan_locked_open_tree(const struct plan_locked *l, const char *path, unsigned flags);
void plan_locked_finish(struct plan_locked *l);

/* Are trees taken from there? Then nothing that is locked can be changed. */
bool plan_tree_is_locked(const struct builder *b);

/* May we mount, and how? If not: PLAN_ROOTLESS, or an error where no user namespace helps. */
int plan_privileges(struct builder *b);

/* A copy of what is at `path` now, and what that is, or NULL. A negative errno on failure. */
int plan_tree_open(struct builder *b, const char *path, bool recursive, struct plan_tree_job *ret,
	struct stat *ret_st);
void plan_tree_finish(struct plan_tree_job *t);
#define _cleanup_plan_tree_ _cleanup_(plan_tree_finish)
/* As mount_setattr(2); 0 or a negative errno. */
int plan_tree_attr(struct plan_tree_job *t, bool recursive, const struct mount_attr *attr);
/* Its number among the descriptors; a negative errno on failure. */
int plan_tree_put(struct builder *b, struct plan_tree_job *t);
/* Puts what the child has to do into the plan, when all are known. */
int plan_trees(struct builder *b);

#endif
