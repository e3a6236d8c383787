/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which function a request is for. Of all routes that fit, one is the most exact:
 *   1. one with the request's host before one for any host;
 *   2. of these, the one with the longest path;
 *   3. of these, one with a header before one without; of several headers the one that was given first.
 * A host with a route that fits hides routes for any host, however long their paths. Routes that say the same
 * share the requests by their weights, evenly spread and always in the same order.
 *
 * Hosts are compared in small letters and without a port; paths byte by byte as they were sent, by whole
 * segments; values of headers whole and exactly.
 *
 * Costs: a look into a hash table for each segment of the path, twice.
 */
#ifndef SEED_NOSLATED_DATA_ROUTER_H
#define SEED_NOSLATED_DATA_ROUTER_H

#include <stddef.h>
#include <stdint.h>

#define ROUTER_DEPTH_MAX 64 /* segments of a route; those of a request may be more */
#define ROUTER_HOST_MAX	 255

struct head;
struct profile_route;
struct router;

struct router *router_create(void); /* NULL without memory */
void router_destroy(struct router *r);
/* `target` is what is found. -ENOMEM, or -E2BIG: it has too many segments. */
int router_add(struct router *r, const struct profile_route *route, void *target);
/* NULL: no route fits. */
void *router_find(struct router *r, const struct head *h);

#endif
