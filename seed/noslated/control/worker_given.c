/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/control/worker_given.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/arena.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "seed/noslated/control/worker_bundle.h"
#include "seed/noslated/profile/profile.h"

/* What a bundle may have of a kind. */
#define LIST_MAX 4096

/* The first process of a PID namespace is number 1. */
static const char *const socket_env[] = {"LISTEN_FDS=1", "LISTEN_PID=1", "LISTEN_FDNAMES=http"};

/* What the changed configuration is made of. */
struct given {
	const struct profile_function *function;
	const struct worker_code *code;
	struct arena arena;
	struct oci_config config;
	struct oci_root root;
	struct oci_process process;
	struct oci_linux linux_;
	struct oci_resources resources;
	struct oci_memory memory;
	struct oci_cpu cpu;
	struct oci_pids pids;
};

static void finish(struct given *g)
{
	arena_finish(&g->arena);
}

/* --- strings --- */

static char *join(struct given *g, const char *a, const char *between, const char *b)
{
	const size_t size = strlen(a) + strlen(between) + strlen(b) + 1;
	char *s = arena_alloc(&g->arena, size);

	if (s)
		snprintf(s, size, "%s%s%s", a, between, b);
	return s;
}

/* Relative paths are taken from the bundle that was given, not from ours. */
static const char *absolute(struct given *g, const char *path)
{
	return *path == '/' ? path : join(g, g->code->path, "/", path);
}

/* --- environment --- */

static size_t count(const char *const *list)
{
	size_t n = 0;

	while (list && list[n])
		n++;
	return n;
}

static bool has_name(const char *variable, const char *name, size_t len)
{
	return strncmp(variable, name, len) == 0 && variable[len] == '=';
}

/* Whether it is said by us, so that the bundle's own does not count. */
static bool is_replaced(const struct given *g, const char *variable)
{
	if (str_after(variable, "LISTEN_FDS=") || str_after(variable, "LISTEN_PID=") ||
		str_after(variable, "LISTEN_FDNAMES=") || str_after(variable, "NOSLATE_FUNCTION="))
		return true;
	for (size_t i = 0; i < g->function->n_env; i++)
		if (has_name(variable, g->function->env[i].name, strlen(g->function->env[i].name)))
			return true;
	return false;
}

static int put_env(struct given *g, struct err *err)
{
	const struct profile_function *f = g->function;
	const char *const *old = g->process.env;
	const char **env;
	size_t n = 0;

	if (f->n_env > LIST_MAX || count(old) > LIST_MAX)
		return err_say(err, E2BIG, "environment: more than %d variables", LIST_MAX);
	env = arena_calloc(
		&g->arena, count(old) + f->n_env + ARRAY_SIZE(socket_env) + 2, sizeof(*env));
	if (!env)
		return err_oom(err);
	for (; old && *old; old++)
		if (!is_replaced(g, *old))
			env[n++] = *old;
	for (size_t i = 0; i < f->n_env; i++) {
		env[n] = join(g, f->env[i].name, "=", f->env[i].value);
		if (!env[n++])
			return err_oom(err);
	}
	for (size_t i = 0; i < ARRAY_SIZE(socket_env); i++)
		env[n++] = socket_env[i];
	env[n] = join(g, "NOSLATE_FUNCTION", "=", f->name);
	if (!env[n])
		return err_oom(err);
	g->process.env = env;
	return 0;
}

/* --- mounts and namespaces --- */

static bool is_bind(const struct oci_mount *m)
{
	for (const char *const *o = m->options; o && *o; o++)
		if (streq(*o, "bind") || streq(*o, "rbind"))
			return true;
	return m->type && streq(m->type, "bind");
}

static int put_mounts(struct given *g, struct err *err)
{
	const size_t n = g->config.n_mounts;
	struct oci_mount *mounts;

	if (n > LIST_MAX)
		return err_say(err, E2BIG, "mounts: more than %d", LIST_MAX);
	mounts = arena_calloc(&g->arena, n + 1, sizeof(*mounts));
	if (!mounts)
		return err_oom(err);
	for (size_t i = 0; i < n; i++) {
		mounts[i] = g->config.mounts[i];
		if (!is_bind(&mounts[i]) || !mounts[i].source)
			continue;
		mounts[i].source = absolute(g, mounts[i].source);
		if (!mounts[i].source)
			return err_oom(err);
	}
	g->config.mounts = mounts;
	return 0;
}

static bool has_namespace(const struct oci_namespace *list, size_t n, int type)
{
	for (size_t i = 0; i < n; i++)
		if (list[i].type == type)
			return true;
	return false;
}

