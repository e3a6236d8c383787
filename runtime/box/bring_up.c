/* SPDX-License-Identifier: Apache-2.0 */
/* The host's side of the conversation (conv.h). */
#include "runtime/box/bring_up.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/fd.h"
#include "runtime/base/proc.h"
#include "runtime/box/conv.h"
#include "runtime/box/enter_priv.h"
#include "runtime/box/gate.h"
#include "runtime/box/hooks.h"
#include "runtime/box/net_devices.h"
#include "runtime/box/plan_build.h"

/* Memory of a state that is not sane. */
#define STATE_MAX (16u << 20)

static const struct plan_head *head_of(const struct box_plan *plan)
{
	return (const void *)plan->bytes.data;
}

static int find_program(const char *name, char **ret, struct err *err)
{
	static const char *const dirs[] = {
		"/usr/bin", "/bin", "/usr/local/bin", "/run/wrappers/bin"};

	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		if (asprintf(ret, "%s/%s", dirs[i], name) < 0) {
			*ret = NULL;
			return err_oom(err);
		}
		if (access(*ret, X_OK) == 0)
			return 0;
		free(*ret);
		*ret = NULL;
	}
	return err_say(err, ENOENT,
		"'%s' is not installed (package uidmap), and without it an ordinary user can map "
		"the own id alone",
		name);
}

/* /proc/PID of this very child: who holds its pidfd knows that the number was not reused. */
static int open_proc(const struct box_child *child, struct err *err)
{
	char path[32];
	_cleanup_close_ int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d", (int)child->pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set(err, errno, "open '%s'", path);
	if (proc_pidfd_signal(child->pidfd, 0) < 0)
		return err_say(err, ESRCH, "the container's process is gone");
	return take_fd(&fd);
}

/* Who is not root may map the own id alone; newuidmap(1) knows what else is allowed. */
static int run_map_helper(const char *name, pid_t pid, const struct plan_head *p,
	struct plan_array map, struct err *err)
{
	_cleanup_free_ const char **argv = calloc(3 + 3 * (size_t)map.n, sizeof(*argv));
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_free_ char *path = NULL;
	size_t n = 0;

	buf_printf(&text, "%s%c%d", name, 0, (int)pid);
	plan_each(struct plan_id_map, m, p, map)
		buf_printf(&text, "%c%u%c%u%c%u", 0, m->inside, 0, m->outside, 0, m->size);
	if (!argv || buf_failed(&text))
		return err_oom(err);
	for (const char *word = text.data; n < 2 + 3 * (size_t)map.n; word += strlen(word) + 1)
		argv[n++] = word;
	if (find_program(name, &path, err) < 0)
		return -err->code;
	return hook_run(&(struct hook){.path = path, .argv = argv}, "", 0, err);
}

static bool may_write_map(const struct plan_head *p, struct plan_array map, uint32_t own)
{
	const struct plan_id_map *m = plan_at(p, map);

	return geteuid() == 0 || (map.n == 1 && m->size == 1 && m->outside == own);
}

static int put_map(const struct plan_head *p, int proc, const char *file, struct plan_array map,
	struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;

	plan_each(struct plan_id_map, m, p, map)
		buf_printf(&text, "%u %u %u\n", m->inside, m->outside, m->size);
	if (buf_failed(&text))
		return err_oom(err);
	return file_put(proc, file, text.data, err);
}

/* Inside a user namespace nobody has the right to do it; see PLAN_RLIMITS_RAISED. */
static int raise_rlimits(const struct plan_head *p, pid_t pid, struct err *err)
{
	plan_each(struct plan_rlimit, r, p, p->rlimits)
	{
		struct rlimit64 limit;

		if (prlimit64(pid, (__rlimit_resource_t)r->resource, NULL, &limit) < 0)
			return err_set(err, errno, "prlimit");
		if (r->index < 0 || r->hard <= limit.rlim_max)
			continue;
		limit.rlim_max = r->hard;
		if (prlimit64(pid, (__rlimit_resource_t)r->resource, &limit, NULL) < 0)
			return err_set(err, errno, "process.rlimits[%d]: hard limit %llu", r->index,
				(unsigned long long)r->hard);
	}
	return 0;
}

