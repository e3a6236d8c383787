/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of things in a process that becomes a container's. It is what the order
 * of privileges allows: what belongs to the host comes first (cgroups, namespaces of
 * others), then what needs the host to be visible (mounts, hooks), then the inside,
 * and at the end each step takes away what the earlier ones needed.
 *
 * From the first instruction on the process is not dumpable: nobody inside, not even
 * a root of a PID namespace that is shared, can trace it or look at its memory,
 * descriptors or executable while it stands with one foot outside.
 */
#include "runtime/box/enter.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/box/conv.h"
#include "runtime/box/enter_priv.h"

void enter_warn(const struct enter *e, const char *fmt, ...)
{
	struct conv_msg msg = {.type = CONV_WARNING};
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(msg.text, sizeof(msg.text), fmt, ap);
	va_end(ap);
	(void)conv_send(e->conn, &msg, -1);
}

/* What the inside shows of the outside: the new root, its contents, its names. */
static int build(struct enter *e, struct err *err)
{
	_cleanup_close_ int cwd = -1;

	/* Mounting moves about in the rootfs; hooks run where the caller stands. */
	if (e->plan->create_hooks.n)
		cwd = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (enter_trees(e, err) < 0 || enter_rootfs(e, err) < 0 || enter_mounts(e, err) < 0 ||
		enter_devices(e, err) < 0 || enter_console(e, err) < 0 ||
		enter_names_and_sysctl(e, err) < 0)
		return -err->code;
	if (cwd >= 0 && fchdir(cwd) < 0)
		return err_set(err, errno, "return to the caller's directory");
	if (enter_hooks_round(e, err) < 0 ||
		enter_run_hooks(e->plan, e->plan->create_hooks, "createContainer", e->create_state,
			e->create_state_len, err) < 0)
		return -err->code;
	return 0;
}

/* A working directory that is missing is made, as by other runtimes. */
static int make_cwd(const struct enter *e, struct err *err)
{
	const char *cwd = plan_str(e->plan, e->plan->cwd_made);
	_cleanup_close_ int fd = -1;

	if (!cwd || e->plan->flags & PLAN_ROOT_BY_PATH)
		return 0;
	if (path_make(e->root, cwd, true, 0, &fd, err) < 0)
		return err_wrap(err, "process.cwd");
	return 0;
}

static int close_in(struct enter *e, struct err *err)
{
	if (make_cwd(e, err) < 0 || enter_mounts_late(e, err) < 0 || enter_masks(e, err) < 0 ||
		enter_pivot(e, err) < 0)
		return -err->code;
	fd_batch_add(&e->done, &e->dev);
	fd_batch_close(&e->done);
	return enter_process(e, err);
}

int enter_run(struct enter *e, struct box_entry *ret, struct err *err)
{
	const struct plan_head *p = e->plan;
	struct box_entry entry = {
		.plan = p,
		.conn = -1,
		.gate_fd = -1,
		.start_conn = -1,
	};

	e->umask = umask(0);
	e->root = e->dev = -1;
	if (enter_attach_cgroups(e, err) < 0)
		return -err->code;
	if (e->own && setsid() < 0 && errno != EPERM)
		return err_set(err, errno, "setsid");
	if (enter_namespaces(e, err) < 0 || enter_keyring(e, err) < 0 || build(e, err) < 0 ||
		close_in(e, err) < 0)
		return -err->code;
	if (enter_arguments(p, &entry, err) < 0)
		return -err->code;
	entry.conn = e->conn;
	entry.gate_fd = enter_fd(e, p->gate_fd);
	entry.is_init = getpid() == 1;
	entry.limits = p->limits;
	entry.hooks_state = e->start_state;
	entry.hooks_state_len = e->start_state_len;
	*ret = entry;
	return 0;
}

int box_enter(const void *plan, size_t plan_len, const int *fds, size_t n_fds, int conn,
	const struct box_birth *birth, struct box_entry *ret, struct err *err)
{
	struct enter e = {
		.plan = plan, .conn = conn, .missing = birth->missing, .bare = birth->bare};

	memcpy(e.keep, birth->keep, sizeof(e.keep));
	*ret = (struct box_entry){.conn = conn, .gate_fd = -1, .start_conn = -1};
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return err_set(err, errno, "PR_SET_DUMPABLE");
	if (plan_check(plan, plan_len, n_fds, err) < 0)
		return -err->code;
	memcpy(e.fds, fds, n_fds * sizeof(*fds));
	return enter_run(&e, ret, err);
}

