/* SPDX-License-Identifier: Apache-2.0 */
/* The top of config.json, mounts and hooks: config.md without "process". */
#include <linux/sched.h>

#include "oci-spec/schema_priv.h"
#include "runtime/base/json.h"
#include "runtime/base/util.h"

static const struct field root_fields[] = {
	STR(struct oci_root, path, "path", .required = true),
	BOOL(struct oci_root, readonly, "readonly"),
};
static const struct schema root = SCHEMA(struct oci_root, root_fields);

static const struct field mount_fields[] = {
	STR(struct oci_mount, destination, "destination", .required = true),
	STR(struct oci_mount, type, "type"),
	STR(struct oci_mount, source, "source"),
	STRS(struct oci_mount, options, "options"),
	LIST(struct oci_mount, uid_mappings, "uidMappings", schema_id_mapping),
	LIST(struct oci_mount, gid_mappings, "gidMappings", schema_id_mapping),
};

static int finish_mount(const struct json_node *n, void *obj, struct err *err)
{
	const struct oci_mount *m = obj;

	if (m->n_uid_mappings && !m->n_gid_mappings)
		return json_fail_member(n, "gidMappings", err, "missing, there are uidMappings");
	if (m->n_gid_mappings && !m->n_uid_mappings)
		return json_fail_member(n, "uidMappings", err, "missing, there are gidMappings");
	return 0;
}
static const struct schema mount = SCHEMA(struct oci_mount, mount_fields, .finish = finish_mount);

static const struct field hook_fields[] = {
	STR(struct oci_hook, path, "path", .required = true, .form = form_absolute),
	STRS(struct oci_hook, args, "args"),
	STRS(struct oci_hook, env, "env", .form = form_env),
	OPT_INT(struct oci_hook, timeout, "timeout", .min = 1, .max = INT32_MAX),
};
static const struct schema hook = SCHEMA(struct oci_hook, hook_fields);

static const struct field hooks_fields[] = {
	LIST(struct oci_hooks, prestart, "prestart", hook),
	LIST(struct oci_hooks, create_runtime, "createRuntime", hook),
	LIST(struct oci_hooks, create_container, "createContainer", hook),
	LIST(struct oci_hooks, start_container, "startContainer", hook),
	LIST(struct oci_hooks, poststart, "poststart", hook),
	LIST(struct oci_hooks, poststop, "poststop", hook),
};
const struct schema schema_hooks = SCHEMA(struct oci_hooks, hooks_fields);

/* MAJOR.MINOR.PATCH and perhaps -PRERELEASE or +BUILD. */
static const char *form_version(const char *s)
{
	for (int part = 0; part < 3; part++) {
		size_t digits = strspn(s, "0123456789");

		if (digits == 0 || (digits > 1 && *s == '0'))
			return "is not a semantic version";
		s += digits;
		if (part < 2 && *s++ != '.')
			return "is not a semantic version";
	}
	return *s == '\0' || *s == '-' || *s == '+' ? NULL : "is not a semantic version";
}

static const struct field config_fields[] = {
	STR(struct oci_config, oci_version, "ociVersion", .required = true, .form = form_version),
	OBJECT(struct oci_config, process, "process", schema_process),
	OBJECT(struct oci_config, root, "root", root, .required = true),
	STR(struct oci_config, hostname, "hostname"),
	STR(struct oci_config, domainname, "domainname"),
	LIST(struct oci_config, mounts, "mounts", mount),
	OBJECT(struct oci_config, hooks, "hooks", schema_hooks),
	PAIRS(struct oci_config, annotations, "annotations", .key_form = form_not_empty),
	OBJECT(struct oci_config, linux_, "linux", schema_linux),
};

static int finish_config(const struct json_node *n, void *obj, struct err *err)
{
	const struct oci_config *c = obj;

	if (!str_after(c->oci_version, "1."))
		return json_fail_member(n, "ociVersion", err,
			"'%s' is not supported, only 1.x up to %s and what is compatible with it",
			c->oci_version, OCI_VERSION);
	if (c->hostname && !oci_config_namespace(c, CLONE_NEWUTS))
		return json_fail_member(n, "hostname", err, "there is no UTS namespace");
	if (c->domainname && !oci_config_namespace(c, CLONE_NEWUTS))
		return json_fail_member(n, "domainname", err, "there is no UTS namespace");
	return 0;
}
const struct schema schema_config =
	SCHEMA(struct oci_config, config_fields, .finish = finish_config);
