/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/box/cgroup_devices.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "runtime/base/util.h"

const struct device_rule device_rules_default[] = {
	/* mknod shows nothing of a device that cannot be opened */
	{true, 'c', DEVICE_ANY, DEVICE_ANY, DEVICE_MKNOD},
	{true, 'b', DEVICE_ANY, DEVICE_ANY, DEVICE_MKNOD}, {true, 'c', 1, 3, DEVICE_ALL}, /* null */
	{true, 'c', 1, 5, DEVICE_ALL},							  /* zero */
	{true, 'c', 1, 7, DEVICE_ALL},							  /* full */
	{true, 'c', 1, 8, DEVICE_ALL},		  /* random */
	{true, 'c', 1, 9, DEVICE_ALL},		  /* urandom */
	{true, 'c', 5, 0, DEVICE_ALL},		  /* tty */
	{true, 'c', 5, 2, DEVICE_ALL},		  /* ptmx */
	{true, 'c', 136, DEVICE_ANY, DEVICE_ALL}, /* pts; /dev/console is one of them */
};
const size_t device_rules_default_n = ARRAY_SIZE(device_rules_default);

int device_rules_with_default(const struct device_rule *rules, size_t n, struct device_rule **ret,
	size_t *ret_n, struct err *err)
{
	struct device_rule *all = calloc(n + device_rules_default_n, sizeof(*all));

	if (!all)
		return err_oom(err);
	if (n)
		memcpy(all, rules, n * sizeof(*all));
	memcpy(all + n, device_rules_default, device_rules_default_n * sizeof(*all));
	*ret = all;
	*ret_n = n + device_rules_default_n;
	return 0;
}

void device_table_finish(struct device_table *t)
{
	free(t->list);
	*t = (struct device_table){.list = NULL};
}

unsigned device_access_parse(const char *s)
{
	unsigned access = 0;

	for (; *s; s++) {
		if (*s == 'm')
			access |= DEVICE_MKNOD;
		else if (*s == 'r')
			access |= DEVICE_READ;
		else if (*s == 'w')
			access |= DEVICE_WRITE;
		else
			return 0;
	}
	return access;
}

static bool same_key(const struct device_rule *a, const struct device_rule *b)
{
	return a->type == b->type && a->major == b->major && a->minor == b->minor;
}

static bool number_covers(int64_t wide, int64_t narrow)
{
	return wide == DEVICE_ANY || wide == narrow;
}

static bool numbers_overlap(int64_t a, int64_t b)
{
	return a == DEVICE_ANY || b == DEVICE_ANY || a == b;
}

static struct device_rule *table_find(const struct device_table *t, const struct device_rule *key)
{
	for (size_t i = 0; i < t->n; i++)
		if (same_key(&t->list[i], key))
			return &t->list[i];
	return NULL;
}

bool device_table_covers(const struct device_table *t, const struct device_rule *rule)
{
	const struct device_rule *found = table_find(t, rule);

	return found && (found->access & rule->access) == rule->access;
}

static int table_add(struct device_table *t, const struct device_rule *rule, struct err *err)
{
	struct device_rule *found = table_find(t, rule);

	if (found) {
		found->access |= rule->access;
		return 0;
	}
	if (t->n == t->cap) {
		size_t cap = t->cap ? t->cap * 2 : 16;
		void *list = realloc(t->list, cap * sizeof(*t->list));

		if (!list)
			return err_oom(err);
		t->list = list;
		t->cap = cap;
	}
	t->list[t->n++] = *rule;
	return 0;
}

static const char *number_text(char buf[24], int64_t n)
{
	if (n == DEVICE_ANY)
		return "*";
	snprintf(buf, 24, "%" PRId64, n);
	return buf;
}

/* "c 136:* rwm", as the kernel reads it. */
static const char *rule_text(char buf[80], const struct device_rule *rule)
{
	char major[24], minor[24];

	snprintf(buf, 80, "%c %s:%s %s%s%s", rule->type, number_text(major, rule->major),
		number_text(minor, rule->minor), rule->access & DEVICE_READ ? "r" : "",
		rule->access & DEVICE_WRITE ? "w" : "", rule->access & DEVICE_MKNOD ? "m" : "");
	return buf;
}

/*
 * A rule that agrees with the default takes its access back out of the
 * exceptions. v1 has no exception to an exception: what is only a part of a wider
 * one cannot be taken out.
 */
