/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/launch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/paths.h"
#include "seed/image.h"

/* Newer than the C library's headers: Linux 6.3. */
#ifndef F_SEAL_EXEC
#define F_SEAL_EXEC 0x0020
#endif

static int seal(int fd)
{
	int r;

	if (fchmod(fd, 0555) < 0)
		return -errno;
	r = memfd_seal(fd, F_SEAL_EXEC);
	return r == -EINVAL ? memfd_seal(fd, 0) : r;
}

static int copy_file(int from, int to, off_t size)
{
	off_t done = 0;

	while (done < size) {
		ssize_t n = sendfile(to, from, &done, (size_t)(size - done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EIO; /* it shrinks while we read */
	}
	return 0;
}

int seed_worker_image(const char *path, int *ret_fd, struct seed_build_id *ret_id, struct err *err)
{
	_cleanup_close_ int file = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int fd = -1;
	struct stat st;
	int r;

	if (file < 0)
		return err_set(err, errno, "open worker '%s'", path);
	if (fstat(file, &st) < 0)
		return err_set(err, errno, "stat worker '%s'", path);
	if (!S_ISREG(st.st_mode) || !(st.st_mode & 0111))
		return err_set(err, EACCES, "execute worker '%s'", path);
	fd = memfd_executable("aworker", err);
	if (fd < 0)
		return err_wrap(err, "worker '%s'", path);
	r = copy_file(file, fd, st.st_size);
	if (r < 0)
		return err_set(err, -r, "copy worker '%s'", path);
	r = seal(fd);
	if (r < 0)
		return err_set(err, -r, "seal the copy of worker '%s'", path);
	seed_build_id_of_stat(&st, ret_id);
	*ret_fd = take_fd(&fd);
	return 0;
}

static int library_dir(const char *worker, char dir[PATH_MAX], struct err *err)
{
	static const char *const subdirs[] = {SEED_LIB_SUBDIR, SEED_LIB_INSTALLED};
	const char *slash = strrchr(worker, '/');
	int len = slash ? (int)(slash - worker) : 0;

	for (size_t i = 0; i < ARRAY_SIZE(subdirs); i++) {
		if (snprintf(dir, PATH_MAX, "%.*s/%s", len, worker, subdirs[i]) >= PATH_MAX)
			return err_set(err, ENAMETOOLONG, "worker '%s'", worker);
		if (access(dir, X_OK) == 0)
			return 0;
	}
	snprintf(dir, PATH_MAX, "%s", TURF_LIBDIR);
	return 0;
}

static char *assign(const char *name, const char *value)
{
	char *s;

	return asprintf(&s, "%s=%s", name, value) < 0 ? NULL : s;
}

static int make_vectors(
	const char *worker, const char *option, struct seed_launch *l, struct err *err)
{
	char libs[PATH_MAX];
	int r = library_dir(worker, libs, err);

	if (r < 0)
		return r;
	l->argv = calloc(3, sizeof(char *));
	l->envp = calloc(5, sizeof(char *));
	if (!l->argv || !l->envp)
		return err_oom(err);
	l->argv[0] = strdup(worker);
	l->argv[1] = strdup(option);
	l->envp[0] = assign("LD_LIBRARY_PATH", libs);
	l->envp[1] = assign(SEED_ENV_WORKER, worker);
	l->envp[2] = strdup("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
	l->envp[3] = strdup("LANG=C.UTF-8");
	for (size_t i = 0; i < 4; i++)
		if (!l->envp[i])
			return err_oom(err);
	return l->argv[0] && l->argv[1] ? 0 : err_oom(err);
}

int seed_launch_prepare(
	const char *worker, const char *option, struct seed_launch *ret, struct err *err)
{
	_cleanup_seed_launch_ struct seed_launch l = SEED_LAUNCH_INIT;
	_cleanup_free_ char *found = NULL;
	int r;

	if (!worker) {
		r = paths_program("aworker", &found, err);
		if (r < 0)
			return r;
		worker = found;
	}
	r = seed_worker_image(worker, &l.image_fd, &l.build_id, err);
	if (r == 0)
		r = make_vectors(worker, option, &l, err);
	if (r < 0)
		return r;
	*ret = l;
	l = (struct seed_launch)SEED_LAUNCH_INIT;
	return 0;
}

static int make_base_vectors(int number, const char *option, struct seed_launch *l, struct err *err)
{
	l->argv = calloc(5, sizeof(char *));
	l->envp = calloc(1, sizeof(char *));
	if (!l->argv || !l->envp)
		return err_oom(err);
	l->argv[0] = strdup("aworker-loader");
	if (asprintf(&l->argv[1], "fd:%d", number) < 0)
		l->argv[1] = NULL;
	l->argv[2] = strdup("");
	l->argv[3] = strdup(option);
	return l->argv[0] && l->argv[1] && l->argv[2] && l->argv[3] ? 0 : err_oom(err);
}

int seed_launch_prepare_base(const char *worker, int number, const char *option,
	struct seed_launch *ret, struct err *err)
{
	_cleanup_seed_launch_ struct seed_launch l = SEED_LAUNCH_INIT;
	_cleanup_free_ char *loader = NULL, *found = NULL;
	struct stat st;

	if (!worker && paths_program("aworker", &found, err) < 0)
		return -err->code;
	if (stat(worker ?: found, &st) < 0)
		return err_set(err, errno, "stat worker '%s'", worker ?: found);
	l.base_fd = image_open_base(&st, err);
	if (l.base_fd < 0 || paths_program("aworker-loader", &loader, err) < 0 ||
		seed_worker_image(loader, &l.image_fd, &l.build_id, err) < 0 ||
		make_base_vectors(number, option, &l, err) < 0)
		return -err->code;
	seed_build_id_of_stat(&st, &l.build_id);
	*ret = l;
	l = (struct seed_launch)SEED_LAUNCH_INIT;
	return 0;
}

void seed_launch_finish(struct seed_launch *l)
{
	fd_close(&l->image_fd);
	fd_close(&l->base_fd);
	strv_free(l->argv);
	strv_free(l->envp);
	l->argv = NULL;
	l->envp = NULL;
}

int seed_launch_exec(const struct seed_launch *l)
{
	execveat(l->image_fd, "", l->argv, l->envp, AT_EMPTY_PATH);
	return -errno;
}
