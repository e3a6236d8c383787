/* SPDX-License-Identifier: Apache-2.0 */
/* Things by their names: a hash table of entries that are embedded in them. */
#ifndef RUNTIME_BASE_TABLE_H
#define RUNTIME_BASE_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct table_entry {
	const char *name; /* the owner's */
	uint64_t hash;
	struct table_entry *next;
};

struct table {
	struct table_entry **buckets;
	size_t n, cap;
};

/* FNV-1a; begins with TABLE_HASH. */
#define TABLE_HASH UINT64_C(0xcbf29ce484222325)
uint64_t table_hash(uint64_t hash, const char *data, size_t len);

/* So many can be in it without further memory. -ENOMEM. */
int table_reserve(struct table *t, size_t n);
/* -ENOMEM; the table is as before then. */
int table_add(struct table *t, struct table_entry *e, const char *name);
struct table_entry *table_find(const struct table *t, const char *name, size_t len);
void table_remove(struct table *t, struct table_entry *e);
/* The entries are their owners'. */
void table_finish(struct table *t);

#endif
