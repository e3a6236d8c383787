/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEED_NOSLATED_SUPERVISOR_PRIV_H
#define SEED_NOSLATED_SUPERVISOR_PRIV_H

/* Environment of the control plane: names of what is at ROLE_STORE_FD + 1 and on. */
#define SUPERVISOR_NAMES "NOSLATED_KEPT"

#endif
