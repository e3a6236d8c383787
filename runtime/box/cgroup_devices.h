/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device rules: an ordered list in which the last rule that matches an access
 * decides. v2 runs that as a BPF program as it stands; v1 knows only a default
 * with exceptions, into which the list is folded.
 */
#ifndef RUNTIME_BOX_CGROUP_DEVICES_H
#define RUNTIME_BOX_CGROUP_DEVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "runtime/base/err.h"

struct bpf_insn;

/* As in the kernel's BPF_DEVCG_ACC_*. */
#define DEVICE_MKNOD 1u
#define DEVICE_READ  2u
#define DEVICE_WRITE 4u
#define DEVICE_ALL   7u

#define DEVICE_ANY (-1)

struct device_rule {
	bool allow;
	char type;	      /* 'a' (both), 'b', 'c' */
	int64_t major, minor; /* or DEVICE_ANY */
	unsigned access;      /* DEVICE_* */
};

/* What every container may use, whatever its rules say; stands behind them. */
extern const struct device_rule device_rules_default[];
extern const size_t device_rules_default_n;

/* The rules, and the default ones behind them. *ret is malloc'd. */
int device_rules_with_default(const struct device_rule *rules, size_t n, struct device_rule **ret,
	size_t *ret_n, struct err *err);

/* Exceptions to a default, no two with the same key. Type is 'b' or 'c'. */
struct device_table {
	bool allow;		  /* the default */
	struct device_rule *list; /* owned; `allow` of an entry is the opposite */
	size_t n;
	size_t cap;
};

void device_table_finish(struct device_table *t);
#define _cleanup_device_table_ _cleanup_(device_table_finish)

/* Starts from "deny everything". -EINVAL for what v1 cannot express. */
int device_table_build(
	const struct device_rule *rules, size_t n, struct device_table *ret, struct err *err);

/* From the text of the kernel's devices.list. */
int device_table_parse(const char *list, struct device_table *ret, struct err *err);

/*
 * Calls `put` for each line to write, in order, that leads from one table to the
 * other, and stops when it fails; never when they are equal. `file` is
 * "devices.allow" or "devices.deny".
 */
typedef int (*device_put_fn)(
	const char *file, const char *line, const struct device_rule *rule, void *arg);
int device_table_change(const struct device_table *from, const struct device_table *to,
	device_put_fn put, void *arg);

/* True when an exception of the same key and at least this access is in the table. */
bool device_table_covers(const struct device_table *t, const struct device_rule *rule);

/* "rwm" in any order -> DEVICE_*; 0 for anything else. */
unsigned device_access_parse(const char *s);

/* The v2 program that decides as the list does. *ret is malloc'd. */
int device_program_build(const struct device_rule *rules, size_t n, struct bpf_insn **ret,
	size_t *ret_n, struct err *err);

/*
 * Loads the program, attaches it to the cgroup v2 directory, then detaches the
 * device programs that were attached there before.
 */
int device_program_attach(int dirfd, const struct bpf_insn *insns, size_t n, struct err *err);

#endif