/* It is told that it is process 1, and mounts of its own go with it. */
static int put_namespaces(struct given *g, struct err *err)
{
	static const int own[] = {CLONE_NEWPID, CLONE_NEWNS};
	const struct oci_linux *l = &g->linux_;
	struct oci_namespace *list =
		arena_calloc(&g->arena, l->n_namespaces + ARRAY_SIZE(own), sizeof(*list));
	size_t n = 0;

	if (!list)
		return err_oom(err);
	for (; n < l->n_namespaces; n++) {
		list[n] = l->namespaces[n];
		if (list[n].path && (list[n].type == CLONE_NEWPID || list[n].type == CLONE_NEWNS))
			return err_say(err, EINVAL,
				"linux.namespaces: those of processes and mounts have to be new");
	}
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (!has_namespace(list, n, own[i]))
			list[n++].type = own[i];
	g->linux_.namespaces = list;
	g->linux_.n_namespaces = n;
	return 0;
}

/* --- resources --- */

static bool is_ours(const char *file)
{
	return str_after(file, "memory.") || str_after(file, "cpu.") || str_after(file, "pids.");
}

/* The profile's; of devices and the like it says nothing. */
static int put_resources(struct given *g, struct err *err)
{
	const struct profile_resources *r = &g->function->resources;

	if (g->linux_.resources)
		g->resources = *g->linux_.resources;
	for (size_t i = 0; i < g->resources.n_unified; i++)
		if (is_ours(g->resources.unified[i].name))
			return err_say(err, EINVAL,
				"linux.resources.unified: '%s' is the profile's to say",
				g->resources.unified[i].name);
	g->memory.limit = (struct oci_i64){true, (int64_t)r->memory};
	g->cpu.period = (struct oci_u64){true, WORKER_CPU_PERIOD_US};
	g->cpu.quota = (struct oci_i64){true, (int64_t)r->cpu_shares * WORKER_CPU_PERIOD_US / 1000};
	g->pids.limit = (struct oci_i64){true, r->pids};
	g->resources.memory = &g->memory;
	g->resources.cpu = r->cpu_shares ? &g->cpu : NULL;
	g->resources.pids = &g->pids;
	g->linux_.resources = &g->resources;
	return 0;
}

/* --- annotations --- */

/* They are in the order of their names. */
static int put_annotations(struct given *g, struct err *err)
{
	const size_t n = g->config.n_annotations;
	struct oci_pair *list;
	size_t k = 0;
	bool put = false;

	if (n > LIST_MAX)
		return err_say(err, E2BIG, "annotations: more than %d", LIST_MAX);
	list = arena_calloc(&g->arena, n + 1, sizeof(*list));
	if (!list)
		return err_oom(err);
	for (size_t i = 0; i < n; i++) {
		const int order = strcmp(g->config.annotations[i].name, WORKER_CODE_ANNOTATION);

		if (order >= 0 && !put) {
			list[k++] = (struct oci_pair){WORKER_CODE_ANNOTATION, g->code->state};
			put = true;
		}
		if (order != 0)
			list[k++] = g->config.annotations[i];
	}
	if (!put)
		list[k++] = (struct oci_pair){WORKER_CODE_ANNOTATION, g->code->state};
	g->config.annotations = list;
	g->config.n_annotations = k;
	return 0;
}

/* --- the whole --- */

static int change(struct given *g, const struct oci_config *old, struct err *err)
{
	if (!old->process)
		return err_say(err, EINVAL, "process: missing");
	g->config = *old;
	g->process = *old->process;
	g->process.terminal = false;
	g->process.console_size = NULL;
	g->root = (struct oci_root){absolute(g, old->root->path), true};
	if (old->linux_)
		g->linux_ = *old->linux_;
	g->linux_.cgroups_path = NULL;
	g->config.process = &g->process;
	g->config.root = &g->root;
	g->config.linux_ = &g->linux_;
	if (!g->root.path)
		return err_oom(err);
	return put_env(g, err) < 0 || put_mounts(g, err) < 0 || put_namespaces(g, err) < 0 ||
			       put_resources(g, err) < 0 || put_annotations(g, err) < 0
		       ? -err->code
		       : 0;
}

static int write_changed(struct given *g, struct buf *text, struct err *err)
{
	_cleanup_oci_config_ struct oci_config *old = NULL;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/" OCI_CONFIG_FILE, g->code->path);
	if (oci_config_load(AT_FDCWD, path, &old, err) < 0 || change(g, old, err) < 0)
		return -err->code;
	if (access(g->root.path, F_OK) < 0)
		return err_set(err, errno, "root.path: '%s'", g->root.path);
	oci_config_write(&g->config, true, text);
	return buf_failed(text) ? err_oom(err) : 0;
}

int worker_given_config(const struct profile_function *f, const struct worker_code *code,
	struct buf *text, struct err *err)
{
	_cleanup_(finish) struct given g = {.function = f, .code = code};

	if (strlen(code->path) >= PATH_MAX / 2)
		return err_say(err, ENAMETOOLONG, "code.path: too long");
	return write_changed(&g, text, err) < 0 ? err_wrap(err, "code.path: '%s'", code->path) : 0;
}
