/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libseccomp makes a program for each architecture; seccomp_join.c makes one of
 * them, in which system calls newer than the profile fail with ENOSYS, and
 * seccomp_ranges.c one that is quick to install.
 */
#include "runtime/box/seccomp.h"

#include <ctype.h>
#include <errno.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/box/seccomp_priv.h"

/* Below this a tree is no quicker than a list, and libseccomp does not make one. */
#define TREE_FROM 32

#define ARCH_NAME_MAX 32

/* From Linux 5.19; older headers lack it. */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

struct compiler {
	const struct oci_seccomp *config;
	uint32_t default_action; /* SCMP_ACT_* */
	struct seccomp_part parts[SECCOMP_ARCHS_MAX];
	size_t n_parts;
	bool notifies;
	struct buf *warnings;
	struct err *err;
};

static void finish_compiler(struct compiler *c)
{
	for (size_t i = 0; i < c->n_parts; i++)
		free(c->parts[i].insns);
}

static void free_ctx(scmp_filter_ctx *ctx)
{
	if (*ctx)
		seccomp_release(*ctx);
}

static uint32_t translate_action(enum oci_seccomp_action action, const struct oci_u32 *errno_ret)
{
	uint32_t number = errno_ret->set ? errno_ret->value : EPERM;

	switch (action) {
	case OCI_SECCOMP_KILL_THREAD: return SCMP_ACT_KILL_THREAD;
	case OCI_SECCOMP_KILL_PROCESS: return SCMP_ACT_KILL_PROCESS;
	case OCI_SECCOMP_TRAP: return SCMP_ACT_TRAP;
	case OCI_SECCOMP_ERRNO: return SCMP_ACT_ERRNO(number);
	case OCI_SECCOMP_TRACE: return SCMP_ACT_TRACE(number);
	case OCI_SECCOMP_ALLOW: return SCMP_ACT_ALLOW;
	case OCI_SECCOMP_LOG: return SCMP_ACT_LOG;
	case OCI_SECCOMP_NOTIFY: return SCMP_ACT_NOTIFY;
	case OCI_SECCOMP_NONE: break;
	}
	BUG("a rule without action");
	return SCMP_ACT_KILL_PROCESS;
}

static enum scmp_compare translate_op(enum oci_seccomp_op op)
{
	switch (op) {
	case OCI_SECCOMP_NE: return SCMP_CMP_NE;
	case OCI_SECCOMP_LT: return SCMP_CMP_LT;
	case OCI_SECCOMP_LE: return SCMP_CMP_LE;
	case OCI_SECCOMP_EQ: return SCMP_CMP_EQ;
	case OCI_SECCOMP_GE: return SCMP_CMP_GE;
	case OCI_SECCOMP_GT: return SCMP_CMP_GT;
	case OCI_SECCOMP_MASKED_EQ: return SCMP_CMP_MASKED_EQ;
	}
	BUG("an argument without operator");
	return SCMP_CMP_EQ;
}

/* Whether the default action refuses a call in a way that a C library does not understand. */
static bool default_refuses(const struct compiler *c)
{
	switch (c->config->default_action) {
	case OCI_SECCOMP_KILL_THREAD:
	case OCI_SECCOMP_KILL_PROCESS:
	case OCI_SECCOMP_TRAP: return true;
	case OCI_SECCOMP_ERRNO: return c->default_action != SCMP_ACT_ERRNO(ENOSYS);
	default: return false;
	}
}

/* 0 when this libseccomp does not know it. */
static uint32_t resolve_arch(uint32_t bit)
{
	const char *name = oci_arch_name(bit);
	char lower[ARCH_NAME_MAX];
	size_t n = 0;

	for (; n < sizeof(lower) - 1 && name[n]; n++)
		lower[n] = (char)tolower((unsigned char)name[n]);
	lower[n] = '\0';
	return seccomp_arch_resolve_name(lower);
}

