/* SPDX-License-Identifier: Apache-2.0 */
/* The data plane as a process of its own, which the control plane has executed (role.h). */
#ifndef SEED_NOSLATED_DATA_ROLE_H
#define SEED_NOSLATED_DATA_ROLE_H

#include "runtime/base/err.h"

/* `what`: what follows ROLE_DATA. Until the control plane says so, or has gone and the last request has ended. */
int data_role_run(const char *what, struct err *err);

#endif
