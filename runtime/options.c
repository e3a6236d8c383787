/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/options.h"

#include <errno.h>
#include <limits.h>

#include "runtime/base/buf.h"

static const struct option *find_name(
	const struct option_table *table, const char *name, size_t len)
{
	for (; table; table = table->more) {
		for (size_t i = 0; i < table->n; i++) {
			const struct option *o = &table->options[i];

			if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
				return o;
			if (len == 1 && o->letter == *name)
				return o;
		}
	}
	return NULL;
}

const struct option *options_find(const struct option_table *table, const char *word)
{
	if (*word != '-')
		return NULL;
	word += word[1] == '-' ? 2 : 1;
	return find_name(table, word, strcspn(word, "="));
}

static int store_flag(const struct option *o, const char *text, struct err *err)
{
	static const char *const yes[] = {"1", "t", "T", "true", "TRUE", "True"};
	static const char *const no[] = {"0", "f", "F", "false", "FALSE", "False"};

	for (size_t i = 0; text && i < ARRAY_SIZE(yes); i++) {
		if (!streq(text, yes[i]) && !streq(text, no[i]))
			continue;
		*(bool *)o->value = streq(text, yes[i]);
		return 0;
	}
	if (text)
		return err_say(err, EINVAL, "option '--%s': '%s' is neither true nor false",
			o->name, text);
	*(bool *)o->value = true;
	return 0;
}

static int store_string(const struct option *o, const char *text, struct err *err)
{
	_cleanup_buf_ struct buf allowed = BUF_INIT;

	if (!o->one_of) {
		*(const char **)o->value = text;
		return 0;
	}
	for (size_t i = 0; o->one_of[i]; i++) {
		if (streq(o->one_of[i], text)) {
			*(const char **)o->value = text;
			return 0;
		}
		buf_printf(&allowed, "%s%s", i ? ", " : "", o->one_of[i]);
	}
	if (buf_failed(&allowed))
		return err_oom(err);
	return err_say(
		err, EINVAL, "option '--%s': '%s' is none of %s", o->name, text, allowed.data);
}

static int store_strings(const struct option *o, const char *text, struct err *err)
{
	struct option_strings *s = o->value;
	const char **more;

	if (s->n == OPTION_STRINGS_MAX)
		return err_say(err, E2BIG, "option '--%s' more than %d times", o->name,
			OPTION_STRINGS_MAX);
	more = realloc(s->list, (s->n + 2) * sizeof(*more));
	if (!more)
		return err_oom(err);
	s->list = more;
	s->list[s->n++] = text;
	s->list[s->n] = NULL;
	return 0;
}

static int store_unsigned(const struct option *o, const char *text, struct err *err)
{
	unsigned long v;
	char *end;

	errno = 0;
	v = strtoul(text, &end, 10);
	/* strtoul takes blanks and signs; a command line should not. */
	if (*text < '0' || *text > '9' || *end || errno || v > UINT_MAX)
		return err_say(err, EINVAL, "option '--%s': '%s' is not a number from 0 to %u",
			o->name, text, UINT_MAX);
	*(unsigned *)o->value = (unsigned)v;
	return 0;
}

/* Handles the option at argv[0]; returns how many words it took. */
static int parse_one(const struct option_table *table, char **argv, struct err *err)
{
	const struct option *o = options_find(table, argv[0]);
	const char *text = strchr(argv[0], '=');
	int taken = 1;
	int r;

	if (!o)
		return err_say(
			err, EINVAL, "unknown option '%.*s'", (int)strcspn(argv[0], "="), argv[0]);
	if (text)
		text++;
	if (o->kind == OPTION_FLAG) {
		r = store_flag(o, text, err);
		return r < 0 ? r : taken;
	}
	if (!text) {
		text = argv[taken++];
		if (!text)
			return err_say(err, EINVAL, "option '--%s' needs a value", o->name);
	}
	switch (o->kind) {
	case OPTION_STRING: r = store_string(o, text, err); break;
	case OPTION_STRINGS: r = store_strings(o, text, err); break;
	default: r = store_unsigned(o, text, err); break;
	}
	return r < 0 ? r : taken;
}

int options_parse(const struct option_table *table, char **argv, bool first_only, size_t *ret_n,
	struct err *err)
{
	size_t n = 0;
	bool only_words = false;

	for (char **p = argv; *p;) {
		int taken;

		if (!only_words && streq(*p, "--")) {
			only_words = true;
			p++;
			continue;
		}
		/* A lone "-" is a word: it stands for a standard stream. */
		if (only_words || **p != '-' || (*p)[1] == '\0') {
			only_words |= first_only;
			argv[n++] = *p++;
			continue;
		}
		taken = parse_one(table, p, err);
		if (taken < 0)
			return taken;
		p += taken;
	}
	argv[n] = NULL;
	*ret_n = n;
	return 0;
}

void options_describe(const struct option_table *table, struct buf *out)
{
	for (; table; table = table->more) {
		for (size_t i = 0; i < table->n; i++) {
			const struct option *o = &table->options[i];
			size_t start = out->len;

			if (!o->help)
				continue;
			if (o->letter)
				buf_printf(out, "  -%c, --%s", o->letter, o->name);
			else
				buf_printf(out, "      --%s", o->name);
			if (o->metavar)
				buf_printf(out, " %s", o->metavar);
			buf_printf(out, "%*s%s\n",
				out->len - start < 30 ? (int)(30 - (out->len - start)) : 2, "",
				o->help);
		}
	}
}
