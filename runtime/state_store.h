/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State images (seed/state.h) on this host: one directory a tenant, which root alone
 * can enter, and in it a file for each worker, never changed, only replaced and unlinked.
 *
 * A worker is known by its command line and by the files that this names, as they are now
 * (inode, size and times), and belongs to one base image. Whoever changes any of that
 * finds no image; nobody finds that of another tenant.
 */
#ifndef RUNTIME_STATE_STORE_H
#define RUNTIME_STATE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"

struct oci_config;

/* All images of a host together, in bytes: the one that was used last stays longest. */
#define STATE_STORE_MAX (4ull << 30)

/*
 * Of CRI: whose container it is. Without it, or when the caller names one, the tenant is one of
 * the caller's user id: who runs bundles that others wrote has to name it, for they can write
 * annotations.
 */
#define STATE_STORE_ANNOTATION "io.kubernetes.cri.sandbox-namespace"

/* "TENANT/WORKER" */
#define STATE_STORE_NAME_MAX 272
struct state_name {
	char text[STATE_STORE_NAME_MAX];
};

/* `tenant`: as the caller names it, or NULL. -EINVAL for one that can be no name of a directory. */
int state_store_name(const struct oci_config *config, const char *rootfs, const char *tenant,
	struct state_name *ret, struct err *err);

/* A descriptor for reading, -ENOENT when there is none, or why it is of no use. */
int state_store_open(const struct state_name *name, struct err *err);

/* Whether there is one, of use or not. */
bool state_store_has(const struct state_name *name);

/*
 * For who makes one unasked: a descriptor that keeps others off while it is open. -EEXIST where
 * there is one, -EBUSY while somebody else is at it, -EAGAIN for a day after it has failed.
 */
int state_store_claim(const struct state_name *name, struct err *err);
/* Ends it; `made`: whether there is one now. Accepts -1. */
void state_store_release(const struct state_name *name, int *claim, bool made);

/* Writes the worker at rest, whose registers are at that address of its memory. */
int state_store_save(const struct state_name *name, pid_t pid, uint64_t regs, struct err *err);

struct state_entry {
	char *name;		/* owned */
	uint64_t bytes, used_s; /* since 1970 */
};

/* All of them, those used longest ago first; owned by the caller. */
int state_store_list(struct state_entry **ret, size_t *ret_n, struct err *err);
void state_store_list_free(struct state_entry *list, size_t n);

/* -ENOENT when there is none of that name. */
int state_store_remove(const char *name, struct err *err);

#endif
