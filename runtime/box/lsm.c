/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/box/lsm.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "runtime/base/fd.h"

#define APPARMOR_SWITCH "/sys/module/apparmor/parameters/enabled"
#define SELINUX_MOUNT	"/sys/fs/selinux"

bool lsm_apparmor_enabled(void)
{
	_cleanup_close_ int fd = open(APPARMOR_SWITCH, O_RDONLY | O_CLOEXEC);
	char answer;

	return fd >= 0 && read(fd, &answer, 1) == 1 && answer == 'Y';
}

bool lsm_selinux_enabled(void)
{
	struct statfs fs;

	return statfs(SELINUX_MOUNT, &fs) == 0 && fs.f_type == SELINUX_MAGIC;
}
