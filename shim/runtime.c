/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log and output of the runtime go to memory, which a full disk does not matter to and
 * which nobody has to read while it runs.
 */
#include "shim/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "runtime/base/paths.h"
#include "shim/child.h"

/* Beside containerd's own, as its shim for runc does it. */
#define ROOT_PARENT "/run/containerd"

#define RUNTIME_FILE	 "turf-shim.json"
#define RUNTIME_FILE_MAX 8192

/* What is looked at of the end of a log, and of an output. */
#define LOG_TAIL_MAX (64 << 10)
#define OUTPUT_MAX   (1 << 20)

struct run {
	int log, output;
	runtime_done_fn *done;
	void *arg;
	const char *name; /* of the verb, for messages */
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

static int choose_binary(struct runtime *r, const char *wanted, struct err *err)
{
	if (wanted && *wanted) {
		r->binary = strdup(wanted);
		return r->binary ? 0 : err_oom(err);
	}
	/* One that is not beside us may still be in PATH. */
	if (paths_program("turf", &r->binary, err) == -ENOENT)
		r->binary = strdup("turf");
	else if (!r->binary)
		return -err->code;
	return r->binary ? 0 : err_oom(err);
}

int runtime_init(
	struct runtime *ret, const Pb__RuncOptions *options, const char *namespace, struct err *err)
{
	const char *root = options && *options->root ? options->root : NULL;
	struct runtime r = {0};
	int n;

	if (choose_binary(&r, options ? options->binary_name : NULL, err) < 0)
		return -err->code;
	n = root ? asprintf(&r.root, "%s/%s", root, namespace)
		 : asprintf(&r.root, "%s/%s/%s", ROOT_PARENT, base_name(r.binary), namespace);
	if (n < 0) {
		r.root = NULL;
		runtime_finish(&r);
		return err_oom(err);
	}
	r.turf = streq(base_name(r.binary), "turf");
	if (options) {
		r.systemd_cgroup = options->systemd_cgroup;
		r.no_pivot_root = options->no_pivot_root;
		r.no_new_keyring = options->no_new_keyring;
	}
	*ret = r;
	return 0;
}

void runtime_finish(struct runtime *r)
{
	free_clear(&r->binary);
	free_clear(&r->root);
}

static int file_in_bundle(char **ret, const char *bundle, struct err *err)
{
	return asprintf(ret, "%s/" RUNTIME_FILE, bundle) < 0 ? err_oom(err) : 0;
}

int runtime_save(const struct runtime *r, const char *bundle, struct err *err)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct json_writer w;

	if (file_in_bundle(&path, bundle, err) < 0)
		return -err->code;
	json_writer_init(&w, &text, false);
	json_write_object_begin(&w);
	json_write_member_str(&w, "binary", r->binary);
	json_write_member_str(&w, "root", r->root);
	json_write_member_bool(&w, "systemdCgroup", r->systemd_cgroup);
	json_write_object_end(&w);
	if (buf_failed(&text))
		return err_oom(err);
	return file_write_atomic(AT_FDCWD, path, text.data, text.len, 0600, err);
}

static int read_members(struct runtime *r, const struct json_node *n, struct err *err)
{
	const char *binary, *root;

	if (json_need_str(n, "binary", &binary, err) < 0 ||
		json_need_str(n, "root", &root, err) < 0 ||
		json_need_bool(n, "systemdCgroup", &r->systemd_cgroup, err) < 0)
		return -err->code;
	r->binary = strdup(binary);
	r->root = strdup(root);
	return r->binary && r->root ? 0 : err_oom(err);
}

int runtime_load(struct runtime *ret, const char *bundle, struct err *err)
{
	_cleanup_free_ char *path = NULL, *text = NULL;
	_cleanup_json_ struct json_doc *doc = NULL;
	struct runtime r = {0};
	size_t len;

	if (file_in_bundle(&path, bundle, err) < 0 ||
		file_read(AT_FDCWD, path, RUNTIME_FILE_MAX, &text, &len, err) < 0)
		return -err->code;
	if (json_parse(text, len, &doc, err) < 0 || read_members(&r, json_root(doc), err) < 0) {
		runtime_finish(&r);
		return err_wrap(err, "read '%s'", path);
	}
	r.turf = streq(base_name(r.binary), "turf");
	*ret = r;
	return 0;
}

void runtime_forget(const char *bundle)
{
	_cleanup_free_ char *path = NULL;
	struct err ignored = ERR_INIT;

	if (file_in_bundle(&path, bundle, &ignored) == 0)
		unlink(path);
}

/* The end of what was written, as a string; NULL without memory. */
static char *read_tail(int fd, size_t max)
{
	struct stat st;
	size_t len, skip;
	ssize_t n;
	char *s;

	if (fd < 0 || fstat(fd, &st) < 0)
		return strdup("");
	len = (size_t)st.st_size < max ? (size_t)st.st_size : max;
	skip = (size_t)st.st_size - len;
	s = malloc(len + 1);
	if (!s)
		return NULL;
	n = pread(fd, s, len, (off_t)skip);
	s[n > 0 ? n : 0] = '\0';
	return s;
}

