/* SPDX-License-Identifier: Apache-2.0 */
/* noslate-code: reads what noslated must not read itself; see code.h. Started by noslated alone. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/err.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "seed/noslated/code/act.h"
#include "seed/noslated/code/code.h"
#include "seed/noslated/code/layout.h"
#include "seed/noslated/code/tree.h"

#define EXIT_USAGE 2

static bool is_kind(const char *word, enum code_kind kind)
{
	return streq(word, code_kind_word(kind));
}

/* --- acts: arguments are there as the table says --- */

static int act_digest(char **args, struct digest *ret, struct err *err)
{
	const char *wanted = args[1];
	struct layout l;
	int r;

	if (is_kind(args[0], CODE_LAYOUT)) {
		r = layout_choose(CODE_FD_SOURCE, wanted, &l, err);
		if (r == 0)
			*ret = l.digest;
		return r;
	}
	if (is_kind(args[0], CODE_DIRECTORY))
		r = digest_tree(CODE_FD_SOURCE, ret, err);
	else
		r = digest_copy(CODE_FD_SOURCE, -1, CODE_ARCHIVE_MAX, ret, NULL, err);
	if (r < 0 || !wanted || streq(wanted, ret->text))
		return r;
	return err_say(err, EBADMSG, "the digest is %s, not %s", ret->text, wanted);
}

static int act_fetch(char **args, struct digest *ret, struct err *err)
{
	*ret = (struct digest){"-"};
	return fetch(args[0], err);
}

static int act_unpack(char **args, struct digest *ret, struct err *err)
{
	return is_kind(args[0], CODE_LAYOUT) ? unpack_layout(args[1], ret, err)
					     : unpack_zip(args[1], ret, err);
}

static int act_remove(char **args, struct digest *ret, struct err *err)
{
	*ret = (struct digest){"-"};
	if (fchdir(CODE_FD_TREE) < 0)
		return err_set(err, errno, "go there");
	tree_remove(args[0], false);
	return access(args[0], F_OK) == 0 ? err_say(err, EBUSY, "it cannot be removed") : 0;
}

static const struct act {
	const char *name;
	int min, max; /* arguments */
	int (*run)(char **args, struct digest *ret, struct err *err);
} acts[] = {
	{"digest", 1, 2, act_digest},
	{"fetch", 1, 1, act_fetch},
	{"remove", 1, 1, act_remove},
	{"unpack", 1, 2, act_unpack},
};

/* --- the answer --- */

/* Names in archives may have anything in them. */
static void make_printable(char *line)
{
	for (; *line; line++)
		if (iscntrl((unsigned char)*line))
			*line = '?';
}

static int answer(int r, const struct digest *d, struct err *err)
{
	char line[CODE_ANSWER_MAX];

	if (r == 0) {
		snprintf(line, sizeof(line), "ok %s", d->text);
	} else {
		make_printable(err->msg);
		snprintf(line, sizeof(line), "error %d %s", err->code, err->msg);
	}
	strncat(line, "\n", sizeof(line) - strlen(line) - 1);
	(void)fd_write_all(STDOUT_FILENO, line, strlen(line));
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct digest d;

	/* Names are bytes to us, and UTF-8 to libarchive. */
	(void)setlocale(LC_CTYPE, "C.UTF-8");
	umask(022);
	/* Nobody would take the answer; giving up rights makes the kernel forget it, so that is said once more. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (size_t i = 0; argc > 1 && i < ARRAY_SIZE(acts); i++) {
		const int n = argc - 2;

		if (streq(argv[1], acts[i].name) && n >= acts[i].min && n <= acts[i].max)
			/* Nothing is to be flushed; and leaks cannot be looked for without /proc. */
			_exit(answer(acts[i].run(argv + 2, &d, &err), &d, &err));
	}
	fputs("noslate-code: this is for noslated alone\n", stderr);
	return EXIT_USAGE;
}
