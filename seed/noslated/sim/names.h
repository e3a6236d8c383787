/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers for names: the n-th name that was new is n. A hash table with open addresses. */
#ifndef SEED_NOSLATED_SIM_NAMES_H
#define SEED_NOSLATED_SIM_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "seed/noslated/sim/csv.h"

struct names;

struct names *names_create(void); /* NULL: out of memory */
void names_destroy(struct names *n);
static inline void names_destroy_ptr_(struct names **n)
{
	names_destroy(*n);
}
#define _cleanup_names_ _cleanup_(names_destroy_ptr_)

/* The text is borrowed. -ENOMEM, or 0 and whether it is new. */
int names_add(struct names *n, const struct csv_field *name, uint32_t *ret, bool *ret_new);
bool names_find(const struct names *n, const struct csv_field *name, uint32_t *ret);
uint32_t names_count(const struct names *n);

#endif
