/* SPDX-License-Identifier: Apache-2.0 */
/* A hostile builder of a state image. */
#ifndef TESTS_HOSTILE_REST_H
#define TESTS_HOSTILE_REST_H

struct box_entry;

/*
 * Says that the process is at rest, and stands:
 *   nowhere    with registers where no memory is
 *   silent     does not say it
 *   chatty     says other things instead
 *   pieces     with more mappings than an image can have
 *   large      with more memory than an image can have
 *   gone       and takes its memory away meanwhile
 */
int rest(struct box_entry *entry, const char *how);

#endif
