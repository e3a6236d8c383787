/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control groups of one container, on every kind of host: v1 with each
 * controller on a mount of its own or several together, pure v2, and hybrids of
 * the two (v2 beside v1, with or without controllers).
 *
 * Invariants:
 * - limits are in place before a process is attached;
 * - destroying removes exactly the directories that creating made, and what the
 *   container itself made below them;
 * - only hierarchies are touched that are needed: those with a limit, and
 *   devices, pids, memory and freezer. In all others a process stays where it is.
 */
#ifndef RUNTIME_BOX_CGROUP_H
#define RUNTIME_BOX_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "runtime/base/err.h"

struct buf;
struct cgroup;
struct cgroup_layout;
struct cgroup_path;
struct oci_config;
struct oci_pair;
struct oci_resources;

enum cgroup_manager {
	CGROUP_MANAGER_FS,	 /* directories, by us */
	CGROUP_MANAGER_SYSTEMD,	 /* a scope; linux.cgroupsPath is slice:prefix:name */
	CGROUP_MANAGER_DISABLED, /* none: the container stays where we are, without limits */
};

struct cgroup_options {
	enum cgroup_manager manager;
	const char *id;			       /* of the container */
	const char *path;		       /* linux.cgroupsPath; NULL for the default */
	const struct oci_resources *resources; /* NULL: no limits, default devices */
	const struct oci_pair *annotations;    /* of the container; systemd_property.h */
	size_t n_annotations;
	/*
	 * The child will not be a child of the calling process. It then needs
	 * descriptors for the hierarchies too where nothing is made, to end where a
	 * child of ours would.
	 */
	bool foreign_parent;
	/* The child is not told whether it was born in the v2 cgroup: cgroup_stay_v2(). */
	bool asks_birth;
	/*
	 * The caller has no privileges of the host. Where it may make no cgroup the
	 * container stays in the caller's, with a warning if that leaves out limits; device
	 * rules, which nobody else may give, are left out.
	 */
	bool rootless;
	/*
	 * NULL, or told before anything is made what is about to be, in the form of
	 * cgroup_paths(): whoever notes it can remove it also when we are killed in the
	 * middle. Its failure is one of cgroup_create().
	 */
	int (*announce)(void *arg, const struct cgroup_path *paths, size_t n, struct err *err);
	void *announce_arg;
};

/*
 * Finds the hierarchies, makes the directories and writes the limits. What was
 * made is undone on failure. Sentences about what could not be honoured are
 * appended to `warnings`, one a line, each ended by '\n'.
 * -EBUSY when the directory exists and has processes in it.
 */
int cgroup_create(const struct cgroup_options *options, struct cgroup **ret, struct buf *warnings,
	struct err *err);

/*
 * Whether the specification wants the container to own its cgroup, and the user of the
 * host that it is then.
 */
bool cgroup_delegate_owner(const struct oci_config *config, uid_t *ret);

/* Gives the directory to `owner` where only v2 is in use; nothing on other hosts. */
int cgroup_delegate(struct cgroup *cg, uid_t owner, struct err *err);

/* Frees the object and closes its descriptors; the directories stay. NULL is fine. */
void cgroup_close(struct cgroup *cg);

static inline void cgroup_close_ptr_(struct cgroup **cg)
{
	cgroup_close(*cg);
}
#define _cleanup_cgroup_ _cleanup_(cgroup_close_ptr_)

/*
 * Descriptors open for writing: a process that writes "0" to each of them is
 * attached. Borrowed, O_CLOEXEC. Only after cgroup_create().
 */
size_t cgroup_attach_fds(const struct cgroup *cg, const int **ret_fds);

/* Which of them is of v2; -1: none. */
int cgroup_attach_v2(const struct cgroup *cg);

/*
 * With `asks_birth`: to write "0" there succeeds if the child is in the v2 cgroup already,
 * and then it need not be attached, which locks out every fork of the host meanwhile and so
 * waits for all processors. -1: there is none.
 */
int cgroup_stay_v2(const struct cgroup *cg);

/*
 * The v2 directory for CLONE_INTO_CGROUP; -1 on v1, and for a directory that was
 * found: when cgroup.kill was ever written there, kernels since 6.14 kill every
 * process that is born into it from outside. Borrowed. A child that was
 * born there need not, but may, write to the v2 one of cgroup_attach_fds() too.
 */
