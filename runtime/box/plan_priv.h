/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A plan's bytes: one struct plan_head, then arrays and strings at offsets from its
 * start, then one NUL that ends whatever string is the last. An offset of 0 is "not
 * given". A descriptor is an index into the plan's list, -1 for none. plan_check()
 * walks every reference once; behind it the child's half takes them as they are.
 */
#ifndef RUNTIME_BOX_PLAN_PRIV_H
#define RUNTIME_BOX_PLAN_PRIV_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"
#include "runtime/box/caps.h"
#include "runtime/box/limits.h"

#define PLAN_MAGIC   0x4e414c50u /* "PLAN" */
#define PLAN_VERSION 1

/* Descriptors of one plan, and how many of them fit in a clone request (seed/wire.h). */
#define PLAN_FDS_MAX	   1024
#define PLAN_FDS_CLONE_MAX 240

/* Trees that the child opens; they have the last numbers of the descriptors. */
#define PLAN_TREES_MAX 512

/* Longest plan; a config of JSON_TEXT_MAX cannot make a longer one. */
#define PLAN_LEN_MAX (16u << 20)

enum plan_flags {
	PLAN_WORKER = 1u << 0, /* the payload goes on without execve */
	PLAN_TERMINAL = 1u << 1,
	PLAN_MOUNT_NS = 1u << 2, /* new mount namespace: mounts and pivot_root */
	PLAN_NO_PIVOT = 1u << 3,
	PLAN_KEYRING = 1u << 4,
	PLAN_NO_NEW_PRIVS = 1u << 5,
	PLAN_ROOT_READONLY = 1u << 6,
	PLAN_DEV = 1u << 7,	 /* fill /dev: it is not the host's */
	PLAN_DEV_BIND = 1u << 8, /* mknod will be refused; trees are there instead */
	PLAN_UMASK = 1u << 9,
	PLAN_HOME = 1u << 10,		/* HOME is missing from env: from /etc/passwd */
	PLAN_STATE = 1u << 11,		/* the conversation has a round for hooks */
	PLAN_GROUPS_KEEP = 1u << 12,	/* setgroups is denied in the user namespace */
	PLAN_RLIMITS_RAISED = 1u << 13, /* the host's side raises hard limits */
	PLAN_ROOT_BY_PATH = 1u << 14,	/* joined mount namespace: rootfs is looked up there */
	PLAN_SURROUNDINGS = 1u << 15,	/* nice and affinity are the caller's, to be restored */
	PLAN_NOTIFY = 1u << 16,		/* the seccomp program has a listener */
	PLAN_ROOTLESS = 1u << 17,	/* made by an ordinary user */
	PLAN_KCORE = 1u << 18,		/* the kernel has a /proc/kcore */
	PLAN_ALL = (1u << 19) - 1,
	/* Joins a running container; plan_check() lets none come by a socket. */
	PLAN_JOIN = 1u << 31,
};

struct plan_array {
	uint32_t off;
	uint32_t n;
};

struct plan_ns {
	uint32_t type; /* one CLONE_NEW* */
	int32_t fd;
	uint32_t named; /* by the config, so an error names it; else the caller's own */
	uint32_t pad;
	uint64_t dev, ino;
};

struct plan_param {
	uint32_t key;
	uint32_t value; /* 0: a flag */
};

enum plan_mount_kind {
	PLAN_MOUNT_FS = 1,  /* a new file system */
	PLAN_MOUNT_TREE,    /* a detached tree, ready but for its place */
	PLAN_MOUNT_SYMLINK, /* no mount: `dest` -> `source` */
};

enum plan_mount_flags {
	PLAN_MOUNT_DIR = 1u << 0,	  /* the mount point is a directory */
	PLAN_MOUNT_NO_SYMLINKS = 1u << 1, /* the way there has none */
	PLAN_MOUNT_COPYUP = 1u << 2,
	PLAN_MOUNT_LATE_RO = 1u << 3, /* read-only when all mounts are in place */
	PLAN_MOUNT_FLAGS_ALL = (1u << 4) - 1,
};

struct plan_mount {
	uint32_t kind;
	uint32_t flags;
	uint32_t dest;	 /* string: relative to the root, no "." and ".." */
	uint32_t where;	 /* string for errors: "mounts[2] '/proc'" */
	uint32_t fstype; /* string; FS */
	uint32_t source; /* string; FS and SYMLINK */
	int32_t fd;	 /* TREE */
	uint32_t pad;
	struct plan_array params;      /* struct plan_param */
	uint64_t attr;		       /* MOUNT_ATTR_* of a new file system */
	uint64_t set, clr;	       /* the same for it and what is below it */
	struct plan_array propagation; /* uint32_t: MS_* with or without MS_REC */
};

struct plan_device {
	uint32_t path; /* string relative to the root */
	uint32_t mode; /* with S_IFMT */
	uint64_t rdev;
	uint32_t uid, gid;
	int32_t fd; /* tree to bind with PLAN_DEV_BIND */
	uint32_t pad;
};

struct plan_sysctl {
	uint32_t name; /* string below /proc, "sys/net/..." */
	uint32_t value;
};

struct plan_rlimit {
	uint32_t resource;
	int32_t index; /* of process.rlimits; -1: the caller's own, silently as far as it goes */
	uint64_t soft, hard;
};

