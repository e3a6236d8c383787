/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `turf exec`: one process more in a container that runs. While it is on its way in,
 * the container is locked against everything that would meet it half-way: pause,
 * which would freeze it where nobody tells us of it, and delete.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/proc.h"
#include "runtime/box/box.h"
#include "runtime/box/cgroup.h"
#include "runtime/console.h"
#include "runtime/exec_process.h"
#include "runtime/exec_report.h"
#include "runtime/foreground.h"
#include "runtime/life.h"
#include "runtime/seccomp_listener.h"
#include "runtime/verbs.h"

/* runc's, so that it can be told from what the process returns more often than not. */
#define EXIT_EXEC_FAILED 255

static struct {
	struct exec_wishes wishes;
	struct option_strings groups, env, caps, cgroups;
	const char *console_socket;
	const char *pidfd_socket;
	const char *pid_file;
	unsigned preserve_fds;
	bool detach;
	bool ignore_paused;
} given;

static const struct option options[] = {
	{"process", 'p', OPTION_STRING, &given.wishes.file, "FILE", NULL,
		"the process as in config.json, in place of the other options"},
	{"tty", 't', OPTION_FLAG, &given.wishes.tty, NULL, NULL, "give it a terminal"},
	{"detach", 'd', OPTION_FLAG, &given.detach, NULL, NULL, "return when it runs"},
	{"env", 'e', OPTION_STRINGS, &given.env, "NAME=VALUE", NULL,
		"one more variable; can be repeated"},
	{"user", 'u', OPTION_STRING, &given.wishes.user, "UID[:GID]", NULL, "its ids"},
	{"additional-gids", 'g', OPTION_STRINGS, &given.groups, "GID", NULL,
		"one more group; can be repeated"},
	{"cwd", 0, OPTION_STRING, &given.wishes.cwd, "DIR", NULL, "its working directory"},
	{"cap", 'c', OPTION_STRINGS, &given.caps, "CAP", NULL,
		"one more capability; can be repeated"},
	{"no-new-privs", 0, OPTION_FLAG, &given.wishes.no_new_privs, NULL, NULL,
		"it can gain no privileges by execve"},
	{"apparmor", 0, OPTION_STRING, &given.wishes.apparmor, "PROFILE", NULL,
		"its AppArmor profile"},
	{"process-label", 0, OPTION_STRING, &given.wishes.process_label, "LABEL", NULL,
		"its SELinux label"},
	{"cgroup", 0, OPTION_STRINGS, &given.cgroups, "[CONTROLLER:]PATH", NULL,
		"put it into a cgroup below the container's; can be repeated"},
	{"preserve-fds", 0, OPTION_UNSIGNED, &given.preserve_fds, "N", NULL,
		"it keeps descriptors 3 to 2 + N"},
	{"console-socket", 0, OPTION_STRING, &given.console_socket, "SOCKET", NULL,
		"send the terminal's master end there"},
	{"pidfd-socket", 0, OPTION_STRING, &given.pidfd_socket, "SOCKET", NULL,
		"send a pidfd of it there"},
	{"pid-file", 0, OPTION_STRING, &given.pid_file, "FILE", NULL, "write its process id there"},
	{"ignore-paused", 0, OPTION_FLAG, &given.ignore_paused, NULL, NULL,
		"in a paused container wait until it is resumed"},
	{"no-subreaper", 0, OPTION_FLAG, &(bool){false}, NULL, NULL, NULL},
};

const struct option_table exec_options = {options, ARRAY_SIZE(options), NULL};

struct execution {
	struct container container;
	struct record record;
	enum oci_status status;
	struct oci_config *config; /* the container's, owned */
	struct oci_config changed; /* the same with our process, borrowing from it */
	struct exec_process process;
	struct exec_report report;
	bool reports; /* instead of executing a program */
	struct cgroup *cgroup;
	struct box_plan *plan;
	struct box_child child;
	struct console *console;
	struct buf warnings;
	int pidfd; /* of the container's first process */
};

static void execution_finish(struct execution *x)
{
	box_plan_destroy(x->plan);
	cgroup_close(x->cgroup);
	exec_process_finish(&x->process);
	oci_config_free(x->config);
	record_finish(&x->record);
	container_close(&x->container);
	fd_close(&x->child.conn);
	fd_close(&x->child.pidfd);
	fd_close(&x->pidfd);
	buf_finish(&x->warnings);
}

static int find_container(
	struct execution *x, const struct globals *g, const char *id, struct err *err)
{
	int r = container_open(g->root, id, &x->container, err);

	if (r == 0)
		r = container_lock_shared(&x->container, err);
	if (r == 0)
		r = container_record(&x->container, &x->record, err);
	if (r < 0)
		return r;
	x->status = container_status(&x->container, &x->record);
	if (x->status == OCI_STATUS_STOPPED || x->status == OCI_STATUS_CREATING)
		return err_say(err, ESRCH,
			"cannot exec in a stopped container: container not running: %s", id);
	if (x->status == OCI_STATUS_PAUSED && !given.ignore_paused)
		return err_say(err, EBUSY,
			"cannot exec in a paused container (use --ignore-paused to override): %s",
			id);
	x->pidfd = proc_open(&x->record.init, err);
	if (x->pidfd == -ESRCH)
		return err_say(err, ESRCH,
			"cannot exec in a stopped container: container not running: %s", id);
	return x->pidfd < 0 ? x->pidfd : 0;
}

