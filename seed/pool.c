/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A clone that was handed over is replaced after a pause and one at a time: making
 * one takes a processor's time that the request has a better use for. The seed polls
 * each clone's socket: a byte says that it is ready, end of file that it died.
 */
#include "seed/pool_priv.h"

#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/proc.h"
#include "seed/clone_priv.h"
#include "seed/forkserver.h"
#include "seed/socket_priv.h"

/* Pause after a hand-over, and after one of them died by itself. */
#define GROW_PAUSE_MS  20
#define DEATH_PAUSE_MS 1000

/* How long killed clones may take to be gone. */
#define FINISH_TIMEOUT_MS 1000

/* Descriptors of a hand-over before the plan's own: conversation, plan. Last are state image, /proc. */
#define HAND_OVER_FDS 2

void pool_init(struct pool *p, unsigned wanted)
{
	*p = (struct pool){.wanted = wanted < SEED_PARKED_MAX ? wanted : SEED_PARKED_MAX};
	p->due_ms = p->wanted ? clock_ms() : INT64_MAX;
}

unsigned pool_ready(const struct pool *p)
{
	unsigned n = 0;

	for (unsigned i = 0; i < p->n; i++)
		n += p->clones[i].ready;
	return n;
}

static void wait_before_next(struct pool *p, int64_t pause_ms)
{
	if (p->due_ms == INT64_MAX)
		p->due_ms = clock_ms() + pause_ms;
}

static void take_out(struct pool *p, unsigned i)
{
	p->clones[i] = p->clones[--p->n];
}

static void drop(struct pool *p, unsigned i)
{
	/* It may be one that does not do what it should. */
	(void)proc_pidfd_signal(p->clones[i].pidfd, SIGKILL);
	close(p->clones[i].pidfd);
	close(p->clones[i].conn);
	take_out(p, i);
	wait_before_next(p, DEATH_PAUSE_MS);
}

/* --- the seed's side --- */

void pool_poll(const struct pool *p, struct pollfd *fds)
{
	for (unsigned i = 0; i < p->n; i++)
		fds[i] = (struct pollfd){.fd = p->clones[i].conn, .events = POLLIN};
}

void pool_hear(struct pool *p, const struct pollfd *fds, unsigned n)
{
	/* From the end, so that those still to be looked at keep their places. */
	for (unsigned i = n; i-- > 0;) {
		char byte;

		if (!fds[i].revents)
			continue;
		if (!p->clones[i].ready && recv(p->clones[i].conn, &byte, 1, MSG_DONTWAIT) == 1)
			p->clones[i].ready = true;
		else
			drop(p, i);
	}
}

/*
 * A cgroup of v2 is one to be born in: to enter it later locks out every fork of the host
 * meanwhile and waits for all processors, some ten milliseconds.
 */
bool pool_suits(const struct seed_message *m)
{
	return m->head.clone_flags & CLONE_NEWPID && !(m->head.clone_flags & CLONE_NEWUSER) &&
	       !(m->head.flags & SEED_SEES_HOST) && m->cgroup_fd < 0;
}

bool pool_take(struct pool *p, struct pool_clone *ret)
{
	for (unsigned i = 0; i < p->n; i++) {
		if (!p->clones[i].ready)
			continue;
		*ret = p->clones[i];
		take_out(p, i);
		wait_before_next(p, GROW_PAUSE_MS);
		return true;
	}
	return false;
}

int pool_hand_over(const struct pool_clone *c, const struct clone_ground *g, int conn,
	const struct seed_message *m)
{
	int fds[HAND_OVER_FDS + SEED_FDS_MAX + 1] = {conn, m->plan_fd};
	size_t n = HAND_OVER_FDS + m->n_fds;

	memcpy(fds + HAND_OVER_FDS, m->fds, m->n_fds * sizeof(int));
	if (m->image_fd >= 0) {
		fds[n++] = m->image_fd;
		if (g->proc_fd >= 0)
			fds[n++] = g->proc_fd;
	}
	return seed_wire_send(c->conn, &m->head, sizeof(m->head), fds, n);
}

void pool_finish(struct pool *p)
{
	for (unsigned i = 0; i < p->n; i++)
		(void)proc_pidfd_signal(p->clones[i].pidfd, SIGKILL);
	for (; p->n > 0; take_out(p, 0)) {
		(void)proc_pidfd_wait(p->clones[0].pidfd, FINISH_TIMEOUT_MS);
		close(p->clones[0].pidfd);
		close(p->clones[0].conn);
	}
}

/* --- the clone's side --- */

static int receive(
	const struct clone_ground *g, int park, struct seed_request *ret, struct err *err)
{
	struct seed_message m = {.image_fd = -1};
	int fds[HAND_OVER_FDS + SEED_FDS_MAX + 1];
	_cleanup_close_ int proc = -1;
	size_t n_fds = 0;
	ssize_t n = seed_wire_recv(park, &m.head, sizeof(m.head), fds, ARRAY_SIZE(fds), &n_fds, 0);
	int r;

	if (n != sizeof(m.head) || n_fds < HAND_OVER_FDS)
		return err_say(err, EPIPE, "the seed has ended");
	m.plan_fd = fds[1];
	if (m.head.has & SEED_HAS_IMAGE && g->proc_fd >= 0 && n_fds > HAND_OVER_FDS)
		proc = fds[--n_fds];
	if (m.head.has & SEED_HAS_IMAGE && n_fds > HAND_OVER_FDS)
		m.image_fd = fds[--n_fds];
	m.n_fds = n_fds - HAND_OVER_FDS;
	memcpy(m.fds, fds + HAND_OVER_FDS, m.n_fds * sizeof(int));
	r = seed_request_take(ret, fds[0], &m, err);
	close(m.plan_fd);
	/* Its PID namespace is all that it was born with. */
	ret->missing = m.head.clone_flags & ~(uint64_t)CLONE_NEWPID;
	ret->bare = g->host_fd >= 0;
	if (r == 0)
		seed_request_look(ret, proc);
	return r;
}

/* Ends when the seed does, or when it is not able to run. */
static void child_park(const struct clone_ground *g, int park, struct seed_request *ret)
{
	struct err err;
	int keep[1] = {park};

	if (child_settle(g, keep, 1, &err) < 0)
		_exit(EXIT_FAILURE);
	if (send(park, "", 1, MSG_NOSIGNAL) != 1 || receive(g, park, ret, &err) < 0)
		_exit(EXIT_FAILURE);
	close(park);
}

int pool_grow(struct pool *p, const struct clone_ground *g, struct seed_request *ret)
{
	const struct clone_how how = {CLONE_PARENT | CLONE_NEWPID, -1};
	struct pool_clone c = {.pidfd = -1};
	int pair[2];

	if (p->due_ms > clock_ms())
		return 0;
	p->due_ms = INT64_MAX;
	if (p->n == p->wanted)
		return 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0) {
		wait_before_next(p, DEATH_PAUSE_MS);
		return 0;
	}
	c.conn = pair[0];
	c.pid = clone_make(g, &how, &c.pidfd);
	if (c.pid == 0) {
		child_park(g, pair[1], ret);
		return 1;
	}
	close(pair[1]);
	if (c.pid < 0) {
		close(c.conn);
		wait_before_next(p, DEATH_PAUSE_MS);
		return 0;
	}
	p->clones[p->n++] = c;
	if (p->n < p->wanted)
		wait_before_next(p, GROW_PAUSE_MS);
	return 0;
}