struct plan_id_map {
	uint32_t inside, outside, size, pad;
};

struct plan_attr {
	uint64_t set, clr; /* MOUNT_ATTR_* */
	uint32_t propagation;
	uint32_t recursive;
};

struct plan_tree {
	uint32_t path; /* string, as the caller sees it */
	uint32_t recursive;
	struct plan_array attrs; /* struct plan_attr, in their order */
};

struct plan_net_device {
	uint32_t name, new_name; /* strings */
};

struct plan_hook {
	uint32_t path;
	uint32_t timeout_s;
	struct plan_array argv; /* strings */
	struct plan_array envp;
};

struct plan_head {
	uint32_t magic, version;
	uint32_t len;	      /* whole plan */
	uint32_t n_fds;	      /* descriptors that belong to it */
	uint32_t flags;	      /* enum plan_flags */
	uint32_t unshare;     /* CLONE_NEW* that the child makes itself: cgroup, time */
	uint64_t clone_flags; /* CLONE_NEW* that it is born with */

	uint32_t id;
	uint32_t hostname, domainname;
	struct plan_array ns;	   /* struct plan_ns, in the order of joining */
	struct plan_array uid_map; /* struct plan_id_map; written by the host's side */
	struct plan_array gid_map;
	struct plan_array attach;  /* int32_t: descriptors to write "0" to */
	int32_t attach_v2;	   /* the one of v2, needless when born there; -1 */
	int32_t stay_v2;	   /* cgroup_stay_v2(); -1 */
	int32_t root_fd;	   /* detached tree, or the directory without a mount namespace */
	uint32_t root_path;	   /* on the host */
	uint32_t root_attach;	   /* string: where the tree is put before pivot_root */
	uint32_t root_propagation; /* MS_*; 0: rslave, and nothing afterwards */
	int32_t null_fd;	   /* tree of /dev/null, for masks */

	struct plan_array trees; /* struct plan_tree; number k is descriptor PLAN_FDS_MAX - 1 - k */
	struct plan_array mounts;
	struct plan_array devices;
	struct plan_array masked;   /* strings */
	struct plan_array readonly; /* strings */
	struct plan_array sysctl;
	struct plan_array net_devices;	/* struct plan_net_device; moved by the host's side */
	struct plan_array create_hooks; /* struct plan_hook, createContainer */
	struct plan_array start_hooks;

	int64_t time_monotonic_s, time_boottime_s;
	uint32_t time_monotonic_ns, time_boottime_ns;

	uint32_t cwd;
	uint32_t cwd_made;	/* string: the same, clean, relative to the root; to be made */
	struct plan_array argv; /* strings */
	struct plan_array envp;
	int32_t stdio[3];
	struct plan_array preserved; /* int32_t; -1: the child has it already at its number */
	int32_t gate_fd;
	uint32_t console_height, console_width;

	uint32_t uid, gid;
	struct plan_array groups; /* uint32_t */
	uint32_t umask;
	int32_t oom_score_adj;	  /* INT32_MIN: leave it */
	struct box_limits limits; /* for a worker to keep to */
	struct plan_array rlimits;
	struct caps_sets caps;
	uint64_t ignored_signals;  /* by the caller: bit n is signal n + 1 */
	uint64_t caps_known;	   /* capabilities that may be in the bounding set */
	struct plan_array seccomp; /* struct sock_filter */
	uint32_t seccomp_flags;
	uint32_t apparmor, selinux; /* strings */
	int32_t nice;
	struct plan_array affinity; /* uint64_t words */
	uint32_t io_priority;	    /* of ioprio_set(2); 0: leave it */
	int32_t personality;	    /* -1: leave it */
	uint32_t sched_policy;	    /* UINT32_MAX: leave it */
	int32_t sched_nice;
	uint32_t sched_priority;
	uint32_t sched_pad;
	uint64_t sched_flags, sched_runtime, sched_deadline, sched_period;
	int32_t mempolicy; /* MPOL_* with its flags; -1: leave it */
	uint32_t mempolicy_pad;
	struct plan_array mempolicy_nodes; /* uint64_t words */

	/* PLAN_JOIN */
	int32_t join_fd;   /* pidfd of the container's process */
	uint32_t join;	   /* CLONE_NEW* in which it is and we are not */
	int32_t join_root; /* its root directory; -1: that of its mount namespace */
	uint32_t join_pad;
	struct plan_array affinity_first, affinity_last; /* uint64_t words; before, in the cgroup */
};

/* Whether it mounts a file system that may have a path as its source or among its options. */
bool plan_mounts_by_path(const struct plan_head *p);

/* Every reference of a plan that came with n_fds descriptors. -EBADMSG. */
int plan_check(const void *plan, size_t len, size_t n_fds, struct err *err);

static inline const char *plan_str(const struct plan_head *p, uint32_t off)
{
	return off ? (const char *)p + off : NULL;
}

static inline const void *plan_at(const struct plan_head *p, struct plan_array a)
{
	return (const char *)p + a.off;
}

/* for (each element) of an array of T */
#define plan_each(T, it, p, array) \
	for (const T *it = plan_at((p), (array)), *it##_end = it + (array).n; it < it##_end; it++)

#endif
