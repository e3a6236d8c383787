/* SPDX-License-Identifier: Apache-2.0 */
/* The other direction of criu_outside.c: what a container had gets its new counterpart. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/fd.h"
#include "runtime/box/cgroup.h"
#include "runtime/criu.h"
#include "runtime/criu_image.h"
#include "runtime/criu_outside.h"
#include "runtime/record.h"

struct giving {
	const struct record *record;
	const struct oci_config *config;
	const char *bundle;
	const struct criu_image *image;
	struct criu_call *call;
};

static int give_bind(const struct giving *g, const struct criu_mount *m, struct err *err)
{
	for (size_t i = g->config->n_mounts; i-- > 0;) {
		const struct oci_mount *c = &g->config->mounts[i];

		if (!streq(c->destination, m->of) || !c->source)
			continue;
		criu_word(g->call, "--external=mnt[%s]:%s%s%s", m->name,
			c->source[0] == '/' ? "" : g->bundle, c->source[0] == '/' ? "" : "/",
			c->source);
		return 0;
	}
	return err_say(err, ENOENT,
		"mounts: none at '%s', which the container had when it was saved", m->of);
}

static int give_cgroup(const struct giving *g, const struct criu_mount *m, struct err *err)
{
	for (size_t i = 0; i < g->record->n_cgroups; i++) {
		const struct cgroup_path *p = &g->record->cgroups[i];

		if (!streq(p->controller, m->of))
			continue;
		criu_word(g->call, "--external=mnt[%s]:%s", m->name, p->path);
		return 0;
	}
	return err_say(err, ENOTSUP,
		"the container saw a cgroup of '%s' at '%s', and has none on this host",
		*m->of ? m->of : "v2", m->name);
}

/* The host's node of that name, when it is the device that the configuration means. */
static bool may_have_device(const struct oci_config *config, const char *path)
{
	static const struct oci_device usual[] = {{'c', "/dev/null", 1, 3, {0}, {0}, {0}},
		{'c', "/dev/zero", 1, 5, {0}, {0}, {0}}, {'c', "/dev/full", 1, 7, {0}, {0}, {0}},
		{'c', "/dev/random", 1, 8, {0}, {0}, {0}},
		{'c', "/dev/urandom", 1, 9, {0}, {0}, {0}}, {'c', "/dev/tty", 5, 0, {0}, {0}, {0}}};
	const struct oci_device *meant = NULL;
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
		if (streq(usual[i].path, path))
			meant = &usual[i];
	for (size_t i = 0; i < config->linux_->n_devices; i++)
		if (streq(config->linux_->devices[i].path, path))
			meant = &config->linux_->devices[i];
	return meant && lstat(path, &st) == 0 &&
	       (meant->type == 'b' ? S_ISBLK(st.st_mode) : S_ISCHR(st.st_mode)) &&
	       st.st_rdev == makedev((unsigned)meant->major, (unsigned)meant->minor);
}

static int give_mount(const struct giving *g, const struct criu_mount *m, struct err *err)
{
	switch (m->kind) {
	case CRIU_MOUNT_BIND: return give_bind(g, m, err);
	case CRIU_MOUNT_CGROUP: return give_cgroup(g, m, err);
	case CRIU_MOUNT_NULL: criu_word(g->call, "--external=mnt[%s]:/dev/null", m->name); return 0;
	default:
		if (!may_have_device(g->config, m->name))
			return err_say(err, EPERM,
				"linux.devices: no '%s' that is on the host, which the container "
				"had when it was saved",
				m->name);
		criu_word(g->call, "--external=mnt[%s]:%s", m->name, m->name);
		return 0;
	}
}

/* The descriptor is duplicated, above those that a container has, and stays criu's. */
static int give_fd(const struct giving *g, int fd, const char *name, struct err *err)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 10);

	if (copy < 0)
		return err_set(err, errno, "duplicate descriptor %d", fd);
	criu_inherit(g->call, copy);
	criu_word(g->call, "--inherit-fd=fd[%d]:%s", copy, name);
	return 0;
}

/*
 * One file under several descriptors is one to criu, and has to be of the type that it
 * was: /dev/null is given anew, open both ways, and else what the caller has there.
 */
static int give_stdio(const struct giving *g, struct err *err)
{
	const struct criu_image *image = g->image;

	for (int fd = 0; fd < CRIU_STDIO; fd++) {
		const char *name = image->stdio[fd];
		_cleanup_close_ int null = -1;
		bool given = false;

		for (int i = 0; name && i < fd; i++)
			given |= image->stdio[i] && streq(image->stdio[i], name);
		if (!name || given)
			continue;
		if (image->null[fd]) {
			null = open("/dev/null", O_RDWR | O_CLOEXEC);
			if (null < 0)
				return err_set(err, errno, "open '/dev/null'");
		}
		if (give_fd(g, null >= 0 ? null : fd, name, err) < 0)
			return -err->code;
	}
	return 0;
}

static int give_namespaces(const struct giving *g, struct err *err)
{
	static const struct {
		int type;
		const char *join, *name;
	} kinds[] = {{CLONE_NEWNET, NULL, CRIU_NAME_NET_NS}, {CLONE_NEWPID, NULL, CRIU_NAME_PID_NS},
		{CLONE_NEWIPC, "ipc", NULL}, {CLONE_NEWUTS, "uts", NULL}};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		const struct oci_namespace *ns = oci_config_namespace(g->config, kinds[i].type);
		_cleanup_close_ int fd = -1;

		if (!ns || !ns->path)
			continue;
		if (kinds[i].join) {
			criu_word(g->call, "--join-ns=%s:%s", kinds[i].join, ns->path);
			continue;
		}
		fd = open(ns->path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return err_set(err, errno, "linux.namespaces: open '%s'", ns->path);
		if (give_fd(g, fd, kinds[i].name, err) < 0)
			return -err->code;
	}
	return 0;
}

int criu_give_outside(const struct record *r, const struct oci_config *config, const char *bundle,
	const struct criu_image *image, struct criu_call *call, struct err *err)
{
	const struct giving g = {r, config, bundle, image, call};

	for (size_t i = 0; i < image->n_mounts; i++)
		if (give_mount(&g, &image->mounts[i], err) < 0)
			return -err->code;
	return give_stdio(&g, err) < 0 ? -err->code : give_namespaces(&g, err);
}
