/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "seed/noslated/code/code.h"
#include "seed/noslated/code/digest.h"
#include "seed/noslated/code/layout.h"
#include "seed/noslated/ctl/ctl.h"

static int digest_of(int fd, struct digest *ret, struct err *err)
{
	struct layout l;
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "look at it");
	if (!S_ISDIR(st.st_mode))
		return digest_copy(fd, -1, CODE_ARCHIVE_MAX, ret, NULL, err);
	if (faccessat(fd, LAYOUT_MARK, F_OK, 0) < 0)
		return digest_tree(fd, ret, err);
	r = layout_choose(fd, NULL, &l, err);
	if (r == 0)
		*ret = l.digest;
	return r;
}

int verb_digest(char **args, struct err *err)
{
	_cleanup_close_ int fd = open(args[0], O_RDONLY | O_CLOEXEC);
	struct digest d;

	if (fd < 0)
		return err_set(err, errno, "'%s'", args[0]);
	if (digest_of(fd, &d, err) < 0)
		return err_wrap(err, "'%s'", args[0]);
	return puts(d.text) < 0 || fflush(stdout) < 0 ? err_set(err, errno, "write") : 0;
}
