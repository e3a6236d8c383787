/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Containers for tests of runtime/box: a rootfs of static busybox in a temporary
 * directory, a config.json as text, and what the container printed.
 */
#ifndef TESTS_UNIT_BOX_HARNESS_H
#define TESTS_UNIT_BOX_HARNESS_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "oci-spec/state.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/box/box.h"
#include "runtime/box/gate.h"
#include "tests/unit/unit.h"

#define BUSYBOX "/usr/bin/busybox"
#define OUT_MAX 65536

/* How long a container of a test may take. */
#define BOX_TIMEOUT_MS 20000

struct box_test {
	char dir[64]; /* the bundle */
	int dir_fd;
	struct buf warnings;
	char out[OUT_MAX]; /* stdout and stderr */
	int status;	   /* of waitpid */
	struct err err;
	struct box_options options;
	struct oci_config *config;
	struct box_plan *plan;
	struct box_child child;
	struct box_duties duties;
	int pipe[2];
	char console_out[OUT_MAX];
	int master;
};

static UNUSED void box_run_in(const char *dir, const char *fmt, ...)
{
	char cmd[4096];
	size_t n = (size_t)snprintf(cmd, sizeof(cmd), "cd %s && ", dir);
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd + n, sizeof(cmd) - n, fmt, ap);
	va_end(ap);
	ck_assert_msg(system(cmd) == 0, "failed: %s", cmd);
}

/* Without a shell: there are many of these. */
static UNUSED void box_rootfs(const char *dir)
{
	static const char *const dirs[] = {"", "/bin", "/proc", "/dev", "/sys", "/etc", "/tmp"};
	static const char *const tools[] = {"sh", "cat", "ls", "id", "grep", "readlink", "stat",
		"mount", "umount", "echo", "true", "test", "head", "tail", "wc", "sleep", "find",
		"dd", "mkdir", "env", "pwd", "tty", "stty", "touch", "chmod", "kill", "sort", "cut",
		"tr", "sysctl", "hostname", "sed", "uname"};
	_cleanup_close_ int from = open(BUSYBOX, O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int to = -1;
	char path[256];
	ssize_t n;

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%s/rootfs%s", dir, dirs[i]);
		ck_assert_int_eq(mkdir(path, 0755), 0);
		ck_assert_int_eq(chmod(path, 0755), 0);
	}
	snprintf(path, sizeof(path), "%s/rootfs/bin/busybox", dir);
	to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	ck_assert_int_ge(to, 0);
	while ((n = sendfile(to, from, NULL, 1u << 20)) > 0)
		;
	ck_assert_int_eq(n, 0);
	ck_assert_int_eq(fchmod(to, 0755), 0);
	for (size_t i = 0; i < ARRAY_SIZE(tools); i++) {
		snprintf(path, sizeof(path), "%s/rootfs/bin/%s", dir, tools[i]);
		ck_assert_int_eq(symlink("busybox", path), 0);
	}
}

