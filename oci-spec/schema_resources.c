/* SPDX-License-Identifier: Apache-2.0 */
/* "linux.resources" of config-linux.md. */
#include "oci-spec/schema_priv.h"
#include "runtime/base/json.h"
#include "runtime/base/util.h"

/* Linux: 12 bits of major and 20 bits of minor number. */
#define MAJOR_MAX ((1 << 12) - 1)
#define MINOR_MAX ((1 << 20) - 1)

static const struct word rule_type_list[] = {{"a", 'a'}, {"b", 'b'}, {"c", 'c'}};
static const struct words rule_types = {"device type", rule_type_list, ARRAY_SIZE(rule_type_list)};

static const char *form_access(const char *s)
{
	bool twice = false;

	for (const char *p = s; *p; p++)
		twice |= strchr(p + 1, *p) != NULL;
	return twice || s[strspn(s, "rwm")] ? "is not made of the letters r, w and m" : NULL;
}

static const struct field device_rule_fields[] = {
	BOOL(struct oci_device_rule, allow, "allow", .required = true),
	WORD(struct oci_device_rule, type, "type", rule_types),
	OPT_INT(struct oci_device_rule, major, "major", .min = -1, .max = MAJOR_MAX),
	OPT_INT(struct oci_device_rule, minor, "minor", .min = -1, .max = MINOR_MAX),
	STR(struct oci_device_rule, access, "access", .form = form_access),
};

/* -1 is how Go programs write "any". */
static int finish_device_rule(const struct json_node *n, void *obj, struct err *err)
{
	struct oci_device_rule *r = obj;

	if (!r->type)
		r->type = 'a';
	if (r->major.value == -1)
		r->major = (struct oci_i64){0};
	if (r->minor.value == -1)
		r->minor = (struct oci_i64){0};
	return 0;
}
static const struct schema device_rule =
	SCHEMA(struct oci_device_rule, device_rule_fields, .finish = finish_device_rule);

static const struct field memory_fields[] = {
	OPT_INT(struct oci_memory, limit, "limit", .min = -1, .max = INT64_MAX),
	OPT_INT(struct oci_memory, reservation, "reservation", .min = -1, .max = INT64_MAX),
	OPT_INT(struct oci_memory, swap, "swap", .min = -1, .max = INT64_MAX),
	OPT_INT(struct oci_memory, kernel, "kernel", .min = -1, .max = INT64_MAX),
	OPT_INT(struct oci_memory, kernel_tcp, "kernelTCP", .min = -1, .max = INT64_MAX),
	OPT_UINT(struct oci_memory, swappiness, "swappiness", .zero_given = true, .min = 0,
		.max = 100),
	OPT_BOOL(struct oci_memory, disable_oom_killer, "disableOOMKiller"),
	OPT_BOOL(struct oci_memory, use_hierarchy, "useHierarchy"),
	OPT_BOOL(struct oci_memory, check_before_update, "checkBeforeUpdate"),
};
static const struct schema memory = SCHEMA(struct oci_memory, memory_fields);

static const struct field cpu_fields[] = {
	OPT_UINT(struct oci_cpu, shares, "shares"),
	OPT_INT(struct oci_cpu, quota, "quota", .min = -1, .max = INT64_MAX),
	OPT_UINT(struct oci_cpu, burst, "burst", .zero_given = true),
	OPT_UINT(struct oci_cpu, period, "period"),
	OPT_INT(struct oci_cpu, realtime_runtime, "realtimeRuntime", .min = -1, .max = INT64_MAX),
	OPT_UINT(struct oci_cpu, realtime_period, "realtimePeriod"),
	STR(struct oci_cpu, cpus, "cpus", .form = form_number_list),
	STR(struct oci_cpu, mems, "mems", .form = form_number_list),
	OPT_INT(struct oci_cpu, idle, "idle", .zero_given = true, .min = 0, .max = 1),
};

static int finish_cpu(const struct json_node *n, void *obj, struct err *err)
{
	const struct oci_cpu *c = obj;

	if (c->quota.value > 0 && c->burst.value > (uint64_t)c->quota.value)
		return json_fail_member(n, "burst", err, "larger than the quota");
	return 0;
}
static const struct schema cpu = SCHEMA(struct oci_cpu, cpu_fields, .finish = finish_cpu);

static const struct field pids_fields[] = {
	OPT_INT(struct oci_pids, limit, "limit", .zero_given = true, .min = -1, .max = INT64_MAX),
};
static const struct schema pids = SCHEMA(struct oci_pids, pids_fields);

