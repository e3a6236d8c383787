/* SPDX-License-Identifier: Apache-2.0 */
/* "linux" of config-linux.md, but for resources and seccomp. */
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <sys/mount.h>
#include <sys/personality.h>

#include "oci-spec/schema_priv.h"
#include "runtime/base/json.h"
#include "runtime/base/util.h"

/* From Linux 6.9; older headers lack it. */
#define MPOL_WEIGHTED_INTERLEAVE_ 6

static const struct word namespace_type_list[] = {
	{"pid", CLONE_NEWPID},
	{"network", CLONE_NEWNET},
	{"mount", CLONE_NEWNS},
	{"ipc", CLONE_NEWIPC},
	{"uts", CLONE_NEWUTS},
	{"user", CLONE_NEWUSER},
	{"cgroup", CLONE_NEWCGROUP},
	{"time", CLONE_NEWTIME},
};
const struct words namespace_types = {
	"namespace type", namespace_type_list, ARRAY_SIZE(namespace_type_list)};

static const struct field namespace_fields[] = {
	WORD(struct oci_namespace, type, "type", namespace_types, .required = true),
	STR(struct oci_namespace, path, "path", .form = form_absolute),
};
static const struct schema namespace = SCHEMA(struct oci_namespace, namespace_fields);

static const struct field id_mapping_fields[] = {
	UINT(struct oci_id_mapping, container_id, "containerID", .required = true),
	UINT(struct oci_id_mapping, host_id, "hostID", .required = true),
	UINT(struct oci_id_mapping, size, "size", .required = true, .min = 1, .max = UINT32_MAX),
};

static int finish_id_mapping(const struct json_node *n, void *obj, struct err *err)
{
	const struct oci_id_mapping *m = obj;

	if (m->size > UINT32_MAX - m->container_id || m->size > UINT32_MAX - m->host_id)
		return json_fail_member(n, "size", err, "goes beyond the last id");
	return 0;
}
const struct schema schema_id_mapping =
	SCHEMA(struct oci_id_mapping, id_mapping_fields, .finish = finish_id_mapping);

static const struct field time_offset_fields[] = {
	INT(struct oci_time_offset, secs, "secs"),
	UINT(struct oci_time_offset, nanosecs, "nanosecs", .min = 0, .max = 999999999),
};
static const struct schema time_offset = SCHEMA(struct oci_time_offset, time_offset_fields);

static const struct field time_offsets_fields[] = {
	OBJECT(struct oci_time_offsets, monotonic, "monotonic", time_offset),
	OBJECT(struct oci_time_offsets, boottime, "boottime", time_offset),
};
static const struct schema time_offsets =
	SCHEMA(struct oci_time_offsets, time_offsets_fields, .only = "clock");

static const struct word device_type_list[] = {{"c", 'c'}, {"b", 'b'}, {"u", 'u'}, {"p", 'p'}};
static const struct words device_types = {
	"device type", device_type_list, ARRAY_SIZE(device_type_list)};

/* Some tools write the type's bits as well: 0020666. */
#define FILE_MODE_MAX 0177777
/* Linux: 12 bits of major and 20 bits of minor number. */
#define MAJOR_MAX ((1 << 12) - 1)
#define MINOR_MAX ((1 << 20) - 1)

static const struct field device_fields[] = {
	WORD(struct oci_device, type, "type", device_types, .required = true),
	STR(struct oci_device, path, "path", .required = true, .form = form_absolute),
	INT(struct oci_device, major, "major", .zero_given = true, .min = 0, .max = MAJOR_MAX),
	INT(struct oci_device, minor, "minor", .zero_given = true, .min = 0, .max = MINOR_MAX),
	OPT_UINT(struct oci_device, file_mode, "fileMode", .min = 0, .max = FILE_MODE_MAX),
	OPT_UINT(struct oci_device, uid, "uid"),
	OPT_UINT(struct oci_device, gid, "gid"),
};

