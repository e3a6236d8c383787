/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ids, capabilities, no_new_privs, seccomp. Without no_new_privs a filter can only be
 * loaded by who has CAP_SYS_ADMIN, and it has to be loaded after the gate: what the
 * gate needs is no business of the profile's. So that one capability stays in the
 * permitted and effective sets until then. execve takes it away by its own rules: it
 * computes both sets anew from the bounding, inheritable and ambient ones.
 */
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <unistd.h>

#include "runtime/box/conv.h"
#include "runtime/box/enter_priv.h"

#define CAP_BIT(cap) (UINT64_C(1) << (cap))

static int drop_bounding(const struct plan_head *p, struct err *err)
{
	uint64_t drop = p->caps_known & ~p->caps.bounding;

	for (unsigned cap = 0; drop >> cap && cap < 64; cap++)
		if (drop & CAP_BIT(cap) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) < 0) {
			if (errno == EINVAL) /* beyond what this kernel knows */
				break;
			return err_set(err, errno, "drop capability %u", cap);
		}
	return 0;
}

static int set_ids(const struct plan_head *p, struct err *err)
{
	bool keep = p->uid != 0;

	if (prctl(PR_SET_KEEPCAPS, keep, 0, 0, 0) < 0)
		return err_set(err, errno, "PR_SET_KEEPCAPS");
	/* Where a user namespace of others denies it, having none is as good. */
	if (!(p->flags & PLAN_GROUPS_KEEP) && setgroups(p->groups.n, plan_at(p, p->groups)) < 0 &&
		(errno != EPERM || p->groups.n || getgroups(0, NULL) != 0))
		return err_set(err, errno, "process.user.additionalGids");
	if (setresgid(p->gid, p->gid, p->gid) < 0)
		return err_set(err, errno, "process.user.gid %u", p->gid);
	if (setresuid(p->uid, p->uid, p->uid) < 0)
		return err_set(err, errno, "process.user.uid %u", p->uid);
	if (keep && prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) < 0)
		return err_set(err, errno, "PR_SET_KEEPCAPS");
	return 0;
}

static int set_caps(const struct caps_sets *c, uint64_t more, struct err *err)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	uint64_t permitted = c->permitted | more;
	uint64_t effective = c->effective | more;
	struct __user_cap_data_struct data[2] = {
		{(uint32_t)effective, (uint32_t)permitted, (uint32_t)c->inheritable},
		{(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32),
			(uint32_t)(c->inheritable >> 32)},
	};

	if (syscall(SYS_capset, &head, data) < 0)
		return err_set(err, errno, "process.capabilities");
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return err_set(err, errno, "process.capabilities.ambient");
	for (unsigned cap = 0; cap < 64 && c->ambient >> cap; cap++)
		if (c->ambient & CAP_BIT(cap) &&
			prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) < 0)
			return err_set(err, errno, "process.capabilities.ambient: %u", cap);
	return 0;
}

int enter_privileges(const struct enter *e, struct err *err)
{
	const struct plan_head *p = e->plan;
	bool late = p->seccomp.n && !(p->flags & PLAN_NO_NEW_PRIVS);

	if (drop_bounding(p, err) < 0 || set_ids(p, err) < 0 ||
		set_caps(&p->caps, late ? CAP_BIT(CAP_SYS_ADMIN) : 0, err) < 0)
		return -err->code;
	if (p->flags & PLAN_NO_NEW_PRIVS && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_set(err, errno, "process.noNewPrivileges");
	return 0;
}

/*
 * The filter is in force: write(2) and read(2) are what a profile is least likely to
 * forbid. The descriptor has to stay until it was taken, and execve closes it.
 */
static int give_listener(int listener, int conn, struct err *err)
{
	const struct conv_msg msg = {.type = CONV_LISTENER, .value = (uint32_t)listener};
	struct conv_msg answer;
	size_t len = offsetof(struct conv_msg, text) + 1;
	ssize_t n;

	if (write(conn, &msg, len) < 0)
		return err_set(err, errno, "linux.seccomp: tell of the listener");
	do
		n = read(conn, &answer, sizeof(answer));
	while (n < 0 && errno == EINTR);
	if (n < (ssize_t)len || answer.type != CONV_LISTENER_TAKEN)
		return err_say(err, EPIPE, "linux.seccomp: nobody took the listener");
	return 0;
}

int enter_seccomp(const struct plan_head *p, int conn, struct err *err)
{
	struct sock_fprog prog = {
		.len = (unsigned short)p->seccomp.n,
		.filter = (struct sock_filter *)(uintptr_t)plan_at(p, p->seccomp),
	};

	long r;

	if (!p->seccomp.n)
		return 0;
	r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, p->seccomp_flags, &prog);
	if (r < 0)
		return err_set(err, errno, "linux.seccomp");
	return p->flags & PLAN_NOTIFY ? give_listener((int)r, conn, err) : 0;
}
