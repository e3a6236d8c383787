/* SPDX-License-Identifier: Apache-2.0 */
/*
 * New limits for a container that has processes. All of them hold afterwards, or
 * those from before. A container has cgroups only where it had a limit (cgroup.h):
 * a new kind of limit makes the missing one and moves its processes there.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/box/cgroup_limits.h"
#include "runtime/box/cgroup_priv.h"

/* How often new processes may turn up while all are moved. */
#define MOVE_ROUNDS_MAX 1000

static bool has_pid(const pid_t *pids, size_t n, pid_t pid)
{
	for (size_t i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* Moves `pids` to a directory, those that are not there already. *ret_moved counts them. */
static int move_some(const struct cgroup_dir *dir, const pid_t *pids, size_t n, size_t *ret_moved,
	struct err *err)
{
	_cleanup_free_ pid_t *there = NULL;
	size_t n_there;

	if (cgroup_dir_pids(dir, &there, &n_there, err) < 0)
		return -err->code;
	for (size_t i = 0; i < n; i++) {
		struct err why = ERR_INIT;
		char text[16];

		if (has_pid(there, n_there, pids[i]))
			continue;
		snprintf(text, sizeof(text), "%d", (int)pids[i]);
		if (file_put(dir->fd, "cgroup.procs", text, &why) == 0) {
			(*ret_moved)++;
		} else if (why.code != ESRCH && kill(pids[i], 0) == 0) {
			*err = why;
			return err_wrap(err, "cgroup '%s'", dir->path);
		}
	}
	return 0;
}

/* Children of those that were moved are born there; others may be born meanwhile: until none is. */
static int move_in(struct cgroup *cg, const struct cgroup_dir *dir, struct err *err)
{
	size_t moved = 1;

	for (int i = 0; moved > 0 && i < MOVE_ROUNDS_MAX; i++) {
		_cleanup_free_ pid_t *pids = NULL;
		size_t n;

		moved = 0;
		if (cgroup_pids(cg, &pids, &n, err) < 0 || move_some(dir, pids, n, &moved, err) < 0)
			return -err->code;
	}
	return moved == 0 ? 0
			  : err_say(err, EBUSY, "cgroup '%s': processes come faster than they move",
				    dir->path);
}

/* Back to where they were, and the directory is gone. */
static void move_out(struct cgroup_dir *dir, struct buf *warnings)
{
	_cleanup_free_ char *above = NULL;
	_cleanup_free_ pid_t *pids = NULL;
	struct cgroup_dir parent = {.path = dir->path, .fd = -1};
	struct err err = ERR_INIT;
	size_t n = 0, moved = 0;

	if (asprintf(&above, "%s/..", dir->path) < 0)
		above = NULL;
	parent.fd = above ? open(above, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (parent.fd < 0 || cgroup_dir_pids(dir, &pids, &n, &err) < 0 ||
		move_some(&parent, pids, n, &moved, &err) < 0 || rmdir(dir->path) < 0)
		buf_printf(warnings, "cgroup '%s': cannot be removed again, ignoring\n", dir->path);
	else
		fd_close(&dir->fd);
	fd_close(&parent.fd);
}

static int save(struct cgroup *cg, const struct cgroup_update *u, bool done, struct err *err)
{
	return u->save ? u->save(u->save_arg, cg->paths, cg->n_paths, done, err) : 0;
}

static int announce(void *arg, const struct cgroup_path *paths, size_t n, struct err *err)
{
	const struct cgroup_update *u = arg;

	return u->save ? u->save(u->save_arg, paths, n, false, err) : 0;
}

static int tell_systemd(
	const struct cgroup *cg, const struct cgroup_limits *limits, struct err *err)
{
	_cleanup_cgroup_layout_ struct cgroup_layout layout = {.n = 0};

	if (cgroup_layout_load(&layout, err) < 0)
		return -err->code;
	return cgroup_scope_set(&cg->scope, &layout, limits, err);
}

static int apply(struct cgroup *cg, const struct cgroup_update *u,
	const struct cgroup_limits *limits, size_t n_before, struct err *err)
{
	int r = cgroup_apply(cg, limits, err);

	for (size_t i = n_before; r == 0 && i < cg->n_dirs; i++)
		r = move_in(cg, &cg->dirs[i], err);
	if (r == 0 && cg->scope.unit)
		r = tell_systemd(cg, limits, err);
	/* Not given is "as it is" here, and not "the default". */
	if (r == 0 && limits->n_devices > 0)
		r = cgroup_apply_devices(cg, limits, err);
	return r < 0 ? r : save(cg, u, true, err);
}

int cgroup_update_limited(struct cgroup *cg, const struct cgroup_update *u,
	const struct cgroup_limits *limits, const struct cgroup_limits *before,
	struct buf *warnings, struct err *err)
{
	_cleanup_cgroup_journal_ struct cgroup_journal journal = {.list = NULL};
	size_t n_before = cg->n_dirs;
	int r = cgroup_make_missing(cg, limits, announce, (void *)u, err);

	for (size_t i = 0; i < cg->n_dirs; i++)
		cg->dirs[i].journal = &journal;
	if (r == 0)
		r = apply(cg, u, limits, n_before, err);
	for (size_t i = 0; i < cg->n_dirs; i++)
		cg->dirs[i].journal = NULL;
	if (r == 0)
		return 0;
	cgroup_journal_undo(&journal, warnings);
	if (limits->n_devices > 0) {
		struct err why = ERR_INIT;

		if (cgroup_apply_devices(cg, before, &why) < 0)
			buf_printf(
				warnings, "cannot take device rules back: %s, ignoring\n", why.msg);
	}
	for (size_t i = n_before; i < cg->n_dirs; i++)
		if (cg->dirs[i].fd >= 0)
			move_out(&cg->dirs[i], warnings);
	return r;
}
