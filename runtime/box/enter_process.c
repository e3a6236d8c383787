/* SPDX-License-Identifier: Apache-2.0 */
/* Limits, descriptors and surroundings of the process, in the last rooted moments. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/proc.h"
#include "runtime/box/enter_priv.h"

#define IOPRIO_WHO_PROCESS 1

/* A session keyring's usual rights, and for its user to search it: ids may change later. */
#define KEYRING_PERM 0x3f1b0000u

/* As the kernel's struct sched_attr, which C libraries do not declare. */
struct sched_params {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

static int set_rlimit(const struct plan_rlimit *r, struct err *err)
{
	struct rlimit64 limit = {r->soft, r->hard};

	/* The caller's own limits are at most as high as ours can be made. */
	if (prlimit64(0, (__rlimit_resource_t)r->resource, &limit, NULL) < 0 && r->index >= 0)
		return err_set(err, errno, "process.rlimits[%d]: hard limit %llu", r->index,
			(unsigned long long)r->hard);
	return 0;
}

/* While there is a process in between, it is raised only: that takes rights, lowering does not. */
static int raise_process_limit(const struct plan_rlimit *r, struct err *err)
{
	struct plan_rlimit raised = *r;
	struct rlimit64 now;

	if (prlimit64(0, (__rlimit_resource_t)r->resource, NULL, &now) < 0)
		return err_set(err, errno, "process.rlimits[%d]", r->index);
	raised.soft = raised.hard;
	return r->hard > now.rlim_max ? set_rlimit(&raised, err) : 0;
}

static int set_rlimits(const struct plan_head *p, struct err *err)
{
	plan_each(struct plan_rlimit, r, p, p->rlimits)
	{
		bool later = p->flags & PLAN_JOIN && r->resource == RLIMIT_NPROC;

		if ((later ? raise_process_limit(r, err) : set_rlimit(r, err)) < 0)
			return -err->code;
	}
	return 0;
}

int enter_process_limit(const struct plan_head *p, struct err *err)
{
	plan_each(
		struct plan_rlimit, r, p, p->rlimits) if (r->resource == RLIMIT_NPROC &&
							  set_rlimit(r, err) < 0) return -err->code;
	return 0;
}

int enter_scheduler(const struct plan_head *p, pid_t pid, struct err *err)
{
	struct sched_params params = {
		.size = sizeof(params),
		.policy = p->sched_policy,
		.flags = p->sched_flags,
		.nice = p->sched_nice,
		.priority = p->sched_priority,
		.runtime = p->sched_runtime,
		.deadline = p->sched_deadline,
		.period = p->sched_period,
	};

	if (p->sched_policy != UINT32_MAX && syscall(SYS_sched_setattr, pid, &params, 0) < 0)
		return err_set(err, errno, "process.scheduler");
	return 0;
}

static int set_scheduler(const struct plan_head *p, struct err *err)
{
	/* A deadline is not inherited: the host's side sets it for a process that is born later. */
	if (!(p->flags & PLAN_JOIN) && enter_scheduler(p, 0, err) < 0)
		return -err->code;
	if (p->io_priority &&
		syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0, (int)p->io_priority) < 0)
		return err_set(err, errno, "process.ioPriority");
	/* The count includes the bit behind the last, which the kernel never looks at. */
	if (p->mempolicy >= 0 &&
		syscall(SYS_set_mempolicy, p->mempolicy,
			p->mempolicy_nodes.n ? plan_at(p, p->mempolicy_nodes) : NULL,
			p->mempolicy_nodes.n ? p->mempolicy_nodes.n * 64UL + 1 : 0UL) < 0)
		return err_set(err, errno, "linux.memoryPolicy");
	if (p->personality >= 0 && personality((unsigned long)p->personality) < 0)
		return err_set(err, errno, "linux.personality");
	return 0;
}

/* What a child of the caller would have inherited. */
static void restore_surroundings(const struct enter *e)
{
	const struct plan_head *p = e->plan;

	if (e->own || !(p->flags & PLAN_SURROUNDINGS))
		return;
	if (p->affinity.n)
		(void)syscall(SYS_sched_setaffinity, 0, p->affinity.n * sizeof(uint64_t),
			plan_at(p, p->affinity));
	if (getpriority(PRIO_PROCESS, 0) != p->nice)
		(void)setpriority(PRIO_PROCESS, 0, p->nice);
}

/* Out of the way of the numbers that the container's descriptors get. */
static int move_up(int *fd, int least, struct err *err)
{
	int moved;

	if (*fd < 0 || *fd >= least)
		return 0;
	moved = fcntl(*fd, F_DUPFD_CLOEXEC, least);
	if (moved < 0)
		return err_set(err, errno, "move a descriptor");
	fd_close(fd);
	*fd = moved;
	return 0;
}

static int place_fd(int from, int to, struct err *err)
{
	if (from == to)
		return fd_set_cloexec(to, false) < 0 ? err_set(err, EBADF, "descriptor %d", to) : 0;
	return dup2(from, to) < 0 ? err_set(err, errno, "make descriptor %d", to) : 0;
}

