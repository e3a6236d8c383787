/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-runtime: `run` of a bundle whose process is /bin/true of a static busybox,
 * by turf, crun and runc: create, start, wait, delete. All three get the same
 * config.json, the one of `turf spec`.
 *
 * On a host where both cgroup v1 and v2 hold controllers crun refuses to run. So
 * that there is a comparison at all, everybody then runs in a mount namespace of
 * ours without the v2 mount.
 */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "tests/bench/bench.h"

#define BUSYBOX	      "/usr/bin/busybox"
#define UNIFIED_MOUNT "/sys/fs/cgroup/unified"

struct setup {
	char dir[64];
	char run[64]; /* in memory, as the state of containers usually is */
	char turf_root[96];
	char crun_root[96];
	char runc_root[96];
	bool pure_v1;
};

struct tool {
	const char *program;
	const char *root;
	const char *bundle;
};

static int run_tool(
	const struct bench_case *c, double *ret_wall_us, double *ret_cpu_us, struct err *err)
{
	const struct tool *t = c->arg;
	char id[32];
	const char *const argv[] = {
		t->program, "--root", t->root, "run", "--bundle", t->bundle, id, NULL};
	static unsigned n;

	snprintf(id, sizeof(id), "bench-%d-%u", (int)getpid(), n++);
	return bench_exec(argv, ret_wall_us, ret_cpu_us, err);
}

static int copy_file(const char *from, const char *to, struct err *err)
{
	_cleanup_free_ char *data = NULL;
	size_t len;
	int r = file_read(AT_FDCWD, from, 64u << 20, &data, &len, err);

	return r < 0 ? r : file_write_atomic(AT_FDCWD, to, data, len, 0755, err);
}

static int write_config(const char *dir, struct err *err)
{
	static const char *const args[] = {"/bin/true", NULL};
	_cleanup_oci_config_ struct oci_config *config = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct oci_process process;
	char path[128];
	int r = oci_config_default(false, 0, 0, &config, err);

	if (r < 0)
		return r;
	process = *config->process;
	process.terminal = false;
	process.args = args;
	config->process = &process;
	config->oci_version = "1.0.2"; /* older runtimes refuse a newer one */
	oci_config_write(config, true, &text);
	if (buf_failed(&text))
		return err_oom(err);
	snprintf(path, sizeof(path), "%s/config.json", dir);
	return file_write_atomic(AT_FDCWD, path, text.data, text.len, 0644, err);
}

static int make_bundle(struct setup *s, struct err *err)
{
	static const char *const dirs[] = {"rootfs", "rootfs/bin", "rootfs/proc", "rootfs/dev",
		"rootfs/sys", "rootfs/etc", "rootfs/tmp"};
	char path[128];
	int r;

	if (bench_directory("/tmp", s->dir, err) < 0 ||
		bench_directory("/dev/shm", s->run, err) < 0)
		return -err->code;
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", s->dir, dirs[i]);
		if (mkdir(path, 0755) < 0)
			return err_set(err, errno, "mkdir '%s'", path);
	}
	snprintf(s->turf_root, sizeof(s->turf_root), "%s/turf", s->run);
	snprintf(s->crun_root, sizeof(s->crun_root), "%s/crun", s->run);
	snprintf(s->runc_root, sizeof(s->runc_root), "%s/runc", s->run);
	snprintf(path, sizeof(path), "%s/rootfs/bin/true", s->dir);
	r = copy_file(BUSYBOX, path, err);
	return r < 0 ? r : write_config(s->dir, err);
}

/* Takes the v2 hierarchy away when it holds controllers beside v1's. */
static int hide_hybrid(struct setup *s, struct err *err)
{
	_cleanup_free_ char *controllers = NULL;
	struct err ignored = ERR_INIT;
	size_t len;

	if (file_read(AT_FDCWD, UNIFIED_MOUNT "/cgroup.controllers", 4096, &controllers, &len,
		    &ignored) < 0 ||
		len <= 1)
		return 0;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		umount2(UNIFIED_MOUNT, MNT_DETACH) < 0)
		return err_set(err, errno, "hide '%s'", UNIFIED_MOUNT);
	s->pure_v1 = true;
	return 0;
}

int main(void)
{
	struct setup s = {0};
	struct err err = ERR_INIT;
	_cleanup_free_ char *turf = strdup(bench_program("turf"));
	struct bench_report *report = bench_report_open("runtime");
	const struct tool tools[] = {{turf, s.turf_root, s.dir}, {"crun", s.crun_root, s.dir},
		{"runc", s.runc_root, s.dir}};
	struct bench_case cases[] = {
		{.name = "turf run /bin/true", .run = run_tool, .arg = &tools[0]},
		{.name = "crun run /bin/true", .run = run_tool, .arg = &tools[1]},
		{.name = "runc run /bin/true", .run = run_tool, .arg = &tools[2]},
	};
	static const size_t baselines[] = {1, 2};

	if (make_bundle(&s, &err) < 0 || hide_hybrid(&s, &err) < 0) {
		fprintf(stderr, "bench-runtime: %s\n", err.msg);
		for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
			cases[i].missing = err.msg;
	}
	for (size_t i = 1; i < ARRAY_SIZE(cases); i++)
		if (!cases[i].missing && !bench_has(tools[i].program))
			cases[i].missing = "not installed";
	bench_run(cases, ARRAY_SIZE(cases), bench_rounds());
	bench_report_cases(report, cases, ARRAY_SIZE(cases), baselines, ARRAY_SIZE(baselines));
	if (s.pure_v1)
		bench_report_note(report,
			"all three without the cgroup v2 mount: crun refuses this host with it");
	bench_directory_remove(s.dir);
	bench_directory_remove(s.run);
	return bench_report_close(report);
}
