/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/verbs.h"

static struct {
	const char *bundle;
	bool rootless;
} given = {.bundle = "."};

static const struct option options[] = {
	{"bundle", 'b', OPTION_STRING, &given.bundle, "DIR", NULL,
		"where to write it, by default the current directory"},
	{"rootless", 0, OPTION_FLAG, &given.rootless, NULL, NULL,
		"with a user namespace that maps the caller to root"},
};

const struct option_table spec_options = {options, ARRAY_SIZE(options), NULL};

int verb_spec(const struct globals *g, char **args, struct err *err)
{
	_cleanup_oci_config_ struct oci_config *config = NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_close_ int dir_fd = open(given.bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (dir_fd < 0)
		return err_set(err, errno, "open bundle '%s'", given.bundle);
	if (faccessat(dir_fd, OCI_CONFIG_FILE, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return err_say(err, EEXIST, "'%s/%s' exists; remove it first", given.bundle,
			OCI_CONFIG_FILE);
	r = oci_config_default(given.rootless, geteuid(), getegid(), &config, err);
	if (r < 0)
		return r;
	oci_config_write(config, true, &out);
	if (buf_failed(&out))
		return err_oom(err);
	return file_write_atomic(dir_fd, OCI_CONFIG_FILE, out.data, out.len, 0644, err);
}
