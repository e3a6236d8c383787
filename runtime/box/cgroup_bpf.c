/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device rules of cgroup v2: an eBPF program, assembled here and loaded by bpf(2).
 * The bits of the access that is asked for are kept in a register. Going from the
 * last rule to the first, a rule that allows takes its bits out, one that denies
 * a bit that is still there ends it; nothing left means allowed.
 */
#include "runtime/box/cgroup_devices.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"

/* Longest form of one rule, and what stands before and behind the rules. */
#define INSNS_PER_RULE 7
#define INSNS_FRAME    8

#define PROGRAMS_MAX 64

enum { R_RESULT, R_CTX, R_TYPE, R_ACCESS, R_MAJOR, R_MINOR, R_OVERLAP };

struct assembler {
	struct bpf_insn *insns;
	size_t n;
};

static void emit(
	struct assembler *a, uint8_t code, uint8_t dst, uint8_t src, int16_t off, int32_t imm)
{
	a->insns[a->n++] = (struct bpf_insn){
		.code = code, .dst_reg = dst, .src_reg = src, .off = off, .imm = imm};
}

static void emit_load(struct assembler *a, uint8_t dst, size_t offset)
{
	emit(a, BPF_LDX | BPF_W | BPF_MEM, dst, R_CTX, (int16_t)offset, 0);
}

