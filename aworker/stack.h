/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stack of our own for the engine: of a size that no limit of the caller or of a
 * container changes, at the same place in every copy of a seed, and with a guard below.
 */
#ifndef AWORKER_STACK_H
#define AWORKER_STACK_H

#include <stddef.h>

#include "runtime/base/err.h"

#define STACK_SIZE ((size_t)8 << 20)

/*
 * Runs fn(arg, low) on it, `low` being its lowest usable address, and returns what fn does; or a
 * negative errno when there is no memory. The stack is given back.
 */
int stack_run(int (*fn)(void *arg, void *low), void *arg, struct err *err);

#endif
