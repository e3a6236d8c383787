/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.json of the OCI runtime specification 1.3 (config.md, config-linux.md) as
 * typed structs. Reading it has no side effects and asks the host nothing.
 *
 * What a reader of these structs may rely on:
 * - A string, object or string list that is not given is NULL; other lists have
 *   n_X 0. null and, for optional strings, "" count as not given.
 * - String lists end in NULL. A list that is given but empty is not NULL.
 * - Numbers for which 0 does not say "not given" are struct oci_X with `set`.
 * - Words with a kernel constant are that constant.
 * - Maps are lists sorted by name.
 * - Members marked "required" are there; the range, form or word of every value was
 *   checked. Paths marked "absolute" are; nothing else is known of them, ".." and
 *   symbolic links included.
 * - All is owned by the config and lives until oci_config_free(). Members may be
 *   replaced by pointers to memory of the caller's that lives as long.
 */
#ifndef OCI_SPEC_CONFIG_H
#define OCI_SPEC_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"

struct arena;
struct buf;
struct json_node;
struct json_writer;

#define OCI_VERSION	"1.3.0" /* the newest that is understood */
#define OCI_VERSION_MIN "1.0.0"
#define OCI_CONFIG_FILE "config.json"

struct oci_i64 {
	bool set;
	int64_t value;
};

struct oci_u64 {
	bool set;
	uint64_t value;
};

struct oci_i32 {
	bool set;
	int32_t value;
};

struct oci_u32 {
	bool set;
	uint32_t value;
};

struct oci_u16 {
	bool set;
	uint16_t value;
};

struct oci_bool {
	bool set;
	bool value;
};

/* An entry of a map from string to string. */
struct oci_pair {
	const char *name;
	const char *value;
};

struct oci_id_mapping {
	uint32_t container_id, host_id;
	uint32_t size; /* not 0; neither range goes beyond 2^32 - 1 */
};

struct oci_root {
	const char *path; /* required; relative to the bundle unless absolute */
	bool readonly;
};

struct oci_mount {
	const char *destination; /* required; relative ones are taken from "/" */
	const char *type;
	const char *source;
	const char *const *options;
	const struct oci_id_mapping *uid_mappings;
	size_t n_uid_mappings;
	const struct oci_id_mapping *gid_mappings;
	size_t n_gid_mappings;
};

struct oci_hook {
	const char *path;	 /* required; absolute */
	const char *const *args; /* includes argv[0] */
	const char *const *env;	 /* each "NAME=value" */
	struct oci_i32 timeout;	 /* seconds, > 0 */
};

struct oci_hooks {
	const struct oci_hook *prestart;
	size_t n_prestart;
	const struct oci_hook *create_runtime;
	size_t n_create_runtime;
	const struct oci_hook *create_container;
	size_t n_create_container;
	const struct oci_hook *start_container;
	size_t n_start_container;
	const struct oci_hook *poststart;
	size_t n_poststart;
	const struct oci_hook *poststop;
	size_t n_poststop;
};

/* process */

struct oci_console_size {
	uint32_t height, width; /* characters; <= 65535 */
};

struct oci_user {
	uint32_t uid, gid;
	struct oci_u32 umask; /* <= 0777 */
	const uint32_t *additional_gids;
	size_t n_additional_gids;
};

struct oci_rlimit {
	int resource;	     /* RLIMIT_* */
	uint64_t soft, hard; /* soft <= hard; UINT64_MAX is RLIM_INFINITY */
};

/* Names as written; which of them exist here is for runtime/box/caps.h. */
struct oci_capabilities {
	const char *const *bounding;
	const char *const *effective;
	const char *const *inheritable;
	const char *const *permitted;
	const char *const *ambient;
};

struct oci_scheduler {
	int policy;			    /* SCHED_*, SCHED_DEADLINE (6) */
	int32_t nice;			    /* -20..19; SCHED_OTHER and SCHED_BATCH */
	int32_t priority;		    /* 0..99; 1.. with SCHED_FIFO and SCHED_RR, else 0 */
	uint32_t flags;			    /* SCHED_FLAG_* of linux/sched.h */
	uint64_t runtime, deadline, period; /* ns; SCHED_DEADLINE */
};

struct oci_io_priority {
	int class;    /* IOPRIO_CLASS_* of linux/ioprio.h */
	int priority; /* 0..7 */
};

/* CPU lists as in cpuset(7), "0-3,7". */
struct oci_cpu_affinity {
	const char *initial;
	const char *final;
};