static void emit_return(struct assembler *a, int value)
{
	emit(a, BPF_ALU64 | BPF_MOV | BPF_K, R_RESULT, 0, 0, value);
	emit(a, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* Jumps over what follows, up to where patch_jumps() is called, unless equal. */
static void emit_unless_equal(struct assembler *a, uint8_t reg, int64_t value)
{
	emit(a, BPF_JMP32 | BPF_JNE | BPF_K, reg, 0, -1, (int32_t)(uint32_t)value);
}

static void patch_jumps(struct assembler *a, size_t from)
{
	for (size_t i = from; i < a->n; i++)
		if (a->insns[i].off == -1)
			a->insns[i].off = (int16_t)(a->n - i - 1);
}

static bool decides_everything(const struct device_rule *rule)
{
	return rule->type == 'a' && rule->major == DEVICE_ANY && rule->minor == DEVICE_ANY &&
	       rule->access == DEVICE_ALL;
}

static void emit_rule(struct assembler *a, const struct device_rule *rule)
{
	size_t start = a->n;

	if (rule->type != 'a')
		emit_unless_equal(
			a, R_TYPE, rule->type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
	if (rule->major != DEVICE_ANY)
		emit_unless_equal(a, R_MAJOR, rule->major);
	if (rule->minor != DEVICE_ANY)
		emit_unless_equal(a, R_MINOR, rule->minor);
	if (rule->access != DEVICE_ALL && rule->allow) {
		emit(a, BPF_ALU | BPF_AND | BPF_K, R_ACCESS, 0, 0,
			(int32_t)(DEVICE_ALL & ~rule->access));
		emit_unless_equal(a, R_ACCESS, 0);
	} else if (rule->access != DEVICE_ALL) {
		emit(a, BPF_ALU | BPF_MOV | BPF_X, R_OVERLAP, R_ACCESS, 0, 0);
		emit(a, BPF_ALU | BPF_AND | BPF_K, R_OVERLAP, 0, 0, (int32_t)rule->access);
		emit(a, BPF_JMP32 | BPF_JEQ | BPF_K, R_OVERLAP, 0, -1, 0);
	}
	emit_return(a, rule->allow);
	patch_jumps(a, start);
}

int device_program_build(const struct device_rule *rules, size_t n, struct bpf_insn **ret,
	size_t *ret_n, struct err *err)
{
	struct assembler a = {.n = 0};
	size_t i;

	_Static_assert(DEVICE_MKNOD == BPF_DEVCG_ACC_MKNOD && DEVICE_READ == BPF_DEVCG_ACC_READ &&
			       DEVICE_WRITE == BPF_DEVCG_ACC_WRITE,
		"the kernel's bits");
	if (n > BPF_MAXINSNS)
		return err_say(
			err, E2BIG, "linux.resources.devices: more than %d rules", BPF_MAXINSNS);
	a.insns = calloc(n * (INSNS_PER_RULE + 1) + INSNS_FRAME, sizeof(*a.insns));
	if (!a.insns)
		return err_oom(err);

	emit_load(&a, R_TYPE, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	emit(&a, BPF_ALU | BPF_MOV | BPF_X, R_ACCESS, R_TYPE, 0, 0);
	emit(&a, BPF_ALU | BPF_AND | BPF_K, R_TYPE, 0, 0, 0xffff);
	emit(&a, BPF_ALU | BPF_RSH | BPF_K, R_ACCESS, 0, 0, 16);
	emit_load(&a, R_MAJOR, offsetof(struct bpf_cgroup_dev_ctx, major));
	emit_load(&a, R_MINOR, offsetof(struct bpf_cgroup_dev_ctx, minor));
	for (i = n; i > 0; i--) {
		emit_rule(&a, &rules[i - 1]);
		/* The verifier refuses instructions that cannot be reached. */
		if (decides_everything(&rules[i - 1]))
			break;
	}
	if (i == 0)
		emit_return(&a, 0);
	*ret = a.insns;
	*ret_n = a.n;
	return 0;
}

static int bpf(int cmd, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int program_load(const struct bpf_insn *insns, size_t n)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE,
		.insns = (uint64_t)(uintptr_t)insns,
		.insn_cnt = (uint32_t)n,
		/* A program that calls no helper needs no licence that they accept. */
		.license = (uint64_t)(uintptr_t) "Apache-2.0",
		.prog_name = "turf_devices",
		.expected_attach_type = BPF_CGROUP_DEVICE,
	};

	return bpf(BPF_PROG_LOAD, &attr);
}

/* How many device programs are attached to the cgroup itself, and which. */
static size_t programs_query(int dirfd, uint32_t ids[PROGRAMS_MAX])
{
	union bpf_attr attr = {.query = {.target_fd = (uint32_t)dirfd,
				       .attach_type = BPF_CGROUP_DEVICE,
				       .prog_ids = (uint64_t)(uintptr_t)ids,
				       .prog_cnt = PROGRAMS_MAX}};

	return bpf(BPF_PROG_QUERY, &attr) < 0 ? 0 : attr.query.prog_cnt;
}

static int program_detach(int dirfd, uint32_t id, struct err *err)
{
	union bpf_attr attr = {.prog_id = id};
	_cleanup_close_ int fd = bpf(BPF_PROG_GET_FD_BY_ID, &attr);

	if (fd < 0)
		return err_set(err, errno, "bpf(BPF_PROG_GET_FD_BY_ID)");
	attr = (union bpf_attr){.target_fd = (uint32_t)dirfd,
		.attach_bpf_fd = (uint32_t)fd,
		.attach_type = BPF_CGROUP_DEVICE};
	if (bpf(BPF_PROG_DETACH, &attr) < 0)
		return err_set(err, errno, "bpf(BPF_PROG_DETACH)");
	return 0;
}

int device_program_attach(int dirfd, const struct bpf_insn *insns, size_t n, struct err *err)
{
	_cleanup_close_ int fd = program_load(insns, n);
	uint32_t before[PROGRAMS_MAX];
	size_t n_before = programs_query(dirfd, before);
	union bpf_attr attr = {.target_fd = (uint32_t)dirfd,
		.attach_bpf_fd = (uint32_t)fd,
		.attach_type = BPF_CGROUP_DEVICE,
		.attach_flags = BPF_F_ALLOW_MULTI};

	if (fd < 0)
		return err_set(err, errno, "load the program of the device rules");
	if (bpf(BPF_PROG_ATTACH, &attr) < 0)
		return err_set(err, errno, "attach the program of the device rules");
	/* Each of several programs must agree, so the new one only narrows until the old go. */
	for (size_t i = 0; i < n_before; i++)
		if (program_detach(dirfd, before[i], err) < 0)
			return -err->code;
	return 0;
}
