/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan of a process that joins a running container. What the container is made of
 * is asked of the kernel, by its first process, and not of the configuration: that
 * says what was made, not what it is. From the configuration come the rights of the
 * process alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/fd.h"
#include "runtime/base/number_list.h"
#include "runtime/base/proc.h"
#include "runtime/box/plan_build.h"

/* Most CPUs that an affinity can name. */
#define AFFINITY_WORDS 128

static const struct {
	uint32_t type;
	const char *file;
} kinds[] = {
	{CLONE_NEWUSER, "ns/user"},
	{CLONE_NEWCGROUP, "ns/cgroup"},
	{CLONE_NEWIPC, "ns/ipc"},
	{CLONE_NEWUTS, "ns/uts"},
	{CLONE_NEWNET, "ns/net"},
	{CLONE_NEWPID, "ns/pid"},
	{CLONE_NEWTIME, "ns/time"},
	{CLONE_NEWNS, "ns/mnt"},
};

/* /proc/PID of this very process: while its pidfd says it lives, the number is its own. */
static int open_proc(struct builder *b, int pidfd)
{
	_cleanup_close_ int fd = -1;
	char path[32];
	pid_t pid = proc_pidfd_pid(pidfd);

	if (pid <= 0)
		return plan_say(b, ESRCH, "container not running");
	snprintf(path, sizeof(path), "/proc/%d", (int)pid);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return plan_error(b, errno, "open '%s'", path);
	return take_fd(&fd);
}

/*
 * Whoever may make a user namespace can put the container's first process into one, whose
 * root it then is: with no groups to be dropped, and with mounts that it may change. What
 * joins the container does not follow it there.
 */
static int check_user(struct builder *b, const struct stat *ours, const struct stat *theirs)
{
	const struct oci_namespace *ns = oci_config_namespace(b->config, CLONE_NEWUSER);
	uint64_t made = b->options->user_ns;

	/* A record of an older turf, or a container that was restored. */
	if (!made)
		made = ns ? theirs->st_ino : ours->st_ino;
	if (theirs->st_ino == made)
		return 0;
	if (made != ours->st_ino)
		return plan_say(b, EPERM,
			"the container's first process has left its user namespace for one of its "
			"own");
	b->left_user_ns = true;
	return 0;
}

static int find_namespaces(struct builder *b, int proc)
{
	_cleanup_close_ int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct plan_head *head = &b->plan->head;

	if (self < 0)
		return plan_error(b, errno, "open '/proc/self'");
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct stat ours, theirs;

		/* This kernel has no such thing. */
		if (fstatat(self, kinds[i].file, &ours, 0) < 0 && errno == ENOENT)
			continue;
		if (fstatat(proc, kinds[i].file, &theirs, 0) < 0)
			return plan_error(
				b, errno, "stat '%s' of the container's process", kinds[i].file);
		if (kinds[i].type == CLONE_NEWUSER && check_user(b, &ours, &theirs) < 0)
			return -b->err->code;
		if (kinds[i].type == CLONE_NEWUSER && b->left_user_ns)
			continue;
		if (ours.st_dev != theirs.st_dev || ours.st_ino != theirs.st_ino)
			head->join |= kinds[i].type;
	}
	b->plan->joined = head->join;
	return 0;
}

/* In a user namespace whose maker had to give up setgroups(2), nobody can call it. */
static int find_groups(struct builder *b, int proc)
{
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (!(b->plan->head.join & CLONE_NEWUSER))
		return 0;
	if (file_read(proc, "setgroups", 64, &text, &len, b->err) < 0)
		return -b->err->code;
	if (str_after(text, "deny"))
		b->plan->head.flags |= PLAN_GROUPS_KEEP;
	return 0;
}

/*
 * A mount namespace that was made for the container has its root as root. In any
 * other the container stands in a chroot.
 */
