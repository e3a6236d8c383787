/* SPDX-License-Identifier: Apache-2.0 */
/* The config of `turf spec`: a shell in namespaces of its own, few rights. */
#include <errno.h>
#include <linux/sched.h>
#include <sys/resource.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/util.h"

#define LIST_OF(...) ((const char *const[]){__VA_ARGS__, NULL})

#define MOUNT(dest, type_, source_, ...)                                     \
	{                                                                    \
		.destination = (dest), .type = (type_), .source = (source_), \
		.options = LIST_OF(__VA_ARGS__)                              \
	}
#define DEVPTS "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"

static const struct oci_mount mounts[] = {
	{.destination = "/proc", .type = "proc", .source = "proc"},
	MOUNT("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
	MOUNT("/dev/pts", "devpts", "devpts", DEVPTS, "gid=5"),
	MOUNT("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
	MOUNT("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
	MOUNT("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"),
	MOUNT("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", "ro"),
};

/* A group 5 is not mapped, and sysfs shows a network namespace that is not its user namespace's. */
static const struct oci_mount rootless_mounts[] = {
	{.destination = "/proc", .type = "proc", .source = "proc"},
	MOUNT("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
	MOUNT("/dev/pts", "devpts", "devpts", DEVPTS),
	MOUNT("/dev/shm", "tmpfs", "shm", "nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
	MOUNT("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
	MOUNT("/sys", "none", "/sys", "rbind", "nosuid", "noexec", "nodev", "ro"),
	MOUNT("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", "ro"),
};

static const char *const caps[] = {"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE", NULL};

/* None inheritable: a program that execs another does not hand them on. */
static const struct oci_capabilities capabilities = {
	.bounding = caps, .effective = caps, .permitted = caps};

static const struct oci_rlimit rlimits[] = {
	{.resource = RLIMIT_NOFILE, .soft = 1024, .hard = 1024},
};

static const struct oci_process process = {
	.terminal = true,
	.args = LIST_OF("sh"),
	.env = LIST_OF(
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"),
	.cwd = "/",
	.capabilities = &capabilities,
	.rlimits = rlimits,
	.n_rlimits = ARRAY_SIZE(rlimits),
	.no_new_privileges = true,
};

static const struct oci_namespace namespaces[] = {
	{.type = CLONE_NEWPID},
	{.type = CLONE_NEWNET},
	{.type = CLONE_NEWIPC},
	{.type = CLONE_NEWUTS},
	{.type = CLONE_NEWNS},
	{.type = CLONE_NEWCGROUP},
};

static const struct oci_namespace rootless_namespaces[] = {
	{.type = CLONE_NEWPID},
	{.type = CLONE_NEWIPC},
	{.type = CLONE_NEWUTS},
	{.type = CLONE_NEWNS},
	{.type = CLONE_NEWCGROUP},
	{.type = CLONE_NEWUSER},
};

static const struct oci_device_rule device_rules[] = {
	{.allow = false, .type = 'a', .access = "rwm"}};
static const struct oci_resources resources = {
	.devices = device_rules, .n_devices = ARRAY_SIZE(device_rules)};

static const char *const masked_paths[] = {"/proc/acpi", "/proc/asound", "/proc/interrupts",
	"/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug", "/proc/scsi",
	"/proc/timer_list", "/proc/timer_stats", "/sys/devices/virtual/powercap", "/sys/firmware",
	NULL};

static const char *const readonly_paths[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL};

/* Written and read, so that the caller's config is made by the same hands as everybody's. */
static int copy(const struct oci_config *config, struct oci_config **ret, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	oci_config_write(config, false, &text);
	if (buf_failed(&text))
		return err_oom(err);
	return oci_config_parse(text.data, text.len, ret, err);
}

int oci_config_default(
	bool rootless, uid_t uid, gid_t gid, struct oci_config **ret, struct err *err)
{
	const struct oci_id_mapping uids = {.host_id = uid, .size = 1};
	const struct oci_id_mapping gids = {.host_id = gid, .size = 1};
	const struct oci_root root = {.path = "rootfs", .readonly = true};
	const struct oci_linux linux_ = {
		.namespaces = rootless ? rootless_namespaces : namespaces,
		.n_namespaces = rootless ? ARRAY_SIZE(rootless_namespaces) : ARRAY_SIZE(namespaces),
		.uid_mappings = &uids,
		.n_uid_mappings = rootless,
		.gid_mappings = &gids,
		.n_gid_mappings = rootless,
		.resources = rootless ? NULL : &resources,
		.masked_paths = masked_paths,
		.readonly_paths = readonly_paths,
	};
	const struct oci_config config = {
		.oci_version = OCI_VERSION,
		.process = &process,
		.root = &root,
		.hostname = "turf",
		.mounts = rootless ? rootless_mounts : mounts,
		.n_mounts = ARRAY_SIZE(mounts),
		.linux_ = &linux_,
	};

	return copy(&config, ret, err);
}
