/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of the UTS namespace, and linux.sysctl. Those are written through a procfs of
 * our own: the rootfs's /proc, or what lies over parts of it, may be made to redirect
 * a write to another file.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/box/enter_priv.h"

int proc_private(struct err *err)
{
	_cleanup_close_ int fs = fsopen("proc", FSOPEN_CLOEXEC);
	int fd;

	if (fs < 0 || fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return err_set(err, errno, "open a procfs");
	fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
	return fd < 0 ? err_set(err, errno, "open a procfs") : fd;
}

int proc_put(int proc, const char *name, const char *value, struct err *err)
{
	_cleanup_close_ int fd =
		path_open(proc, name, O_WRONLY, RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
	struct statfs fs;

	if (fd < 0)
		return err_set(err, -fd, "open");
	if (fstatfs(fd, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return err_say(err, EXDEV, "not a file of procfs");
	if (write(fd, value, strlen(value)) < 0)
		return err_set(err, errno, "write '%s'", value);
	return 0;
}

static int put_sysctls(const struct plan_head *p, struct err *err)
{
	_cleanup_close_ int proc = proc_private(err);

	if (proc < 0)
		return err_wrap(err, "linux.sysctl");
	plan_each(struct plan_sysctl, s, p, p->sysctl)
	{
		const char *name = plan_str(p, s->name);

		if (proc_put(proc, name, plan_str(p, s->value), err) < 0)
			return err_wrap(err, "linux.sysctl: '%s'", str_after(name, "sys/") ?: name);
	}
	return 0;
}

int enter_names_and_sysctl(struct enter *e, struct err *err)
{
	const struct plan_head *p = e->plan;
	const char *host = plan_str(p, p->hostname);
	const char *domain = plan_str(p, p->domainname);

	if (host && sethostname(host, strlen(host)) < 0)
		return err_set(err, errno, "hostname '%s'", host);
	if (domain && setdomainname(domain, strlen(domain)) < 0)
		return err_set(err, errno, "domainname '%s'", domain);
	return p->sysctl.n ? put_sysctls(p, err) : 0;
}
