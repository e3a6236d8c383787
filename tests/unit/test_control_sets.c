/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of what was applied: numbers, the link that is a commit, what a crash leaves; and events. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "seed/noslated/control/events.h"
#include "seed/noslated/control/sets.h"
#include "tests/unit/unit.h"

static char dir[] = "/tmp/turf-test-XXXXXX";
static char path[4096];
static struct sets sets;
static struct err err;

static const char *in(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void begin(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(sets_open(&sets, dir, &err), 0);
}

static void end(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static void put(const char *name, const char *text)
{
	ck_assert_int_eq(file_write_atomic(AT_FDCWD, in(name), text, strlen(text), 0600, &err), 0);
}

static void serves(const char *wanted)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	ck_assert_int_eq(sets_read_current(&sets, &text, &len, &err), 0);
	ck_assert_str_eq(text, wanted);
}

START_TEST(one_after_the_other)
{
	struct set_entry list[SETS_KEPT];
	_cleanup_free_ char *text = NULL;
	size_t n, len;

	begin();
	ck_assert_uint_eq(sets.number, 0);
	ck_assert_int_eq(sets_read_current(&sets, &text, &len, &err), -ENOENT);
	ck_assert_int_eq(sets_list(&sets, list, &n, &err), 0);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(sets_write(&sets, "apply", "one", 3, &err), 0);
	ck_assert_int_eq(sets_write(&sets, "scale", "two", 3, &err), 0);
	serves("two");
	ck_assert_int_eq(sets_list(&sets, list, &n, &err), 0);
	ck_assert_uint_eq(n, 2);
	ck_assert_uint_eq(list[0].number, 2);
	ck_assert_str_eq(list[0].how, "scale");
	ck_assert_uint_eq(list[0].size, 3);
	ck_assert_int_gt(list[0].time_s, 0);
	ck_assert_uint_eq(list[1].number, 1);
	ck_assert_int_eq(sets_read(&sets, 1, &text, &len, &err), 0);
	ck_assert_str_eq(text, "one");
	free_clear(&text);
	ck_assert_int_eq(sets_read(&sets, 3, &text, &len, &err), -ENOENT);
	ck_assert_str_eq(err.msg, "set 3 is not kept");
	ck_assert_int_eq(sets_open(&sets, dir, &err), 0);
	ck_assert_uint_eq(sets.number, 2);
	serves("two");
	end();
}
END_TEST

START_TEST(only_so_many)
{
	struct set_entry list[SETS_KEPT];
	char text[16];
	size_t n;

	begin();
	for (int i = 1; i <= SETS_KEPT + 5; i++) {
		snprintf(text, sizeof(text), "%d", i);
		ck_assert_int_eq(sets_write(&sets, "apply", text, strlen(text), &err), 0);
	}
	ck_assert_int_eq(sets_list(&sets, list, &n, &err), 0);
	ck_assert_uint_eq(n, SETS_KEPT);
	for (unsigned i = 0; i < n; i++)
		ck_assert_uint_eq(list[i].number, SETS_KEPT + 5 - i);
	end();
}
END_TEST

/* A set that was written and is not linked to was never served. */
START_TEST(after_a_crash)
{
	begin();
	ck_assert_int_eq(sets_write(&sets, "apply", "one", 3, &err), 0);
	put("sets/00000002.apply.json", "half");
	put("sets/00000002.apply.json.tmp", "less");
	put("sets/notes", "somebody's");
	ck_assert_int_eq(symlink("sets/00000002.apply.json", in("functions.json.new")), 0);
	ck_assert_int_eq(sets_open(&sets, dir, &err), 0);
	ck_assert_uint_eq(sets.number, 1);
	ck_assert_int_lt(access(in("sets/00000002.apply.json"), F_OK), 0);
	ck_assert_int_eq(access(in("sets/notes"), F_OK), 0);
	ck_assert_int_eq(sets_write(&sets, "apply", "two", 3, &err), 0);
	ck_assert_uint_eq(sets.number, 2);
	serves("two");
	end();
}
END_TEST

/* One without a history, and what is no link of ours. */
START_TEST(another_file)
{
	begin();
	put("functions.json", "old");
	ck_assert_int_eq(sets_open(&sets, dir, &err), 0);
	ck_assert_uint_eq(sets.number, 0);
	serves("old");
	ck_assert_int_eq(sets_write(&sets, "apply", "new", 3, &err), 0);
	serves("new");
	ck_assert_int_eq(unlink(in("functions.json")), 0);
	ck_assert_int_eq(symlink("/etc/passwd", in("functions.json")), 0);
	ck_assert_int_eq(sets_open(&sets, dir, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.msg, "is no link to a set of functions"));
	end();
}
END_TEST

START_TEST(cannot_be_written)
{
	begin();
	ck_assert_int_eq(sets_write(&sets, "apply", "one", 3, &err), 0);
	ck_assert_int_eq(mkdir(in("sets/00000002.apply.json"), 0700), 0);
	ck_assert_int_lt(sets_write(&sets, "apply", "two", 3, &err), 0);
	ck_assert_uint_eq(sets.number, 1);
	serves("one");
	ck_assert_int_eq(rmdir(in("sets/00000002.apply.json")), 0);
	ck_assert_int_eq(mkdir(in("functions.json.new"), 0700), 0);
	ck_assert_int_lt(sets_write(&sets, "apply", "two", 3, &err), 0);
	ck_assert_int_lt(access(in("sets/00000002.apply.json"), F_OK), 0);
	serves("one");
	end();
}
END_TEST

/* --- events --- */

static unsigned changes;

static void on_change(void *arg UNUSED)
{
	changes++;
}

START_TEST(ring_of_events)
{
	struct events *e = events_create(on_change, NULL);
	char long_name[EVENT_FUNCTION_MAX + 10];
	const struct event *one;

	ck_assert_ptr_nonnull(e);
	ck_assert_uint_eq(events_last(e), 0);
	ck_assert_uint_eq(events_first(e), 1);
	ck_assert_ptr_null(events_get(e, 0));
	ck_assert_ptr_null(events_get(e, 1));
	events_add(e, EVENT_WORKER_STARTED, "f", "w", "process %d", 7);
	one = events_get(e, 1);
	ck_assert_ptr_nonnull(one);
	ck_assert_uint_eq(one->number, 1);
	ck_assert_str_eq(one->function, "f");
	ck_assert_str_eq(one->worker, "w");
	ck_assert_str_eq(one->text, "process 7");
	ck_assert_str_eq(event_kind_name(one->kind), "worker-started");
	memset(long_name, 'x', sizeof(long_name) - 1);
	long_name[sizeof(long_name) - 1] = '\0';
	for (int i = 2; i <= EVENTS_KEPT + 1; i++)
		events_add(e, EVENT_APPLIED, long_name, NULL, "%d", i);
	ck_assert_uint_eq(events_first(e), 2);
	ck_assert_uint_eq(events_last(e), EVENTS_KEPT + 1);
	ck_assert_ptr_null(events_get(e, 1));
	ck_assert_str_eq(events_get(e, 2)->text, "2");
	ck_assert_uint_eq(strlen(events_get(e, 2)->function), EVENT_FUNCTION_MAX - 1);
	ck_assert_str_eq(events_get(e, 2)->worker, "");
	ck_assert_uint_eq(changes, EVENTS_KEPT + 1);
	for (int i = 0; i < EVENT_KINDS; i++)
		ck_assert_ptr_nonnull(event_kind_name((enum event_kind)i));
	events_destroy(e);
}
END_TEST

UNIT_MAIN("control_sets", one_after_the_other, only_so_many, after_a_crash, another_file,
	cannot_be_written, ring_of_events)
