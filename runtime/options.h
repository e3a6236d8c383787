/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line, in runc's syntax: --name VALUE, --name=VALUE, -name as well,
 * one-letter forms, `--` ends the options. Options and arguments may be mixed, as
 * runc and crun allow ("delete ID --force").
 */
#ifndef RUNTIME_OPTIONS_H
#define RUNTIME_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "runtime/base/err.h"

struct buf;

enum option_kind {
	OPTION_FLAG,	 /* bool; --name=false clears it */
	OPTION_STRING,	 /* const char *; borrowed from argv */
	OPTION_UNSIGNED, /* unsigned */
	OPTION_STRINGS,	 /* struct option_strings; each time it is given adds one */
};

/* Most times that one option may be given. */
#define OPTION_STRINGS_MAX 1024

/* Borrowed from argv; the list grows and is kept until the process ends. */
struct option_strings {
	const char **list; /* NULL-terminated; NULL when there is none */
	size_t n;
};

struct option {
	const char *name; /* without dashes */
	char letter;	  /* 0: none */
	enum option_kind kind;
	void *value;		   /* what `kind` says */
	const char *metavar;	   /* "PATH"; NULL for a flag */
	const char *const *one_of; /* allowed values, NULL-terminated; NULL: any */
	const char *help;	   /* NULL: accepted, but told to nobody */
};

struct option_table {
	const struct option *options;
	size_t n;
	const struct option_table *more; /* a table shared with others, or NULL */
};

/*
 * Stores options and moves the other words to the front of argv, which stays
 * NULL-terminated; their number goes to *ret_n. With `first_only`, parsing ends at
 * the first word that is no option. -EINVAL with a sentence that quotes the word.
 */
int options_parse(const struct option_table *table, char **argv, bool first_only, size_t *ret_n,
	struct err *err);

/* Lines of "  --name VALUE   help" for people. */
void options_describe(const struct option_table *table, struct buf *out);

/* The option that a word names ("--bundle", "-b"), NULL when there is none. */
const struct option *options_find(const struct option_table *table, const char *word);

#endif
