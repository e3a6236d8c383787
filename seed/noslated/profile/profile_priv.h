/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SEED_NOSLATED_PROFILE_PROFILE_PRIV_H
#define SEED_NOSLATED_PROFILE_PROFILE_PRIV_H

#include "seed/noslated/profile/profile.h"

struct schema;

extern const struct schema profile_function_schema; /* struct profile_function */
extern const struct schema profile_tenant_schema;   /* struct profile_tenant */
extern const struct schema profile_node_schema;	    /* struct profile_node */

#endif