static int finish_device(const struct json_node *n, void *obj, struct err *err)
{
	const struct oci_device *d = obj;

	if (d->type == 'p')
		return 0;
	if (!json_get(n, "major"))
		return json_fail_member(n, "major", err, "missing");
	if (!json_get(n, "minor"))
		return json_fail_member(n, "minor", err, "missing");
	return 0;
}
static const struct schema device =
	SCHEMA(struct oci_device, device_fields, .finish = finish_device);

static const struct field net_device_fields[] = {
	STR(struct oci_net_device, new_name, "name", .form = form_interface),
};
static const struct schema net_device = SCHEMA(struct oci_net_device, net_device_fields);

static const struct field intel_rdt_fields[] = {
	STR(struct oci_intel_rdt, clos_id, "closID", .form = form_file_name),
	STRS(struct oci_intel_rdt, schemata, "schemata"),
	STR(struct oci_intel_rdt, l3_cache_schema, "l3CacheSchema"),
	STR(struct oci_intel_rdt, mem_bw_schema, "memBwSchema"),
	BOOL(struct oci_intel_rdt, enable_monitoring, "enableMonitoring"),
	BOOL(struct oci_intel_rdt, enable_cmt, "enableCMT"),
	BOOL(struct oci_intel_rdt, enable_mbm, "enableMBM"),
};
static const struct schema intel_rdt = SCHEMA(struct oci_intel_rdt, intel_rdt_fields);

