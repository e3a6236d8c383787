/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The cgroups of a process that joins a running container: the container's own, or
 * ones below; in a hierarchy where the container has none of its own, wherever its
 * first process is.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/box/cgroup_priv.h"

#define MEMBERSHIP_MAX (1u << 20)

struct joining {
	struct cgroup *cg;
	pid_t pid;
	char *ours, *theirs; /* texts of /proc/PID/cgroup; owned */
	struct cgroup_layout layout;
	bool has_layout;
};

static void joining_finish(struct joining *j)
{
	free(j->ours);
	free(j->theirs);
	if (j->has_layout)
		cgroup_layout_finish(&j->layout);
}

static int add(struct joining *j, int dirfd, const char *path, bool v2, struct err *err)
{
	const char *file = v2 ? cgroup_ops_v2.attach_file : cgroup_ops_v1.attach_file;
	int fd;

	if (j->cg->n_attach_fds == CGROUP_HIERARCHIES_MAX)
		return err_say(err, E2BIG, "more than %d cgroups", CGROUP_HIERARCHIES_MAX);
	fd = openat(dirfd, file, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "open '%s/%s'", path, file);
	if (v2)
		j->cg->attach_v2 = (int)j->cg->n_attach_fds;
	j->cg->attach_fds[j->cg->n_attach_fds++] = fd;
	return 0;
}

static int read_membership(pid_t pid, char **ret, struct err *err)
{
	char path[32];
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	return file_read(AT_FDCWD, path, MEMBERSHIP_MAX, ret, &len, err);
}

static int load_layout(struct joining *j, struct err *err)
{
	int r = j->has_layout ? 0 : cgroup_layout_load(&j->layout, err);

	j->has_layout |= r == 0;
	return r;
}

/* The line "ID:NAME:PATH" of a hierarchy; NULL when there is none. PATH ends at the newline. */
static const char *path_in(const char *membership, const char *name)
{
	size_t len = strlen(name);

	for (const char *line = membership; *line; line = strchrnul(line, '\n') + 1) {
		const char *at = strchr(line, ':');

		if (at && strncmp(at + 1, name, len) == 0 && at[1 + len] == ':')
			return at + 2 + len;
		if (!*strchrnul(line, '\n'))
			break;
	}
	return NULL;
}

static bool same_path(const char *a, const char *b)
{
	size_t n = strcspn(a, "\n");

	return n == strcspn(b, "\n") && memcmp(a, b, n) == 0;
}

static bool is_own(const struct cgroup *cg, const struct cgroup_hierarchy *h)
{
	for (size_t i = 0; i < cg->n_dirs; i++)
		if (h->v2 ? cg->dirs[i].ops == &cgroup_ops_v2
			  : streq(cg->dirs[i].controllers, h->name))
			return true;
	return false;
}

static int add_place(
	struct joining *j, const struct cgroup_hierarchy *h, const char *place, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;

	if (asprintf(&path, "%s%.*s", h->mount, (int)strcspn(place, "\n"), place) < 0) {
		path = NULL;
		return err_oom(err);
	}
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "open cgroup '%s'", path);
	return add(j, fd, path, h->v2, err);
}

/* Hierarchies where nothing was made for the container: as its first process is, so is this one. */
static int add_others(struct joining *j, struct err *err)
{
	if (read_membership(getpid(), &j->ours, err) < 0 ||
		read_membership(j->pid, &j->theirs, err) < 0)
		return -err->code;
	if (streq(j->ours, j->theirs))
		return 0;
	if (load_layout(j, err) < 0)
		return -err->code;
	for (size_t i = 0; i < j->layout.n; i++) {
		const struct cgroup_hierarchy *h = &j->layout.list[i];
		const char *ours = path_in(j->ours, h->name);
		const char *theirs = path_in(j->theirs, h->name);

		if (!theirs || !ours || same_path(ours, theirs) || is_own(j->cg, h))
			continue;
		if (add_place(j, h, theirs, err) < 0)
			return -err->code;
	}
	return 0;
}

/*
 * v2: once a container has given controllers to cgroups below its own, its own can
 * hold no process any more; its first one has moved. *ret_done: it was found there.
 */
static int add_nested(
	struct joining *j, const struct cgroup_dir *dir, bool *ret_done, struct err *err)
{
	_cleanup_free_ char *given = NULL;
	size_t len;

	*ret_done = false;
	if (file_read(dir->fd, "cgroup.subtree_control", MEMBERSHIP_MAX, &given, &len, err) < 0)
		return -err->code;
	if (len <= 1)
		return 0;
	if (load_layout(j, err) < 0 || (!j->theirs && read_membership(j->pid, &j->theirs, err) < 0))
		return -err->code;
	for (size_t i = 0; i < j->layout.n; i++) {
		const struct cgroup_hierarchy *h = &j->layout.list[i];
		const char *place = path_in(j->theirs, "");

		if (!h->v2 || !place)
			continue;
		j->cg->joins_below = true;
		*ret_done = true;
		return add_place(j, h, place, err);
	}
	return 0;
}

static int add_below(
	struct joining *j, const struct cgroup_dir *dir, const char *sub, struct err *err)
{
	const struct open_how how = {
		.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	_cleanup_close_ int fd = -1;

	sub += strspn(sub, "/");
	if (!*sub)
		return add(j, dir->fd, dir->path, dir->ops == &cgroup_ops_v2, err);
	fd = (int)syscall(SYS_openat2, dir->fd, sub, &how, sizeof(how));
	if (fd < 0)
		return errno == EXDEV ? err_say(err, EINVAL, "bad sub cgroup path: '%s'", sub)
				      : err_set(err, errno, "open cgroup '%s/%s'", dir->path, sub);
	j->cg->joins_below = true;
	return add(j, fd, sub, dir->ops == &cgroup_ops_v2, err);
}

/* True when "CONTROLLER[,CONTROLLER]:PATH" or "PATH" is about this directory. */
static bool is_about(const char *word, const struct cgroup_dir *dir, const char **ret_sub)
{
	const char *colon = strchr(word, ':');

	*ret_sub = colon ? colon + 1 : word;
	if (!colon)
		return true;
	for (const char *c = word; c < colon; c++) {
		size_t len = strcspn(c, ",:");
		char name[64];

		if (len < sizeof(name)) {
			memcpy(name, c, len);
			name[len] = '\0';
			if (cgroup_list_has(dir->controllers, name))
				return true;
		}
		c += len;
	}
	return false;
}

static int add_dir(
	struct joining *j, const struct cgroup_dir *dir, const char *const *subs, struct err *err)
{
	bool done = false;
	const char *sub;

	for (; subs && *subs; subs++)
		if (is_about(*subs, dir, &sub))
			return add_below(j, dir, sub, err);
	if (dir->ops == &cgroup_ops_v2 && add_nested(j, dir, &done, err) < 0)
		return -err->code;
	return done ? 0 : add(j, dir->fd, dir->path, dir->ops == &cgroup_ops_v2, err);
}

int cgroup_open_join(struct cgroup *cg, pid_t pid, const char *const *subs, struct err *err)
{
	_cleanup_(joining_finish) struct joining j = {.cg = cg, .pid = pid};

	for (size_t i = 0; i < cg->n_dirs; i++)
		if (cg->dirs[i].fd >= 0 && add_dir(&j, &cg->dirs[i], subs, err) < 0)
			return -err->code;
	free(j.theirs);
	j.theirs = NULL;
	return add_others(&j, err);
}
