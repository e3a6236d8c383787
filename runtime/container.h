/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A container's state directory ROOT/ID: record, start gate, exit file, and a lock.
 *
 * Who changes what the directory stands for (create, delete, kill --all) holds the
 * lock: an fcntl(2) lock of the file `lock`. It ends with its holder and, unlike an
 * flock(2), is not inherited by the children that the holder makes. Readers take none:
 * the record is replaced atomically, and processes are addressed by pid and start
 * time. `start` needs none either, because a gate opens once.
 */
#ifndef RUNTIME_CONTAINER_H
#define RUNTIME_CONTAINER_H

#include <stdbool.h>

#include "oci-spec/state.h"
#include "runtime/base/err.h"

struct record;

/* How long to wait for another verb on the same container before giving up. */
#define CONTAINER_LOCK_TIMEOUT_MS 10000

struct container {
	char *id;    /* owned */
	int root_fd; /* owned; ROOT */
	int dir_fd;  /* owned; ROOT/ID */
	int lock_fd; /* owned; -1 while it is not locked by us */
};

#define CONTAINER_INIT           \
	{                        \
		NULL, -1, -1, -1 \
	}

void container_close(struct container *c);
#define _cleanup_container_ _cleanup_(container_close)

/* -ENOENT: "container does not exist: ID"; -EINVAL for what can be no id. */
int container_open(const char *root, const char *id, struct container *ret, struct err *err);
/* The same to look at it alone, from a directory that is open; it cannot be locked or removed. */
int container_open_in(int root_fd, const char *id, struct container *ret, struct err *err);

/* Makes the directory, locked. -EEXIST: "container with id exists: ID". */
int container_make(const char *root, const char *id, struct container *ret, struct err *err);

/* -EBUSY when another verb holds it for too long, -ENOENT when that verb was `delete`. */
int container_lock(struct container *c, struct err *err);

/*
 * Keeps the others out that change the container, but not those who do the same: what
 * only adds to it (exec).
 */
int container_lock_shared(struct container *c, struct err *err);

void container_unlock(struct container *c);

/* Removes the directory and everything that verbs put there. Only under the lock. */
int container_remove(struct container *c, struct err *err);

/*
 * Reads the record. A directory without one is what a killed `create` left: the
 * record is then blank but for the id, and says CREATING.
 */
int container_record(const struct container *c, struct record *ret, struct err *err);

/* What the kernel, the gate and the lock say of the container now. */
enum oci_status container_status(const struct container *c, const struct record *r);

/*
 * Ids of all containers under `root`, sorted; NULL-terminated; strv_free(). A root
 * that does not exist holds none.
 */
int container_ids(const char *root, char ***ret, struct err *err);

#endif
