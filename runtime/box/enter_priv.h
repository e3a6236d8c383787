/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of box_enter(). None allocates; each says in *err what it could not do. */
#ifndef RUNTIME_BOX_ENTER_PRIV_H
#define RUNTIME_BOX_ENTER_PRIV_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/fd.h"
#include "runtime/box/enter.h"
#include "runtime/box/plan_priv.h"

/* A process that becomes the container's. */
struct enter {
	const struct plan_head *plan;
	int fds[PLAN_FDS_MAX]; /* -1 once used up */
	int conn;
	bool own;	/* forked by the caller itself: its surroundings are the right ones */
	bool joined;	/* the namespaces are, by a process in between */
	bool in_cgroup; /* born in the one of v2 */
	bool bare;	/* an empty directory is all it sees */
	int keep[BOX_KEEP_MAX]; /* a worker's own */
	uint64_t missing;	/* of plan->clone_flags: not born with these */
	mode_t umask;		/* as it was at first */
	int root;		/* rootfs; borrowed from fds where it is a tree */
	int dev;		/* /dev in it; -1 when there is none to fill */
	struct fd_batch done;	/* closed together, before the process waits for start */
	const char *create_state, *start_state; /* JSON for hooks; mapped, never unmapped */
	size_t create_state_len, start_state_len;
};

static inline int enter_fd(const struct enter *e, int32_t index)
{
	return index < 0 ? -1 : e->fds[index];
}

int enter_run(struct enter *e, struct box_entry *ret, struct err *err);

/*
 * enter_join.c: the process in between joins a running container and gives up what it
 * does not need, then makes the container's process, which goes on with the second.
 */
int enter_join(struct enter *e, int exe_fd, struct box_entry *ret, struct err *err);
int enter_joined(const struct plan_head *plan, struct err *err);

/* The same for a process that executes nothing there, as far as the container's root. */
int enter_join_mounts(struct enter *e, int exe_fd, struct err *err);

/* enter_path.c: names inside the rootfs, wherever its symbolic links point. */

/* openat2 below `root`, never out of it. A descriptor or a negative errno. */
int path_open(int root, const char *path, uint64_t flags, uint64_t resolve);

/*
 * An O_PATH descriptor of a directory or file; makes it, and the directories that
 * lead to it, where they are missing.
 */
int path_make(int root, const char *path, bool dir, uint64_t resolve, int *ret_fd, struct err *err);

/* The same for one component of a directory that is already open; a descriptor or -errno. */
int path_make_below(int dir_fd, const char *name, bool dir);

/* The directory in which the last component of `path` lies, made if missing; *ret_name is in path. */
int path_make_parent(
	int root, const char *path, int *ret_dir, const char **ret_name, struct err *err);

/* enter_ns.c */
int enter_namespaces(struct enter *e, struct err *err);
int enter_attach_cgroups(struct enter *e, struct err *err);

/* enter_rootfs.c */
int enter_rootfs(struct enter *e, struct err *err);
int enter_pivot(struct enter *e, struct err *err);

/* enter_trees.c */
int enter_trees(struct enter *e, struct err *err);
/* enter_mounts.c */
int enter_mounts(struct enter *e, struct err *err);
int enter_mounts_late(struct enter *e, struct err *err);
/* enter_copyup.c: what is in `from` into the empty `to`. */
int copy_tree(int from, int to, struct err *err);
/* enter_masks.c */
int enter_masks(struct enter *e, struct err *err);
/* enter_dev.c */
int enter_devices(struct enter *e, struct err *err);
int enter_console(struct enter *e, struct err *err);
/* enter_sysctl.c */
int enter_names_and_sysctl(struct enter *e, struct err *err);
/* A procfs that nobody else can reach, and a write to a file of it that is nothing else. */
int proc_private(struct err *err);
int proc_put(int proc, const char *name, const char *value, struct err *err);
/* enter_lsm.c */
int enter_lsm(const struct enter *e, struct err *err);
/* enter_hooks.c */
int enter_hooks_round(struct enter *e, struct err *err);
int enter_run_hooks(const struct plan_head *plan, struct plan_array hooks, const char *kind,
	const char *state, size_t len, struct err *err);

/* enter_process.c: the process itself; the last privileges go here. */
int enter_process(struct enter *e, struct err *err);
/* process.scheduler of a process; 0: the calling one. */
int enter_scheduler(const struct plan_head *plan, pid_t pid, struct err *err);
/* The limit of processes, which would count those in between, too. */
int enter_process_limit(const struct plan_head *plan, struct err *err);
int enter_keyring(struct enter *e, struct err *err);
/* enter_privileges.c */
int enter_privileges(const struct enter *e, struct err *err);
/* `conn` is to `start`, which takes the listener if there is one. */
int enter_seccomp(const struct plan_head *p, int conn, struct err *err);

/* enter_exec.c: argv, envp and the executable of the entry. */
int enter_arguments(const struct plan_head *plan, struct box_entry *ret, struct err *err);

/* A sentence that does not stop anything, for the runtime to pass on. */
void enter_warn(const struct enter *e, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Anonymous memory that stays until execve or exit; NULL when there is none. */
void *enter_memory(size_t len);

#endif
