/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/image/state.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "aworker/clock.h"
#include "aworker/container.h"
#include "aworker/image/image_build.h"
#include "aworker/options.h"
#include "aworker/signals.h"
#include "runtime/base/fd.h"
#include "runtime/base/paths.h"
#include "runtime/base/util.h"
#include "runtime/box/enter.h"
#include "seed/image_digest.h"
#include "seed/state.h"

const char *state_name(const struct worker_options *options)
{
	return *options->build_state ? options->build_state : "in memory";
}

#ifdef __x86_64__

#define LOADER "aworker-loader"

/* What a process takes along into the state that it becomes. */
struct handover {
	const char *const *argv, *const *env;
	uintptr_t vdso;
	struct box_limits limits; /* of a container */
};

int state_exec_base(const char *const *argv, struct err *err)
{
	_cleanup_free_ const char **loader_argv = NULL;
	_cleanup_free_ char *loader = NULL;
	_cleanup_close_ int fd = -1;
	char image[32];
	struct stat self;
	size_t n = 0;

	if (stat("/proc/self/exe", &self) < 0)
		return err_set(err, errno, "stat '/proc/self/exe'");
	fd = image_open_base(&self, err);
	if (fd < 0 || paths_program(LOADER, &loader, err) < 0)
		return -err->code;
	while (argv[n])
		n++;
	loader_argv = calloc(n + 4, sizeof(*loader_argv));
	if (!loader_argv)
		return err_oom(err);
	snprintf(image, sizeof(image), "fd:%d", fd);
	loader_argv[0] = LOADER;
	loader_argv[1] = image;
	/* No program: one that does not start from the image would come here again. */
	loader_argv[2] = "";
	memcpy(loader_argv + 3, argv + 1, n * sizeof(*argv));
	if (fd_set_cloexec(fd, false) == 0)
		execve(loader, (char *const *)loader_argv, environ);
	return err_set(err, errno, "execute '%s'", loader);
}

/* --- making one --- */

/* In each process that goes on from the image. */
static _Noreturn void resume(struct worker *w, const struct handover *h)
{
	struct worker_options options;
	enum command command;
	struct err err = ERR_INIT;
	int code = WORKER_EXIT_ENGINE;

	clock_use_vdso(h->vdso);
	environ = (char **)h->env;
	if (options_parse(h->argv, &command, &options, &err) == 0)
		container_limit(&options.limits, &h->limits);
	if (err.code || engine_fork_child(w->engine, &err) < 0 ||
		worker_resume(w, &options, h->env, &err) < 0) {
		worker_say("%s", err.msg);
		_exit(code);
	}
	code = worker_run_resumed(w);
	worker_close(w);
	/* Nobody looks at the memory of a process that ends. */
	_exit(code);
}

/*
 * Says where it stands, and stands: this frame of the stack has to be there when the image is
 * written, since the processes that come from it go on here.
 */
static _Noreturn void come_to_rest(
	struct worker *w, void (*say)(void *to, const struct user_regs_struct *regs), void *to)
{
	static struct user_regs_struct regs;
	uintptr_t word;

	worker_suspend(w);
	engine_fork_prepare_warm(w->engine);
	word = image_point(&regs);
	if (word)
		resume(w, (const struct handover *)word);
	say(to, &regs);
	for (;;)
		pause();
}

static void say_to_runtime(void *to, const struct user_regs_struct *regs)
{
	box_rested(to, regs);
}

int state_rest(struct worker *w, struct box_entry *entry, struct err *err)
{
	if (!image_origin())
		return err_say(err, ENOTSUP,
			"the worker was not started from a base image (turf seed image rebuild)");
	if (worker_run_to_rest(w, err) < 0)
		return -err->code;
	come_to_rest(w, say_to_runtime, entry);
}

static void say_to_parent(void *to, const struct user_regs_struct *regs)
{
	/* That it has ended ends us, too. */
	(void)fd_write_all(*(int *)to, (const void *)regs, sizeof(*regs));
}

static _Noreturn void child_rest(struct worker *w, int said)
{
	struct err err = ERR_INIT;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (engine_fork_child(w->engine, &err) == 0 && worker_open(w, &err) == 0 &&
		worker_run_to_rest(w, &err) == 0)
		come_to_rest(w, say_to_parent, &said);
	if (!w->exiting)
		w->exit_code = WORKER_EXIT_ERROR;
	worker_say("state image '%s': %s", state_name(&w->options), err.msg);
	_exit(w->exit_code ? w->exit_code : WORKER_EXIT_ERROR);
}

/* A process at rest. */
struct standing {
	pid_t pid;
	struct user_regs_struct regs;
};

static int fill(void *arg, int fd, const char *tmp UNUSED, struct err *err)
{
	_cleanup_close_ int base = open(paths_base_image(), O_RDONLY | O_CLOEXEC);
	const struct standing *s = arg;

	if (base < 0)
		return err_set(err, errno, "base image '%s'", paths_base_image());
	return state_write(fd, s->pid, &s->regs, base, image_origin()->id, err);
}

/* Sealed, so that who may open it cannot change it. Returns the descriptor. */
static int fill_memory(const struct standing *s, struct err *err)
{
	const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
	_cleanup_close_ int fd = memfd_create("state", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd < 0)
		return err_set(err, errno, "make a file in memory");
	if (fill((void *)s, fd, NULL, err) < 0)
		return -err->code;
	if (fchmod(fd, 0600) < 0 || fcntl(fd, F_ADD_SEALS, seals) < 0)
		return err_set(err, errno, "seal a file in memory");
	return take_fd(&fd);
}

