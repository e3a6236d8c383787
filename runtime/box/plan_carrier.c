/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Namespaces in which nothing ever runs. The kernel makes a namespace together with a
 * process: this one waits for its end, and carries them until there are descriptors.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/box/plan_build.h"

static _Noreturn void child_carry(void)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	for (;;)
		pause();
}

void plan_carrier_finish(struct plan_carrier *c)
{
	fd_close(&c->proc);
	if (c->pid <= 0)
		return;
	(void)kill(c->pid, SIGKILL); /* a child of ours that nobody else waits for */
	while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
		;
	c->pid = 0;
}

int plan_carrier_start(uint64_t namespaces, struct plan_carrier *ret, struct err *err)
{
	struct clone_args args = {.flags = namespaces, .exit_signal = SIGCHLD};
	_cleanup_plan_carrier_ struct plan_carrier c = PLAN_CARRIER_INIT;
	char path[32];

	c.pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (c.pid == 0)
		child_carry();
	if (c.pid < 0)
		return err_set(err, errno, "make a user namespace");
	snprintf(path, sizeof(path), "/proc/%d", (int)c.pid);
	c.proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (c.proc < 0)
		return err_set(err, errno, "open '%s'", path);
	*ret = c;
	c = (struct plan_carrier)PLAN_CARRIER_INIT;
	return 0;
}
