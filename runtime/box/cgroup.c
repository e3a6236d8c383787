/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a container's cgroups: which hierarchies, which directories, in what
 * order. What lives in them afterwards is cgroup_life.c's.
 */
#include "runtime/box/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/box/cgroup_devices.h"
#include "runtime/box/cgroup_limits.h"
#include "runtime/box/cgroup_priv.h"

/* A directory may vanish under us when another container's last one is removed. */
#define MKDIR_TRIES 8

#define CONTROLLERS_MAX 32

/* What marks a scope in the kept form. */
#define UNIT	  ":unit"
#define USER_UNIT ":user-unit"

/* A controller that the container needs, or would use if it is there. */
struct need {
	char name[32];
	const char *field; /* of the configuration that asks for it; NULL: nobody does */
};

struct needs {
	struct need list[CONTROLLERS_MAX];
	size_t n;
};

static struct cgroup *cgroup_new(void)
{
	struct cgroup *cg = calloc(1, sizeof(*cg));

	if (cg) {
		cg->scope = (struct cgroup_scope)CGROUP_SCOPE_INIT;
		cg->attach_v2 = -1;
	}
	return cg;
}

/* v2 has these two without a controller. */
#define V2_BUILT_IN ",devices,freezer"

static int needs_add(
	struct needs *needs, const char *name, size_t len, const char *field, struct err *err)
{
	for (size_t i = 0; i < needs->n; i++) {
		struct need *need = &needs->list[i];

		if (strlen(need->name) == len && strncmp(need->name, name, len) == 0) {
			need->field = need->field ? need->field : field;
			return 0;
		}
	}
	if (needs->n == CONTROLLERS_MAX || len >= sizeof(needs->list[0].name))
		return err_say(err, EINVAL,
			"linux.resources: no cgroup controller is called '%.*s'", (int)len, name);
	memcpy(needs->list[needs->n].name, name, len);
	needs->list[needs->n++].field = field;
	return 0;
}

/*
 * devices, pids, memory and freezer are always wanted: to shut devices off, to
 * stop and to find processes, and so that a limit can be set later. cpuacct is for
 * who reads statistics: a process that stays elsewhere is counted with others.
 */
static int needs_of(const struct cgroup_layout *layout, const struct cgroup_limits *l,
	struct needs *ret, struct err *err)
{
	const struct need_line {
		const char *name;
		const char *field;
		bool wanted;
		bool asked;
	} all[] = {
		{"devices", "devices", true, l->n_devices > 0},
		{"pids", "pids", true, l->pids != LIMIT_UNSET},
		{"memory", "memory", true, cgroup_limits_has_memory(l)},
		{"freezer", NULL, true, false},
		{"cpuacct", NULL, true, false},
		{"cpu", "cpu", false, cgroup_limits_has_cpu(l)},
		{"cpuset", "cpu", false, cgroup_limits_has_cpuset(l)},
		{cgroup_layout_find(layout, "blkio") ? "blkio" : "io", "blockIO", false,
			cgroup_limits_has_block_io(l)},
		{"hugetlb", "hugepageLimits", l->n_hugepages > 0, cgroup_limits_has_hugepages(l)},
		{"net_cls", "network.classID", false, cgroup_limits_has_class_id(l)},
		{"net_prio", "network.priorities", false, cgroup_limits_has_priorities(l)},
		{"rdma", "rdma", false, l->n_rdma > 0},
	};

	ret->n = 0;
	if (cgroup_check_unified(l, err) < 0)
		return -err->code;
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if ((all[i].wanted || all[i].asked) &&
			needs_add(ret, all[i].name, strlen(all[i].name),
				all[i].asked ? all[i].field : NULL, err) < 0)
			return -err->code;
	/* "memory.high" belongs to memory; "cgroup.max.depth" to no controller. */
	for (size_t i = 0; i < l->n_unified; i++) {
		const char *file = l->unified[i].file;

		if (!str_after(file, "cgroup.") &&
			needs_add(ret, file, strcspn(file, "."), "unified", err) < 0)
			return -err->code;
	}
	return 0;
}

static const struct cgroup_hierarchy *find_v2(const struct cgroup_layout *layout)
{
	for (size_t i = 0; i < layout->n; i++)
		if (layout->list[i].v2)
			return &layout->list[i];
	return NULL;
}

