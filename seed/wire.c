/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Receiving and checking clone requests. A message of a peer is bytes and
 * descriptors that mean nothing yet: here they become a request whose every part
 * has been looked at, or a sentence. Runs at the fork point of a seed too, so
 * nothing in this file allocates.
 */
#include "seed/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <linux/sched.h>
#include <poll.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "runtime/base/fd.h"

/* SCM_MAX_FD: what one message can carry. Room for all, so that no descriptor gets lost unseen. */
#define KERNEL_FDS_MAX 253

#define CLONE_FLAGS_ALLOWED                                                                      \
	((uint64_t)CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | \
		CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME)

#define PLAN_SEALS (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

union control_buffer {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int) * KERNEL_FDS_MAX)];
};

static void close_all(const int *fds, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(fds[i]);
}

void seed_message_init(struct seed_message *m)
{
	memset(&m->head, 0, sizeof(m->head));
	m->plan_fd = -1;
	m->state_dir_fd = -1;
	m->pidns_fd = -1;
	m->cgroup_fd = -1;
	m->image_fd = -1;
	m->n_fds = 0;
}

void seed_message_finish(struct seed_message *m)
{
	fd_close(&m->plan_fd);
	fd_close(&m->state_dir_fd);
	fd_close(&m->pidns_fd);
	fd_close(&m->cgroup_fd);
	fd_close(&m->image_fd);
	close_all(m->fds, m->n_fds);
	m->n_fds = 0;
}

int seed_wire_send(int conn, const void *data, size_t len, const int *fds, size_t n_fds)
{
	union control_buffer control;
	struct iovec iov = {.iov_base = (void *)data, .iov_len = len};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (n_fds > KERNEL_FDS_MAX)
		return -E2BIG;
	if (n_fds > 0) {
		struct cmsghdr *c;

		msg.msg_control = control.bytes;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n_fds);
		memset(control.bytes, 0, msg.msg_controllen);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * n_fds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * n_fds);
	}
	do
		n = sendmsg(conn, &msg, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

static size_t take_rights(struct msghdr *msg, int fds[KERNEL_FDS_MAX])
{
	size_t n = 0;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t count;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		memcpy(fds + n, CMSG_DATA(c), count * sizeof(int));
		n += count;
	}
	return n;
}

ssize_t seed_wire_recv(int conn, void *data, size_t max, int *ret_fds, size_t max_fds,
	size_t *ret_n_fds, int flags)
{
	union control_buffer control;
	int fds[KERNEL_FDS_MAX];
	struct iovec iov = {.iov_base = data, .iov_len = max};
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	unsigned reset = 0;
	size_t n_fds;
	ssize_t n;

	/* A peer that hangs up without having read our message is told as ECONNRESET, once, even
	 * when it has answered before: the answer is behind it. */
	do
		n = recvmsg(conn, &msg, flags | MSG_CMSG_CLOEXEC);
	while (n < 0 && (errno == EINTR || (errno == ECONNRESET && !reset++)));
	if (n < 0)
		return -errno;
	n_fds = take_rights(&msg, fds);
	if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || n_fds > max_fds) {
		close_all(fds, n_fds);
		/* The control buffer holds all that can come: less came in because our table is
		 * full. */
		return msg.msg_flags & MSG_CTRUNC ? -EMFILE : -EMSGSIZE;
	}
	if (n_fds > 0)
		memcpy(ret_fds, fds, n_fds * sizeof(int));
	*ret_n_fds = n_fds;
	return n;
}

