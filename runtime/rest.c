/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/rest.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "runtime/box/cgroup.h"
#include "runtime/state_store.h"

/* 2 GiB on a slow disk. */
#define WRITE_TIMEOUT_MS 120000

/* --- the configuration --- */

/*
 * By its command line, which the name of the image does not know of. Nobody else may say
 * that: such a worker would stand for ever.
 */
static int change_process(struct rest *r, struct oci_config *config, struct err *err)
{
	const struct oci_process *process = config->process;
	size_t n = 0;

	while (process->args[n])
		n++;
	r->args = calloc(n + 2, sizeof(*r->args));
	if (!r->args)
		return err_oom(err);
	r->args[0] = process->args[0];
	r->args[1] = "--build-state=-"; /* it is us who write it */
	memcpy(r->args + 2, process->args + 1, n * sizeof(*r->args));
	r->process = *process;
	r->process.args = r->args;
	config->process = &r->process;
	return 0;
}

/* The container of the bundle may live: beside it, "/pods/a" or "slice:prefix:name". */
static int move_cgroup(struct rest *r, struct oci_config *config, const char *id, struct err *err)
{
	const char *path = config->linux_ ? config->linux_->cgroups_path : NULL;
	const char *name = path ? strrchr(path, *path == '/' ? '/' : ':') : NULL;

	if (!path)
		return 0;
	if (asprintf(&r->cgroups_path, "%.*s%s", name ? (int)(name + 1 - path) : 0, path, id) < 0) {
		r->cgroups_path = NULL;
		return err_oom(err);
	}
	r->linux_ = *config->linux_;
	r->linux_.cgroups_path = r->cgroups_path;
	config->linux_ = &r->linux_;
	return 0;
}

int rest_ask(struct rest *r, struct oci_config *config, const char *id, struct err *err)
{
	return change_process(r, config, err) < 0 ? -err->code : move_cgroup(r, config, id, err);
}

void rest_finish(struct rest *r)
{
	free(r->args);
	free(r->cgroups_path);
}

/* --- at rest --- */

int rest_limit(int conn, unsigned seconds, struct err *err)
{
	const struct timeval limit = {.tv_sec = seconds};

	return setsockopt(conn, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) < 0
		       ? err_set(err, errno, "SO_RCVTIMEO")
		       : 0;
}

static _Noreturn void child_save(
	const struct state_name *name, struct cgroup *cgroup, pid_t pid, uint64_t regs, int to)
{
	struct err err = ERR_INIT;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (!cgroup || cgroup_attach_pid(cgroup, getpid(), &err) == 0)
		(void)state_store_save(name, pid, regs, &err);
	_exit(fd_write_all(to, (const void *)&err, sizeof(err)) < 0);
}

int rest_save(const struct state_name *name, struct cgroup *cgroup, pid_t pid, uint64_t regs,
	struct err *err)
{
	_cleanup_close_ int from = -1;
	int pair[2], status = 0;
	pid_t child;
	ssize_t n;

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_set(err, errno, "make a pipe");
	from = pair[0];
	child = fork();
	if (child == 0)
		child_save(name, cgroup, pid, regs, pair[1]);
	close(pair[1]);
	if (child < 0)
		return err_set(err, errno, "fork");
	/* The container may own its cgroup, and stop who is in it. */
	if (poll(&(struct pollfd){.fd = from, .events = POLLIN}, 1, WRITE_TIMEOUT_MS) == 0)
		kill(child, SIGKILL);
	n = fd_read_all(from, err, sizeof(*err));
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (n != sizeof(*err))
		return err_say(err, EIO, "state image: who wrote it died of signal %d",
			WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	return -err->code;
}
