/* SPDX-License-Identifier: Apache-2.0 */
/* Statistics in shared memory: nothing counted is lost, and nothing read is of two. */
#include "seed/noslated/stats/stats.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "seed/noslated/stats/word.h"
#include "tests/unit/unit.h"

#define WORDS 8
#define NAMES 700

/* The last two words are gauges. */
static const struct stats_form form = {
	.kind = 99, .n_words = WORDS, .gauges_at = WORDS - 2, .n_gauges = 2};
static char dir[] = "/tmp/turf-test-XXXXXX", path[64];
static struct err err;
static struct stats *s;

static void begin(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/stats", dir);
	ck_assert_msg(stats_open(path, &form, &s, &err) == 0, "%s", err.msg);
}

static void end(void)
{
	stats_close(s);
	unlink(path);
	ck_assert_int_eq(rmdir(dir), 0);
}

static void reopen(void)
{
	stats_close(s);
	ck_assert_msg(stats_open(path, &form, &s, &err) == 0, "%s", err.msg);
}

static uint64_t sum_of(const struct stats *of, unsigned word)
{
	uint64_t sum = 0, rest;
	struct stats_copy copy;

	for (uint32_t i = 0; i < stats_n_slots(of); i++)
		if (stats_read(of, i, word, 1, &copy))
			sum += copy.words[0];
	stats_read_rest(of, word, 1, &rest);
	return sum + rest;
}

static void name_of(unsigned i, char ret[STATS_NAME_MAX + 1])
{
	snprintf(ret, STATS_NAME_MAX + 1, "%u%0*u", i, (int)(i % 100), i);
}

static uint64_t *claim(unsigned i)
{
	char name[STATS_NAME_MAX + 1];

	name_of(i, name);
	return stats_claim(s, name, "tenant");
}

START_TEST(counts)
{
	struct stats_copy copy;
	uint64_t *a, *b;
	struct stats *r;

	begin();
	a = stats_claim(s, "a", "x");
	b = stats_claim(s, "b", "y");
	ck_assert(a && b && a != b);
	ck_assert_ptr_eq(stats_claim(s, "a", "z"), a);
	stats_add(&a[0], 5);
	stats_set(&a[WORDS - 1], 7);
	stats_add(&b[0], 1);
	ck_assert_int_eq(stats_open_reader(path, &form, &r, &err), 0);
	ck_assert(stats_find(r, "a", &copy));
	ck_assert_str_eq(copy.tenant, "z");
	ck_assert_uint_eq(copy.words[0], 5);
	ck_assert_uint_eq(copy.words[WORDS - 1], 7);
	ck_assert(!stats_find(r, "c", &copy));
	stats_release(s, a);
	ck_assert(stats_find(r, "a", &copy));
	ck_assert_int_eq(copy.state, STATS_USED);
	stats_release(s, a);
	ck_assert(stats_find(r, "a", &copy));
	ck_assert_int_eq(copy.state, STATS_GONE);
	ck_assert_uint_eq(copy.words[0], 5);
	ck_assert_uint_eq(copy.words[WORDS - 1], 0);
	ck_assert_uint_eq(sum_of(r, 0), 6);
	ck_assert_ptr_eq(stats_claim(s, "a", "x"), a);
	ck_assert_uint_eq(a[0], 5);
	stats_close(r);
	end();
}
END_TEST

START_TEST(names)
{
	char name[STATS_NAME_MAX + 2];
	struct stats_copy copy;

	begin();
	memset(name, 'n', sizeof(name));
	name[STATS_NAME_MAX + 1] = '\0';
	ck_assert_ptr_null(stats_claim(s, name, "t"));
	ck_assert_ptr_null(stats_claim(s, "t", name));
	name[STATS_NAME_MAX] = '\0';
	ck_assert_ptr_nonnull(stats_claim(s, name, name));
	ck_assert(stats_find(s, name, &copy));
	ck_assert_str_eq(copy.name, name);
	ck_assert_str_eq(copy.tenant, name);
	ck_assert_uint_eq(stats_label(s, "one"), 0);
	ck_assert_uint_eq(stats_label(s, "two"), 1);
	reopen();
	ck_assert_uint_eq(stats_label(s, "two"), 1);
	ck_assert_uint_eq(stats_label(s, "three"), 2);
	for (unsigned i = 3; i < 100; i++) {
		snprintf(name, sizeof(name), "n%u", i);
		ck_assert_uint_eq(
			stats_label(s, name), i < STATS_LABELS_MAX - 1 ? i : STATS_LABELS_MAX - 1);
	}
	stats_read_label(s, 2, name);
	ck_assert_str_eq(name, "three");
	stats_read_label(s, STATS_LABELS_MAX - 1, name);
	ck_assert_str_eq(name, "others");
	end();
}
END_TEST

