/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/control/worker_exit.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "runtime/base/exit_file.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "runtime/box/cgroup.h"
#include "runtime/container.h"
#include "runtime/record.h"

static bool counts_kill(const char *dir, const char *file)
{
	_cleanup_free_ char *text = NULL;
	struct err ignored = ERR_INIT;
	char path[PATH_MAX];
	const char *at;
	size_t len;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	if (file_read_value(AT_FDCWD, path, FILE_VALUE_MAX, &text, &len, &ignored) < 0)
		return false;
	at = strstr(text, "oom_kill ");
	return at && strtoull(at + strlen("oom_kill "), NULL, 10) > 0;
}

/* Whether the kernel has killed for want of memory: v2's file, v1's. */
static bool ran_out_of_memory(const struct container *c)
{
	_cleanup_record_ struct record r = {0};
	struct err ignored = ERR_INIT;

	if (container_record(c, &r, &ignored) < 0)
		return false;
	for (size_t i = 0; i < r.n_cgroups; i++)
		if (counts_kill(r.cgroups[i].path, "memory.events") ||
			counts_kill(r.cgroups[i].path, "memory.oom_control"))
			return true;
	return false;
}

static enum stats_exit of_file(const struct container *c)
{
	struct err ignored = ERR_INIT;
	struct exit_file e;

	if (exit_file_wait(c->dir_fd, WORKER_EXIT_MS, &e, &ignored) < 0 || !WIFEXITED(e.status))
		return STATS_EXIT_KILLED;
	return WEXITSTATUS(e.status) == 0 ? STATS_EXIT_ENDED : STATS_EXIT_FAILED;
}

/* Of one that was not copied from a seed its maker alone could know. */
static bool has_file(const struct container *c)
{
	_cleanup_record_ struct record r = {0};
	struct err ignored = ERR_INIT;

	return container_record(c, &r, &ignored) == 0 && r.payload == RECORD_WARM;
}

enum stats_exit worker_exit_look(const char *root, const char *id)
{
	_cleanup_container_ struct container c = CONTAINER_INIT;
	struct err ignored = ERR_INIT;
	enum stats_exit how;

	if (container_open(root, id, &c, &ignored) < 0)
		return STATS_EXIT_KILLED;
	how = has_file(&c) ? of_file(&c) : STATS_EXIT_ENDED;
	return how != STATS_EXIT_FAILED && ran_out_of_memory(&c) ? STATS_EXIT_OOM : how;
}
