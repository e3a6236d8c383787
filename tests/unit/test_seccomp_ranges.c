/* SPDX-License-Identifier: Apache-2.0 */
/* Programs of random profiles, before and after they are rewritten: both do the same. */
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "runtime/box/seccomp_priv.h"
#include "tests/unit/bpf.h"
#include "tests/unit/unit.h"

#define PROFILES  60
#define CALLS_MAX 700 /* more numbers than any architecture has */
#define X32_BIT	  0x40000000u
#define LIKE_NONE 0x1234u

static const uint32_t archs[] = {SCMP_ARCH_X86_64, SCMP_ARCH_X86, SCMP_ARCH_X32};

static uint32_t pick(uint32_t n)
{
	return (uint32_t)rand() % n;
}

static uint32_t pick_action(void)
{
	static const uint32_t actions[] = {SCMP_ACT_ALLOW, SCMP_ACT_ERRNO(1), SCMP_ACT_ERRNO(38),
		SCMP_ACT_KILL_PROCESS, SCMP_ACT_TRAP, SCMP_ACT_LOG, SCMP_ACT_NOTIFY};

	return actions[pick(ARRAY_SIZE(actions))];
}

/* Values on both sides of what programs compare halves of arguments with. */
static uint64_t pick_value(void)
{
	static const uint64_t values[] = {0, 1, 2, 7, 8, 0xff, 0x7e020000, 0x80000000, 0xffffffff,
		0x100000000, 0x100000007, 0xffffffff00000000, UINT64_MAX};

	return values[pick(ARRAY_SIZE(values))] + pick(2);
}

/* --- a profile --- */

struct rule {
	int nr;
	uint32_t action;
	unsigned n_args;
	struct scmp_arg_cmp args[2];
};

static struct rule pick_rule(unsigned args_of_ten)
{
	struct rule r = {.nr = (int)pick(460), .action = pick_action()};

	if (pick(10) < args_of_ten)
		r.n_args = 1 + pick(2);
	for (unsigned i = 0; i < r.n_args; i++)
		r.args[i] = (struct scmp_arg_cmp){.arg = i * 2,
			.op = (enum scmp_compare)(SCMP_CMP_NE + pick(7)),
			.datum_a = pick_value(),
			.datum_b = pick_value()};
	return r;
}

static void export_part(scmp_filter_ctx ctx, struct seccomp_part *part)
{
	int fd = memfd_create("test", MFD_CLOEXEC);
	off_t len;

	ck_assert_int_eq(seccomp_export_bpf(ctx, fd), 0);
	len = lseek(fd, 0, SEEK_END);
	part->insns = malloc((size_t)len);
	part->n = (size_t)len / sizeof(*part->insns);
	ck_assert_int_eq(pread(fd, part->insns, (size_t)len, 0), len);
	close(fd);
}

static void make_part(
	struct seccomp_part *part, uint32_t arch, const struct rule *rules, size_t n, uint32_t rest)
{
	scmp_filter_ctx ctx = seccomp_init(rest);

	ck_assert_ptr_nonnull(ctx);
	if (arch != seccomp_arch_native()) {
		ck_assert_int_eq(seccomp_arch_add(ctx, arch), 0);
		ck_assert_int_eq(seccomp_arch_remove(ctx, seccomp_arch_native()), 0);
	}
	/* Some contradict each other, and some calls another architecture does not have. */
	for (size_t i = 0; i < n; i++)
		(void)seccomp_rule_add_array(
			ctx, rules[i].action, rules[i].nr, rules[i].n_args, rules[i].args);
	if (pick(2))
		ck_assert_int_eq(seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2), 0);
	*part = (struct seccomp_part){.arch = arch, .newest = pick(2) ? 400 : -1};
	export_part(ctx, part);
	seccomp_release(ctx);
}

static void make(struct seccomp_program *before, struct seccomp_program *after)
{
	struct seccomp_part parts[ARRAY_SIZE(archs)];
	const uint32_t rest = pick_action();
	const unsigned args_of_ten = pick(10);
	struct rule rules[400];
	size_t n = pick(ARRAY_SIZE(rules)), n_parts = 1 + pick(ARRAY_SIZE(archs));
	struct err err = ERR_INIT;

	for (size_t i = 0; i < n; i++) {
		rules[i] = pick_rule(args_of_ten);
		/* Neighbours that fare the same are what the rewriting is for. */
		if (i > 0 && pick(3)) {
			rules[i] = rules[i - 1];
			rules[i].nr++;
		}
	}
	for (size_t i = 0; i < n_parts; i++)
		make_part(&parts[i], archs[i], rules, n, rest);
	ck_assert_int_eq(seccomp_join(parts, n_parts, before, &err), 0);
	*after = *before;
	after->insns = malloc(before->len * sizeof(*before->insns));
	memcpy(after->insns, before->insns, before->len * sizeof(*before->insns));
	ck_assert_int_eq(seccomp_ask_ranges(after, parts, n_parts, &err), 0);
	for (size_t i = 0; i < n_parts; i++)
		free(parts[i].insns);
}

/* --- both do the same --- */