/* Functions come, count and go; what is counted is there in all. */
START_TEST(comes_and_goes)
{
	static uint64_t *of[NAMES];
	uint64_t wanted = 0, own[NAMES] = {0};
	char name[STATS_NAME_MAX + 1];
	struct stats_copy copy;

	begin();
	srand(7);
	for (int turn = 0; turn < 50000; turn++) {
		const unsigned i = (unsigned)rand() % NAMES;

		if (!of[i]) {
			of[i] = claim(i);
			ck_assert_ptr_nonnull(of[i]);
			own[i] = of[i][0];
		} else if (rand() % 3 == 0) {
			stats_release(s, of[i]);
			of[i] = NULL;
		} else {
			const uint64_t n = (uint64_t)rand() % 100;

			stats_add(&of[i][0], n);
			stats_set(&of[i][WORDS - 1], n);
			own[i] += n;
			wanted += n;
		}
		if (turn % 1000 == 0)
			ck_assert_uint_eq(sum_of(s, 0), wanted);
		if (of[i]) {
			name_of(i, name);
			ck_assert(stats_find(s, name, &copy));
			ck_assert_uint_eq(copy.words[0], own[i]);
		}
	}
	ck_assert_uint_le(stats_n_slots(s), NAMES);
	ck_assert_uint_eq(sum_of(s, 0), wanted);
	reopen();
	ck_assert_uint_eq(sum_of(s, 0), wanted);
	ck_assert_uint_eq(sum_of(s, WORDS - 1), 0);
	for (unsigned i = 0; i < NAMES; i += 2)
		of[i] = claim(i);
	stats_sweep(s);
	ck_assert_uint_eq(sum_of(s, 0), wanted);
	for (unsigned i = 0; i < NAMES; i++) {
		name_of(i, name);
		if (stats_find(s, name, &copy))
			ck_assert_int_eq(copy.state, i % 2 ? STATS_GONE : STATS_USED);
		else
			ck_assert_int_eq(i % 2, 1);
	}
	end();
}
END_TEST

START_TEST(full)
{
	uint64_t *words_of_5 = NULL;
	unsigned n = 0;

	begin();
	while (n < STATS_SLOTS_MAX) {
		uint64_t *words = claim(n);

		ck_assert_ptr_nonnull(words);
		words_of_5 = n++ == 5 ? words : words_of_5;
	}
	ck_assert_ptr_null(claim(n));
	ck_assert_uint_eq(stats_n_slots(s), STATS_SLOTS_MAX);
	/* It has two users then, and one again. */
	stats_release(s, claim(5));
	ck_assert_ptr_null(claim(n));
	stats_release(s, words_of_5);
	ck_assert_ptr_nonnull(claim(n));
	end();
}
END_TEST

START_TEST(other_form)
{
	struct stats_form other = form;
	struct stats *r, *w;

	begin();
	stats_add(stats_rest(s), 3);
	other.kind++;
	ck_assert_int_eq(stats_open_reader(path, &other, &r, &err), -ESTALE);
	ck_assert_msg(strstr(err.msg, "of another form") != NULL, "%s", err.msg);
	ck_assert_int_eq(stats_open_reader(path, &form, &r, &err), 0);
	ck_assert(stats_is_current(r, path));
	stats_close(s);
	ck_assert_int_eq(stats_open(path, &other, &w, &err), 0);
	ck_assert(!stats_is_current(r, path));
	ck_assert_uint_eq(sum_of(r, 0), 3);
	ck_assert_uint_eq(sum_of(w, 0), 0);
	stats_close(w);
	stats_close(r);
	ck_assert_int_eq(truncate(path, 10000), 0);
	ck_assert_int_eq(stats_open_reader(path, &form, &r, &err), -ESTALE);
	ck_assert_int_eq(stats_open(path, &form, &s, &err), 0);
	ck_assert_ptr_nonnull(claim(1));
	unlink(path);
	ck_assert_int_eq(stats_open_reader(path, &form, &r, &err), -ENOENT);
	ck_assert_int_eq(stats_open("/nowhere/stats", &form, &w, &err), -ENOENT);
	end();
}
END_TEST

