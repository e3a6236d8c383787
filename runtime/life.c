/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The later half of the life cycle: start, the end of processes, delete.
 */
#include "runtime/life.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/proc.h"
#include "runtime/base/util.h"
#include "runtime/box/cgroup.h"
#include "runtime/box/gate.h"
#include "runtime/box/hooks.h"
#include "runtime/box/rdt.h"
#include "runtime/seccomp_listener.h"

void life_log_warnings(const struct buf *warnings)
{
	const char *line = warnings->data;

	while (line && *line) {
		size_t len = strcspn(line, "\n");

		log_warn("%.*s", (int)len, line);
		line += len + (line[len] == '\n');
	}
}

/* NULL, with *err set, when there is no memory. */
static struct hook *convert_hooks(const struct oci_hook *hooks, size_t n, struct err *err)
{
	struct hook *converted = calloc(n + 1, sizeof(*converted));

	if (!converted) {
		err_oom(err);
		return NULL;
	}
	for (size_t i = 0; i < n; i++)
		converted[i] = (struct hook){
			.path = hooks[i].path,
			.argv = hooks[i].args,
			.envp = hooks[i].env,
			.timeout_s = hooks[i].timeout.set ? (unsigned)hooks[i].timeout.value : 0,
		};
	return converted;
}

int life_hooks(const char *kind, const struct oci_hook *hooks, size_t n, const char *state,
	size_t len, struct err *err)
{
	_cleanup_free_ struct hook *converted = NULL;

	if (n == 0)
		return 0;
	converted = convert_hooks(hooks, n, err);
	if (!converted)
		return -ENOMEM;
	return hooks_run(kind, converted, n, state, len, err);
}

void life_poststop(const struct record *r)
{
	_cleanup_free_ struct hook *hooks = NULL;
	_cleanup_buf_ struct buf warnings = BUF_INIT;
	_cleanup_buf_ struct buf state = BUF_INIT;
	struct err err;

	if (r->n_poststop == 0)
		return;
	hooks = convert_hooks(r->poststop, r->n_poststop, &err);
	if (!hooks || record_hook_state(r, OCI_STATUS_STOPPED, 0, &state, &err) < 0) {
		log_warn("poststop: %s, ignoring", err.msg);
		return;
	}
	hooks_run_all("poststop", hooks, r->n_poststop, state.data, state.len, &warnings);
	life_log_warnings(&warnings);
}

int life_poststart(const struct record *r, struct err *err)
{
	_cleanup_buf_ struct buf state = BUF_INIT;
	int rc;

	if (r->n_poststart == 0)
		return 0;
	rc = record_hook_state(r, OCI_STATUS_RUNNING, r->init.pid, &state, err);
	if (rc < 0)
		return rc;
	return life_hooks("poststart", r->poststart, r->n_poststart, state.data, state.len, err);
}

static void stop(const struct record *r)
{
	_cleanup_cgroup_ struct cgroup *cg = NULL;
	struct err err;

	if (cgroup_open(r->cgroups, r->n_cgroups, &cg, &err) < 0 ||
		life_end_processes(r, cg, &err) < 0)
		log_warn("%s, ignoring", err.msg);
}

static int on_listener(void *arg, int remote_fd, struct err *err)
{
	const struct record *r = arg;
	_cleanup_close_ int pidfd = proc_open(&r->init, err);

	if (pidfd < 0)
		return pidfd;
	return seccomp_listener_hand_over(
		r, OCI_STATUS_CREATED, pidfd, r->init.pid, remote_fd, err);
}

int life_start(struct container *c, struct err *err)
{
	_cleanup_record_ struct record r = {0};
	enum oci_status status;
	int rc = container_record(c, &r, err);

	if (rc < 0)
		return rc;
	status = container_status(c, &r);
	if (status != OCI_STATUS_CREATED)
		return err_say(err, EINVAL,
			"cannot start a container that is not created: %s is %s", c->id,
			oci_status_name(status));
	rc = gate_start_listening(c->dir_fd, on_listener, &r, err);
	/* Somebody else was quicker between the two. */
	if (rc == -ENOENT)
		return err_say(
			err, EINVAL, "cannot start a container that is not created: %s", c->id);
	if (rc < 0)
		return err_wrap(err, "start container '%s'", c->id);
	rc = life_poststart(&r, err);
	if (rc < 0)
		stop(&r);
	return rc;
}