static int check_head(const struct seed_wire_request *h, struct err *err)
{
	if (h->magic != SEED_WIRE_MAGIC)
		return err_say(err, EPROTO, "clone request: not a request of turf");
	if (h->version != SEED_WIRE_VERSION)
		return err_say(err, ESTALE, "clone request: version %u, this seed speaks %d",
			h->version, SEED_WIRE_VERSION);
	if (h->op != SEED_OP_CLONE)
		return err_say(err, EPROTO, "clone request: unknown operation %u", h->op);
	if (h->flags & ~(uint32_t)SEED_FLAGS_ALL)
		return err_say(err, EPROTO, "clone request: unknown flags (%#x)",
			h->flags & ~(uint32_t)SEED_FLAGS_ALL);
	if (h->clone_flags & ~CLONE_FLAGS_ALLOWED)
		return err_say(err, EPROTO, "clone request: clone flags %#llx are not allowed",
			(unsigned long long)(h->clone_flags & ~CLONE_FLAGS_ALLOWED));
	if (h->has & ~(uint32_t)SEED_HAS_ALL)
		return err_say(err, EPROTO, "clone request: unknown descriptors announced (%#x)",
			h->has & ~(uint32_t)SEED_HAS_ALL);
	if ((h->has & SEED_HAS_PIDNS) && (h->clone_flags & CLONE_NEWPID))
		return err_say(
			err, EPROTO, "clone request: both a new PID namespace and one to join");
	if (h->plan_len == 0 || h->plan_len > SEED_PLAN_MAX)
		return err_say(err, EMSGSIZE,
			"clone request: a plan of %u bytes, 1..%u are allowed", h->plan_len,
			SEED_PLAN_MAX);
	return 0;
}

static size_t count_fds(const struct seed_wire_request *h)
{
	return 1u + !!(h->has & SEED_HAS_STATE_DIR) + !!(h->has & SEED_HAS_PIDNS) +
	       !!(h->has & SEED_HAS_CGROUP) + !!(h->has & SEED_HAS_IMAGE) + (size_t)h->n_plan_fds;
}

static int check_plan(const struct seed_message *m, struct err *err)
{
	int seals = fcntl(m->plan_fd, F_GET_SEALS);
	struct stat st;

	if (seals < 0 || (seals & PLAN_SEALS) != PLAN_SEALS)
		return err_say(err, EPROTO, "clone request: the plan is not a sealed memfd");
	if (fstat(m->plan_fd, &st) < 0)
		return err_set(err, errno, "clone request: stat the plan");
	if (st.st_size != (off_t)m->head.plan_len)
		return err_say(err, EPROTO,
			"clone request: a plan of %lld bytes, %u were announced",
			(long long)st.st_size, m->head.plan_len);
	return 0;
}

