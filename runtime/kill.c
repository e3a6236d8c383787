/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>

#include "runtime/base/fd.h"
#include "runtime/base/proc.h"
#include "runtime/box/cgroup.h"
#include "runtime/container.h"
#include "runtime/record.h"
#include "runtime/verbs.h"

static bool all;

static const struct option options[] = {
	{"all", 'a', OPTION_FLAG, &all, NULL, NULL, "signal every process of the container"},
};

const struct option_table kill_options = {options, ARRAY_SIZE(options), NULL};

/* Under the lock: the cgroup of a deleted container may be that of a new one by now. */
static int signal_all(struct container *c, int sig, struct err *err)
{
	_cleanup_record_ struct record record = {0};
	_cleanup_cgroup_ struct cgroup *cg = NULL;
	int r = container_lock(c, err);

	if (r == 0)
		r = container_record(c, &record, err);
	if (r == 0)
		r = cgroup_open(record.cgroups, record.n_cgroups, &cg, err);
	if (r == 0)
		r = cgroup_signal_all(cg, sig, err);
	return r;
}

static int not_running(const char *id, struct err *err)
{
	return err_say(err, ESRCH, "container not running: %s", id);
}

/* A frozen process of cgroup v1 keeps a SIGKILL pending until it is thawed. */
static void thaw(const struct record *record)
{
	_cleanup_cgroup_ struct cgroup *cg = NULL;
	struct err err;

	if (cgroup_open(record->cgroups, record->n_cgroups, &cg, &err) == 0)
		(void)cgroup_thaw(cg, &err);
}

static int signal_init(struct container *c, int sig, struct err *err)
{
	_cleanup_record_ struct record record = {0};
	_cleanup_close_ int pidfd = -1;
	enum oci_status status;
	int r = container_record(c, &record, err);

	if (r < 0)
		return r;
	status = container_status(c, &record);
	if (status == OCI_STATUS_STOPPED || status == OCI_STATUS_CREATING)
		return not_running(c->id, err);
	pidfd = proc_open(&record.init, err);
	if (pidfd == -ESRCH)
		return not_running(c->id, err);
	if (pidfd < 0)
		return pidfd;
	r = proc_pidfd_signal(pidfd, sig);
	if (r == -ESRCH)
		return not_running(c->id, err);
	if (r < 0)
		return err_set(err, -r, "signal process %d", (int)record.init.pid);
	if (sig == SIGKILL && status == OCI_STATUS_PAUSED)
		thaw(&record);
	return 0;
}

int verb_kill(const struct globals *g, char **args, struct err *err)
{
	_cleanup_container_ struct container c = CONTAINER_INIT;
	int sig = SIGTERM;
	int r;

	if (args[1] && proc_parse_signal(args[1], &sig) < 0)
		return err_say(err, EINVAL, "unknown signal '%s'", args[1]);
	r = container_open(g->root, args[0], &c, err);
	if (r < 0)
		return r;
	return all ? signal_all(&c, sig, err) : signal_init(&c, sig, err);
}