/*
 * `start` comes by the gate's socket. Of several that try at the same time one wins
 * the right to say GO (gate.h); the others hang up.
 */
static int wait_at_gate(struct box_entry *entry, struct err *err)
{
	for (;;) {
		_cleanup_close_ int conn = accept4(entry->gate_fd, NULL, NULL, SOCK_CLOEXEC);
		struct conv_msg msg;

		if (conn < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (conn < 0)
			return err_set(err, errno, "wait at the start gate");
		if (conv_recv(conn, &msg, NULL) == 1 && msg.type == CONV_GO) {
			entry->start_conn = take_fd(&conn);
			return 0;
		}
	}
}

int box_ready(struct box_entry *entry, struct err *err)
{
	int r = conv_say(entry->conn, CONV_READY, 0);

	return r < 0 ? err_set(err, -r, "say that the container is ready") : 0;
}

static int await_release(struct box_entry *entry, struct err *err)
{
	struct conv_msg msg;

	/* A runtime that died has not written down that we exist. */
	if (conv_expect(entry->conn, CONV_RELEASED, &msg, NULL, err) < 0)
		return -err->code;
	/* The runtime waits for the end of the conversation: it may die only after this. */
	if (prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0) < 0)
		return err_set(err, errno, "PR_SET_PDEATHSIG");
	return 0;
}

int box_wait_start(struct box_entry *entry, struct err *err)
{
	const struct plan_head *p = entry->plan;

	if (await_release(entry, err) < 0)
		return -err->code;
	/* Without a gate the conversation goes on until the payload runs. */
	if (entry->gate_fd < 0) {
		entry->start_conn = take_fd(&entry->conn);
	} else {
		fd_close(&entry->conn);
		if (wait_at_gate(entry, err) < 0)
			return -err->code;
		fd_close(&entry->gate_fd);
	}
	if (p->flags & PLAN_JOIN)
		return enter_seccomp(p, entry->start_conn, err);
	if (enter_run_hooks(p, p->start_hooks, "startContainer", entry->hooks_state,
		    entry->hooks_state_len, err) < 0)
		return -err->code;
	/* Who is not root takes a descriptor only from a process that it may trace. */
	if (p->flags & PLAN_ROOTLESS && p->flags & PLAN_NOTIFY &&
		prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return err_set(err, errno, "PR_SET_DUMPABLE");
	if (p->flags & PLAN_WORKER && prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0)
		return err_set(err, errno, "PR_SET_DUMPABLE");
	return enter_seccomp(p, entry->start_conn, err);
}

/* write(2): hardly any profile forbids it. */
static void tell_start(struct box_entry *entry, const struct conv_msg *msg)
{
	size_t len = offsetof(struct conv_msg, text) + strlen(msg->text) + 1;

	(void)!write(entry->start_conn, msg, len);
}

void box_started(struct box_entry *entry)
{
	const struct conv_msg going = {.type = CONV_GOING};

	tell_start(entry, &going);
	fd_close(&entry->start_conn);
}

void box_rested(struct box_entry *entry, const void *regs)
{
	const struct conv_msg rested = {
		.type = CONV_RESTED,
		.value = (uint32_t)(uintptr_t)regs,
		.value2 = (uint32_t)((uintptr_t)regs >> 32),
	};

	tell_start(entry, &rested);
	fd_close(&entry->start_conn);
}

void box_failed(struct box_entry *entry, const struct err *err)
{
	struct conv_msg msg = {.type = CONV_ERROR, .value = (uint32_t)err->code};

	memcpy(msg.text, err->msg, sizeof(msg.text));
	if (entry->start_conn >= 0)
		tell_start(entry, &msg);
	else if (entry->conn >= 0)
		(void)conv_send(entry->conn, &msg, -1);
}

int box_exec(struct box_entry *entry, struct err *err)
{
	const struct conv_msg going = {.type = CONV_GOING};

	tell_start(entry, &going);
	execve(entry->exe, (char *const *)entry->argv, (char *const *)entry->envp);
	return err_set(err, errno, "exec: \"%s\"", entry->argv[0]);
}