static int check_fds(const struct seed_message *m, struct err *err)
{
	struct statfs fs;
	struct stat st;

	if (m->state_dir_fd >= 0 && (fstat(m->state_dir_fd, &st) < 0 || !S_ISDIR(st.st_mode)))
		return err_say(err, EPROTO, "clone request: the state directory is none");
	if (m->pidns_fd >= 0 && ioctl(m->pidns_fd, NS_GET_NSTYPE) != CLONE_NEWPID)
		return err_say(err, EPROTO, "clone request: the PID namespace to join is none");
	if (m->cgroup_fd >= 0 &&
		(fstat(m->cgroup_fd, &st) < 0 || !S_ISDIR(st.st_mode) ||
			fstatfs(m->cgroup_fd, &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC))
		return err_say(err, EPROTO, "clone request: the cgroup is no cgroup v2 directory");
	if (m->image_fd >= 0 && (fstat(m->image_fd, &st) < 0 || !S_ISREG(st.st_mode)))
		return err_say(err, EPROTO, "clone request: the state image is no file");
	return 0;
}

int seed_message_parse(const void *data, size_t len, int *fds, size_t n_fds,
	struct seed_message *ret, struct err *err)
{
	struct seed_message m;
	size_t next = 0;
	int r = 0;

	seed_message_init(&m);
	if (len != sizeof(m.head))
		r = err_say(
			err, EPROTO, "clone request: %zu bytes, expected %zu", len, sizeof(m.head));
	if (r == 0) {
		memcpy(&m.head, data, sizeof(m.head));
		r = check_head(&m.head, err);
	}
	if (r == 0 && (n_fds > SEED_FDS_MAX || n_fds != count_fds(&m.head)))
		r = err_say(err, EPROTO,
			"clone request: %zu descriptors, expected %zu (at most %d)", n_fds,
			count_fds(&m.head), SEED_FDS_MAX);
	if (r < 0) {
		close_all(fds, n_fds);
		return r;
	}

	m.plan_fd = fds[next++];
	if (m.head.has & SEED_HAS_STATE_DIR)
		m.state_dir_fd = fds[next++];
	if (m.head.has & SEED_HAS_PIDNS)
		m.pidns_fd = fds[next++];
	if (m.head.has & SEED_HAS_CGROUP)
		m.cgroup_fd = fds[next++];
	if (m.head.has & SEED_HAS_IMAGE)
		m.image_fd = fds[next++];
	m.n_fds = n_fds - next;
	memcpy(m.fds, fds + next, m.n_fds * sizeof(int));
	r = check_plan(&m, err);
	if (r == 0)
		r = check_fds(&m, err);
	if (r < 0) {
		seed_message_finish(&m);
		return r;
	}
	*ret = m;
	return 0;
}

int seed_message_receive(int conn, int timeout_ms, struct seed_message *ret, struct err *err)
{
	struct pollfd p = {.fd = conn, .events = POLLIN};
	struct seed_wire_request head;
	int fds[SEED_FDS_MAX];
	size_t n_fds = 0;
	ssize_t n;
	int r;

	do
		r = poll(&p, 1, timeout_ms);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return err_set(err, errno, "clone request: poll");
	if (r == 0)
		return err_say(err, EAGAIN, "clone request: none came");
	n = seed_wire_recv(conn, &head, sizeof(head), fds, SEED_FDS_MAX, &n_fds, MSG_DONTWAIT);
	if (n == -EMSGSIZE)
		return err_say(err, EMSGSIZE,
			"clone request: larger than %zu bytes or more than %d descriptors",
			sizeof(head), SEED_FDS_MAX);
	if (n < 0)
		return err_set(err, (int)-n, "clone request: receive");
	if (n == 0) {
		close_all(fds, n_fds);
		return 0;
	}
	r = seed_message_parse(&head, (size_t)n, fds, n_fds, ret, err);
	return r < 0 ? r : 1;
}

int seed_reply_pid(int conn, pid_t pid, int pidfd)
{
	struct seed_wire_reply reply = {
		.magic = SEED_WIRE_MAGIC,
		.version = SEED_WIRE_VERSION,
		.type = SEED_REPLY_PID,
		.pid = pid,
	};

	return seed_wire_send(conn, &reply, sizeof(reply), &pidfd, 1);
}

void seed_reply_error(int conn, int code, const char *text)
{
	struct seed_wire_reply reply = {
		.magic = SEED_WIRE_MAGIC,
		.version = SEED_WIRE_VERSION,
		.type = SEED_REPLY_ERROR,
		.code = code,
	};

	snprintf(reply.text, sizeof(reply.text), "%s", text);
	(void)seed_wire_send(conn, &reply, sizeof(reply), NULL, 0);
}

void seed_build_id_version(struct seed_build_id *ret)
{
	uint64_t h = 0xcbf29ce484222325u; /* FNV-1a */

	for (const char *p = TURF_VERSION; *p; p++)
		h = (h ^ (unsigned char)*p) * 0x100000001b3u;
	memset(ret, 0, sizeof(*ret));
	ret->version = h;
}

void seed_build_id_of_stat(const struct stat *st, struct seed_build_id *ret)
{
	seed_build_id_version(ret);
	ret->dev = st->st_dev;
	ret->ino = st->st_ino;
	ret->mtime_ns = (uint64_t)st->st_mtim.tv_sec * 1000000000u + (uint64_t)st->st_mtim.tv_nsec;
}

int seed_build_id_of(const char *worker, struct seed_build_id *ret, struct err *err)
{
	struct stat st;

	if (stat(worker, &st) < 0)
		return err_set(err, errno, "stat '%s'", worker);
	seed_build_id_of_stat(&st, ret);
	return 0;
}
