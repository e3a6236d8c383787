/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs of single architectures become one: a head that goes to the part of the
 * call's architecture, and before each part the ENOSYS stub. libseccomp could make
 * it in one go, but takes 50 ms for three architectures and 6 for them one by one.
 *
 * Why the stub: a profile is a list of calls as they were when somebody wrote it. C
 * libraries try newer calls first and fall back on ENOSYS; a profile's EPERM makes
 * them give up.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>

#include "runtime/box/seccomp_priv.h"

#define X32_BIT 0x40000000u /* __X32_SYSCALL_BIT: x32's calls come with x86_64's token */

#define LOAD(field)	     BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define JUMP(op, k, yes, no) BPF_JUMP(BPF_JMP | BPF_K | (op), (k), (yes), (no))
#define GOTO(k)		     BPF_STMT(BPF_JMP | BPF_JA, (k))
#define RETURN(k)	     BPF_STMT(BPF_RET | BPF_K, (k))

#define STUB_LEN 3

struct joiner {
	struct sock_filter *insns;
	size_t n;
};

static void put(struct joiner *j, const struct sock_filter *insns, size_t n)
{
	memcpy(j->insns + j->n, insns, n * sizeof(*insns));
	j->n += n;
}

static const struct seccomp_part *find(const struct seccomp_part *parts, size_t n, uint32_t arch)
{
	for (size_t i = 0; i < n; i++)
		if (parts[i].arch == arch)
			return &parts[i];
	return NULL;
}

static size_t part_len(const struct seccomp_part *p)
{
	return p->n + (p->newest >= 0 ? STUB_LEN : 0);
}

/* Where a part starts, counted from where the first does. */
static size_t part_offset(const struct seccomp_part *parts, const struct seccomp_part *p)
{
	size_t off = 0;

	for (; parts < p; parts++)
		off += part_len(parts);
	return off;
}

/* Jumps count from the next instruction; `left` is what of the head comes behind it. */
static void put_choice(struct joiner *j, const struct seccomp_part *parts,
	const struct seccomp_part *p, const struct seccomp_part *x32, size_t left)
{
	const uint32_t to = (uint32_t)(left + part_offset(parts, p));
	const uint32_t to_x32 = x32 ? (uint32_t)(left + part_offset(parts, x32)) : 0;
	const struct sock_filter plain[] = {JUMP(BPF_JEQ, p->arch, 0, 1), GOTO(to)};
	const struct sock_filter both[] = {
		JUMP(BPF_JEQ, p->arch, 0, 4),
		LOAD(nr),
		JUMP(BPF_JGE, X32_BIT, 0, 1),
		GOTO(to_x32 + 1),
		GOTO(to),
	};

	if (x32)
		put(j, both, ARRAY_SIZE(both));
	else
		put(j, plain, ARRAY_SIZE(plain));
}

static void put_part(struct joiner *j, const struct seccomp_part *p)
{
	const struct sock_filter stub[STUB_LEN] = {
		LOAD(nr),
		JUMP(BPF_JGT, (uint32_t)p->newest, 0, 1),
		RETURN(SECCOMP_RET_ERRNO | ENOSYS),
	};

	if (p->newest >= 0)
		put(j, stub, STUB_LEN);
	put(j, p->insns, p->n);
}

/* Of the choices for parts i and following, and the end behind them. */
static size_t head_len(const struct seccomp_part *parts, size_t n, size_t i)
{
	const bool x32 = find(parts, n, SCMP_ARCH_X32) && find(parts, n, SCMP_ARCH_X86_64);
	size_t len = 1;

	for (; i < n; i++)
		if (!x32 || parts[i].arch != SCMP_ARCH_X32)
			len += x32 && parts[i].arch == SCMP_ARCH_X86_64 ? 5 : 2;
	return len;
}

static void put_all(struct joiner *j, const struct seccomp_part *parts, size_t n)
{
	const struct seccomp_part *x64 = find(parts, n, SCMP_ARCH_X86_64);
	const struct seccomp_part *x32 = x64 ? find(parts, n, SCMP_ARCH_X32) : NULL;

	put(j, &(struct sock_filter)LOAD(arch), 1);
	for (size_t i = 0; i < n; i++)
		if (&parts[i] != x32)
			put_choice(j, parts, &parts[i], &parts[i] == x64 ? x32 : NULL,
				head_len(parts, n, i + 1));
	put(j, &(struct sock_filter)RETURN(SECCOMP_RET_KILL_THREAD), 1);
	for (size_t i = 0; i < n; i++)
		put_part(j, &parts[i]);
}

int seccomp_join(const struct seccomp_part *parts, size_t n_parts, struct seccomp_program *ret,
	struct err *err)
{
	size_t len = 1 + head_len(parts, n_parts, 0) + part_offset(parts, parts + n_parts);
	struct joiner j = {0};

	if (len > BPF_MAXINSNS)
		return err_say(err, E2BIG, "linux.seccomp: %zu instructions, the kernel takes %d",
			len, BPF_MAXINSNS);
	j.insns = calloc(len, sizeof(*j.insns));
	if (!j.insns)
		return err_oom(err);
	put_all(&j, parts, n_parts);
	ret->insns = j.insns;
	ret->len = (uint16_t)len;
	return 0;
}
