/* SPDX-License-Identifier: Apache-2.0 */
/* What the control plane writes: bundles of functions, and what workers print. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "seed/noslated/control/code.h"
#include "seed/noslated/control/worker_bundle.h"
#include "seed/noslated/control/worker_log.h"
#include "seed/noslated/profile/profile.h"
#include "tests/unit/unit.h"

static char dir[] = "/tmp/turf-test-XXXXXX";
static char path[4096];
static struct err err;

static const char *in(const char *name)
{
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void put(const char *name)
{
	ck_assert_int_eq(file_write_atomic(AT_FDCWD, in(name), "x", 1, 0644, &err), 0);
}

static void make_dir(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(mkdir(in("code"), 0755), 0);
	put("a.js");
}

static void remove_dir(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

/* --- bundles --- */

static struct profile_set set;

static const struct profile_function *function(const char *code, const char *more)
{
	char text[8192];

	profile_set_finish(&set);
	snprintf(text, sizeof(text),
		"{\"version\": 1, \"functions\": [{\"name\": \"f\", \"code\": {%s}%s}]}", code,
		more);
	ck_assert_msg(profile_set_parse(text, strlen(text), &set, NULL, &err) == 0, "%s", err.msg);
	return &set.functions[0];
}

static const struct profile_function *with_path(
	const char *name, const char *entry, const char *more)
{
	char code[8192];

	snprintf(code, sizeof(code), "\"path\": \"%s/%s\"%s", dir, name, entry);
	return function(code, more);
}

static int write_it(
	const char *name, const char *before, const struct profile_function *f, bool *same)
{
	struct code_seen seen = {0};
	struct worker_code code;
	char to[128], from[128];
	int fd = -1;

	if (code_look(f, &seen, &fd, &err) < 0)
		return -err.code;
	fd_close(&fd);
	code = (struct worker_code){
		.kind = seen.kind, .path = f->code.path, .state = seen.state.text};
	snprintf(to, sizeof(to), "%s/%s", dir, name);
	snprintf(from, sizeof(from), "%s/%s", dir, before ? before : "");
	return worker_bundle_write(to, before ? from : NULL, f, &code, same, &err);
}

