/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where things are: the project's own programs, run-time directories, and the
 * names that people may give to containers and seeds.
 */
#ifndef RUNTIME_BASE_PATHS_H
#define RUNTIME_BASE_PATHS_H

#include <stdbool.h>

#include "runtime/base/err.h"

#define PATHS_STATE_ROOT   "/run/turf"
#define PATHS_SEEDS_DIR	   "/run/turf-seeds"
#define PATHS_SECCOMP_DIR  "/run/turf-seccomp"
#define PATHS_SEED_DEFAULT "default"
#define PATHS_BASE_IMAGE   "/var/cache/turf/base"
#define PATHS_STATES_DIR   "/var/cache/turf/state"
#define PATHS_VERIFIED_DIR "/run/turf-images"

/* Longest container id and seed name; leaves room for a suffix in a file name. */
#define PATHS_ID_MAX 240

/*
 * The absolute path of one of our programs: beside the running executable first
 * (so that a build tree uses itself), in the other folder of an installed tree (so
 * that it may be moved), then TURF_LIBEXECDIR, then TURF_BINDIR.
 * *ret_path is malloc'd. -ENOENT, with the places that were looked at, when it
 * is nowhere.
 */
int paths_program(const char *name, char **ret_path, struct err *err);

/* The directory of all seeds: environment TURF_SEEDS_DIR, else PATHS_SEEDS_DIR. Not owned. */
const char *paths_seeds_dir(void);

/* The base image of workers: environment TURF_BASE_IMAGE, else PATHS_BASE_IMAGE. Not owned. */
const char *paths_base_image(void);

/* The state images of all tenants: environment TURF_STATES_DIR, else PATHS_STATES_DIR. Not owned. */
const char *paths_states_dir(void);

/*
 * Where compiled seccomp programs are kept: PATHS_SECCOMP_DIR, for others than root
 * below $XDG_RUNTIME_DIR. Not owned, good until the next call.
 */
const char *paths_seccomp_dir(void);

/*
 * Where it is noted that images are what was written: environment TURF_VERIFIED_DIR, else
 * PATHS_VERIFIED_DIR, for others than root below $XDG_RUNTIME_DIR; "" when there is no place.
 * Not owned, good until the next call.
 */
const char *paths_verified_dir(void);

/* True for 1..PATHS_ID_MAX characters of [A-Za-z0-9_+.-] that are not "." or "..". */
bool paths_id_is_valid(const char *id);

/* mkdir -p, the last one first; missing directories get `mode`. 0, or a negative errno. */
int paths_mkdir_all(const char *path, unsigned mode, struct err *err);

#endif
