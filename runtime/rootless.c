/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/rootless.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"

#define STATE_DIR "turf"

/* The namespace of the host maps every id there is to itself. */
static bool maps_all_ids(void)
{
	_cleanup_close_ int fd = open("/proc/self/uid_map", O_RDONLY | O_CLOEXEC);
	unsigned long id[3];
	char text[64] = "";
	char *at = text;

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(id); i++)
		id[i] = strtoul(at, &at, 10);
	return id[0] == 0 && id[1] == 0 && id[2] == UINT32_MAX;
}

static bool has_all_ids(void)
{
	static int known = -1;

	if (known < 0)
		known = maps_all_ids();
	return known;
}

bool rootless_uses_own_root(void)
{
	const char *user = getenv("USER");

	return geteuid() != 0 ||
	       (getenv("XDG_RUNTIME_DIR") && !(user && streq(user, "root")) && !has_all_ids());
}

bool rootless_is(const char *choice)
{
	if (streq(choice, "auto"))
		return geteuid() != 0 || !has_all_ids();
	return streq(choice, "true");
}

int rootless_state_root(char **ret, struct err *err)
{
	const char *base = getenv("XDG_RUNTIME_DIR");

	int n = base && *base == '/'
			? asprintf(ret, "%s/" STATE_DIR, base)
			: asprintf(ret, "/run/user/%u/" STATE_DIR, (unsigned)geteuid());

	if (n < 0) {
		*ret = NULL;
		return err_oom(err);
	}
	return 0;
}
