/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program criu, which takes process trees apart and puts them together again. It
 * is executed, not linked: what it needs (a mount namespace, the container's cgroup) is
 * set up in the child, so that nothing has to be taken back if it or we are killed.
 */
#ifndef RUNTIME_CRIU_H
#define RUNTIME_CRIU_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"

struct cgroup;
struct option_table;

/* What checkpoint and restore both take. Borrowed from argv. */
struct criu_given {
	const char *image_path;
	const char *work_path; /* NULL: the image path */
	const char *cgroups_mode;
	const char *empty_ns;
	bool tcp_established;
	bool ext_unix_sk;
	bool shell_job;
	bool file_locks;
	bool auto_dedup;
	bool lazy_pages;
};

extern struct criu_given criu_given;
/* The options that store it: alone, and before those of create. */
extern const struct option_table criu_checkpoint_options;
extern const struct option_table criu_restore_options;

/* Without an option of that name. */
#define CRIU_IMAGE_DEFAULT "checkpoint"

/* Descriptors that criu may inherit from us. */
#define CRIU_FDS_MAX 32

struct criu_call {
	struct arena arena;
	const char **argv; /* in the arena; NULL-terminated */
	size_t n, room;
	bool failed;	       /* no memory */
	int fds[CRIU_FDS_MAX]; /* owned */
	size_t n_fds;
	const char *log; /* file name in the work directory */
	char *work;	 /* absolute; owned */
	/*
	 * Made a mount point, in a mount namespace of criu's own; NULL: it stays in ours.
	 */
	const char *root;
	const struct cgroup *cgroup; /* criu is put there, and what it restores starts there */
	bool ends_with_us;	     /* it is killed when we are */
	/*
	 * NULL, or called when the namespaces exist and nothing is in them yet but the first
	 * process, by the pid that we see.
	 */
	int (*on_namespaces)(void *arg, pid_t init, struct err *err);
	void *on_namespaces_arg;
};

void criu_call_finish(struct criu_call *c);
#define _cleanup_criu_call_ _cleanup_(criu_call_finish)

/* False where there is no program of that name. */
bool criu_is_installed(void);

/*
 * -ENOENT, saying what to install, without the program; -EPERM for who is not root. `verb`
 * is ours.
 */
int criu_require(const char *verb, struct err *err);

/*
 * Begins a command line: the program, its verb, and what criu_given says. The last part
 * of the work directory's path is made.
 */
int criu_begin(struct criu_call *c, const char *verb, const char *log, struct err *err);

/* One more word. What fails is found by criu_run(). */
void criu_word(struct criu_call *c, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* The descriptor stays open in criu, under its number. Taken over. */
void criu_inherit(struct criu_call *c, int fd);

/* Waits for its end. A failure has the last error in its log, and where that is. */
int criu_run(struct criu_call *c, struct err *err);

#endif