/* What has made it has ended by now. */
static _Noreturn void keep(int fd)
{
	dprintf(STDOUT_FILENO, "/proc/%d/fd/%d\n", getpid(), fd);
	for (;;)
		pause();
}

/* The code that the copy ends with when it does not come to rest. */
static int await(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return WORKER_EXIT_ERROR;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static int build(struct worker *w, struct err *err)
{
	struct clone_args args = {.exit_signal = SIGCHLD};
	struct standing standing;
	int said[2], code = WORKER_EXIT_ERROR, memory = -1;
	ssize_t n;
	pid_t pid;

	if (pipe2(said, O_CLOEXEC) < 0)
		return err_set(err, errno, "make a pipe"), code;
	pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (pid == 0)
		child_rest(w, said[1]);
	fd_close(&said[1]);
	if (pid < 0) {
		err_set(err, errno, "copy the process");
	} else {
		standing.pid = pid;
		n = fd_read_all(said[0], &standing.regs, sizeof(standing.regs));
		if (n == sizeof(standing.regs)) {
			if (!*w->options.build_state)
				memory = fill_memory(&standing, err);
			else if (file_fill_atomic(w->options.build_state, fill, &standing, err) ==
				 0)
				code = WORKER_EXIT_OK;
			kill(pid, SIGKILL);
			(void)await(pid);
		} else {
			code = await(pid);
		}
	}
	fd_close(&said[0]);
	if (memory >= 0)
		keep(memory);
	return code;
}

int state_build(struct worker *w)
{
	struct err err = ERR_INIT;
	int code = build(w, &err);

	if (err.code)
		worker_say("state image '%s': %s", state_name(&w->options), err.msg);
	return code;
}

/* --- going on from one --- */

/* NULL-terminated, with its strings behind it. */
static const char *const *copy_strings(const char *const *v)
{
	size_t n = 0, len = 0;
	char **copy, *at;

	for (; v[n]; n++)
		len += strlen(v[n]) + 1;
	copy = state_room((n + 1) * sizeof(*copy) + len);
	if (!copy)
		return NULL;
	at = (char *)(copy + n + 1);
	for (size_t i = 0; i < n; i++) {
		copy[i] = at;
		at = stpcpy(at, v[i]) + 1;
	}
	return (const char *const *)copy;
}

/* Owns neither descriptor. `entry`: of a container, else NULL. */
static int become(int fd, int pagemap_fd, struct box_entry *entry, const struct handover *with,
	struct err *err)
{
	const struct image_process *base = image_origin();
	struct handover *h;
	struct state *s;

	if (!base)
		return err_say(err, ENOTSUP, "this process was not started from a base image");
	if (state_open(fd, pagemap_fd, base, &s, err) < 0)
		return -err->code;
	h = state_room(sizeof(*h));
	if (h) {
		*h = *with;
		h->argv = copy_strings(with->argv);
		h->env = copy_strings(with->env);
		h->vdso = clock_vdso();
	}
	if (!h || !h->argv || !h->env) {
		state_close(s);
		return err_oom(err);
	}
	/* As with execve(2): what comes now is the container's, and has no line to the runtime. */
	if (entry) {
		signals_delay();
		box_started(entry);
	}
	state_go(s, (uintptr_t)h);
}

int state_become_in(struct box_entry *entry, int fd, int pagemap_fd, struct err *err)
{
	const struct handover with = {
		.argv = entry->argv, .env = entry->envp, .limits = entry->limits};

	return become(fd, pagemap_fd, entry, &with, err);
}

static int open_trusted(const char *path, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set(err, errno, "open");
	if (!image_is_trusted(&st, geteuid()))
		return err_say(err, EPERM, "others than root and this user can write to it");
	return image_check_once(fd, &st, err) < 0 ? -err->code : take_fd(&fd);
}

int state_become(const struct worker_options *options, const char *const *argv,
	const char *const *env, struct err *err)
{
	_cleanup_close_ int pagemap = state_pagemap(-1, err);
	_cleanup_close_ int fd = -1;

	if (pagemap < 0)
		return pagemap;
	fd = open_trusted(options->state, err);
	return fd < 0 ? fd
		      : become(fd, pagemap, NULL, &(struct handover){.argv = argv, .env = env},
				err);
}

#else

static int unknown(struct err *err)
{
	return err_say(err, ENOTSUP, "images of this machine's processors are unknown");
}

int state_exec_base(const char *const *argv UNUSED, struct err *err)
{
	return unknown(err);
}

int state_build(struct worker *w UNUSED)
{
	return WORKER_EXIT_ERROR;
}

int state_rest(struct worker *w UNUSED, struct box_entry *entry UNUSED, struct err *err)
{
	return unknown(err);
}

int state_become_in(
	struct box_entry *entry UNUSED, int fd UNUSED, int pagemap_fd UNUSED, struct err *err)
{
	return unknown(err);
}

int state_become(const struct worker_options *options UNUSED, const char *const *argv UNUSED,
	const char *const *env UNUSED, struct err *err)
{
	return unknown(err);
}

#endif
