/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line that `create` and `run` share.
 */
#ifndef RUNTIME_CREATE_OPTIONS_H
#define RUNTIME_CREATE_OPTIONS_H

#include "runtime/life.h"

struct globals;

/* What create_options stored, with root and id added. Borrowed from argv. */
struct life_options create_life_options(const struct globals *g, const char *id);

/* After life_create(): has a state image made where the container's annotation asks for one. */
void create_state_later(const struct globals *g, const struct life *life);

#endif
