/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of options: HOST:PORT, where HOST is an address or nothing for all of them, or unix:PATH. */
#ifndef SEED_NOSLATED_CONTROL_ADDRESS_H
#define SEED_NOSLATED_CONTROL_ADDRESS_H

#include "runtime/base/err.h"

/* A socket that listens there: the caller's. A file that is in the way of one is removed. */
int address_listen(const char *option, const char *address, struct err *err);
/* Removes the file of one. */
void address_forget(const char *address);

#endif
