/* SPDX-License-Identifier: Apache-2.0 */
/* "process" of config.md. */
#include <errno.h>
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <sys/resource.h>

#include "oci-spec/schema_priv.h"
#include "runtime/base/json.h"
#include "runtime/base/util.h"

#define SCHED_ISO 4 /* reserved by the kernel, known to the specification */

static const struct field console_size_fields[] = {
	UINT(struct oci_console_size, height, "height", .required = true, .min = 0,
		.max = UINT16_MAX),
	UINT(struct oci_console_size, width, "width", .required = true, .min = 0,
		.max = UINT16_MAX),
};
static const struct schema console_size = SCHEMA(struct oci_console_size, console_size_fields);

static const struct field user_fields[] = {
	UINT(struct oci_user, uid, "uid", .required = true),
	UINT(struct oci_user, gid, "gid", .required = true),
	OPT_UINT(struct oci_user, umask, "umask", .min = 0, .max = 0777),
	UINTS(struct oci_user, additional_gids, "additionalGids"),
};

/* 2^32 - 1 says "leave as it is" to the kernel. */
static int finish_user(const struct json_node *n, void *obj, struct err *err)
{
	const struct oci_user *u = obj;

	if (u->uid == UINT32_MAX)
		return json_fail_member(n, "uid", err, "%u is no id", u->uid);
	if (u->gid == UINT32_MAX)
		return json_fail_member(n, "gid", err, "%u is no id", u->gid);
	for (size_t i = 0; i < u->n_additional_gids; i++)
		if (u->additional_gids[i] == UINT32_MAX)
			return json_fail_member(
				n, "additionalGids", err, "%u is no id", u->additional_gids[i]);
	return 0;
}
static const struct schema user = SCHEMA(struct oci_user, user_fields, .finish = finish_user);

