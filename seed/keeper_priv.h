/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The keeper: a daemon without V8 that owns a seed's sockets, is the parent of the
 * seed and of all clones, and writes down how they end. One poll loop, one thread.
 */
#ifndef SEED_KEEPER_PRIV_H
#define SEED_KEEPER_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/types.h>

#include "runtime/base/err.h"
#include "seed/control.h"

/* What a keeper says to whoever started it, once: code 0, or a positive errno and a sentence. */
struct seed_report {
	int32_t code;
	char text[ERR_MSG_MAX];
};

struct keeper_options {
	const char *name;
	const char *worker; /* absolute path */
	unsigned max_clones;
	unsigned parked; /* clones to keep waiting */
	bool background; /* report as soon as the keeper runs, go on trying when the seed fails */
	int report_fd;	 /* for a struct seed_report, -1: nobody listens; owned */
};

/* Says it on a descriptor for a struct seed_report, if there is one, and closes that. */
void keeper_report_to(int *fd, int code, const char *text);

/* Runs until it is told to stop. Returns 0, or a negative errno when the seed never got ready. */
int keeper_run(const struct keeper_options *options, struct err *err);

/* --- keeper_dir.c: the seed's directory --- */

struct keeper_dir {
	char path[4096];
	int fd;
	int lock_fd;
	int log_fd;
};

#define KEEPER_DIR_INIT                               \
	{                                             \
		.fd = -1, .lock_fd = -1, .log_fd = -1 \
	}

/* Makes the directory if need be, locks it and opens the log. -EEXIST: another keeper has it. */
int keeper_dir_open(struct keeper_dir *d, const char *name, struct err *err);
/* Lets clients find the executable: they say which build of it they expect. */
int keeper_dir_link_worker(struct keeper_dir *d, const char *worker, struct err *err);
/* Starts a new log file when the present one has grown to its limit. Called now and then. */
void keeper_dir_turn_log(struct keeper_dir *d);
/* Removes everything in it and the directory itself. */
void keeper_dir_remove(struct keeper_dir *d);

/* --- keeper_clones.c: clones alive, and deaths that nobody has claimed yet --- */

#define CLONE_BUCKETS 1024
#define UNCLAIMED_MAX 64

struct clone_record;

struct clone_death {
	pid_t pid;
	int status;
	struct rusage usage;
};

struct keeper_clones {
	struct clone_record *buckets[CLONE_BUCKETS];
	unsigned alive;
	uint64_t total;
	/* Ring, oldest overwritten: ends that came before the seed's message about the clone. */
	struct clone_death unclaimed[UNCLAIMED_MAX];
	size_t unclaimed_next;
};

/*
 * A clone that the seed announced. Takes over both descriptors; state_dir_fd may be
 * -1. Returns true when it has ended already (and its exit is written).
 */
bool keeper_clones_add(struct keeper_clones *c, pid_t pid, int pidfd, int state_dir_fd);
/* A child that was reaped. False when it is no clone that we know (yet). */
bool keeper_clones_ended(struct keeper_clones *c, const struct clone_death *death);
void keeper_clones_unclaimed(struct keeper_clones *c, const struct clone_death *death);
void keeper_clones_finish(struct keeper_clones *c);

/* --- keeper_seed.c: the seed process --- */

struct keeper;

struct keeper_seed {
	enum seed_state state;
	pid_t pid;	     /* 0: none */
	int conn;	     /* to seed_serve() */
	int output;	     /* its stdout and stderr */
	bool retiring;	     /* told to end; what happens then is not an accident */
	bool from_image;     /* it goes on from the base image */
	bool image_refused;  /* one did not get ready from it: no more tries */
	int64_t deadline_ms; /* STARTING: ready by then; retiring: gone by then; WAITING: next try */
	int64_t ready_ms;
	unsigned pause_ms;     /* before the next try */
	uint32_t gone_pending; /* ended clones that it has not heard of */
	struct seed_build_id build_id;
	char line[256]; /* of its output, not ended yet */
	size_t line_len;
	char last_line[256];
	/* for seed_info */
	uint32_t parked;
	uint32_t restarts;
	int64_t started_s;
	int64_t ended_s;
	char build[64];
	char last_end[128];
	char last_error[256];
};

#define KEEPER_SEED_INIT                                              \
	{                                                             \
		.state = SEED_STATE_WAITING, .conn = -1, .output = -1 \
	}

void keeper_seed_start(struct keeper *k);
/* Asks it to end: no more requests, all its messages are still heard. */
void keeper_seed_retire(struct keeper *k);
void keeper_seed_hear(struct keeper *k);
void keeper_seed_hear_output(struct keeper *k);
void keeper_seed_ended(struct keeper *k, int status);
void keeper_seed_tell_gone(struct keeper *k);
/* What is due by the clock. */
void keeper_seed_tick(struct keeper *k, int64_t now_ms);

/* --- keeper_image.c: the base image --- */

/* When a seed is ready: starts making one that the seed could not use. */
void keeper_image_renew(struct keeper *k);
/* The process that made it, of image_pid, has ended. */
void keeper_image_ended(struct keeper *k, int status);

/* --- keeper_control.c: those who ask us, and those who ask for clones while there is no seed --- */

#define CONTROL_CLIENTS_MAX 16

struct control_client {
	int fd;
	bool stopping; /* answered; hears of the keeper's end by end of file */
	int64_t deadline_ms;
};

void keeper_control_accept(struct keeper *k);
void keeper_control_serve(struct keeper *k, size_t i);
void keeper_control_tick(struct keeper *k, int64_t now_ms);
void keeper_control_refuse_clones(struct keeper *k);

/* --- keeper.c --- */

struct keeper {
	const struct keeper_options *options;
	struct keeper_dir dir;
	int clone_fd;	/* listening; shared with the seed */
	int control_fd; /* listening */
	int signal_fd;
	int report_fd;	      /* -1 once the report is made */
	struct rlimit nofile; /* as we got it and the seed gets it */
	struct keeper_clones clones;
	struct keeper_seed seed;
	pid_t image_pid; /* makes the base image; 0: none */
	bool image_tried;
	struct control_client clients[CONTROL_CLIENTS_MAX];
	size_t n_clients;
	int64_t started_s;
	bool stopping;
	struct err failure; /* code != 0: why we end */
};

void keeper_stop(struct keeper *k);

#endif
