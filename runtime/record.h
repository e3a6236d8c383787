/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.json in a container's state directory: what later verbs need to know of a
 * container, so that nothing depends on its bundle any more. It says what `create`
 * made; whether it still runs is asked of the kernel (container.h).
 */
#ifndef RUNTIME_RECORD_H
#define RUNTIME_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "oci-spec/state.h"
#include "runtime/base/arena.h"
#include "runtime/base/proc.h"

struct buf;
struct cgroup_path;
struct json_doc;
struct json_writer;
struct oci_hook;
struct oci_pair;
struct oci_resources;

#define RECORD_FILE "state.json"

enum record_payload {
	RECORD_EXEC, /* execve of process.args */
	RECORD_WARM, /* a worker, forked from a seed; its exit is told by the file `exit` */
	RECORD_COLD, /* a worker that is a descendant of the caller */
};

/* Strings and lists are borrowed: from what `create` read, or after record_read() from the record. */
struct record {
	const char *id;
	/* CREATING until `create` succeeded, then CREATED; never later ones. */
	enum oci_status reached;
	const char *bundle;  /* absolute */
	const char *rootfs;  /* absolute */
	const char *created; /* RFC 3339 */
	uid_t owner_uid;     /* who created it */
	struct proc_id init; /* pid 0: none yet */
	uint64_t user_ns;    /* its user namespace at its gate, as an inode of nsfs; 0: not known */
	enum record_payload payload;
	const char *seed; /* of a warm one, else NULL */
	const struct cgroup_path *cgroups;
	size_t n_cgroups;
	const struct oci_resources *resources; /* that hold now; NULL: none were given */
	const char *rdt_clos;		       /* directory of resctrl that `create` made; NULL */
	const char *rdt_monitor;	       /* the same of its monitoring group */
	const char *listener_path;	       /* linux.seccomp; NULL: the profile has none */
	const char *listener_metadata;	       /* or NULL */
	bool no_new_keyring; /* the caller's session keyring is the container's, too */
	const struct oci_hook *poststart;
	size_t n_poststart;
	const struct oci_hook *poststop;
	size_t n_poststop;
	const struct oci_pair *annotations;
	size_t n_annotations;

	struct json_doc *doc; /* owned, as is the arena; both empty in a record that was not read */
	struct arena arena;
};

void record_finish(struct record *r);
#define _cleanup_record_ _cleanup_(record_finish)

const char *record_payload_name(enum record_payload payload);

/* Writes the file, 0600, atomically. */
int record_write(int state_dir_fd, const struct record *r, struct err *err);

/* -ENOENT when there is none; -EINVAL, naming the member, for one that we did not write. */
int record_read(int state_dir_fd, struct record *ret, struct err *err);

/* What `turf state` and `turf list` print, into an object of its own. */
void record_write_state(const struct record *r, enum oci_status status, struct json_writer *w);

/* The state as hooks get it on stdin. */
int record_hook_state(const struct record *r, enum oci_status status, pid_t pid, struct buf *out,
	struct err *err);

#endif