static const struct field weight_device_fields[] = {
	INT(struct oci_weight_device, major, "major", .required = true, .min = 0, .max = MAJOR_MAX),
	INT(struct oci_weight_device, minor, "minor", .required = true, .min = 0, .max = MINOR_MAX),
	OPT_UINT(struct oci_weight_device, weight, "weight"),
	OPT_UINT(struct oci_weight_device, leaf_weight, "leafWeight"),
};

static int finish_weight_device(const struct json_node *n, void *obj, struct err *err)
{
	const struct oci_weight_device *d = obj;

	if (!d->weight.set && !d->leaf_weight.set)
		return json_fail(n, err, "neither weight nor leafWeight");
	return 0;
}
static const struct schema weight_device =
	SCHEMA(struct oci_weight_device, weight_device_fields, .finish = finish_weight_device);

static const struct field throttle_device_fields[] = {
	INT(struct oci_throttle_device, major, "major", .required = true, .min = 0,
		.max = MAJOR_MAX),
	INT(struct oci_throttle_device, minor, "minor", .required = true, .min = 0,
		.max = MINOR_MAX),
	UINT(struct oci_throttle_device, rate, "rate", .required = true),
};
static const struct schema throttle_device =
	SCHEMA(struct oci_throttle_device, throttle_device_fields);

static const struct field block_io_fields[] = {
	OPT_UINT(struct oci_block_io, weight, "weight"),
	OPT_UINT(struct oci_block_io, leaf_weight, "leafWeight"),
	LIST(struct oci_block_io, weight_devices, "weightDevice", weight_device),
	LIST(struct oci_block_io, read_bps, "throttleReadBpsDevice", throttle_device),
	LIST(struct oci_block_io, write_bps, "throttleWriteBpsDevice", throttle_device),
	LIST(struct oci_block_io, read_iops, "throttleReadIOPSDevice", throttle_device),
	LIST(struct oci_block_io, write_iops, "throttleWriteIOPSDevice", throttle_device),
};
static const struct schema block_io = SCHEMA(struct oci_block_io, block_io_fields);

/* "64KB", "2MB", "1GB": part of a file name. */
static const char *form_page_size(const char *s)
{
	size_t digits = strspn(s, "0123456789");

	if (digits == 0 || s[0] == '0' || !s[digits] || !strchr("KMGTPE", s[digits]) ||
		!streq(s + digits + 1, "B"))
		return "is not a page size such as 2MB";
	return NULL;
}

static const struct field hugepage_limit_fields[] = {
	STR(struct oci_hugepage_limit, page_size, "pageSize", .required = true,
		.form = form_page_size),
	UINT(struct oci_hugepage_limit, limit, "limit", .required = true),
};
static const struct schema hugepage_limit =
	SCHEMA(struct oci_hugepage_limit, hugepage_limit_fields);

static const struct field net_priority_fields[] = {
	STR(struct oci_net_priority, name, "name", .required = true, .form = form_interface),
	UINT(struct oci_net_priority, priority, "priority", .required = true),
};
static const struct schema net_priority = SCHEMA(struct oci_net_priority, net_priority_fields);

static const struct field network_fields[] = {
	OPT_UINT(struct oci_network, class_id, "classID"),
	LIST(struct oci_network, priorities, "priorities", net_priority),
};
static const struct schema network = SCHEMA(struct oci_network, network_fields);

static const struct field rdma_fields[] = {
	OPT_UINT(struct oci_rdma, hca_handles, "hcaHandles"),
	OPT_UINT(struct oci_rdma, hca_objects, "hcaObjects"),
};

static int finish_rdma(const struct json_node *n, void *obj, struct err *err)
{
	const struct oci_rdma *r = obj;

	if (!r->hca_handles.set && !r->hca_objects.set)
		return json_fail(n, err, "neither hcaHandles nor hcaObjects");
	return 0;
}
static const struct schema rdma = SCHEMA(struct oci_rdma, rdma_fields, .finish = finish_rdma);

static const struct field resources_fields[] = {
	LIST(struct oci_resources, devices, "devices", device_rule),
	OBJECT(struct oci_resources, memory, "memory", memory),
	OBJECT(struct oci_resources, cpu, "cpu", cpu),
	OBJECT(struct oci_resources, pids, "pids", pids),
	OBJECT(struct oci_resources, block_io, "blockIO", block_io),
	LIST(struct oci_resources, hugepage_limits, "hugepageLimits", hugepage_limit),
	OBJECT(struct oci_resources, network, "network", network),
	MAP(struct oci_resources, rdma, "rdma", rdma, .key_form = form_file_name),
	PAIRS(struct oci_resources, unified, "unified", .key_form = form_file_name),
};
const struct schema schema_resources = SCHEMA(struct oci_resources, resources_fields);
