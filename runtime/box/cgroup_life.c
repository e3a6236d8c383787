/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's cgroups while it lives: its processes, freezing and killing
 * them, and taking the directories away. A container may have made cgroups below
 * its own, as deep and as many as it liked, so nothing here holds a descriptor a
 * level or builds paths.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/box/cgroup_priv.h"

/* Deeper trees are given up on: the recursion is one small stack frame a level. */
#define DEPTH_MAX 4096

/* How often new processes may turn up where nothing can be frozen. */
#define KILL_ROUNDS_MAX 1000

void cgroup_pause(void)
{
	const struct timespec ms = {.tv_nsec = 1000000};

	nanosleep(&ms, NULL);
}

/* The names of the cgroups right below, each ended by NUL. */
static int list_children(int fd, struct buf *ret, struct err *err)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *e;

	if (!dir) {
		fd_close(&copy);
		return err_set(err, errno, "list a cgroup");
	}
	while ((e = readdir(dir)))
		if (e->d_type == DT_DIR && !streq(e->d_name, ".") && !streq(e->d_name, ".."))
			buf_put(ret, e->d_name, strlen(e->d_name) + 1);
	closedir(dir);
	return buf_failed(ret) ? err_oom(err) : 0;
}

struct walk {
	int (*visit)(int fd, void *arg, struct err *err); /* children first; may be NULL */
	void *arg;
	bool remove; /* each child after its visit */
};

static int walk(int *fd, const struct walk *w, unsigned depth, struct err *err);

