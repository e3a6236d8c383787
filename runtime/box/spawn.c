/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children of our own. Mostly one clone3() with the namespaces as flags. Where
 * namespaces have to be joined before the new ones are made (a user namespace decides
 * who owns what is made after it), a process in between joins, makes the child as
 * ours (CLONE_PARENT), says its pid and ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/proc.h"
#include "runtime/box/bring_up.h"
#include "runtime/box/conv.h"
#include "runtime/box/enter_priv.h"
#include "runtime/box/exe.h"
#include "runtime/box/plan_build.h"

struct program {
	int exe_fd;
	int file_fd; /* -1: none */
	const char *const *argv;
	const char *const *envp;
};

struct spawn {
	const struct box_plan *plan;
	const struct program *program; /* NULL: the child goes on by itself */
	int (*run)(void *arg);	       /* in place of an execve; NULL: none */
	void *arg;
	int conn[2];		  /* ours, the child's */
	int exe_fd, exe_mount_fd; /* exe_freeze() */
	bool detached;		  /* exe_detach() was done before the child was made */
};

/* First of all in every child: else it would be one of those who keep them open. */
static void child_let_go(const struct spawn *s)
{
	close(s->conn[0]);
	if (s->exe_mount_fd >= 0)
		close(s->exe_mount_fd);
}

static _Noreturn void child_fail(int conn, const struct err *err)
{
	(void)conv_error(conn, err);
	_exit(EXIT_FAILURE);
}

static void fill_enter(const struct spawn *s, struct enter *ret)
{
	const struct box_plan *plan = s->plan;

	*ret = (struct enter){
		.plan = (const void *)plan->bytes.data,
		.conn = s->conn[1],
		.own = true,
		.in_cgroup = plan->cgroup_fd >= 0,
	};
	memcpy(ret->fds, plan->fds, plan->n_fds * sizeof(plan->fds[0]));
}

static _Noreturn void child_enter(const struct spawn *s, bool joined)
{
	struct box_entry entry = {.conn = s->conn[1], .gate_fd = -1, .start_conn = -1};
	struct err err = ERR_INIT;
	struct enter e;

	fill_enter(s, &e);
	e.joined = joined;
	e.in_cgroup &= !joined;
	if ((s->detached || exe_detach(s->exe_fd, &err) == 0) && enter_run(&e, &entry, &err) == 0 &&
		box_ready(&entry, &err) == 0 && box_wait_start(&entry, &err) == 0)
		(void)box_exec(&entry, &err);
	box_failed(&entry, &err);
	_exit(EXIT_FAILURE);
}

/* execve keeps the capabilities of a root of the user namespace, of nobody else. */
static int child_await_maps(const struct spawn *s, struct err *err)
{
	const struct plan_head *p = &s->plan->head;
	struct conv_msg msg;
	bool has_root = false;

	if (!(p->clone_flags & CLONE_NEWUSER))
		return 0;
	if (conv_expect(s->conn[1], CONV_MAPPED, &msg, NULL, err) < 0)
		return -err->code;
	for (const struct plan_id_map *m = plan_at((const void *)s->plan->bytes.data, p->uid_map),
				      *end = m + p->uid_map.n;
		m < end; m++)
		has_root |= m->inside == 0;
	if (!has_root || setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0)
		return err_say(err, ENOTSUP,
			"linux.uidMappings: a cold worker needs a root in its user namespace");
	return 0;
}

static _Noreturn void child_program(const struct spawn *s)
{
	struct err err = ERR_INIT;
	int conn = s->conn[1], file = s->program->file_fd, exe;

	(void)setsid();
	if (child_await_maps(s, &err) < 0)
		child_fail(conn, &err);
	/* First out of the way of the two numbers that are given out. */
	exe = fcntl(s->program->exe_fd, F_DUPFD_CLOEXEC, BOX_PROGRAM_FILE + 1);
	conn = fcntl(conn, F_DUPFD_CLOEXEC, BOX_PROGRAM_FILE + 1);
	if (file >= 0)
		file = fcntl(file, F_DUPFD_CLOEXEC, BOX_PROGRAM_FILE + 1);
	if (exe < 0 || conn < 0 || dup2(conn, BOX_PROGRAM_CONN) < 0 ||
		(s->program->file_fd >= 0 && (file < 0 || dup2(file, BOX_PROGRAM_FILE) < 0))) {
		err_set(&err, errno, "hand descriptors to a program");
		child_fail(s->conn[1], &err);
	}
	(void)syscall(SYS_close_range, file >= 0 ? BOX_PROGRAM_FILE + 1U : BOX_PROGRAM_CONN + 1U,
		~0U, CLOSE_RANGE_CLOEXEC);
	(void)syscall(SYS_execveat, exe, "", s->program->argv, s->program->envp, AT_EMPTY_PATH);
	err_set(&err, errno, "exec: \"%s\"", s->program->argv[0]);
	child_fail(BOX_PROGRAM_CONN, &err);
}

