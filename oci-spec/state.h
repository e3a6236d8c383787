/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of a container as runtime-spec's runtime.md defines it: what hooks get
 * on stdin and `turf state` prints.
 */
#ifndef OCI_SPEC_STATE_H
#define OCI_SPEC_STATE_H

#include <stddef.h>
#include <sys/types.h>

struct buf;
struct json_writer;
struct oci_pair;

enum oci_status {
	OCI_STATUS_CREATING,
	OCI_STATUS_CREATED,
	OCI_STATUS_RUNNING,
	OCI_STATUS_STOPPED,
	OCI_STATUS_PAUSED, /* not of the specification; runc and containerd know it */
};

/* Nothing is owned. */
struct oci_state {
	const char *oci_version; /* NULL: OCI_VERSION of config.h */
	const char *id;
	enum oci_status status;
	pid_t pid;	    /* as the runtime sees it; 0 for none: the member is left out */
	const char *bundle; /* absolute */
	const struct oci_pair *annotations;
	size_t n_annotations;
};

/* "created"; never NULL. */
const char *oci_status_name(enum oci_status status);
/* -EINVAL for a word that is no status. */
int oci_status_parse(const char *name, enum oci_status *ret);

/* The whole object, compact; ask buf_failed(). */
void oci_state_write(const struct oci_state *state, struct buf *out);
/* The members alone, into an object that is open, so that the caller can add its own. */
void oci_state_write_members(const struct oci_state *state, struct json_writer *w);

#endif
