/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Into a container that runs, where hostile processes live already. Two processes take
 * part. The first joins the namespaces but the PID namespace, which only its children
 * are in: nobody inside sees it. There it closes, drops and sets everything that the
 * new process is not to have. The second is born with that, and with nothing that a
 * root of the container could get hold of by tracing it (CVE-2016-9962): no descriptor
 * but one end of a socket, no file of the host as its executable (CVE-2019-5736).
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/box/enter_priv.h"
#include "runtime/box/exe.h"

static int set_affinity(const struct plan_head *p, struct plan_array words, struct err *err)
{
	if (words.n && syscall(SYS_sched_setaffinity, 0, words.n * sizeof(uint64_t),
			       plan_at(p, words)) < 0)
		return err_set(err, errno, "process.execCPUAffinity");
	return 0;
}

/* All at once, so that the kernel finds the order; what it refuses is named. */
static int join(const struct enter *e, uint32_t types, struct err *err)
{
	static const struct {
		uint32_t type;
		const char *name;
	} each[] = {
		{CLONE_NEWPID, "PID"},
		{CLONE_NEWCGROUP, "cgroup"},
		{CLONE_NEWIPC, "IPC"},
		{CLONE_NEWUTS, "UTS"},
		{CLONE_NEWNET, "network"},
		{CLONE_NEWTIME, "time"},
		{CLONE_NEWNS, "mount"},
		{CLONE_NEWUSER, "user"},
	};
	int fd = e->fds[e->plan->join_fd];

	if (!types || setns(fd, (int)types) == 0)
		return 0;
	/*
	 * With a user namespace the others are joined as its root, who has no rights over
	 * those that are not its own: these come first, then it and its own.
	 */
	for (size_t i = 0; i < ARRAY_SIZE(each); i++)
		if (types & each[i].type && types & CLONE_NEWUSER &&
			each[i].type != CLONE_NEWUSER && setns(fd, (int)each[i].type) == 0)
			types &= ~each[i].type;
	for (size_t i = ARRAY_SIZE(each); i-- > 0;)
		if (types & each[i].type && setns(fd, (int)each[i].type) < 0)
			return err_set(
				err, errno, "join the %s namespace of the container", each[i].name);
	return 0;
}

static int become_root(const struct plan_head *p, struct err *err)
{
	/* Without one in the namespace, rights do not depend on it. */
	if (setresgid(0, 0, 0) < 0 || setresuid(0, 0, 0) < 0) {
		if (errno != EINVAL)
			return err_set(err, errno, "become root of the user namespace");
		return 0;
	}
	if (!(p->flags & PLAN_GROUPS_KEEP) && setgroups(0, NULL) < 0)
		return err_set(err, errno, "drop the groups in the user namespace");
	return 0;
}

static int join_namespaces(struct enter *e, int exe_fd, struct err *err)
{
	const struct plan_head *p = e->plan;
	uint32_t types = p->join;

	/*
	 * The caller's groups have no business in a user namespace, and inside it may be
	 * impossible to give them up. An ordinary user cannot here.
	 */
	if (types & CLONE_NEWUSER && setgroups(0, NULL) < 0 && errno != EPERM)
		return err_set(err, errno, "drop the caller's groups");
	/* Who has no rights outside has them as root of the user namespace alone. */
	if (geteuid() != 0 && types & CLONE_NEWUSER) {
		if (join(e, CLONE_NEWUSER, err) < 0)
			return -err->code;
		types &= ~(uint32_t)CLONE_NEWUSER;
	}
	/*
	 * While /proc is the host's, and shows us. The label is for the execve of a child; without
	 * one it is in force at once, and has to wait.
	 */
	if (exe_detach(exe_fd, err) < 0 || (!(p->flags & PLAN_WORKER) && enter_lsm(e, err) < 0) ||
		join(e, types, err) < 0)
		return -err->code;
	return p->join & CLONE_NEWUSER ? become_root(p, err) : 0;
}

static int open_root(struct enter *e, struct err *err)
{
	int fd = enter_fd(e, e->plan->join_root);

	if (fd >= 0 && (fchdir(fd) < 0 || chroot(".") < 0))
		return err_set(err, errno, "enter the root of the container");
	if (chdir("/") < 0)
		return err_set(err, errno, "chdir '/'");
	e->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return e->root < 0 ? err_set(err, errno, "open '/'") : 0;
}

int enter_join(struct enter *e, int exe_fd, struct box_entry *ret, struct err *err)
{
	const struct plan_head *p = e->plan;
	struct box_entry entry = {.plan = p, .gate_fd = -1, .start_conn = -1};

	e->dev = -1;
	e->umask = umask(0);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return err_set(err, errno, "prctl");
	if (set_affinity(p, p->affinity_first, err) < 0 || enter_attach_cgroups(e, err) < 0 ||
		set_affinity(p, p->affinity_last, err) < 0)
		return -err->code;
	if (join_namespaces(e, exe_fd, err) < 0 || open_root(e, err) < 0 ||
		enter_keyring(e, err) < 0 || enter_console(e, err) < 0 ||
		enter_process(e, err) < 0 || enter_arguments(p, &entry, err) < 0)
		return -err->code;
	entry.conn = e->conn;
	*ret = entry;
	return 0;
}

int enter_join_mounts(struct enter *e, int exe_fd, struct err *err)
{
	e->dev = -1;
	(void)umask(0);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return err_set(err, errno, "prctl");
	return join_namespaces(e, exe_fd, err) < 0 ? -err->code : open_root(e, err);
}

int enter_joined(const struct plan_head *p, struct err *err)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
		return err_set(err, errno, "PR_SET_PDEATHSIG");
	if (setsid() < 0)
		return err_set(err, errno, "setsid");
	if (p->flags & PLAN_TERMINAL && ioctl(STDIN_FILENO, TIOCSCTTY, 0) < 0)
		return err_set(err, errno, "process.terminal: make it the controlling terminal");
	return enter_process_limit(p, err);
}