static _Noreturn void child_main(const struct spawn *s, bool joined)
{
	struct err err = ERR_INIT;
	struct conv_msg msg;

	if (!joined)
		child_let_go(s);
	/* An ordinary user may write the id maps of a process that is dumpable alone. */
	if (!(s->plan->head.flags & PLAN_ROOTLESS))
		(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	/* What we say must not come before what the one in between says of us. */
	if (joined && conv_expect(s->conn[1], CONV_KNOWN, &msg, NULL, &err) < 0)
		child_fail(s->conn[1], &err);
	if (s->program)
		child_program(s);
	child_enter(s, joined);
}

static pid_t clone_child(const struct box_plan *plan, uint64_t flags, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = flags | (ret_pidfd ? CLONE_PIDFD : 0),
		.pidfd = (uint64_t)(uintptr_t)ret_pidfd,
		.exit_signal = flags & CLONE_PARENT ? 0 : SIGCHLD,
	};

	if (!(flags & CLONE_PARENT) && plan->cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)plan->cgroup_fd;
	}
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

static int child_join_one(const struct box_plan *plan, const struct plan_ns *ns, struct err *err)
{
	/* Inside it may be denied, and the caller's groups have no business there. */
	if (ns->type == CLONE_NEWUSER)
		(void)!setgroups(0, NULL);
	if (setns(plan->fds[ns->fd], (int)ns->type) < 0)
		return err_set(err, errno, "join a named namespace");
	/* As root of the new one, where it has one; privileges do not depend on it. */
	if (ns->type == CLONE_NEWUSER && setresgid(0, 0, 0) == 0)
		(void)!setresuid(0, 0, 0);
	return 0;
}

/* The user namespace comes last, because it takes rights away, or for who has none first. */
static int child_join(const struct box_plan *plan, struct err *err)
{
	const struct plan_head *p = (const void *)plan->bytes.data;
	const bool rootless = p->flags & PLAN_ROOTLESS;

	plan_each(struct plan_ns, ns, p, p->ns)
	{
		if (rootless && ns->named && ns->type == CLONE_NEWUSER &&
			child_join_one(plan, ns, err) < 0)
			return -err->code;
	}
	if (plan->joined & CLONE_NEWPID && setns(plan->pidns_fd, CLONE_NEWPID) < 0)
		return err_set(err, errno, "join the named PID namespace");
	plan_each(struct plan_ns, ns, p, p->ns)
	{
		if (ns->named && !(rootless && ns->type == CLONE_NEWUSER) &&
			child_join_one(plan, ns, err) < 0)
			return -err->code;
	}
	return 0;
}

