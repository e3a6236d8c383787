/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A profile is a list of calls as they were when somebody wrote it. C libraries try
 * newer calls first and fall back on ENOSYS; a profile's EPERM makes them give up.
 * So what is newer than the profile must look as if the kernel did not have it.
 */
#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>

#include "oci-spec/config.h"
#include "runtime/box/seccomp_priv.h"

#define X32_BIT 0x40000000u /* __X32_SYSCALL_BIT: x32's calls come with x86_64's token */

#define LOAD(field)	     BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define JUMP(op, k, yes, no) BPF_JUMP(BPF_JMP | BPF_K | (op), (k), (yes), (no))
#define GOTO_END	     BPF_STMT(BPF_JMP | BPF_JA, 0) /* filled in when the end is known */
#define RET_ENOSYS	     BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS)

/* The largest number of a call that a rule names, -1 when there is none. */
static int newest(const struct oci_seccomp *config, uint32_t arch)
{
	int max = -1;

	for (size_t i = 0; i < config->n_rules; i++)
		for (const char *const *name = config->rules[i].names; *name; name++) {
			/* Negative ones do not exist on the architecture. */
			int nr = seccomp_syscall_resolve_name_arch(arch, *name);

			max = nr > max ? nr : max;
		}
	return max;
}

static bool contains(const uint32_t *archs, size_t n, uint32_t arch)
{
	for (size_t i = 0; i < n; i++)
		if (archs[i] == arch)
			return true;
	return false;
}

static size_t put(struct sock_filter *stub, size_t n, const struct sock_filter *insns, size_t count)
{
	memcpy(stub + n, insns, count * sizeof(*insns));
	return n + count;
}

/* Jumps count from the next instruction; a block that does not apply is jumped over. */
static size_t put_block(struct sock_filter *stub, size_t n, uint32_t arch, int max)
{
	const struct sock_filter block[] = {
		JUMP(BPF_JEQ, arch, 0, 4),
		LOAD(nr),
		JUMP(BPF_JGT, (uint32_t)max, 0, 1),
		RET_ENOSYS,
		GOTO_END,
	};

	return put(stub, n, block, ARRAY_SIZE(block));
}

/* x86_64 and x32 share a token and differ in a bit of the number. */
static size_t put_x32_block(struct sock_filter *stub, size_t n, int max, int max_x32)
{
	const struct sock_filter block[] = {
		JUMP(BPF_JEQ, SCMP_ARCH_X86_64, 0, 7),
		LOAD(nr),
		JUMP(BPF_JGE, X32_BIT, 0, 2),
		JUMP(BPF_JGT, (uint32_t)max_x32, 2, 0),
		GOTO_END,
		JUMP(BPF_JGT, (uint32_t)max, 0, 1),
		RET_ENOSYS,
		GOTO_END,
	};

	return put(stub, n, block, ARRAY_SIZE(block));
}

size_t seccomp_stub_build(const struct oci_seccomp *config, const uint32_t *archs, size_t n_archs,
	struct sock_filter stub[SECCOMP_STUB_MAX])
{
	size_t n = 0;

	stub[n++] = (struct sock_filter)LOAD(arch);
	for (size_t i = 0; i < n_archs; i++) {
		int max = newest(config, archs[i]);

		if (archs[i] == SCMP_ARCH_X32 || max < 0)
			continue;
		if (archs[i] == SCMP_ARCH_X86_64 && contains(archs, n_archs, SCMP_ARCH_X32))
			n = put_x32_block(stub, n, max, newest(config, SCMP_ARCH_X32));
		else
			n = put_block(stub, n, archs[i], max);
	}
	if (n == 1)
		return 0;
	for (size_t i = 0; i < n; i++)
		if (stub[i].code == (BPF_JMP | BPF_JA))
			stub[i].k = (uint32_t)(n - i - 1);
	return n;
}
