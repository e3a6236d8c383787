/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop in which a seed stands at its fork point.
 *
 * Order of one clone: the clone is made and stops at a pipe; the keeper is told
 * (it now waits for the exit), the client is told, the pipe is opened. So a clone
 * that runs is always known to both, and when the seed dies in between, the end
 * of file on the pipe ends the clone too. A parked clone (pool_priv.h) has its socket
 * in the pipe's place.
 *
 * A client sends one message and cannot hold up others: connections wait side by
 * side in a small table, each with a deadline; when the table is full the oldest
 * has to go. Nothing that a client sends ends the loop.
 */
#include "seed/forkserver.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/fd.h"
#include "runtime/base/proc.h"
#include "seed/clone_priv.h"
#include "seed/control.h"
#include "seed/pool_priv.h"
#include "seed/socket_priv.h"

/* Clients that have connected and not yet sent their request. */
#define CLIENTS_MAX 64

/* How long one may take for it. */
#define CLIENT_TIMEOUT_MS 5000

/* How long the keeper may take for its first message. */
#define CONFIG_TIMEOUT_MS 10000

/* How many connections are accepted before those that wait are looked at again. */
#define ACCEPT_BATCH 16

/* Pause when the kernel has no descriptor or memory for one more connection. */
#define ACCEPT_PAUSE_NS 10000000

struct client {
	int fd;
	int64_t deadline_ms;
};

struct server {
	struct clone_ground ground;
	int listen_fd;
	int keeper_fd;
	int pidns_fd; /* our own, to come back to */
	struct seed_build_id build_id;
	uint32_t alive;
	uint32_t clones_max;
	struct pool pool;
	struct client clients[CLIENTS_MAX]; /* oldest first */
	size_t n_clients;
};

enum served { SERVED, SERVED_LATER, SERVED_IN_CLONE, SERVED_BROKEN };

static int tell_keeper(const struct server *s, enum seed_keeper_op op, pid_t pid, const char *text,
	const int *fds, size_t n_fds)
{
	struct seed_keeper_message m = {
		.magic = SEED_CONTROL_MAGIC,
		.version = SEED_CONTROL_VERSION,
		.op = (uint16_t)op,
		.pid = pid,
		.parked = pool_ready(&s->pool),
	};

	snprintf(m.text, sizeof(m.text), "%s", text);
	return seed_wire_send(s->keeper_fd, &m, sizeof(m), fds, n_fds);
}

/* --- one clone --- */

/* The lowest number there is, as in a cold worker, so that the worker's own have the same, too. */
static void move_down(int *fd)
{
	int low = fcntl(*fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);

	if (low < 0)
		return;
	close(low < *fd ? *fd : low);
	*fd = low < *fd ? low : *fd;
}

static bool sees_host(const struct seed_message *m)
{
	return m->head.flags & SEED_SEES_HOST;
}

/* The clone's first acts. `go_fd` gives one byte when everybody knows about it. */
static void child_start(
	const struct server *s, const struct seed_message *m, struct seed_request *req, int go_fd)
{
	const struct clone_ground *g = &s->ground;
	struct err err;
	ssize_t got;
	char go;

	req->bare = g->host_fd >= 0 && !sees_host(m);
	seed_request_look(req, g->proc_fd);
	if (seed_request_settle(g, req, go_fd, &err) < 0)
		_exit(EXIT_FAILURE);
	move_down(&req->conn);
	do
		got = read(go_fd, &go, 1);
	while (got < 0 && errno == EINTR);
	if (got != 1)
		_exit(EXIT_FAILURE);
	close(go_fd);
}

/* Tells keeper and client of a clone that must not run before; kills it when that fails. */
static int introduce(struct server *s, int conn, const struct seed_message *m, pid_t pid, int pidfd,
	struct err *err)
{
	int fds[2] = {pidfd, m->state_dir_fd};
	int r;

	r = tell_keeper(s, SEED_KEEPER_CLONE, pid, "", fds, m->state_dir_fd >= 0 ? 2 : 1);
	if (r < 0) {
		proc_pidfd_signal(pidfd, SIGKILL);
		return err_set(err, -r, "tell the keeper of clone %d", (int)pid);
	}
	s->alive++;
	r = seed_reply_pid(conn, pid, pidfd);
	if (r < 0) {
		proc_pidfd_signal(pidfd, SIGKILL);
		return err_set(err, -r, "tell the client of clone %d", (int)pid);
	}
	return 0;
}

/*
 * A parked clone, when there is one. What it fails at from here on is between it and
 * the client, who sees the end of the conversation.
 */
