/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/owner.h"

#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>

#define NAME_MAX_LEN 64

const char *owner_name(uid_t uid)
{
	static char name[NAME_MAX_LEN];
	static uid_t of;
	const struct passwd *pw;
	FILE *f;

	/* Mostly all containers of a list have one owner. */
	if (*name && of == uid)
		return name;
	of = uid;
	snprintf(name, sizeof(name), "%u", (unsigned)uid);
	f = fopen("/etc/passwd", "re");
	if (!f)
		return name;
	while ((pw = fgetpwent(f))) {
		if (pw->pw_uid != uid)
			continue;
		snprintf(name, sizeof(name), "%s", pw->pw_name);
		break;
	}
	fclose(f);
	return name;
}