int bring_up_maps(struct box_child *child, const struct box_plan *plan, struct err *err)
{
	const struct plan_head *p = head_of(plan);
	struct stat st;
	int r;

	if (!child->mapped) {
		_cleanup_close_ int proc = open_proc(child, err);

		if (proc < 0)
			return proc;
		if (fstatat(proc, "ns/user", &st, 0) < 0)
			return err_set(err, errno, "stat the new user namespace");
		child->user_ns = st.st_ino;
		if (p->flags & PLAN_GROUPS_KEEP && file_put(proc, "setgroups", "deny", err) < 0)
			return -err->code;
		if ((may_write_map(p, p->uid_map, geteuid())
				    ? put_map(p, proc, "uid_map", p->uid_map, err)
				    : run_map_helper("newuidmap", child->pid, p, p->uid_map, err)) <
			0)
			return err_wrap(err, "linux.uidMappings");
		if ((may_write_map(p, p->gid_map, getegid())
				    ? put_map(p, proc, "gid_map", p->gid_map, err)
				    : run_map_helper("newgidmap", child->pid, p, p->gid_map, err)) <
			0)
			return err_wrap(err, "linux.gidMappings");
		if (p->flags & PLAN_RLIMITS_RAISED && raise_rlimits(p, child->pid, err) < 0)
			return -err->code;
	}
	r = conv_say(child->conn, CONV_MAPPED, 0);
	return r < 0 ? err_set(err, -r, "tell the container's process of its id maps") : 0;
}

static int put_oom_score(const struct box_child *child, const struct plan_head *p, struct err *err)
{
	_cleanup_close_ int proc = -1;
	char text[16];

	if (p->oom_score_adj == INT32_MIN)
		return 0;
	proc = open_proc(child, err);
	if (proc < 0)
		return proc;
	snprintf(text, sizeof(text), "%d", p->oom_score_adj);
	if (file_put(proc, "oom_score_adj", text, err) < 0)
		return err_wrap(err, "process.oomScoreAdj");
	return 0;
}

static int on_net_wanted(const struct box_child *child, const struct plan_head *p, struct err *err)
{
	_cleanup_close_ int proc = open_proc(child, err);
	_cleanup_close_ int netns = -1;
	int r;

	if (proc < 0)
		return proc;
	netns = openat(proc, "ns/net", O_RDONLY | O_CLOEXEC);
	if (netns < 0)
		return err_set(err, errno, "linux.netDevices: open the network namespace");
	plan_each(struct plan_net_device, d, p, p->net_devices)
	{
		const char *name = plan_str(p, d->name);

		if (net_device_move(name, plan_str(p, d->new_name), netns, err) < 0)
			return err_wrap(err, "linux.netDevices['%s']", name);
	}
	r = conv_say(child->conn, CONV_NET_DONE, 0);
	return r < 0 ? err_set(err, -r, "tell of the network interfaces") : 0;
}

/*
 * What startContainer hooks get: by then the container is created. oci_state_write()
 * puts the status before everything that somebody else could have worded.
 */
static int mark_created(struct buf *state, struct err *err)
{
	static const char creating[] = "\"status\":\"creating\"";
	static const char created[] = "\"status\":\"created\"";
	char *at = state->data ? strstr(state->data, creating) : NULL;
	_cleanup_buf_ struct buf out = BUF_INIT;

	if (!at)
		return err_say(err, EINVAL, "the state for hooks does not say \"creating\"");
	buf_put(&out, state->data, (size_t)(at - state->data));
	buf_puts(&out, created);
	buf_puts(&out, at + strlen(creating));
	if (buf_failed(&out))
		return err_oom(err);
	buf_finish(state);
	*state = out;
	out = (struct buf)BUF_INIT;
	return 0;
}

/* The state with the pid that the child knows itself by, in both versions. */
static int send_state(const struct box_child *child, const struct plan_head *p,
	const struct box_duties *duties, pid_t inner_pid, struct err *err)
{
	struct conv_msg msg = {.type = CONV_STATE};
	_cleanup_buf_ struct buf first = BUF_INIT;
	_cleanup_buf_ struct buf second = BUF_INIT;
	_cleanup_close_ int fd = -1;
	int r;

	if (p->create_hooks.n || p->start_hooks.n) {
		if (duties->state(duties->arg, inner_pid, &first, err) < 0 ||
			duties->state(duties->arg, inner_pid, &second, err) < 0 ||
			mark_created(&second, err) < 0)
			return -err->code;
		msg.value = (uint32_t)first.len;
		msg.value2 = (uint32_t)second.len;
		buf_put(&first, second.data, second.len);
		if (buf_failed(&first))
			return err_oom(err);
		if (first.len > STATE_MAX)
			return err_say(err, E2BIG, "the state for hooks is larger than %u bytes",
				STATE_MAX);
		fd = memfd_sealed("turf-state", first.data, first.len, err);
		if (fd < 0)
			return fd;
	}
	r = conv_send(child->conn, &msg, fd);
	return r < 0 ? err_set(err, -r, "send the state") : 0;
}

static int on_state_wanted(const struct box_child *child, const struct plan_head *p,
	const struct box_duties *duties, pid_t inner_pid, struct err *err)
{
	_cleanup_buf_ struct buf state = BUF_INIT;

	if (!duties->state)
		return err_say(err, EINVAL, "hooks need a state");
	if (duties->state(duties->arg, child->pid, &state, err) < 0)
		return -err->code;
	if (duties->create_runtime &&
		duties->create_runtime(duties->arg, state.data, state.len, err) < 0)
		return -err->code;
	return send_state(child, p, duties, inner_pid, err);
}

