/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a container has from outside: mounts of the host's files, namespaces that it
 * joined, descriptors. criu is told of each when it saves, and given each when it
 * restores.
 */
#ifndef RUNTIME_CRIU_OUTSIDE_H
#define RUNTIME_CRIU_OUTSIDE_H

#include "runtime/base/err.h"

/* What criu calls namespaces that a container joined; runc's images have the same. */
#define CRIU_NAME_NET_NS "extRootNetNS"
#define CRIU_NAME_PID_NS "extRootPidNS"

struct criu_call;
struct criu_image;
struct oci_config;
struct record;

/* -ENOTSUP for a container that can be neither saved nor restored, with the reason. */
int criu_check(const struct oci_config *config, struct err *err);

/* Finds it in the running container; what restoring needs to know goes to *ret. */
int criu_find_outside(const struct record *r, const struct oci_config *config,
	struct criu_call *call, struct criu_image *ret, struct err *err);

/*
 * Gives it to a container that is about to be restored. `bundle` is the directory that
 * relative sources start at; `r` has the cgroups that were made for it.
 */
int criu_give_outside(const struct record *r, const struct oci_config *config, const char *bundle,
	const struct criu_image *image, struct criu_call *call, struct err *err);

#endif
