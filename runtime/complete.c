/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `turf __complete WORD...`: the candidates for the last word, taken from the
 * tables of verbs and options, so that the completion cannot drift. No line at all
 * leaves the word to the shell, which knows about files.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>

#include "runtime/base/buf.h"
#include "runtime/container.h"
#include "runtime/options.h"
#include "runtime/verbs.h"

int complete_container(
	const struct globals *g, char **args, unsigned index, char ***ret, struct err *err)
{
	/* What comes behind it is a command of somebody else's. */
	if (index > 0) {
		*ret = calloc(1, sizeof(**ret));
		return *ret ? 0 : err_oom(err);
	}
	return container_ids(g->root, ret, err);
}

int complete_kill(
	const struct globals *g, char **args, unsigned index, char ***ret, struct err *err)
{
	size_t n = 0;

	if (index == 0)
		return complete_container(g, args, index, ret, err);
	*ret = calloc((size_t)SIGRTMIN + 1, sizeof(**ret));
	for (int sig = 1; *ret && sig < SIGRTMIN; sig++)
		if (sigabbrev_np(sig))
			(*ret)[n++] = strdup(sigabbrev_np(sig));
	return *ret ? 0 : err_oom(err);
}

int complete_verb(
	const struct globals *g, char **args, unsigned index, char ***ret, struct err *err)
{
	size_t n = 0;

	while (g->verbs[n].name)
		n++;
	*ret = calloc(n + 1, sizeof(**ret));
	for (size_t i = 0; *ret && i < n; i++)
		(*ret)[i] = strdup(g->verbs[i].name);
	return *ret ? 0 : err_oom(err);
}

static void offer_options(const struct option_table *table, struct buf *out)
{
	for (; table; table = table->more)
		for (size_t i = 0; i < table->n; i++)
			if (table->options[i].help)
				buf_printf(out, "--%s\n", table->options[i].name);
}

static void offer_values(const struct option *o, struct buf *out)
{
	for (const char *const *v = o->one_of; v && *v; v++)
		buf_printf(out, "%s\n", *v);
}

/*
 * Walks over complete words up to the last one. Returns the option whose value the
 * last word is, NULL when it is none; *ret_n counts the words that are no options,
 * which move to the front.
 */
static const struct option *walk(
	const struct option_table *table, char ***words, bool first_only, unsigned *ret_n)
{
	char **kept = *words;
	char **p = *words;
	unsigned n = 0;

	for (; p[0] && p[1]; p++) {
		const struct option *o = options_find(table, *p);

		if (o && o->kind != OPTION_FLAG && !strchr(*p, '=')) {
			if (!p[2]) {
				*ret_n = n;
				*words = p + 1;
				return o;
			}
			/* --root decides which containers are offered. */
			if (o->kind == OPTION_STRING)
				*(const char **)o->value = p[1];
			p++;
		} else if (**p != '-') {
			kept[n++] = *p;
			if (first_only) {
				p++;
				break;
			}
		}
	}
	*ret_n = n;
	*words = p;
	return NULL;
}

static int offer_arguments(const struct globals *g, const struct verb *verb, char **args,
	unsigned index, struct buf *out, struct err *err)
{
	_cleanup_strv_ char **words = NULL;
	int r;

	if (!verb->complete || index >= verb->max_args)
		return 0;
	r = verb->complete(g, args, index, &words, err);
	if (r < 0)
		return r;
	for (char **w = words; *w; w++)
		buf_printf(out, "%s\n", *w);
	return 0;
}

static int offer(const struct globals *g, char **words, struct buf *out, struct err *err)
{
	const struct option *o;
	const struct verb *verb;
	char **rest = words;
	unsigned n;

	o = walk(g->options, &rest, true, &n);
	if (o) {
		offer_values(o, out);
		return 0;
	}
	if (n == 0) {
		if (rest[0] && *rest[0] == '-')
			offer_options(g->options, out);
		else
			for (verb = g->verbs; verb->name; verb++)
				buf_printf(out, "%s\n", verb->name);
		return 0;
	}
	verb = verb_find(g->verbs, words[0]);
	if (!verb)
		return 0;
	words = rest;
	o = walk(verb->options, &rest, verb->max_args == VERB_REST, &n);
	if (o)
		offer_values(o, out);
	else if (rest[0] && *rest[0] == '-' && (n == 0 || verb->max_args != VERB_REST))
		offer_options(verb->options, out);
	else
		return offer_arguments(g, verb, words, n, out, err);
	return 0;
}

int complete_words(const struct globals *g, char **words, struct err *err)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	int r = offer(g, words, &out, err);

	if (r < 0)
		return r;
	if (buf_failed(&out))
		return err_oom(err);
	return print_out(out.data ? out.data : "", err);
}