/* The process in between. */
static _Noreturn void child_between(struct spawn *s)
{
	const bool rootless = s->plan->head.flags & PLAN_ROOTLESS;
	struct err err = ERR_INIT;
	pid_t pid;
	int r;

	child_let_go(s);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	s->detached = true;
	/* Before a joined mount namespace could show another /proc; an ordinary user may not yet. */
	if ((!rootless && exe_detach(s->exe_fd, &err) < 0) || child_join(s->plan, &err) < 0 ||
		(rootless && exe_detach(s->exe_fd, &err) < 0))
		child_fail(s->conn[1], &err);
	pid = clone_child(s->plan, s->plan->head.clone_flags | CLONE_PARENT, NULL);
	if (pid == 0)
		child_main(s, true);
	if (pid < 0) {
		err_set(&err, errno, "clone3");
		child_fail(s->conn[1], &err);
	}
	r = conv_say(s->conn[1], CONV_PID, (uint32_t)pid);
	_exit(r < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static void reap(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static int spawn_between(struct spawn *s, pid_t *ret_pid, int *ret_pidfd, struct err *err)
{
	struct clone_args args = {.exit_signal = SIGCHLD};
	struct conv_msg msg = {.type = 0};
	pid_t between = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	int r;

	if (between < 0)
		return err_set(err, errno, "clone3");
	if (between == 0)
		child_between(s);
	r = conv_expect(s->conn[0], CONV_PID, &msg, NULL, err);
	reap(between);
	if (r < 0)
		return r;
	*ret_pid = (pid_t)msg.value;
	*ret_pidfd = proc_pidfd_open(*ret_pid);
	if (*ret_pidfd < 0)
		return err_set(err, -*ret_pidfd, "pidfd_open");
	r = conv_say(s->conn[0], CONV_KNOWN, 0);
	return r < 0 ? err_set(err, -r, "tell the container's process that it is known") : 0;
}

static int spawn_direct(const struct spawn *s, pid_t *ret_pid, int *ret_pidfd, struct err *err)
{
	pid_t pid = clone_child(s->plan, s->plan->head.clone_flags, ret_pidfd);

	if (pid == 0)
		child_main(s, false);
	if (pid < 0)
		return err_set(err, errno, "make the container's process and its namespaces");
	*ret_pid = pid;
	return 0;
}

static _Noreturn void child_joined(const struct spawn *s, struct box_entry *entry)
{
	struct err err = ERR_INIT;

	if (enter_joined(entry->plan, &err) == 0 && box_ready(entry, &err) == 0 &&
		box_wait_start(entry, &err) == 0) {
		if (s->run) {
			box_started(entry);
			_exit(s->run(s->arg));
		}
		(void)box_exec(entry, &err);
	}
	box_failed(entry, &err);
	_exit(EXIT_FAILURE);
}

/*
 * Joins a running container: the one in between goes in and drops what is dropped, and
 * only then makes the process that others inside can see.
 */
static _Noreturn void child_joiner(const struct spawn *s)
{
	struct box_entry entry = {.conn = s->conn[1], .gate_fd = -1, .start_conn = -1};
	struct err err = ERR_INIT;
	struct enter e;
	pid_t pid;

	child_let_go(s);
	fill_enter(s, &e);
	if (enter_join(&e, s->exe_fd, &entry, &err) < 0)
		child_fail(entry.conn, &err);
	pid = clone_child(s->plan, CLONE_PARENT, NULL);
	if (pid == 0)
		child_joined(s, &entry);
	if (pid < 0) {
		err_set(&err, errno, "clone3");
		child_fail(entry.conn, &err);
	}
	_exit(conv_say(entry.conn, CONV_PID, (uint32_t)pid) < 0 ? EXIT_FAILURE : EXIT_SUCCESS);
}

static int spawn_joiner(const struct spawn *s, pid_t *ret_pid, int *ret_pidfd, struct err *err)
{
	pid_t pid = clone_child(s->plan, 0, ret_pidfd);

	if (pid == 0)
		child_joiner(s);
	if (pid < 0)
		return err_set(err, errno, "make a process in the container's cgroup");
	*ret_pid = pid;
	return 0;
}

static int spawn(struct spawn s, struct box_child *ret, struct err *err)
{
	const struct box_plan *plan = s.plan;
	/*
	 * Others are in a PID namespace that is joined: the child is born there with
	 * nothing left to protect.
	 */
	bool between = plan->joined & (CLONE_NEWPID | CLONE_NEWUSER) ||
		       (plan->head.clone_flags & CLONE_NEWUSER && plan->joined);
	struct box_child child = BOX_CHILD_INIT;
	int r;

	s.exe_fd = s.exe_mount_fd = -1;
	child.between = plan->head.flags & PLAN_JOIN;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s.conn) < 0)
		return err_set(err, errno, "socketpair");
	s.exe_fd = exe_freeze(&s.exe_mount_fd, err);
	r = s.exe_fd < 0    ? s.exe_fd
	    : child.between ? spawn_joiner(&s, &child.pid, &child.pidfd, err)
	    : between	    ? spawn_between(&s, &child.pid, &child.pidfd, err)
			    : spawn_direct(&s, &child.pid, &child.pidfd, err);
	fd_close(&s.conn[1]);
	fd_close(&s.exe_fd);
	fd_close(&s.exe_mount_fd);
	child.conn = s.conn[0];
	/* A program is executed by a root of the user namespace, so there has to be one. */
	if (r == 0 && s.program && plan->head.clone_flags & CLONE_NEWUSER) {
		r = bring_up_maps(&child, plan, err);
		child.mapped = true;
	}
	if (r < 0) {
		box_child_abort(&child);
		return r;
	}
	*ret = child;
	return 0;
}

int box_spawn(const struct box_plan *plan, struct box_child *ret, struct err *err)
{
	return spawn((struct spawn){.plan = plan}, ret, err);
}

int box_spawn_function(const struct box_plan *plan, int (*run)(void *arg), void *arg,
	struct box_child *ret, struct err *err)
{
	return spawn((struct spawn){.plan = plan, .run = run, .arg = arg}, ret, err);
}

int box_spawn_program(const struct box_plan *plan, int exe_fd, int file_fd, const char *const *argv,
	const char *const *envp, struct box_child *ret, struct err *err)
{
	const struct program program = {exe_fd, file_fd, argv, envp};

	return spawn((struct spawn){.plan = plan, .program = &program}, ret, err);
}
