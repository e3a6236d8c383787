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

/* Counts it in *moved, when it did not end meanwhile. */
static int move_one(const struct cgroup_dir *to, pid_t pid, size_t *moved, struct err *err)
{
	struct err why = ERR_INIT;
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)pid);
	if (file_put(to->fd, "cgroup.procs", text, &why) == 0) {
		(*moved)++;
	} else if (why.code != ESRCH && kill(pid, 0) == 0) {
		*err = why;
		return err_wrap(err, "cgroup '%s'", to->path);
	}
	return 0;
}

/* Moves the container's processes that are not there already. */
static int move_in_some(
	struct cgroup *cg, const struct cgroup_dir *to, size_t *moved, struct err *err)
{
	_cleanup_free_ pid_t *pids = NULL, *there = NULL;
	size_t n, n_there;

	if (cgroup_pids(cg, &pids, &n, err) < 0 || cgroup_dir_pids(to, &there, &n_there, err) < 0)
		return -err->code;
	for (size_t i = 0; i < n; i++)
		if (!has_pid(there, n_there, pids[i]) && move_one(to, pids[i], moved, err) < 0)
			return -err->code;
	return 0;
}

static int move_out_some(
	const struct cgroup_dir *from, const struct cgroup_dir *to, size_t *moved, struct err *err)
{
	_cleanup_free_ pid_t *pids = NULL;
	size_t n;

	if (cgroup_dir_pids(from, &pids, &n, err) < 0)
		return -err->code;
	for (size_t i = 0; i < n; i++)
		if (move_one(to, pids[i], moved, err) < 0)
			return -err->code;
	return 0;
}

/* Children of those that were moved are born there; others may be born meanwhile: until none is. */
static int move_in(struct cgroup *cg, const struct cgroup_dir *to, struct err *err)
{
	size_t moved = 1;

	for (int i = 0; moved > 0 && i < MOVE_ROUNDS_MAX; i++) {
		moved = 0;
		if (move_in_some(cg, to, &moved, err) < 0)
			return -err->code;
	}
	return moved == 0 ? 0
			  : err_say(err, EBUSY, "cgroup '%s': processes come faster than they move",
				    to->path);
}

/* Where the container's processes are in every hierarchy; nothing, when it has none. */
static void find_places(struct cgroup *cg, struct cgroup_layout *ret)
{
	_cleanup_free_ pid_t *pids = NULL;
	struct err ignored;
	size_t n;

	if (cgroup_pids(cg, &pids, &n, &ignored) < 0)
		return;
	/* One may end meanwhile. */
	for (size_t i = 0; i < n; i++)
		if (cgroup_layout_load_of(pids[i], ret, &ignored) == 0)
			return;
}

