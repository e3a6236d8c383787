/* SPDX-License-Identifier: Apache-2.0 */
/* Making the directory of one hierarchy, with those above it that are missing. */
#include "runtime/box/cgroup_make.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/box/cgroup_priv.h"

/* A directory may vanish under us when another container's last one is removed. */
#define MKDIR_TRIES 8

/* "cpu io\n" -> "cpu,io,", in place. */
static void words_to_list(char *text)
{
	for (; *text; text++)
		if (*text == ' ' || *text == '\n')
			*text = ',';
}

int cgroup_record_path(
	struct cgroup *cg, const char *name, const char *suffix, const char *path, struct err *err)
{
	_cleanup_free_ char *controller = NULL, *copy = strdup(path);
	struct cgroup_path *paths;

	if (asprintf(&controller, "%s%s", name, suffix) < 0)
		controller = NULL;
	paths = realloc(cg->paths, (cg->n_paths + 1) * sizeof(*paths));
	if (paths)
		cg->paths = paths;
	if (!controller || !copy || !paths)
		return err_oom(err);
	cg->paths[cg->n_paths++] = (struct cgroup_path){
		.controller = take_ptr(&controller),
		.path = take_ptr(&copy),
	};
	return 0;
}

/* Beside v1 a v2 often has no controller that anybody wants. */
static bool has_needed(const struct cgroup_hierarchy *h, const struct cgroup_needs *needs)
{
	for (size_t i = 0; i < needs->n; i++)
		if (cgroup_list_has(h->controllers, needs->list[i].name))
			return true;
	return false;
}

/*
 * v2: a directory's children may use what its subtree_control names. Needs no process
 * in it. What could not be enabled shows in the container's own directory; see
 * cgroup_needs_check().
 */
void cgroup_enable_controllers(
	const char *path, const struct cgroup_hierarchy *h, const struct cgroup_needs *needs)
{
	_cleanup_close_ int fd = -1;
	_cleanup_free_ char *enabled = NULL;
	struct err ignored;
	size_t len;

	if (!has_needed(h, needs))
		return;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || file_read_value(fd, "cgroup.subtree_control", FILE_VALUE_MAX, &enabled, &len,
			      &ignored) < 0)
		return;
	words_to_list(enabled);
	for (size_t i = 0; i < needs->n; i++) {
		const char *name = needs->list[i].name;
		char word[40];

		if (!cgroup_list_has(h->controllers, name) || cgroup_list_has(enabled, name))
			continue;
		snprintf(word, sizeof(word), "+%s", name);
		(void)file_put(fd, "cgroup.subtree_control", word, &ignored);
	}
}

/* v1: a cpuset is born empty, and nothing can be attached to it; it gets what its parent has. */
static int inherit_cpuset(const char *path, struct err *err)
{
	static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int parent = -1;

	if (fd >= 0)
		parent = openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (parent < 0)
		return err_set(err, errno, "open cgroup '%s'", path);
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		_cleanup_free_ char *now = NULL, *theirs = NULL;
		size_t len;

		if (file_read(fd, files[i], 1u << 16, &now, &len, err) < 0)
			return -err->code;
		if (len > 1)
			continue;
		if (file_read(parent, files[i], 1u << 16, &theirs, &len, err) < 0 ||
			file_put(fd, files[i], theirs, err) < 0)
			return err_wrap(err, "cgroup '%s'", path);
	}
	return 0;
}

struct making {
	struct cgroup *cg;
	const struct cgroup_hierarchy *h;
	const struct cgroup_needs *needs;
	char *path;   /* mount point and place */
	size_t mount; /* length of the first */
	bool dry;     /* only look what would be made */
};

/* One directory on the way, or the last. 0, or a negative errno. */
static int make_one(struct making *m, const char *path, bool last, bool *ret_made, struct err *err)
{
	bool made = m->dry ? access(path, F_OK) < 0 : mkdir(path, 0755) == 0;

	if (!m->dry && !made && errno != EEXIST)
		return err_set(err, errno, "make cgroup '%s'", path);
	if (!m->dry && made && cgroup_list_has(m->h->controllers, "cpuset") && !m->h->v2) {
		if (inherit_cpuset(path, err) < 0) {
			(void)rmdir(path);
			return -err->code;
		}
	}
	*ret_made = made;
	if (made || last) {
		if (cgroup_record_path(m->cg, m->h->name, last ? (made ? "" : ":found") : ":parent",
			    path, err) < 0) {
			if (made && !m->dry)
				(void)rmdir(path);
			return -err->code;
		}
	}
	return 0;
}

