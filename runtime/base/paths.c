/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/paths.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The directory of the running executable, without a slash at the end; "" when it is not known. */
static void own_directory(char dir[PATH_MAX])
{
	ssize_t n = readlink("/proc/self/exe", dir, PATH_MAX - 1);
	char *slash;

	dir[n < 0 ? 0 : n] = '\0';
	slash = strrchr(dir, '/');
	if (slash)
		*slash = '\0';
}

int paths_program(const char *name, char **ret_path, struct err *err)
{
	char own[PATH_MAX];
	const struct {
		const char *base, *below;
	} dirs[] = {
		{own, ""},
		{own, "/../libexec/turf"},
		{own, "/../../bin"}, /* from libexec/turf */
		{TURF_LIBEXECDIR, ""},
		{TURF_BINDIR, ""},
	};

	own_directory(own);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		char path[2 * PATH_MAX];

		snprintf(path, sizeof(path), "%s%s/%s", dirs[i].base, dirs[i].below, name);
		if (access(path, X_OK) < 0)
			continue;
		*ret_path = strdup(path);
		return *ret_path ? 0 : err_oom(err);
	}
	return err_say(err, ENOENT, "find program '%s': neither in '%s' nor '%s' nor '%s'", name,
		own, TURF_LIBEXECDIR, TURF_BINDIR);
}

const char *paths_seeds_dir(void)
{
	const char *dir = getenv("TURF_SEEDS_DIR");

	return dir && *dir ? dir : PATHS_SEEDS_DIR;
}

const char *paths_base_image(void)
{
	const char *path = secure_getenv("TURF_BASE_IMAGE");

	return path && *path ? path : PATHS_BASE_IMAGE;
}

const char *paths_states_dir(void)
{
	const char *dir = secure_getenv("TURF_STATES_DIR");

	return dir && *dir ? dir : PATHS_STATES_DIR;
}

/* `system`, for root; else `name` in the user's own; "" when there is none. */
static const char *runtime_dir(const char *system, const char *name, char path[PATH_MAX])
{
	const char *base = getenv("XDG_RUNTIME_DIR");

	/* Root of a user namespace may not write where the host's does. */
	if (geteuid() == 0 && (!base || access("/run", W_OK) == 0))
		return system;
	if (!base || *base != '/' || snprintf(path, PATH_MAX, "%s/%s", base, name) >= PATH_MAX)
		return "";
	return path;
}

const char *paths_seccomp_dir(void)
{
	static char path[PATH_MAX];

	return runtime_dir(PATHS_SECCOMP_DIR, "turf-seccomp", path);
}

const char *paths_verified_dir(void)
{
	static char path[PATH_MAX];
	const char *dir = secure_getenv("TURF_VERIFIED_DIR");

	return dir && *dir ? dir : runtime_dir(PATHS_VERIFIED_DIR, "turf-images", path);
}

bool paths_id_is_valid(const char *id)
{
	size_t n = strlen(id);

	if (n == 0 || n > PATHS_ID_MAX || streq(id, ".") || streq(id, ".."))
		return false;
	for (; *id; id++)
		if (!isalnum((unsigned char)*id) && !strchr("_+.-", *id))
			return false;
	return true;
}

static int mkdir_each(const char *path, unsigned mode, struct err *err)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (len >= sizeof(part))
		return err_set(err, ENAMETOOLONG, "make directory '%s'", path);
	memcpy(part, path, len + 1);
	for (char *p = part + 1; p <= part + len; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return err_set(err, errno, "make directory '%s'", part);
		*p = c;
	}
	return 0;
}

int paths_mkdir_all(const char *path, unsigned mode, struct err *err)
{
	struct stat st;

	/* Mostly it is there. */
	if (mkdir(path, mode) < 0 && errno != EEXIST && mkdir_each(path, mode, err) < 0)
		return -err->code;
	if (stat(path, &st) < 0)
		return err_set(err, errno, "make directory '%s'", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ENOTDIR, "make directory '%s'", path);
	return 0;
}
