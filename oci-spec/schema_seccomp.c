/* SPDX-License-Identifier: Apache-2.0 */
/* "linux.seccomp" of config-linux.md. */
#include <linux/seccomp.h>

#include "oci-spec/schema_priv.h"
#include "runtime/base/json.h"
#include "runtime/base/util.h"

/* From Linux 5.19; older headers lack it. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

#define ERRNO_MAX    4095 /* MAX_ERRNO of the kernel */
#define SYSCALL_ARGS 6

static const struct word action_list[] = {
	{"SCMP_ACT_KILL", OCI_SECCOMP_KILL_THREAD},
	{"SCMP_ACT_KILL_THREAD", OCI_SECCOMP_KILL_THREAD},
	{"SCMP_ACT_KILL_PROCESS", OCI_SECCOMP_KILL_PROCESS},
	{"SCMP_ACT_TRAP", OCI_SECCOMP_TRAP},
	{"SCMP_ACT_ERRNO", OCI_SECCOMP_ERRNO},
	{"SCMP_ACT_TRACE", OCI_SECCOMP_TRACE},
	{"SCMP_ACT_ALLOW", OCI_SECCOMP_ALLOW},
	{"SCMP_ACT_LOG", OCI_SECCOMP_LOG},
	{"SCMP_ACT_NOTIFY", OCI_SECCOMP_NOTIFY},
};
const struct words seccomp_actions = {"action", action_list, ARRAY_SIZE(action_list)};

static const struct word op_list[] = {
	{"SCMP_CMP_NE", OCI_SECCOMP_NE},
	{"SCMP_CMP_LT", OCI_SECCOMP_LT},
	{"SCMP_CMP_LE", OCI_SECCOMP_LE},
	{"SCMP_CMP_EQ", OCI_SECCOMP_EQ},
	{"SCMP_CMP_GE", OCI_SECCOMP_GE},
	{"SCMP_CMP_GT", OCI_SECCOMP_GT},
	{"SCMP_CMP_MASKED_EQ", OCI_SECCOMP_MASKED_EQ},
};
const struct words seccomp_ops = {"operator", op_list, ARRAY_SIZE(op_list)};

#define ARCH_PREFIX "SCMP_ARCH_"

static const struct word arch_list[] = {
	{"SCMP_ARCH_X86", OCI_ARCH_X86},
	{"SCMP_ARCH_X86_64", OCI_ARCH_X86_64},
	{"SCMP_ARCH_X32", OCI_ARCH_X32},
	{"SCMP_ARCH_ARM", OCI_ARCH_ARM},
	{"SCMP_ARCH_AARCH64", OCI_ARCH_AARCH64},
	{"SCMP_ARCH_MIPS", OCI_ARCH_MIPS},
	{"SCMP_ARCH_MIPS64", OCI_ARCH_MIPS64},
	{"SCMP_ARCH_MIPS64N32", OCI_ARCH_MIPS64N32},
	{"SCMP_ARCH_MIPSEL", OCI_ARCH_MIPSEL},
	{"SCMP_ARCH_MIPSEL64", OCI_ARCH_MIPSEL64},
	{"SCMP_ARCH_MIPSEL64N32", OCI_ARCH_MIPSEL64N32},
	{"SCMP_ARCH_PPC", OCI_ARCH_PPC},
	{"SCMP_ARCH_PPC64", OCI_ARCH_PPC64},
	{"SCMP_ARCH_PPC64LE", OCI_ARCH_PPC64LE},
	{"SCMP_ARCH_S390", OCI_ARCH_S390},
	{"SCMP_ARCH_S390X", OCI_ARCH_S390X},
	{"SCMP_ARCH_PARISC", OCI_ARCH_PARISC},
	{"SCMP_ARCH_PARISC64", OCI_ARCH_PARISC64},
	{"SCMP_ARCH_RISCV64", OCI_ARCH_RISCV64},
	{"SCMP_ARCH_LOONGARCH64", OCI_ARCH_LOONGARCH64},
	{"SCMP_ARCH_M68K", OCI_ARCH_M68K},
	{"SCMP_ARCH_SH", OCI_ARCH_SH},
	{"SCMP_ARCH_SHEB", OCI_ARCH_SHEB},
};
const struct words seccomp_archs = {"architecture", arch_list, ARRAY_SIZE(arch_list)};