static int find_root(struct builder *b, int proc)
{
	const struct oci_namespace *ns = oci_config_namespace(b->config, CLONE_NEWNS);
	int fd;

	b->plan->head.join_root = -1;
	if (ns && !ns->path)
		return 0;
	fd = openat(proc, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return plan_error(b, errno, "open the root of the container's process");
	b->plan->head.join_root = plan_put_fd(b, fd, true);
	return b->plan->head.join_root < 0 ? -b->err->code : 0;
}

static int put_affinity(
	struct builder *b, const char *member, const char *list, struct plan_array *ret)
{
	uint64_t words[AFFINITY_WORDS];

	if (!list)
		return 0;
	if (number_list_parse(list, words, AFFINITY_WORDS, b->err) < 0)
		return err_wrap(b->err, "process.execCPUAffinity.%s", member);
	*ret = plan_put_array(b, words, AFFINITY_WORDS, sizeof(words[0]));
	return 0;
}

static int plan_affinity(struct builder *b)
{
	const struct oci_cpu_affinity *a = b->config->process->exec_cpu_affinity;
	struct plan_head *head = &b->plan->head;

	if (!a)
		return 0;
	if (put_affinity(b, "initial", a->initial, &head->affinity_first) < 0)
		return -b->err->code;
	return put_affinity(b, "final", a->final, &head->affinity_last);
}

static int begin(struct builder *b, int pidfd, uint32_t flags)
{
	struct plan_head *head = &b->plan->head;
	_cleanup_close_ int proc = open_proc(b, pidfd);

	if (proc < 0)
		return -b->err->code;
	(void)buf_extend(&b->plan->bytes, sizeof(*head));
	head->flags = flags;
	head->id = plan_put_str(b, b->options->id);
	head->root_fd = head->null_fd = head->gate_fd = -1;
	head->join_fd = plan_put_fd(b, pidfd, false);
	if (head->join_fd < 0 || find_namespaces(b, proc) < 0 || find_groups(b, proc) < 0 ||
		find_root(b, proc) < 0)
		return -b->err->code;
	/* What was read is of the container only if it still lives. */
	if (proc_pidfd_signal(pidfd, 0) < 0)
		return plan_say(b, ESRCH, "container not running");
	return 0;
}

int plan_join(struct builder *b, int pidfd)
{
	const uint32_t worker = b->options->payload == BOX_PAYLOAD_WORKER ? PLAN_WORKER : 0;
	const uint32_t keyring = b->options->no_new_keyring ? 0 : PLAN_KEYRING;

	if (begin(b, pidfd, PLAN_JOIN | worker | keyring) < 0)
		return -b->err->code;
	if (plan_cgroups(b) < 0 || plan_process(b) < 0 || plan_affinity(b) < 0)
		return -b->err->code;
	return plan_finish(b);
}

/*
 * File systems that show a process what it stands in would show ours, which stays
 * outside. Others would look for their paths inside, where the container has put what
 * it likes.
 */
static int check_types(struct builder *b)
{
	static const char *const possible[] = {
		"bind", "none", "tmpfs", "sysfs", "mqueue", "devpts"};

	for (size_t i = b->options->first_mount; i < b->config->n_mounts; i++) {
		const char *type = b->config->mounts[i].type;
		bool known = !type;

		for (size_t k = 0; !known && k < ARRAY_SIZE(possible); k++)
			known = streq(type, possible[k]);
		if (!known)
			return plan_say(b, ENOTSUP,
				"mounts[%zu].type: '%s' is for a container that is made, not for "
				"one that runs",
				i, type);
	}
	return 0;
}

static int put_places(struct builder *b)
{
	_cleanup_buf_ struct buf list = BUF_INIT;

	for (size_t i = b->options->first_mount; i < b->config->n_mounts; i++) {
		_cleanup_free_ char *dest = plan_clean_path(b->config->mounts[i].destination);
		struct plan_mount m = {.fd = -1};
		char where[32];

		if (!dest)
			return err_oom(b->err);
		snprintf(where, sizeof(where), "mounts[%zu]", i);
		m.dest = plan_put_str(b, *dest ? dest : ".");
		m.where = plan_put_str(b, where);
		buf_put(&list, &m, sizeof(m));
	}
	if (buf_failed(&list))
		return err_oom(b->err);
	b->plan->head.mounts = plan_put_array(
		b, list.data, list.len / sizeof(struct plan_mount), sizeof(struct plan_mount));
	return 0;
}

int plan_join_to_mount(struct builder *b, int pidfd, bool add)
{
	if (begin(b, pidfd, PLAN_JOIN) < 0)
		return -b->err->code;
	if (b->left_user_ns)
		return plan_say(b, EPERM,
			"the container's first process has made a user namespace, whose root can "
			"undo what is mounted there");
	b->plan->head.join &= ~(uint32_t)CLONE_NEWPID;
	if (b->plan->head.join & CLONE_NEWUSER && plan_locked_make(&b->locked, b->err) < 0)
		return -b->err->code;
	if (add ? check_types(b) < 0 || plan_mounts(b) < 0 : put_places(b) < 0)
		return -b->err->code;
	return plan_finish(b);
}
