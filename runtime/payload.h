/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What runs in the container, and how its process is made: execve of
 * process.args, or a worker, which is a clone of a seed where that is possible
 * and else a process of our own that brings up the engine first.
 */
#ifndef RUNTIME_PAYLOAD_H
#define RUNTIME_PAYLOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/err.h"
#include "runtime/box/limits.h"
#include "runtime/record.h"
#include "runtime/state_store.h"

struct box_child;
struct box_plan;
struct oci_config;
struct oci_process;

#define PAYLOAD_ANNOTATION_SEED	    "turf.noslate.dev/seed"
#define PAYLOAD_ANNOTATION_WARMFORK "turf.noslate.dev/warmfork"
#define PAYLOAD_ANNOTATION_STATE    "turf.noslate.dev/state-image"
#define PAYLOAD_ANNOTATION_HEAP	    "turf.noslate.dev/heap-limit"
#define PAYLOAD_ANNOTATION_STACK    "turf.noslate.dev/stack-limit"
#define PAYLOAD_ANNOTATION_CPU	    "turf.noslate.dev/cpu-limit"
#define PAYLOAD_ANNOTATION_TASK	    "turf.noslate.dev/task-limit"
/* Of every container that containerd makes for Kubernetes. */
#define PAYLOAD_ANNOTATION_IN_POD "io.kubernetes.cri.container-type"

/* process.args[0] of a worker, where the root file system has no program of that name. */
#define PAYLOAD_WORKER_NAME "aworker"

/* Whether a worker goes on from its state image. */
enum payload_state {
	PAYLOAD_STATE_USE,  /* where there is one */
	PAYLOAD_STATE_AUTO, /* and where there is none, one is made for the next */
	PAYLOAD_STATE_NEVER,
};

enum payload_warmfork {
	PAYLOAD_AUTO,	 /* warm where possible */
	PAYLOAD_REQUIRE, /* warm or not at all */
	PAYLOAD_NEVER,
};

extern const char *const payload_warmfork_names[]; /* in the order of the enum, NULL at the end */

struct payload {
	bool is_worker;
	enum payload_warmfork warmfork;
	const char *seed; /* borrowed from the config */
	/* Why a clone is out of the question from the start; NULL when it is not. */
	const char *no_clone;
	bool may_start_seed;	  /* when none runs: for the next container */
	bool rests;		  /* to become one */
	struct box_limits limits; /* of annotations */
	enum payload_state use_state;
	struct state_name state; /* of the image that a worker would go on from; "": none */
};

/*
 * Reads the configuration and the root file system. `warmfork` and `tenant` are words of
 * the command line, NULL for none; they win over annotations. `knows_exit_file`: the
 * caller learns of the exit from the file and needs no descendant.
 */
int payload_choose(const struct oci_config *config, const char *rootfs, const char *warmfork,
	const char *tenant, bool knows_exit_file, struct payload *ret, struct err *err);

/* Its args[0] is a worker's name, and no program of that root. */
bool payload_means_worker(const struct oci_process *process, int root_fd);

/*
 * Makes the process that executes the plan, and says in *ret_kind how. A clone
 * leaves its exit file in the directory. Steps down are told at info level.
 */
int payload_spawn(const struct payload *p, const struct box_plan *plan, int state_dir_fd,
	struct box_child *ret, enum record_payload *ret_kind, struct err *err);

#endif
