/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/control/worker_bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/paths.h"
#include "runtime/base/util.h"
#include "seed/noslated/control/worker_seccomp.h"
#include "seed/noslated/profile/profile.h"

#define CPU_PERIOD_US 100000
#define FILES_MAX     1024
#define ENV_MAX	      1024

/* --- the code --- */

struct code {
	const char *source;    /* what is mounted */
	char target[PATH_MAX]; /* where */
	char main[PATH_MAX];   /* the file that runs, in the container */
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int find_directory(const struct profile_code *c, struct code *ret, struct err *err)
{
	static const char *const usual[] = {"worker.mjs", "worker.js", "index.mjs", "index.js"};
	char path[PATH_MAX];

	for (size_t i = 0; i < (c->entry ? 1 : ARRAY_SIZE(usual)); i++) {
		const char *name = c->entry ? c->entry : usual[i];
		struct stat st;

		snprintf(path, sizeof(path), "%s/%s", c->path, name);
		if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
			continue;
		snprintf(ret->target, sizeof(ret->target), WORKER_CODE);
		snprintf(ret->main, sizeof(ret->main), WORKER_CODE "/%s", name);
		return 0;
	}
	if (c->entry)
		return err_say(err, ENOENT, "code.entry: there is no file '%s' in '%s'", c->entry,
			c->path);
	return err_say(err, ENOENT,
		"code.path: '%s' has no worker.js or index.js; which file is it? (code.entry)",
		c->path);
}

static int find_code(const struct profile_code *c, struct code *ret, struct err *err)
{
	const char *name;
	struct stat st;

	if (!c->path)
		return err_say(err, ENOTSUP, "code.url: downloads are not supported");
	if (strlen(c->path) >= PATH_MAX / 2 || (c->entry && strlen(c->entry) >= PATH_MAX / 4))
		return err_say(err, ENAMETOOLONG, "code.path: too long");
	if (stat(c->path, &st) < 0)
		return err_set(err, errno, "code.path: '%s'", c->path);
	ret->source = c->path;
	if (S_ISDIR(st.st_mode))
		return find_directory(c, ret, err);
	name = base_name(c->path);
	if (!S_ISREG(st.st_mode) || c->entry)
		return err_say(err, EINVAL, "code.path: '%s' is no directory%s", c->path,
			c->entry ? ", so it has no entry" : " and no file");
	snprintf(ret->target, sizeof(ret->target), WORKER_CODE "/%s", name);
	snprintf(ret->main, sizeof(ret->main), WORKER_CODE "/%s", name);
	return 0;
}

/* --- the configuration --- */

#define LIST_OF(...) ((const char *const[]){__VA_ARGS__, NULL})

static const struct oci_mount fixed_mounts[] = {
	{.destination = "/proc",
		.type = "proc",
		.source = "proc",
		.options = LIST_OF("nosuid", "noexec", "nodev")},
	{.destination = "/dev",
		.type = "tmpfs",
		.source = "tmpfs",
		.options = LIST_OF("nosuid", "noexec", "mode=755", "size=64k")},
	{.destination = "/tmp",
		.type = "tmpfs",
		.source = "tmpfs",
		.options = LIST_OF("nosuid", "noexec", "nodev", "mode=1777", "size=16m")},
};

static const struct oci_namespace namespaces[] = {{.type = CLONE_NEWPID}, {.type = CLONE_NEWNET},
	{.type = CLONE_NEWIPC}, {.type = CLONE_NEWUTS}, {.type = CLONE_NEWNS}};

static const struct oci_device_rule no_devices[] = {{.allow = false, .type = 'a', .access = "rwm"}};

static const char *const masked_paths[] = {"/proc/acpi", "/proc/asound", "/proc/interrupts",
	"/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
	"/proc/timer_list", "/proc/timer_stats", NULL};
static const char *const readonly_paths[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL};

/* Everything that the configuration points to. */
struct parts {
	struct oci_mount mounts[ARRAY_SIZE(fixed_mounts) + 1];
	struct oci_memory memory;
	struct oci_cpu cpu;
	struct oci_pids pids;
	struct oci_resources resources;
	struct oci_rlimit rlimit;
	struct oci_process process;
	struct oci_linux linux_;
	struct oci_pair annotations[8];
	char numbers[8][32];
	size_t n_annotations;
	const char **env;
	char function[PATHS_ID_MAX + 32];
};

static void annotate(struct parts *p, const char *name, const char *value)
{
	p->annotations[p->n_annotations++] = (struct oci_pair){name, value};
}

static void annotate_number(struct parts *p, const char *name, uint64_t value, const char *unit)
{
	char *text = p->numbers[p->n_annotations];

	if (value == 0)
		return;
	snprintf(text, sizeof(p->numbers[0]), "%" PRIu64 "%s", value, unit);
	annotate(p, name, text);
}

/* In the order of their names. */
static void put_annotations(struct parts *p, const struct profile_function *f)
{
	const struct profile_resources *r = &f->resources;

	annotate_number(p, "turf.noslate.dev/cpu-limit", r->cpu_ms, "ms");
	annotate_number(p, "turf.noslate.dev/heap-limit", r->heap, "");
	annotate_number(p, "turf.noslate.dev/stack-limit", r->stack, "");
	/* It would be known by what its bundle has at the code's place, which is nothing. */
	annotate(p, "turf.noslate.dev/state-image", "never");
	annotate_number(p, "turf.noslate.dev/task-limit", r->task_ms, "ms");
}

static void put_resources(struct parts *p, const struct profile_resources *r)
{
	p->memory.limit = (struct oci_i64){true, (int64_t)r->memory};
	p->cpu.period = (struct oci_u64){true, CPU_PERIOD_US};
	p->cpu.quota = (struct oci_i64){true, (int64_t)r->cpu_shares * CPU_PERIOD_US / 1000};
	p->pids.limit = (struct oci_i64){true, r->pids};
	p->resources = (struct oci_resources){.devices = no_devices,
		.n_devices = ARRAY_SIZE(no_devices),
		.memory = &p->memory,
		.cpu = r->cpu_shares ? &p->cpu : NULL,
		.pids = &p->pids};
}

static int put_env(struct parts *p, const struct profile_function *f, struct err *err)
{
	if (f->n_env > ENV_MAX)
		return err_say(err, E2BIG, "environment: more than %d variables", ENV_MAX);
	p->env = calloc(f->n_env + 2, sizeof(*p->env));
	if (!p->env)
		return err_oom(err);
	snprintf(p->function, sizeof(p->function), "NOSLATE_FUNCTION=%s", f->name);
	p->env[0] = p->function;
	for (size_t i = 0; i < f->n_env; i++) {
		char *one;

		if (asprintf(&one, "%s=%s", f->env[i].name, f->env[i].value) < 0)
			return err_oom(err);
		p->env[i + 1] = one;
	}
	return 0;
}

static void free_env(struct parts *p, const struct profile_function *f)
{
	for (size_t i = 0; p->env && i < f->n_env; i++)
		free((char *)p->env[i + 1]);
	free(p->env);
}

static int make_config(const struct profile_function *f, const struct code *code, struct buf *text,
	struct err *err)
{
	const char *const args[] = {"aworker", "--listen=fd:3", code->main, NULL};
	const struct oci_root root = {.path = "rootfs", .readonly = true};
	const char *const bind[] = {"bind", "ro", "nosuid", "nodev", "noexec", NULL};
	struct parts p = {0};
	struct oci_config config = {.oci_version = OCI_VERSION,
		.process = &p.process,
		.root = &root,
		.hostname = "worker",
		.mounts = p.mounts,
		.n_mounts = ARRAY_SIZE(p.mounts),
		.linux_ = &p.linux_,
		.annotations = p.annotations};
	int r = put_env(&p, f, err);

