/* SPDX-License-Identifier: Apache-2.0 */
/* Settings of the runtime, in the forms in which containerd's callers pass them on. */
#ifndef SHIM_SETTINGS_H
#define SHIM_SETTINGS_H

#include "runtime/base/err.h"
#include "shim/proto/options.pb-c.h"

struct arena;

#define SETTINGS_FILE_MAX (64 << 10)

/*
 * From containerd.runc.v1.Options as they are; from runtimeoptions.v1.Options by the text
 * that they hold or name. Everything else, and NULL, is none: *ret is NULL then. Lives in
 * the arena.
 */
int settings_read(
	const struct Pb__Any *any, struct arena *a, Pb__RuncOptions **ret, struct err *err);

/*
 * The part of TOML that such a file needs: lines "Key = VALUE" with a string, a number or
 * true and false, comments, and tables, which are passed over. Keys are those of
 * containerd's table "options" of a runtime: BinaryName, Root, SystemdCgroup, NoPivotRoot,
 * NoNewKeyring, ShimCgroup, CriuImagePath, CriuWorkPath, IoUid, IoGid; others do not matter.
 */
int settings_parse(const char *text, struct arena *a, Pb__RuncOptions *ret, struct err *err);

#endif
