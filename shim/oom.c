/* SPDX-License-Identifier: Apache-2.0 */
/*
 * v1: the kernel counts into an eventfd, also when the cgroup is removed. v2: it makes
 * memory.events readable in an exceptional way, and its oom_kill tells whether that was one.
 */
#include "shim/oom.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <uv.h>

#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "shim/cgroup.h"
#include "shim/events.h"
#include "shim/loop.h"
#include "shim/message.h"
#include "shim/proto/events.pb-c.h"

#define EVENTS_FILE_MAX 512

struct oom {
	char *container_id;
	struct watch *watch; /* of the eventfd, or of memory.events */
	int control;	     /* v1: memory.oom_control; v2: -1 */
	int64_t seen;	     /* v2: kills that were told */
};

static void publish(const struct oom *oom)
{
	Pb__TaskEvent event = PB__TASK_EVENT__INIT;

	event.container_id = message_string(oom->container_id);
	events_publish("/tasks/oom", "containerd.events.TaskOOM", &event.base);
}

/* -1 when it cannot be read: the cgroup is gone. */
static int64_t count_kills(int fd)
{
	char text[EVENTS_FILE_MAX];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	const char *at;

	if (n < 0)
		return -1;
	text[n] = '\0';
	at = strstr(text, "oom_kill ");
	return at ? (int64_t)strtoull(at + strlen("oom_kill "), NULL, 10) : 0;
}

static void check_v1(struct oom *oom)
{
	uint64_t n;

	if (read(watch_descriptor(oom->watch), &n, sizeof(n)) != sizeof(n))
		return;
	if (count_kills(oom->control) >= 0)
		publish(oom);
	else
		watch_drop(&oom->watch);
}

static void check_v2(struct oom *oom)
{
	int64_t n = count_kills(watch_descriptor(oom->watch));

	if (n > oom->seen)
		publish(oom);
	oom->seen = n;
	if (n < 0)
		watch_drop(&oom->watch);
}

void oom_check(struct oom *oom)
{
	if (!oom || !oom->watch)
		return;
	if (oom->control >= 0)
		check_v1(oom);
	else
		check_v2(oom);
}

static void on_event(void *arg, int events)
{
	struct oom *oom = arg;

	oom_check(oom);
	if (events < 0)
		watch_drop(&oom->watch);
}

/* The kernel is told which file and which eventfd belong together. */
static int open_v1(const char *cgroups, int *ret_control)
{
	_cleanup_close_ int dir = cgroup_open(cgroups, "memory");
	_cleanup_close_ int control =
		dir < 0 ? -1 : openat(dir, "memory.oom_control", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	struct err err = ERR_INIT;
	char line[32];

	snprintf(line, sizeof(line), "%d %d", event, control);
	if (control < 0 || event < 0 || file_put(dir, "cgroup.event_control", line, &err) < 0)
		return -1;
	*ret_control = take_fd(&control);
	return take_fd(&event);
}

static int open_v2(const char *cgroups)
{
	_cleanup_close_ int dir = cgroup_open(cgroups, "");

	return dir < 0 ? -1 : openat(dir, "memory.events", O_RDONLY | O_CLOEXEC);
}

struct oom *oom_watch(const char *container_id, const char *cgroups)
{
	bool unified = cgroup_is_unified();
	struct oom *oom = calloc(1, sizeof(*oom));
	struct err err = ERR_INIT;
	int fd;

	if (!oom)
		return NULL;
	oom->control = -1;
	fd = unified ? open_v2(cgroups) : open_v1(cgroups, &oom->control);
	if (fd < 0) {
		log_debug("container %s: its memory cannot be watched", container_id);
		oom_unwatch(&oom);
		return NULL;
	}
	oom->seen = unified ? count_kills(fd) : 0;
	oom->container_id = strdup(container_id);
	oom->watch = watch_fd(fd, unified ? UV_PRIORITIZED : UV_READABLE, on_event, oom, &err);
	if (!oom->watch || !oom->container_id)
		oom_unwatch(&oom);
	return oom;
}

void oom_unwatch(struct oom **oom)
{
	struct oom *old = take_ptr(oom);

	if (!old)
		return;
	watch_drop(&old->watch);
	fd_close(&old->control);
	free(old->container_id);
	free(old);
}