/* The sentence of a line of the log: of JSON when it is an error, of text as it is. */
static bool line_message(const char *line, size_t len, char *ret, size_t max)
{
	_cleanup_json_ struct json_doc *doc = NULL;
	const struct json_node *level, *msg;
	struct err err = ERR_INIT;
	const char *word, *text;

	if (line[0] != '{') {
		snprintf(ret, max, "%.*s", (int)len, line);
		return true;
	}
	if (json_parse(line, len, &doc, &err) < 0)
		return false;
	level = json_get(json_root(doc), "level");
	msg = json_get(json_root(doc), "msg");
	if (!level || !msg || json_to_str(level, &word, &err) < 0 ||
		json_to_str(msg, &text, &err) < 0)
		return false;
	if (!streq(word, "error") && !streq(word, "fatal"))
		return false;
	snprintf(ret, max, "%s", text);
	return true;
}

/* The last line that tells an error. */
static bool find_message(char *log, char *ret, size_t max)
{
	size_t len = strlen(log);

	while (len > 0) {
		char *line;

		while (len > 0 && log[len - 1] == '\n')
			log[--len] = '\0';
		line = strrchr(log, '\n');
		line = line ? line + 1 : log;
		if (*line && line_message(line, strlen(line), ret, max))
			return true;
		len = (size_t)(line - log);
		log[len] = '\0';
	}
	return false;
}

#define MESSAGE_MAX 4096

static void on_ended(void *arg, int status)
{
	struct run *run = arg;
	_cleanup_free_ char *log = read_tail(run->log, LOG_TAIL_MAX);
	_cleanup_free_ char *output = read_tail(run->output, OUTPUT_MAX);
	struct runtime_result result = {.ok = status == 0, .output = output ? output : ""};
	char message[MESSAGE_MAX];

	if (log && *log)
		log_debug("%s: %s", run->name, log);
	if (!result.ok && !(log && find_message(log, message, sizeof(message)))) {
		if (WIFSIGNALED(status))
			snprintf(message, sizeof(message), "%s was ended by signal %d", run->name,
				WTERMSIG(status));
		else
			snprintf(message, sizeof(message), "%s: exit status %d", run->name,
				WEXITSTATUS(status));
	}
	result.message = result.ok ? "" : message;
	fd_close(&run->log);
	fd_close(&run->output);
	run->done(run->arg, &result);
	free(run);
}

/* Open for us and, by its path, for the runtime. */
static int open_log(char *path, size_t max, struct err *err)
{
	int fd = memfd_create("runtime-log", MFD_CLOEXEC);

	if (fd < 0)
		return err_set(err, errno, "make a log in memory");
	(void)fcntl(fd, F_SETFL, O_APPEND);
	snprintf(path, max, "/proc/%d/fd/%d", (int)getpid(), fd);
	return fd;
}

int runtime_run(const struct runtime *r, const char *const *args, const int *fds,
	runtime_done_fn *done, void *arg, struct err *err)
{
	const char *argv[RUNTIME_ARGS_MAX + 10];
	char log_path[FD_PATH_MAX];
	struct run *run = calloc(1, sizeof(*run));
	struct child_program program = {.argv = argv, .n_fds = 3, .hands_over = true};
	int own_fds[3];
	size_t n = 0;

	if (!run)
		return err_oom(err);
	*run = (struct run){.log = -1, .output = -1, .done = done, .arg = arg, .name = args[0]};
	run->log = open_log(log_path, sizeof(log_path), err);
	if (run->log >= 0 && !fds) {
		run->output = memfd_create("runtime-output", MFD_CLOEXEC);
		if (run->output < 0)
			err_set(err, errno, "make an output in memory");
	}
	if (run->log < 0 || (!fds && run->output < 0))
		goto fail;
	argv[n++] = r->binary;
	argv[n++] = "--root";
	argv[n++] = r->root;
	argv[n++] = "--log";
	argv[n++] = log_path;
	argv[n++] = "--log-format";
	argv[n++] = "json";
	if (r->systemd_cgroup)
		argv[n++] = "--systemd-cgroup";
	for (size_t i = 0; args[i]; i++) {
		assert(i < RUNTIME_ARGS_MAX);
		argv[n++] = args[i];
	}
	argv[n] = NULL;
	own_fds[0] = -1;
	own_fds[1] = run->output;
	own_fds[2] = run->log;
	program.fds = fds ? fds : own_fds;
	if (child_execute(&program, on_ended, run, err))
		return 0;
fail:
	fd_close(&run->log);
	fd_close(&run->output);
	free(run);
	return -err->code;
}