START_TEST(one_writer)
{
	struct stats *w;

	begin();
	ck_assert_int_eq(stats_open(path, &form, &w, &err), -EBUSY);
	stats_add(&claim(1)[0], 1);
	stats_close(s);
	ck_assert_int_eq(stats_open(path, &form, &s, &err), 0);
	ck_assert_uint_eq(sum_of(s, 0), 1);
	end();
}
END_TEST

/* A full file system: no slot, and no SIGBUS. */
START_TEST(no_memory)
{
	unsigned n = 0;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_int_eq(mount("none", dir, "tmpfs", 0, "size=256k"), 0);
	snprintf(path, sizeof(path), "%s/stats", dir);
	ck_assert_msg(stats_open(path, &form, &s, &err) == 0, "%s", err.msg);
	while (claim(n))
		n++;
	ck_assert_uint_gt(n, 10);
	ck_assert_uint_lt(n, STATS_SLOTS_MAX);
	stats_release(s, claim(3));
	stats_close(s);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mount("none", dir, "tmpfs", MS_REMOUNT, "size=64k"), 0);
	ck_assert_int_eq(stats_open(path, &form, &s, &err), -ENOSPC);
	ck_assert_int_eq(access(path, F_OK), -1);
	umount(dir);
	rmdir(dir);
}
END_TEST

/* --- a writer beside readers, which is killed --- */

static uint64_t mark(const char *name)
{
	uint64_t hash = 1;

	for (; *name; name++)
		hash = hash * 31 + (unsigned char)*name;
	return hash | 1;
}

/* Slots change hands all the time; each has marks of its name alone. */
static _Noreturn void child_change(void)
{
	char name[STATS_NAME_MAX + 1];

	for (unsigned i = 0;; i++) {
		uint64_t *words;

		name_of(i % 100000, name);
		words = stats_claim(s, name, name);
		for (int j = 0; j < WORDS; j++)
			stats_set(&words[j], mark(name));
		stats_release(s, words);
	}
}

START_TEST(never_of_two)
{
	unsigned seen = 0, many = 0;
	struct stats_copy copy;
	struct stats *r;
	pid_t pid;

	begin();
	ck_assert_int_eq(stats_open_reader(path, &form, &r, &err), 0);
	pid = fork();
	if (pid == 0)
		child_change();
	while (seen < 200000) {
		for (uint32_t i = 0; i < stats_n_slots(r); i++) {
			if (!stats_read(r, i, 0, WORDS, &copy))
				continue;
			ck_assert_str_eq(copy.name, copy.tenant);
			for (int j = 0; j < WORDS; j++)
				ck_assert(copy.words[j] == 0 || copy.words[j] == mark(copy.name));
			seen++;
			many += copy.words[0] != 0;
		}
	}
	ck_assert_uint_gt(many, 1000);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	stats_close(r);
	end();
}
END_TEST

/* What it has counted it notes behind; names go and are folded meanwhile. */
static _Noreturn void child_count(volatile uint64_t *noted, unsigned seed)
{
	srand(seed);
	for (;;) {
		uint64_t *words = claim((unsigned)rand() % NAMES);

		stats_add(&words[0], 1);
		(*noted)++;
		stats_release(s, words);
	}
}

START_TEST(killed_writers)
{
	volatile uint64_t *noted =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	uint64_t before = 0;

	begin();
	for (unsigned i = 0; i < 100; i++) {
		const uint64_t start = *noted;
		pid_t pid = fork();
		uint64_t sum;

		if (pid == 0)
			child_count(noted, i);
		while (*noted < start + 500 + i * 13)
			;
		kill(pid, SIGKILL);
		ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
		reopen();
		sum = sum_of(s, 0);
		/* Of each one that was killed one may be counted and not noted. */
		ck_assert_uint_ge(sum, *noted);
		ck_assert_uint_ge(sum, before);
		before = sum;
		stats_sweep(s);
		ck_assert_uint_eq(sum_of(s, 0), sum);
	}
	ck_assert_uint_lt(before, *noted + 100 * 1000);
	end();
}
END_TEST

UNIT_MAIN("stats", counts, names, comes_and_goes, full, other_form, one_writer, no_memory,
	never_of_two, killed_writers)
