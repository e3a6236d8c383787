/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file `turf.json` beside criu's images: what the container had from outside, which
 * criu cannot bring back by itself. Whoever can write there can make any process at all,
 * yet what it says is only ever looked up in the configuration of the container to
 * restore: it cannot name a path of the host.
 */
#ifndef RUNTIME_CRIU_IMAGE_H
#define RUNTIME_CRIU_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/arena.h"
#include "runtime/base/err.h"

struct json_doc;

#define CRIU_IMAGE_FILE	   "turf.json"
#define CRIU_IMAGE_VERSION 1

/* Descriptors 0 to 2 are looked after. */
#define CRIU_STDIO 3

enum criu_mount_kind {
	CRIU_MOUNT_BIND,   /* of `mounts` */
	CRIU_MOUNT_CGROUP, /* the container's cgroup in one hierarchy */
	CRIU_MOUNT_NULL,   /* /dev/null over a masked file */
	CRIU_MOUNT_DEVICE, /* a device of the host, where none can be made */
};

struct criu_mount {
	enum criu_mount_kind kind;
	const char *name; /* where it is in the container, and what criu calls it */
	/* BIND: `destination` in the configuration; CGROUP: the hierarchy, as the record has it */
	const char *of;
};

struct criu_image {
	struct criu_mount *mounts; /* in the arena */
	size_t n_mounts;
	/* What criu calls descriptors 0 to 2: "pipe:[12]", "file[1a:3]"; NULL: its own business */
	const char *stdio[CRIU_STDIO];
	bool null[CRIU_STDIO]; /* it was /dev/null */
	struct arena arena;
	struct json_doc *doc; /* owned; of one that was read */
};

void criu_image_finish(struct criu_image *image);
#define _cleanup_criu_image_ _cleanup_(criu_image_finish)

int criu_image_write(const char *dir, const struct criu_image *image, struct err *err);
/* Where there is none, nothing happens. */
void criu_image_remove(const char *dir);

/* A checkpoint that is in the directory already, while another is made there. */
struct criu_earlier {
	char *text; /* of its file, owned; NULL: there is none */
	size_t len;
	uint64_t images; /* changes with any of criu's; 0: it has none */
};

#define CRIU_EARLIER_INIT  \
	{                  \
		NULL, 0, 0 \
	}

int criu_earlier_note(const char *dir, struct criu_earlier *ret, struct err *err);
/* When the other came to nothing: the file as it was, if criu has not touched its images. */
void criu_earlier_put_back(const char *dir, const struct criu_earlier *e);
void criu_earlier_finish(struct criu_earlier *e);
#define _cleanup_criu_earlier_ _cleanup_(criu_earlier_finish)

int criu_image_read(const char *dir, struct criu_image *ret, struct err *err);

#endif
