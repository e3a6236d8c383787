/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_BOX_BRING_UP_H
#define RUNTIME_BOX_BRING_UP_H

#include "runtime/box/box.h"

/* Writes the id maps of a new user namespace, raises limits, and says MAPPED. */
int bring_up_maps(struct box_child *child, const struct box_plan *plan, struct err *err);

#endif
