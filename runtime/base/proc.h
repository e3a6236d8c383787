/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes, told apart by pid and start time: a pid alone may already belong
 * to somebody else. Whoever signals or waits does it through a pidfd.
 */
#ifndef RUNTIME_BASE_PROC_H
#define RUNTIME_BASE_PROC_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"

struct proc_id {
	pid_t pid;
	uint64_t start_time; /* field 22 of /proc/PID/stat, clock ticks since boot */
};

struct proc_stat {
	char state; /* 'R', 'S', 'Z', ... */
	pid_t ppid;
	uint64_t start_time;
};

/* Reads /proc/PID/stat. -ESRCH when there is no such process. */
int proc_stat_read(pid_t pid, struct proc_stat *ret, struct err *err);

/* True while this very process exists and is no zombie ('Z', 'X'). */
bool proc_is_alive(const struct proc_id *id);

/* A pidfd for exactly this process; -ESRCH when it is gone or the pid was reused. */
int proc_open(const struct proc_id *id, struct err *err);

/* The pid a pidfd stands for, as seen in our own PID namespace; negative errno when it is gone. */
pid_t proc_pidfd_pid(int pidfd);

int proc_pidfd_open(pid_t pid);
int proc_pidfd_signal(int pidfd, int sig);

/* Waits until the process exits; timeout_ms < 0 waits for ever. -ETIMEDOUT when it still lives. */
int proc_pidfd_wait(int pidfd, int timeout_ms);

/* Sets of a process as its status file has them: bit n is capability n, or signal n + 1. */
struct proc_sets {
	uint64_t bounding;
	uint64_t ignored;
};

int proc_self_sets(struct proc_sets *ret, struct err *err);

/* The process's own idea of its pid: that of the PID namespace which it is in. */
int proc_inner_pid(pid_t pid, pid_t *ret, struct err *err);

/*
 * For a child before it becomes somebody else's program: the signals in `which` at
 * their default (bit n is signal n + 1), none blocked. Also 32 and 33, which glibc
 * keeps from sigaction() but leaves ignored in what its posix_spawn() starts (make,
 * for one). Takes no lock.
 */
#define PROC_ALL_SIGNALS UINT64_MAX
void proc_reset_signals(uint64_t which);

/*
 * Parses "9", "KILL", "SIGKILL", "sigkill", "RTMIN+3", "RTMAX-2". -EINVAL for
 * everything else. 0 is accepted: kill(2) uses it to probe.
 */
int proc_parse_signal(const char *s, int *ret_sig);

#endif
