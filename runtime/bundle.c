/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "oci-spec/config.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"

void bundle_finish(struct bundle *b)
{
	free(b->path);
	free(b->rootfs);
	oci_config_free(b->config);
	memset(b, 0, sizeof(*b));
}

static int load_config(
	const char *bundle, const char *config_file, struct oci_config **ret, struct err *err)
{
	_cleanup_close_ int dir_fd = -1;

	if (config_file)
		return oci_config_load(AT_FDCWD, config_file, ret, err);
	dir_fd = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return err_set(err, errno, "open bundle '%s'", bundle);
	return oci_config_load(dir_fd, OCI_CONFIG_FILE, ret, err);
}

/* The root as it is found now. What happens to the path later is guarded against by the box. */
static int resolve_rootfs(
	const char *bundle, const struct oci_config *config, char **ret, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	struct stat st;
	char *real;

	if (*config->root->path == '/')
		path = strdup(config->root->path);
	else if (asprintf(&path, "%s/%s", bundle, config->root->path) < 0)
		path = NULL;
	if (!path)
		return err_oom(err);
	real = realpath(path, NULL);
	if (!real)
		return err_set(err, errno, "root.path: '%s'", path);
	if (stat(real, &st) < 0 || !S_ISDIR(st.st_mode)) {
		free(real);
		return err_set(err, ENOTDIR, "root.path: '%s'", path);
	}
	*ret = real;
	return 0;
}

int bundle_load(const char *path, const char *config_file, struct bundle *ret, struct err *err)
{
	_cleanup_bundle_ struct bundle b = {0};
	int r;

	b.path = realpath(path, NULL);
	if (!b.path)
		return err_set(err, errno, "bundle '%s'", path);
	r = load_config(b.path, config_file, &b.config, err);
	if (r == 0)
		r = resolve_rootfs(b.path, b.config, &b.rootfs, err);
	if (r < 0)
		return err_wrap(err, "bundle '%s'", b.path);
	*ret = b;
	memset(&b, 0, sizeof(b));
	return 0;
}
