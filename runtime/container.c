/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/container.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/exit_file.h"
#include "runtime/base/fd.h"
#include "runtime/base/paths.h"
#include "runtime/base/util.h"
#include "runtime/box/cgroup.h"
#include "runtime/box/gate.h"
#include "runtime/record.h"

#define LOCK_FILE    "lock"
#define LOCK_POLL_NS 5000000
#define REMOVE_TRIES 10

/* How often to look again for a lock file that is not there. */
#define LOCK_FILE_TRIES 20

/* More directories than this under one root are not a runtime's. */
#define CONTAINER_IDS_MAX 1000000

void container_close(struct container *c)
{
	free(c->id);
	c->id = NULL;
	fd_close(&c->lock_fd);
	fd_close(&c->dir_fd);
	fd_close(&c->root_fd);
}

static void hand_over(struct container *from, struct container *to)
{
	*to = *from;
	*from = (struct container)CONTAINER_INIT;
}

static int check_id(const char *id, struct err *err)
{
	if (paths_id_is_valid(id))
		return 0;
	return err_say(err, EINVAL,
		"invalid container id '%s': 1 to %d letters, digits, '_', '+', '-' and '.'", id,
		PATHS_ID_MAX);
}

static int no_such_container(const char *id, struct err *err)
{
	return err_say(err, ENOENT, "container does not exist: %s", id);
}

int container_open_in(int root_fd, const char *id, struct container *ret, struct err *err)
{
	_cleanup_container_ struct container c = CONTAINER_INIT;

	c.dir_fd = openat(root_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (c.dir_fd < 0 && errno == ENOENT)
		return no_such_container(id, err);
	if (c.dir_fd < 0)
		return err_set(err, errno, "open the state directory of '%s'", id);
	c.id = strdup(id);
	if (!c.id)
		return err_oom(err);
	hand_over(&c, ret);
	return 0;
}

int container_open(const char *root, const char *id, struct container *ret, struct err *err)
{
	_cleanup_close_ int root_fd = -1;
	int r = check_id(id, err);

	if (r < 0)
		return r;
	root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root_fd < 0 && errno == ENOENT)
		return no_such_container(id, err);
	if (root_fd < 0)
		return err_set(err, errno, "open '%s'", root);
	r = container_open_in(root_fd, id, ret, err);
	if (r == 0)
		ret->root_fd = take_fd(&root_fd);
	return r;
}