static UNUSED void box_test_begin(struct box_test *t)
{
	memset(t, 0, sizeof(*t));
	strcpy(t->dir, "/tmp/turf-box-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(t->dir));
	ck_assert_int_eq(chmod(t->dir, 0755), 0);
	box_rootfs(t->dir);
	t->dir_fd = open(t->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(t->dir_fd, 0);
	t->child = (struct box_child)BOX_CHILD_INIT;
	t->pipe[0] = t->pipe[1] = -1;
	t->master = -1;
	t->options = (struct box_options){
		.id = "box-test",
		.bundle = t->dir,
		.stdio = {-1, -1, -1},
		.gate_fd = -1,
		.no_new_keyring = true,
	};
}

static UNUSED void box_test_end(struct box_test *t)
{
	box_child_abort(&t->child);
	box_plan_destroy(t->plan);
	oci_config_free(t->config);
	buf_finish(&t->warnings);
	fd_close(&t->options.gate_fd);
	fd_close(&t->options.stdio[0]);
	fd_close(&t->pipe[0]);
	fd_close(&t->pipe[1]);
	fd_close(&t->master);
	fd_close(&t->dir_fd);
	box_run_in("/", "rm -rf --one-file-system %s", t->dir);
}

static UNUSED int box_state(void *arg, pid_t pid, struct buf *ret, struct err *err)
{
	struct box_test *t = arg;
	const struct oci_state state = {
		.id = "box-test",
		.status = OCI_STATUS_CREATING,
		.pid = pid,
		.bundle = t->dir,
	};

	oci_state_write(&state, ret);
	return buf_failed(ret) ? err_oom(err) : 0;
}

static UNUSED int box_console(void *arg, int master, struct err *err)
{
	struct box_test *t = arg;

	t->master = fcntl(master, F_DUPFD_CLOEXEC, 3);
	return 0;
}

static UNUSED void box_warning(void *arg, const char *text)
{
	struct box_test *t = arg;

	buf_printf(&t->warnings, "%s\n", text);
}

/* Reads the config (a format) and makes the plan. */
static UNUSED int box_plan_text(struct box_test *t, const char *json)
{
	int r;

	if (oci_config_parse(json, strlen(json), &t->config, &t->err) < 0)
		ck_abort_msg("%s", t->err.msg);
	t->options.config = t->config;
	if (t->options.gate_fd < 0 && gate_listen(t->dir_fd, &t->options.gate_fd, &t->err) < 0)
		ck_abort_msg("%s", t->err.msg);
	if (t->pipe[0] < 0 && pipe2(t->pipe, O_CLOEXEC) < 0)
		ck_abort_msg("pipe");
	if (t->options.stdio[0] < 0) {
		t->options.stdio[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
		t->options.stdio[1] = t->options.stdio[2] = t->pipe[1];
	}
	r = box_plan_create(&t->options, &t->plan, &t->warnings, &t->err);
	return r;
}

/* Up to the gate. */
static UNUSED int box_create(struct box_test *t, const char *json)
{
	int r = box_plan_text(t, json);

	if (r == 0)
		r = box_spawn(t->plan, &t->child, &t->err);
	t->duties.arg = t;
	if (!t->duties.state)
		t->duties.state = box_state;
	t->duties.console = box_console;
	t->duties.warning = box_warning;
	if (r == 0)
		r = box_bring_up(&t->child, t->plan, &t->duties, &t->err);
	if (r < 0)
		box_child_abort(&t->child);
	return r;
}

/* Reads all output, then waits. */
static UNUSED void box_finish(struct box_test *t)
{
	size_t len = 0;
	int from = t->master >= 0 ? t->master : t->pipe[0];

	fd_close(&t->pipe[1]);
	for (;;) {
		struct pollfd p = {.fd = from, .events = POLLIN};
		ssize_t n;

		ck_assert_msg(poll(&p, 1, BOX_TIMEOUT_MS) == 1, "the container hangs: %s", t->out);
		n = read(from, t->out + len, sizeof(t->out) - 1 - len);
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	t->out[len] = '\0';
	ck_assert_int_eq(waitpid(t->child.pid, &t->status, 0), t->child.pid);
	fd_close(&t->child.pidfd);
}

/* The whole life of a container: its output, its wait status. */
static UNUSED int box_run(struct box_test *t, const char *json)
{
	int r = box_create(t, json);

	if (r == 0)
		r = gate_start(t->dir_fd, &t->err);
	if (r < 0) {
		box_child_abort(&t->child);
		return r;
	}
	box_finish(t);
	return 0;
}

#define BOX_NAMESPACES \
	"{\"type\":\"pid\"},{\"type\":\"mount\"},{\"type\":\"ipc\"},{\"type\":\"uts\"}"
#define BOX_MOUNTS                                                                             \
	"{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"                   \
	"{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\",\"options\":"       \
	"[\"nosuid\",\"strictatime\",\"mode=755\",\"size=65536k\"]},"                          \
	"{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\",\"options\":" \
	"[\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\",\"mode=0620\"]}"

/* process: the members behind args and cwd; mounts, namespaces, linux, top: more of each. */
static UNUSED const char *box_json(const char *script, const char *process, const char *mounts,
	const char *linux_members, const char *top)
{
	static char json[16384];
	char quoted[4096];
	size_t n = 0;

	for (const char *c = script; *c && n < sizeof(quoted) - 2; c++) {
		if (*c == '"' || *c == '\\')
			quoted[n++] = '\\';
		if (*c == '\n') {
			quoted[n++] = '\\';
			quoted[n++] = 'n';
		} else {
			quoted[n++] = *c;
		}
	}
	quoted[n] = '\0';
	snprintf(json, sizeof(json),
		"{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"},"
		"\"process\":{\"cwd\":\"/\",\"user\":{\"uid\":0,\"gid\":0},"
		"\"env\":[\"PATH=/bin\"],\"args\":[\"sh\",\"-c\",\"%s\"]%s%s},"
		"\"mounts\":[" BOX_MOUNTS "%s%s],"
		"\"linux\":{\"namespaces\":[" BOX_NAMESPACES "]%s%s}%s%s}",
		quoted, *process ? "," : "", process, *mounts ? "," : "", mounts,
		*linux_members ? "," : "", linux_members, *top ? "," : "", top);
	return json;
}

#define BOX_RUN(t, json)                                                          \
	do {                                                                      \
		if (box_run((t), (json)) < 0)                                     \
			ck_abort_msg("container does not run: %s", (t)->err.msg); \
	} while (0)

#endif
