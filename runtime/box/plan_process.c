/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.process and hooks. What the config does not say stays as the caller has it:
 * a child of ours inherits that, for a clone of a seed it is written down.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/ioprio.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/number_list.h"
#include "runtime/base/paths.h"
#include "runtime/base/proc.h"
#include "runtime/box/cgroup.h"
#include "runtime/box/cgroup_layout.h"
#include "runtime/box/lsm.h"
#include "runtime/box/plan_build.h"
#include "runtime/box/seccomp.h"

/* Most memory nodes that a policy can name; kernels are built for 1024. */
#define NODE_WORDS 16

/* Most CPUs of which an affinity can be handed on. */
#define AFFINITY_WORDS 128

static int put_hooks(
	struct builder *b, const struct oci_hook *hooks, size_t n, struct plan_array *ret)
{
	_cleanup_buf_ struct buf list = BUF_INIT;

	for (size_t i = 0; i < n; i++) {
		struct plan_hook h = {
			.path = plan_put_str(b, hooks[i].path),
			.timeout_s = hooks[i].timeout.set ? (uint32_t)hooks[i].timeout.value : 0,
			.argv = plan_put_strs(b, hooks[i].args),
			.envp = plan_put_strs(b, hooks[i].env),
		};

		buf_put(&list, &h, sizeof(h));
	}
	if (buf_failed(&list))
		return err_oom(b->err);
	*ret = plan_put_array(b, list.data, n, sizeof(struct plan_hook));
	return 0;
}

static int plan_hooks(struct builder *b)
{
	const struct oci_hooks *h = b->config->hooks;
	struct plan_head *head = &b->plan->head;

	if (!h)
		return 0;
	if (h->n_prestart || h->n_create_runtime || h->n_create_container || h->n_start_container)
		head->flags |= PLAN_STATE;
	if (put_hooks(b, h->create_container, h->n_create_container, &head->create_hooks) < 0)
		return -b->err->code;
	return put_hooks(b, h->start_container, h->n_start_container, &head->start_hooks);
}

/* Descriptors passed by socket activation (sd_listen_fds(3)); they come first. */
static unsigned listen_fds(void)
{
	const char *pid = getenv("LISTEN_PID");
	const char *fds = getenv("LISTEN_FDS");
	unsigned long n;

	if (!pid || !fds || strtol(pid, NULL, 10) != getpid())
		return 0;
	n = strtoul(fds, NULL, 10);
	return n <= PLAN_FDS_CLONE_MAX ? (unsigned)n : 0;
}

static int put_preserved(struct builder *b, unsigned n)
{
	bool worker = b->plan->head.flags & PLAN_WORKER;
	_cleanup_buf_ struct buf list = BUF_INIT;

	if (n > PLAN_FDS_CLONE_MAX)
		return plan_say(
			b, E2BIG, "more than %d descriptors to preserve", PLAN_FDS_CLONE_MAX);
	for (unsigned i = 0; i < n; i++) {
		int fd = 3 + (int)i;
		int flags = fcntl(fd, F_GETFD);
		int32_t index = -1;

		/* One of ours is no descriptor of the caller's. */
		if (flags < 0 || flags & FD_CLOEXEC)
			return plan_say(
				b, EBADF, "descriptor %d is to be preserved but not open", fd);
		if (worker) {
			index = plan_put_fd(b, fd, false);
			if (index < 0)
				return index;
		}
		buf_put(&list, &index, sizeof(index));
	}
	if (buf_failed(&list))
		return err_oom(b->err);
	b->plan->head.preserved = plan_put_array(b, list.data, n, sizeof(int32_t));
	return 0;
}

static int plan_fds(struct builder *b, unsigned n_listen)
{
	const struct oci_process *process = b->config->process;
	struct plan_head *head = &b->plan->head;

	if (process->terminal) {
		head->flags |= PLAN_TERMINAL;
		if (process->console_size) {
			head->console_height = process->console_size->height;
			head->console_width = process->console_size->width;
		}
	}
	for (int i = 0; i < 3; i++) {
		head->stdio[i] = -1;
		if (process->terminal)
			continue;
		head->stdio[i] = plan_put_fd(b, b->options->stdio[i], false);
		if (head->stdio[i] < 0)
			return head->stdio[i];
	}
	return put_preserved(b, b->options->preserve_fds + n_listen);
}

