/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/state_store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <time.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/fd.h"
#include "runtime/base/paths.h"
#include "runtime/base/util.h"
#include "seed/image.h"
#include "seed/image_digest.h"
#include "seed/state.h"

/* Whose images are nobody else's to see. */
#define DIR_MODE 0700

/* Images of one host. */
#define IMAGES_MAX 65536

/* --- names --- */

/*
 * 128 bits, FNV-1a twice from different beginnings. Who finds two workers of one name has
 * found two of its own.
 */
struct hash {
	uint64_t a, b;
};

static void add(struct hash *h, const void *data, size_t len)
{
	for (const unsigned char *p = data, *end = p + len; p < end; p++) {
		h->a = (h->a ^ *p) * 0x100000001b3u;
		h->b = (h->b ^ (*p ^ 0x5au)) * 0x100000001b3u;
	}
}

static void add_stat(struct hash *h, const struct stat *st)
{
	const uint64_t words[] = {st->st_ino, (uint64_t)st->st_size, (uint64_t)st->st_mtim.tv_sec,
		(uint64_t)st->st_mtim.tv_nsec, (uint64_t)st->st_ctim.tv_sec,
		(uint64_t)st->st_ctim.tv_nsec};

	add(h, words, sizeof(words));
}

/* What the argument names in the root file system, if that is a file. */
static void add_file(struct hash *h, int root_fd, const char *cwd, const char *arg)
{
	struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	struct stat st;

	if (snprintf(path, sizeof(path), "%s/%s", *arg == '/' ? "" : cwd, arg) >= PATH_MAX)
		return;
	fd = (int)syscall(SYS_openat2, root_fd, path, &how, sizeof(how));
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		add_stat(h, &st);
}

static int tenant_of(
	const struct oci_config *config, const char *named, char *to, size_t size, struct err *err)
{
	const char *annotation = oci_config_annotation(config, STATE_STORE_ANNOTATION);
	const unsigned uid = (unsigned)geteuid();
	int n;

	if (named)
		n = snprintf(to, size, "uid-%u-%s", uid, named);
	else if (annotation)
		n = snprintf(to, size, "ns-%s", annotation);
	else
		n = snprintf(to, size, "uid-%u", uid);
	if (n >= 0 && (size_t)n < size && paths_id_is_valid(to))
		return 0;
	return err_say(err, EINVAL, "%s: '%s' can be no name of a tenant",
		named ? "option '--tenant'" : "annotations['" STATE_STORE_ANNOTATION "']",
		named ? named : annotation);
}

int state_store_name(const struct oci_config *config, const char *rootfs, const char *tenant,
	struct state_name *ret, struct err *err)
{
	_cleanup_close_ int root_fd = open(rootfs, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct hash h = {0xcbf29ce484222325u, 0x9e3779b97f4a7c15u};
	char owner[PATHS_ID_MAX - 32];
	struct stat base;

	if (root_fd < 0)
		return err_set(err, errno, "open '%s'", rootfs);
	if (tenant_of(config, tenant, owner, sizeof(owner), err) < 0)
		return -err->code;
	if (stat(paths_base_image(), &base) == 0)
		add_stat(&h, &base);
	for (const char *const *arg = config->process->args; *arg; arg++) {
		add(&h, *arg, strlen(*arg) + 1);
		add_file(&h, root_fd, config->process->cwd, *arg);
	}
	snprintf(ret->text, sizeof(ret->text), "%s/%016llx%016llx", owner, (unsigned long long)h.a,
		(unsigned long long)h.b);
	return 0;
}

static int path_of(const char *name, char path[PATH_MAX], struct err *err)
{
	if (snprintf(path, PATH_MAX, "%s/%s", paths_states_dir(), name) >= PATH_MAX)
		return err_set(err, ENAMETOOLONG, "'%s'", paths_states_dir());
	return 0;
}

/* --- use --- */

int state_store_open(const struct state_name *name, struct err *err)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	struct stat st;