static int table_remove(struct device_table *t, const struct device_rule *rule, struct err *err)
{
	char text[80], wide[80];

	for (size_t i = 0; i < t->n; i++) {
		struct device_rule *e = &t->list[i];

		if (e->type != rule->type || !(e->access & rule->access))
			continue;
		if (number_covers(rule->major, e->major) && number_covers(rule->minor, e->minor))
			e->access &= ~rule->access;
		else if (numbers_overlap(rule->major, e->major) &&
			 numbers_overlap(rule->minor, e->minor))
			return err_say(err, EINVAL,
				"linux.resources.devices: cgroup v1 cannot %s '%s' out of '%s'",
				rule->allow ? "allow" : "deny", rule_text(text, rule),
				rule_text(wide, e));
	}
	return 0;
}

static int table_apply(struct device_table *t, const struct device_rule *rule, struct err *err)
{
	if (rule->type == 'a') {
		struct device_rule one = *rule;
		int r;

		if (rule->major == DEVICE_ANY && rule->minor == DEVICE_ANY &&
			rule->access == DEVICE_ALL) {
			t->allow = rule->allow;
			t->n = 0;
			return 0;
		}
		one.type = 'b';
		r = table_apply(t, &one, err);
		one.type = 'c';
		return r < 0 ? r : table_apply(t, &one, err);
	}
	if (rule->allow == t->allow)
		return table_remove(t, rule, err);
	return table_add(t, rule, err);
}

static void table_drop_empty(struct device_table *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i++)
		if (t->list[i].access)
			t->list[n++] = t->list[i];
	t->n = n;
}

int device_table_build(
	const struct device_rule *rules, size_t n, struct device_table *ret, struct err *err)
{
	_cleanup_device_table_ struct device_table t = {.allow = false};

	for (size_t i = 0; i < n; i++)
		if (table_apply(&t, &rules[i], err) < 0)
			return -err->code;
	table_drop_empty(&t);
	*ret = t;
	t = (struct device_table){.list = NULL};
	return 0;
}

static bool number_parse(const char *s, int64_t *ret)
{
	char *end;

	if (streq(s, "*")) {
		*ret = DEVICE_ANY;
		return true;
	}
	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	*ret = strtoll(s, &end, 10);
	return errno == 0 && !*end && *ret <= UINT32_MAX;
}

int device_table_parse(const char *list, struct device_table *ret, struct err *err)
{
	_cleanup_device_table_ struct device_table t = {.allow = false};

	while (*list) {
		char type, major[24], minor[24], access[8];
		struct device_rule rule = {.allow = true};
		int n = sscanf(list, "%c %23[0-9*]:%23[0-9*] %7[rwm]", &type, major, minor, access);

		if (n != 4 || !number_parse(major, &rule.major) ||
			!number_parse(minor, &rule.minor) || !strchr("abc", type))
			return err_say(
				err, EPROTO, "devices.list is not understood: '%.40s'", list);
		rule.type = type;
		rule.access = device_access_parse(access);
		if (table_apply(&t, &rule, err) < 0)
			return -err->code;
		list = strchrnul(list, '\n');
		list += *list == '\n';
	}
	*ret = t;
	t = (struct device_table){.list = NULL};
	return 0;
}

/* Writes what of `a` is not in `b` to `file`. */
static int put_difference(const struct device_table *a, const struct device_table *b,
	const char *file, device_put_fn put, void *arg)
{
	char text[80];
	int r = 0;

	for (size_t i = 0; i < a->n && r >= 0; i++) {
		struct device_rule rule = a->list[i];
		const struct device_rule *known = b ? table_find(b, &rule) : NULL;

		if (known)
			rule.access &= ~known->access;
		if (rule.access)
			r = put(file, rule_text(text, &rule), &rule, arg);
	}
	return r;
}

int device_table_change(const struct device_table *from, const struct device_table *to,
	device_put_fn put, void *arg)
{
	const char *more = to->allow ? "devices.deny" : "devices.allow";
	const char *less = to->allow ? "devices.allow" : "devices.deny";
	const struct device_rule all = {to->allow, 'a', DEVICE_ANY, DEVICE_ANY, DEVICE_ALL};
	int r;

	if (from->allow != to->allow) {
		/* Sets the default and clears all exceptions. */
		r = put(less, "a", &all, arg);
		from = NULL;
	} else {
		r = put_difference(from, to, less, put, arg);
	}
	return r < 0 ? r : put_difference(to, from, more, put, arg);
}