static int plan_env(struct builder *b, unsigned n_listen)
{
	const char *const *env = b->config->process->env;
	_cleanup_free_ const char **list = NULL;
	char count[32];
	size_t n = 0;
	bool home = false;

	while (env && env[n])
		n++;
	list = calloc(n + 3, sizeof(*list));
	if (!list)
		return err_oom(b->err);
	for (size_t i = 0; i < n; i++) {
		list[i] = env[i];
		home |= str_after(env[i], "HOME=") != NULL;
	}
	if (n_listen) {
		snprintf(count, sizeof(count), "LISTEN_FDS=%u", n_listen);
		list[n++] = count;
		list[n++] = "LISTEN_PID=1";
	}
	if (!home)
		b->plan->head.flags |= PLAN_HOME;
	b->plan->head.envp = plan_put_strs(b, list);
	return 0;
}

static void plan_user(struct builder *b)
{
	const struct oci_user *user = &b->config->process->user;
	struct plan_head *head = &b->plan->head;

	head->uid = user->uid;
	head->gid = user->gid;
	head->groups =
		plan_put_array(b, user->additional_gids, user->n_additional_gids, sizeof(uint32_t));
	if (user->umask.set) {
		head->umask = user->umask.value;
		head->flags |= PLAN_UMASK;
	} else if (head->flags & PLAN_WORKER) {
		head->umask = umask(0);
		umask((mode_t)head->umask);
		head->flags |= PLAN_UMASK;
	}
}

static int plan_rlimits(struct builder *b)
{
	const struct oci_process *process = b->config->process;
	struct plan_rlimit list[RLIM_NLIMITS];
	size_t n = 0;

	/* The parser lets no resource stand twice. */
	for (size_t i = 0; i < process->n_rlimits; i++) {
		const struct oci_rlimit *r = &process->rlimits[i];

		list[n++] =
			(struct plan_rlimit){(uint32_t)r->resource, (int32_t)i, r->soft, r->hard};
	}
	for (uint32_t res = 0; b->plan->head.flags & PLAN_WORKER && res < RLIM_NLIMITS; res++) {
		struct rlimit64 own;
		bool given = false;

		for (size_t i = 0; i < n; i++)
			given |= list[i].resource == res;
		if (given || prlimit64(0, (__rlimit_resource_t)res, NULL, &own) < 0)
			continue;
		list[n++] = (struct plan_rlimit){res, -1, own.rlim_cur, own.rlim_max};
	}
	if (process->n_rlimits && b->plan->head.clone_flags & CLONE_NEWUSER)
		b->plan->head.flags |= PLAN_RLIMITS_RAISED;
	b->plan->head.rlimits = plan_put_array(b, list, n, sizeof(list[0]));
	return 0;
}

static int plan_oom(struct builder *b)
{
	const struct oci_i32 *given = &b->config->process->oom_score_adj;
	_cleanup_free_ char *text = NULL;
	size_t len;

	b->plan->head.oom_score_adj = INT32_MIN;
	if (given->set) {
		b->plan->head.oom_score_adj = given->value;
	} else if (b->plan->head.flags & PLAN_WORKER) {
		if (file_read_value(AT_FDCWD, "/proc/self/oom_score_adj", 64, &text, &len, b->err) <
			0)
			return -b->err->code;
		b->plan->head.oom_score_adj = (int32_t)strtol(text, NULL, 10);
	}
	return 0;
}

/* The kernel kills at the limit; a worker can end with a sentence before. */
static void plan_limits(struct builder *b)
{
	const struct oci_linux *l = b->config->linux_;
	const struct oci_memory *m = l && l->resources ? l->resources->memory : NULL;

	b->plan->head.limits = b->options->limits;
	if (m && m->limit.set && m->limit.value > 0)
		b->plan->head.limits.memory = (uint64_t)m->limit.value;
}

static void plan_scheduling(struct builder *b)
{
	const struct oci_process *process = b->config->process;
	const struct oci_scheduler *s = process->scheduler;
	struct plan_head *head = &b->plan->head;

	head->sched_policy = UINT32_MAX;
	head->personality = -1;
	if (s) {
		head->sched_policy = (uint32_t)s->policy;
		head->sched_nice = s->nice;
		head->sched_priority = (uint32_t)s->priority;
		head->sched_flags = s->flags;
		head->sched_runtime = s->runtime;
		head->sched_deadline = s->deadline;
		head->sched_period = s->period;
	}
	if (process->io_priority)
		head->io_priority = (uint32_t)IOPRIO_PRIO_VALUE(
			process->io_priority->class, process->io_priority->priority);
	if (b->config->linux_ && b->config->linux_->personality)
		head->personality = (int32_t)b->config->linux_->personality->domain;
}

/* A cpuset of v2 gives whoever comes in all of its processors. */
static bool takes_affinity(const struct cgroup *cg)
{
	const struct cgroup_layout *layout = cg ? cgroup_layout_of(cg) : NULL;
	const struct cgroup_hierarchy *h = layout ? cgroup_layout_find(layout, "cpuset") : NULL;

	return h && h->v2;
}

