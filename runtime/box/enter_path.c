/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything in a rootfs may be hostile and may change while we look: symbolic links
 * to the host, directories exchanged for links between two looks. So a name is
 * looked up once, by openat2() with the rootfs as its root, and what was found is
 * then used by descriptor alone. Something new is made only as a single component
 * below such a descriptor.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/box/enter_priv.h"

/* A directory exchanged under us makes openat2 say EAGAIN; who does it for ever gets an error. */
#define PATH_RETRIES 64

/* As many as the kernel follows. */
#define PATH_LINKS_MAX 40

#define PATH_DIR_MODE  0755
#define PATH_FILE_MODE 0644

int path_open(int root, const char *path, uint64_t flags, uint64_t resolve)
{
	struct open_how how = {
		.flags = flags | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | resolve,
	};

	for (int i = 0; i < PATH_RETRIES; i++) {
		int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));

		if (fd >= 0)
			return fd;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
	return -EAGAIN;
}

/* A walk that makes what is missing; by descriptors, one component at a time. */
struct walk {
	int root;
	int at;		     /* the directory reached; owned */
	char done[PATH_MAX]; /* the way there: no links, no "..", no '/' at either end */
	char rest[PATH_MAX]; /* what is still to go */
	unsigned links;
};

static int walk_reopen(struct walk *w)
{
	int fd = path_open(
		w->root, *w->done ? w->done : ".", O_PATH | O_DIRECTORY, RESOLVE_NO_SYMLINKS);

	if (fd < 0)
		return fd;
	fd_close(&w->at);
	w->at = fd;
	return 0;
}

static int walk_up(struct walk *w)
{
	char *slash = strrchr(w->done, '/');

	*(slash ? slash : w->done) = '\0';
	return walk_reopen(w);
}

/* What the link says takes its place; an absolute one starts at the root again. */
static int walk_link(struct walk *w, int link)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(link, "", target, sizeof(target));
	size_t rest = strlen(w->rest);

	if (n < 0)
		return -errno;
	if (++w->links > PATH_LINKS_MAX)
		return -ELOOP;
	if ((size_t)n + rest + 2 > sizeof(w->rest))
		return -ENAMETOOLONG;
	memmove(w->rest + n + 1, w->rest, rest + 1);
	memcpy(w->rest, target, (size_t)n);
	w->rest[n] = '/';
	if (target[0] != '/')
		return 0;
	w->done[0] = '\0';
	return walk_reopen(w);
}

/* O_EXCL: a link that appeared meanwhile is not followed. */
static int walk_make(const struct walk *w, const char *name, bool dir)
{
	int fd;

	if (dir)
		return mkdirat(w->at, name, PATH_DIR_MODE) < 0 && errno != EEXIST ? -errno : 0;
	fd = openat(
		w->at, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, PATH_FILE_MODE);
	if (fd < 0 && errno != EEXIST)
		return -errno;
	fd_close(&fd);
	return 0;
}

static int walk_down(struct walk *w, const char *name, bool dir)
{
	_cleanup_close_ int fd = openat(w->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	size_t done = strlen(w->done);
	struct stat st;
	int r;

	if (fd < 0 && errno == ENOENT) {
		r = walk_make(w, name, dir);
		if (r < 0)
			return r;
		fd = openat(w->at, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	}
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return walk_link(w, fd);
	if (done + strlen(name) + 2 > sizeof(w->done))
		return -ENAMETOOLONG;
	if (done)
		w->done[done++] = '/';
	strcpy(w->done + done, name);
	fd_close(&w->at);
	w->at = take_fd(&fd);
	return 0;
}

static int walk_step(struct walk *w, bool dir)
{
	char name[NAME_MAX + 1];
	size_t skip = strspn(w->rest, "/");
	size_t n = strcspn(w->rest + skip, "/");
	size_t next = skip + n + strspn(w->rest + skip + n, "/");

	if (n > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, w->rest + skip, n);
	name[n] = '\0';
	memmove(w->rest, w->rest + next, strlen(w->rest + next) + 1);
	if (n == 0 || streq(name, "."))
		return 0;
	if (streq(name, ".."))
		return walk_up(w);
	return walk_down(w, name, dir || *w->rest);
}

/* Makes what is missing and opens it by the way that was found, which has no links. */
static int make_all(int root, const char *path, bool dir)
{
	struct walk w = {.root = root, .at = -1};
	int r;

	if (strlen(path) >= sizeof(w.rest))
		return -ENAMETOOLONG;
	strcpy(w.rest, path);
	r = walk_reopen(&w);
	while (r == 0 && *w.rest)
		r = walk_step(&w, dir);
	fd_close(&w.at);
	if (r < 0)
		return r;
	return path_open(root, *w.done ? w.done : ".", O_PATH | (dir ? O_DIRECTORY : 0),
		RESOLVE_NO_SYMLINKS);
}

int path_make_below(int dir_fd, const char *name, bool dir)
{
	const struct walk w = {.at = dir_fd};
	int r = walk_make(&w, name, dir);

	return r < 0 ? r
		     : path_open(
			       dir_fd, name, O_PATH | (dir ? O_DIRECTORY : 0), RESOLVE_NO_SYMLINKS);
}

/*
 * The common case, without a walk: only the last component is missing. -EEXIST when it is
 * not, or when something came in between; then the walk finds out.
 */
static int make_last(int root, const char *path, bool dir, uint64_t resolve)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char parent[PATH_MAX] = ".";
	_cleanup_close_ int at = -1;
	int r;

	if (*name == '\0' || streq(name, ".") || streq(name, "..") ||
		strlen(path) >= sizeof(parent))
		return -EEXIST;
	if (slash)
		*(char *)mempcpy(parent, path, (size_t)(slash - path)) = '\0';
	at = path_open(root, parent, O_PATH | O_DIRECTORY, resolve);
	if (at < 0)
		return -EEXIST;
	r = path_make_below(at, name, dir);
	return r == -ELOOP || r == -ENOTDIR ? -EEXIST : r;
}

int path_make(int root, const char *path, bool dir, uint64_t resolve, int *ret_fd, struct err *err)
{
	int fd = path_open(root, *path ? path : ".", O_PATH | (dir ? O_DIRECTORY : 0), resolve);

	if (fd == -ENOENT)
		fd = make_last(root, path, dir, resolve);
	if (fd == -EEXIST)
		fd = make_all(root, path, dir);
	if (fd == -ELOOP && resolve & RESOLVE_NO_SYMLINKS)
		return err_say(err, ELOOP,
			"'/%s' of the rootfs is, or lies behind, a symbolic link", path);
	if (fd < 0)
		return err_set(err, -fd, "open or make '/%s' in the rootfs", path);
	*ret_fd = fd;
	return 0;
}

int path_make_parent(
	int root, const char *path, int *ret_dir, const char **ret_name, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char parent[PATH_MAX];
	size_t n = slash ? (size_t)(slash - path) : 0;

	if (n >= sizeof(parent))
		return err_set(err, ENAMETOOLONG, "open '/%s'", path);
	memcpy(parent, path, n);
	parent[n] = '\0';
	*ret_name = slash ? slash + 1 : path;
	return path_make(root, parent, true, 0, ret_dir, err);
}
