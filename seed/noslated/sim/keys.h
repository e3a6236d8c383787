/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings as NAME:KEY=VALUE,KEY=VALUE: of a policy, of a synthetic workload. A table says which keys
 * there are and where in a struct their values go.
 */
#ifndef SEED_NOSLATED_SIM_KEYS_H
#define SEED_NOSLATED_SIM_KEYS_H

#include <stddef.h>
#include <stdint.h>

struct err;

enum key_kind {
	KEY_COUNT,    /* unsigned */
	KEY_NUMBER,   /* double */
	KEY_DURATION, /* uint64_t, nanoseconds; "0" is one, too */
	KEY_BYTES,    /* uint64_t, with K, M or G behind */
	KEY_BOOL,     /* bool; yes or no */
	KEY_WORD,     /* an enum, int: the index of the word */
};

struct key {
	const char *name;
	enum key_kind kind;
	size_t offset;
	double min, max;	  /* of counts and numbers */
	const char *const *words; /* NULL-terminated */
};

#define KEYS_DURATION_MAX_MS (UINT64_C(366) * 86400 * 1000)

/* The length of NAME in "NAME:...", or of all. */
size_t keys_name_len(const char *spec);
/* What is behind NAME, into `target`. `what` begins an error: "--policy turf: no key 'idel'". */
int keys_parse(const char *spec, const struct key *keys, size_t n, void *target, const char *what,
	struct err *err);

/* One value: "--memory". */
int keys_bytes(const char *text, const char *what, uint64_t *ret, struct err *err);
int keys_count(
	const char *text, const char *what, double min, double max, unsigned *ret, struct err *err);
int keys_number(
	const char *text, const char *what, double min, double max, double *ret, struct err *err);

#endif
