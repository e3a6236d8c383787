/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/seed_image.h"

#include <errno.h>
#include <libgen.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/paths.h"
#include "runtime/base/rfc3339.h"
#include "runtime/verbs.h"
#include "seed/image.h"

/* Whose files are nobody's secret; the image itself is its owner's alone. */
#define IMAGE_DIR_MODE 0755

static int make_directory(const char *path, struct err *err)
{
	_cleanup_free_ char *copy = strdup(path);

	return copy ? paths_mkdir_all(dirname(copy), IMAGE_DIR_MODE, err) : err_oom(err);
}

static int run(char *const *argv, struct err *err)
{
	int status = 0, r;
	pid_t pid;

	r = posix_spawn(&pid, argv[0], NULL, NULL, argv, environ);
	if (r != 0)
		return err_set(err, r, "execute '%s'", argv[0]);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_set(err, errno, "waitpid");
	if (WIFSIGNALED(status))
		return err_say(err, EIO, "'%s' died of signal %d", argv[0], WTERMSIG(status));
	/* It has said why. */
	if (WEXITSTATUS(status) != 0)
		return err_say(err, EIO, "'%s' ended with %d", argv[0], WEXITSTATUS(status));
	return 0;
}

static int rebuild(struct err *err)
{
	const char *path = paths_base_image();
	_cleanup_free_ char *worker = NULL, *option = NULL;

	if (paths_program("aworker", &worker, err) < 0 || make_directory(path, err) < 0)
		return -err->code;
	if (asprintf(&option, "--build-image=%s", path) < 0) {
		option = NULL;
		return err_oom(err);
	}
	return run((char *const[]){worker, option, NULL}, err);
}

static int info(struct err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	_cleanup_free_ char *worker = NULL;
	_cleanup_close_ int fd = -1;
	char when[RFC3339_MAX];
	struct stat st;

	if (paths_program("aworker", &worker, err) < 0)
		return -err->code;
	if (stat(worker, &st) < 0)
		return err_set(err, errno, "stat worker '%s'", worker);
	fd = image_open_base(&st, err);
	if (fd < 0)
		return -err->code;
	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "stat");
	buf_printf(&out, "base image:    %s\n", paths_base_image());
	buf_printf(&out, "built:         %s\n", rfc3339_seconds((uint64_t)st.st_mtime, when));
	buf_printf(&out, "size:          %llu bytes\n", (unsigned long long)st.st_size);
	return buf_failed(&out) ? err_oom(err) : print_out(out.data, err);
}

static const struct action {
	const char *name;
	int (*run)(struct err *err);
} actions[] = {{"rebuild", rebuild}, {"info", info}};

int seed_image(const char *action, struct err *err)
{
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (streq(actions[i].name, action))
			return actions[i].run(err);
	return err_say(err, EINVAL, "seed image: '%s' is none of rebuild, info", action);
}

int seed_image_actions(char ***ret, struct err *err)
{
	*ret = calloc(ARRAY_SIZE(actions) + 1, sizeof(**ret));
	for (size_t i = 0; *ret && i < ARRAY_SIZE(actions); i++)
		(*ret)[i] = strdup(actions[i].name);
	return *ret ? 0 : err_oom(err);
}