struct oci_process {
	bool terminal;
	const struct oci_console_size *console_size; /* only with a terminal */
	struct oci_user user;			     /* required */
	const char *cwd;			     /* required; absolute */
	const char *const *env;			     /* each "NAME=value" */
	const char *const *args;	  /* required; at least one, the first not empty */
	const struct oci_rlimit *rlimits; /* no resource twice */
	size_t n_rlimits;
	const struct oci_capabilities *capabilities;
	bool no_new_privileges;
	struct oci_i32 oom_score_adj; /* -1000..1000 */
	const char *apparmor_profile;
	const char *selinux_label;
	const struct oci_scheduler *scheduler;
	const struct oci_io_priority *io_priority;
	const struct oci_cpu_affinity *exec_cpu_affinity;
};

/* linux.resources */

struct oci_device_rule {
	bool allow;		     /* required */
	char type;		     /* 'a' (also when not given), 'b', 'c' */
	struct oci_i64 major, minor; /* >= 0; not set, or -1 in the file: any */
	const char *access;	     /* of "rwm", each at most once; NULL: all */
};

struct oci_memory {
	struct oci_i64 limit, reservation, swap, kernel, kernel_tcp; /* bytes; -1: unlimited */
	struct oci_u64 swappiness;				     /* 0..100 */
	struct oci_bool disable_oom_killer;
	struct oci_bool use_hierarchy;
	struct oci_bool check_before_update;
};

struct oci_cpu {
	struct oci_u64 shares;
	struct oci_i64 quota;		 /* us; -1: unlimited */
	struct oci_u64 burst;		 /* us */
	struct oci_u64 period;		 /* us */
	struct oci_i64 realtime_runtime; /* us */
	struct oci_u64 realtime_period;	 /* us */
	const char *cpus, *mems;	 /* lists as in cpuset(7) */
	struct oci_i64 idle;		 /* 0, 1 */
};

struct oci_weight_device {
	int64_t major, minor; /* required */
	struct oci_u16 weight, leaf_weight;
};

struct oci_throttle_device {
	int64_t major, minor; /* required */
	uint64_t rate;	      /* required; bytes or operations per second */
};

struct oci_block_io {
	struct oci_u16 weight, leaf_weight;
	const struct oci_weight_device *weight_devices;
	size_t n_weight_devices;
	const struct oci_throttle_device *read_bps;
	size_t n_read_bps;
	const struct oci_throttle_device *write_bps;
	size_t n_write_bps;
	const struct oci_throttle_device *read_iops;
	size_t n_read_iops;
	const struct oci_throttle_device *write_iops;
	size_t n_write_iops;
};

struct oci_hugepage_limit {
	const char *page_size; /* required; "2MB" */
	uint64_t limit;	       /* required; bytes */
};

struct oci_net_priority {
	const char *name;  /* required; of the interface */
	uint32_t priority; /* required */
};

struct oci_network {
	struct oci_u32 class_id;
	const struct oci_net_priority *priorities;
	size_t n_priorities;
};

struct oci_pids {
	struct oci_i64 limit; /* -1: unlimited */
};

struct oci_rdma {
	const char *name;			 /* of the device */
	struct oci_u32 hca_handles, hca_objects; /* at least one is set */
};

struct oci_resources {
	const struct oci_device_rule
		*devices; /* in the order of the file: the last match decides */
	size_t n_devices;
	const struct oci_memory *memory;
	const struct oci_cpu *cpu;
	const struct oci_pids *pids;
	const struct oci_block_io *block_io;
	const struct oci_hugepage_limit *hugepage_limits;
	size_t n_hugepage_limits;
	const struct oci_network *network;
	const struct oci_rdma *rdma;
	size_t n_rdma;
	const struct oci_pair *unified; /* file of cgroup v2 (no '/') and what is written to it */
	size_t n_unified;
};

/* linux.seccomp */

enum oci_seccomp_action {
	OCI_SECCOMP_NONE,	 /* not given */
	OCI_SECCOMP_KILL_THREAD, /* also SCMP_ACT_KILL */
	OCI_SECCOMP_KILL_PROCESS,
	OCI_SECCOMP_TRAP,
	OCI_SECCOMP_ERRNO,
	OCI_SECCOMP_TRACE,
	OCI_SECCOMP_ALLOW,
	OCI_SECCOMP_LOG,
	OCI_SECCOMP_NOTIFY,
};

enum oci_seccomp_op {
	OCI_SECCOMP_NE = 1,
	OCI_SECCOMP_LT,
	OCI_SECCOMP_LE,
	OCI_SECCOMP_EQ,
	OCI_SECCOMP_GE,
	OCI_SECCOMP_GT,
	OCI_SECCOMP_MASKED_EQ,
};

