/* SPDX-License-Identifier: Apache-2.0 */
/* linux.resources outside of a config: read, written and changed by themselves. */
#include "oci-spec/config.h"
#include "oci-spec/schema_priv.h"
#include "oci-spec/tree_priv.h"
#include "runtime/base/arena.h"
#include "runtime/base/json.h"

int oci_resources_read(const struct json_node *n, struct arena *arena,
	const struct oci_resources **ret, struct err *err)
{
	struct oci_resources *r = arena_alloc(arena, sizeof(*r));
	int rc;

	if (!r)
		return err_oom(err);
	rc = tree_read(n, &schema_resources, arena, r, err);
	if (rc == 0)
		*ret = r;
	return rc;
}

int oci_resources_parse(const char *json, size_t len, struct arena *arena,
	const struct oci_resources **ret, struct err *err)
{
	_cleanup_json_ struct json_doc *doc = NULL;
	int rc = json_parse(json, len, &doc, err);

	return rc < 0 ? rc : oci_resources_read(json_root(doc), arena, ret, err);
}

void oci_resources_write(const struct oci_resources *resources, struct json_writer *w)
{
	tree_write(w, &schema_resources, resources);
}

int oci_resources_merge(const struct oci_resources *base, const struct oci_resources *change,
	struct arena *arena, const struct oci_resources **ret, struct err *err)
{
	struct oci_resources *r = arena_alloc(arena, sizeof(*r));
	int rc;

	if (!r)
		return err_oom(err);
	if (base)
		*r = *base;
	rc = tree_merge(&schema_resources, arena, r, change, err);
	if (rc == 0)
		*ret = r;
	return rc;
}
