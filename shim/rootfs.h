/* SPDX-License-Identifier: Apache-2.0 */
/* A container's root file system: what containerd asks to be mounted in the bundle. */
#ifndef SHIM_ROOTFS_H
#define SHIM_ROOTFS_H

#include <stddef.h>

#include "runtime/base/err.h"

struct Pb__Mount;

/* Mounts them on DIR/rootfs, in order; what was mounted is undone when one fails. */
int rootfs_mount(const char *bundle, struct Pb__Mount *const *mounts, size_t n, struct err *err);

/* Takes away whatever is mounted on DIR/rootfs; nothing is fine. */
int rootfs_unmount(const char *bundle, struct err *err);

#endif
