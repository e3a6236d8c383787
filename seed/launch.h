/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a worker process is executed, by the keeper (a seed) and by the runtime (a
 * cold worker), and how a process that was not executed gets a name of its own.
 *
 * A worker is executed from a sealed memfd: /proc/PID/exe of a container must not
 * lead to a file of the host that could be written. There is no path then, so the
 * dynamic linker's $ORIGIN and /proc/self/exe lead nowhere; what the worker needs
 * to find its files is in its environment.
 */
#ifndef SEED_LAUNCH_H
#define SEED_LAUNCH_H

#include "runtime/base/err.h"
#include "seed/wire.h"

/* Environment of a worker process: the path of the file that its image was copied from. */
#define SEED_ENV_WORKER "TURF_WORKER"

/*
 * Directories of the private libnode, beside the executable in a build tree and in an installed
 * one; without either it is TURF_LIBDIR.
 */
#define SEED_LIB_SUBDIR	   "lib"
#define SEED_LIB_INSTALLED "../lib/turf"

struct seed_launch {
	int image_fd; /* sealed memfd with the executable; O_CLOEXEC; for execveat(AT_EMPTY_PATH) */
	int base_fd;  /* the base image that this is to go on from; O_CLOEXEC; -1: a new engine */
	char **argv;  /* the worker's path and `option` */
	char **envp;  /* LD_LIBRARY_PATH, SEED_ENV_WORKER, PATH, LANG; nothing of ours */
	struct seed_build_id build_id; /* of exactly the file whose program runs */
};

#define SEED_LAUNCH_INIT                      \
	{                                     \
		.image_fd = -1, .base_fd = -1 \
	}

/*
 * `worker`: path of the executable, NULL for paths_program("aworker"). `option`:
 * SEED_OPTION_SERVE or SEED_OPTION_COLD with its numbers.
 */
int seed_launch_prepare(
	const char *worker, const char *option, struct seed_launch *ret, struct err *err);

/*
 * The same from the base image (seed/image.h), by the loader, which has to find base_fd as
 * descriptor `number`. Fails when there is no image of use to this worker.
 */
int seed_launch_prepare_base(const char *worker, int number, const char *option,
	struct seed_launch *ret, struct err *err);

void seed_launch_finish(struct seed_launch *l);
#define _cleanup_seed_launch_ _cleanup_(seed_launch_finish)

/* A sealed memfd copy of an executable file; *ret_id is the build id of that very file. */
int seed_worker_image(const char *path, int *ret_fd, struct seed_build_id *ret_id, struct err *err);

/* Replaces the process by the image; returns a negative errno. Descriptors are the caller's affair. */
int seed_launch_exec(const struct seed_launch *l);

/*
 * Remembers what the kernel knows about the process's memory, for
 * seed_process_title(). First thing in main(), before anything is cloned.
 */
void seed_process_init(void);

/*
 * Gives the process a name: comm, /proc/PID/cmdline (arguments separated by NUL, of
 * any length) and /proc/PID/environ, as if it had been executed with `argv` and
 * `envp`, both NULL-terminated. getenv() is not affected. Allocates nothing from the
 * heap, so a fresh clone may call it. Where the kernel cannot move the command line
 * (no CONFIG_CHECKPOINT_RESTORE) it is cut to the length of the original one.
 */
int seed_process_title(
	const char *comm, const char *const *argv, const char *const *envp, struct err *err);

#endif