static int place_fds(struct enter *e, struct err *err)
{
	const struct plan_head *p = e->plan;
	const int32_t *preserved = plan_at(p, p->preserved);
	int least = 3 + (int)p->preserved.n;

	/* In a child of ours, 0.. are the caller's and the preserved ones in place. */
	if (!e->own) {
		if (move_up(&e->conn, least, err) < 0)
			return -err->code;
		for (uint32_t i = 0; i < p->n_fds; i++)
			if (move_up(&e->fds[i], least, err) < 0)
				return -err->code;
		for (uint32_t i = 0; i < p->preserved.n; i++)
			if (place_fd(e->fds[preserved[i]], 3 + (int)i, err) < 0)
				return -err->code;
	}
	if (p->flags & PLAN_TERMINAL)
		return 0;
	/* A source may be one of the targets that is written before it is read. */
	for (int i = 0; i < 3; i++)
		for (int j = 0; j < i; j++)
			if (e->fds[p->stdio[i]] == j && e->fds[p->stdio[j]] != j) {
				int moved = fcntl(j, F_DUPFD_CLOEXEC, least);

				if (moved < 0)
					return err_set(err, errno, "move a descriptor");
				e->fds[p->stdio[i]] = moved;
			}
	/* The caller's own are meant to be inherited. */
	for (int i = 0; i < 3; i++)
		if (!(e->own && e->fds[p->stdio[i]] == i) &&
			place_fd(e->fds[p->stdio[i]], i, err) < 0)
			return -err->code;
	return 0;
}

/* So that the user can open /dev/stdout again, which is another open of a pipe or terminal. */
static void give_stdio(const struct plan_head *p)
{
	struct stat st;

	if (p->uid == 0)
		return;
	for (int i = 0; i < 3; i++)
		if (fstat(i, &st) == 0 && st.st_uid != p->uid &&
			!(S_ISCHR(st.st_mode) && st.st_rdev == makedev(1, 3)))
			(void)!fchown(i, p->uid, st.st_gid);
}

static int by_number(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

/* Everything above the container's own but these, which may be -1 or the same. Sorts them. */
static int close_rest(unsigned first, int *keep, size_t n, struct err *err)
{
	qsort(keep, n, sizeof(*keep), by_number);
	for (size_t i = 0; i < n; i++) {
		if (keep[i] < (int)first)
			continue;
		if (keep[i] > (int)first && syscall(SYS_close_range, first, keep[i] - 1, 0) < 0)
			return err_set(err, errno, "close_range");
		first = (unsigned)keep[i] + 1;
	}
	return syscall(SYS_close_range, first, ~0U, 0) < 0 ? err_set(err, errno, "close_range") : 0;
}

static int close_others(const struct enter *e, struct err *err)
{
	const struct plan_head *p = e->plan;
	unsigned first = 3 + p->preserved.n;

	/* Inside of what is joined there are others, to whom our descriptors must not even be shown. */
	if (p->flags & (PLAN_WORKER | PLAN_JOIN)) {
		const bool worker = p->flags & PLAN_WORKER;
		int keep[] = {e->conn, worker && p->gate_fd >= 0 ? enter_fd(e, p->gate_fd) : -1,
			worker ? e->keep[0] : -1, worker ? e->keep[1] : -1};

		return close_rest(first, keep, ARRAY_SIZE(keep), err);
	}
	/* What we still need closes itself at execve. */
	if (syscall(SYS_close_range, first, ~0U, CLOSE_RANGE_CLOEXEC) < 0)
		return err_set(err, errno, "close_range");
	return 0;
}

static int enter_cwd(const struct plan_head *p, struct err *err)
{
	const char *cwd = plan_str(p, p->cwd);
	char now[PATH_MAX];

	if (chdir(cwd) < 0)
		return err_set(err, errno, "process.cwd: chdir '%s'", cwd);
	/* A magic link to one of our descriptors would lead out of the root. */
	if (syscall(SYS_getcwd, now, sizeof(now)) < 0)
		return err_set(err, errno, "process.cwd: '%s'", cwd);
	if (now[0] != '/')
		return err_say(err, EXDEV, "process.cwd: '%s' is outside of the container", cwd);
	return 0;
}

/* No more than a child may find there: a key of the caller's session is a secret. */
int enter_keyring(struct enter *e, struct err *err)
{
	char name[sizeof("_ses.") + 256];
	long key;

	if (!(e->plan->flags & PLAN_KEYRING))
		return 0;
	snprintf(name, sizeof(name), "_ses.%s", plan_str(e->plan, e->plan->id));
	key = syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name);
	/* The host has no keyrings, forbids them, or root has used up its share of them. */
	if (key < 0 && (errno == ENOSYS || errno == EDQUOT || errno == EPERM || errno == EACCES)) {
		enter_warn(e, "no session keyring of its own: %s", strerrordesc_np(errno));
		return 0;
	}
	if (key < 0)
		return err_set(err, errno, "make a session keyring");
	if (syscall(SYS_keyctl, KEYCTL_SETPERM, key, KEYRING_PERM) < 0)
		return err_set(err, errno, "set the permissions of the session keyring");
	return 0;
}

int enter_process(struct enter *e, struct err *err)
{
	const struct plan_head *p = e->plan;
	bool at_root = strcmp(plan_str(p, p->cwd), "/") == 0;
	struct err first = ERR_INIT;
	bool moved = at_root;

	if (set_scheduler(p, err) < 0)
		return -err->code;
	restore_surroundings(e);
	if (place_fds(e, err) < 0)
		return -err->code;
	give_stdio(p);
	if (close_others(e, err) < 0)
		return -err->code;
	if (set_rlimits(p, err) < 0)
		return -err->code;
	/* A seed has done so before it was cloned. */
	proc_reset_signals(e->own ? p->ignored_signals : 0);
	/* A directory may be open to root alone, or to the user alone. */
	if (!moved)
		moved = enter_cwd(p, &first) == 0;
	if (!moved && first.code != EACCES && first.code != EPERM) {
		*err = first;
		return -err->code;
	}
	if ((!(p->flags & PLAN_JOIN) || p->flags & PLAN_WORKER) && enter_lsm(e, err) < 0)
		return -err->code;
	umask(p->flags & PLAN_UMASK ? p->umask : e->umask);
	if (enter_privileges(e, err) < 0)
		return -err->code;
	return moved ? 0 : enter_cwd(p, err);
}
