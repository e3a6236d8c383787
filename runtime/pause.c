/* SPDX-License-Identifier: Apache-2.0 */
/* `turf pause` and `turf resume`: the freezer of the container's cgroup. */
#include <errno.h>

#include "runtime/base/log.h"
#include "runtime/box/cgroup.h"
#include "runtime/container.h"
#include "runtime/record.h"
#include "runtime/verbs.h"

/* A container of which half stands still is worse than one that runs. */
static int freeze(struct cgroup *cg, struct err *err)
{
	struct err ignored;
	int r = cgroup_freeze(cg, err);

	if (r < 0 && cgroup_thaw(cg, &ignored) < 0)
		log_warn("%s, ignoring", ignored.msg);
	return r;
}

static int check_status(
	const struct container *c, enum oci_status status, bool pause, struct err *err)
{
	if (!pause && status != OCI_STATUS_PAUSED)
		return err_say(err, EINVAL, "container not paused: %s is %s", c->id,
			oci_status_name(status));
	if (pause && status != OCI_STATUS_RUNNING && status != OCI_STATUS_CREATED)
		return err_say(err, EINVAL, "container not running or created: %s is %s", c->id,
			oci_status_name(status));
	return 0;
}

/* Under the lock: a deleted container's cgroup may be that of a new one by now. */
static int change(const struct globals *g, const char *id, bool pause, struct err *err)
{
	_cleanup_container_ struct container c = CONTAINER_INIT;
	_cleanup_record_ struct record record = {0};
	_cleanup_cgroup_ struct cgroup *cg = NULL;
	int r = container_open(g->root, id, &c, err);

	if (r == 0)
		r = container_lock(&c, err);
	if (r == 0)
		r = container_record(&c, &record, err);
	if (r == 0)
		r = check_status(&c, container_status(&c, &record), pause, err);
	if (r == 0)
		r = cgroup_open(record.cgroups, record.n_cgroups, &cg, err);
	if (r == 0)
		r = pause ? freeze(cg, err) : cgroup_thaw(cg, err);
	return r;
}

int verb_pause(const struct globals *g, char **args, struct err *err)
{
	return change(g, args[0], true, err);
}

int verb_resume(const struct globals *g, char **args, struct err *err)
{
	return change(g, args[0], false, err);
}
