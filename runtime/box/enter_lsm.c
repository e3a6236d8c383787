/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.apparmorProfile and process.selinuxLabel. An exec payload changes with its
 * execve, a worker, which has none, at once. Written through a procfs of our own
 * (CVE-2025-52881): on another file the write would succeed and confine nobody.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/box/enter_priv.h"

#define LABEL_MAX 4096

static int put_attr(int proc, const char *name, const char *text, struct err *err)
{
	char path[64];

	/* "self" is a link, and links are not followed. */
	snprintf(path, sizeof(path), "%d/attr/%s", (int)getpid(), name);
	return proc_put(proc, path, text, err);
}

static int put_apparmor(int proc, const char *profile, bool now, struct err *err)
{
	char text[LABEL_MAX];
	int n = snprintf(text, sizeof(text), "%s %s", now ? "changeprofile" : "exec", profile);

	if (n >= (int)sizeof(text))
		return err_set(err, ENAMETOOLONG, "'%s'", profile);
	if (put_attr(proc, now ? "apparmor/current" : "apparmor/exec", text, err) == 0)
		return 0;
	/* Kernels before 5.8 have only the files that the modules share. */
	return err->code == ENOENT ? put_attr(proc, now ? "current" : "exec", text, err)
				   : -err->code;
}

int enter_lsm(const struct enter *e, struct err *err)
{
	const struct plan_head *p = e->plan;
	const char *profile = plan_str(p, p->apparmor);
	const char *label = plan_str(p, p->selinux);
	bool now = p->flags & PLAN_WORKER;
	_cleanup_close_ int proc = -1;

	if (!profile && !label)
		return 0;
	proc = proc_private(err);
	if (proc < 0)
		return err_wrap(err, "process.%s", profile ? "apparmorProfile" : "selinuxLabel");
	if (profile && put_apparmor(proc, profile, now, err) < 0)
		return err_wrap(err, "process.apparmorProfile");
	if (label && put_attr(proc, now ? "current" : "exec", label, err) < 0)
		return err_wrap(err, "process.selinuxLabel");
	return 0;
}
