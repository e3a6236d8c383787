/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/role.h"

#include <stdio.h>
#include <sys/stat.h>

const char *role_build(char build[ROLE_BUILD_MAX])
{
	struct stat st = {0};

	(void)stat("/proc/self/exe", &st);
	snprintf(build, ROLE_BUILD_MAX, "%lx:%lx:%lx.%lx", (unsigned long)st.st_dev,
		(unsigned long)st.st_ino, (unsigned long)st.st_mtim.tv_sec,
		(unsigned long)st.st_mtim.tv_nsec);
	return build;
}