	if (path_of(name->text, path, err) < 0)
		return -err->code;
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "state image '%s'", path);
	if (fstat(fd, &st) < 0 || !image_is_trusted(&st, geteuid()))
		return err_say(err, EPERM,
			"state image '%s': others than root and this user can write to it", path);
	if (image_check_once(fd, &st, err) < 0) {
		/* It would be read in vain at each start. */
		if (err->code == EBADMSG)
			(void)unlink(path);
		return err_wrap(err, "state image '%s'", path);
	}
	/* What is used stays; it is no error where that cannot be noted. */
	(void)futimens(
		fd, (const struct timespec[]){{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_OMIT}});
	return take_fd(&fd);
}

/* --- all of them --- */

/* Beside the images, and no images: their names begin with a dot. */
#define LOCK   ".lock-"
#define FAILED ".failed-"

#define FAILED_FOR_S (24 * 3600)

static bool is_recent(const struct stat *st)
{
	return time(NULL) - st->st_mtime < FAILED_FOR_S;
}

static int by_use(const void *a, const void *b)
{
	const struct state_entry *x = a, *y = b;

	return x->used_s < y->used_s ? -1 : x->used_s > y->used_s;
}

static int add_entries(
	const char *tenant, struct state_entry *list, size_t *n, size_t max, struct err *err)
{
	char path[PATH_MAX];
	struct dirent *d;
	struct stat st;
	DIR *dir;

	if (path_of(tenant, path, err) < 0)
		return -err->code;
	dir = opendir(path);
	if (!dir)
		return errno == ENOTDIR || errno == ENOENT ? 0 : err_set(err, errno, "'%s'", path);
	while (*n < max && (d = readdir(dir))) {
		struct state_entry *e = &list[*n];

		if (fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		if (str_after(d->d_name, FAILED) && !is_recent(&st))
			(void)unlinkat(dirfd(dir), d->d_name, 0);
		if (*d->d_name == '.')
			continue;
		if (asprintf(&e->name, "%s/%s", tenant, d->d_name) < 0) {
			e->name = NULL;
			closedir(dir);
			return err_oom(err);
		}
		e->bytes = (uint64_t)st.st_blocks * 512;
		e->used_s = (uint64_t)st.st_atime;
		++*n;
	}
	closedir(dir);
	return 0;
}

int state_store_list(struct state_entry **ret, size_t *ret_n, struct err *err)
{
	struct state_entry *list = calloc(IMAGES_MAX, sizeof(*list));
	DIR *dir = list ? opendir(paths_states_dir()) : NULL;
	struct dirent *d;
	size_t n = 0;
	int r = 0;

	if (!list)
		return err_oom(err);
	while (r == 0 && dir && (d = readdir(dir)))
		if (*d->d_name != '.')
			r = add_entries(d->d_name, list, &n, IMAGES_MAX, err);
	if (dir)
		closedir(dir);
	if (r < 0) {
		state_store_list_free(list, n);
		return r;
	}
	qsort(list, n, sizeof(*list), by_use);
	*ret = list;
	*ret_n = n;
	return 0;
}

void state_store_list_free(struct state_entry *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i].name);
	free(list);
}

int state_store_remove(const char *name, struct err *err)
{
	const char *slash = strchr(name, '/');
	_cleanup_free_ char *tenant = slash ? strndup(name, (size_t)(slash - name)) : NULL;
	char path[PATH_MAX];

	if (!tenant || !paths_id_is_valid(tenant) || !paths_id_is_valid(slash + 1))
		return err_say(err, EINVAL, "'%s' is no TENANT/IMAGE (turf seed image list)", name);
	if (path_of(name, path, err) < 0)
		return -err->code;
	if (unlink(path) < 0)
		return err_set(err, errno, "state image '%s'", name);
	return 0;
}

/* Until all together are within the bound; the newest is not touched. */
static int make_room(struct err *err)
{
	struct state_entry *list;
	uint64_t bytes = 0;
	size_t n;

	if (state_store_list(&list, &n, err) < 0)
		return -err->code;
	for (size_t i = 0; i < n; i++)
		bytes += list[i].bytes;
	for (size_t i = 0; i + 1 < n && bytes > STATE_STORE_MAX; i++)
		if (state_store_remove(list[i].name, err) == 0)
			bytes -= list[i].bytes;
	state_store_list_free(list, n);
	return 0;
}

