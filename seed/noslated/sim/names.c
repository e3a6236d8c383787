/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/sim/names.h"

#include <errno.h>

#include "seed/noslated/sim/random.h"

#define SLOTS_FIRST 64
#define NONE	    UINT32_MAX

struct slot {
	struct csv_field name;
	uint64_t hash;
	uint32_t number; /* NONE: free */
};

struct names {
	struct slot *slots; /* owned; a power of two of them, at most half taken */
	size_t size;
	uint32_t n;
};

static struct slot *make_slots(size_t n)
{
	struct slot *slots = calloc(n, sizeof(*slots));

	if (!slots)
		return NULL;
	for (size_t i = 0; i < n; i++)
		slots[i].number = NONE;
	return slots;
}

struct names *names_create(void)
{
	struct names *n = calloc(1, sizeof(*n));

	if (!n)
		return NULL;
	n->size = SLOTS_FIRST;
	n->slots = make_slots(n->size);
	if (!n->slots)
		free_clear(&n);
	return n;
}

void names_destroy(struct names *n)
{
	if (!n)
		return;
	free(n->slots);
	free(n);
}

static uint64_t hash_of(const struct csv_field *name)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < name->len; i++)
		h = (h ^ (unsigned char)name->text[i]) * UINT64_C(0x100000001b3);
	return random_mix(h);
}

/* Where it is, or would be. */
static struct slot *slot_of(const struct names *n, const struct csv_field *name, uint64_t hash)
{
	for (size_t i = hash & (n->size - 1);; i = (i + 1) & (n->size - 1)) {
		struct slot *s = &n->slots[i];

		if (s->number == NONE || (s->hash == hash && s->name.len == name->len &&
						 memcmp(s->name.text, name->text, name->len) == 0))
			return s;
	}
}

static int grow(struct names *n)
{
	const struct names old = *n;
	struct slot *slots = make_slots(n->size * 2);

	if (!slots)
		return -ENOMEM;
	n->slots = slots;
	n->size *= 2;
	for (size_t i = 0; i < old.size; i++)
		if (old.slots[i].number != NONE)
			*slot_of(n, &old.slots[i].name, old.slots[i].hash) = old.slots[i];
	free(old.slots);
	return 0;
}

int names_add(struct names *n, const struct csv_field *name, uint32_t *ret, bool *ret_new)
{
	const uint64_t hash = hash_of(name);
	struct slot *s = slot_of(n, name, hash);

	*ret_new = s->number == NONE;
	if (!*ret_new) {
		*ret = s->number;
		return 0;
	}
	if (2 * ((size_t)n->n + 1) > n->size) {
		if (grow(n) < 0)
			return -ENOMEM;
		s = slot_of(n, name, hash);
	}
	*s = (struct slot){*name, hash, n->n++};
	*ret = s->number;
	return 0;
}

bool names_find(const struct names *n, const struct csv_field *name, uint32_t *ret)
{
	const struct slot *s = slot_of(n, name, hash_of(name));

	if (s->number != NONE)
		*ret = s->number;
	return s->number != NONE;
}

uint32_t names_count(const struct names *n)
{
	return n->n;
}
