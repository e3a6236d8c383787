/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The same program, asking for ranges of calls. The kernel translates each instruction when
 * a program is installed, and runs it once for every call it knows, to remember those that
 * are always allowed; with libseccomp's program, which asks for one call after the other,
 * that takes as long as the copy of a process. What a profile lets through are neighbours.
 *
 * What a program does with a call depends on architecture and number until it looks at an
 * argument. So it is run for each architecture and for one number of each range in which no
 * comparison of its turns out differently; where that ends (a return, or the first look at an
 * argument) is what it does with the whole range. Of that a tree is made; the instructions
 * that look at arguments are taken over. A program with anything unexpected in it stays.
 *
 * Jumps lead forward only, so the tree is written from its end.
 */
#include <linux/seccomp.h>
#include <stdlib.h>

#include "runtime/base/util.h"
#include "runtime/box/seccomp_priv.h"

/* How far a conditional jump may be; a little less, for what is put in between. */
#define NEAR_MAX 250

#define NOWHERE ((size_t)-1)

#define LOAD_WORD (BPF_LD | BPF_W | BPF_ABS)
#define RETURN	  (BPF_RET | BPF_K)
#define IF(op)	  (BPF_JMP | BPF_K | (op))

/* From `first` up to the next range's, calls end at instruction `end`. */
struct range {
	uint32_t first;
	size_t end;
};

struct rewriter {
	const struct sock_filter *old;
	size_t n_old;
	const struct seccomp_part *parts;
	size_t n_parts;
	bool *kept;    /* instructions of the old program that look at arguments */
	size_t *moved; /* from an instruction of the old program to one of the new; NOWHERE: none */
	uint32_t *bounds;
	size_t n_bounds;
	struct range *ranges;
	size_t n_ranges;
	struct sock_filter *insns; /* last one first; places count from the end */
	size_t n, cap;
};

/* --- what the old program does --- */

static bool is_familiar(const struct sock_filter *i)
{
	switch (i->code) {
	case LOAD_WORD:
	case RETURN:
	case BPF_JMP | BPF_JA:
	case BPF_ALU | BPF_AND | BPF_K:
	case IF(BPF_JEQ):
	case IF(BPF_JGT):
	case IF(BPF_JGE):
	case IF(BPF_JSET): return true;
	default: return false;
	}
}

static bool is_conditional(const struct sock_filter *i)
{
	return BPF_CLASS(i->code) == BPF_JMP && BPF_OP(i->code) != BPF_JA;
}

static bool is_known_arch(const struct rewriter *w, uint32_t arch)
{
	for (size_t i = 0; i < w->n_parts; i++)
		if (w->parts[i].arch == arch)
			return true;
	return false;
}

/*
 * Where a call ends: at a return, or at the load of an argument. NOWHERE when the ranges
 * would not be those of comparisons, or architectures not told apart one by one.
 */
static size_t find_end(const struct rewriter *w, uint32_t arch, uint32_t nr)
{
	bool is_arch = false;
	uint32_t a = 0;

	for (size_t pc = 0; pc < w->n_old; pc++) {
		const struct sock_filter *i = &w->old[pc];

		switch (i->code) {
		case RETURN: return pc;
		case LOAD_WORD:
			if (i->k != offsetof(struct seccomp_data, nr) &&
				i->k != offsetof(struct seccomp_data, arch))
				return pc;
			is_arch = i->k == offsetof(struct seccomp_data, arch);
			a = is_arch ? arch : nr;
			continue;
		case BPF_JMP | BPF_JA: pc += i->k; continue;
		case IF(BPF_JEQ):
			if (is_arch && !is_known_arch(w, i->k))
				return NOWHERE;
			pc += a == i->k ? i->jt : i->jf;
			continue;
		default: break;
		}
		if (is_arch)
			return NOWHERE;
		if (i->code == IF(BPF_JGT))
			pc += a > i->k ? i->jt : i->jf;
		else if (i->code == IF(BPF_JGE))
			pc += a >= i->k ? i->jt : i->jf;
		else
			return NOWHERE;
	}
	return NOWHERE;
}

