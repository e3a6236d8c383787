/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that `turf exec` asks for: that of a file, or the container's own with
 * what the command line says in its place. Pure but for reading the file.
 */
#ifndef RUNTIME_EXEC_PROCESS_H
#define RUNTIME_EXEC_PROCESS_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"

struct oci_config;
struct oci_process;
struct option_strings;

/* Nothing is owned; NULL and an empty list are what was not given. */
struct exec_wishes {
	const char *file;     /* a "process" of its own; all but the first three are unused then */
	const char *apparmor; /* also with a file that names none */
	const char *process_label; /* likewise */
	const char *const *args;
	const char *cwd;
	const char *user; /* "UID[:GID]" */
	const struct option_strings *groups;
	const struct option_strings *env; /* "NAME=VALUE" */
	const struct option_strings *caps;
	bool tty;
	bool no_new_privs;
};

struct exec_process {
	const struct oci_process
		*process;	 /* borrowed from the two below and the container's config */
	struct oci_config *file; /* owned */
	struct arena arena;
};

#define EXEC_PROCESS_INIT              \
	{                              \
		NULL, NULL, ARENA_INIT \
	}

/* `own` is the container's process, NULL where it has none. -EINVAL names the option. */
int exec_process_make(const struct oci_process *own, const struct exec_wishes *wishes,
	struct exec_process *ret, struct err *err);

void exec_process_finish(struct exec_process *p);
#define _cleanup_exec_process_ _cleanup_(exec_process_finish)

/* "UID" or "UID:GID", decimal digits and nothing else, below 2^32 - 1. *ret_gid is kept without GID. */
int exec_parse_user(const char *text, uint32_t *ret_uid, uint32_t *ret_gid, struct err *err);

#endif