/* SIGKILL, and wait: what comes next removes what the process stands on. */
static int kill_init(const struct record *r, struct err *err)
{
	_cleanup_close_ int pidfd = -1;
	int rc;

	if (!proc_is_alive(&r->init))
		return 0;
	pidfd = proc_open(&r->init, err);
	if (pidfd == -ESRCH)
		return 0;
	if (pidfd < 0)
		return pidfd;
	rc = proc_pidfd_signal(pidfd, SIGKILL);
	if (rc < 0 && rc != -ESRCH)
		return err_set(err, -rc, "kill process %d", (int)r->init.pid);
	return 0;
}

static int await_end(const struct record *r, struct err *err)
{
	_cleanup_close_ int pidfd = -1;

	if (!proc_is_alive(&r->init))
		return 0;
	pidfd = proc_open(&r->init, err);
	if (pidfd < 0)
		return pidfd == -ESRCH ? 0 : pidfd;
	if (proc_pidfd_wait(pidfd, LIFE_KILL_TIMEOUT_MS) == -ETIMEDOUT)
		return err_say(err, ETIMEDOUT, "process %d lives on %d s after SIGKILL",
			(int)r->init.pid, LIFE_KILL_TIMEOUT_MS / 1000);
	return 0;
}

int life_end_processes(const struct record *r, struct cgroup *cg, struct err *err)
{
	int rc = kill_init(r, err);

	/* Also thaws a paused container, whose processes cannot die before. */
	if (rc == 0 && r->n_cgroups > 0)
		rc = cgroup_signal_all(cg, SIGKILL, err);
	if (rc == 0)
		rc = await_end(r, err);
	return rc;
}

int life_remove_rdt(const struct record *r, struct err *err)
{
	if (r->rdt_monitor && rdt_remove(r->rdt_monitor, err) < 0)
		return -err->code;
	return r->rdt_clos ? rdt_remove(r->rdt_clos, err) : 0;
}

/* A record that cannot be read tells neither processes nor cgroups: only its directory can go. */
static int delete_unreadable(struct container *c, bool force, struct err *err)
{
	struct err why = *err;

	if (!force)
		return -err->code;
	log_warn("%s: removing the directory alone", why.msg);
	return container_remove(c, err);
}

static int end_by_force(const struct record *r, struct err *err)
{
	_cleanup_cgroup_ struct cgroup *cg = NULL;
	int rc = cgroup_open(r->cgroups, r->n_cgroups, &cg, err);

	if (rc == 0)
		rc = life_end_processes(r, cg, err);
	return rc < 0 ? rc : cgroup_destroy(cg, err);
}

/*
 * Before we wait for the lock: an exec holds it until its process runs, and what stalls
 * that, a file system of the container's say, ends with the container's first process.
 */
static void kill_ahead(const struct container *c)
{
	_cleanup_record_ struct record r = {0};
	struct err ignored;

	if (container_record(c, &r, &ignored) == 0 && r.reached == OCI_STATUS_CREATED)
		(void)kill_init(&r, &ignored);
}

int life_delete(struct container *c, bool force, struct err *err)
{
	_cleanup_record_ struct record r = {0};
	enum oci_status status;
	int rc;

	if (force)
		kill_ahead(c);
	rc = container_lock(c, err);

	if (rc < 0)
		return rc;
	rc = container_record(c, &r, err);
	if (rc < 0)
		return delete_unreadable(c, force, err);
	status = container_status(c, &r);
	if (!force && status != OCI_STATUS_STOPPED)
		return err_say(err, EBUSY, "cannot delete container %s that is not stopped: %s",
			c->id, oci_status_name(status));
	/* Mostly nobody is left, and looking for processes would take longer than all the rest. */
	if (status != OCI_STATUS_STOPPED || !cgroup_remove_empty(r.cgroups, r.n_cgroups))
		rc = end_by_force(&r, err);
	if (rc == 0)
		rc = life_remove_rdt(&r, err);
	if (rc == 0)
		rc = container_remove(c, err);
	/* That would say that there is no container any more. */
	if (rc == -ENOENT)
		err->code = EIO;
	if (rc < 0)
		return err_wrap(err, "delete container '%s'", c->id);
	life_poststop(&r);
	return 0;
}