static bool hand_over(struct server *s, int conn, const struct seed_message *m, struct err *err)
{
	struct pool_clone c;

	if (!pool_suits(m) || !pool_take(&s->pool, &c))
		return false;
	if (introduce(s, conn, m, c.pid, c.pidfd, err) == 0)
		(void)pool_hand_over(&c, &s->ground, conn, m);
	close(c.pidfd);
	close(c.conn);
	return true;
}

/* Where the clone is to be born. */
static int go_there(const struct server *s, const struct seed_message *m, struct err *err)
{
	if (m->pidns_fd >= 0 && setns(m->pidns_fd, CLONE_NEWPID) < 0)
		return err_set(err, errno, "join the PID namespace");
	if (sees_host(m) && s->ground.host_fd >= 0 && setns(s->ground.host_fd, CLONE_NEWNS) < 0)
		return err_set(err, errno, "return to the host's mount namespace");
	return 0;
}

static bool come_back(const struct server *s, const struct seed_message *m)
{
	return (m->pidns_fd < 0 || setns(s->pidns_fd, CLONE_NEWPID) == 0) &&
	       (!sees_host(m) || s->ground.host_fd < 0 ||
		       setns(s->ground.bare_fd, CLONE_NEWNS) == 0);
}

/* clone3() for the request, in the namespaces it names. Returns as clone_make(). */
static pid_t make_clone(struct server *s, const struct seed_message *m, int *ret_pidfd,
	bool *broken, struct err *err)
{
	struct clone_how how = {m->head.clone_flags | CLONE_PARENT, m->cgroup_fd};
	pid_t pid = go_there(s, m, err);

	if (pid == 0) {
		pid = clone_make(&s->ground, &how, ret_pidfd);
		if (pid == 0)
			return 0;
	}
	/* All later clones would be born in somebody's container. */
	*broken = !come_back(s, m);
	if (err->code)
		return -err->code;
	if (pid == -ENOMEM && m->pidns_fd >= 0)
		return err_say(err, ENOMEM, "clone: out of memory, or the PID namespace has ended");
	if (pid < 0)
		return err_set(err, -pid, "clone");
	return pid;
}

static enum served clone_one(struct server *s, int conn, struct seed_message *m,
	struct seed_request *ret, struct err *err)
{
	_cleanup_close_ int pidfd = -1;
	_cleanup_close_ int go_r = -1;
	_cleanup_close_ int go_w = -1;
	bool broken = false;
	int go[2];
	pid_t pid;

	if (seed_request_take(ret, conn, m, err) < 0)
		return SERVED;
	if (pipe2(go, O_CLOEXEC) < 0) {
		err_set(err, errno, "make a pipe");
		seed_request_finish(ret);
		return SERVED;
	}
	go_r = go[0];
	go_w = go[1];
	pid = make_clone(s, m, &pidfd, &broken, err);
	if (pid == 0) {
		child_start(s, m, ret, take_fd(&go_r));
		take_fd(&go_w); /* closed by now */
		return SERVED_IN_CLONE;
	}
	seed_request_finish(ret);
	/* One byte into an empty pipe. It fails only when the clone is dead, which is its own affair. */
	if (pid > 0 && introduce(s, conn, m, pid, pidfd, err) == 0)
		(void)!write(go_w, "", 1);
	return broken ? SERVED_BROKEN : SERVED;
}

/* --- clients --- */

static int admit(struct server *s, const struct seed_message *m, struct err *err)
{
	if (memcmp(&m->head.build_id, &s->build_id, sizeof(s->build_id)) != 0)
		return err_say(err, ESTALE, "the seed runs another build of the worker");
	if (s->alive >= s->clones_max)
		return err_say(
			err, EUSERS, "all %u clones that are allowed live already", s->clones_max);
	return 0;
}

/* Takes over `conn` except with SERVED_LATER, and in the clone, where it is part of *ret. */
static enum served serve(struct server *s, int conn, struct seed_request *ret)
{
	enum served served = SERVED;
	struct err err = ERR_INIT;
	struct seed_message m;
	int r;

	r = seed_message_receive(conn, 0, &m, &err);
	if (r == -EAGAIN)
		return SERVED_LATER;
	if (r > 0) {
		if (admit(s, &m, &err) == 0 && !hand_over(s, conn, &m, &err))
			served = clone_one(s, conn, &m, ret, &err);
		if (served == SERVED_IN_CLONE)
			return served;
		seed_message_finish(&m);
	}
	if (err.code == ESTALE)
		(void)tell_keeper(s, SEED_KEEPER_STALE, 0, "", NULL, 0);
	if (err.code)
		seed_reply_error(conn, err.code, err.msg);
	close(conn);
	return served;
}

