/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/box/caps.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/proc.h"
#include "tests/unit/unit.h"

#define BIT(cap)  (UINT64_C(1) << (cap))
#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct buf warnings;

static struct caps_sets compile(const struct oci_capabilities *config, uint64_t available)
{
	struct caps_sets sets = {1, 1, 1, 1, 1};
	struct err err = ERR_INIT;

	buf_finish(&warnings);
	ck_assert_int_eq(caps_compile(config, available, &sets, &warnings, &err), 0);
	return sets;
}

START_TEST(names_and_numbers_agree)
{
	ck_assert_int_eq(caps_number("CAP_CHOWN"), CAP_CHOWN);
	ck_assert_int_eq(caps_number("cap_net_BIND_service"), CAP_NET_BIND_SERVICE);
	ck_assert_int_eq(caps_number("CAP_CHECKPOINT_RESTORE"), CAP_CHECKPOINT_RESTORE);
	ck_assert_int_eq(caps_number("CHOWN"), -EINVAL);
	ck_assert_int_eq(caps_number("CAP_"), -EINVAL);
	ck_assert_int_eq(caps_number("CAP_NONSENSE"), -EINVAL);
	ck_assert_int_eq(caps_number(""), -EINVAL);
	for (unsigned cap = 0; cap <= CAP_LAST_CAP; cap++) {
		ck_assert_ptr_nonnull(caps_name(cap));
		ck_assert_int_eq(caps_number(caps_name(cap)), (int)cap);
	}
	ck_assert_str_eq(caps_name(CAP_SYS_ADMIN), "CAP_SYS_ADMIN");
	ck_assert_ptr_null(caps_name(63));
	ck_assert_ptr_null(caps_name(64));
	ck_assert_ptr_null(caps_name(100000));
}
END_TEST

/* CapBnd of /proc/self/status, read another way than the code does. */
static uint64_t bounding_of_proc(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long long caps = 0;
	char line[256];

	ck_assert_ptr_nonnull(f);
	while (fgets(line, sizeof(line), f))
		sscanf(line, "CapBnd: %llx", &caps);
	fclose(f);
	return caps;
}

static uint64_t bounding(void)
{
	struct proc_sets sets;
	struct err err = ERR_INIT;

	ck_assert_msg(proc_self_sets(&sets, &err) == 0, "%s", err.msg);
	return sets.bounding;
}

static uint64_t known(void)
{
	uint64_t caps;
	struct err err = ERR_INIT;

	ck_assert_msg(caps_known(&caps, &err) == 0, "%s", err.msg);
	return caps;
}

START_TEST(available_is_the_bounding_set)
{
	uint64_t own = bounding(), all = known();

	ck_assert_uint_eq(own, bounding_of_proc());
	ck_assert_uint_eq(own & ~all, 0);
	ck_assert(all & BIT(CAP_SYS_RESOURCE));
	ck_assert_int_eq(prctl(PR_CAPBSET_DROP, CAP_WAKE_ALARM, 0, 0, 0), 0);
	ck_assert_uint_eq(bounding(), own & ~BIT(CAP_WAKE_ALARM));
	ck_assert_uint_eq(known(), all);
	/* The first that the kernel does not know. */
	ck_assert_int_eq(prctl(PR_CAPBSET_READ, 64 - __builtin_clzll(all), 0, 0, 0), -1);
	ck_assert_int_ge(prctl(PR_CAPBSET_READ, 63 - __builtin_clzll(all), 0, 0, 0), 0);
}
END_TEST

START_TEST(nothing_given_is_nothing)
{
	const struct oci_capabilities empty = {0};
	const struct caps_sets none = {0};
	struct caps_sets sets = compile(NULL, UINT64_MAX);

	ck_assert_mem_eq(&sets, &none, sizeof(sets));
	sets = compile(&empty, UINT64_MAX);
	ck_assert_mem_eq(&sets, &none, sizeof(sets));
	ck_assert_uint_eq(warnings.len, 0);
}
END_TEST

START_TEST(five_sets_are_kept_apart)
{
	const struct oci_capabilities config = {
		.bounding = LIST("CAP_CHOWN", "CAP_KILL", "CAP_MKNOD", "CAP_SETUID"),
		.permitted = LIST("CAP_CHOWN", "CAP_KILL", "CAP_MKNOD"),
		.effective = LIST("CAP_CHOWN"),
		.inheritable = LIST("CAP_KILL", "CAP_MKNOD"),
		.ambient = LIST("CAP_KILL"),
	};
	struct caps_sets sets = compile(&config, UINT64_MAX);

	ck_assert_uint_eq(
		sets.bounding, BIT(CAP_CHOWN) | BIT(CAP_KILL) | BIT(CAP_MKNOD) | BIT(CAP_SETUID));
	ck_assert_uint_eq(sets.permitted, BIT(CAP_CHOWN) | BIT(CAP_KILL) | BIT(CAP_MKNOD));
	ck_assert_uint_eq(sets.effective, BIT(CAP_CHOWN));
	ck_assert_uint_eq(sets.inheritable, BIT(CAP_KILL) | BIT(CAP_MKNOD));
	ck_assert_uint_eq(sets.ambient, BIT(CAP_KILL));
	ck_assert_uint_eq(warnings.len, 0);
}
END_TEST