const char *oci_arch_name(uint32_t bit)
{
	for (size_t i = 0; i < ARRAY_SIZE(arch_list); i++)
		if (arch_list[i].value == (long)bit)
			return arch_list[i].name + strlen(ARCH_PREFIX);
	return NULL;
}

static const struct word flag_list[] = {
	{"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
	{"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
	{"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
	{"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV},
};
const struct words seccomp_flags = {"flag", flag_list, ARRAY_SIZE(flag_list)};

const char *oci_seccomp_flag_name(uint32_t bit)
{
	for (size_t i = 0; i < ARRAY_SIZE(flag_list); i++)
		if (flag_list[i].value == (long)bit)
			return flag_list[i].name;
	return NULL;
}

static const struct field arg_fields[] = {
	UINT(struct oci_seccomp_arg, index, "index", .required = true, .min = 0,
		.max = SYSCALL_ARGS - 1),
	UINT(struct oci_seccomp_arg, value, "value", .required = true),
	UINT(struct oci_seccomp_arg, value_two, "valueTwo"),
	WORD(struct oci_seccomp_arg, op, "op", seccomp_ops, .required = true),
};
static const struct schema arg = SCHEMA(struct oci_seccomp_arg, arg_fields);

static const struct field rule_fields[] = {
	STRS(struct oci_seccomp_rule, names, "names", .required = true, .form = form_not_empty),
	WORD(struct oci_seccomp_rule, action, "action", seccomp_actions, .required = true),
	OPT_UINT(struct oci_seccomp_rule, errno_ret, "errnoRet", .min = 0, .max = UINT16_MAX),
	LIST(struct oci_seccomp_rule, args, "args", arg),
};

static int check_errno(const struct json_node *n, const char *key, enum oci_seccomp_action action,
	const struct oci_u32 *number, struct err *err)
{
	if (!number->set)
		return 0;
	if (action != OCI_SECCOMP_ERRNO && action != OCI_SECCOMP_TRACE)
		return json_fail_member(n, key, err, "the action returns no errno");
	if (action == OCI_SECCOMP_ERRNO && number->value > ERRNO_MAX)
		return json_fail_member(
			n, key, err, "%u is not between 0 and %d", number->value, ERRNO_MAX);
	return 0;
}

static int finish_rule(const struct json_node *n, void *obj, struct err *err)
{
	const struct oci_seccomp_rule *r = obj;

	if (!r->names[0])
		return json_fail_member(n, "names", err, "empty");
	return check_errno(n, "errnoRet", r->action, &r->errno_ret, err);
}
static const struct schema rule =
	SCHEMA(struct oci_seccomp_rule, rule_fields, .finish = finish_rule);

static const struct field seccomp_fields[] = {
	WORD(struct oci_seccomp, default_action, "defaultAction", seccomp_actions,
		.required = true),
	OPT_UINT(struct oci_seccomp, default_errno_ret, "defaultErrnoRet", .min = 0,
		.max = UINT16_MAX),
	OPT_WORDS(struct oci_seccomp, architectures, "architectures", seccomp_archs),
	OPT_WORDS(struct oci_seccomp, flags, "flags", seccomp_flags),
	STR(struct oci_seccomp, listener_path, "listenerPath", .form = form_absolute),
	STR(struct oci_seccomp, listener_metadata, "listenerMetadata"),
	LIST(struct oci_seccomp, rules, "syscalls", rule),
};

static int finish_seccomp(const struct json_node *n, void *obj, struct err *err)
{
	const struct oci_seccomp *s = obj;

	if (s->default_action == OCI_SECCOMP_NOTIFY)
		return json_fail_member(n, "defaultAction", err,
			"SCMP_ACT_NOTIFY cannot be the default, the listener could not be sent");
	if (oci_seccomp_notifies(s) && !s->listener_path)
		return json_fail_member(
			n, "listenerPath", err, "missing, there is a rule with SCMP_ACT_NOTIFY");
	if (s->listener_metadata && !s->listener_path)
		return json_fail_member(n, "listenerMetadata", err, "there is no listenerPath");
	return check_errno(n, "defaultErrnoRet", s->default_action, &s->default_errno_ret, err);
}
const struct schema schema_seccomp =
	SCHEMA(struct oci_seccomp, seccomp_fields, .finish = finish_seccomp);
