/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The base image grows stale with a new kernel or library, or a new build of the worker.
 * One that our worker's executable made and that a seed could not go on from is made
 * anew by it, while the seed serves with a new engine; seeds that start later go on from
 * it. Where there is none, nobody asked for one.
 */
#include <errno.h>
#include <linux/close_range.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/log.h"
#include "runtime/base/paths.h"
#include "seed/image.h"
#include "seed/keeper_priv.h"

/* Whoever serves goes first. */
#define BUILDER_NICE 19

static _Noreturn void child_build(const struct keeper *k)
{
	const char *const envp[] = {"LANG=C.UTF-8", NULL};
	const char *worker = k->options->worker;
	char option[4096 + 32];
	sigset_t none;

	snprintf(option, sizeof(option), "--build-image=%s", paths_base_image());
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGHUP, SIG_DFL);
	signal(SIGPIPE, SIG_DFL);
	setrlimit(RLIMIT_NOFILE, &k->nofile);
	(void)setpriority(PRIO_PROCESS, 0, BUILDER_NICE);
	syscall(SYS_close_range, STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
	execve(worker, (char *const[]){(char *)worker, option, NULL}, (char *const *)envp);
	_exit(127);
}

void keeper_image_renew(struct keeper *k)
{
	pid_t pid;

	/* One try: what is of no use again would be so a third time. */
	if (k->image_tried || k->seed.from_image || !image_base_is_by(k->options->worker))
		return;
	k->image_tried = true;
	pid = fork();
	if (pid == 0)
		child_build(k);
	if (pid < 0) {
		log_warn("base image: fork: %s, ignoring", strerrordesc_np(errno));
		return;
	}
	k->image_pid = pid;
	log_info("base image: '%s' is made anew", paths_base_image());
}

void keeper_image_ended(struct keeper *k, int status)
{
	k->image_pid = 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
		log_info("base image: made");
		k->seed.image_refused = false;
		return;
	}
	log_warn("base image: making it ended with %s %d; 'turf seed image rebuild' says why",
		WIFSIGNALED(status) ? "signal" : "exit status",
		WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}