START_TEST(what_is_not_to_be_had_is_dropped_with_a_warning)
{
	const struct oci_capabilities config = {
		.bounding = LIST("CAP_CHOWN", "CAP_SYS_RESOURCE", "CAP_BOGUS"),
		.permitted = LIST("CAP_CHOWN", "CAP_SYS_RESOURCE"),
		.effective = LIST("CAP_CHOWN", "CAP_SYS_RESOURCE"),
	};
	struct caps_sets sets = compile(&config, ~BIT(CAP_SYS_RESOURCE));

	ck_assert_uint_eq(sets.bounding, BIT(CAP_CHOWN));
	ck_assert_uint_eq(sets.permitted, BIT(CAP_CHOWN));
	ck_assert_uint_eq(sets.effective, BIT(CAP_CHOWN));
	ck_assert_str_eq(warnings.data,
		"process.capabilities.bounding: unknown capability 'CAP_BOGUS', ignoring\n"
		"process.capabilities: CAP_SYS_RESOURCE: not available here, ignoring\n");
}
END_TEST

START_TEST(combinations_the_kernel_refuses_are_reduced)
{
	const struct oci_capabilities config = {
		.bounding = LIST("CAP_CHOWN"),
		.permitted = LIST("CAP_CHOWN"),
		.effective = LIST("CAP_CHOWN", "CAP_KILL"),
		.inheritable = LIST("CAP_CHOWN", "CAP_MKNOD"),
		.ambient = LIST("CAP_CHOWN", "CAP_KILL", "CAP_MKNOD"),
	};
	struct caps_sets sets = compile(&config, UINT64_MAX);

	ck_assert_uint_eq(sets.effective, BIT(CAP_CHOWN));
	ck_assert_uint_eq(sets.inheritable, BIT(CAP_CHOWN));
	ck_assert_uint_eq(sets.ambient, BIT(CAP_CHOWN));
	ck_assert_str_eq(warnings.data,
		"process.capabilities.effective: CAP_KILL: not permitted, ignoring\n"
		"process.capabilities.inheritable: CAP_MKNOD: not in the bounding set, ignoring\n"
		"process.capabilities.ambient: CAP_KILL, CAP_MKNOD: not both permitted and "
		"inheritable, ignoring\n");
}
END_TEST

/* Takes the sets as the box would. */
static int child_apply(const struct caps_sets *s)
{
	struct __user_cap_header_struct head = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	for (unsigned cap = 0; cap < 64; cap++)
		if (!(s->bounding & BIT(cap)) && prctl(PR_CAPBSET_READ, cap, 0, 0, 0) > 0 &&
			prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0)
			return errno;
	for (unsigned i = 0; i < 2; i++) {
		data[i].effective = (uint32_t)(s->effective >> (32 * i));
		data[i].permitted = (uint32_t)(s->permitted >> (32 * i));
		data[i].inheritable = (uint32_t)(s->inheritable >> (32 * i));
	}
	if (syscall(SYS_capset, &head, data) < 0)
		return errno;
	for (unsigned cap = 0; cap < 64; cap++)
		if (s->ambient & BIT(cap) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0))
			return errno;
	return 0;
}

/* Whatever is asked for, what comes out is never refused by the kernel. */
START_TEST(the_kernel_takes_every_result)
{
	static const char *const all[] = {"CAP_CHOWN", "CAP_KILL", "CAP_SYS_RESOURCE",
		"CAP_SYS_ADMIN", "CAP_MKNOD", "CAP_AUDIT_READ", NULL};

	for (unsigned mix = 0; mix < 32; mix++) {
		const struct oci_capabilities config = {
			.bounding = mix & 1 ? all : LIST("CAP_CHOWN"),
			.permitted = mix & 2 ? all : LIST("CAP_KILL"),
			.effective = mix & 4 ? all : NULL,
			.inheritable = mix & 8 ? all : NULL,
			.ambient = mix & 16 ? all : NULL,
		};
		struct caps_sets sets = compile(&config, bounding());
		pid_t pid = fork();
		int status;

		ck_assert_int_ge(pid, 0);
		if (pid == 0)
			_exit(child_apply(&sets));
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0, "mix %u: %s", mix,
			strerror(WEXITSTATUS(status)));
	}
}
END_TEST

UNIT_MAIN("caps", names_and_numbers_agree, available_is_the_bounding_set, nothing_given_is_nothing,
	five_sets_are_kept_apart, what_is_not_to_be_had_is_dropped_with_a_warning,
	combinations_the_kernel_refuses_are_reduced, the_kernel_takes_every_result)
