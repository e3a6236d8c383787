/* SPDX-License-Identifier: Apache-2.0 */
/* The reader on good configs and the writer's way back; what is refused is in test_oci_errors.c. */
#include "oci-spec/config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/resource.h>

#include "runtime/base/buf.h"
#include "tests/unit/unit.h"

#define SAMPLES "tests/fuzz/corpus/config/"

static struct oci_config *load(const char *path)
{
	struct oci_config *config = NULL;
	struct err err = ERR_INIT;

	ck_assert_msg(oci_config_load(AT_FDCWD, path, &config, &err) == 0, "%s", err.msg);
	return config;
}

static struct oci_config *parse(const char *text)
{
	struct oci_config *config = NULL;
	struct err err = ERR_INIT;

	ck_assert_msg(oci_config_parse(text, strlen(text), &config, &err) == 0, "%s", err.msg);
	return config;
}

static void check_strs(const char *const *list, const char *const *expected)
{
	ck_assert_ptr_nonnull(list);
	for (; *expected; list++, expected++) {
		ck_assert_ptr_nonnull(*list);
		ck_assert_str_eq(*list, *expected);
	}
	ck_assert_ptr_null(*list);
}
#define CHECK_STRS(list, ...) check_strs((list), (const char *const[]){__VA_ARGS__, NULL})

START_TEST(reads_the_top)
{
	_cleanup_oci_config_ struct oci_config *c = load(SAMPLES "full.json");

	ck_assert_str_eq(c->oci_version, "1.3.0");
	ck_assert_str_eq(c->root->path, "rootfs");
	ck_assert(c->root->readonly);
	ck_assert_str_eq(c->hostname, "slartibartfast");
	ck_assert_str_eq(c->domainname, "foobarbaz.test");
	ck_assert_uint_eq(c->n_mounts, 2);
	ck_assert_str_eq(c->mounts[0].type, "proc");
	ck_assert_ptr_null(c->mounts[0].options);
	ck_assert_str_eq(c->mounts[1].destination, "data");
	CHECK_STRS(c->mounts[1].options, "rbind", "rw");
	ck_assert_uint_eq(c->mounts[1].n_uid_mappings, 1);
	ck_assert_uint_eq(c->mounts[1].uid_mappings[0].host_id, 1000);
	ck_assert_uint_eq(c->mounts[1].gid_mappings[0].size, 32000);
	ck_assert_str_eq(oci_config_annotation(c, "com.example.gpu-cores"), "2");
	ck_assert_str_eq(oci_config_annotation(c, "a"), "");
	ck_assert_ptr_null(oci_config_annotation(c, "b"));
	ck_assert_str_eq(c->annotations[0].name, "a");
}
END_TEST

START_TEST(reads_all_six_kinds_of_hooks)
{
	_cleanup_oci_config_ struct oci_config *c = load(SAMPLES "full.json");
	const struct oci_hooks *h = c->hooks;

	ck_assert_uint_eq(h->n_prestart, 2);
	ck_assert_str_eq(h->prestart[0].path, "/bin/fix-mounts");
	CHECK_STRS(h->prestart[0].args, "fix-mounts", "a");
	CHECK_STRS(h->prestart[0].env, "k=v");
	ck_assert(!h->prestart[0].timeout.set);
	ck_assert_ptr_null(h->prestart[1].args);
	ck_assert_uint_eq(h->n_create_runtime, 1);
	ck_assert_int_eq(h->create_runtime[0].timeout.value, 1);
	ck_assert_uint_eq(h->n_create_container, 1);
	ck_assert_int_eq(h->create_container[0].timeout.value, INT32_MAX);
	ck_assert_uint_eq(h->n_start_container, 1);
	ck_assert_ptr_nonnull(h->start_container[0].args);
	ck_assert_ptr_null(h->start_container[0].args[0]);
	ck_assert_uint_eq(h->n_poststart, 1);
	ck_assert_str_eq(h->poststart[0].path, "/bin/4");
	ck_assert_uint_eq(h->n_poststop, 2);
	ck_assert_str_eq(h->poststop[1].path, "/bin/6");
}
END_TEST

