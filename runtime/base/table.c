/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint64_t table_hash(uint64_t hash, const char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)data[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static int grow(struct table *t)
{
	const size_t cap = t->cap ? 2 * t->cap : 64;
	struct table_entry **buckets = calloc(cap, sizeof(struct table_entry *)), *e;

	if (!buckets)
		return -ENOMEM;
	for (size_t i = 0; i < t->cap; i++) {
		while ((e = t->buckets[i])) {
			t->buckets[i] = e->next;
			e->next = buckets[e->hash & (cap - 1)];
			buckets[e->hash & (cap - 1)] = e;
		}
	}
	free(t->buckets);
	t->buckets = buckets;
	t->cap = cap;
	return 0;
}

int table_reserve(struct table *t, size_t n)
{
	while (t->cap < n)
		if (grow(t) < 0)
			return -ENOMEM;
	return 0;
}

int table_add(struct table *t, struct table_entry *e, const char *name)
{
	struct table_entry **at;

	if (t->n >= t->cap && grow(t) < 0)
		return -ENOMEM;
	e->name = name;
	e->hash = table_hash(TABLE_HASH, name, strlen(name));
	at = &t->buckets[e->hash & (t->cap - 1)];
	e->next = *at;
	*at = e;
	t->n++;
	return 0;
}

struct table_entry *table_find(const struct table *t, const char *name, size_t len)
{
	const uint64_t hash = table_hash(TABLE_HASH, name, len);
	struct table_entry *e = t->cap > 0 ? t->buckets[hash & (t->cap - 1)] : NULL;

	while (e && (e->hash != hash || strlen(e->name) != len || memcmp(e->name, name, len) != 0))
		e = e->next;
	return e;
}

void table_remove(struct table *t, struct table_entry *e)
{
	struct table_entry **at = &t->buckets[e->hash & (t->cap - 1)];

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	t->n--;
}

void table_finish(struct table *t)
{
	free(t->buckets);
	*t = (struct table){0};
}