static int add_rule(struct compiler *c, scmp_filter_ctx ctx, uint32_t action, const char *name,
	const struct scmp_arg_cmp *args, unsigned n_args)
{
	int nr = seccomp_syscall_resolve_name(name);
	int r;

	if (nr == __NR_SCMP_ERROR)
		return 0;
	/* The process tells of its listener by this call, when nobody could answer yet. */
	if (action == SCMP_ACT_NOTIFY && streq(name, "write"))
		return err_say(c->err, EINVAL,
			"linux.seccomp.syscalls: SCMP_ACT_NOTIFY cannot be had for 'write', by "
			"which the listener is handed over");
	r = seccomp_rule_add_array(ctx, action, nr, n_args, args);
	if (r < 0)
		return err_set(c->err, -r, "linux.seccomp.syscalls: rule for '%s'", name);
	return 0;
}

/*
 * Two conditions on one argument: libseccomp refuses them together, and other
 * runtimes take each condition as a rule of its own then, so profiles rely on it.
 */
static bool has_argument_twice(const struct oci_seccomp_rule *rule)
{
	unsigned seen = 0;

	for (size_t i = 0; i < rule->n_args; i++) {
		if (seen & 1u << rule->args[i].index)
			return true;
		seen |= 1u << rule->args[i].index;
	}
	return false;
}

static struct scmp_arg_cmp translate_arg(const struct oci_seccomp_arg *a)
{
	return (struct scmp_arg_cmp){
		.arg = a->index,
		.op = translate_op(a->op),
		.datum_a = a->value,
		.datum_b = a->value_two,
	};
}

static int add_conditions(struct compiler *c, scmp_filter_ctx ctx,
	const struct oci_seccomp_rule *rule, uint32_t action, const char *name)
{
	struct scmp_arg_cmp args[SECCOMP_ARGS_MAX];
	int r = 0;

	if (!has_argument_twice(rule)) {
		for (size_t i = 0; i < rule->n_args; i++)
			args[i] = translate_arg(&rule->args[i]);
		return add_rule(c, ctx, action, name, args, (unsigned)rule->n_args);
	}
	for (size_t i = 0; i < rule->n_args && r == 0; i++) {
		args[0] = translate_arg(&rule->args[i]);
		r = add_rule(c, ctx, action, name, args, 1);
	}
	return r;
}

static int add_rules(struct compiler *c, scmp_filter_ctx ctx, size_t *ret_n)
{
	size_t n = 0;

	for (size_t i = 0; i < c->config->n_rules; i++) {
		const struct oci_seccomp_rule *rule = &c->config->rules[i];
		uint32_t action = translate_action(rule->action, &rule->errno_ret);

		/* libseccomp takes a rule that changes nothing for a mistake. */
		if (action == c->default_action)
			continue;
		c->notifies |= action == SCMP_ACT_NOTIFY;
		for (const char *const *name = rule->names; *name; name++, n++) {
			int r = add_conditions(c, ctx, rule, action, *name);

			if (r < 0)
				return r;
		}
	}
	*ret_n = n;
	return 0;
}

/* libseccomp can only write to a descriptor (2.6 could do without). */
static int export_part(struct compiler *c, scmp_filter_ctx ctx, struct seccomp_part *part)
{
	_cleanup_close_ int fd = memfd_create("seccomp", MFD_CLOEXEC);
	off_t len;
	int r;

	if (fd < 0)
		return err_set(c->err, errno, "linux.seccomp: memfd_create");
	r = seccomp_export_bpf(ctx, fd);
	if (r < 0)
		return err_set(c->err, -r, "linux.seccomp: make the program");
	len = lseek(fd, 0, SEEK_END);
	part->insns = len > 0 ? malloc((size_t)len) : NULL;
	if (!part->insns)
		return err_oom(c->err);
	if (pread(fd, part->insns, (size_t)len, 0) != len)
		return err_set(c->err, EIO, "linux.seccomp: read the program");
	part->n = (size_t)len / sizeof(struct sock_filter);
	return 0;
}

/* The largest number of a call that a rule names, -1 when there is none. */
static int newest_call(const struct oci_seccomp *config, uint32_t arch)
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

static int compile_part(struct compiler *c, scmp_filter_ctx ctx, uint32_t arch)
{
	struct seccomp_part *part = &c->parts[c->n_parts++];
	size_t n_rules;
	int r;

	part->arch = arch;
	part->newest = default_refuses(c) ? newest_call(c->config, arch) : -1;
	r = add_rules(c, ctx, &n_rules);
	if (r < 0)
		return r;
	if (n_rules >= TREE_FROM) {
		r = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
		if (r < 0)
			return err_set(c->err, -r, "linux.seccomp: optimise the program");
	}
	return export_part(c, ctx, part);
}