static int open_place(const struct cgroup_layout *places, const struct cgroup_dir *dir,
	struct cgroup_dir *ret, struct err *err)
{
	for (size_t i = 0; i < places->n; i++) {
		const struct cgroup_hierarchy *h = &places->list[i];

		if (h->v2 ? dir->ops != &cgroup_ops_v2 : !streq(h->name, dir->controllers))
			continue;
		if (asprintf(&ret->path, "%s%s", h->mount, h->own) < 0) {
			ret->path = NULL;
			return err_oom(err);
		}
		ret->fd = open(ret->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return ret->fd < 0 ? err_set(err, errno, "open cgroup '%s'", ret->path) : 0;
	}
	return err_say(err, ESRCH, "nobody knows where its processes were");
}

static int move_all_out(
	const struct cgroup_layout *places, const struct cgroup_dir *dir, struct err *err)
{
	struct cgroup_dir place = {.fd = -1};
	size_t moved = 1;
	int r = open_place(places, dir, &place, err);

	for (int i = 0; r == 0 && moved > 0 && i < MOVE_ROUNDS_MAX; i++) {
		moved = 0;
		r = move_out_some(dir, &place, &moved, err);
	}
	fd_close(&place.fd);
	free(place.path);
	return r;
}

/* Processes back to where they were, and the directory is gone. */
static void undo_dir(
	const struct cgroup_layout *places, struct cgroup_dir *dir, struct buf *warnings)
{
	_cleanup_free_ pid_t *pids = NULL;
	struct err err = ERR_INIT;
	size_t n = 0;
	int r = cgroup_dir_pids(dir, &pids, &n, &err);

	if (r == 0 && n > 0)
		r = move_all_out(places, dir, &err);
	if (r == 0 && dir->made && rmdir(dir->path) < 0)
		r = err_set(&err, errno, "rmdir");
	if (r < 0)
		buf_printf(warnings, "cgroup '%s' cannot be removed again: %s, ignoring\n",
			dir->path, err.msg);
	else
		fd_close(&dir->fd);
}

/* What was told of and is not the container's any more; what could not be removed still is. */
static void forget_gone(struct cgroup *cg, size_t n_before)
{
	size_t n = n_before;

	cgroup_remove_parents(cg->paths + n_before, cg->n_paths - n_before);
	for (size_t i = n_before; i < cg->n_paths; i++) {
		struct cgroup_path *p = &cg->paths[i];

		if (!strstr(p->controller, ":found") && access(p->path, F_OK) == 0) {
			cg->paths[n++] = *p;
			continue;
		}
		free((char *)p->controller);
		free((char *)p->path);
	}
	cg->n_paths = n;
}

static int save(struct cgroup *cg, const struct cgroup_update *u, bool done, struct err *err)
{
	return u->save ? u->save(u->save_arg, cg->paths, cg->n_paths, done, err) : 0;
}

struct announcement {
	const struct cgroup_update *update;
	bool made; /* what is recorded may be another than before */
};

static int announce(void *arg, const struct cgroup_path *paths, size_t n, struct err *err)
{
	struct announcement *a = arg;
	const struct cgroup_update *u = a->update;

	a->made = true;
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
	/* Not given is "as it is" here, and not "the default". */
	if (r == 0 && limits->n_devices > 0)
		r = cgroup_apply_devices(cg, limits, u->rootless, err);
	/* It would write its own limits again: told when nothing but the record can fail. */
	if (r == 0 && cg->scope.unit)
		r = tell_systemd(cg, limits, err);
	return r < 0 ? r : save(cg, u, true, err);
}

/* All of it as it was. */
static void take_back(struct cgroup *cg, const struct announcement *announced,
	const struct cgroup_layout *places, size_t n_dirs, size_t n_paths, struct buf *warnings)
{
	struct err err = ERR_INIT;

	for (size_t i = n_dirs; i < cg->n_dirs; i++)
		if (cg->dirs[i].fd >= 0)
			undo_dir(places, &cg->dirs[i], warnings);
	forget_gone(cg, n_paths);
	if (announced->made && save(cg, announced->update, false, &err) < 0)
		buf_printf(warnings, "%s, ignoring\n", err.msg);
}

/* What is in no file. */
static void undo_others(struct cgroup *cg, const struct cgroup_update *u,
	const struct cgroup_limits *limits, const struct cgroup_limits *before,
	struct buf *warnings)
{
	struct err err = ERR_INIT;

	if (limits->n_devices > 0 && cgroup_apply_devices(cg, before, u->rootless, &err) < 0)
		buf_printf(warnings, "cannot take device rules back: %s, ignoring\n", err.msg);
	if (cg->scope.unit && tell_systemd(cg, before, &err) < 0)
		buf_printf(warnings, "cannot tell systemd of the former limits: %s, ignoring\n",
			err.msg);
}

int cgroup_update_limited(struct cgroup *cg, const struct cgroup_update *u,
	const struct cgroup_limits *limits, const struct cgroup_limits *before,
	struct buf *warnings, struct err *err)
{
	_cleanup_cgroup_journal_ struct cgroup_journal journal = {.list = NULL};
	_cleanup_cgroup_layout_ struct cgroup_layout places = {.n = 0};
	struct announcement announced = {.update = u};
	size_t n_dirs = cg->n_dirs, n_paths = cg->n_paths;
	int r = cgroup_make_missing(cg, limits, announce, &announced, err);

	for (size_t i = 0; i < cg->n_dirs; i++)
		cg->dirs[i].journal = &journal;
	if (cg->n_dirs > n_dirs)
		find_places(cg, &places);
	if (r == 0)
		r = apply(cg, u, limits, n_dirs, err);
	for (size_t i = 0; i < cg->n_dirs; i++)
		cg->dirs[i].journal = NULL;
	if (r == 0)
		return 0;
	cgroup_journal_undo(&journal, warnings);
	undo_others(cg, u, limits, before, warnings);
	take_back(cg, &announced, &places, n_dirs, n_paths, warnings);
	return r;
}