static int make_directory(const char *path, struct err *err)
{
	_cleanup_free_ char *dir = strndup(path, (size_t)(strrchr(path, '/') - path));

	return dir ? paths_mkdir_all(dir, DIR_MODE, err) : err_oom(err);
}

/* --- making one unasked --- */

static int path_beside(
	const struct state_name *name, const char *prefix, char path[PATH_MAX], struct err *err)
{
	const char *slash = strchr(name->text, '/');

	return snprintf(path, PATH_MAX, "%s/%.*s/%s%s", paths_states_dir(),
		       (int)(slash - name->text), name->text, prefix, slash + 1) >= PATH_MAX
		       ? err_set(err, ENAMETOOLONG, "'%s'", paths_states_dir())
		       : 0;
}

bool state_store_has(const struct state_name *name)
{
	char path[PATH_MAX];
	struct err ignored;

	return path_of(name->text, path, &ignored) == 0 && access(path, F_OK) == 0;
}

static bool has_failed(const struct state_name *name)
{
	char path[PATH_MAX];
	struct err ignored;
	struct stat st;

	return path_beside(name, FAILED, path, &ignored) == 0 && stat(path, &st) == 0 &&
	       is_recent(&st);
}

int state_store_claim(const struct state_name *name, struct err *err)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];

	if (path_beside(name, LOCK, path, err) < 0 || make_directory(path, err) < 0)
		return -err->code;
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(err, errno, "'%s'", path);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return err_say(err, EBUSY, "somebody makes this state image already");
	if (state_store_has(name))
		err_say(err, EEXIST, "there is this state image already");
	else if (has_failed(name))
		err_say(err, EAGAIN, "this state image could not be made");
	else
		return take_fd(&fd);
	(void)unlink(path);
	return -err->code;
}

void state_store_release(const struct state_name *name, int *claim, bool made)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	struct err ignored;

	if (*claim < 0)
		return;
	if (!made && path_beside(name, FAILED, path, &ignored) == 0)
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (path_beside(name, LOCK, path, &ignored) == 0)
		(void)unlink(path);
	fd_close(claim);
}

/* --- making one --- */

static int read_registers(pid_t pid, uint64_t at, struct user_regs_struct *ret, struct err *err)
{
	_cleanup_close_ int fd = -1;
	char path[32];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/mem", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : pread(fd, ret, sizeof(*ret), (off_t)at);
	return n == sizeof(*ret) ? 0 : err_set(err, n < 0 ? errno : EIO, "read '%s'", path);
}

/* Of the base image that it was started from, which is this host's. */
static int read_base(int fd, struct image_process *ret, struct err *err)
{
	_cleanup_free_ char *head = malloc(IMAGE_HEAD_MAX);
	struct elfcore core;

	if (!head)
		return err_oom(err);
	if (image_read_head(fd, head, &core, err) < 0)
		return -err->code;
	if (!image_take_note(&core, IMAGE_NOTE, IMAGE_NOTE_PROCESS, ret, sizeof(*ret)))
		return err_say(err, EINVAL, "a core, but no base image");
	return 0;
}

/* A process at rest. */
struct standing {
	pid_t pid;
	uint64_t regs; /* where in its memory */
};

static int fill(void *arg, int fd, const char *tmp UNUSED, struct err *err)
{
	_cleanup_close_ int base_fd = open(paths_base_image(), O_RDONLY | O_CLOEXEC);
	const struct standing *s = arg;
	struct user_regs_struct regs;
	struct image_process base;

	if (base_fd < 0)
		return err_set(err, errno, "base image '%s'", paths_base_image());
	if (read_base(base_fd, &base, err) < 0 || read_registers(s->pid, s->regs, &regs, err) < 0)
		return -err->code;
	return state_write(fd, s->pid, &regs, base_fd, base.id, err);
}

int state_store_save(const struct state_name *name, pid_t pid, uint64_t regs, struct err *err)
{
	struct standing standing = {pid, regs};
	char path[PATH_MAX];

	if (path_of(name->text, path, err) < 0 || make_directory(path, err) < 0)
		return -err->code;
	if (file_fill_atomic(path, fill, &standing, err) < 0)
		return err_wrap(err, "state image '%s'", path);
	return make_room(err);
}