/* The first of all returns of the same value. */
static size_t find_first(const struct rewriter *w, size_t end)
{
	if (w->old[end].code != RETURN)
		return end;
	for (size_t pc = 0; pc < end; pc++)
		if (w->old[pc].code == RETURN && w->old[pc].k == w->old[end].k)
			return pc;
	return end;
}

static bool find_ranges(struct rewriter *w, uint32_t arch)
{
	w->n_ranges = 0;
	for (size_t i = 0; i < w->n_bounds; i++) {
		size_t end = find_end(w, arch, w->bounds[i]);

		if (end == NOWHERE)
			return false;
		end = find_first(w, end);
		if (w->n_ranges == 0 || end != w->ranges[w->n_ranges - 1].end)
			w->ranges[w->n_ranges++] = (struct range){w->bounds[i], end};
	}
	return true;
}

static int compare_u32(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* Numbers on which a comparison turns out differently than on the one before. */
static bool find_bounds(struct rewriter *w)
{
	size_t n = 0;

	w->bounds[n++] = 0;
	for (size_t pc = 0; pc < w->n_old; pc++) {
		if (!is_familiar(&w->old[pc]))
			return false;
		if (!is_conditional(&w->old[pc]))
			continue;
		w->bounds[n++] = w->old[pc].k;
		w->bounds[n++] = w->old[pc].k + 1;
	}
	qsort(w->bounds, n, sizeof(*w->bounds), compare_u32);
	for (size_t i = 0; i < n; i++)
		if (i == 0 || w->bounds[i] != w->bounds[w->n_bounds - 1])
			w->bounds[w->n_bounds++] = w->bounds[i];
	return true;
}

/* --- the new one --- */

/* Returns its place. What is longer than the old program is of no use: the last one is lost. */
static size_t put(struct rewriter *w, struct sock_filter insn)
{
	if (w->n == w->cap)
		return w->n;
	w->insns[w->n++] = insn;
	return w->n - 1;
}

/* How far a jump from the next instruction to that place is. */
static size_t distance(const struct rewriter *w, size_t place)
{
	return w->n - place - 1;
}

/* One that a conditional jump reaches and that is the same. */
static size_t near(struct rewriter *w, size_t place)
{
	if (distance(w, place) <= NEAR_MAX)
		return place;
	if (w->insns[place].code == RETURN)
		return put(w, w->insns[place]);
	return put(w, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)distance(w, place)));
}

static size_t put_if(struct rewriter *w, uint16_t op, uint32_t k, size_t yes, size_t no)
{
	yes = near(w, yes);
	no = near(w, no);
	return put(w, (struct sock_filter)BPF_JUMP(
			      IF(op), k, (uint8_t)distance(w, yes), (uint8_t)distance(w, no)));
}

static size_t put_end(struct rewriter *w, size_t end)
{
	if (w->moved[end] == NOWHERE)
		w->moved[end] = put(w, w->old[end]);
	w->moved[end] = near(w, w->moved[end]);
	return w->moved[end];
}

/* Of `n` ranges from `r` on. */
static size_t put_tree(struct rewriter *w, const struct range *r, size_t n)
{
	size_t high, low;

	if (n == 1)
		return put_end(w, r->end);
	high = put_tree(w, r + n / 2, n - n / 2);
	low = put_tree(w, r, n / 2);
	return put_if(w, BPF_JGE, r[n / 2].first, high, low);
}

/* The whole of one architecture. */
static size_t put_part(struct rewriter *w)
{
	size_t tree = put_tree(w, w->ranges, w->n_ranges);

	if (distance(w, tree) > 0)
		put(w, (struct sock_filter)BPF_STMT(BPF_JMP | BPF_JA, (uint32_t)distance(w, tree)));
	return put(w, (struct sock_filter)BPF_STMT(LOAD_WORD, offsetof(struct seccomp_data, nr)));
}

