/* SPDX-License-Identifier: Apache-2.0 */
/* Snapshots, copies of the process, and the limits that stop a script. */
#include "aworker/v8/engine.h"

#include <dirent.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/engine_unit.h"

#define RANDOM_TEXT_MAX 256

static const char random_code[] = "say([1, 2, 3, 4].map(() => Math.random()))";

/* Runs the code in a forked copy; what it said is in `ret`. */
static void run_in_copy(struct engine *e, const char *code, char ret[RANDOM_TEXT_MAX])
{
	struct err err = ERR_INIT;
	ssize_t n, len = 0;
	int fds[2], status;
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (engine_fork_child(e, &err) < 0)
			_exit(2);
		seen.said[0] = '\0';
		if (engine_eval(e, "copy.js", code, strlen(code), NULL, &err) < 0)
			_exit(3);
		engine_pump(e);
		_exit(write(fds[1], seen.said, strlen(seen.said)) < 0);
	}
	close(fds[1]);
	while ((n = read(fds[0], ret + len, (size_t)(RANDOM_TEXT_MAX - 1 - len))) > 0)
		len += n;
	ret[len] = '\0';
	close(fds[0]);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

static void copies_differ(struct engine *e)
{
	char a[RANDOM_TEXT_MAX], b[RANDOM_TEXT_MAX];

	engine_fork_prepare(e);
	run_in_copy(e, random_code, a);
	run_in_copy(e, random_code, b);
	ck_assert_str_ne(a, b);
	run(e, "w.js", random_code);
	ck_assert_str_ne(a, seen.said);
	ck_assert_str_ne(b, seen.said);
}

/* V8's chunks lie side by side, aligned to it. */
#define CHUNK (256ul << 10)

START_TEST(copies_draw_different_numbers)
{
	struct engine *e = start();

	copies_differ(e);
	/* V8 keeps drawn numbers in stock; and optimised code that reads the stock. */
	run(e, "w.js", "var f = () => Math.random(); for (let i = 0; i < 2e5 + 7; i++) f()");
	copies_differ(e);
	engine_destroy(e);
}
END_TEST

START_TEST(a_random_of_our_own)
{
	struct engine *e = start();
	struct err err = ERR_INIT;

	ck_assert_int_eq(engine_replace_random(e, &err), 0);
	run(e, "w.js",
		"const all = new Set(); let sum = 0;\n"
		"for (let i = 0; i < 20000; i++) { const x = Math.random(); all.add(x); sum += x;\n"
		"	if (!(x >= 0 && x < 1)) say('out of range') }\n"
		"say(all.size, Math.abs(sum / 20000 - 0.5) < 0.02, Math.random.name, '')");
	ck_assert_str_eq(seen.said, "20000 true random loaded undefined");
	copies_differ(e);
	engine_destroy(e);
}
END_TEST

START_TEST(copies_run_what_the_seed_ran)
{
	struct engine *e = start();
	char text[RANDOM_TEXT_MAX];
	struct err err = ERR_INIT;

	run(e, "w.js",
		"var hot = (n) => { let s = 0; for (let i = 0; i < n; i++) s += i % 7; return s "
		"};\n"
		"var kept = Array.from({ length: 200000 }, (_, i) => ({ i })); hot(1e6)");
	engine_fork_prepare(e);
	ck_assert_msg(engine_self_test_fork(e, &err) == 0, "%s", err.msg);
	run_in_copy(e,
		"kept = kept.concat(kept.map((o) => ({ i: o.i + 1 })));\n"
		"say(hot(1e6), kept.length, kept.at(-1).i, new "
		"Intl.NumberFormat('de').format(1234.5),\n"
		"	'' + new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, "
		"0])))",
		text);
	ck_assert_str_eq(
		text, "2999997 400000 200000 1.234,5 [object WebAssembly.Module]loaded undefined");
	engine_destroy(e);
}
END_TEST

START_TEST(a_copy_without_its_heap_is_noticed)
{
	struct engine *e = start();
	struct err err = ERR_INIT;
	char line[512];
	int n = 0;
	FILE *maps = fopen("/proc/self/maps", "re");

	/* What V8's own madvise() does to its heap where ours is not in front of it. */
	ck_assert_ptr_nonnull(maps);
	while (fgets(line, sizeof(line), maps)) {
		unsigned long from, to;
		char flags[8], path[256] = "";

		if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %255s", &from, &to, flags, path) < 3 ||
			path[0] || flags[1] != 'w' || from % CHUNK || to - from < CHUNK)
			continue;
		ck_assert_int_eq(syscall(SYS_madvise, from, to - from, MADV_DONTFORK), 0);
		n++;
	}
	fclose(maps);
	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(engine_self_test_fork(e, &err), -EFAULT);
	ck_assert_str_eq(err.msg, "a trial copy of the engine dies of signal 11 (Segmentation "
				  "fault): V8's memory is not inherited by a fork");
	engine_destroy(e);
}
END_TEST

