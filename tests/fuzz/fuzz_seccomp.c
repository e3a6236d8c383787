/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The seccomp compiler: input is the object linux.seccomp. A profile that is accepted
 * becomes a program that the kernel takes: every jump leads to an instruction, and the
 * last one returns.
 */
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/util.h"
#include "runtime/box/seccomp.h"

/* A profile of more rules costs seconds in libseccomp and shows nothing new. */
#define NAMES_MAX 400

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static size_t count_names(const struct oci_seccomp *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_rules; i++)
		for (const char *const *name = s->rules[i].names; *name; name++)
			n++;
	return n;
}

static void check_jumps(const struct sock_filter *f, size_t left)
{
	if (BPF_CLASS(f->code) != BPF_JMP)
		return;
	if (BPF_OP(f->code) == BPF_JA)
		require(f->k < left);
	else
		require(f->jt < left && f->jf < left);
}

static void check_program(const struct seccomp_program *p)
{
	require(p->len > 0 && p->len <= BPF_MAXINSNS);
	for (size_t i = 0; i < p->len; i++) {
		check_jumps(&p->insns[i], p->len - i - 1);
		if (p->insns[i].code == (BPF_LD | BPF_W | BPF_ABS))
			require(p->insns[i].k % 4 == 0 &&
				p->insns[i].k < sizeof(struct seccomp_data));
	}
	require(BPF_CLASS(p->insns[p->len - 1].code) == BPF_RET);
	require(!p->notifies == !(p->flags & SECCOMP_FILTER_FLAG_NEW_LISTENER));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char before[] = "{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"r\"},"
				     "\"linux\":{\"seccomp\":";
	_cleanup_oci_config_ struct oci_config *config = NULL;
	_cleanup_seccomp_ struct seccomp_program program = {0};
	_cleanup_buf_ struct buf text = BUF_INIT, warnings = BUF_INIT;
	struct err err = ERR_INIT;

	buf_puts(&text, before);
	buf_put(&text, data, size);
	buf_puts(&text, "}}");
	if (oci_config_parse(text.data, text.len, &config, &err) < 0)
		return 0;
	if (!config->linux_->seccomp || count_names(config->linux_->seccomp) > NAMES_MAX)
		return 0;
	if (seccomp_compile(config->linux_->seccomp, &program, &warnings, &err) < 0)
		require(err.code > 0 && err.msg[0]);
	else
		check_program(&program);
	return 0;
}
