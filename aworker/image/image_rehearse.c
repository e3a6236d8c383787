/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/image/image_rehearse.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/paths.h"
#include "runtime/base/proc.h"

#define LOADER "aworker-loader"

/* It takes some ten milliseconds, but seconds with an engine under stress. */
#define TIMEOUT_MS 60000

static _Noreturn void child_exec(const char *loader, const char *path)
{
	/* No program: what does not start from the image is to fail. */
	char *const argv[] = {LOADER, (char *)path, "", IMAGE_OPTION_REHEARSE, NULL};
	char *const env[] = {NULL};

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

int image_rehearse(const char *path, struct err *err)
{
	_cleanup_free_ char *loader = NULL;
	pid_t pid;

	if (paths_program(LOADER, &loader, err) < 0)
		return -err->code;
	pid = fork();
	if (pid < 0)
		return err_set(err, errno, "fork");
	if (pid == 0)
		child_exec(loader, path);
	return await(pid, err);
}