/* What may run after the first look at an argument, which is marked already. */
static void mark_kept(struct rewriter *w)
{
	for (size_t pc = 0; pc < w->n_old; pc++) {
		const struct sock_filter *i = &w->old[pc];

		if (!w->kept[pc] || i->code == RETURN)
			continue;
		if (i->code == (BPF_JMP | BPF_JA))
			w->kept[pc + 1 + i->k] = true;
		else if (is_conditional(i))
			w->kept[pc + 1 + i->jt] = w->kept[pc + 1 + i->jf] = true;
		else
			w->kept[pc + 1] = true;
	}
}

/* Order and neighbours stay, so no jump gets longer. */
static void put_kept(struct rewriter *w)
{
	for (size_t pc = w->n_old; pc-- > 0;) {
		struct sock_filter i = w->old[pc];

		if (!w->kept[pc])
			continue;
		if (i.code == (BPF_JMP | BPF_JA)) {
			i.k = (uint32_t)distance(w, w->moved[pc + 1 + i.k]);
		} else if (is_conditional(&i)) {
			i.jt = (uint8_t)distance(w, w->moved[pc + 1 + i.jt]);
			i.jf = (uint8_t)distance(w, w->moved[pc + 1 + i.jf]);
		}
		w->moved[pc] = put(w, i);
	}
}

/* An architecture that the program does not know; all of them fare the same. */
static uint32_t unknown_arch(const struct rewriter *w)
{
	uint32_t arch = 0;

	while (is_known_arch(w, arch))
		arch++;
	return arch;
}

static bool keep_checks(struct rewriter *w)
{
	for (size_t i = 0; i < w->n_parts; i++) {
		if (!find_ranges(w, w->parts[i].arch))
			return false;
		for (const struct range *r = w->ranges; r < w->ranges + w->n_ranges; r++)
			w->kept[r->end] |= w->old[r->end].code != RETURN;
	}
	mark_kept(w);
	put_kept(w);
	return true;
}

static bool rewrite(struct rewriter *w)
{
	size_t trees[SECCOMP_ARCHS_MAX], other, next;

	if (!find_bounds(w) || !keep_checks(w) || !find_ranges(w, unknown_arch(w)))
		return false;
	other = w->ranges[0].end;
	if (w->n_ranges != 1 || w->old[other].code != RETURN)
		return false;
	for (size_t i = w->n_parts; i-- > 0;) {
		find_ranges(w, w->parts[i].arch);
		trees[i] = w->n_ranges == 1 && w->ranges[0].end == other ? NOWHERE : put_part(w);
	}
	next = put(w, w->old[other]);
	for (size_t i = w->n_parts; i-- > 0;)
		if (trees[i] != NOWHERE)
			next = put_if(w, BPF_JEQ, w->parts[i].arch, trees[i], next);
	if (distance(w, next) > 0)
		return false;
	put(w, (struct sock_filter)BPF_STMT(LOAD_WORD, offsetof(struct seccomp_data, arch)));
	return w->n < w->cap;
}

static void take(struct seccomp_program *p, const struct rewriter *w)
{
	for (size_t i = 0; i < w->n; i++)
		p->insns[i] = w->insns[w->n - 1 - i];
	p->len = (uint16_t)w->n;
}

int seccomp_ask_ranges(struct seccomp_program *p, const struct seccomp_part *parts, size_t n_parts,
	struct err *err)
{
	const size_t n = p->len, n_bounds = 2 * n + 1;
	_cleanup_free_ bool *kept = calloc(n, sizeof(*kept));
	_cleanup_free_ size_t *moved = malloc(n * sizeof(*moved));
	_cleanup_free_ uint32_t *bounds = calloc(n_bounds, sizeof(*bounds));
	_cleanup_free_ struct range *ranges = calloc(n_bounds, sizeof(*ranges));
	/* One more than is ever filled, to be looked at when it is full. */
	_cleanup_free_ struct sock_filter *insns = calloc(n + 1, sizeof(*insns));
	struct rewriter w = {
		p->insns, n, parts, n_parts, kept, moved, bounds, 0, ranges, 0, insns, 0, n};

	if (!kept || !moved || !bounds || !ranges || !insns)
		return err_oom(err);
	for (size_t i = 0; i < n; i++)
		moved[i] = NOWHERE;
	if (rewrite(&w))
		take(p, &w);
	return 0;
}