START_TEST(reads_the_process)
{
	_cleanup_oci_config_ struct oci_config *c = load(SAMPLES "full.json");
	const struct oci_process *p = c->process;

	ck_assert(p->terminal);
	ck_assert_uint_eq(p->console_size->height, 24);
	ck_assert_uint_eq(p->console_size->width, 80);
	ck_assert_uint_eq(p->user.uid, 1000);
	ck_assert_uint_eq(p->user.gid, 1001);
	ck_assert(p->user.umask.set);
	ck_assert_uint_eq(p->user.umask.value, 022);
	ck_assert_uint_eq(p->user.n_additional_gids, 2);
	ck_assert_uint_eq(p->user.additional_gids[1], 6);
	CHECK_STRS(p->args, "sh", "-c", "", "echo \"\xc3\xa9\xf0\x9f\x98\x80\"");
	CHECK_STRS(p->env, "PATH=/bin", "EMPTY=", "X=a=b");
	ck_assert_str_eq(p->cwd, "/home");
	CHECK_STRS(p->capabilities->bounding, "CAP_CHOWN", "CAP_KILL");
	CHECK_STRS(p->capabilities->effective, "CAP_CHOWN");
	CHECK_STRS(p->capabilities->inheritable, "CAP_KILL");
	CHECK_STRS(p->capabilities->ambient, "CAP_KILL");
	ck_assert_uint_eq(p->n_rlimits, 2);
	ck_assert_int_eq(p->rlimits[0].resource, RLIMIT_NOFILE);
	ck_assert_uint_eq(p->rlimits[0].hard, UINT64_MAX);
	ck_assert_uint_eq(p->rlimits[0].soft, 1024);
	ck_assert(p->no_new_privileges);
	ck_assert_str_eq(p->apparmor_profile, "acme_secure_profile");
	ck_assert_int_eq(p->oom_score_adj.value, -500);
	ck_assert_int_eq(p->scheduler->policy, SCHED_DEADLINE);
	ck_assert_int_eq(p->scheduler->nice, -5);
	ck_assert_uint_eq(p->scheduler->flags, SCHED_FLAG_RESET_ON_FORK | SCHED_FLAG_DL_OVERRUN);
	ck_assert_uint_eq(p->scheduler->period, 10000000);
	ck_assert_int_eq(p->io_priority->class, IOPRIO_CLASS_IDLE);
	ck_assert_int_eq(p->io_priority->priority, 4);
	ck_assert_str_eq(p->exec_cpu_affinity->initial, "7");
	ck_assert_str_eq(p->exec_cpu_affinity->final, "0-3,7");
}
END_TEST

START_TEST(reads_linux)
{
	_cleanup_oci_config_ struct oci_config *c = load(SAMPLES "full.json");
	const struct oci_linux *l = c->linux_;

	ck_assert_uint_eq(l->n_namespaces, 8);
	ck_assert_str_eq(oci_config_namespace(c, CLONE_NEWNET)->path, "/var/run/netns/neta");
	ck_assert_ptr_null(oci_config_namespace(c, CLONE_NEWTIME)->path);
	ck_assert_uint_eq(l->n_uid_mappings, 2);
	ck_assert_uint_eq(l->uid_mappings[1].size, 4294867295u);
	ck_assert_int_eq(l->time_offsets->monotonic->secs, 172800);
	ck_assert_int_eq(l->time_offsets->boottime->secs, -1);
	ck_assert_uint_eq(l->time_offsets->boottime->nanosecs, 999999999);
	ck_assert_uint_eq(l->n_devices, 4);
	ck_assert_int_eq(l->devices[0].type, 'c');
	ck_assert_int_eq(l->devices[0].minor, 229);
	ck_assert_uint_eq(l->devices[0].file_mode.value, 0666);
	ck_assert(l->devices[0].uid.set);
	ck_assert(!l->devices[1].uid.set);
	ck_assert_int_eq(l->devices[3].type, 'p');
	ck_assert_uint_eq(l->n_net_devices, 2);
	ck_assert_str_eq(l->net_devices[0].name, "ens4");
	ck_assert_ptr_null(l->net_devices[0].new_name);
	ck_assert_str_eq(l->net_devices[1].new_name, "container_eth0");
	ck_assert_str_eq(l->cgroups_path, "/myRuntime/myContainer");
	CHECK_STRS(l->intel_rdt->schemata, "L3:0=7f0;1=1f", "MB:0=20;1=70");
	ck_assert(l->intel_rdt->enable_monitoring);
	ck_assert_int_eq(l->memory_policy->mode, MPOL_INTERLEAVE);
	ck_assert_uint_eq(l->memory_policy->flags, MPOL_F_STATIC_NODES);
	ck_assert_str_eq(l->sysctl[0].name, "net.core.somaxconn");
	ck_assert_uint_eq(l->rootfs_propagation, MS_SLAVE | MS_REC);
	CHECK_STRS(l->masked_paths, "/proc/kcore");
	CHECK_STRS(l->readonly_paths, "/proc/sys");
	ck_assert_uint_eq(l->personality->domain, PER_LINUX32);
}
END_TEST