/* False when the directory was removed, or is another one by now. */
static bool is_in_place(const struct container *c)
{
	struct stat ours, now;

	return fstat(c->dir_fd, &ours) == 0 &&
	       fstatat(c->root_fd, c->id, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	       ours.st_dev == now.st_dev && ours.st_ino == now.st_ino;
}

static int take_lock(int fd, short type, const char *id, struct err *err)
{
	const struct flock whole = {.l_type = type, .l_whence = SEEK_SET};
	const struct timespec pause = {0, LOCK_POLL_NS};

	for (int64_t waited_ns = 0; fcntl(fd, F_SETLK, &whole) < 0;) {
		if (errno != EACCES && errno != EAGAIN && errno != EINTR)
			return err_set(err, errno, "lock container '%s'", id);
		if (waited_ns / 1000000 >= CONTAINER_LOCK_TIMEOUT_MS)
			return err_say(
				err, EBUSY, "container is busy: another command works on %s", id);
		nanosleep(&pause, NULL);
		waited_ns += LOCK_POLL_NS;
	}
	return 0;
}

/*
 * The lock file is missing while somebody is about to remove the directory, which
 * must not get a second lock then, and where a creator was killed before it made
 * one, which must be removable.
 */
static int open_lock(const struct container *c, struct err *err)
{
	const struct timespec pause = {0, LOCK_POLL_NS};
	int fd = -1;

	for (int i = 0; fd < 0 && i <= LOCK_FILE_TRIES; i++) {
		int create = i == LOCK_FILE_TRIES ? O_CREAT : 0;

		fd = openat(c->dir_fd, LOCK_FILE, O_RDWR | create | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (fd >= 0)
			return fd;
		if (errno != ENOENT)
			return err_set(err, errno, "lock container '%s'", c->id);
		if (!is_in_place(c))
			break;
		nanosleep(&pause, NULL);
	}
	return no_such_container(c->id, err);
}

static int lock(struct container *c, short type, struct err *err)
{
	_cleanup_close_ int fd = open_lock(c, err);
	int r;

	if (fd < 0)
		return -err->code;
	r = take_lock(fd, type, c->id, err);
	if (r < 0)
		return r;
	if (!is_in_place(c))
		return no_such_container(c->id, err);
	c->lock_fd = take_fd(&fd);
	return 0;
}

int container_lock(struct container *c, struct err *err)
{
	return lock(c, F_WRLCK, err);
}

int container_lock_shared(struct container *c, struct err *err)
{
	return lock(c, F_RDLCK, err);
}

void container_unlock(struct container *c)
{
	fd_close(&c->lock_fd);
}

/* A `delete --force` that saw the directory before its lock may have removed it. */
static int make_lock(struct container *c, struct err *err)
{
	_cleanup_close_ int fd =
		openat(c->dir_fd, LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int r;

	if (fd < 0) {
		(void)unlinkat(c->root_fd, c->id, AT_REMOVEDIR);
		return err_set(err, errno, "create the lock of container '%s'", c->id);
	}
	r = take_lock(fd, F_WRLCK, c->id, err);
	if (r < 0)
		return r;
	if (!is_in_place(c))
		return no_such_container(c->id, err);
	c->lock_fd = take_fd(&fd);
	return 0;
}

int container_make(const char *root, const char *id, struct container *ret, struct err *err)
{
	_cleanup_container_ struct container c = CONTAINER_INIT;
	int r = check_id(id, err);

	if (r == 0)
		r = paths_mkdir_all(root, 0700, err);
	if (r < 0)
		return r;
	c.root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (c.root_fd < 0)
		return err_set(err, errno, "open '%s'", root);
	c.id = strdup(id);
	if (!c.id)
		return err_oom(err);
	if (mkdirat(c.root_fd, id, 0700) < 0) {
		if (errno == EEXIST)
			return err_say(err, EEXIST, "container with id exists: %s", id);
		return err_set(err, errno, "create directory '%s/%s'", root, id);
	}
	c.dir_fd = openat(c.root_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (c.dir_fd < 0) {
		r = err_set(err, errno, "open '%s/%s'", root, id);
		unlinkat(c.root_fd, id, AT_REMOVEDIR);
		return r;
	}
	r = make_lock(&c, err);
	if (r < 0)
		return r;
	hand_over(&c, ret);
	return 0;
}

static int unlink_entries(int dir_fd, const char *id, struct err *err)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;
	int r = 0;

	if (!dir) {
		r = err_set(err, errno, "read the state directory of '%s'", id);
		fd_close(&fd);
		return r;
	}
	while (r == 0 && (e = readdir(dir))) {
		if (streq(e->d_name, ".") || streq(e->d_name, "..") || streq(e->d_name, LOCK_FILE))
			continue;
		if (unlinkat(dir_fd, e->d_name, 0) < 0 && errno != ENOENT)
			r = err_set(err, errno, "remove '%s' of container '%s'", e->d_name, id);
	}
	closedir(dir);
	return r;
}

/* What most containers have in the end, without looking. */
static bool unlink_usual(const struct container *c)
{
	return unlinkat(c->dir_fd, RECORD_FILE, 0) == 0 &&
	       unlinkat(c->dir_fd, OCI_CONFIG_FILE, 0) == 0 &&
	       unlinkat(c->dir_fd, LOCK_FILE, 0) == 0 &&
	       unlinkat(c->root_fd, c->id, AT_REMOVEDIR) == 0;
}

int container_remove(struct container *c, struct err *err)
{
	if (unlink_usual(c))
		return 0;
	/* A seed's keeper may write the exit file of a clone at any moment. */
	for (int i = 0; i < REMOVE_TRIES; i++) {
		int r = unlink_entries(c->dir_fd, c->id, err);

		if (r < 0)
			return r;
		(void)unlinkat(c->dir_fd, LOCK_FILE, 0);
		if (unlinkat(c->root_fd, c->id, AT_REMOVEDIR) == 0)
			return 0;
		if (errno != ENOTEMPTY && errno != EEXIST)
			break;
	}
	return err_set(err, errno, "remove the state directory of '%s'", c->id);
}

int container_record(const struct container *c, struct record *ret, struct err *err)
{
	int r = record_read(c->dir_fd, ret, err);

	if (r == -ENOENT) {
		*ret = (struct record){
			.id = c->id,
			.reached = OCI_STATUS_CREATING,
			.bundle = "",
			.rootfs = "",
			.created = "0001-01-01T00:00:00Z",
		};
		return 0;
	}
	if (r == 0 && !streq(ret->id, c->id)) {
		record_finish(ret);
		return err_say(err, EINVAL, "container '%s': %s: id: of another container", c->id,
			RECORD_FILE);
	}
	return r < 0 ? err_wrap(err, "container '%s'", c->id) : 0;
}

static bool has_file(const struct container *c, const char *name)
{
	return faccessat(c->dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/*
 * Whether somebody else holds the lock. While we do, the file must not be opened a
 * second time: closing that descriptor would let go of the lock.
 */
static bool is_locked(const struct container *c)
{
	struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	_cleanup_close_ int fd = -1;

	if (c->lock_fd >= 0)
		return false;
	fd = openat(c->dir_fd, LOCK_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	return fd >= 0 && fcntl(fd, F_GETLK, &whole) == 0 && whole.l_type != F_UNLCK;
}

static bool is_frozen(const struct record *r)
{
	const struct cgroup_path *freezer = cgroup_freezer_path(r->cgroups, r->n_cgroups);

	return freezer && cgroup_path_is_frozen(freezer);
}

enum oci_status container_status(const struct container *c, const struct record *r)
{
	if (r->reached == OCI_STATUS_CREATING)
		return is_locked(c) ? OCI_STATUS_CREATING : OCI_STATUS_STOPPED;
	/* A clone is reaped by somebody else, who says so. */
	if ((r->payload == RECORD_WARM && has_file(c, EXIT_FILE_NAME)) || !proc_is_alive(&r->init))
		return OCI_STATUS_STOPPED;
	if (is_frozen(r))
		return OCI_STATUS_PAUSED;
	return has_file(c, GATE_SOCKET) ? OCI_STATUS_CREATED : OCI_STATUS_RUNNING;
}

static int compare_strings(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static int collect_ids(DIR *dir, char ***ret, struct err *err)
{
	_cleanup_strv_ char **ids = calloc(1, sizeof(*ids));
	struct dirent *e;
	size_t n = 0;

	if (!ids)
		return err_oom(err);
	while (n < CONTAINER_IDS_MAX && (e = readdir(dir))) {
		char **more;

		if (!paths_id_is_valid(e->d_name) ||
			(e->d_type != DT_DIR && e->d_type != DT_UNKNOWN))
			continue;
		more = realloc(ids, (n + 2) * sizeof(*ids));
		if (!more)
			return err_oom(err);
		ids = more;
		ids[n] = strdup(e->d_name);
		ids[n + 1] = NULL;
		if (!ids[n++])
			return err_oom(err);
	}
	qsort(ids, n, sizeof(*ids), compare_strings);
	*ret = take_ptr(&ids);
	return 0;
}

int container_ids(const char *root, char ***ret, struct err *err)
{
	DIR *dir = opendir(root);
	int r;

	if (!dir && errno == ENOENT) {
		*ret = calloc(1, sizeof(**ret));
		return *ret ? 0 : err_oom(err);
	}
	if (!dir)
		return err_set(err, errno, "open '%s'", root);
	r = collect_ids(dir, ret, err);
	closedir(dir);
	return r;
}