	memcpy(p.mounts, fixed_mounts, sizeof(fixed_mounts));
	p.mounts[ARRAY_SIZE(fixed_mounts)] = (struct oci_mount){.destination = code->target,
		.type = "bind",
		.source = code->source,
		.options = bind};
	put_resources(&p, &f->resources);
	put_annotations(&p, f);
	config.n_annotations = p.n_annotations;
	p.rlimit = (struct oci_rlimit){
		.resource = RLIMIT_NOFILE, .soft = FILES_MAX, .hard = FILES_MAX};
	p.process = (struct oci_process){.args = args,
		.env = p.env,
		.cwd = "/",
		.user = {.uid = WORKER_UID, .gid = WORKER_GID},
		.rlimits = &p.rlimit,
		.n_rlimits = 1,
		.no_new_privileges = true};
	p.linux_ = (struct oci_linux){.namespaces = namespaces,
		.n_namespaces = ARRAY_SIZE(namespaces),
		.resources = &p.resources,
		.masked_paths = masked_paths,
		.readonly_paths = readonly_paths,
		.seccomp = &worker_seccomp};
	if (r == 0) {
		oci_config_write(&config, true, text);
		r = buf_failed(text) ? err_oom(err) : 0;
	}
	free_env(&p, f);
	return r;
}

/* --- the bundle --- */

static int make_directories(const char *dir, struct err *err)
{
	static const char *const names[] = {"code", "dev", "proc", "tmp"};
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/rootfs/%s", dir, names[i]);
		if (paths_mkdir_all(path, 0755, err) < 0)
			return -err->code;
	}
	return 0;
}

static bool says_the_same(const char *before, const struct buf *config)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	struct err err;
	size_t len;

	if (!before)
		return false;
	snprintf(path, sizeof(path), "%s/" OCI_CONFIG_FILE, before);
	return file_read(AT_FDCWD, path, config->len, &text, &len, &err) == 0 &&
	       len == config->len && memcmp(text, config->data, len) == 0;
}

static int write_config(const char *dir, const struct buf *config, struct err *err)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" OCI_CONFIG_FILE, dir);
	return file_write_atomic(AT_FDCWD, path, config->data, config->len, 0600, err);
}

static int check(const char *dir, const struct profile_function *f, struct err *err)
{
	if (f->runtime != PROFILE_AWORKER)
		return err_say(err, ENOTSUP, "runtime: bundles are not supported");
	if (f->start == PROFILE_START_STATE || f->start == PROFILE_START_SNAPSHOT)
		return err_say(err, ENOTSUP, "start: functions start from source alone");
	if (strlen(dir) >= PATH_MAX / 2)
		return err_say(err, ENAMETOOLONG, "'%s' is too long", dir);
	return 0;
}

int worker_bundle_write(const char *dir, const char *before, const struct profile_function *f,
	bool *ret_same, struct err *err)
{
	_cleanup_buf_ struct buf config = BUF_INIT;
	struct code code = {0};

	if (check(dir, f, err) < 0 || find_code(&f->code, &code, err) < 0 ||
		make_config(f, &code, &config, err) < 0)
		return -err->code;
	*ret_same = says_the_same(before, &config);
	if (*ret_same)
		return 0;
	return make_directories(dir, err) < 0 ? -err->code : write_config(dir, &config, err);
}