int cgroup_v2_dirfd(const struct cgroup *cg);

/*
 * Opens the descriptors of cgroup_attach_fds() for a process that joins a container
 * which runs; `cg` is from cgroup_open(), `pid` the container's first process. `subs`
 * is NULL or says which of them are to be ones below: "PATH" for all,
 * "CONTROLLER[,CONTROLLER]:PATH" for some. -EINVAL for a path that leads out.
 */
int cgroup_open_join(struct cgroup *cg, pid_t pid, const char *const *subs, struct err *err);

/* Attaches a process by pid; what `turf exec` and tests use. Slower than writing "0". */
int cgroup_attach_pid(struct cgroup *cg, pid_t pid, struct err *err);

struct cgroup_update {
	/*
	 * What to write. A conversion may need what does not change (v2's swap, the memory
	 * limit), so a section that changes is best given whole.
	 */
	const struct oci_resources *change;
	const struct oci_resources *before; /* that hold now; NULL: none */
	bool rootless;			    /* as in cgroup_options */
	/*
	 * NULL, or told first, with `done` false, which directories are about to be made,
	 * and then, with `done`, that everything holds. Its failure is one of the update.
	 */
	int (*save)(
		void *arg, const struct cgroup_path *paths, size_t n, bool done, struct err *err);
	void *save_arg;
};

/*
 * Writes the limits that are set in `change`, making the cgroups that are needed for
 * them and moving the container's processes there. On failure everything is as it
 * was before; what cannot be taken back is a warning.
 */
int cgroup_update(struct cgroup *cg, const struct cgroup_update *update, struct buf *warnings,
	struct err *err);

/*
 * The form kept in state.json. An entry's `controller` names the hierarchy
 * ("memory", "cpu,cpuacct", "name=systemd", "" for v2); a suffix ":parent" marks
 * a directory above the container's own that creating made, ":found" one that was
 * there before and is not to be removed. ":unit" and ":user-unit" are no directory but a
 * scope of systemd, of the system's or the user's instance. Hand the whole array back, in order.
 */
struct cgroup_path {
	const char *controller;
	const char *path; /* absolute, in the file system; of a scope the unit's name */
};

/* The host's hierarchies, where creating found them; NULL otherwise. Borrowed. */
const struct cgroup_layout *cgroup_layout_of(const struct cgroup *cg);

/* Borrowed from `cg`. */
size_t cgroup_paths(const struct cgroup *cg, const struct cgroup_path **ret_paths);

/* An object from its kept form. Directories that are gone by now are fine. */
int cgroup_open(const struct cgroup_path *paths, size_t n, struct cgroup **ret, struct err *err);

/* The one among them that can be frozen, v1's before what v2 has always; NULL: none. */
const struct cgroup_path *cgroup_freezer_path(const struct cgroup_path *paths, size_t n);

/* Whether it is frozen, or about to be; false when it is gone. */
bool cgroup_path_is_frozen(const struct cgroup_path *path);

/* Returns when every process stands still, or runs again. -ENOTSUP without a freezer. */
int cgroup_freeze(struct cgroup *cg, struct err *err);
int cgroup_thaw(struct cgroup *cg, struct err *err);
int cgroup_is_frozen(struct cgroup *cg, bool *ret_frozen, struct err *err);

/*
 * All processes, of cgroups below as well, each once. *ret_pids is malloc'd;
 * processes outside our PID namespace are left out.
 */
int cgroup_pids(struct cgroup *cg, pid_t **ret_pids, size_t *ret_n, struct err *err);

/*
 * Signals every process. No process can fork its way out: v2 has a file for
 * SIGKILL, else they are frozen meanwhile. SIGKILL also thaws a paused container,
 * because a frozen process of v1 does not die.
 */
int cgroup_signal_all(struct cgroup *cg, int sig, struct err *err);

/*
 * Removes the directories if no process is in them: true when that was so. Else some
 * may be gone, but the processes can still be found.
 */
bool cgroup_remove_empty(const struct cgroup_path *paths, size_t n);

/*
 * Removes the directories, waiting up to some seconds for processes that are on
 * their way out. -EBUSY when some stay. What is already gone is fine.
 */
int cgroup_destroy(struct cgroup *cg, struct err *err);

#endif