START_TEST(a_bundle_is_a_container_without_rights)
{
	struct oci_config *c;
	bool same;

	make_dir();
	ck_assert_msg(write_it("b", NULL,
			      with_path("a.js", "",
				      ", \"resources\": {\"memory\": \"64Mi\", \"cpu\": 500, "
				      "\"taskTime\": \"1s\"}, \"environment\": {\"A\": \"1\"}"),
			      &same) == 0,
		"%s", err.msg);
	ck_assert(!same);
	ck_assert_msg(oci_config_load(AT_FDCWD, in("b/config.json"), &c, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(c->process->args[2], "/code/a.js");
	ck_assert_str_eq(c->process->env[0], "NOSLATE_FUNCTION=f");
	ck_assert_str_eq(c->process->env[1], "A=1");
	ck_assert_uint_eq(c->process->user.uid, WORKER_UID);
	ck_assert_ptr_null(c->process->capabilities);
	ck_assert(c->process->no_new_privileges && c->root->readonly);
	ck_assert_int_eq(c->linux_->seccomp->default_action, OCI_SECCOMP_ERRNO);
	ck_assert_int_eq(c->linux_->resources->memory->limit.value, 64 << 20);
	ck_assert_int_eq(c->linux_->resources->cpu->quota.value, 50000);
	ck_assert_str_eq(oci_config_annotation(c, "turf.noslate.dev/task-limit"), "1000ms");
	oci_config_free(c);
	profile_set_finish(&set);
	remove_dir();
}
END_TEST

START_TEST(a_bundle_that_says_the_same_stays)
{
	bool same;

	make_dir();
	ck_assert_int_eq(write_it("b", NULL, with_path("a.js", "", ""), &same), 0);
	ck_assert_int_eq(
		write_it("c", "b", with_path("a.js", "", ", \"concurrency\": 3"), &same), 0);
	ck_assert(same);
	ck_assert_int_lt(access(in("c"), F_OK), 0);
	ck_assert_int_eq(write_it("c", "b",
				 with_path("a.js", "", ", \"environment\": {\"A\": \"2\"}"), &same),
		0);
	ck_assert(!same);
	ck_assert_int_eq(access(in("c/rootfs/code"), F_OK), 0);
	profile_set_finish(&set);
	remove_dir();
}
END_TEST

static void refused(const struct profile_function *f, const char *why)
{
	bool same;

	ck_assert_int_lt(write_it("b", NULL, f, &same), 0);
	ck_assert_msg(strstr(err.msg, why) != NULL, "'%s' does not say '%s'", err.msg, why);
	ck_assert_int_lt(access(in("b"), F_OK), 0);
}

START_TEST(code_that_cannot_run_is_told)
{
	bool same;

	make_dir();
	refused(with_path("none", "", ""), "No such file");
	refused(with_path("code", "", ""), "has no worker.js or index.js; which file is it?");
	refused(with_path("code", ", \"entry\": \"x.js\"", ""),
		"code.entry: there is no file 'x.js'");
	refused(with_path("a.js", ", \"entry\": \"x.js\"", ""),
		"is no directory, so it has no entry");
	refused(function("\"path\": \"/dev/null\"", ""), "is no directory and no file");
	refused(with_path("a.js", "", ", \"start\": \"snapshot\""),
		"start: functions start from source alone");
	put("code/index.js");
	put("code/other.js");
	ck_assert_int_eq(write_it("b", NULL, with_path("code", "", ""), &same), 0);
	ck_assert_int_eq(
		write_it("c", NULL, with_path("code", ", \"entry\": \"other.js\"", ""), &same), 0);
	profile_set_finish(&set);
	remove_dir();
}
END_TEST

/* --- logs --- */

static void print_to(struct worker_log *log, uv_loop_t *loop, const char *text, size_t len)
{
	struct worker_output *output;
	int fd;

	ck_assert_int_eq(worker_log_open(log, "w.1", in("w.pipe"), &output, &err), 0);
	fd = open(in("w.pipe"), O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	for (size_t at = 0; at < len;) {
		ssize_t n = write(fd, text + at, len - at < 4096 ? len - at : 4096);

		ck_assert_int_gt(n, 0);
		at += (size_t)n;
		uv_run(loop, UV_RUN_NOWAIT);
	}
	close(fd);
	worker_output_finish(output);
	uv_run(loop, UV_RUN_DEFAULT);
}

static void check_line(const char *line, size_t len, const char *text)
{
	struct json_doc *doc;
	const char *s;

	ck_assert_msg(json_parse(line, len, &doc, &err) == 0, "%s", err.msg);
	ck_assert_int_eq(json_need_str(json_root(doc), "worker", &s, &err), 0);
	ck_assert_str_eq(s, "w.1");
	ck_assert_int_eq(json_need_str(json_root(doc), "text", &s, &err), 0);
	ck_assert_str_eq(s, text);
	json_free(doc);
}

START_TEST(what_is_printed_is_lines_of_json)
{
	static const char *const texts[] = {"one", "", "three \"3\"", "an end"};
	static const char printed[] = "one\n\nthree \"3\"\nan end";
	struct worker_log *log;
	uv_loop_t loop;
	char *all, *line;
	size_t len;

	make_dir();
	uv_loop_init(&loop);
	log = worker_log_create(&loop, in("f.log"));
	print_to(log, &loop, printed, strlen(printed));
	worker_log_release(log);
	ck_assert_int_eq(file_read(AT_FDCWD, in("f.log"), 65536, &all, &len, &err), 0);
	line = all;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		char *end = strchr(line, '\n');

		ck_assert_ptr_nonnull(end);
		check_line(line, (size_t)(end - line), texts[i]);
		line = end + 1;
	}
	ck_assert_str_eq(line, "");
	free(all);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	remove_dir();
}
END_TEST

START_TEST(a_log_has_an_end)
{
	const size_t len = 4u << 20;
	char *text = malloc(len);
	struct worker_log *log;
	struct stat st, older;
	uv_loop_t loop;

	make_dir();
	ck_assert_ptr_nonnull(text);
	memset(text, 'x', len);
	uv_loop_init(&loop);
	log = worker_log_create(&loop, in("f.log"));
	print_to(log, &loop, text, len);
	worker_log_release(log);
	ck_assert_int_eq(stat(in("f.log"), &st), 0);
	ck_assert_int_eq(stat(in("f.log.1"), &older), 0);
	ck_assert_int_lt(st.st_size, WORKER_LOG_MAX + 2 * WORKER_LINE_MAX);
	ck_assert_int_lt(older.st_size, WORKER_LOG_MAX + 2 * WORKER_LINE_MAX);
	free(text);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	remove_dir();
}
END_TEST

UNIT_MAIN("control_files", a_bundle_is_a_container_without_rights,
	a_bundle_that_says_the_same_stays, code_that_cannot_run_is_told,
	what_is_printed_is_lines_of_json, a_log_has_an_end)