static int n_tasks(void)
{
	DIR *d = opendir("/proc/self/task");
	int n = 0;

	ck_assert_ptr_nonnull(d);
	for (struct dirent *entry; (entry = readdir(d));)
		n += entry->d_name[0] != '.';
	closedir(d);
	return n;
}

START_TEST(there_is_one_thread)
{
	struct engine *e = start();
	int turns = 0;

	run(e, "w.js",
		"var garbage = []; for (let i = 0; i < 1e6; i++) garbage.push({ i, s: 's' + i });\n"
		"garbage = null; WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, "
		"0]))\n"
		"	.then((m) => say('' + m));\n"
		"try { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0) } "
		"catch (x) { say(x.name, '') }");
	while (engine_run_task(e))
		ck_assert_int_lt(turns++, 1000);
	engine_pump(e);
	ck_assert_str_eq(seen.said, "TypeError loaded undefined[object WebAssembly.Module]");
	ck_assert_int_eq(n_tasks(), 1);
	engine_destroy(e);
}
END_TEST

START_TEST(time_zone_of_a_copy)
{
	struct engine *e;
	struct err err = ERR_INIT;

	setenv("TZ", "Asia/Shanghai", 1);
	e = start();
	run(e, "w.js",
		"say(new Date(0).getHours(), new "
		"Intl.DateTimeFormat().resolvedOptions().timeZone)");
	ck_assert_str_eq(seen.said, "8 Asia/Shanghailoaded undefined");
	setenv("TZ", "America/New_York", 1);
	ck_assert_int_eq(engine_fork_child(e, &err), 0);
	run(e, "w.js",
		"say(new Date(0).getHours(), new "
		"Intl.DateTimeFormat().resolvedOptions().timeZone)");
	ck_assert_str_eq(seen.said, "19 America/New_Yorkloaded undefined");
	engine_destroy(e);
}
END_TEST

static int snapshot_create(
	const struct engine_options *options, void **ret, size_t *ret_len, struct err *err)
{
	struct engine *e;

	if (engine_create_for_snapshot(options, &e, err) < 0)
		return -err->code;
	return engine_snapshot_take(e, ret, ret_len, err);
}

static void make_snapshot(struct engine_options *options, void **ret, size_t *ret_len)
{
	static const char second_text[] =
		"internals.counter = 0; const map = new Map([['k', 'v']]);\n"
		"internals.count = () => { internals.counter++; say(internals.counter, "
		"map.get('k'), '') };\n"
		"class Box { #v = 5; get v() { return this.#v } } globalThis.box = new Box();\n"
		"globalThis.rnd = Math.random(); Promise.reject(1).catch(() => {});\n";
	static struct engine_source sources[2];
	struct err err = ERR_INIT;

	sources[0] = platform;
	sources[1] =
		(struct engine_source){"second.js", second_text, sizeof(second_text) - 1, false};
	options->sources = sources;
	options->n_sources = 2;
	ck_assert_msg(snapshot_create(options, ret, ret_len, &err) == 0, "%s", err.msg);
}

START_TEST(starts_from_a_snapshot)
{
	struct engine_options options = test_options();
	struct engine *e = NULL;
	struct engine_value *count;
	struct err err = ERR_INIT;
	char first[sizeof(seen.said)] = "";
	void *blob;
	size_t len;

	make_snapshot(&options, &blob, &len);
	ck_assert(engine_snapshot_fits(&options, blob, len));
	options.snapshot = blob;
	options.snapshot_len = len;
	for (int i = 0; i < 2; i++) {
		ck_assert_msg(engine_create(&options, &e, &err) == 0, "%s", err.msg);
		count = engine_internal_function(e, "count");
		seen.said[0] = '\0';
		engine_call(e, count, 0, NULL);
		engine_call(e, count, 0, NULL);
		ck_assert_str_eq(seen.said, "1 v 2 v ");
		engine_release(e, count);
		run(e, "w.js", "say(box.v, ops.echo(1, 2, false), await 5, '')");
		ck_assert_str_eq(seen.said, "5 3 5 loaded undefined");
		run(e, "w.js", random_code);
		ck_assert_str_ne(seen.said, first);
		snprintf(first, sizeof(first), "%s", seen.said);
		copies_differ(e);
		ck_assert_msg(engine_self_test_fork(e, &err) == 0, "%s", err.msg);
		engine_destroy(e);
	}
	free(blob);
}
END_TEST

