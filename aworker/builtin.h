/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the build puts into the executable: the platform's scripts, in the order of
 * aworker/js/list.txt, and the startup snapshot that mksnapshot made of them. The
 * program starts from the snapshot and falls back on the scripts when it does not
 * fit (another libnode than at build time).
 */
#ifndef AWORKER_BUILTIN_H
#define AWORKER_BUILTIN_H

#include <stddef.h>

#include "aworker/v8/engine.h"

extern const struct engine_source builtin_sources[];
extern const size_t builtin_n_sources;

extern const unsigned char builtin_snapshot[];
extern const size_t builtin_snapshot_len;

#endif
