/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/control/worker_bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/paths.h"
#include "runtime/base/util.h"
#include "seed/noslated/control/worker_given.h"
#include "seed/noslated/control/worker_seccomp.h"
#include "seed/noslated/profile/profile.h"

#define FILES_MAX 1024
#define ENV_MAX	  1024

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

/* A file that a worker can open where only this directory is mounted. */
static bool has_file(const char *dir, const char *name)
{
	const struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH};
	_cleanup_close_ int top = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC), fd = -1;
	struct stat st;

	if (top >= 0)
		fd = (int)syscall(SYS_openat2, top, name, &how, sizeof(how));
	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static int find_in_directory(
	const struct profile_code *c, const char *dir, struct code *ret, struct err *err)
{
	static const char *const usual[] = {"worker.mjs", "worker.js", "index.mjs", "index.js"};
	const char *given = c->path ? c->path : c->url;

	ret->source = dir;
	snprintf(ret->target, sizeof(ret->target), WORKER_CODE);
	for (size_t i = 0; i < (c->entry ? 1 : ARRAY_SIZE(usual)); i++) {
		const char *name = c->entry ? c->entry : usual[i];

		if (!has_file(dir, name))
			continue;
		snprintf(ret->main, sizeof(ret->main), WORKER_CODE "/%s", name);
		return 0;
	}
	if (c->entry)
		return err_say(
			err, ENOENT, "code.entry: there is no file '%s' in '%s'", c->entry, given);
	return err_say(err, ENOENT,
		"code.%s: '%s' has no worker.js or index.js; which file is it? (code.entry)",
		c->path ? "path" : "url", given);
}

static int find_code(const struct profile_code *c, const struct worker_code *is, struct code *ret,
	struct err *err)
{
	const char *name;

	if (strlen(is->path) >= PATH_MAX / 2 || (c->entry && strlen(c->entry) >= PATH_MAX / 4))
		return err_say(err, ENAMETOOLONG, "code.path: too long");
	if (is->kind != CODE_FILE)
		return find_in_directory(c, is->path, ret, err);
	if (c->entry)
		return err_say(err, EINVAL, "code.path: '%s' is no directory, so it has no entry",
			c->path);
	name = base_name(is->path);
	ret->source = is->path;
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
static void put_annotations(struct parts *p, const struct profile_function *f, const char *state)
{
	const struct profile_resources *r = &f->resources;

	annotate(p, WORKER_CODE_ANNOTATION, state);
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
	p->cpu.period = (struct oci_u64){true, WORKER_CPU_PERIOD_US};
	p->cpu.quota = (struct oci_i64){true, (int64_t)r->cpu_shares * WORKER_CPU_PERIOD_US / 1000};
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

static int make_config(const struct profile_function *f, const struct code *code, const char *state,
	struct buf *text, struct err *err)
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
	put_annotations(&p, f, state);
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

static int make_directories(const char *dir, bool is_ours, struct err *err)
{
	static const char *const names[] = {"code", "dev", "proc", "tmp"};
	char path[PATH_MAX];

	if (!is_ours)
		return paths_mkdir_all(dir, 0755, err);
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
	if (f->start == PROFILE_START_STATE || f->start == PROFILE_START_SNAPSHOT)
		return err_say(err, ENOTSUP, "start: functions start from source alone");
	if (strlen(dir) >= PATH_MAX / 2)
		return err_say(err, ENAMETOOLONG, "'%s' is too long", dir);
	return 0;
}

static int write_text(const struct profile_function *f, const struct worker_code *is,
	struct buf *config, struct err *err)
{
	struct code code = {0};

	if (is->kind == CODE_BUNDLE)
		return worker_given_config(f, is, config, err);
	return find_code(&f->code, is, &code, err) < 0 ||
			       make_config(f, &code, is->state, config, err) < 0
		       ? -err->code
		       : 0;
}

int worker_bundle_write(const char *dir, const char *before, const struct profile_function *f,
	const struct worker_code *code, bool *ret_same, struct err *err)
{
	_cleanup_buf_ struct buf config = BUF_INIT;

	if (check(dir, f, err) < 0 || write_text(f, code, &config, err) < 0)
		return -err->code;
	*ret_same = says_the_same(before, &config);
	if (*ret_same)
		return 0;
	return make_directories(dir, code->kind != CODE_BUNDLE, err) < 0 ||
			       write_config(dir, &config, err) < 0
		       ? -err->code
		       : 0;
}