START_TEST(a_snapshot_must_fit)
{
	static const struct engine_op other_ops[] = {{"other", NULL}, {NULL, NULL}};
	struct engine_options options = test_options();
	struct engine *e = NULL;
	struct err err = ERR_INIT;
	char *blob;
	void *made;
	size_t len;

	make_snapshot(&options, &made, &len);
	blob = made;
	ck_assert(!engine_snapshot_fits(&options, blob, len - 1));
	ck_assert(!engine_snapshot_fits(&options, blob, 10));
	ck_assert(!engine_snapshot_fits(&options, NULL, 0));
	options.n_sources--;
	ck_assert(!engine_snapshot_fits(&options, blob, len));
	options.n_sources++;
	options.ops = other_ops;
	ck_assert(!engine_snapshot_fits(&options, blob, len));
	options.ops = ops;
	blob[0] ^= 1;
	ck_assert(!engine_snapshot_fits(&options, blob, len));
	blob[0] ^= 1;
	blob[8] ^= 1;
	ck_assert(!engine_snapshot_fits(&options, blob, len));
	blob[8] ^= 1;
	options.ops = other_ops;
	options.snapshot = blob;
	options.snapshot_len = len;
	ck_assert_int_eq(engine_create(&options, &e, &err), -EINVAL);
	ck_assert_str_eq(
		err.msg, "the startup snapshot was made by another build of aworker or V8");
	ck_assert_ptr_null(e);
	free(blob);
}
END_TEST

START_TEST(a_snapshot_holds_no_handles)
{
	static const char text[] = "ops.keep(() => {})";
	const struct engine_source source = {"keeps.js", text, sizeof(text) - 1, false};
	const struct engine_source broken = {"broken.js", "const = 1", 9, false};
	struct engine_options options = test_options();
	struct err err = ERR_INIT;
	void *blob = NULL;
	size_t len;

	options.n_sources = 1;
	options.sources = &broken;
	ck_assert_int_lt(snapshot_create(&options, &blob, &len, &err), 0);
	ck_assert_msg(strstr(err.msg, "platform script broken.js: "), "%s", err.msg);
	options.sources = &source;
	ck_assert_int_eq(snapshot_create(&options, &blob, &len, &err), -EBUSY);
	ck_assert_ptr_null(blob);
}
END_TEST

START_TEST(a_script_can_be_stopped)
{
	struct engine *e = start();
	struct engine_value *fn;
	struct err err = ERR_INIT;
	const char *code = "try { ops.stop(); for (;;); } finally { for (;;); }";

	ck_assert_int_eq(engine_eval(e, "w.js", code, strlen(code), NULL, &err), -EINTR);
	run(e, "w.js", "internalsLoop = () => { ops.stop(); for (;;); }; ops.keep(internalsLoop)");
	fn = seen.kept;
	ck_assert_int_lt(engine_call(e, fn, 0, NULL), 0);
	ck_assert_int_eq(seen.n_uncaught, 0);
	run(e, "w.js", "Promise.resolve().then(() => { ops.stop(); for (;;); })");
	run(e, "w.js", "say('still there ')");
	ck_assert_str_eq(seen.said, "still there loaded undefined");
	engine_release(e, fn);
	engine_destroy(e);
}
END_TEST

static struct engine *start_limited(size_t heap_limit)
{
	struct engine_options options = test_options();
	struct engine *e = NULL;
	struct err err = ERR_INIT;

	options.heap_limit = heap_limit;
	ck_assert_msg(engine_create(&options, &e, &err) == 0, "%s", err.msg);
	ck_assert_msg(engine_bootstrap(e, &platform, &err) == 0, "%s", err.msg);
	return e;
}

START_TEST(a_heap_has_a_limit)
{
	struct engine *e = start_limited(32 << 20);
	const char *hog = "var all = []; for (;;) all.push(new Array(100).fill(all.length))";
	struct engine_value *fn;
	struct err err = ERR_INIT;

	ck_assert(!engine_out_of_memory(e));
	run(e, "w.js", "ops.keep(() => { var all = []; for (;;) all.push({}) })");
	fn = seen.kept;
	ck_assert_int_eq(engine_eval(e, "w.js", hog, strlen(hog), NULL, &err), -ENOMEM);
	ck_assert_str_eq(err.msg, "JavaScript heap out of memory (limit 32 MiB)");
	ck_assert(engine_out_of_memory(e));
	ck_assert_int_eq(seen.n_uncaught, 0);
	engine_release(e, fn);
	engine_destroy(e);

	e = start_limited(32 << 20);
	run(e, "w.js", "ops.keep(() => { var all = []; for (;;) all.push({}) })");
	ck_assert_int_lt(engine_call(e, seen.kept, 0, NULL), 0);
	ck_assert_str_eq(seen.uncaught, "JavaScript heap out of memory (limit 32 MiB)");
	engine_release(e, seen.kept);
	engine_destroy(e);
}
END_TEST

