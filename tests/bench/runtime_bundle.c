/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/runtime_bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "tests/bench/bench.h"
#include "tests/bench/profile.h"

#define BUSYBOX "/usr/bin/busybox"

/* --- bundles --- */

static int write_config(const char *dir, const char *rootfs, const char *const *args,
	const struct oci_seccomp *profile, struct err *err)
{
	_cleanup_oci_config_ struct oci_config *config = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct oci_process process;
	struct oci_linux linux_;
	struct oci_root root;
	char path[128];
	int r = oci_config_default(false, 0, 0, &config, err);

	if (r < 0)
		return r;
	process = *config->process;
	process.terminal = false;
	process.args = args;
	config->process = &process;
	linux_ = *config->linux_;
	linux_.seccomp = profile;
	config->linux_ = &linux_;
	root = *config->root;
	root.path = rootfs;
	config->root = &root;
	config->oci_version = "1.0.2"; /* older runtimes refuse a newer one */
	oci_config_write(config, true, &text);
	if (buf_failed(&text))
		return err_oom(err);
	snprintf(path, sizeof(path), "%s/config.json", dir);
	return file_write_atomic(AT_FDCWD, path, text.data, text.len, 0644, err);
}

static int copy_busybox(const char *dir, struct err *err)
{
	_cleanup_free_ char *data = NULL;
	char path[128];
	char other[128];
	size_t len;
	int r = file_read(AT_FDCWD, BUSYBOX, 64u << 20, &data, &len, err);

	snprintf(path, sizeof(path), "%s/rootfs/bin/true", dir);
	snprintf(other, sizeof(other), "%s/rootfs/bin/sleep", dir);
	if (r == 0)
		r = file_write_atomic(AT_FDCWD, path, data, len, 0755, err);
	if (r == 0 && link(path, other) < 0)
		r = err_set(err, errno, "link '%s'", other);
	return r;
}

static int make_directories(struct runtime_bundle *b, struct err *err)
{
	static const char *const dirs[] = {"rootfs", "rootfs/bin", "rootfs/proc", "rootfs/dev",
		"rootfs/sys", "rootfs/etc", "rootfs/tmp", "sleeper"};
	char path[128];

	if (bench_directory("/tmp", b->dir, err) < 0 ||
		bench_directory("/dev/shm", b->run, err) < 0)
		return -err->code;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", b->dir, dirs[i]);
		if (mkdir(path, 0755) < 0)
			return err_set(err, errno, "mkdir '%s'", path);
	}
	snprintf(b->sleeper_dir, sizeof(b->sleeper_dir), "%s/sleeper", b->dir);
	return 0;
}

int runtime_bundle_make(struct runtime_bundle *b, struct err *err)
{
	static const char *const true_args[] = {"/bin/true", NULL};
	static const char *const sleep_args[] = {"/bin/sleep", "1000000", NULL};
	struct oci_seccomp profile;
	char rootfs[96], filter[96];
	int r = make_directories(b, err);

	snprintf(rootfs, sizeof(rootfs), "%s/rootfs", b->dir);
	snprintf(filter, sizeof(filter), "%s/filter", b->dir);
	profile_fill(&profile);
	if (r == 0)
		r = copy_busybox(b->dir, err);
	if (r == 0)
		r = profile_write(&profile, filter, err);
	if (r == 0)
		r = write_config(b->dir, rootfs, true_args, &profile, err);
	if (r == 0)
		r = write_config(b->sleeper_dir, rootfs, sleep_args, &profile, err);
	return r;
}

void runtime_bundle_remove(struct runtime_bundle *b)
{
	bench_directory_remove(b->dir);
	bench_directory_remove(b->run);
}

/* --- the floor's cgroups --- */

/* "7:pids:/a/ID" -> "pids=/sys/fs/cgroup/pids/a/ID-floor"; NULL when it is not ID's own. */
static char *floor_group(char *line, const char *id)
{
	char *controllers = strchr(line, ':');
	char *path = controllers ? strchr(controllers + 1, ':') : NULL;
	char *group = NULL;
	const char *mount;
	size_t len;

	if (!path)
		return NULL;
	*path++ = '\0';
	controllers++;
	len = strlen(path);
	if (len <= strlen(id) || !streq(path + len - strlen(id), id))
		return NULL;
	mount = strncmp(controllers, "name=", 5) == 0 ? controllers + 5 : controllers;
	if (!*controllers)
		mount = access("/sys/fs/cgroup/unified", F_OK) == 0 ? "unified" : ".";
	if (asprintf(&group, "%s=/sys/fs/cgroup/%s%s-floor", controllers, mount, path) < 0)
		abort();
	return group;
}

static int read_groups(struct runtime_bundle *b, pid_t pid, const char *id, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	size_t n = 3;
	char path[64];
	char *save = NULL;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
	if (file_read(AT_FDCWD, path, 65536, &text, &len, err) < 0)
		return -err->code;
	for (char *l = strtok_r(text, "\n", &save); l && n < RUNTIME_FLOOR_ARGS_MAX - 1;
		l = strtok_r(NULL, "\n", &save)) {
		char *group = floor_group(l, id);

		if (group)
			b->floor_argv[n++] = group; /* for as long as the program runs */
	}
	return n > 3 ? 0 : err_say(err, ENOENT, "'%s' shows no cgroup of '%s'", path, id);
}

int runtime_bundle_floor(
	struct runtime_bundle *b, const char *turf, const char *root, struct err *err)
{
	static char program[256];
	static char rootfs[96];
	static char filter[96];
	char pid_file[96];
	const char *const create[] = {turf, "--root", root, "create", "--bundle", b->dir,
		"--pid-file", pid_file, "bench", NULL};
	const char *const del[] = {turf, "--root", root, "delete", "--force", "bench", NULL};
	_cleanup_free_ char *text = NULL;
	struct err later = ERR_INIT;
	size_t len;
	int r;

	snprintf(program, sizeof(program), "%s", bench_program("bench/runtime_floor"));
	snprintf(rootfs, sizeof(rootfs), "%s/rootfs", b->dir);
	snprintf(filter, sizeof(filter), "%s/filter", b->dir);
	snprintf(pid_file, sizeof(pid_file), "%s/pid", b->run);
	b->floor_argv[0] = program;
	b->floor_argv[1] = rootfs;
	b->floor_argv[2] = filter;
	r = bench_exec(create, NULL, NULL, err);
	if (r < 0)
		return r;
	r = file_read(AT_FDCWD, pid_file, 32, &text, &len, err);
	if (r == 0)
		r = read_groups(b, (pid_t)atoi(text), "bench", err);
	if (bench_exec(del, NULL, NULL, &later) < 0 && r == 0) {
		*err = later;
		r = -later.code;
	}
	return r;
}
