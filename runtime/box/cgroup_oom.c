/* SPDX-License-Identifier: Apache-2.0 */
/* Being told that a container ran out of memory. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/box/cgroup_priv.h"
#include "runtime/box/cgroup_stats.h"

/* v2's count, in the file that is open. -1 when it cannot be read any more. */
static int64_t kills_of(int fd)
{
	char text[512];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	const char *at;

	if (n < 0)
		return -1;
	text[n] = '\0';
	at = strstr(text, "oom_kill ");
	return at ? strtoll(at + strlen("oom_kill "), NULL, 10) : 0;
}

/* The kernel writes to the eventfd whenever oom_control's state changes. */
static int open_v1(const struct cgroup_dir *dir, struct cgroup_oom *oom, struct err *err)
{
	char line[32];

	oom->file = openat(dir->fd, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	if (oom->file < 0)
		return err_set(err, errno, "open '%s/memory.oom_control'", dir->path);
	oom->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (oom->fd < 0)
		return err_set(err, errno, "eventfd");
	snprintf(line, sizeof(line), "%d %d", oom->fd, oom->file);
	return file_put(dir->fd, "cgroup.event_control", line, err);
}

static int open_v2(const struct cgroup_dir *dir, struct cgroup_oom *oom, struct err *err)
{
	char path[FD_PATH_MAX];

	oom->file = openat(dir->fd, "memory.events", O_RDONLY | O_CLOEXEC);
	if (oom->file < 0)
		return err_set(err, errno, "open '%s/memory.events'", dir->path);
	oom->counts = true;
	/* First: what is counted until it is watched is seen at the next look. */
	oom->kills = kills_of(oom->file);
	oom->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (oom->fd < 0 || inotify_add_watch(oom->fd, fd_path(oom->file, path), IN_MODIFY) < 0)
		return err_set(err, errno, "watch '%s/memory.events'", dir->path);
	return 0;
}

int cgroup_oom_open(struct cgroup *cg, struct cgroup_oom *ret, struct err *err)
{
	const struct cgroup_dir *dir = cgroup_dir_find(cg, "memory");
	struct cgroup_oom oom = CGROUP_OOM_INIT;
	int r;

	if (!dir || dir->fd < 0)
		return err_say(err, ENOTSUP, "the container has no memory cgroup");
	r = dir->ops == &cgroup_ops_v2 ? open_v2(dir, &oom, err) : open_v1(dir, &oom, err);
	if (r < 0)
		cgroup_oom_close(&oom);
	else
		*ret = oom;
	return r;
}

bool cgroup_oom_read(struct cgroup_oom *oom)
{
	/* As many bytes as an eventfd has, and as many events as inotify has. */
	char events[4096] __attribute__((aligned(8)));
	const bool told = read(oom->fd, events, sizeof(events)) > 0;
	const int64_t kills = kills_of(oom->file);

	/* v1's descriptor tells nothing else; but a cgroup that goes away is told there, too. */
	if (!oom->counts)
		return told && kills >= 0;
	/* The kernel counts at once, and tells of it some milliseconds later. */
	if (kills <= oom->kills)
		return false;
	oom->kills = kills;
	return true;
}

void cgroup_oom_close(struct cgroup_oom *oom)
{
	fd_close(&oom->fd);
	fd_close(&oom->file);
}
