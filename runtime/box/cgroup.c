/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's cgroups as one object: made, kept, opened again, closed. What lives in
 * them is cgroup_life.c's.
 */
#include "runtime/box/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/box/cgroup_make.h"
#include "runtime/box/cgroup_priv.h"

/* What marks a scope in the kept form. */
#define UNIT	  ":unit"
#define USER_UNIT ":user-unit"

struct cgroup *cgroup_new(void)
{
	struct cgroup *cg = calloc(1, sizeof(*cg));

	if (cg) {
		cg->scope = (struct cgroup_scope)CGROUP_SCOPE_INIT;
		cg->attach_v2 = cg->stay_v2 = -1;
	}
	return cg;
}

static int open_attach(struct cgroup *cg, int dirfd, const char *path, bool v2, struct err *err)
{
	const char *file = (v2 ? &cgroup_ops_v2 : &cgroup_ops_v1)->attach_file;
	int fd = openat(dirfd, file, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, errno, "open '%s/%s'", path, file);
	if (v2)
		cg->attach_v2 = (int)cg->n_attach_fds;
	cg->attach_fds[cg->n_attach_fds++] = fd;
	return 0;
}

/* On kernels that have no such file it only takes longer. */
static void open_stay(struct cgroup *cg, int dirfd)
{
	cg->stay_v2 = openat(dirfd, "cgroup.threads", O_WRONLY | O_CLOEXEC);
}

/* For a child of somebody else: into our own cgroup, where it would be as our child. */
static int open_attach_own(struct cgroup *cg, const struct cgroup_hierarchy *h,
	const struct cgroup_options *options, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;

	if (asprintf(&path, "%s%s", h->mount, h->own) < 0) {
		path = NULL;
		return err_oom(err);
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "open cgroup '%s'", path);
	if (h->v2 && options->asks_birth)
		open_stay(cg, fd);
	return open_attach(cg, fd, path, h->v2, err);
}

/* The kernel has no name for it, so it stands in the list like a directory. */
static int record_unit(struct cgroup *cg, struct err *err)
{
	return cgroup_record_path(cg, "", cg->scope.user ? USER_UNIT : UNIT, cg->scope.unit, err);
}

/*
 * With systemd the place is the scope's, which it makes in its own hierarchies; in
 * the others the directory is ours to make. The unit is noted before it exists.
 */
static int make_scope(struct cgroup *cg, const struct cgroup_layout *layout,
	const struct cgroup_options *options, const struct cgroup_limits *limits, char **ret_place,
	struct err *err)
{
	_cleanup_free_ char *slice = NULL;

	if (cgroup_scope_name(&cg->scope, options->path, options->id, &slice, err) < 0 ||
		record_unit(cg, err) < 0)
		return -err->code;
	if (options->announce &&
		options->announce(options->announce_arg, cg->paths, cg->n_paths, err) < 0)
		return -err->code;
	return cgroup_scope_start(&cg->scope, slice, options, layout, limits, ret_place, err);
}