/* What a child of ours inherits: a clone has to be told. */
static void plan_surroundings(struct builder *b)
{
	struct plan_head *head = &b->plan->head;
	uint64_t mask[AFFINITY_WORDS];
	long n;

	if (!(head->flags & PLAN_WORKER))
		return;
	head->flags |= PLAN_SURROUNDINGS;
	head->nice = getpriority(PRIO_PROCESS, 0);
	if (head->personality < 0)
		head->personality = personality(0xffffffff);
	if (takes_affinity(b->options->cgroup) || head->flags & PLAN_JOIN)
		return;
	n = syscall(SYS_sched_getaffinity, 0, sizeof(mask), mask);
	if (n > 0)
		head->affinity =
			plan_put_array(b, mask, (size_t)n / sizeof(mask[0]), sizeof(mask[0]));
}

/* What the kernel makes of a mode together with nodes is its own to say. */
static int plan_memory_policy(struct builder *b)
{
	const struct oci_linux *l = b->config->linux_;
	struct plan_head *head = &b->plan->head;
	uint64_t nodes[NODE_WORDS];

	head->mempolicy = -1;
	if (!l || !l->memory_policy)
		return 0;
	head->mempolicy = l->memory_policy->mode | (int)l->memory_policy->flags;
	if (number_list_parse(l->memory_policy->nodes ?: "", nodes, NODE_WORDS, b->err) < 0)
		return err_wrap(b->err, "linux.memoryPolicy.nodes");
	if (l->memory_policy->nodes)
		head->mempolicy_nodes = plan_put_array(b, nodes, NODE_WORDS, sizeof(nodes[0]));
	return 0;
}

static int plan_labels(struct builder *b)
{
	const struct oci_process *process = b->config->process;
	struct plan_head *head = &b->plan->head;

	if (process->apparmor_profile && !lsm_apparmor_enabled())
		return plan_say(b, ENOTSUP,
			"process.apparmorProfile: AppArmor is not enabled on this host");
	if (process->selinux_label && !lsm_selinux_enabled())
		return plan_say(
			b, ENOTSUP, "process.selinuxLabel: SELinux is not enabled on this host");
	head->apparmor = plan_put_str(b, process->apparmor_profile);
	head->selinux = plan_put_str(b, process->selinux_label);
	return 0;
}

static int plan_rights(struct builder *b)
{
	const struct oci_process *process = b->config->process;
	const struct oci_linux *l = b->config->linux_;
	struct plan_head *head = &b->plan->head;
	_cleanup_seccomp_ struct seccomp_program program = {.len = 0};
	uint64_t available, known;
	struct proc_sets own;

	if (process->no_new_privileges)
		head->flags |= PLAN_NO_NEW_PRIVS;
	if (proc_self_sets(&own, b->err) < 0 || caps_known(&known, b->err) < 0)
		return -b->err->code;
	head->ignored_signals = own.ignored;
	available = plan_has_namespace(b, CLONE_NEWUSER) ? known : own.bounding;
	/* A clone's bounding set is its seed's, so all that could be in it has to go. */
	head->caps_known = head->flags & PLAN_WORKER ? known : available;
	if (caps_compile(process->capabilities, available, &head->caps, b->warnings, b->err) < 0)
		return -b->err->code;
	if (!l || !l->seccomp)
		return 0;
	if (seccomp_compile_cached(paths_seccomp_dir(), l->seccomp, &program, b->warnings, b->err) <
		0)
		return -b->err->code;
	if (program.notifies)
		head->flags |= PLAN_NOTIFY;
	head->seccomp = plan_put_array(b, program.insns, program.len, sizeof(*program.insns));
	head->seccomp_flags = program.flags;
	return 0;
}

int plan_process(struct builder *b)
{
	const struct oci_process *process = b->config->process;
	struct plan_head *head = &b->plan->head;
	_cleanup_free_ char *cwd = plan_clean_path(process->cwd);
	unsigned n_listen = listen_fds();

	if (!cwd)
		return err_oom(b->err);
	head->cwd = plan_put_str(b, process->cwd);
	head->cwd_made = *cwd ? plan_put_str(b, cwd) : 0;
	head->argv = plan_put_strs(b, process->args);
	plan_user(b);
	plan_scheduling(b);
	plan_surroundings(b);
	plan_limits(b);
	if (plan_memory_policy(b) < 0 || plan_labels(b) < 0 || plan_hooks(b) < 0 ||
		plan_fds(b, n_listen) < 0 || plan_env(b, n_listen) < 0 || plan_rlimits(b) < 0 ||
		plan_oom(b) < 0)
		return -b->err->code;
	return plan_rights(b);
}
