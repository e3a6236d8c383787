/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/box/cgroup_devices.h"

#include <errno.h>
#include <linux/bpf.h>

#include "runtime/base/buf.h"
#include "tests/unit/unit.h"

/* What the specification says: for each bit, the last rule that matches decides. */
static bool judge(const struct device_rule *rules, size_t n, char type, uint32_t major,
	uint32_t minor, unsigned access)
{
	for (unsigned bit = 1; bit < DEVICE_ALL; bit <<= 1) {
		bool allowed = false;

		if (!(access & bit))
			continue;
		for (size_t i = 0; i < n; i++)
			if ((rules[i].type == 'a' || rules[i].type == type) &&
				(rules[i].major == DEVICE_ANY || rules[i].major == major) &&
				(rules[i].minor == DEVICE_ANY || rules[i].minor == minor) &&
				(rules[i].access & bit))
				allowed = rules[i].allow;
		if (!allowed)
			return false;
	}
	return true;
}

/* Runs the few instructions that the programs are made of. */
static int interpret(const struct bpf_insn *insns, size_t n, const struct bpf_cgroup_dev_ctx *ctx)
{
	uint64_t reg[11] = {0};

	for (size_t pc = 0; pc < n; pc++) {
		const struct bpf_insn *i = &insns[pc];
		uint64_t *dst = &reg[i->dst_reg];
		uint64_t src = BPF_SRC(i->code) == BPF_X ? reg[i->src_reg] : (uint64_t)i->imm;

		switch (i->code) {
		case BPF_LDX | BPF_W | BPF_MEM:
			ck_assert_int_eq(i->src_reg, 1);
			*dst = *(const uint32_t *)((const char *)ctx + i->off);
			break;
		case BPF_ALU | BPF_MOV | BPF_X: *dst = (uint32_t)src; break;
		case BPF_ALU64 | BPF_MOV | BPF_K: *dst = src; break;
		case BPF_ALU | BPF_AND | BPF_K: *dst = (uint32_t)*dst & (uint32_t)src; break;
		case BPF_ALU | BPF_RSH | BPF_K: *dst = (uint32_t)*dst >> src; break;
		case BPF_JMP32 | BPF_JNE | BPF_K:
			pc += (uint32_t)*dst != (uint32_t)src ? (size_t)i->off : 0;
			break;
		case BPF_JMP32 | BPF_JEQ | BPF_K:
			pc += (uint32_t)*dst == (uint32_t)src ? (size_t)i->off : 0;
			break;
		case BPF_JMP | BPF_EXIT: return (int)reg[0];
		default: ck_abort_msg("instruction %zu has code %#x", pc, i->code);
		}
	}
	ck_abort_msg("the program runs off its end");
}

static unsigned next(unsigned *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 16;
}

static struct device_rule random_rule(unsigned *seed)
{
	static const int64_t numbers[] = {DEVICE_ANY, 1, 2, 0xfffffffe};
	struct device_rule r = {
		.allow = next(seed) & 1,
		.type = "abc"[next(seed) % 3],
		.major = numbers[next(seed) % 4],
		.minor = numbers[next(seed) % 4],
		.access = 1 + next(seed) % 7,
	};

	return r;
}

START_TEST(program_decides_as_the_list)
{
	static const uint32_t numbers[] = {1, 2, 3, 0xfffffffe};
	unsigned seed = 1;

	for (int round = 0; round < 400; round++) {
		struct device_rule rules[6];
		size_t n = next(&seed) % 7, n_insns;
		_cleanup_free_ struct bpf_insn *insns = NULL;
		struct err err = ERR_INIT;

		for (size_t i = 0; i < n; i++)
			rules[i] = random_rule(&seed);
		ck_assert_int_eq(device_program_build(rules, n, &insns, &n_insns, &err), 0);
		for (unsigned c = 0; c < 2 * 4 * 4 * 7; c++) {
			bool block = c & 1;
			uint32_t major = numbers[c / 2 % 4], minor = numbers[c / 8 % 4];
			unsigned access = 1 + c / 32;
			struct bpf_cgroup_dev_ctx ctx = {
				.access_type = access << 16 |
					       (block ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR),
				.major = major,
				.minor = minor};

			ck_assert_int_eq(interpret(insns, n_insns, &ctx),
				judge(rules, n, block ? 'b' : 'c', major, minor, access));
		}
	}
}
END_TEST

/* The decision of v1 for one bit, as the kernel makes it. */
static bool table_allows(
	const struct device_table *t, char type, uint32_t major, uint32_t minor, unsigned bit)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct device_rule *e = &t->list[i];

		if (e->type == type && (e->major == DEVICE_ANY || e->major == major) &&
			(e->minor == DEVICE_ANY || e->minor == minor) && (e->access & bit))
			return !t->allow;
	}
	return t->allow;
}

START_TEST(table_decides_as_the_list_or_is_refused)
{
	static const uint32_t numbers[] = {1, 2, 3, 0xfffffffe};
	unsigned seed = 7, built = 0, refused = 0;

	for (int round = 0; round < 2000; round++) {
		struct device_rule rules[5];
		size_t n = next(&seed) % 6;
		_cleanup_device_table_ struct device_table t = {.list = NULL};
		struct err err = ERR_INIT;
		int r;

		for (size_t i = 0; i < n; i++)
			rules[i] = random_rule(&seed);
		r = device_table_build(rules, n, &t, &err);
		if (r < 0) {
			ck_assert_int_eq(r, -EINVAL);
			refused++;
			continue;
		}
		built++;
		for (unsigned c = 0; c < 2 * 4 * 4 * 3; c++) {
			char type = c & 1 ? 'b' : 'c';
			uint32_t major = numbers[c / 2 % 4], minor = numbers[c / 8 % 4];
			unsigned bit = 1u << c / 32;

			ck_assert_int_eq(table_allows(&t, type, major, minor, bit),
				judge(rules, n, type, major, minor, bit));
		}
	}
	ck_assert_uint_gt(built, 500);
	ck_assert_uint_gt(refused, 50);
}
END_TEST

