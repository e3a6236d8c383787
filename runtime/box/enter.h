/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The child's half of a sandbox. Runs in a fresh child of turf, in a clone of a
 * seed and in a cold worker alike; never allocates from the heap, touches no
 * stdio and takes no lock.
 *
 * Order: box_enter() builds the sandbox and drops every privilege but what the
 * gate needs; the caller may then check its payload; box_ready() says so; between
 * it and box_wait_start(), which returns when `start` came, nobody waits for the caller;
 * then box_exec(), or box_started() by a worker.
 * A failure at any point goes to whoever waits for it by box_failed().
 */
#ifndef RUNTIME_BOX_ENTER_H
#define RUNTIME_BOX_ENTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/box/limits.h"

struct box_entry {
	const void *plan;	  /* borrowed; stays mapped until the payload runs */
	const char *const *argv;  /* process.args, NULL-terminated */
	const char *const *envp;  /* process.env */
	int conn;		  /* to the runtime, until READY; owned */
	int gate_fd;		  /* listening; owned */
	int start_conn;		  /* from `start`, until started; owned */
	const char *exe;	  /* what args[0] means; payload EXEC */
	bool is_init;		  /* PID 1 of its PID namespace */
	struct box_limits limits; /* of a worker */
	const void
		*hooks_state; /* for startContainer hooks; borrowed from a mapping of the entry */
	size_t hooks_state_len;
};

/* Descriptors that a worker keeps beyond its box, until it closes them. */
#define BOX_KEEP_MAX 2

/* What is special about the process that becomes the container's. */
struct box_birth {
	/*
	 * CLONE_NEW* of box_call.clone_flags that it was not born with; CLONE_NEWPID and
	 * CLONE_NEWUSER cannot be among them.
	 */
	uint64_t missing;
	/*
	 * It sees no file of the host: an empty directory is the root of its mount namespace,
	 * and box_remember_namespaces() was called before that. Not for a plan with
	 * box_call.sees_host.
	 */
	bool bare;
	int keep[BOX_KEEP_MAX]; /* left alone; -1: none */
};

#define BOX_BIRTH_INIT             \
	{                          \
		.keep = { -1, -1 } \
	}

/*
 * Takes over `fds` and conn. On failure the process is in an undefined state between outside
 * and inside: report by box_failed() and end it.
 */
int box_enter(const void *plan, size_t plan_len, const int *fds, size_t n_fds, int conn,
	const struct box_birth *birth, struct box_entry *ret, struct err *err);

/* For the clones of this process: which namespaces it is in, while /proc can be seen. */
void box_remember_namespaces(void);

/* Says READY: the container exists. */
int box_ready(struct box_entry *entry, struct err *err);

/*
 * Waits until the runtime lets go and then at the gate, runs startContainer hooks, loads seccomp. After
 * this the process has exactly the rights and descriptors of the container, plus
 * start_conn.
 */
int box_wait_start(struct box_entry *entry, struct err *err);

/* Tells `start` that it succeeded. For workers; execve does it by itself. */
void box_started(struct box_entry *entry);

/* Tells it that the process is at rest, to go on with these registers (image.h) or to be killed. */
void box_rested(struct box_entry *entry, const void *regs);

/* Tells whoever waits (the runtime before READY, `start` after it) why there is no container. */
void box_failed(struct box_entry *entry, const struct err *err);

/* execve of entry->argv, found by PATH of entry->envp; returns only on failure. */
int box_exec(struct box_entry *entry, struct err *err);

#endif