static const struct word mempolicy_mode_list[] = {
	{"MPOL_DEFAULT", MPOL_DEFAULT},
	{"MPOL_BIND", MPOL_BIND},
	{"MPOL_INTERLEAVE", MPOL_INTERLEAVE},
	{"MPOL_WEIGHTED_INTERLEAVE", MPOL_WEIGHTED_INTERLEAVE_},
	{"MPOL_PREFERRED", MPOL_PREFERRED},
	{"MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY},
	{"MPOL_LOCAL", MPOL_LOCAL},
};
const struct words mempolicy_modes = {
	"memory policy", mempolicy_mode_list, ARRAY_SIZE(mempolicy_mode_list)};

static const struct word mempolicy_flag_list[] = {
	{"MPOL_F_NUMA_BALANCING", MPOL_F_NUMA_BALANCING},
	{"MPOL_F_RELATIVE_NODES", MPOL_F_RELATIVE_NODES},
	{"MPOL_F_STATIC_NODES", MPOL_F_STATIC_NODES},
};
const struct words mempolicy_flags = {
	"memory policy flag", mempolicy_flag_list, ARRAY_SIZE(mempolicy_flag_list)};

static const struct field memory_policy_fields[] = {
	WORD(struct oci_memory_policy, mode, "mode", mempolicy_modes, .required = true),
	STR(struct oci_memory_policy, nodes, "nodes", .form = form_number_list),
	WORDS(struct oci_memory_policy, flags, "flags", mempolicy_flags),
};

static int finish_memory_policy(const struct json_node *n, void *obj, struct err *err)
{
	const struct oci_memory_policy *p = obj;
	const uint32_t both = MPOL_F_RELATIVE_NODES | MPOL_F_STATIC_NODES;

	if ((p->flags & both) == both)
		return json_fail_member(n, "flags", err,
			"MPOL_F_RELATIVE_NODES and MPOL_F_STATIC_NODES exclude each other");
	return 0;
}
static const struct schema memory_policy =
	SCHEMA(struct oci_memory_policy, memory_policy_fields, .finish = finish_memory_policy);

static const struct word personality_domain_list[] = {
	{"LINUX", PER_LINUX}, {"LINUX32", PER_LINUX32}};
static const struct words personality_domains = {
	"execution domain", personality_domain_list, ARRAY_SIZE(personality_domain_list)};
static const struct words personality_flags = {"personality flag", NULL, 0};

static const struct field personality_fields[] = {
	WORD(struct oci_personality, domain, "domain", personality_domains, .required = true),
	WORDS(struct oci_personality, flags, "flags", personality_flags),
};
static const struct schema personality_ = SCHEMA(struct oci_personality, personality_fields);

static const struct word propagation_list[] = {
	{"shared", MS_SHARED},
	{"slave", MS_SLAVE},
	{"private", MS_PRIVATE},
	{"unbindable", MS_UNBINDABLE},
	{"rshared", MS_SHARED | MS_REC},
	{"rslave", MS_SLAVE | MS_REC},
	{"rprivate", MS_PRIVATE | MS_REC},
	{"runbindable", MS_UNBINDABLE | MS_REC},
};
static const struct words propagations = {
	"propagation", propagation_list, ARRAY_SIZE(propagation_list)};

static const struct field linux_fields[] = {
	LIST(struct oci_linux, namespaces, "namespaces", namespace),
	LIST(struct oci_linux, uid_mappings, "uidMappings", schema_id_mapping),
	LIST(struct oci_linux, gid_mappings, "gidMappings", schema_id_mapping),
	OBJECT(struct oci_linux, time_offsets, "timeOffsets", time_offsets),
	LIST(struct oci_linux, devices, "devices", device),
	MAP(struct oci_linux, net_devices, "netDevices", net_device, .key_form = form_interface),
	STR(struct oci_linux, cgroups_path, "cgroupsPath"),
	OBJECT(struct oci_linux, resources, "resources", schema_resources),
	OBJECT(struct oci_linux, intel_rdt, "intelRdt", intel_rdt),
	OBJECT(struct oci_linux, memory_policy, "memoryPolicy", memory_policy),
	PAIRS(struct oci_linux, sysctl, "sysctl", .key_form = form_not_empty),
	WORD(struct oci_linux, rootfs_propagation, "rootfsPropagation", propagations),
	STRS(struct oci_linux, masked_paths, "maskedPaths", .form = form_absolute),
	STRS(struct oci_linux, readonly_paths, "readonlyPaths", .form = form_absolute),
	STR(struct oci_linux, mount_label, "mountLabel"),
	OBJECT(struct oci_linux, personality, "personality", personality_),
	OBJECT(struct oci_linux, seccomp, "seccomp", schema_seccomp),
};

static bool makes_namespace(const struct oci_linux *l, int type)
{
	for (size_t i = 0; i < l->n_namespaces; i++)
		if (l->namespaces[i].type == type)
			return !l->namespaces[i].path;
	return false;
}

static int check_namespaces(const struct json_node *n, const struct oci_linux *l, struct err *err)
{
	unsigned seen = 0;

	for (size_t i = 0; i < l->n_namespaces; i++) {
		if (seen & (unsigned)l->namespaces[i].type)
			return json_fail_member(
				entry_node(n, "namespaces", i), "type", err, "given twice");
		seen |= (unsigned)l->namespaces[i].type;
	}
	if (l->n_uid_mappings && !(seen & CLONE_NEWUSER))
		return json_fail_member(n, "uidMappings", err, "there is no user namespace");
	if (l->n_gid_mappings && !(seen & CLONE_NEWUSER))
		return json_fail_member(n, "gidMappings", err, "there is no user namespace");
	return 0;
}

static int finish_linux(const struct json_node *n, void *obj, struct err *err)
{
	const struct oci_linux *l = obj;
	int r = check_namespaces(n, l, err);

	if (r < 0)
		return r;
	if (makes_namespace(l, CLONE_NEWUSER)) {
		if (!l->n_uid_mappings)
			return json_fail_member(
				n, "uidMappings", err, "missing, there is a new user namespace");
		if (!l->n_gid_mappings)
			return json_fail_member(
				n, "gidMappings", err, "missing, there is a new user namespace");
	}
	if (l->time_offsets && (l->time_offsets->monotonic || l->time_offsets->boottime) &&
		!makes_namespace(l, CLONE_NEWTIME))
		return json_fail_member(n, "timeOffsets", err, "there is no new time namespace");
	return 0;
}
const struct schema schema_linux = SCHEMA(struct oci_linux, linux_fields, .finish = finish_linux);
