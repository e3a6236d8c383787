/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One hash table with two kinds of keys: host and path, and these with a header. An entry of the first kind
 * knows the names of headers that entries of the second kind ask for.
 */
#include "seed/noslated/data/router.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/arena.h"
#include "runtime/base/table.h"
#include "seed/noslated/data/head.h"
#include "seed/noslated/profile/profile.h"

struct target {
	void *data;
	int64_t weight, current;
	struct target *next;
};

struct wanted {
	const char *name; /* of a header, small letters */
	size_t len;
	struct wanted *next;
};

struct key {
	struct head_text host, path, name, value;
};

struct place {
	struct key key;
	uint64_t hash;
	struct place *next;
	struct target *targets;
	struct wanted *wanted;
};

struct router {
	struct arena arena;
	struct place **buckets;
	size_t n, cap;
	unsigned depth; /* of the deepest path */
	bool any_host, hosts;
};

struct router *router_create(void)
{
	return calloc(1, sizeof(struct router));
}

void router_destroy(struct router *r)
{
	if (!r)
		return;
	arena_finish(&r->arena);
	free(r->buckets);
	free(r);
}

/* --- places --- */

static uint64_t hash_of(const struct key *k)
{
	uint64_t h = table_hash(TABLE_HASH, k->host.at, k->host.len);

	h = table_hash(h, " ", 1);
	h = table_hash(h, k->path.at, k->path.len);
	if (k->name.len == 0)
		return h;
	h = table_hash(h, " ", 1);
	h = table_hash(h, k->name.at, k->name.len);
	h = table_hash(h, ":", 1);
	return table_hash(h, k->value.at, k->value.len);
}