static int compile_native(struct compiler *c)
{
	_cleanup_(free_ctx) scmp_filter_ctx ctx = seccomp_init(c->default_action);

	if (!ctx)
		return err_say(
			c->err, EINVAL, "linux.seccomp.defaultAction: refused by libseccomp");
	return compile_part(c, ctx, seccomp_arch_native());
}

/*
 * Architectures that can never run beside the host's (other byte order, unknown
 * here) are no loss: their calls are killed anyway.
 */
static int compile_foreign(struct compiler *c, uint32_t bit)
{
	_cleanup_(free_ctx) scmp_filter_ctx ctx = seccomp_init(c->default_action);
	uint32_t arch = resolve_arch(bit);

	if (!ctx)
		return err_oom(c->err);
	if (arch == seccomp_arch_native())
		return 0;
	if (!arch || seccomp_arch_add(ctx, arch) < 0 ||
		seccomp_arch_remove(ctx, seccomp_arch_native()) < 0) {
		buf_printf(c->warnings,
			"linux.seccomp.architectures: SCMP_ARCH_%s does not go with this host, "
			"ignoring\n",
			oci_arch_name(bit));
		return 0;
	}
	return compile_part(c, ctx, arch);
}

/*
 * Not given: as runc, without the costly mitigation that seccomp once implied.
 * TSYNC does not go with a listener, WAIT_KILLABLE_RECV not without one, and a
 * container's process has one thread when the program is installed.
 */
static uint32_t choose_flags(const struct compiler *c)
{
	const struct oci_u32 *flags = &c->config->flags;

	if (!flags->set)
		return SECCOMP_FILTER_FLAG_SPEC_ALLOW |
		       (c->notifies ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0);
	if (c->notifies)
		return (flags->value & ~(uint32_t)SECCOMP_FILTER_FLAG_TSYNC) |
		       SECCOMP_FILTER_FLAG_NEW_LISTENER;
	return flags->value & (uint32_t)(SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG |
					 SECCOMP_FILTER_FLAG_SPEC_ALLOW);
}

const char *seccomp_library(void)
{
	const struct scmp_version *v = seccomp_version();
	static char text[40];

	snprintf(text, sizeof(text), "%u.%u.%u", v->major, v->minor, v->micro);
	return text;
}

/* A kernel that knows the flags goes on to look for the program. */
bool seccomp_flag_works(uint32_t flag)
{
	if (flag == SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV)
		flag |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flag, NULL) < 0 && errno == EFAULT;
}

int seccomp_check_flags(const struct oci_seccomp *config, struct err *err)
{
	for (uint32_t bit = 1; bit; bit <<= 1)
		if (config->flags.value & bit && !seccomp_flag_works(bit))
			return err_say(err, ENOTSUP,
				"linux.seccomp.flags: this kernel does not know %s",
				oci_seccomp_flag_name(bit));
	return 0;
}

/* The host's own architecture is always in. */
static int compile(struct compiler *c, struct seccomp_program *ret)
{
	int r = seccomp_check_flags(c->config, c->err);

	if (r == 0)
		r = compile_native(c);
	for (uint32_t bit = 1; bit && r == 0; bit <<= 1)
		if (c->config->architectures.value & bit)
			r = compile_foreign(c, bit);
	if (r == 0)
		r = seccomp_join(c->parts, c->n_parts, ret, c->err);
	if (r == 0)
		r = seccomp_ask_ranges(ret, c->parts, c->n_parts, c->err);
	if (r < 0)
		return r;
	ret->flags = choose_flags(c);
	ret->notifies = c->notifies;
	return 0;
}

int seccomp_compile(const struct oci_seccomp *config, struct seccomp_program *ret,
	struct buf *warnings, struct err *err)
{
	_cleanup_(finish_compiler) struct compiler c = {
		.config = config, .warnings = warnings, .err = err};
	struct seccomp_program program = {0};
	int r;

	if (config) {
		c.default_action =
			translate_action(config->default_action, &config->default_errno_ret);
		r = compile(&c, &program);
		if (r < 0)
			return r;
	}
	*ret = program;
	return 0;
}

void seccomp_program_finish(struct seccomp_program *p)
{
	free(p->insns);
	*p = (struct seccomp_program){0};
}