static bool is_built_in(const char *controller)
{
	return cgroup_list_has(&V2_BUILT_IN[1], controller);
}

static const struct cgroup_hierarchy *hierarchy_for(
	const struct cgroup_layout *layout, const char *controller)
{
	const struct cgroup_hierarchy *h = cgroup_layout_find(layout, controller);

	return !h && is_built_in(controller) ? find_v2(layout) : h;
}

/* The one hierarchy by which service managers keep track of processes: the container has its own. */
static const struct cgroup_hierarchy *tracking_hierarchy(const struct cgroup_layout *layout)
{
	const struct cgroup_hierarchy *h = find_v2(layout);

	return h ? h : cgroup_layout_find(layout, "name=systemd");
}

/* "cpu io\n" -> "cpu,io,", in place. */
static void words_to_list(char *text)
{
	for (; *text; text++)
		if (*text == ' ' || *text == '\n')
			*text = ',';
}

static int record_path(
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
static bool has_needed(const struct cgroup_hierarchy *h, const struct needs *needs)
{
	for (size_t i = 0; i < needs->n; i++)
		if (cgroup_list_has(h->controllers, needs->list[i].name))
			return true;
	return false;
}

/*
 * v2: a directory's children may use what its subtree_control names. Needs no process
 * in it. What could not be enabled shows in the container's own directory; see
 * check_needs().
 */
static void enable_controllers(
	const char *path, const struct cgroup_hierarchy *h, const struct needs *needs)
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
	const struct needs *needs;
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
		if (record_path(m->cg, m->h->name, last ? (made ? "" : ":found") : ":parent", path,
			    err) < 0) {
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
			enable_controllers(m->path, m->h, m->needs);
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
static char *v2_controllers(int fd)
{
	_cleanup_free_ char *text = NULL;
	char *list = NULL;
	struct err ignored;
	size_t len;

	if (file_read_value(fd, "cgroup.controllers", FILE_VALUE_MAX, &text, &len, &ignored) < 0)
		return strdup(&V2_BUILT_IN[1]);
	words_to_list(text);
	return asprintf(&list, "%s" V2_BUILT_IN, text) < 0 ? NULL : list;
}

static int dir_open(
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
	dir->controllers = v2 ? v2_controllers(dir->fd) : strdup(name);
	return dir->path && dir->controllers ? 0 : err_oom(err);
}

static int make_in(struct cgroup *cg, const struct cgroup_layout *layout,
	const struct cgroup_hierarchy *h, const struct cgroup_options *options,
	const struct needs *needs, bool dry, struct err *err)
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
	return r < 0 || dry ? r : dir_open(cg, h->name, path, made, err);
}

static bool is_used(const struct cgroup_layout *layout, const struct cgroup_hierarchy *h,
	const struct needs *needs)
{
	if (h == tracking_hierarchy(layout))
		return true;
	for (size_t i = 0; i < needs->n; i++)
		if (hierarchy_for(layout, needs->list[i].name) == h)
			return true;
	return false;
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

/* For a child of somebody else: into our own cgroup, where it would be as our child. */
static int open_attach_own(struct cgroup *cg, const struct cgroup_hierarchy *h, struct err *err)
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
	return open_attach(cg, fd, path, h->v2, err);
}

/* A directory that was there before may hold no processes that are not ours to limit, nor be frozen. */
static int check_found(const struct cgroup_dir *dir, struct err *err)
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

/* The kernel has no name for it, so it stands in the list like a directory. */
static int record_unit(struct cgroup *cg, struct err *err)
{
	return record_path(cg, "", cg->scope.user ? USER_UNIT : UNIT, cg->scope.unit, err);
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
	return cgroup_scope_start(&cg->scope, slice, options->id, layout, limits, ret_place, err);
}

static int make_dirs(struct cgroup *cg, const struct cgroup_layout *layout,
	const struct cgroup_options *options, const struct needs *needs, struct err *err)
{
	for (size_t i = 0; i < layout->n; i++) {
		const struct cgroup_hierarchy *h = &layout->list[i];
		const struct cgroup_dir *dir = &cg->dirs[cg->n_dirs];
		int r = 0;

		if (is_used(layout, h, needs)) {
			r = make_in(cg, layout, h, options, needs, false, err);
			if (r == 0 && !dir->made && !cg->scope.unit)
				r = check_found(dir, err);
			if (r == 0)
				r = open_attach(cg, dir->fd, dir->path, h->v2, err);
		} else if (options->foreign_parent) {
			r = open_attach_own(cg, h, err);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* Tells the caller what make_dirs() is going to make. */
static int announce(const struct cgroup *cg, const struct cgroup_layout *layout,
	const struct cgroup_options *options, const struct needs *needs, struct err *err)
{
	_cleanup_cgroup_ struct cgroup *plan = NULL;

	if (!options->announce)
		return 0;
	plan = cgroup_new();
	if (!plan)
		return err_oom(err);
	for (size_t i = 0; i < cg->n_paths; i++)
		if (record_path(plan, "", cg->paths[i].controller, cg->paths[i].path, err) < 0)
			return -err->code;
	for (size_t i = 0; i < layout->n; i++)
		if (is_used(layout, &layout->list[i], needs) &&
			make_in(plan, layout, &layout->list[i], options, needs, true, err) < 0)
			return -err->code;
	return options->announce(options->announce_arg, plan->paths, plan->n_paths, err);
}

/* Every controller that somebody asked for must have ended up in a directory of ours. */
static int check_needs(struct cgroup *cg, const struct needs *needs, struct err *err)
{
	for (size_t i = 0; i < needs->n; i++) {
		const struct need *need = &needs->list[i];

		if (need->field && !cgroup_dir_find(cg, need->name))
			return err_say(err, ENOTSUP,
				"linux.resources.%s: the cgroup controller '%s' is not available",
				need->field, need->name);
	}
	return 0;
}

static bool anything_asked(const struct needs *needs)
{
	for (size_t i = 0; i < needs->n; i++)
		if (needs->list[i].field)
			return true;
	return false;
}

/* Where below its mount a directory is that the container has, of any v1 hierarchy; malloc'd. */
static char *known_place(const struct cgroup *cg, const struct cgroup_layout *layout)
{
	for (size_t i = 0; i < cg->n_dirs; i++) {
		const struct cgroup_dir *dir = &cg->dirs[i];

		for (size_t k = 0; k < layout->n; k++) {
			const struct cgroup_hierarchy *h = &layout->list[k];
			const char *place = str_after(dir->path, h->mount);

			if (!h->v2 && place && *place == '/' && streq(h->name, dir->controllers))
				return strdup(place);
		}
	}
	return NULL;
}

/* Lets the directory of v2 use controllers that it could not use so far. */
static int enable_late(struct cgroup *cg, const struct cgroup_hierarchy *h,
	const struct needs *needs, struct err *err)
{
	for (size_t i = 0; i < cg->n_dirs; i++) {
		struct cgroup_dir *dir = &cg->dirs[i];
		char *list;

		if (dir->ops != &cgroup_ops_v2 || !str_after(dir->path, h->mount))
			continue;
		for (char *slash = dir->path + strlen(h->mount); slash;
			slash = strchr(slash + 1, '/')) {
			*slash = '\0';
			enable_controllers(dir->path, h, needs);
			*slash = '/';
		}
		list = v2_controllers(dir->fd);
		if (!list)
			return err_oom(err);
		free(dir->controllers);
		dir->controllers = list;
	}
	return 0;
}

struct missing {
	struct cgroup *cg;
	struct cgroup_layout layout;
	struct cgroup_options options;
	struct needs needs;
	char *place;
};

static void missing_finish(struct missing *m)
{
	cgroup_layout_finish(&m->layout);
	free(m->place);
}

/* Tells what there is and what is about to be there. */
static int announce_more(const struct missing *m, const struct cgroup_hierarchy *h, struct err *err)
{
	_cleanup_cgroup_ struct cgroup *plan = cgroup_new();
	_cleanup_free_ struct cgroup_path *all = NULL;
	size_t n = m->cg->n_paths;

	if (!plan)
		return err_oom(err);
	if (make_in(plan, &m->layout, h, &m->options, &m->needs, true, err) < 0)
		return -err->code;
	all = calloc(n + plan->n_paths, sizeof(*all));
	if (!all)
		return err_oom(err);
	memcpy(all, m->cg->paths, n * sizeof(*all));
	memcpy(all + n, plan->paths, plan->n_paths * sizeof(*all));
	return m->options.announce(m->options.announce_arg, all, n + plan->n_paths, err);
}

static int make_one_missing(struct missing *m, const struct need *need, struct err *err)
{
	const struct cgroup_hierarchy *h = hierarchy_for(&m->layout, need->name);
	const struct cgroup_dir *dir = &m->cg->dirs[m->cg->n_dirs];
	int r;

	if (!need->field || !h || cgroup_dir_find(m->cg, need->name))
		return 0;
	if (h->v2 && cgroup_dir_v2(m->cg))
		return enable_late(m->cg, h, &m->needs, err);
	if (!m->place)
		return err_say(err, ENOTSUP,
			"linux.resources.%s: the container has no cgroup to put another one beside",
			need->field);
	r = announce_more(m, h, err);
	if (r == 0)
		r = make_in(m->cg, &m->layout, h, &m->options, &m->needs, false, err);
	return r < 0 || dir->made ? r : check_found(dir, err);
}

int cgroup_make_missing(struct cgroup *cg, const struct cgroup_limits *limits,
	int (*announce_fn)(void *arg, const struct cgroup_path *paths, size_t n, struct err *err),
	void *arg, struct err *err)
{
	_cleanup_(missing_finish) struct missing m = {.cg = cg};
	int r;

	if (cgroup_layout_load(&m.layout, err) < 0 ||
		needs_of(&m.layout, limits, &m.needs, err) < 0)
		return -err->code;
	m.place = known_place(cg, &m.layout);
	m.options = (struct cgroup_options){
		.path = m.place, .announce = announce_fn, .announce_arg = arg};
	for (size_t i = 0; i < m.needs.n; i++) {
		r = make_one_missing(&m, &m.needs.list[i], err);
		if (r < 0)
			return r;
	}
	return check_needs(cg, &m.needs, err);
}

/* Without cgroups nothing is limited. Rules for devices are in every configuration. */
static int check_nothing_asked(const struct needs *needs, struct err *err)
{
	for (size_t i = 0; i < needs->n; i++)
		if (needs->list[i].field && !streq(needs->list[i].name, "devices"))
			return err_say(err, ENOTSUP,
				"linux.resources.%s: the cgroup manager 'disabled' enforces no "
				"limits",
				needs->list[i].field);
	return 0;
}

/* What create() returns when the container is to run without cgroups of its own. */
#define CREATE_WITHOUT 1

static int make(struct cgroup *cg, const struct cgroup_layout *layout,
	const struct cgroup_options *options, const struct cgroup_limits *limits,
	const struct needs *needs, struct err *err)
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

/* Somebody without rights over cgroups, who asks nothing of them, need not be turned away. */
static bool may_do_without(int r, const struct cgroup_options *options, const struct needs *needs)
{
	return (r == -EACCES || r == -EPERM || r == -EROFS) && geteuid() != 0 &&
	       options->manager == CGROUP_MANAGER_FS && !anything_asked(needs);
}

static int create(struct cgroup *cg, const struct cgroup_options *options,
	const struct cgroup_limits *limits, struct buf *warnings, struct err *err)
{
	struct cgroup_layout *layout = &cg->layout;
	struct needs needs;
	int r;

	memset(&needs, 0, sizeof(needs));
	if (cgroup_layout_load(layout, err) < 0 || needs_of(layout, limits, &needs, err) < 0)
		return -err->code;
	if (options->manager == CGROUP_MANAGER_DISABLED)
		return check_nothing_asked(&needs, err);
	if (layout->n == 0 && !anything_asked(&needs)) {
		buf_puts(warnings,
			"no cgroups are mounted: the container has no limits and can use "
			"every device it can open, ignoring\n");
		return 0;
	}
	r = make(cg, layout, options, limits, &needs, err);
	if (may_do_without(r, options, &needs)) {
		buf_printf(warnings, "%s: the container stays in our cgroup, ignoring\n", err->msg);
		return CREATE_WITHOUT;
	}
	if (r == 0)
		r = check_needs(cg, &needs, err);
	if (r == 0)
		r = cgroup_apply(cg, limits, err);
	return r < 0 ? r : cgroup_apply_devices(cg, limits, err);
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

		if (!name || record_path(cg, name, suffix, paths[i].path, err) < 0)
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
		if (dir_open(cg, name, paths[i].path, !*suffix, err) < 0)
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
	free(cg);
}

int cgroup_attach_v2(const struct cgroup *cg)
{
	return cg->attach_v2;
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