START_TEST(reads_resources)
{
	_cleanup_oci_config_ struct oci_config *c = load(SAMPLES "full.json");
	const struct oci_resources *r = c->linux_->resources;

	ck_assert_uint_eq(r->n_devices, 3);
	ck_assert_int_eq(r->devices[0].type, 'a');
	ck_assert(!r->devices[0].allow && !r->devices[0].major.set);
	ck_assert_int_eq(r->devices[1].major.value, 10);
	ck_assert(r->devices[2].major.set && !r->devices[2].minor.set);
	ck_assert_int_eq(r->memory->limit.value, 536870912);
	ck_assert_int_eq(r->memory->swap.value, -1);
	ck_assert(r->memory->swappiness.set);
	ck_assert(r->memory->disable_oom_killer.set && !r->memory->disable_oom_killer.value);
	ck_assert(r->memory->check_before_update.value);
	ck_assert_uint_eq(r->cpu->shares.value, 1024);
	ck_assert_int_eq(r->cpu->quota.value, 1000000);
	ck_assert_str_eq(r->cpu->mems, "0-7");
	ck_assert(r->cpu->idle.set);
	ck_assert_int_eq(r->pids->limit.value, 32771);
	ck_assert_uint_eq(r->block_io->weight_devices[0].leaf_weight.value, 300);
	ck_assert(!r->block_io->weight_devices[1].leaf_weight.set);
	ck_assert_uint_eq(r->block_io->read_bps[0].rate, 600);
	ck_assert_uint_eq(r->block_io->read_iops[0].rate, UINT64_MAX);
	ck_assert_uint_eq(r->n_hugepage_limits, 2);
	ck_assert_str_eq(r->hugepage_limits[1].page_size, "64KB");
	ck_assert_uint_eq(r->network->class_id.value, 1048577);
	ck_assert_uint_eq(r->network->priorities[1].priority, 1000);
	ck_assert_str_eq(r->rdma[0].name, "mlx4_0");
	ck_assert(!r->rdma[0].hca_handles.set);
	ck_assert_uint_eq(r->rdma[1].hca_handles.value, 3);
	ck_assert_str_eq(r->unified[1].name, "io.max");
}
END_TEST

START_TEST(reads_seccomp)
{
	_cleanup_oci_config_ struct oci_config *c = load(SAMPLES "full.json");
	const struct oci_seccomp *s = c->linux_->seccomp;

	ck_assert_int_eq(s->default_action, OCI_SECCOMP_ERRNO);
	ck_assert_uint_eq(s->default_errno_ret.value, 1);
	ck_assert_uint_eq(s->architectures.value,
		OCI_ARCH_X86_64 | OCI_ARCH_X86 | OCI_ARCH_X32 | OCI_ARCH_LOONGARCH64);
	ck_assert_str_eq(oci_arch_name(OCI_ARCH_MIPSEL64N32), "MIPSEL64N32");
	ck_assert_ptr_null(oci_arch_name(OCI_ARCH_X86 | OCI_ARCH_X32));
	ck_assert_uint_eq(s->flags.value, SECCOMP_FILTER_FLAG_LOG | 1u << 5);
	ck_assert_str_eq(s->listener_path, "/run/seccomp.sock");
	ck_assert_uint_eq(s->n_rules, 3);
	CHECK_STRS(s->rules[0].names, "getcwd", "chmod");
	ck_assert_uint_eq(s->rules[0].errno_ret.value, 38);
	ck_assert_uint_eq(s->rules[1].n_args, 2);
	ck_assert_int_eq(s->rules[1].args[0].op, OCI_SECCOMP_MASKED_EQ);
	ck_assert_uint_eq(s->rules[1].args[1].index, 5);
	ck_assert_uint_eq(s->rules[1].args[1].value, UINT64_MAX);
	ck_assert_int_eq(s->rules[2].action, OCI_SECCOMP_NOTIFY);
}
END_TEST

