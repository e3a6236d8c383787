/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "oci-spec/mount_options.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/paths.h"
#include "shim/proto/common.pb-c.h"

/* What mount(2) takes as data: a page with its NUL. */
#define DATA_MAX 4095

/* Mounts on one place, one over the other, that are taken away before that counts as an error. */
#define STACKED_MAX 64

/* Loop devices that others take between our asking for a free one and our taking it. */
#define LOOP_TRIES 16

/* Words for the super block that are flags to mount(2). 0 for all others. */
static unsigned long flag_of_word(const char *word)
{
	static const struct {
		const char *word;
		unsigned long flag;
	} words[] = {{"sync", MS_SYNCHRONOUS}, {"dirsync", MS_DIRSYNC}, {"mand", MS_MANDLOCK},
		{"lazytime", MS_LAZYTIME}, {"silent", MS_SILENT}};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (streq(words[i].word, word))
			return words[i].flag;
	return 0;
}

static bool is_default_word(const char *word)
{
	return streq(word, "async") || streq(word, "nomand") || streq(word, "nolazytime");
}

struct request {
	struct mount_options options;
	unsigned long flags;
	struct buf data;
	bool loop;
};

static int read_options(struct request *r, char *const *options, size_t n, struct err *err)
{
	_cleanup_free_ const char **words = calloc(n + 1, sizeof(*words));
	size_t kept = 0;

	if (!words)
		return err_oom(err);
	for (size_t i = 0; i < n; i++) {
		if (streq(options[i], "loop"))
			r->loop = true;
		else
			words[kept++] = options[i];
	}
	if (mount_options_parse(words, &r->options, err) < 0)
		return -err->code;
	r->flags = mount_attr_flags(r->options.set & ~r->options.clr);
	for (size_t i = 0; i < r->options.n_data; i++) {
		const char *word = r->options.data[i];
		unsigned long flag = flag_of_word(word);

		r->flags |= flag;
		if (flag || is_default_word(word))
			continue;
		buf_puts(&r->data, r->data.len ? "," : "");
		buf_puts(&r->data, word);
	}
	return buf_failed(&r->data) ? err_oom(err) : 0;
}

static int open_loop(char *path, size_t max)
{
	_cleanup_close_ int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int number;

	if (control < 0)
		return -errno;
	number = ioctl(control, LOOP_CTL_GET_FREE);
	if (number < 0)
		return -errno;
	snprintf(path, max, "/dev/loop%d", number);
	number = open(path, O_RDWR | O_CLOEXEC);
	return number < 0 ? -errno : number;
}

/* A block device for a file; goes with its last user, who is the caller until it is mounted. */
static int attach_loop(
	const char *file, bool read_only, char *ret_path, size_t max, struct err *err)
{
	_cleanup_close_ int backing = open(file, (read_only ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	struct loop_config config = {0};

	if (backing < 0)
		return err_set(err, errno, "open '%s'", file);
	config.fd = (unsigned)backing;
	config.info.lo_flags = LO_FLAGS_AUTOCLEAR | (read_only ? LO_FLAGS_READ_ONLY : 0);
	for (int i = 0; i < LOOP_TRIES; i++) {
		_cleanup_close_ int device = open_loop(ret_path, max);

		if (device < 0)
			return err_set(err, -device, "find a loop device for '%s'", file);
		if (ioctl(device, LOOP_CONFIGURE, &config) == 0)
			return take_fd(&device);
		if (errno != EBUSY)
			return err_set(err, errno, "attach '%s' to a loop device", file);
	}
	return err_say(err, EBUSY, "attach '%s': no loop device stays free", file);
}

/* The directory that all of overlay's lower directories are in, with its slash; 0 for none. */
static size_t common_dir(const char *dirs, size_t len)
{
	size_t common = len;

	for (size_t at = 0; at < len;) {
		size_t n = strcspn(dirs + at, ":,");
		size_t same = 0;

		while (same < n && same < common && dirs[same] == dirs[at + same])
			same++;
		common = same;
		at += n + 1;
	}
	while (common > 0 && dirs[common - 1] != '/')
		common--;
	return common;
}

/*
 * More layers than fit into a page: their common directory becomes the working directory,
 * and what is mounted is named from there. Returns where that is, to be freed; NULL when
 * nothing can be shortened.
 */
static char *shorten_lower(struct buf *data)
{
	char *at = strstr(data->data, "lowerdir=");
	_cleanup_buf_ struct buf out = BUF_INIT;
	size_t len, common;
	char *dir;

	if (!at)
		return NULL;
	at += strlen("lowerdir=");
	len = strcspn(at, ",");
	common = common_dir(at, len);
	if (common < 2)
		return NULL;
	dir = strndup(at, common);
	buf_put(&out, data->data, (size_t)(at - data->data));
	for (size_t i = 0; i < len;) {
		size_t n = strcspn(at + i, ":,");

		buf_put(&out, at + i + common, n - common);
		if (i + n < len)
			buf_puts(&out, ":");
		i += n + 1;
	}
	buf_puts(&out, at + len);
	if (!dir || buf_failed(&out)) {
		free(dir);
		return NULL;
	}
	buf_finish(data);
	*data = out;
	out = (struct buf)BUF_INIT;
	return dir;
}

static int mount_file_system(const char *type, const char *source, const char *target,
	struct request *r, struct err *err)
{
	_cleanup_free_ char *dir = r->data.len > DATA_MAX ? shorten_lower(&r->data) : NULL;
	_cleanup_close_ int back = -1;
	int rc = 0;

	if (r->data.len > DATA_MAX)
		return err_say(err, E2BIG, "its options are longer than %d bytes", DATA_MAX);
	if (dir) {
		back = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (back < 0 || chdir(dir) < 0)
			return err_set(err, errno, "go to '%s'", dir);
	}
	if (mount(source, target, type, r->flags, r->data.data) < 0)
		rc = err_set(err, errno, "mount '%s' of type '%s'", source, type);
	if (back >= 0 && fchdir(back) < 0)
		rc = err_set(err, errno, "go back to the working directory");
	return rc;
}

static int mount_bind(
	const char *source, const char *target, const struct request *r, struct err *err)
{
	unsigned long rec = r->options.recursive ? MS_REC : 0;

	if (mount(source, target, NULL, MS_BIND | rec, NULL) < 0)
		return err_set(err, errno, "bind '%s'", source);
	if (r->flags && mount(NULL, target, NULL, MS_BIND | MS_REMOUNT | r->flags, NULL) < 0)
		return err_set(err, errno, "set the options of '%s'", source);
	return 0;
}

static int mount_one(const Pb__Mount *m, const char *target, struct request *r, struct err *err)
{
	_cleanup_close_ int loop = -1;
	const char *source = m->source;
	char device[32];

	if (read_options(r, m->options, m->n_options, err) < 0)
		return -err->code;
	if (r->loop) {
		loop = attach_loop(source, r->flags & MS_RDONLY, device, sizeof(device), err);
		if (loop < 0)
			return loop;
		source = device;
	}
	if (r->options.bind || streq(m->type, "bind")) {
		if (mount_bind(source, target, r, err) < 0)
			return -err->code;
	} else if (mount_file_system(m->type, source, target, r, err) < 0) {
		return -err->code;
	}
	for (size_t i = 0; i < r->options.n_propagation; i++)
		if (mount(NULL, target, NULL, r->options.propagation[i], NULL) < 0)
			return err_set(err, errno, "set the propagation of '%s'", source);
	return 0;
}

static bool leads_up(const char *path)
{
	for (const char *p = path; *p; p += strspn(p, "/")) {
		size_t n = strcspn(p, "/");

		if (n == 2 && p[0] == '.' && p[1] == '.')
			return true;
		p += n;
	}
	return false;
}

static int root_of(char **ret, const char *bundle, struct err *err)
{
	*ret = NULL;
	return asprintf(ret, "%s/rootfs", bundle) < 0 ? err_oom(err) : 0;
}

static int open_within(int root, const char *path)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));

	return fd < 0 ? -errno : fd;
}