static int check_terminal(const struct execution *x, struct err *err)
{
	bool terminal = x->process.process->terminal;

	if (terminal && given.detach && !given.console_socket)
		return err_say(
			err, EINVAL, "a terminal of a detached process needs '--console-socket'");
	if (!terminal && given.console_socket)
		return err_say(err, EINVAL, "option '--console-socket': no terminal is asked for");
	return given.console_socket ? console_check_socket(given.console_socket, err) : 0;
}

static int find_process(struct execution *x, char **args, struct err *err)
{
	int r = oci_config_load(x->container.dir_fd, OCI_CONFIG_FILE, &x->config, err);

	if (r < 0)
		return r;
	given.wishes.args = (const char *const *)args;
	given.wishes.groups = &given.groups;
	given.wishes.env = &given.env;
	given.wishes.caps = &given.caps;
	r = exec_process_make(x->config->process, &given.wishes, &x->process, err);
	if (r == 0)
		r = check_terminal(x, err);
	if (r < 0)
		return r;
	x->changed = *x->config;
	x->changed.process = x->process.process;
	if (exec_report_wanted(x->process.process, &x->record)) {
		x->reports = true;
		r = exec_report_make(x->process.process, &x->record, &x->report, err);
		x->changed.process = &x->report.process;
	}
	/* Those of the container have run. */
	x->changed.hooks = NULL;
	return r;
}

static int open_cgroup(struct execution *x, struct err *err)
{
	int r = cgroup_open(x->record.cgroups, x->record.n_cgroups, &x->cgroup, err);

	return r < 0 ? r : cgroup_open_join(x->cgroup, x->record.init.pid, given.cgroups.list, err);
}

static int make_plan(struct execution *x, struct err *err)
{
	const struct box_options o = {
		.id = x->container.id,
		.bundle = x->record.bundle,
		.config = &x->changed,
		.cgroup = x->cgroup,
		.payload = x->reports ? BOX_PAYLOAD_WORKER : BOX_PAYLOAD_EXEC,
		.stdio = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO},
		.preserve_fds = given.preserve_fds,
		.gate_fd = -1,
		.no_new_keyring = x->record.no_new_keyring,
		.user_ns = x->record.user_ns,
	};

	return box_plan_join(&o, x->pidfd, &x->plan, &x->warnings, err);
}

static int duty_console(void *arg, int master_fd, struct err *err)
{
	struct execution *x = arg;

	return given.console_socket ? console_send(given.console_socket, master_fd, err)
				    : console_open(x->console, master_fd, err);
}

static void duty_warning(void *arg, const char *text)
{
	struct execution *x = arg;

	buf_printf(&x->warnings, "%s\n", text);
}

static int duty_listener(void *arg, int remote_fd, struct err *err)
{
	struct execution *x = arg;

	return seccomp_listener_hand_over(
		&x->record, x->status, x->child.pidfd, x->child.pid, remote_fd, err);
}

static int duty_ready(void *arg, struct err *err)
{
	struct execution *x = arg;
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", (int)x->child.pid);

	if (given.pidfd_socket &&
		console_send_fd(given.pidfd_socket, "setns", x->child.pidfd, err) < 0)
		return err_wrap(err, "option '--pidfd-socket'");
	if (given.pid_file &&
		file_write_atomic(AT_FDCWD, given.pid_file, text, (size_t)n, 0644, err) < 0)
		return err_wrap(err, "pid file");
	return 0;
}

static int bring_up(struct execution *x, struct err *err)
{
	const struct box_duties duties = {
		.arg = x,
		.console = duty_console,
		.warning = duty_warning,
		.listener = duty_listener,
		.ready = duty_ready,
	};
	int r;

	/* In a frozen cgroup it waits for `resume`, which must not have to wait for us. */
	if (x->status == OCI_STATUS_PAUSED)
		container_unlock(&x->container);
	r = x->reports ? box_spawn_function(x->plan, exec_report_run, &x->report, &x->child, err)
		       : box_spawn(x->plan, &x->child, err);
	if (r == 0)
		r = box_bring_up(&x->child, x->plan, &duties, err);
	life_log_warnings(&x->warnings);
	container_unlock(&x->container);
	if (r < 0)
		box_child_abort(&x->child);
	return r;
}

static int wait_for(struct execution *x, struct foreground *fg, struct err *err)
{
	const struct life life = {
		.container = CONTAINER_INIT,
		.payload = RECORD_EXEC,
		.pidfd = x->child.pidfd,
		.pid = x->child.pid,
	};
	int code;
	int r = foreground_wait(fg, &life, x->console, &code, err);

	return r < 0 ? r : code;
}

static int exec(const struct globals *g, char **args, struct err *err)
{
	_cleanup_foreground_ struct foreground fg = FOREGROUND_INIT;
	_cleanup_console_ struct console console = CONSOLE_INIT;
	_cleanup_(execution_finish) struct execution x = {
		.container = CONTAINER_INIT,
		.process = EXEC_PROCESS_INIT,
		.child = BOX_CHILD_INIT,
		.console = &console,
		.pidfd = -1,
		.warnings = BUF_INIT,
	};
	int r = find_container(&x, g, args[0], err);

	if (r == 0)
		r = find_process(&x, args + 1, err);
	if (r == 0)
		r = open_cgroup(&x, err);
	if (r == 0)
		r = make_plan(&x, err);
	if (r == 0 && !given.detach)
		r = foreground_begin(&fg, err);
	if (r == 0)
		r = bring_up(&x, err);
	if (r < 0)
		return r;
	return given.detach ? 0 : wait_for(&x, &fg, err);
}

int verb_exec(const struct globals *g, char **args, struct err *err)
{
	int r = exec(g, args, err);

	if (r >= 0)
		return r;
	log_error("exec failed: %s", err->msg);
	return EXIT_EXEC_FAILED;
}