/* Bits of oci_seccomp.architectures; the names are those of SCMP_ARCH_*. */
enum oci_arch {
	OCI_ARCH_X86 = 1u << 0,
	OCI_ARCH_X86_64 = 1u << 1,
	OCI_ARCH_X32 = 1u << 2,
	OCI_ARCH_ARM = 1u << 3,
	OCI_ARCH_AARCH64 = 1u << 4,
	OCI_ARCH_MIPS = 1u << 5,
	OCI_ARCH_MIPS64 = 1u << 6,
	OCI_ARCH_MIPS64N32 = 1u << 7,
	OCI_ARCH_MIPSEL = 1u << 8,
	OCI_ARCH_MIPSEL64 = 1u << 9,
	OCI_ARCH_MIPSEL64N32 = 1u << 10,
	OCI_ARCH_PPC = 1u << 11,
	OCI_ARCH_PPC64 = 1u << 12,
	OCI_ARCH_PPC64LE = 1u << 13,
	OCI_ARCH_S390 = 1u << 14,
	OCI_ARCH_S390X = 1u << 15,
	OCI_ARCH_PARISC = 1u << 16,
	OCI_ARCH_PARISC64 = 1u << 17,
	OCI_ARCH_RISCV64 = 1u << 18,
	OCI_ARCH_LOONGARCH64 = 1u << 19,
	OCI_ARCH_M68K = 1u << 20,
	OCI_ARCH_SH = 1u << 21,
	OCI_ARCH_SHEB = 1u << 22,
};

struct oci_seccomp_arg {
	uint32_t index; /* 0..5 */
	uint64_t value;
	uint64_t value_two; /* of OCI_SECCOMP_MASKED_EQ: (arg & value) == value_two */
	enum oci_seccomp_op op;
};

struct oci_seccomp_rule {
	const char *const *names;	    /* required; at least one */
	enum oci_seccomp_action action;	    /* required */
	struct oci_u32 errno_ret;	    /* only with ERRNO and TRACE */
	const struct oci_seccomp_arg *args; /* all have to match */
	size_t n_args;
};

struct oci_seccomp {
	enum oci_seccomp_action default_action; /* required */
	struct oci_u32 default_errno_ret;
	struct oci_u32 architectures; /* enum oci_arch, or-ed */
	struct oci_u32 flags;	      /* SECCOMP_FILTER_FLAG_*; not set: the list is not given */
	const char *listener_path;
	const char *listener_metadata;
	const struct oci_seccomp_rule *rules; /* "syscalls" in the file */
	size_t n_rules;
};

/* "X86_64", the part of the name behind SCMP_ARCH_; NULL when it is not one bit of these. */
const char *oci_arch_name(uint32_t bit);

/*
 * linux.resources alone, as `turf update` reads them and a container's record keeps
 * them. What the structs point to lives as long as the arena.
 */
int oci_resources_parse(const char *json, size_t len, struct arena *arena,
	const struct oci_resources **ret, struct err *err);
int oci_resources_read(const struct json_node *n, struct arena *arena,
	const struct oci_resources **ret, struct err *err);
void oci_resources_write(const struct oci_resources *resources, struct json_writer *w);

/*
 * `base` (NULL: nothing) with the changes in it. Zeros that mean "not given", as tools
 * write them, change nothing.
 */
int oci_resources_merge(const struct oci_resources *base, const struct oci_resources *change,
	struct arena *arena, const struct oci_resources **ret, struct err *err);

/* The words that a member takes; for OCI_HOOKS the members themselves. */
enum oci_word_list {
	OCI_HOOKS,
	OCI_NAMESPACES,
	OCI_SECCOMP_ACTIONS,
	OCI_SECCOMP_OPERATORS,
	OCI_SECCOMP_ARCHS,
	OCI_SECCOMP_FLAGS,
	OCI_MEMPOLICY_MODES,
	OCI_MEMPOLICY_FLAGS,
};

/* The i-th word, NULL behind the last. Its value, where words have one; NULL is fine. */
const char *oci_word(enum oci_word_list list, size_t i, long *ret_value);

/* "SECCOMP_FILTER_FLAG_LOG"; NULL when it is not one bit of oci_seccomp.flags. */
const char *oci_seccomp_flag_name(uint32_t bit);

/* Whether some rule's action is OCI_SECCOMP_NOTIFY. NULL is fine. */
bool oci_seccomp_notifies(const struct oci_seccomp *seccomp);

/* linux */

struct oci_namespace {
	int type;	  /* one CLONE_NEW*; no type twice */
	const char *path; /* absolute; NULL: a new one */
};

struct oci_time_offset {
	int64_t secs;
	uint32_t nanosecs; /* < 10^9 */
};