static void compare(unsigned profile, const struct seccomp_program *before,
	const struct seccomp_program *after, uint32_t arch, uint32_t nr)
{
	struct seccomp_data data = {.nr = (int)nr, .arch = arch};

	for (unsigned i = 0; i < ARRAY_SIZE(data.args); i++)
		data.args[i] = pick_value();
	ck_assert_msg(bpf_run(before->insns, before->len, &data) ==
			      bpf_run(after->insns, after->len, &data),
		"profile %u, call %#x of architecture %#x", profile, nr, arch);
}

START_TEST(random_profiles_do_what_they_did)
{
	static const uint32_t far[] = {0x7fffffff, 0x80000000, 0xffffffff, X32_BIT - 1};
	size_t shorter = 0;

	for (unsigned n = 0; n < PROFILES; n++) {
		_cleanup_seccomp_ struct seccomp_program before = {0}, after = {0};

		srand(n);
		make(&before, &after);
		ck_assert_uint_le(after.len, before.len);
		shorter += after.len < before.len;
		for (size_t k = 0; k < ARRAY_SIZE(archs) + 1; k++) {
			const uint32_t arch = k < ARRAY_SIZE(archs) ? archs[k] : LIKE_NONE;

			for (uint32_t nr = 0; nr < 3 * CALLS_MAX; nr++)
				compare(n, &before, &after, arch,
					nr % 3 < 2 ? nr / 3 : X32_BIT | nr / 3);
			for (size_t i = 0; i < ARRAY_SIZE(far); i++)
				compare(n, &before, &after, arch, far[i]);
		}
	}
	ck_assert_uint_gt(shorter, PROFILES / 2);
}
END_TEST

/* --- what stays as it is --- */

static void expect_same(const struct sock_filter *insns, size_t n)
{
	const struct seccomp_part part = {.arch = SCMP_ARCH_X86_64};
	struct sock_filter copy[16];
	struct seccomp_program p = {.insns = copy, .len = (uint16_t)n};
	struct err err = ERR_INIT;

	memcpy(copy, insns, n * sizeof(*insns));
	ck_assert_int_eq(seccomp_ask_ranges(&p, &part, 1, &err), 0);
	ck_assert_uint_eq(p.len, n);
	ck_assert_int_eq(memcmp(copy, insns, n * sizeof(*insns)), 0);
}

#define LOAD(field)    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define IF(op, k)      BPF_JUMP(BPF_JMP | BPF_K | (op), (k), 0, 1)
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, (action))
/* Two calls that fare the same: room to be shorter. */
#define CHAIN                                                                         \
	LOAD(nr), IF(BPF_JEQ, 1), RETURN(SECCOMP_RET_ALLOW), IF(BPF_JEQ, 2),          \
		RETURN(SECCOMP_RET_ALLOW), IF(BPF_JEQ, 3), RETURN(SECCOMP_RET_ALLOW), \
		RETURN(SECCOMP_RET_KILL_THREAD)

START_TEST(what_is_unfamiliar_stays)
{
	const struct sock_filter index[] = {BPF_STMT(BPF_LDX | BPF_IMM, 1), CHAIN};
	const struct sock_filter bits[] = {LOAD(nr), IF(BPF_JSET, 1), RETURN(0), CHAIN};
	const struct sock_filter masked[] = {
		LOAD(nr), BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 1), IF(BPF_JEQ, 1), RETURN(0), CHAIN};
	const struct sock_filter order[] = {LOAD(arch), IF(BPF_JGT, 1), RETURN(0), CHAIN};
	const struct sock_filter another[] = {LOAD(arch), IF(BPF_JEQ, 5), RETURN(0), CHAIN};
	const struct sock_filter none[] = {CHAIN};

	expect_same(index, ARRAY_SIZE(index));
	expect_same(bits, ARRAY_SIZE(bits));
	expect_same(masked, ARRAY_SIZE(masked));
	expect_same(order, ARRAY_SIZE(order));
	expect_same(another, ARRAY_SIZE(another));
	/* The same for all architectures, which are not even looked at. */
	expect_same(none, ARRAY_SIZE(none));
}
END_TEST

START_TEST(neighbours_become_ranges)
{
	const struct sock_filter insns[] = {LOAD(arch), IF(BPF_JEQ, SCMP_ARCH_X86_64),
		BPF_STMT(BPF_JMP | BPF_JA, 1), RETURN(0), CHAIN};
	const struct seccomp_part part = {.arch = SCMP_ARCH_X86_64};
	struct sock_filter copy[ARRAY_SIZE(insns)];
	struct seccomp_program p = {.insns = copy, .len = ARRAY_SIZE(insns)};
	struct err err = ERR_INIT;

	memcpy(copy, insns, sizeof(insns));
	ck_assert_int_eq(seccomp_ask_ranges(&p, &part, 1, &err), 0);
	/* Architecture, number, two bounds, two returns; one more return that is out of reach. */
	ck_assert_uint_le(p.len, 8);
}
END_TEST

UNIT_MAIN("seccomp_ranges", random_profiles_do_what_they_did, what_is_unfamiliar_stays,
	neighbours_become_ranges)