static int make_dirs(struct cgroup *cg, const struct cgroup_layout *layout,
	const struct cgroup_options *options, const struct cgroup_needs *needs, struct err *err)
{
	for (size_t i = 0; i < layout->n; i++) {
		const struct cgroup_hierarchy *h = &layout->list[i];
		const struct cgroup_dir *dir = &cg->dirs[cg->n_dirs];
		int r = 0;

		if (cgroup_needs_use(layout, h, needs)) {
			r = cgroup_make_in(cg, layout, h, options, needs, false, err);
			if (r == 0 && !dir->made && !cg->scope.unit)
				r = cgroup_check_found(dir, err);
			if (r == 0)
				r = open_attach(cg, dir->fd, dir->path, h->v2, err);
			if (r == 0 && h->v2 && options->asks_birth)
				open_stay(cg, dir->fd);
		} else if (options->foreign_parent) {
			r = open_attach_own(cg, h, options, err);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* Tells the caller what make_dirs() is going to make. */
static int announce(const struct cgroup *cg, const struct cgroup_layout *layout,
	const struct cgroup_options *options, const struct cgroup_needs *needs, struct err *err)
{
	_cleanup_cgroup_ struct cgroup *plan = NULL;

	if (!options->announce)
		return 0;
	plan = cgroup_new();
	if (!plan)
		return err_oom(err);
	for (size_t i = 0; i < cg->n_paths; i++)
		if (cgroup_record_path(plan, "", cg->paths[i].controller, cg->paths[i].path, err) <
			0)
			return -err->code;
	for (size_t i = 0; i < layout->n; i++)
		if (cgroup_needs_use(layout, &layout->list[i], needs) &&
			cgroup_make_in(plan, layout, &layout->list[i], options, needs, true, err) <
				0)
			return -err->code;
	return options->announce(options->announce_arg, plan->paths, plan->n_paths, err);
}

/* What create() returns when the container is to run without cgroups of its own. */
#define CREATE_WITHOUT 1

static int make(struct cgroup *cg, const struct cgroup_layout *layout,
	const struct cgroup_options *options, const struct cgroup_limits *limits,
	const struct cgroup_needs *needs, struct err *err)
{
	_cleanup_free_ char *place = NULL;
	struct cgroup_options placed = *options;

	if (options->manager == CGROUP_MANAGER_SYSTEMD) {
		if (make_scope(cg, layout, options, limits, &place, err) < 0)
			return -err->code;
		placed.path = place;
	}
	if (announce(cg, layout, &placed, needs, err) < 0)
		return -err->code;
	return make_dirs(cg, layout, &placed, needs, err);
}

/* Who asked for no limit misses nothing, and engines take a warning for why a run failed. */
static void go_without(
	const struct cgroup_needs *needs, const struct err *why, struct buf *warnings)
{
	if (cgroup_needs_limit(needs))
		buf_printf(warnings, "%s; going on without a cgroup and its limits\n", why->msg);
	else
		log_debug("%s; going on without a cgroup", why->msg);
}

static int create(struct cgroup *cg, const struct cgroup_options *options,
	const struct cgroup_limits *limits, struct buf *warnings, struct err *err)
{
	struct cgroup_layout *layout = &cg->layout;
	struct cgroup_needs needs;
	int r;

	memset(&needs, 0, sizeof(needs));
	if (cgroup_layout_load(layout, err) < 0 || cgroup_needs_of(layout, limits, &needs, err) < 0)
		return -err->code;
	if (options->manager == CGROUP_MANAGER_DISABLED)
		return cgroup_needs_check_none(&needs, err);
	if (layout->n == 0 && !cgroup_needs_asked(&needs)) {
		buf_puts(warnings,
			"no cgroups are mounted: the container has no limits and can use "
			"every device it can open, ignoring\n");
		return 0;
	}
	r = make(cg, layout, options, limits, &needs, err);
	if (options->rootless && (r == -EACCES || r == -EPERM || r == -EROFS)) {
		go_without(&needs, err, warnings);
		return CREATE_WITHOUT;
	}
	if (r == 0)
		r = cgroup_needs_check(cg, &needs, err);
	if (r == 0)
		r = cgroup_apply(cg, limits, err);
	return r < 0 ? r : cgroup_apply_devices(cg, limits, options->rootless, err);
}

int cgroup_create_limited(const struct cgroup_options *options, const struct cgroup_limits *limits,
	struct cgroup **ret, struct buf *warnings, struct err *err)
{
	_cleanup_cgroup_ struct cgroup *cg = cgroup_new();
	struct err ignored = ERR_INIT;
	int r;

	if (!cg)
		return err_oom(err);
	r = create(cg, options, limits, warnings, err);
	if (r != 0)
		(void)cgroup_destroy(cg, &ignored);
	if (r < 0)
		return r;
	if (r == CREATE_WITHOUT) {
		cgroup_close(cg);
		cg = cgroup_new();
		if (!cg)
			return err_oom(err);
	}
	*ret = take_ptr(&cg);
	return 0;
}

static int take_unit(struct cgroup *cg, const char *suffix, const char *unit, struct err *err)
{
	free(cg->scope.unit);
	cg->scope.unit = strdup(unit);
	cg->scope.user = streq(suffix, USER_UNIT);
	return cg->scope.unit ? 0 : err_oom(err);
}

int cgroup_open(const struct cgroup_path *paths, size_t n, struct cgroup **ret, struct err *err)
{
	_cleanup_cgroup_ struct cgroup *cg = cgroup_new();

	if (!cg)
		return err_oom(err);
	for (size_t i = 0; i < n; i++) {
		const char *suffix = strchrnul(paths[i].controller, ':');
		_cleanup_free_ char *name =
			strndup(paths[i].controller, (size_t)(suffix - paths[i].controller));

		if (!name || cgroup_record_path(cg, name, suffix, paths[i].path, err) < 0)
			return err_oom(err);
		if (streq(suffix, ":parent"))
			continue;
		if (streq(suffix, UNIT) || streq(suffix, USER_UNIT)) {
			if (take_unit(cg, suffix, paths[i].path, err) < 0)
				return -err->code;
			continue;
		}
		if (*suffix && !streq(suffix, ":found"))
			return err_say(err, EINVAL, "cgroup '%s' is of an unknown kind '%s'",
				paths[i].path, suffix + 1);
		if (cgroup_dir_open(cg, name, paths[i].path, !*suffix, err) < 0)
			return -err->code;
	}
	*ret = take_ptr(&cg);
	return 0;
}

void cgroup_close(struct cgroup *cg)
{
	_cleanup_fd_batch_ struct fd_batch fds = {.n = 0};

	if (!cg)
		return;
	cgroup_scope_finish(&cg->scope);
	cgroup_layout_finish(&cg->layout);
	for (size_t i = 0; i < cg->n_dirs; i++) {
		fd_batch_add(&fds, &cg->dirs[i].fd);
		free(cg->dirs[i].controllers);
		free(cg->dirs[i].path);
	}
	for (size_t i = 0; i < cg->n_paths; i++) {
		free((char *)cg->paths[i].controller);
		free((char *)cg->paths[i].path);
	}
	free(cg->paths);
	for (size_t i = 0; i < cg->n_attach_fds; i++)
		fd_batch_add(&fds, &cg->attach_fds[i]);
	fd_batch_add(&fds, &cg->stay_v2);
	free(cg);
}

int cgroup_attach_v2(const struct cgroup *cg)
{
	return cg->attach_v2;
}

int cgroup_stay_v2(const struct cgroup *cg)
{
	return cg->stay_v2;
}

size_t cgroup_attach_fds(const struct cgroup *cg, const int **ret_fds)
{
	*ret_fds = cg->attach_fds;
	return cg->n_attach_fds;
}

const struct cgroup_dir *cgroup_dir_v2(const struct cgroup *cg)
{
	for (size_t i = 0; i < cg->n_dirs; i++)
		if (cg->dirs[i].ops == &cgroup_ops_v2)
			return &cg->dirs[i];
	return NULL;
}

int cgroup_v2_dirfd(const struct cgroup *cg)
{
	const struct cgroup_dir *dir = cgroup_dir_v2(cg);

	/* systemd makes a scope's directory for us. */
	return dir && !cg->joins_below && (dir->made || cg->scope.unit) ? dir->fd : -1;
}

const struct cgroup_layout *cgroup_layout_of(const struct cgroup *cg)
{
	return cg->layout.n > 0 ? &cg->layout : NULL;
}

size_t cgroup_paths(const struct cgroup *cg, const struct cgroup_path **ret_paths)
{
	*ret_paths = cg->paths;
	return cg->n_paths;
}

struct cgroup_dir *cgroup_dir_find(struct cgroup *cg, const char *controller)
{
	for (int v2 = 0; v2 <= 1; v2++)
		for (size_t i = 0; i < cg->n_dirs; i++)
			if ((cg->dirs[i].ops == &cgroup_ops_v2) == (bool)v2 &&
				cgroup_list_has(cg->dirs[i].controllers, controller))
				return &cg->dirs[i];
	return NULL;
}