START_TEST(null_and_empty_strings_are_not_given)
{
	_cleanup_oci_config_ struct oci_config *c =
		parse("{\"ociVersion\":\"1.0.2-dev\",\"root\":{\"path\":\"r\"},\"hostname\":\"\","
		      "\"mounts\":null,\"hooks\":null,\"annotations\":null,\"process\":{\"user\":{"
		      "\"uid\":0,\"gid\":0,\"additionalGids\":null,\"umask\":null},\"cwd\":\"/\","
		      "\"args\":[\"x\"],\"apparmorProfile\":\"\",\"capabilities\":{\"bounding\":"
		      "null,\"ambient\":[]},\"oomScoreAdj\":null},\"linux\":{"
		      "\"rootfsPropagation\":\"\",\"resources\":{\"cpu\":{\"cpus\":\"\"}},"
		      "\"timeOffsets\":{}}}");

	ck_assert_ptr_null(c->hostname);
	ck_assert_uint_eq(c->n_mounts, 0);
	ck_assert_ptr_null(c->hooks);
	ck_assert(!c->process->user.umask.set);
	ck_assert(!c->process->oom_score_adj.set);
	ck_assert_ptr_null(c->process->apparmor_profile);
	ck_assert_ptr_null(c->process->capabilities->bounding);
	ck_assert_ptr_nonnull(c->process->capabilities->ambient);
	ck_assert_ptr_null(c->linux_->resources->cpu->cpus);
	ck_assert_uint_eq(c->linux_->rootfs_propagation, 0);
}
END_TEST

START_TEST(process_and_linux_may_be_missing)
{
	_cleanup_oci_config_ struct oci_config *c = load(SAMPLES "minimal.json");

	ck_assert_ptr_null(c->process);
	ck_assert_ptr_null(c->linux_);
	ck_assert_ptr_null(oci_config_namespace(c, CLONE_NEWPID));
}
END_TEST

static void check_round_trip(const struct oci_config *config, bool pretty)
{
	_cleanup_oci_config_ struct oci_config *again = NULL;
	_cleanup_buf_ struct buf once = BUF_INIT, twice = BUF_INIT;

	oci_config_write(config, pretty, &once);
	again = parse(once.data);
	oci_config_write(again, pretty, &twice);
	ck_assert(!buf_failed(&once) && !buf_failed(&twice));
	ck_assert_str_eq(once.data, twice.data);
}

START_TEST(what_is_written_reads_the_same)
{
	static const char *const samples[] = {SAMPLES "full.json", SAMPLES "runc.json",
		SAMPLES "turf.json", SAMPLES "rootless.json", SAMPLES "minimal.json"};

	for (size_t i = 0; i < ARRAY_SIZE(samples); i++) {
		_cleanup_oci_config_ struct oci_config *c = load(samples[i]);

		check_round_trip(c, true);
		check_round_trip(c, false);
	}
}
END_TEST

