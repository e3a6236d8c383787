/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line: "PID STATUS ENDED_NS USER_US SYSTEM_US MAX_RSS_KIB". Decimal text, so
 * that a person and a shell can read it too.
 */
#include "runtime/base/exit_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/fd.h"

#define EXIT_FILE_MAX 256

/* How often the file is looked for where inotify is not to be had. */
#define EXIT_POLL_MS 20

void exit_file_fill(struct exit_file *ret, pid_t pid, int status, const struct rusage *usage)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	ret->pid = pid;
	ret->status = status;
	ret->ended_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	ret->user_us = (int64_t)usage->ru_utime.tv_sec * 1000000 + usage->ru_utime.tv_usec;
	ret->system_us = (int64_t)usage->ru_stime.tv_sec * 1000000 + usage->ru_stime.tv_usec;
	ret->max_rss_kib = usage->ru_maxrss;
}

/*
 * Atomic for readers, but no fsync: after a crash of the machine there is no
 * container left whose exit anybody could ask for, and a keeper must not stand still
 * behind a slow disk.
 */
static int replace_file(int dirfd, const char *line, size_t len, struct err *err)
{
	static const char tmp[] = EXIT_FILE_NAME ".tmp";
	_cleanup_close_ int fd =
		openat(dirfd, tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r;

	if (fd < 0)
		return err_set(err, errno, "create '%s'", tmp);
	r = fd_write_all(fd, line, len);
	if (r == 0 && renameat(dirfd, tmp, dirfd, EXIT_FILE_NAME) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(dirfd, tmp, 0);
		return err_set(err, -r, "write '%s'", EXIT_FILE_NAME);
	}
	return 0;
}

int exit_file_write(int dirfd, const struct exit_file *e, struct err *err)
{
	char line[EXIT_FILE_MAX];
	int n = snprintf(line, sizeof(line),
		"%d %d %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n", (int)e->pid, e->status,
		e->ended_ns, e->user_us, e->system_us, e->max_rss_kib);

	return replace_file(dirfd, line, (size_t)n, err);
}

int exit_file_read(int dirfd, struct exit_file *ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	struct exit_file e;
	int end = 0;
	size_t len;
	int pid;
	int r;

	r = file_read(dirfd, EXIT_FILE_NAME, EXIT_FILE_MAX, &text, &len, err);
	if (r < 0)
		return r;
	if (sscanf(text, "%d %d %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 "%n", &pid, &e.status,
		    &e.ended_ns, &e.user_us, &e.system_us, &e.max_rss_kib, &end) != 6 ||
		!streq(text + end, "\n") || pid <= 0)
		return err_say(err, EPROTO, "parse '%s': unexpected contents", EXIT_FILE_NAME);
	e.pid = pid;
	*ret = e;
	return 0;
}

/* Watches before the first look, so that nothing comes between the two. -1 when there is no inotify. */
static int watch_directory(int dirfd)
{
	_cleanup_close_ int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char path[FD_PATH_MAX];

	if (fd < 0 || inotify_add_watch(fd, fd_path(dirfd, path), IN_MOVED_TO | IN_ONLYDIR) < 0)
		return -1;
	return take_fd(&fd);
}

int exit_file_wait(int dirfd, int timeout_ms, struct exit_file *ret, struct err *err)
{
	_cleanup_close_ int watch = watch_directory(dirfd);
	int64_t deadline = clock_ms() + timeout_ms;

	for (;;) {
		struct pollfd p = {.fd = watch, .events = POLLIN};
		int64_t left = deadline - clock_ms();
		char events[4096];
		int r = exit_file_read(dirfd, ret, err);

		if (r != -ENOENT)
			return r;
		if (timeout_ms >= 0 && left <= 0)
			return err_say(err, ETIMEDOUT, "no file '%s' within %d ms", EXIT_FILE_NAME,
				timeout_ms);
		if (timeout_ms < 0 || (watch < 0 && left > EXIT_POLL_MS))
			left = watch < 0 ? EXIT_POLL_MS : -1;
		(void)poll(&p, 1, (int)left);
		if (watch >= 0)
			(void)!read(watch, events, sizeof(events));
	}
}

int exit_file_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}
