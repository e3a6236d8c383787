/* SPDX-License-Identifier: Apache-2.0 */
/*
 * linux.intelRdt: classes of service and monitoring groups of a mounted resctrl file
 * system.
 */
#ifndef RUNTIME_BOX_RDT_H
#define RUNTIME_BOX_RDT_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "runtime/base/err.h"

struct buf;
struct oci_intel_rdt;

/* Absolute paths; empty: there is none. */
struct rdt {
	char clos[PATH_MAX];	/* directory of the class of service */
	char monitor[PATH_MAX]; /* of the monitoring group, made by us */
	bool made;		/* so was the class */
};

/*
 * Makes, or finds and compares, the class that the configuration names (by default
 * after the container), and its monitoring group. -ENOTSUP where no resctrl is mounted.
 */
int rdt_create(
	const struct oci_intel_rdt *config, const char *id, struct rdt *ret, struct err *err);

/* Puts a process there, and with it what it forks. */
int rdt_attach(const struct rdt *rdt, pid_t pid, struct err *err);

/*
 * Gives the class that `create` made other schemata; `clos` NULL: it made none, which is
 * an error, as is a host without resctrl. What was there before is appended to `before`,
 * in the form that rdt_restore() takes.
 */
int rdt_update(
	const char *clos, const struct oci_intel_rdt *change, struct buf *before, struct err *err);
int rdt_restore(const char *clos, const struct buf *before, struct err *err);

/* Removes a directory that was made; nothing happens to one that is gone or not of resctrl. */
int rdt_remove(const char *dir, struct err *err);

/* What has to be written to `schemata`; empty: nothing. Pure. */
void rdt_schemata(const struct oci_intel_rdt *config, struct buf *ret);

/* Whether every value of `wanted` stands in `present`, both of the form of a schemata file. Pure. */
bool rdt_schemata_match(const char *wanted, const char *present);

#endif
