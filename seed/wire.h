/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clone request: one SOCK_SEQPACKET message plus file descriptors by
 * SCM_RIGHTS. Everything in it is checked before anything is done with it; what
 * does not fit is answered by one sentence and every descriptor that came along
 * is closed. Both ends are programs of one build on one machine, so the structs
 * travel as they lie in memory; version and build id tell other builds apart.
 */
#ifndef SEED_WIRE_H
#define SEED_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"

#define SEED_WIRE_MAGIC	  0x46525554u /* "TURF" */
#define SEED_WIRE_VERSION 3

/* All descriptors of one request; the kernel's own limit (SCM_MAX_FD) is 253. */
#define SEED_FDS_MAX 250

/* The longest plan that a clone accepts. */
#define SEED_PLAN_MAX (8u << 20)

enum seed_op {
	SEED_OP_CLONE = 1, /* answered by PID (after which the clone itself speaks) or ERROR */
};

/* Which optional descriptors are there. The order of all of them is fixed: see below. */
enum seed_wire_has {
	SEED_HAS_STATE_DIR = 1 << 0, /* O_PATH directory in which the keeper leaves `exit` */
	SEED_HAS_PIDNS = 1 << 1,     /* PID namespace to join before the clone is made */
	SEED_HAS_CGROUP = 1 << 2,    /* v2 cgroup directory for CLONE_INTO_CGROUP */
	SEED_HAS_IMAGE = 1 << 3,     /* state image to go on from, opened for reading */
	SEED_HAS_ALL = SEED_HAS_STATE_DIR | SEED_HAS_PIDNS | SEED_HAS_CGROUP | SEED_HAS_IMAGE,
};

enum seed_wire_flags {
	SEED_SEES_HOST = 1 << 0, /* the clone has to see the files of the host */
	SEED_FLAGS_ALL = SEED_SEES_HOST,
};

/* Who made the binaries at the two ends: a hash of the version, and the worker's executable. */
struct seed_build_id {
	uint64_t version;
	uint64_t dev;
	uint64_t ino;
	uint64_t mtime_ns;
};

/*
 * Descriptors follow in this order: plan, [state dir], [pidns], [cgroup], [image], the
 * plan's own.
 */
struct seed_wire_request {
	uint32_t magic;
	uint16_t version;
	uint16_t op;
	struct seed_build_id build_id;
	uint64_t clone_flags; /* CLONE_NEW* only */
	uint32_t has;	      /* enum seed_wire_has */
	uint32_t n_plan_fds;
	uint32_t plan_len; /* size of the plan memfd */
	uint32_t flags;	   /* enum seed_wire_flags */
};

enum seed_reply_type { SEED_REPLY_PID = 1, SEED_REPLY_ERROR = 2 };

#define SEED_REPLY_TEXT_MAX 480

/* PID comes with the pidfd. The pid is as seen from the seed, which lives in the host's namespace. */
struct seed_wire_reply {
	uint32_t magic;
	uint16_t version;
	uint16_t type;
	int32_t pid;
	int32_t code; /* positive errno of an ERROR */
	char text[SEED_REPLY_TEXT_MAX];
};

/* A request as it was received: all descriptors are owned, -1 where absent. */
struct seed_message {
	struct seed_wire_request head;
	int plan_fd;
	int state_dir_fd;
	int pidns_fd;
	int cgroup_fd;
	int image_fd;
	int fds[SEED_FDS_MAX]; /* the plan's own */
	size_t n_fds;
};

void seed_message_init(struct seed_message *m);
void seed_message_finish(struct seed_message *m);

/*
 * Receives one message and checks it: size, magic, version, op, flags, count of
 * descriptors, a plan sealed against change and of the announced length, types of
 * the other descriptors. Waits at most timeout_ms (-1: for ever). Returns 1 with
 * a message, 0 at end of file; -EAGAIN on a timeout. The build id is not compared.
 */
int seed_message_receive(int conn, int timeout_ms, struct seed_message *ret, struct err *err);

/* The checks of seed_message_receive() on bytes and descriptors in hand; takes over `fds` always. */
int seed_message_parse(const void *data, size_t len, int *fds, size_t n_fds,
	struct seed_message *ret, struct err *err);

/* Sends `head` with descriptors; one sendmsg, never SIGPIPE. 0 or a negative errno. */
int seed_wire_send(int conn, const void *data, size_t len, const int *fds, size_t n_fds);

/*
 * Receives one message of at most `max` bytes with at most `max_fds` descriptors
 * (-EMSGSIZE when more came; they are closed). Returns the length; 0 at end of
 * file. Descriptors are O_CLOEXEC. Never blocks with flags = MSG_DONTWAIT.
 */
ssize_t seed_wire_recv(int conn, void *data, size_t max, int *ret_fds, size_t max_fds,
	size_t *ret_n_fds, int flags);

int seed_reply_pid(int conn, pid_t pid, int pidfd);
/* `code` is a positive errno. Errors of sending are ignored: the client is gone. */
void seed_reply_error(int conn, int code, const char *text);

/* The version half; the file's half is zero until seed_build_id_of() adds it. */
void seed_build_id_version(struct seed_build_id *ret);
struct stat;
void seed_build_id_of_stat(const struct stat *st, struct seed_build_id *ret);
/* The id that a seed running the executable at `worker` has. */
int seed_build_id_of(const char *worker, struct seed_build_id *ret, struct err *err);

#endif
