/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What turf and a keeper say to each other, and a keeper and its seed. Fixed
 * structs on SOCK_SEQPACKET, checked for length, magic and version.
 */
#ifndef SEED_CONTROL_H
#define SEED_CONTROL_H

#include <stdint.h>

#include "seed/wire.h"

#define SEED_CONTROL_MAGIC   0x4c544354u /* "TCTL" */
#define SEED_CONTROL_VERSION 2

/* Files in the directory of a seed. */
#define SEED_SOCKET_CLONE   "clone"
#define SEED_LINK_WORKER    "worker" /* to the executable that the seed runs */
#define SEED_SOCKET_CONTROL "control"
#define SEED_FILE_LOCK	    "lock"
#define SEED_FILE_LOG	    "log"

/* Clones alive at one time under one keeper, unless --max-clones says otherwise. */
#define SEED_MAX_CLONES_DEFAULT 4096

/* Parked clones of a seed, unless --parked says otherwise, and at most. */
#define SEED_PARKED_DEFAULT 4
#define SEED_PARKED_MAX	    64

enum seed_control_op { SEED_CONTROL_INFO = 1, SEED_CONTROL_STOP = 2, SEED_CONTROL_FORCE_STOP = 3 };

struct seed_control_request {
	uint32_t magic;
	uint16_t version;
	uint16_t op;
};

enum seed_state {
	SEED_STATE_STARTING = 1, /* the process exists and has not said ready */
	SEED_STATE_READY = 2,
	SEED_STATE_WAITING = 3, /* it died; the next try comes after a pause */
};

const char *seed_state_name(enum seed_state state);

/* The answer to INFO, and to STOP with `code` set when it is refused. */
struct seed_info {
	uint32_t magic;
	uint16_t version;
	uint16_t state; /* enum seed_state */
	int32_t code;	/* positive errno, 0 for success */
	int32_t keeper_pid;
	int32_t seed_pid; /* 0 while there is none */
	uint32_t clones_alive;
	uint32_t clones_max;
	uint32_t parked; /* clones that wait for a request, ready */
	uint32_t parked_wanted;
	uint32_t restarts;     /* seeds that ended by themselves */
	uint32_t from_image;   /* 1: the seed goes on from the base image */
	uint64_t clones_total; /* since the keeper's start */
	int64_t started_s;     /* keeper's start, seconds of CLOCK_REALTIME */
	int64_t seed_started_s;
	int64_t seed_ended_s; /* of the last seed that ended by itself, 0: none did */
	char name[256];
	char build[64];	      /* version of the seed's executable */
	char worker[256];     /* its path */
	char last_end[128];   /* "signal 9 (Killed)": how the last seed ended */
	char last_error[256]; /* why the last start failed, empty after a success */
};

/* --- between a keeper and its seed, on the descriptor KEEPER of --seed-serve --- */

enum seed_keeper_op {
	SEED_KEEPER_CONFIG = 1, /* first message to a seed */
	SEED_KEEPER_GONE = 2,	/* `count` clones ended */
	SEED_KEEPER_READY = 3,	/* from the seed: it serves; text = version */
	SEED_KEEPER_CLONE = 4,	/* from the seed: pid; pidfd and state directory come along */
	SEED_KEEPER_STALE = 5,	/* from the seed: a client of another build asked */
	SEED_KEEPER_LOG = 6,	/* from the seed: a sentence for the log */
	SEED_KEEPER_PARKED = 7, /* from the seed: `parked` has changed */
};

struct seed_keeper_message {
	uint32_t magic;
	uint16_t version;
	uint16_t op;
	int32_t pid;
	uint32_t count;	     /* CONFIG: clones alive now; GONE: how many ended */
	uint32_t clones_max; /* CONFIG */
	uint32_t parked;     /* CONFIG: how many are wanted; from the seed: how many are ready */
	struct seed_build_id build_id; /* CONFIG */
	char text[256];
};

#endif
