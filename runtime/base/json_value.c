/* SPDX-License-Identifier: Apache-2.0 */
/* Values of nodes as C types. A number stays the text it was until somebody asks for a type. */
#include "runtime/base/json.h"

#include <errno.h>

#include "runtime/base/json_priv.h"

/* Decimal digits alone; no sign, fraction or exponent. */
static bool parse_digits(const char *s, uint64_t *ret)
{
	uint64_t v = 0;

	if (!*s)
		return false;
	for (; *s; s++)
		if (*s < '0' || *s > '9' || __builtin_mul_overflow(v, 10, &v) ||
			__builtin_add_overflow(v, (uint64_t)(*s - '0'), &v))
			return false;
	*ret = v;
	return true;
}

static bool parse_unsigned(const struct json_node *n, uint64_t max, uint64_t *ret)
{
	return n->type == JSON_NUMBER && parse_digits(n->text, ret) && *ret <= max;
}

/* `max` is a type's largest value; its smallest is -max - 1. */
static bool parse_signed(const struct json_node *n, int64_t max, int64_t *ret)
{
	bool negative;
	uint64_t v;

	if (n->type != JSON_NUMBER)
		return false;
	negative = n->text[0] == '-';
	if (!parse_digits(n->text + negative, &v) || v > (uint64_t)max + negative)
		return false;
	*ret = negative ? (int64_t)-v : (int64_t)v;
	return true;
}

int json_to_str(const struct json_node *n, const char **ret, struct err *err)
{
	if (n->type != JSON_STRING)
		return json_fail(n, err, "not a string");
	*ret = n->text;
	return 0;
}

int json_to_bool(const struct json_node *n, bool *ret, struct err *err)
{
	if (n->type != JSON_BOOL)
		return json_fail(n, err, "not a boolean");
	*ret = n->boolean;
	return 0;
}

int json_to_u64(const struct json_node *n, uint64_t *ret, struct err *err)
{
	uint64_t v;

	if (!parse_unsigned(n, UINT64_MAX, &v))
		return json_fail(n, err, "not an unsigned 64-bit number");
	*ret = v;
	return 0;
}

int json_to_i64(const struct json_node *n, int64_t *ret, struct err *err)
{
	int64_t v;

	if (!parse_signed(n, INT64_MAX, &v))
		return json_fail(n, err, "not a signed 64-bit number");
	*ret = v;
	return 0;
}

int json_to_u32(const struct json_node *n, uint32_t *ret, struct err *err)
{
	uint64_t v;

	if (!parse_unsigned(n, UINT32_MAX, &v))
		return json_fail(n, err, "not an unsigned 32-bit number");
	*ret = (uint32_t)v;
	return 0;
}

int json_to_i32(const struct json_node *n, int32_t *ret, struct err *err)
{
	int64_t v;

	if (!parse_signed(n, INT32_MAX, &v))
		return json_fail(n, err, "not a signed 32-bit number");
	*ret = (int32_t)v;
	return 0;
}

int json_to_u16(const struct json_node *n, uint16_t *ret, struct err *err)
{
	uint64_t v;

	if (!parse_unsigned(n, UINT16_MAX, &v))
		return json_fail(n, err, "not an unsigned 16-bit number");
	*ret = (uint16_t)v;
	return 0;
}

int json_is_array(const struct json_node *n, struct err *err)
{
	return n->type == JSON_ARRAY ? 0 : json_fail(n, err, "not an array");
}

int json_is_object(const struct json_node *n, struct err *err)
{
	return n->type == JSON_OBJECT ? 0 : json_fail(n, err, "not an object");
}

int json_need_str(const struct json_node *n, const char *key, const char **ret, struct err *err)
{
	const struct json_node *child;
	int r = json_need(n, key, &child, err);

	return r < 0 ? r : json_to_str(child, ret, err);
}

int json_need_u64(const struct json_node *n, const char *key, uint64_t *ret, struct err *err)
{
	const struct json_node *child;
	int r = json_need(n, key, &child, err);

	return r < 0 ? r : json_to_u64(child, ret, err);
}

int json_need_i64(const struct json_node *n, const char *key, int64_t *ret, struct err *err)
{
	const struct json_node *child;
	int r = json_need(n, key, &child, err);

	return r < 0 ? r : json_to_i64(child, ret, err);
}

int json_need_bool(const struct json_node *n, const char *key, bool *ret, struct err *err)
{
	const struct json_node *child;
	int r = json_need(n, key, &child, err);

	return r < 0 ? r : json_to_bool(child, ret, err);
}
