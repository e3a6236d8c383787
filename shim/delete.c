/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs without a loop: at most one program is executed, and only when the runtime still
 * knows the container. After an orderly Delete there is nothing left to do.
 */
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
#include "shim/proto/task.pb-c.h"
#include "shim/rootfs.h"
#include "shim/runtime.h"
#include "shim/shim.h"

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

static int delete_container(const struct options *o, const char *bundle, struct err *err)
{
	const char *args[] = {"delete", "--force", o->id, NULL};
	struct runtime runtime;
	int r = runtime_load(&runtime, bundle, err);

	/* The shim has removed it, or ended before it had asked the runtime for anything. */
	if (r == -ENOENT) {
		*err = (struct err)ERR_INIT;
		return 0;
	}
	if (r < 0)
		return r;
	if (runtime_knows(&runtime, o->id) &&
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

int shim_delete(const struct options *o, struct err *err)
{
	const char *bundle = *o->bundle ? o->bundle : ".";
	struct err unmounted = ERR_INIT;

	if (!paths_id_is_valid(o->id))
		return err_say(err, EINVAL, "delete needs -id, and '%s' is none", o->id);
	remove_socket(bundle);
	(void)delete_container(o, bundle, err);
	if (rootfs_unmount(bundle, &unmounted) < 0 && err->code == 0)
		*err = unmounted;
	return err->code ? -err->code : answer(err);
}
