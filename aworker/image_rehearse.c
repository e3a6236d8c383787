/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/image_rehearse.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aworker/prefault.h"
#include "aworker/rehearse.h"
#include "aworker/worker.h"
#include "runtime/base/fd.h"
#include "runtime/base/paths.h"
#include "runtime/base/proc.h"
#include "seed/image.h"

#define LOADER "aworker-loader"

/* It takes some ten milliseconds. */
#define TIMEOUT_MS 20000

/* Read pages that lie so close to others are asked for with them: a call costs as much. */
#define GAP_PAGES 8

#define PAGE 4096u

int image_run_rehearsal(struct worker *w, const char *fd)
{
	static struct prefault seen;

	if (rehearse(w, &seen) < 0 || fd_write_all(atoi(fd), (void *)&seen, sizeof(seen)) < 0)
		return WORKER_EXIT_ERROR;
	return WORKER_EXIT_OK;
}

static _Noreturn void child_exec(const char *loader, const char *path, int fd)
{
	char option[64];
	/* No program: what does not start from the image is to fail. */
	char *const argv[] = {LOADER, (char *)path, "", option, NULL};
	char *const env[] = {NULL};

	snprintf(option, sizeof(option), IMAGE_OPTION_REHEARSE "%d", fd);
	if (fd_set_cloexec(fd, false) == 0)
		execve(loader, argv, env);
	_exit(127);
}

static int await(pid_t pid, struct err *err)
{
	struct pollfd p = {.fd = proc_pidfd_open(pid), .events = POLLIN};
	int status = 0, n;

	do
		n = poll(&p, 1, TIMEOUT_MS);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		kill(pid, SIGKILL);
	fd_close(&p.fd);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_set(err, errno, "waitpid");
	if (n <= 0)
		return err_say(
			err, ETIMEDOUT, "a process that was started from it does not answer");
	if (WIFSIGNALED(status))
		return err_say(err, EIO, "a process that was started from it died of signal %d",
			WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		return err_say(err, EIO, "a process that was started from it ended with %d",
			WEXITSTATUS(status));
	return 0;
}

/* Ranges of the same kind that lie together become one. What does not fit is left out. */
static size_t reduce(const struct prefault *seen, struct image_touched *ret)
{
	size_t n = 0;

	for (size_t i = 0; i < seen->n; i++) {
		const struct prefault_range *r = &seen->ranges[i];
		const struct image_touched t = {.start = r->start,
			.pages = r->pages,
			.changed = r->kind == PREFAULT_CHANGED};
		struct image_touched *last = n ? &ret[n - 1] : NULL;
		uint64_t gap = last ? (t.start - last->start) / PAGE - last->pages : 0;

		if (r->kind == PREFAULT_SHARED)
			continue;
		if (last && last->changed == t.changed && gap <= (t.changed ? 0 : GAP_PAGES))
			last->pages += (uint32_t)gap + t.pages;
		else if (n < IMAGE_TOUCHED_MAX)
			ret[n++] = t;
	}
	return n;
}

static int note_touched(int seen_fd, int image_fd, uint64_t offset, struct err *err)
{
	static struct image_touched touched[IMAGE_TOUCHED_MAX];
	static struct prefault seen;
	size_t len;

	if (pread(seen_fd, &seen, sizeof(seen), 0) != sizeof(seen) || seen.n > PREFAULT_RANGES_MAX)
		return err_say(err, EIO,
			"a process that was started from it does not say what it touched");
	len = reduce(&seen, touched) * sizeof(*touched);
	if (pwrite(image_fd, touched, len, (off_t)offset) != (ssize_t)len)
		return err_set(err, errno, "write");
	return 0;
}

int image_rehearse(const char *path, int image_fd, uint64_t offset, struct err *err)
{
	_cleanup_free_ char *loader = NULL;
	_cleanup_close_ int seen_fd = memfd_create("touched", MFD_CLOEXEC);
	pid_t pid;

	if (seen_fd < 0)
		return err_set(err, errno, "memfd_create");
	if (paths_program(LOADER, &loader, err) < 0)
		return -err->code;
	pid = fork();
	if (pid < 0)
		return err_set(err, errno, "fork");
	if (pid == 0)
		child_exec(loader, path, seen_fd);
	if (await(pid, err) < 0)
		return -err->code;
	return note_touched(seen_fd, image_fd, offset, err);
}