/* One child; *fd is closed meanwhile and found again by "..". */
static int walk_child(
	int *fd, const char *name, const struct walk *w, unsigned depth, struct err *err)
{
	_cleanup_close_ int child =
		openat(*fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int r;

	if (child < 0)
		return errno == ENOENT ? 0 : err_set(err, errno, "open cgroup '%s'", name);
	fd_close(fd);
	r = walk(&child, w, depth + 1, err);
	if (r < 0)
		return r;
	*fd = openat(child, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0)
		return err_set(err, errno, "open the cgroup above '%s'", name);
	if (w->remove && unlinkat(*fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_set(err, errno, "remove cgroup '%s'", name);
	return 0;
}

static int walk(int *fd, const struct walk *w, unsigned depth, struct err *err)
{
	_cleanup_buf_ struct buf names = BUF_INIT;
	int r = 0;

	if (depth > DEPTH_MAX)
		return err_set(err, ELOOP, "cgroups more than %d deep", DEPTH_MAX);
	/* ENOENT: it was removed while we had it open, so there was nothing below. */
	if (list_children(*fd, &names, err) < 0)
		return err->code == ENOENT ? 0 : -err->code;
	for (size_t at = 0; at < names.len && r == 0; at += strlen(names.data + at) + 1)
		r = walk_child(fd, names.data + at, w, depth, err);
	if (r == 0 && w->visit)
		r = w->visit(*fd, w->arg, err);
	return r;
}

static int walk_dir(const struct cgroup_dir *dir, const struct walk *w, struct err *err)
{
	_cleanup_close_ int fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	/* ENOENT: the directory was removed while we had it open. */
	if (fd < 0)
		return errno == ENOENT ? 0 : err_set(err, errno, "open cgroup '%s'", dir->path);
	if (walk(&fd, w, 0, err) < 0)
		return err_wrap(err, "below cgroup '%s'", dir->path);
	return 0;
}

static int visit_pids(int fd, void *arg, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	struct err why = ERR_INIT;
	char *save = NULL;
	size_t len;

	/* A cgroup that went away has none; one of threads (v2) has its processes further up. */
	if (file_read(fd, "cgroup.procs", 64u << 20, &text, &len, &why) < 0) {
		if (why.code == ENODEV || why.code == ENOENT || why.code == EOPNOTSUPP)
			return 0;
		*err = why;
		return -err->code;
	}
	for (char *w = strtok_r(text, "\n", &save); w; w = strtok_r(NULL, "\n", &save)) {
		pid_t pid = (pid_t)strtol(w, NULL, 10);

		/* 0 stands for processes that our PID namespace does not show. */
		if (pid > 0)
			buf_put(arg, &pid, sizeof(pid));
	}
	return 0;
}

static int compare_pids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

int cgroup_dir_pids(const struct cgroup_dir *dir, pid_t **ret_pids, size_t *ret_n, struct err *err)
{
	struct buf b = BUF_INIT;
	const struct walk w = {.visit = visit_pids, .arg = &b};
	pid_t *pids;
	size_t n, kept = 0;

	if (dir->fd >= 0 && walk_dir(dir, &w, err) < 0) {
		buf_finish(&b);
		return -err->code;
	}
	n = b.len / sizeof(pid_t);
	buf_put(&b, "", 1);
	pids = (pid_t *)buf_take(&b);
	if (!pids)
		return err_oom(err);
	qsort(pids, n, sizeof(*pids), compare_pids);
	for (size_t i = 0; i < n; i++)
		if (kept == 0 || pids[kept - 1] != pids[i])
			pids[kept++] = pids[i];
	*ret_pids = pids;
	*ret_n = kept;
	return 0;
}

/* The directory to ask: every process of the container is in each of them. */
static const struct cgroup_dir *main_dir(struct cgroup *cg)
{
	const struct cgroup_dir *dir = cgroup_dir_find(cg, "freezer");

	return dir ? dir : cg->n_dirs > 0 ? &cg->dirs[0] : NULL;
}

int cgroup_pids(struct cgroup *cg, pid_t **ret_pids, size_t *ret_n, struct err *err)
{
	const struct cgroup_dir *dir = main_dir(cg);

	if (dir)
		return cgroup_dir_pids(dir, ret_pids, ret_n, err);
	*ret_pids = malloc(sizeof(**ret_pids));
	*ret_n = 0;
	return *ret_pids ? 0 : err_oom(err);
}

static int set_frozen(struct cgroup *cg, bool frozen, struct err *err)
{
	const struct cgroup_dir *dir = cgroup_dir_find(cg, "freezer");

	if (!dir || dir->fd < 0)
		return err_say(err, ENOTSUP, "the container has no cgroup that can be frozen");
	return dir->ops->set_frozen(dir, frozen, err);
}

int cgroup_freeze(struct cgroup *cg, struct err *err)
{
	return set_frozen(cg, true, err);
}

int cgroup_thaw(struct cgroup *cg, struct err *err)
{
	return set_frozen(cg, false, err);
}

/* Whether the hierarchy of "cpu,freezer:found" has a controller. */
static bool path_has(const struct cgroup_path *p, const char *controller)
{
	size_t len = strcspn(p->controller, ":");
	_cleanup_free_ char *list = strndup(p->controller, len);

	return list && cgroup_list_has(list, controller);
}

const struct cgroup_path *cgroup_freezer_path(const struct cgroup_path *paths, size_t n)
{
	const struct cgroup_path *v2 = NULL;

	for (size_t i = 0; i < n; i++) {
		const char *suffix = strchr(paths[i].controller, ':');

		/* Those above, and the names of units, are no directory of the container's. */
		if (suffix && !streq(suffix, ":found"))
			continue;
		if (path_has(&paths[i], "freezer"))
			return &paths[i];
		if (!*paths[i].controller || suffix == paths[i].controller)
			v2 = &paths[i];
	}
	return v2;
}

bool cgroup_path_is_frozen(const struct cgroup_path *path)
{
	bool v2 = strcspn(path->controller, ":") == 0;
	_cleanup_free_ char *text = NULL;
	_cleanup_free_ char *file = NULL;
	struct err ignored;
	size_t len;

	if (asprintf(&file, "%s/%s", path->path, v2 ? "cgroup.events" : "freezer.state") < 0) {
		file = NULL;
		return false;
	}
	if (file_read_value(AT_FDCWD, file, FILE_VALUE_MAX, &text, &len, &ignored) < 0)
		return false;
	return v2 ? strstr(text, "frozen 1") != NULL : str_after(text, "THAWED") == NULL;
}

int cgroup_is_frozen(struct cgroup *cg, bool *ret_frozen, struct err *err)
{
	const struct cgroup_dir *dir = cgroup_dir_find(cg, "freezer");

	if (!dir || dir->fd < 0) {
		*ret_frozen = false;
		return 0;
	}
	return dir->ops->is_frozen(dir, ret_frozen, err);
}

int cgroup_attach_pid(struct cgroup *cg, pid_t pid, struct err *err)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", (int)pid);
	for (size_t i = 0; i < cg->n_dirs; i++)
		if (file_put(cg->dirs[i].fd, "cgroup.procs", text, err) < 0)
			return err_wrap(err, "cgroup '%s'", cg->dirs[i].path);
	return 0;
}

/* *ret_more: somebody was signalled who was not in `seen`, which is brought up to date. */
static int signal_round(
	const struct cgroup_dir *dir, int sig, struct buf *seen, bool *ret_more, struct err *err)
{
	_cleanup_free_ pid_t *pids = NULL;
	size_t n;

	*ret_more = false;
	if (cgroup_dir_pids(dir, &pids, &n, err) < 0)
		return -err->code;
	for (size_t i = 0; i < n; i++) {
		bool known = seen->len && bsearch(&pids[i], seen->data, seen->len / sizeof(pid_t),
						  sizeof(pid_t), compare_pids);

		if (pids[i] == getpid() || known)
			continue;
		*ret_more = true;
		if (kill(pids[i], sig) < 0 && errno != ESRCH)
			return err_set(err, errno, "signal %d to process %d", sig, (int)pids[i]);
	}
	seen->len = 0;
	buf_put(seen, pids, n * sizeof(*pids));
	return buf_failed(seen) ? err_oom(err) : 0;
}

/*
 * Without a freezer new processes may be born while we go through the list, but
 * only of ones not yet hit: so until nobody new is found.
 */
static int signal_until_settled(const struct cgroup_dir *dir, int sig, struct err *err)
{
	_cleanup_buf_ struct buf seen = BUF_INIT;
	bool more = true;

	for (int i = 0; more && i < KILL_ROUNDS_MAX; i++)
		if (signal_round(dir, sig, &seen, &more, err) < 0)
			return -err->code;
	return more ? err_say(err, EBUSY, "cgroup '%s' grows faster than it can be signalled",
			      dir->path)
		    : 0;
}

/* v2 can kill a whole tree at once. False when it has to be done by hand. */
static bool kill_by_file(struct cgroup *cg)
{
	const struct cgroup_dir *dir = cgroup_dir_v2(cg);
	struct err ignored;

	return dir && dir->fd >= 0 && file_put(dir->fd, "cgroup.kill", "1", &ignored) == 0;
}

static bool is_gone(const struct cgroup_dir *dir)
{
	return faccessat(dir->fd, "cgroup.procs", F_OK, 0) < 0 && errno == ENOENT;
}

static int signal_all(struct cgroup *cg, const struct cgroup_dir *dir, int sig, struct err *err)
{
	struct err ignored = ERR_INIT;
	bool was_frozen = false, stands = false;
	int r;

	if (sig == SIGKILL && kill_by_file(cg) && dir->ops == &cgroup_ops_v2)
		return 0;
	if (cgroup_is_frozen(cg, &was_frozen, err) < 0)
		return -err->code;
	/* A process stuck in the kernel cannot be frozen, and must not save the others. */
	stands = was_frozen || cgroup_freeze(cg, &ignored) == 0;
	r = signal_until_settled(dir, sig, err);
	/* One that was given cgroups to write may have moved a process out of some of them. */
	for (size_t i = 0; i < cg->n_dirs && r == 0 && sig == SIGKILL; i++)
		r = signal_until_settled(&cg->dirs[i], sig, err);
	if (stands && (!was_frozen || sig == SIGKILL)) {
		int thawed = cgroup_thaw(cg, r < 0 ? &ignored : err);

		r = r < 0 ? r : thawed;
	}
	return r;
}

int cgroup_signal_all(struct cgroup *cg, int sig, struct err *err)
{
	const struct cgroup_dir *dir = main_dir(cg);
	int r;

	if (!dir)
		return err_say(
			err, ENOTSUP, "the container has no cgroup to find its processes by");
	if (dir->fd < 0)
		return 0;
	r = signal_all(cg, dir, sig, err);
	/* Only where nobody is left can it be removed, as systemd does at once. */
	return r < 0 && is_gone(dir) ? 0 : r;
}

void cgroup_remove_parents(const struct cgroup_path *paths, size_t n)
{
	for (size_t i = n; i > 0; i--)
		if (strstr(paths[i - 1].controller, ":parent"))
			(void)rmdir(paths[i - 1].path);
}

/* Removes a directory and what the container made below it. 0, -EBUSY, or another error. */
static int remove_tree(const struct cgroup_dir *dir, struct err *err)
{
	const struct walk w = {.remove = true};

	/* Mostly there is nothing below, and one call does it. */
	if (rmdir(dir->path) == 0)
		return 0;
	if (dir->fd >= 0 && walk_dir(dir, &w, err) < 0)
		return -err->code;
	if (rmdir(dir->path) < 0 && errno != ENOENT)
		return err_set(err, errno, "remove cgroup '%s'", dir->path);
	return 0;
}

bool cgroup_remove_empty(const struct cgroup_path *paths, size_t n)
{
	const struct cgroup_path *freezer = cgroup_freezer_path(paths, n);

	/* Anything but a directory of ours needs a closer look. */
	for (size_t i = 0; i < n; i++)
		if (strchr(paths[i].controller, ':') &&
			!str_after(strchr(paths[i].controller, ':'), ":parent"))
			return false;
	if (!freezer)
		return false;
	/* While the freezer's is there, the rest can be tried again. */
	for (size_t i = n; i > 0; i--) {
		const struct cgroup_path *p = &paths[i - 1];

		if (p != freezer && !strchr(p->controller, ':') && rmdir(p->path) < 0 &&
			errno != ENOENT)
			return false;
	}
	if (rmdir(freezer->path) < 0 && errno != ENOENT)
		return false;
	cgroup_remove_parents(paths, n);
	return true;
}

/* A killed process is in its cgroup until it has been taken apart, some milliseconds later. */
static int remove_patiently(const struct cgroup_dir *dir, int64_t deadline, struct err *err)
{
	int r;

	while ((r = remove_tree(dir, err)) == -EBUSY && clock_ms() < deadline)
		cgroup_pause();
	return r;
}

int cgroup_destroy(struct cgroup *cg, struct err *err)
{
	int64_t deadline = clock_ms() + CGROUP_DESTROY_TIMEOUT_MS;
	struct err first = ERR_INIT;

	for (size_t i = 0; i < cg->n_dirs; i++) {
		struct err why = ERR_INIT;

		if (!cg->dirs[i].made || !cg->dirs[i].path || cg->dirs[i].fd < 0)
			continue;
		if (remove_patiently(&cg->dirs[i], deadline, &why) < 0 && first.code == 0)
			first = why;
	}
	if (cg->scope.unit) {
		struct err why = ERR_INIT;

		cgroup_scope_release(&cg->scope);
		if (cgroup_scope_stop(&cg->scope, &why) < 0 && first.code == 0)
			first = why;
	}
	cgroup_remove_parents(cg->paths, cg->n_paths);
	if (first.code != 0)
		*err = first;
	return -first.code;
}