static bool same(struct head_text a, struct head_text b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

static struct place *find_place(const struct router *r, const struct key *k)
{
	const uint64_t hash = hash_of(k);
	struct place *p = r->cap > 0 ? r->buckets[hash & (r->cap - 1)] : NULL;

	while (p &&
		(p->hash != hash || !same(p->key.host, k->host) || !same(p->key.path, k->path) ||
			!same(p->key.name, k->name) || !same(p->key.value, k->value)))
		p = p->next;
	return p;
}

static bool grow(struct router *r)
{
	const size_t cap = r->cap ? 2 * r->cap : 64;
	struct place **buckets = calloc(cap, sizeof(struct place *)), *p;

	if (!buckets)
		return false;
	for (size_t i = 0; i < r->cap; i++) {
		while ((p = r->buckets[i])) {
			r->buckets[i] = p->next;
			p->next = buckets[p->hash & (cap - 1)];
			buckets[p->hash & (cap - 1)] = p;
		}
	}
	free(r->buckets);
	r->buckets = buckets;
	r->cap = cap;
	return true;
}

/* The texts of the key must live as long as the router. */
static struct place *get_place(struct router *r, const struct key *k)
{
	struct place *p = find_place(r, k);

	if (p || (r->n >= r->cap && !grow(r)))
		return p;
	p = arena_alloc(&r->arena, sizeof(*p));
	if (!p)
		return NULL;
	p->key = *k;
	p->hash = hash_of(k);
	p->next = r->buckets[p->hash & (r->cap - 1)];
	r->buckets[p->hash & (r->cap - 1)] = p;
	r->n++;
	return p;
}

/* --- adding --- */

static unsigned depth_of(struct head_text path)
{
	unsigned n = 0;

	for (size_t i = 0; i < path.len; i++)
		n += path.at[i] == '/';
	return n;
}

static struct head_text copy(struct router *r, const char *s, size_t len)
{
	return (struct head_text){arena_strndup(&r->arena, s, len), len};
}

static bool add_wanted(struct router *r, struct place *p, struct head_text name)
{
	struct wanted **at = &p->wanted;

	while (*at && ((*at)->len != name.len || memcmp((*at)->name, name.at, name.len) != 0))
		at = &(*at)->next;
	if (*at)
		return true;
	*at = arena_alloc(&r->arena, sizeof(**at));
	if (!*at)
		return false;
	**at = (struct wanted){name.at, name.len, NULL};
	return true;
}

static bool add_target(struct router *r, struct place *p, uint32_t weight, void *data)
{
	struct target **at = &p->targets;

	while (*at)
		at = &(*at)->next;
	*at = arena_alloc(&r->arena, sizeof(**at));
	if (!*at)
		return false;
	**at = (struct target){data, weight, 0, NULL};
	return true;
}

int router_add(struct router *r, const struct profile_route *route, void *target)
{
	const char *host = route->host ? route->host : "", *path = route->path ? route->path : "";
	const char *colon = route->header ? strstr(route->header, ": ") : NULL;
	size_t n = strlen(path);
	struct key k = {.host = copy(r, host, strlen(host))};
	struct place *p;

	while (n > 0 && path[n - 1] == '/')
		n--;
	k.path = copy(r, path, n);
	if (depth_of(k.path) > ROUTER_DEPTH_MAX)
		return -E2BIG;
	p = k.host.at && k.path.at ? get_place(r, &k) : NULL;
	if (!p)
		return -ENOMEM;
	if (colon) {
		k.name = copy(r, route->header, (size_t)(colon - route->header));
		k.value = copy(r, colon + 2, strlen(colon + 2));
		if (!k.name.at || !k.value.at || !add_wanted(r, p, k.name))
			return -ENOMEM;
		p = get_place(r, &k);
	}
	if (!p || !add_target(r, p, route->weight, target))
		return -ENOMEM;
	if (depth_of(k.path) > r->depth)
		r->depth = depth_of(k.path);
	r->any_host |= k.host.len == 0;
	r->hosts |= k.host.len > 0;
	return 0;
}

/* --- finding --- */

/* Smooth weighted round robin: whoever is behind most is next. */
static void *pick(struct place *p)
{
	struct target *best = NULL;
	int64_t sum = 0;

	if (!p->targets || !p->targets->next)
		return p->targets ? p->targets->data : NULL;
	for (struct target *t = p->targets; t; t = t->next) {
		t->current += t->weight;
		sum += t->weight;
		if (!best || t->current > best->current)
			best = t;
	}
	best->current -= sum;
	return best->data;
}

static void *find_by_header(struct router *r, const struct place *p, const struct head *h)
{
	for (const struct wanted *w = p->wanted; w; w = w->next) {
		for (unsigned i = 0; i < h->n_fields; i++) {
			struct key k = p->key;
			struct place *found;

			if (!head_text_is(h->fields[i].name, w->name))
				continue;
			k.name = (struct head_text){w->name, w->len};
			k.value = h->fields[i].value;
			found = find_place(r, &k);
			if (found)
				return pick(found);
		}
	}
	return NULL;
}

/* Ends of the prefixes of a path that routes may have, the shortest (which is empty) first. */
static unsigned prefixes(
	const struct router *r, struct head_text path, size_t ends[ROUTER_DEPTH_MAX + 1])
{
	unsigned n = 0;

	ends[n++] = 0;
	for (size_t i = 1; i <= path.len && n <= r->depth; i++)
		if (i == path.len || path.at[i] == '/')
			ends[n++] = i;
	return n;
}

static void *find_at(struct router *r, struct head_text host, const struct head *h)
{
	size_t ends[ROUTER_DEPTH_MAX + 1];

	for (unsigned n = prefixes(r, h->path, ends); n > 0; n--) {
		const struct key k = {.host = host, .path = {h->path.at, ends[n - 1]}};
		struct place *p = find_place(r, &k);
		void *found = p && p->wanted ? find_by_header(r, p, h) : NULL;

		if (!found && p)
			found = pick(p);
		if (found)
			return found;
	}
	return NULL;
}

/* In small letters, without a port. */
static struct head_text plain_host(struct head_text host, char to[ROUTER_HOST_MAX])
{
	size_t n = 0;

	while (n < host.len && n < ROUTER_HOST_MAX && host.at[n] != ':') {
		const char c = host.at[n];

		to[n++] = c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
	}
	return (struct head_text){to, n};
}

void *router_find(struct router *r, const struct head *h)
{
	const struct head_text any = {"", 0};
	char small[ROUTER_HOST_MAX];
	void *found = NULL;

	if (r->hosts && h->host.len > 0)
		found = find_at(r, plain_host(h->host, small), h);
	if (!found && r->any_host)
		found = find_at(r, any, h);
	return found;
}