static void drop_client(struct server *s, size_t i)
{
	s->n_clients--;
	memmove(&s->clients[i], &s->clients[i + 1], (s->n_clients - i) * sizeof(s->clients[0]));
}

static void refuse_client(struct server *s, size_t i, int code, const char *text)
{
	seed_reply_error(s->clients[i].fd, code, text);
	close(s->clients[i].fd);
	drop_client(s, i);
}

static void remember_client(struct server *s, int conn)
{
	if (s->n_clients == CLIENTS_MAX)
		refuse_client(s, 0, EBUSY, "too many clients that send nothing");
	s->clients[s->n_clients++] =
		(struct client){.fd = conn, .deadline_ms = clock_ms() + CLIENT_TIMEOUT_MS};
}

static void refuse_stranger(const struct server *s, int conn)
{
	(void)tell_keeper(s, SEED_KEEPER_LOG, 0, "refused a client of another user", NULL, 0);
	seed_reply_error(conn, EPERM, "only root and the owner of the seed may ask for clones");
	close(conn);
}

static enum served accept_clients(struct server *s, struct seed_request *ret)
{
	for (int i = 0; i < ACCEPT_BATCH; i++) {
		int conn = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);
		enum served served;

		if (conn < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM))
			nanosleep(&(struct timespec){.tv_nsec = ACCEPT_PAUSE_NS}, NULL);
		if (conn < 0)
			return SERVED;
		if (!seed_socket_peer_is_trusted(conn)) {
			refuse_stranger(s, conn);
			continue;
		}
		served = serve(s, conn, ret);
		if (served == SERVED_LATER)
			remember_client(s, conn);
		else if (served != SERVED)
			return served;
	}
	return SERVED;
}

static enum served serve_waiting(
	struct server *s, const struct pollfd *ready, size_t n, struct seed_request *ret)
{
	int64_t now = clock_ms();

	/* From the end, so that those still to be looked at keep their places. */
	for (size_t i = n; i-- > 0;) {
		int conn = s->clients[i].fd;
		enum served served;

		if (!ready[i].revents) {
			if (s->clients[i].deadline_ms <= now)
				refuse_client(s, i, ETIMEDOUT, "no request came in time");
			continue;
		}
		served = serve(s, conn, ret);
		if (served == SERVED_LATER)
			continue;
		if (served != SERVED)
			return served;
		drop_client(s, i);
	}
	return SERVED;
}

/* --- the keeper --- */

static int hear_keeper(struct server *s, struct err *err)
{
	struct seed_keeper_message m;
	size_t n_fds;
	ssize_t n;

	for (;;) {
		n = seed_wire_recv(s->keeper_fd, &m, sizeof(m), NULL, 0, &n_fds, MSG_DONTWAIT);
		if (n == -EAGAIN)
			return 0;
		if (n == 0 || n == -ECONNRESET)
			return err_say(err, ECONNRESET, "the keeper has ended");
		if (n < 0)
			return err_set(err, (int)-n, "hear the keeper");
		if (n != sizeof(m) || m.magic != SEED_CONTROL_MAGIC ||
			m.version != SEED_CONTROL_VERSION || m.op != SEED_KEEPER_GONE)
			return err_say(err, EPROTO, "the keeper sent something unknown");
		s->alive -= m.count < s->alive ? m.count : s->alive;
	}
}

static int receive_config(struct server *s, struct err *err)
{
	struct pollfd p = {.fd = s->keeper_fd, .events = POLLIN};
	struct seed_keeper_message m;
	size_t n_fds;
	ssize_t n;

	if (poll(&p, 1, CONFIG_TIMEOUT_MS) <= 0)
		return err_say(err, ETIMEDOUT, "the keeper did not send the configuration");
	n = seed_wire_recv(s->keeper_fd, &m, sizeof(m), NULL, 0, &n_fds, MSG_DONTWAIT);
	if (n < 0)
		return err_set(err, (int)-n, "receive the keeper's configuration");
	if (n != sizeof(m) || m.magic != SEED_CONTROL_MAGIC || m.version != SEED_CONTROL_VERSION ||
		m.op != SEED_KEEPER_CONFIG)
		return err_say(err, EPROTO, "the keeper's configuration is none");
	/* The keeper may be older: what matters is what we run. */
	seed_build_id_version(&s->build_id);
	m.build_id.version = s->build_id.version;
	s->build_id = m.build_id;
	s->alive = m.count;
	s->clones_max = m.clones_max;
	pool_init(&s->pool, m.parked);
	return 0;
}

