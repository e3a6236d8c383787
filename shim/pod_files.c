/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/pod_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/mount.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/paths.h"
#include "shim/proto/sandbox.pb-c.h"

/* Of CRI, below containerd's directories of state and of what lasts. */
#define CRI_SANDBOXES "io.containerd.grpc.v1.cri/sandboxes"

/* From a bundle to the directory of its kind: PLUGIN/NAMESPACE/ID. */
#define BUNDLE_DEPTH 3

#define HOST_FILE_MAX (1 << 20)

/* As containerd's own. */
#define SHM_OPTIONS "mode=1777,size=65536k"

struct places {
	char *files; /* owned; hosts, hostname, resolv.conf */
	char *shm;   /* owned */
};

static void places_finish(struct places *p)
{
	free(p->files);
	free(p->shm);
}

/* Takes the last parts off, in place. */
static bool go_up(char *path, int parts)
{
	for (; parts > 0; parts--) {
		char *slash = strrchr(path, '/');

		if (!slash || slash == path)
			return false;
		*slash = '\0';
	}
	return true;
}

static int find_places(const char *bundle, const char *id, struct places *ret, struct err *err)
{
	_cleanup_free_ char *link = NULL;
	char state[PATH_MAX], root[PATH_MAX];

	if (asprintf(&link, "%s/work", bundle) < 0) {
		link = NULL;
		return err_oom(err);
	}
	if (!realpath(bundle, state))
		return err_set(err, errno, "find '%s'", bundle);
	if (!realpath(link, root))
		return err_set(err, errno, "find '%s'", link);
	if (!go_up(state, BUNDLE_DEPTH) || !go_up(root, BUNDLE_DEPTH))
		return err_say(err, EINVAL, "'%s' is no bundle of containerd's", bundle);
	if (asprintf(&ret->files, "%s/" CRI_SANDBOXES "/%s", root, id) < 0)
		ret->files = NULL;
	if (asprintf(&ret->shm, "%s/" CRI_SANDBOXES "/%s/shm", state, id) < 0)
		ret->shm = NULL;
	return ret->files && ret->shm ? 0 : err_oom(err);
}

static int write_file(
	const char *dir, const char *name, const char *text, size_t len, struct err *err)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		path = NULL;
		return err_oom(err);
	}
	return file_write_atomic(AT_FDCWD, path, text, len, 0644, err);
}

/* One that the host does not have is empty. */
static int copy_of_host(const char *dir, const char *name, struct err *err)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	size_t len = 0;

	if (asprintf(&path, "/etc/%s", name) < 0) {
		path = NULL;
		return err_oom(err);
	}
	if (file_read(AT_FDCWD, path, HOST_FILE_MAX, &text, &len, err) < 0) {
		if (err->code != ENOENT)
			return -err->code;
		*err = (struct err)ERR_INIT;
	}
	return write_file(dir, name, text ? text : "", len, err);
}

static void put_list(struct buf *out, const char *keyword, char *const *words, size_t n)
{
	if (n == 0)
		return;
	buf_puts(out, keyword);
	for (size_t i = 0; i < n; i++)
		buf_printf(out, " %s", words[i]);
	buf_puts(out, "\n");
}

/* resolv.conf(5); the host's when the pod has no servers, names to search and options. */
static int write_resolver(const char *dir, const Pb__DNSConfig *dns, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	if (!dns || dns->n_servers + dns->n_searches + dns->n_options == 0)
		return copy_of_host(dir, "resolv.conf", err);
	put_list(&text, "search", dns->searches, dns->n_searches);
	for (size_t i = 0; i < dns->n_servers; i++)
		put_list(&text, "nameserver", &dns->servers[i], 1);
	put_list(&text, "options", dns->options, dns->n_options);
	if (buf_failed(&text))
		return err_oom(err);
	return write_file(dir, "resolv.conf", text.data, text.len, err);
}

static int write_hostname(const char *dir, const char *wanted, struct err *err)
{
	char name[HOST_NAME_MAX + 2];

	if (*wanted)
		snprintf(name, sizeof(name), "%s\n", wanted);
	else if (gethostname(name, sizeof(name) - 1) < 0)
		return err_set(err, errno, "read the host name");
	else
		strcat(name, "\n");
	return write_file(dir, "hostname", name, strlen(name), err);
}

static bool shares_host_ipc(const Pb__PodSandboxConfig *config)
{
	const Pb__LinuxSandboxConfig *l = config->linux_config;
	const Pb__NamespaceOption *o =
		l && l->security_context ? l->security_context->namespaces : NULL;

	return o && o->ipc == PB__NAMESPACE_MODE__NAMESPACE_NODE;
}

static int make(const struct places *p, const Pb__PodSandboxConfig *config, struct err *err)
{
	if (paths_mkdir_all(p->files, 0755, err) < 0 ||
		write_hostname(p->files, config->hostname, err) < 0 ||
		copy_of_host(p->files, "hosts", err) < 0 ||
		write_resolver(p->files, config->dns, err) < 0)
		return -err->code;
	if (shares_host_ipc(config))
		return 0;
	if (paths_mkdir_all(p->shm, 0700, err) < 0)
		return -err->code;
	if (mount("shm", p->shm, "tmpfs", MS_NOEXEC | MS_NOSUID | MS_NODEV, SHM_OPTIONS) < 0)
		return err_set(err, errno, "mount '%s'", p->shm);
	return 0;
}

int pod_files_make(const Pb__PodSandboxConfig *config, const char *id, struct err *err)
{
	struct places p = {NULL, NULL};

	if (find_places(".", id, &p, err) == 0)
		(void)make(&p, config, err);
	places_finish(&p);
	if (err->code)
		pod_files_remove(".", id);
	return -err->code;
}

void pod_files_remove(const char *bundle, const char *id)
{
	static const char *const names[] = {"hosts", "hostname", "resolv.conf"};
	struct places p = {NULL, NULL};
	struct err ignored = ERR_INIT;

	if (find_places(bundle, id, &p, &ignored) == 0) {
		umount2(p.shm, MNT_DETACH | UMOUNT_NOFOLLOW);
		rmdir(p.shm);
		if (go_up(p.shm, 1))
			rmdir(p.shm);
		for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
			_cleanup_free_ char *path = NULL;

			if (asprintf(&path, "%s/%s", p.files, names[i]) < 0)
				path = NULL;
			else
				unlink(path);
		}
		rmdir(p.files);
	}
	places_finish(&p);
}
