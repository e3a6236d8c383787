/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs without a loop: at most one program is executed, and only when the runtime still
 * knows the container. After an orderly Delete there is nothing left to do.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/paths.h"
#include "shim/address.h"
#include "shim/bundle.h"
#include "shim/cgroup.h"
#include "shim/message.h"
#include "shim/options.h"
#include "shim/pod_files.h"
#include "shim/proto/task.pb-c.h"
#include "shim/rootfs.h"
#include "shim/runtime.h"
#include "shim/shim.h"

/* Of containers' bundles, among containerd's directories. */
#define TASKS "io.containerd.runtime.v2.task"

/* As of a process that was killed. */
#define EXIT_CODE_KILLED 137

static void on_deleted(void *arg, const struct runtime_result *result)
{
	struct err *err = arg;

	if (!result->ok)
		err_say(err, EIO, "OCI runtime delete failed: %s", result->message);
}

static bool runtime_knows(const struct runtime *r, const char *id)
{
	_cleanup_free_ char *dir = NULL;

	/* Without memory to look, the runtime is asked. */
	return asprintf(&dir, "%s/%s", r->root, id) < 0 || access(dir, F_OK) == 0;
}

/* A runtime that was killed with its shim, while it made the container, has left its cgroup. */
static void remove_cgroup(const char *dir)
{
	struct err ignored = ERR_INIT;
	struct bundle bundle;

	if (bundle_read(dir, &bundle, &ignored) < 0)
		return;
	if (bundle.cgroup)
		cgroup_remove(bundle.cgroup);
	bundle_finish(&bundle);
}

static int delete_container(const char *id, const char *bundle, struct err *err)
{
	const char *args[] = {"delete", "--force", id, NULL};
	struct runtime runtime;
	int r = runtime_load(&runtime, bundle, err);

	/* The shim has removed it, or ended before it had asked the runtime for anything. */
	if (r == -ENOENT) {
		*err = (struct err)ERR_INIT;
		return 0;
	}
	if (r < 0)
		return r;
	if (runtime_knows(&runtime, id) &&
		runtime_run(&runtime, args, NULL, on_deleted, err, err) == 0)
		uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	runtime_finish(&runtime);
	remove_cgroup(bundle);
	return -err->code;
}

/* Of a shim that was killed; one that lives, with other containers, keeps it. */
static void remove_socket(const char *bundle)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	struct err err = ERR_INIT;
	struct address a;
	const char *socket;
	size_t len;

	if (asprintf(&path, "%s/address", bundle) < 0 ||
		file_read(AT_FDCWD, path, sizeof(a.path) + 8, &text, &len, &err) < 0)
		return;
	socket = str_after(text, "unix://");
	if (socket && address_set(socket, &a, &err) == 0)
		address_remove_stale(&a);
}

static int answer(struct err *err)
{
	Pb__DeleteResponse response = PB__DELETE_RESPONSE__INIT;
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct timespec now;
	Pb__Timestamp at;

	clock_gettime(CLOCK_REALTIME, &now);
	message_timestamp(&at, &now);
	response.exit_status = EXIT_CODE_KILLED;
	response.exited_at = &at;
	message_write(&response.base, &out);
	return buf_failed(&out) ? err_oom(err) : shim_print(out.data, out.len, err);
}

static bool has_file(const char *dir, const char *name)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		path = NULL;
		return false;
	}
	return access(path, F_OK) == 0;
}

/* containerd notes in a container's bundle which sandbox it is in. */
static bool is_in_sandbox(const char *bundle, const char *sandbox)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	struct err ignored = ERR_INIT;
	size_t len;

	if (asprintf(&path, "%s/sandbox", bundle) < 0) {
		path = NULL;
		return false;
	}
	return file_read(AT_FDCWD, path, PATHS_ID_MAX, &text, &len, &ignored) == 0 &&
	       streq(text, sandbox);
}

/* Both of a container: what the runtime has, and what is mounted. */
static int clean_up(const char *id, const char *bundle, struct err *err)
{
	struct err unmounted = ERR_INIT;

	(void)delete_container(id, bundle, err);
	if (rootfs_unmount(bundle, &unmounted) < 0 && err->code == 0)
		*err = unmounted;
	return -err->code;
}

/*
 * A sandbox that the shim made itself: containerd asks once, for it, and not for each of the
 * containers, whose bundles are beside it.
 */
static void clean_up_members(const char *bundle, const struct options *o)
{
	_cleanup_free_ char *tasks = NULL;
	struct dirent *entry;
	DIR *dir;

	if (asprintf(&tasks, "%s/../../../" TASKS "/%s", bundle, o->namespace) < 0) {
		tasks = NULL;
		return;
	}
	dir = opendir(tasks);
	while (dir && (entry = readdir(dir))) {
		_cleanup_free_ char *member = NULL;
		struct err err = ERR_INIT;

		if (!paths_id_is_valid(entry->d_name) ||
			asprintf(&member, "%s/%s", tasks, entry->d_name) < 0)
			continue;
		if (is_in_sandbox(member, o->id) && clean_up(entry->d_name, member, &err) < 0)
			log_warn("container %s of sandbox %s: %s", entry->d_name, o->id, err.msg);
	}
	if (dir)
		closedir(dir);
}

int shim_delete(const struct options *o, struct err *err)
{
	const char *bundle = *o->bundle ? o->bundle : ".";

	if (!paths_id_is_valid(o->id))
		return err_say(err, EINVAL, "delete needs -id, and '%s' is none", o->id);
	remove_socket(bundle);
	if (has_file(bundle, "config.json")) {
		(void)clean_up(o->id, bundle, err);
	} else {
		clean_up_members(bundle, o);
		pod_files_remove(bundle, o->id);
	}
	return err->code ? -err->code : answer(err);
}