struct oci_time_offsets {
	const struct oci_time_offset *monotonic;
	const struct oci_time_offset *boottime;
};

struct oci_device {
	char type;		  /* required; 'c', 'b', 'u' or 'p' */
	const char *path;	  /* required; absolute */
	int64_t major, minor;	  /* required but for 'p' */
	struct oci_u32 file_mode; /* <= 07777 and the type's own bits */
	struct oci_u32 uid, gid;
};

struct oci_net_device {
	const char *name;     /* on the host */
	const char *new_name; /* in the container; NULL: the same */
};

struct oci_intel_rdt {
	const char *clos_id;
	const char *const *schemata;
	const char *l3_cache_schema;
	const char *mem_bw_schema;
	bool enable_monitoring;
	bool enable_cmt, enable_mbm; /* gone from 1.3, still written by older tools */
};

struct oci_memory_policy {
	int mode;	   /* MPOL_* of linux/mempolicy.h */
	const char *nodes; /* a list as in cpuset(7) */
	uint32_t flags;	   /* MPOL_F_* */
};

struct oci_personality {
	unsigned domain; /* PER_LINUX or PER_LINUX32 of sys/personality.h */
	uint32_t flags;	 /* none is defined yet */
};

struct oci_linux {
	const struct oci_namespace *namespaces;
	size_t n_namespaces;
	const struct oci_id_mapping *uid_mappings;
	size_t n_uid_mappings;
	const struct oci_id_mapping *gid_mappings;
	size_t n_gid_mappings;
	const struct oci_time_offsets *time_offsets;
	const struct oci_device *devices;
	size_t n_devices;
	const struct oci_net_device *net_devices;
	size_t n_net_devices;
	const char *cgroups_path;
	const struct oci_resources *resources;
	const struct oci_intel_rdt *intel_rdt;
	const struct oci_memory_policy *memory_policy;
	const struct oci_pair *sysctl; /* names with '.' or '/' as written */
	size_t n_sysctl;
	unsigned long
		rootfs_propagation;	 /* MS_SHARED.. and MS_REC as the word says; 0: not given */
	const char *const *masked_paths; /* absolute */
	const char *const *readonly_paths; /* absolute */
	const char *mount_label;
	const struct oci_personality *personality;
	const struct oci_seccomp *seccomp;
};

struct oci_config {
	const char *oci_version;     /* required; 1.x */
	const struct oci_root *root; /* required */
	const char *hostname;	     /* needs a UTS namespace */
	const char *domainname;	     /* needs a UTS namespace */
	const struct oci_mount *mounts;
	size_t n_mounts;
	const struct oci_process *process; /* NULL: `start` will fail, `create` may not */
	const struct oci_hooks *hooks;
	const struct oci_linux *linux_; /* "linux" itself is a macro in GNU C */
	const struct oci_pair *annotations;
	size_t n_annotations;
};

/*
 * Reads and validates. Errors start with the JSON path. -EINVAL for what the
 * specification forbids, -E2BIG beyond a limit of ours or of base/json.h.
 */
int oci_config_parse(const char *json, size_t len, struct oci_config **ret, struct err *err);

/* The same of a file; errors start with `path`: "config.json: process.cwd: missing". */
int oci_config_load(int dirfd, const char *path, struct oci_config **ret, struct err *err);

/*
 * "process" alone, from a file that holds nothing else (exec --process). It stands in
 * a config of its own, of which all other members are empty.
 */
int oci_process_load(const char *path, struct oci_config **ret, struct err *err);

void oci_config_free(struct oci_config *config); /* NULL is fine */

static inline void oci_config_free_ptr_(struct oci_config **config)
{
	oci_config_free(*config);
}
#define _cleanup_oci_config_ _cleanup_(oci_config_free_ptr_)

/*
 * Canonical JSON: members in a fixed order, maps sorted, nothing that says "not
 * given". Reading it again gives an equal config. Ask buf_failed().
 */
void oci_config_write(const struct oci_config *config, bool pretty, struct buf *out);

/* linux.seccomp alone, in the same form. */
void oci_seccomp_write(const struct oci_seccomp *seccomp, struct buf *out);

/*
 * What `turf spec` prints. A rootless one maps `uid` and `gid` to 0 in a user
 * namespace of its own; they are unused otherwise.
 */
int oci_config_default(
	bool rootless, uid_t uid, gid_t gid, struct oci_config **ret, struct err *err);

/* The value of an annotation, NULL when there is none. */
const char *oci_config_annotation(const struct oci_config *config, const char *name);

/* The namespace of a type (CLONE_NEW*), NULL when it is the runtime's own. */
const struct oci_namespace *oci_config_namespace(const struct oci_config *config, int type);

#endif