START_TEST(a_copy_may_grow_further)
{
	struct engine *e = start_limited(32 << 20);
	const char *some =
		"var all = []; for (let i = 0; i < 1e6; i++) all.push({ i, a: [i] }); say(1)";

	engine_set_heap_limit(e, 512 << 20);
	run(e, "w.js", some);
	ck_assert(!engine_out_of_memory(e));
	engine_destroy(e);
	/* By one object, that is larger than what was allowed before. */
	e = start();
	engine_set_heap_limit(e, 32 << 20);
	engine_set_heap_limit(e, 0);
	run(e, "w.js", "say(JSON.parse(`[${'{\"a\":[1]},'.repeat(1e7)}1]`).length)");
	ck_assert_str_eq(seen.said, "10000001loaded undefined");
	engine_destroy(e);
}
END_TEST

START_TEST(a_copy_may_have_less)
{
	struct engine *e = start_limited(0);
	const char *hog = "var all = []; for (;;) all.push(new Array(100).fill(all.length))";
	struct err err = ERR_INIT;

	engine_set_heap_limit(e, 32 << 20);
	ck_assert_int_eq(engine_eval(e, "w.js", hog, strlen(hog), NULL, &err), -ENOMEM);
	ck_assert_str_eq(err.msg, "JavaScript heap out of memory (limit 32 MiB)");
	engine_destroy(e);
}
END_TEST

START_TEST(buffers_have_a_limit)
{
	struct engine *e = start_limited(32 << 20);

	run(e, "w.js",
		"try { new Uint8Array(33 << 20); say('made') } catch (x) { say(x.name, '') }\n"
		"try { var a = []; for (;;) a.push(new ArrayBuffer(1 << 20)) } catch (x) { "
		"say(x.name) }");
	ck_assert_str_eq(seen.said, "RangeError RangeErrorloaded undefined");
	ck_assert_ptr_null(engine_bytes(e, NULL, 33 << 20));
	/* What was dropped makes room. */
	run(e, "w.js", "a = null");
	for (int i = 0; i < 100; i++) {
		struct engine_value *bytes = engine_bytes(e, NULL, 20 << 20);

		ck_assert_ptr_nonnull(bytes);
		engine_release(e, bytes);
	}
	engine_destroy(e);
}
END_TEST

START_TEST(memories_of_webassembly_have_a_limit)
{
	struct engine *e = start();
	const char *hog = "var a = []; for (;;) a.push(new WebAssembly.Memory({ initial: 100 }))";
	/* What is dropped does not count. */
	const char *drop = "for (let i = 0; i < 200; i++) new WebAssembly.Memory({ initial: 400 });"
			   "say('made ')";
	const char *large = "try { new WebAssembly.Memory({ initial: 513 }); say('made ') }"
			    "catch (x) { say(x.name, '') }";
	struct err err = ERR_INIT;

	engine_set_heap_limit(e, 32 << 20);
	run(e, "w.js", large);
	ck_assert_str_eq(seen.said, "RangeError loaded undefined");
	run(e, "w.js", drop);
	ck_assert_str_eq(seen.said, "made loaded undefined");
	engine_set_heap_limit(e, 0);
	run(e, "w.js", large);
	ck_assert_str_eq(seen.said, "made loaded undefined");
	engine_set_heap_limit(e, 32 << 20);
	ck_assert_int_eq(engine_eval(e, "w.js", hog, strlen(hog), NULL, &err), -ENOMEM);
	ck_assert_str_eq(err.msg, "WebAssembly out of memory (limit 32 MiB)");
	engine_destroy(e);
}
END_TEST

START_TEST(a_stack_of_our_own)
{
	struct engine *e = start();
	const char *code = "var depth = 0; (function f() { depth++; f() })()";
	struct err err = ERR_INIT;

	/* 512 KiB below this frame, of which V8 keeps half for itself. */
	engine_use_stack(e, (char *)__builtin_frame_address(0) - (512 << 10));
	ck_assert_int_lt(engine_eval(e, "w.js", code, strlen(code), NULL, &err), 0);
	ck_assert_msg(strstr(err.msg, "RangeError: Maximum call stack"), "%s", err.msg);
	run(e, "w.js", "say(depth > 500 && depth < 8000)");
	ck_assert_str_eq(seen.said, "trueloaded undefined");
	engine_destroy(e);
}
END_TEST

UNIT_MAIN("aworker_engine_fork", copies_draw_different_numbers, a_random_of_our_own,
	copies_run_what_the_seed_ran, a_copy_without_its_heap_is_noticed, there_is_one_thread,
	time_zone_of_a_copy, starts_from_a_snapshot, a_snapshot_must_fit,
	a_snapshot_holds_no_handles, a_script_can_be_stopped, a_heap_has_a_limit,
	a_copy_may_grow_further, a_copy_may_have_less, memories_of_webassembly_have_a_limit,
	buffers_have_a_limit, a_stack_of_our_own)