/* A directory below `root`, made where it is missing; links lead as they do in the container. */
static int make_within(int root, const char *within, struct err *err)
{
	_cleanup_free_ char *path = strdup(within);
	_cleanup_close_ int fd = open_within(root, ".");

	if (!path)
		return err_oom(err);
	for (char *name = path + strspn(path, "/"); *name && fd >= 0;) {
		char *end = name + strcspn(name, "/");
		char *next = end + strspn(end, "/");
		char c = *end;
		int sub;

		*end = '\0';
		sub = open_within(root, path);
		if (sub == -ENOENT)
			sub = mkdirat(fd, name, 0711) < 0 && errno != EEXIST
				      ? -errno
				      : open_within(root, path);
		*end = c;
		name = next;
		close(fd);
		fd = sub;
	}
	return fd < 0 ? err_set(err, -fd, "make directory '%s'", within) : take_fd(&fd);
}

/* Where to mount: a path without links. */
static int target_of(char **ret, const char *bundle, const char *within, struct err *err)
{
	_cleanup_free_ char *dir = NULL;
	_cleanup_close_ int root = -1, fd = -1;
	char link[FD_PATH_MAX];

	if (leads_up(within))
		return err_say(err, EINVAL, "the target '%s' leads out of it", within);
	if (root_of(&dir, bundle, err) < 0 || paths_mkdir_all(dir, 0711, err) < 0)
		return -err->code;
	if (!within[strspn(within, "/")]) {
		*ret = take_ptr(&dir);
		return 0;
	}
	root = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_set(err, errno, "open '%s'", dir);
	fd = make_within(root, within, err);
	if (fd < 0)
		return fd;
	*ret = realpath(fd_path(fd, link), NULL);
	return *ret ? 0 : err_set(err, errno, "find '%s'", within);
}

int rootfs_mount(const char *bundle, Pb__Mount *const *mounts, size_t n, struct err *err)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ char *target = NULL;
		struct request r = {.data = BUF_INIT};
		struct err ignored = ERR_INIT;

		if (target_of(&target, bundle, mounts[i]->target, err) == 0)
			(void)mount_one(mounts[i], target, &r, err);
		buf_finish(&r.data);
		if (err->code) {
			(void)rootfs_unmount(bundle, &ignored);
			return err_wrap(err, "mount the root file system");
		}
	}
	return 0;
}

int rootfs_unmount(const char *bundle, struct err *err)
{
	_cleanup_free_ char *target = NULL;

	if (root_of(&target, bundle, err) < 0)
		return -err->code;
	for (int i = 0; i < STACKED_MAX; i++)
		if (umount2(target, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
			return errno == EINVAL || errno == ENOENT
				       ? 0
				       : err_set(err, errno, "unmount '%s'", target);
	return err_say(err, EBUSY, "more than %d mounts on '%s'", STACKED_MAX, target);
}