static const struct word rlimit_list[] = {
	{"RLIMIT_AS", RLIMIT_AS},
	{"RLIMIT_CORE", RLIMIT_CORE},
	{"RLIMIT_CPU", RLIMIT_CPU},
	{"RLIMIT_DATA", RLIMIT_DATA},
	{"RLIMIT_FSIZE", RLIMIT_FSIZE},
	{"RLIMIT_LOCKS", RLIMIT_LOCKS},
	{"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
	{"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE},
	{"RLIMIT_NICE", RLIMIT_NICE},
	{"RLIMIT_NOFILE", RLIMIT_NOFILE},
	{"RLIMIT_NPROC", RLIMIT_NPROC},
	{"RLIMIT_RSS", RLIMIT_RSS},
	{"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
	{"RLIMIT_RTTIME", RLIMIT_RTTIME},
	{"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING},
	{"RLIMIT_STACK", RLIMIT_STACK},
};
static const struct words rlimit_words = {"rlimit", rlimit_list, ARRAY_SIZE(rlimit_list)};

static const struct field rlimit_fields[] = {
	WORD(struct oci_rlimit, resource, "type", rlimit_words, .required = true),
	UINT(struct oci_rlimit, hard, "hard", .required = true),
	UINT(struct oci_rlimit, soft, "soft", .required = true),
};

static int finish_rlimit(const struct json_node *n, void *obj, struct err *err)
{
	const struct oci_rlimit *r = obj;

	if (r->soft > r->hard)
		return json_fail_member(n, "soft", err, "larger than the hard limit");
	return 0;
}
static const struct schema rlimit =
	SCHEMA(struct oci_rlimit, rlimit_fields, .finish = finish_rlimit);

static const struct field capabilities_fields[] = {
	STRS(struct oci_capabilities, bounding, "bounding"),
	STRS(struct oci_capabilities, effective, "effective"),
	STRS(struct oci_capabilities, inheritable, "inheritable"),
	STRS(struct oci_capabilities, permitted, "permitted"),
	STRS(struct oci_capabilities, ambient, "ambient"),
};
static const struct schema capabilities = SCHEMA(struct oci_capabilities, capabilities_fields);

static const struct word sched_policy_list[] = {
	{"SCHED_OTHER", SCHED_NORMAL},
	{"SCHED_FIFO", SCHED_FIFO},
	{"SCHED_RR", SCHED_RR},
	{"SCHED_BATCH", SCHED_BATCH},
	{"SCHED_ISO", SCHED_ISO},
	{"SCHED_IDLE", SCHED_IDLE},
	{"SCHED_DEADLINE", SCHED_DEADLINE},
};
static const struct words sched_policies = {
	"scheduling policy", sched_policy_list, ARRAY_SIZE(sched_policy_list)};

static const struct word sched_flag_list[] = {
	{"SCHED_FLAG_RESET_ON_FORK", SCHED_FLAG_RESET_ON_FORK},
	{"SCHED_FLAG_RECLAIM", SCHED_FLAG_RECLAIM},
	{"SCHED_FLAG_DL_OVERRUN", SCHED_FLAG_DL_OVERRUN},
	{"SCHED_FLAG_KEEP_POLICY", SCHED_FLAG_KEEP_POLICY},
	{"SCHED_FLAG_KEEP_PARAMS", SCHED_FLAG_KEEP_PARAMS},
	{"SCHED_FLAG_UTIL_CLAMP_MIN", SCHED_FLAG_UTIL_CLAMP_MIN},
	{"SCHED_FLAG_UTIL_CLAMP_MAX", SCHED_FLAG_UTIL_CLAMP_MAX},
};
static const struct words sched_flags = {
	"scheduling flag", sched_flag_list, ARRAY_SIZE(sched_flag_list)};

static const struct field scheduler_fields[] = {
	WORD(struct oci_scheduler, policy, "policy", sched_policies, .required = true),
	INT(struct oci_scheduler, nice, "nice", .min = -20, .max = 19),
	INT(struct oci_scheduler, priority, "priority", .min = 0, .max = 99),
	WORDS(struct oci_scheduler, flags, "flags", sched_flags),
	UINT(struct oci_scheduler, runtime, "runtime"),
	UINT(struct oci_scheduler, deadline, "deadline"),
	UINT(struct oci_scheduler, period, "period"),
};

static int finish_scheduler(const struct json_node *n, void *obj, struct err *err)
{
	const struct oci_scheduler *s = obj;
	bool real_time = s->policy == SCHED_FIFO || s->policy == SCHED_RR;

	if (real_time && s->priority == 0)
		return json_fail_member(n, "priority", err, "missing, the policy needs it");
	if (!real_time && s->priority != 0)
		return json_fail_member(n, "priority", err, "the policy has none");
	if (s->policy != SCHED_DEADLINE && (s->runtime || s->deadline || s->period))
		return json_fail(n, err,
			"runtime, deadline and period are for the policy SCHED_DEADLINE alone");
	return 0;
}
static const struct schema scheduler =
	SCHEMA(struct oci_scheduler, scheduler_fields, .finish = finish_scheduler);

static const struct word io_class_list[] = {
	{"IOPRIO_CLASS_RT", IOPRIO_CLASS_RT},
	{"IOPRIO_CLASS_BE", IOPRIO_CLASS_BE},
	{"IOPRIO_CLASS_IDLE", IOPRIO_CLASS_IDLE},
};
static const struct words io_classes = {
	"I/O priority class", io_class_list, ARRAY_SIZE(io_class_list)};

static const struct field io_priority_fields[] = {
	WORD(struct oci_io_priority, class, "class", io_classes, .required = true),
	INT(struct oci_io_priority, priority, "priority", .min = 0, .max = IOPRIO_NR_LEVELS - 1),
};
static const struct schema io_priority = SCHEMA(struct oci_io_priority, io_priority_fields);

static const struct field cpu_affinity_fields[] = {
	STR(struct oci_cpu_affinity, initial, "initial", .form = form_number_list),
	STR(struct oci_cpu_affinity, final, "final", .form = form_number_list),
};
static const struct schema cpu_affinity = SCHEMA(struct oci_cpu_affinity, cpu_affinity_fields);

static const struct field process_fields[] = {
	BOOL(struct oci_process, terminal, "terminal"),
	OBJECT(struct oci_process, console_size, "consoleSize", console_size),
	PART(struct oci_process, user, "user", user, .required = true),
	STRS(struct oci_process, args, "args", .required = true),
	STRS(struct oci_process, env, "env", .form = form_env),
	STR(struct oci_process, cwd, "cwd", .required = true, .form = form_absolute),
	OBJECT(struct oci_process, capabilities, "capabilities", capabilities),
	LIST(struct oci_process, rlimits, "rlimits", rlimit),
	BOOL(struct oci_process, no_new_privileges, "noNewPrivileges"),
	STR(struct oci_process, apparmor_profile, "apparmorProfile"),
	OPT_INT(struct oci_process, oom_score_adj, "oomScoreAdj", .min = -1000, .max = 1000),
	STR(struct oci_process, selinux_label, "selinuxLabel"),
	OBJECT(struct oci_process, scheduler, "scheduler", scheduler),
	OBJECT(struct oci_process, io_priority, "ioPriority", io_priority),
	OBJECT(struct oci_process, exec_cpu_affinity, "execCPUAffinity", cpu_affinity),
};

static int finish_process(const struct json_node *n, void *obj, struct err *err)
{
	const struct oci_process *p = obj;
	unsigned seen = 0;

	if (!p->args[0])
		return json_fail_member(n, "args", err, "empty, there is nothing to run");
	if (!*p->args[0])
		return json_fail_member(n, "args", err, "the first one is empty");
	for (size_t i = 0; i < p->n_rlimits; i++) {
		if (seen & 1u << p->rlimits[i].resource)
			return json_fail_member(
				entry_node(n, "rlimits", i), "type", err, "given twice");
		seen |= 1u << p->rlimits[i].resource;
	}
	return 0;
}
const struct schema schema_process =
	SCHEMA(struct oci_process, process_fields, .finish = finish_process);