/*
 * Mostly all directories above are there. -ENOENT when not, and for v2, where each of
 * them has to let the controllers through.
 */
static int make_last(struct making *m, bool *ret_made, struct err *err)
{
	char *slash = strrchr(m->path + m->mount, '/');
	bool above = true;

	if (m->h->v2 && !m->dry)
		return -ENOENT;
	if (m->dry && slash > m->path + m->mount) {
		*slash = '\0';
		above = access(m->path, F_OK) == 0;
		*slash = '/';
	}
	return above ? make_one(m, m->path, true, ret_made, err) : -ENOENT;
}

static int make_all(struct making *m, bool *ret_made, struct err *err)
{
	char *slash = m->path + m->mount;
	int last = make_last(m, ret_made, err);

	if (last != -ENOENT)
		return last;

	while (*slash) {
		char *next = strchrnul(slash + 1, '/');
		char saved = *next;
		int r;

		if (m->h->v2 && !m->dry) {
			*slash = '\0';
			cgroup_enable_controllers(m->path, m->h, m->needs);
			*slash = '/';
		}
		*next = '\0';
		r = make_one(m, m->path, saved == '\0', ret_made, err);
		*next = saved;
		if (r < 0)
			return r;
		slash = next;
	}
	return 0;
}

/* What v2 has enabled in the directory, and what it always has. */
char *cgroup_v2_controllers(int fd)
{
	_cleanup_free_ char *text = NULL;
	char *list = NULL;
	struct err ignored;
	size_t len;

	if (file_read_value(fd, "cgroup.controllers", FILE_VALUE_MAX, &text, &len, &ignored) < 0)
		return strdup(CGROUP_V2_BUILT_IN);
	words_to_list(text);
	return asprintf(&list, "%s," CGROUP_V2_BUILT_IN, text) < 0 ? NULL : list;
}

int cgroup_dir_open(
	struct cgroup *cg, const char *name, const char *path, bool made, struct err *err)
{
	struct cgroup_dir *dir = &cg->dirs[cg->n_dirs];
	bool v2 = !*name;

	if (cg->n_dirs == CGROUP_HIERARCHIES_MAX)
		return err_say(err, E2BIG, "more than %d cgroups", CGROUP_HIERARCHIES_MAX);
	*dir = (struct cgroup_dir){
		.ops = v2 ? &cgroup_ops_v2 : &cgroup_ops_v1, .fd = -1, .made = made};
	cg->n_dirs++;
	dir->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir->fd < 0 && errno != ENOENT)
		return err_set(err, errno, "open cgroup '%s'", path);
	dir->path = strdup(path);
	dir->controllers = v2 ? cgroup_v2_controllers(dir->fd) : strdup(name);
	return dir->path && dir->controllers ? 0 : err_oom(err);
}

int cgroup_make_in(struct cgroup *cg, const struct cgroup_layout *layout,
	const struct cgroup_hierarchy *h, const struct cgroup_options *options,
	const struct cgroup_needs *needs, bool dry, struct err *err)
{
	_cleanup_free_ char *place = NULL, *path = NULL;
	struct making m = {.cg = cg, .h = h, .needs = needs, .mount = strlen(h->mount), .dry = dry};
	bool made = false;
	int r;

	r = cgroup_layout_place(layout, h, options->path, options->id, &place, err);
	if (r < 0)
		return r;
	if (asprintf(&path, "%s%s", h->mount, place) < 0) {
		path = NULL;
		return err_oom(err);
	}
	m.path = path;
	for (int i = 0; i < MKDIR_TRIES; i++) {
		r = make_all(&m, &made, err);
		if (r != -ENOENT)
			break;
	}
	return r < 0 || dry ? r : cgroup_dir_open(cg, h->name, path, made, err);
}

/* A directory that was there before may hold no processes that are not ours to limit, nor be frozen. */
int cgroup_check_found(const struct cgroup_dir *dir, struct err *err)
{
	_cleanup_free_ pid_t *pids = NULL;
	bool frozen = false;
	size_t n;

	if (cgroup_dir_pids(dir, &pids, &n, err) < 0)
		return -err->code;
	if (n > 0)
		return err_say(err, EBUSY, "cgroup '%s' has processes in it", dir->path);
	if (cgroup_list_has(dir->controllers, "freezer") &&
		dir->ops->is_frozen(dir, &frozen, err) < 0)
		return -err->code;
	return frozen ? err_say(err, EBUSY, "cgroup '%s' is frozen", dir->path) : 0;
}
