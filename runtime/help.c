/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/verbs.h"

const struct verb *verb_find(const struct verb *verbs, const char *name)
{
	for (; verbs->name; verbs++)
		if (streq(verbs->name, name))
			return verbs;
	return NULL;
}

int print_out(const char *text, struct err *err)
{
	int r = fd_write_all(STDOUT_FILENO, text, strlen(text));

	return r < 0 ? err_set(err, -r, "write to stdout") : 0;
}

static void describe_verb(const struct verb *verb, struct buf *out)
{
	buf_printf(out, "Usage: turf %s%s%s\n\nWhat it does: %s.\n", verb->name,
		*verb->usage ? " " : "", verb->usage, verb->summary);
	if (verb->options)
		buf_puts(out, "\nOptions:\n");
	options_describe(verb->options, out);
}

int help_print(const struct globals *g, const struct verb *verb, struct err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (verb) {
		describe_verb(verb, &out);
	} else {
		buf_puts(&out, "Usage: turf [options] VERB [arguments]\n\nVerbs:\n");
		for (verb = g->verbs; verb->name; verb++)
			buf_printf(&out, "  %-10s %s\n", verb->name, verb->summary);
		buf_puts(&out, "\nOptions:\n");
		options_describe(g->options, &out);
		buf_puts(&out, "\n'turf help VERB' explains a verb; turf(8) is the manual.\n");
	}
	if (buf_failed(&out))
		return err_oom(err);
	return print_out(out.data, err);
}

int verb_help(const struct globals *g, char **args, struct err *err)
{
	const struct verb *verb = NULL;

	if (args[0]) {
		verb = verb_find(g->verbs, args[0]);
		if (!verb)
			return err_say(err, EINVAL, "unknown verb '%s'", args[0]);
	}
	return help_print(g, verb, err);
}
