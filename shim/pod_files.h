/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /etc/hosts, /etc/hostname, /etc/resolv.conf and /dev/shm that the containers of a pod share.
 * CRI puts them into containers when it finds them in its directories, which are beside the
 * sandbox's bundle and beside what the bundle's link "work" names.
 */
#ifndef SHIM_POD_FILES_H
#define SHIM_POD_FILES_H

#include "runtime/base/err.h"

struct Pb__PodSandboxConfig;

/* For the sandbox `id` with the bundle in the working directory. What was made is undone when it fails. */
int pod_files_make(const struct Pb__PodSandboxConfig *config, const char *id, struct err *err);

/* Removes them, of a bundle that may be somebody else's; what is not there is fine. */
void pod_files_remove(const char *bundle, const char *id);

#endif