/* Every key of the sample comes back, but those that no table knows. */
START_TEST(nothing_is_lost_on_the_way)
{
	static const char *const keys[] = {"consoleSize", "additionalGids", "umask", "inheritable",
		"selinuxLabel", "deadline", "ioPriority", "final", "domainname", "uidMappings",
		"createContainer", "startContainer", "poststop", "timeout", "boottime", "nanosecs",
		"fileMode", "netDevices", "kernelTCP", "disableOOMKiller", "useHierarchy",
		"checkBeforeUpdate", "realtimePeriod", "burst", "idle", "leafWeight",
		"throttleWriteIOPSDevice", "pageSize", "priorities", "hcaHandles", "io.max",
		"closID", "schemata", "enableMBM", "MPOL_F_STATIC_NODES", "rslave", "mountLabel",
		"LINUX32", "listenerMetadata", "SCMP_ARCH_LOONGARCH64", "SCMP_CMP_MASKED_EQ",
		"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", "defaultErrnoRet", "errnoRet"};
	_cleanup_oci_config_ struct oci_config *c = load(SAMPLES "full.json");
	_cleanup_buf_ struct buf out = BUF_INIT;

	oci_config_write(c, false, &out);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		ck_assert_msg(strstr(out.data, keys[i]), "'%s' is lost", keys[i]);
	ck_assert_ptr_null(strstr(out.data, "windows"));
}
END_TEST

START_TEST(writes_canonically)
{
	_cleanup_oci_config_ struct oci_config *c =
		parse("{\"hostname\":\"\",\"linux\":{\"sysctl\":{\"b\":\"2\",\"a\":\"1\"},"
		      "\"seccomp\":{\"architectures\":[\"SCMP_ARCH_X32\",\"SCMP_ARCH_X86\"],"
		      "\"defaultAction\":\"SCMP_ACT_KILL_THREAD\",\"flags\":[]}},"
		      "\"root\":{\"readonly\":false,\"path\":\"r\"},\"ociVersion\":\"1.1.0\"}");
	_cleanup_buf_ struct buf out = BUF_INIT;

	oci_config_write(c, false, &out);
	ck_assert_str_eq(out.data,
		"{\"ociVersion\":\"1.1.0\",\"root\":{\"path\":\"r\"},\"linux\":{\"sysctl\":{"
		"\"a\":\"1\",\"b\":\"2\"},\"seccomp\":{\"defaultAction\":\"SCMP_ACT_KILL\","
		"\"architectures\":[\"SCMP_ARCH_X86\",\"SCMP_ARCH_X32\"],\"flags\":[]}}}");
}
END_TEST

START_TEST(the_default_is_a_sandbox)
{
	_cleanup_oci_config_ struct oci_config *c = NULL;
	struct err err = ERR_INIT;

	ck_assert_int_eq(oci_config_default(false, 0, 0, &c, &err), 0);
	ck_assert_str_eq(c->oci_version, OCI_VERSION);
	ck_assert_str_eq(c->root->path, "rootfs");
	CHECK_STRS(c->process->args, "sh");
	ck_assert(c->process->terminal && c->process->no_new_privileges);
	ck_assert_ptr_null(c->process->capabilities->inheritable);
	for (size_t i = 0; i < c->linux_->n_namespaces; i++)
		ck_assert_ptr_null(c->linux_->namespaces[i].path);
	ck_assert_uint_eq(c->linux_->n_namespaces, 6);
	ck_assert_uint_eq(c->linux_->resources->n_devices, 1);
	check_round_trip(c, true);
}
END_TEST

START_TEST(the_rootless_default_maps_the_user)
{
	_cleanup_oci_config_ struct oci_config *c = NULL;
	struct err err = ERR_INIT;

	ck_assert_int_eq(oci_config_default(true, 1000, 100, &c, &err), 0);
	ck_assert_ptr_nonnull(oci_config_namespace(c, CLONE_NEWUSER));
	ck_assert_ptr_null(oci_config_namespace(c, CLONE_NEWNET));
	ck_assert_uint_eq(c->linux_->uid_mappings[0].host_id, 1000);
	ck_assert_uint_eq(c->linux_->gid_mappings[0].host_id, 100);
	ck_assert_uint_eq(c->linux_->gid_mappings[0].container_id, 0);
	ck_assert_ptr_null(c->linux_->resources);
}
END_TEST

UNIT_MAIN("oci_config", reads_the_top, reads_all_six_kinds_of_hooks, reads_the_process, reads_linux,
	reads_resources, reads_seccomp, null_and_empty_strings_are_not_given,
	process_and_linux_may_be_missing, what_is_written_reads_the_same,
	nothing_is_lost_on_the_way, writes_canonically, the_default_is_a_sandbox,
	the_rootless_default_maps_the_user)
