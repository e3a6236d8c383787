/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/control/code.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "seed/noslated/code/layout.h"
#include "seed/noslated/profile/profile.h"

/* Zip files begin with a file, or with the end of none. */
static bool is_zip(int fd)
{
	char head[4];

	return pread(fd, head, sizeof(head), 0) == (ssize_t)sizeof(head) &&
	       (memcmp(head, "PK\003\004", 4) == 0 || memcmp(head, "PK\005\006", 4) == 0);
}

static int kind_of(int fd, enum code_kind *ret, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "look at it");
	if (S_ISDIR(st.st_mode))
		*ret = faccessat(fd, LAYOUT_MARK, F_OK, 0) == 0 ? CODE_LAYOUT : CODE_DIRECTORY;
	else if (S_ISREG(st.st_mode))
		*ret = is_zip(fd) ? CODE_ZIP : CODE_FILE;
	else
		return err_say(err, EINVAL, "it is no directory and no file");
	return 0;
}

static int open_path(const struct profile_function *f, struct err *err)
{
	const int flags = O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	_cleanup_close_ int fd = open(f->code.path, flags);
	int config = -1;

	if (fd >= 0 && f->runtime != PROFILE_BUNDLE)
		return take_fd(&fd);
	if (fd >= 0)
		config = openat(fd, OCI_CONFIG_FILE, flags);
	if (config < 0)
		err_set(err, errno, "code.path: '%s'%s", f->code.path,
			fd < 0 ? "" : ": '" OCI_CONFIG_FILE "'");
	return config < 0 ? -err->code : config;
}

int code_look(const struct profile_function *f, struct code_seen *ret, int *ret_fd, struct err *err)
{
	const struct profile_code *c = &f->code;
	_cleanup_close_ int fd = -1;

	if (c->url) {
		ret->kind = CODE_URL;
		snprintf(ret->state.text, sizeof(ret->state.text), "%s", c->digest);
		return 0;
	}
	fd = open_path(f, err);
	if (fd < 0)
		return fd;
	if (kind_of(fd, &ret->kind, err) < 0 || digest_fingerprint(fd, &ret->state, err) < 0)
		return err_wrap(err, "code.path: '%s'", c->path);
	if (f->runtime == PROFILE_BUNDLE)
		ret->kind = CODE_BUNDLE;
	*ret_fd = take_fd(&fd);
	return 0;
}