/* Returns when the child has heard of it, for until then it dies with us; it may also be dead. */
static int await_end(const struct box_child *child, struct err *err)
{
	struct conv_msg msg;
	int fd = -1;
	int r = conv_recv(child->conn, &msg, &fd);

	fd_close(&fd);
	if (r > 0)
		return err_say(err, EPROTO, "the container's process said %u after it was ready",
			msg.type);
	return r < 0 && r != -ECONNRESET ? err_set(err, -r, "release the container's process") : 0;
}

static int on_ready(const struct box_child *child, const struct plan_head *p,
	const struct box_duties *duties, struct err *err)
{
	int r = duties->ready ? duties->ready(duties->arg, err) : 0;

	if (r < 0)
		return r;
	r = conv_say(child->conn, CONV_RELEASED, 0);
	if (r < 0 && r != -EPIPE && r != -ECONNRESET)
		return err_set(err, -r, "release the container's process");
	return p->gate_fd < 0 ? gate_outcome(child->conn,
					&(struct gate_duties){
						duties->arg, duties->listener, duties->rested},
					err)
			      : await_end(child, err);
}

/* The process in between has made the container's, a child of ours, and ends. */
static int on_pid(struct box_child *child, const struct plan_head *p, pid_t pid, struct err *err)
{
	int pidfd;

	if (!child->between)
		return err_say(err, EPROTO, "the container's process said a second process id");
	while (waitid(P_PIDFD, (id_t)child->pidfd, &(siginfo_t){0}, WEXITED) < 0 && errno == EINTR)
		;
	fd_close(&child->pidfd);
	child->between = false;
	pidfd = proc_pidfd_open(pid);
	if (pidfd < 0)
		return err_set(err, -pidfd, "open process %d", (int)pid);
	child->pid = pid;
	child->pidfd = pidfd;
	if (put_oom_score(child, p, err) < 0)
		return -err->code;
	return enter_scheduler(p, pid, err);
}

/* A child that said nothing: how it ended, if it is ours to know. */
static int say_death(const struct box_child *child, struct err *err)
{
	siginfo_t info = {0};

	if (waitid(P_PIDFD, (id_t)child->pidfd, &info, WEXITED | WNOWAIT) == 0 &&
		info.si_code != CLD_EXITED)
		return err_say(err, ECHILD,
			"the container's process was killed by signal %d while it was set up",
			info.si_status);
	return err_say(err, ECHILD, "the container's process ended while it was set up");
}

static int converse(struct box_child *child, const struct plan_head *p,
	const struct box_duties *duties, struct err *err)
{
	struct conv_msg msg;
	bool is_ready = false;

	/* The child may be ready before the process in between has told of it. */
	while (!is_ready || child->between) {
		_cleanup_close_ int fd = -1;
		int r = conv_recv(child->conn, &msg, &fd);

		if (r == 0)
			return say_death(child, err);
		if (r < 0)
			return err_set(err, -r, "hear from the container's process");
		switch (msg.type) {
		case CONV_STATE_WANTED:
			r = on_state_wanted(child, p, duties, (pid_t)msg.value, err);
			break;
		case CONV_NET_WANTED: r = on_net_wanted(child, p, err); break;
		case CONV_CONSOLE:
			r = fd < 0 || !duties->console
				    ? err_say(err, EPROTO, "nobody takes the console")
				    : duties->console(duties->arg, fd, err);
			break;
		case CONV_WARNING:
			if (duties->warning)
				duties->warning(duties->arg, msg.text);
			break;
		case CONV_READY: is_ready = true; break;
		case CONV_PID: r = on_pid(child, p, (pid_t)msg.value, err); break;
		case CONV_ERROR: return conv_failed(&msg, err);
		default:
			return err_say(err, EPROTO,
				"unexpected message %u of the container's process", msg.type);
		}
		if (r < 0)
			return r;
	}
	return on_ready(child, p, duties, err);
}

int box_bring_up(struct box_child *child, const struct box_plan *plan,
	const struct box_duties *duties, struct err *err)
{
	const struct plan_head *p = head_of(plan);
	int r = child->between ? 0 : put_oom_score(child, p, err);

	if (plan->user_ns)
		child->user_ns = plan->user_ns;
	if (r == 0 && p->clone_flags & CLONE_NEWUSER)
		r = bring_up_maps(child, plan, err);
	if (r == 0)
		r = converse(child, p, duties, err);
	fd_close(&child->conn);
	return r;
}

void box_child_abort(struct box_child *child)
{
	fd_close(&child->conn);
	if (child->pidfd >= 0) {
		(void)proc_pidfd_signal(child->pidfd, SIGKILL);
		while (waitid(P_PIDFD, (id_t)child->pidfd, &(siginfo_t){0}, WEXITED) < 0 &&
			errno == EINTR)
			;
	}
	fd_close(&child->pidfd);
}