static int record(
	const char *file, const char *line, const struct device_rule *rule UNUSED, void *arg)
{
	buf_printf(arg, "%s<%s;", file + strlen("devices."), line);
	return 0;
}

/* What is written to get from one devices.list to the wish. */
static char *change(const char *list, const struct device_rule *rules, size_t n)
{
	_cleanup_device_table_ struct device_table from = {.list = NULL}, to = {.list = NULL};
	struct buf b = BUF_INIT;
	struct err err = ERR_INIT;

	buf_puts(&b, "");
	ck_assert_int_eq(device_table_parse(list, &from, &err), 0);
	ck_assert_int_eq(device_table_build(rules, n, &to, &err), 0);
	ck_assert_int_eq(device_table_change(&from, &to, record, &b), 0);
	return buf_take(&b);
}

START_TEST(only_differences_are_written)
{
	const struct device_rule rules[] = {
		{false, 'a', DEVICE_ANY, DEVICE_ANY, DEVICE_ALL},
		{true, 'c', 1, 3, DEVICE_ALL},
		{true, 'b', 8, DEVICE_ANY, DEVICE_READ},
	};
	_cleanup_free_ char *fresh = change("a *:* rwm\n", rules, 3);
	_cleanup_free_ char *same = change("c 1:3 rwm\nb 8:* r\n", rules, 3);
	_cleanup_free_ char *near = change("c 1:3 rw\nc 1:5 rwm\nb 8:* rw\n", rules, 3);
	_cleanup_free_ char *open =
		change("c 1:3 rwm\n", &(struct device_rule){true, 'a', -1, -1, 7}, 1);

	ck_assert_str_eq(fresh, "deny<a;allow<c 1:3 rwm;allow<b 8:* r;");
	ck_assert_str_eq(same, "");
	ck_assert_str_eq(near, "deny<c 1:5 rwm;deny<b 8:* w;allow<c 1:3 m;");
	ck_assert_str_eq(open, "allow<a;");
}
END_TEST

START_TEST(exceptions_to_an_open_default)
{
	const struct device_rule rules[] = {
		{true, 'a', DEVICE_ANY, DEVICE_ANY, DEVICE_ALL},
		{false, 'c', 10, 200, DEVICE_ALL},
	};
	_cleanup_free_ char *fresh = change("a *:* rwm\n", rules, 2);
	_cleanup_free_ char *closed = change("c 1:3 rwm\n", rules, 2);

	ck_assert_str_eq(fresh, "deny<c 10:200 rwm;");
	ck_assert_str_eq(closed, "allow<a;deny<c 10:200 rwm;");
}
END_TEST

START_TEST(inexpressible_rule_is_named)
{
	const struct device_rule rules[] = {
		{true, 'c', DEVICE_ANY, DEVICE_ANY, DEVICE_ALL},
		{false, 'c', 1, 3, DEVICE_WRITE},
	};
	struct device_table t;
	struct err err = ERR_INIT;

	ck_assert_int_eq(device_table_build(rules, 2, &t, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "linux.resources.devices: cgroup v1 cannot deny 'c 1:3 w' out of "
				  "'c *:* rwm'");
}
END_TEST

START_TEST(defaults_stand_behind_a_denial)
{
	struct device_rule rules[32] = {{false, 'a', DEVICE_ANY, DEVICE_ANY, DEVICE_ALL}};
	size_t n = 1 + device_rules_default_n;

	memcpy(rules + 1, device_rules_default, device_rules_default_n * sizeof(*rules));
	ck_assert(judge(rules, n, 'c', 1, 3, DEVICE_ALL));
	ck_assert(judge(rules, n, 'c', 136, 17, DEVICE_READ | DEVICE_WRITE));
	ck_assert(judge(rules, n, 'b', 8, 0, DEVICE_MKNOD));
	ck_assert(!judge(rules, n, 'b', 8, 0, DEVICE_READ));
	ck_assert(!judge(rules, n, 'c', 1, 1, DEVICE_READ));
}
END_TEST

START_TEST(access_words)
{
	ck_assert_uint_eq(device_access_parse("rwm"), DEVICE_ALL);
	ck_assert_uint_eq(device_access_parse("mw"), DEVICE_MKNOD | DEVICE_WRITE);
	ck_assert_uint_eq(device_access_parse("rx"), 0);
	ck_assert_uint_eq(device_access_parse(""), 0);
}
END_TEST

START_TEST(garbage_from_the_kernel_is_an_error)
{
	static const char *const bad[] = {
		"x 1:3 rwm\n", "c 1 rwm\n", "c 99999999999:1 r\n", "c 1:3 q\n"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct device_table t;
		struct err err = ERR_INIT;

		ck_assert_int_eq(device_table_parse(bad[i], &t, &err), -EPROTO);
	}
}
END_TEST

UNIT_MAIN("cgroup_devices", program_decides_as_the_list, table_decides_as_the_list_or_is_refused,
	only_differences_are_written, exceptions_to_an_open_default, inexpressible_rule_is_named,
	defaults_stand_behind_a_denial, access_words, garbage_from_the_kernel_is_an_error)
