/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RUNTIME_BASE_JSON_PRIV_H
#define RUNTIME_BASE_JSON_PRIV_H

#include "runtime/base/json.h"

struct json_node {
	enum json_type type;
	bool boolean;
	uint32_t index; /* in the parent */
	uint32_t count; /* of children */
	const char *name;
	const char *text; /* of a string, or of a number as it was written */
	const struct json_node *parent;
	struct json_node *first, *last, *next;
};

#endif