/* --- the loop --- */

static int poll_timeout(const struct server *s)
{
	int64_t due = s->pool.due_ms;
	int64_t left;

	if (s->n_clients > 0 && s->clients[0].deadline_ms < due)
		due = s->clients[0].deadline_ms;
	if (due == INT64_MAX)
		return -1;
	left = due - clock_ms();
	return left < 0 ? 0 : (int)left;
}

/* Says how many are parked when that has changed. */
static void hear_pool(struct server *s, const struct pollfd *ready, unsigned n)
{
	unsigned before = pool_ready(&s->pool);

	pool_hear(&s->pool, ready, n);
	if (pool_ready(&s->pool) != before)
		(void)tell_keeper(s, SEED_KEEPER_PARKED, 0, "", NULL, 0);
}

/* One turn: whatever is ready. */
static enum served turn(struct server *s, struct seed_request *ret, struct err *err)
{
	struct pollfd p[2 + CLIENTS_MAX + SEED_PARKED_MAX];
	struct pollfd *parked = p + 2 + s->n_clients;
	size_t n = s->n_clients;
	unsigned n_parked = s->pool.n;
	enum served served;

	p[0] = (struct pollfd){.fd = s->keeper_fd, .events = POLLIN};
	p[1] = (struct pollfd){.fd = s->listen_fd, .events = POLLIN};
	for (size_t i = 0; i < n; i++)
		p[2 + i] = (struct pollfd){.fd = s->clients[i].fd, .events = POLLIN};
	pool_poll(&s->pool, parked);
	if (poll(p, 2 + n + n_parked, poll_timeout(s)) < 0) {
		if (errno == EINTR)
			return SERVED;
		err_set(err, errno, "poll");
		return SERVED_BROKEN;
	}
	hear_pool(s, parked, n_parked);
	if (p[0].revents && hear_keeper(s, err) < 0)
		return SERVED_BROKEN;
	served = serve_waiting(s, p + 2, n, ret);
	if (served == SERVED && p[1].revents)
		served = accept_clients(s, ret);
	if (served == SERVED && pool_grow(&s->pool, &s->ground, ret) > 0)
		return SERVED_IN_CLONE;
	return served;
}

static int loop(struct server *s, struct seed_request *ret, struct err *err)
{
	enum served served;

	do
		served = turn(s, ret, err);
	while (served == SERVED || served == SERVED_LATER);
	if (served == SERVED_BROKEN && !err->code)
		return err_say(err, EIO, "cannot return to the seed's namespaces");
	return served == SERVED_BROKEN ? -err->code : 0;
}

/* For speed, and so as not to have what is not needed; without it goes, too. */
static void leave_host(struct server *s)
{
	struct err err;

	if (clone_ground_leave_host(&s->ground, &err) < 0)
		(void)tell_keeper(s, SEED_KEEPER_LOG, 0, err.msg, NULL, 0);
}

static int start(struct server *s, struct err *err)
{
	int r;

	r = clone_ground_prepare(&s->ground, err);
	if (r < 0)
		return r;
	prctl(PR_SET_NAME, "aworker-seed", 0, 0, 0);
	s->pidns_fd = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
	if (s->pidns_fd < 0)
		return err_set(err, errno, "open '/proc/self/ns/pid'");
	r = receive_config(s, err);
	if (r < 0)
		return r;
	leave_host(s);
	r = tell_keeper(s, SEED_KEEPER_READY, getpid(), TURF_VERSION, NULL, 0);
	return r < 0 ? err_set(err, -r, "tell the keeper") : 0;
}

int seed_serve(int listen_fd, int keeper_fd, struct seed_request *ret, struct err *err)
{
	struct server s = {
		.ground = CLONE_GROUND_INIT,
		.listen_fd = listen_fd,
		.keeper_fd = keeper_fd,
		.pidns_fd = -1,
	};
	int r;

	r = start(&s, err);
	if (r == 0)
		r = loop(&s, ret, err);
	if (r == 0) /* a clone: its numbers may be the container's by now */
		return 0;
	for (size_t i = 0; i < s.n_clients; i++)
		close(s.clients[i].fd);
	pool_finish(&s.pool);
	clone_ground_finish(&s.ground);
	fd_close(&s.pidns_fd);
	return err_wrap(err, "seed");
}
