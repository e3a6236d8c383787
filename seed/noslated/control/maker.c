/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/control/maker.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "runtime/base/util.h"
#include "runtime/container.h"
#include "runtime/life.h"
#include "seed/noslated/link.h"
#include "seed/noslated/role.h"

/* Connections that wait for a worker whose code still starts. */
#define BACKLOG 511

/* --- the lent descriptor --- */

/* Nothing of ours is ever there when something is executed. */
static int take_back(void)
{
	_cleanup_close_ int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd == ROLE_LEND_FD) {
		(void)take_fd(&fd);
		return 0;
	}
	return fd < 0 || dup3(fd, ROLE_LEND_FD, O_CLOEXEC) < 0 ? -errno : 0;
}

static int lend(int fd, struct err *err)
{
	return dup2(fd, ROLE_LEND_FD) < 0 ? err_set(err, errno, "dup2") : 0;
}

/* --- what there is of a worker --- */

static const char *path_of(const char *socket, const char *end, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s%s", socket, end);
	return path;
}

static void unlink_all(const char *socket)
{
	char path[PATH_MAX];

	(void)unlink(socket);
	(void)unlink(path_of(socket, MAKER_PIPE, path));
	(void)unlink(path_of(socket, MAKER_ORDER, path));
}

static int write_order(const struct link_message *m, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	char path[PATH_MAX];

	if (link_write(m, &text, err) < 0)
		return -err->code;
	return file_write_atomic(
		AT_FDCWD, path_of(m->socket, MAKER_ORDER, path), text.data, text.len, 0600, err);
}

/* As systemd hands sockets over: who wants one that does not block says so. */
static int listen_at(const char *path, struct err *err)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
		listen(fd, BACKLOG) < 0)
		return err_set(err, errno, "listen at '%s'", path);
	return take_fd(&fd);
}

/*
 * The worker can read what it has written and nobody has read yet. In return it never writes to a pipe that
 * nobody reads, whoever of us dies.
 */
static int open_pipe(const char *socket, struct err *err)
{
	char path[PATH_MAX];
	int fd = open(path_of(socket, MAKER_PIPE, path), O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	return fd < 0 ? err_set(err, errno, "open '%s'", path) : fd;
}

static int create(
	const char *root, const struct link_message *m, struct life *life, struct err *err)
{
	_cleanup_close_ int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int fd = listen_at(m->socket, err);
	_cleanup_close_ int log_fd = fd < 0 ? -1 : open_pipe(m->socket, err);
	const int stdio[] = {null_fd, log_fd, log_fd};
	const struct life_options options = {
		.root = root,
		.id = m->id,
		.bundle = m->bundle,
		.tenant = m->tenant,
		.preserve_fds = 1,
		.stdio = stdio,
		.knows_exit_file = true,
		.may_start_seed = true,
		.start = true,
	};
	int r;

	if (log_fd < 0)
		return -err->code;
	if (null_fd < 0)
		return err_set(err, errno, "open '/dev/null'");
	if (lend(fd, err) < 0)
		return -err->code;
	r = life_create(&options, life, err);
	(void)take_back();
	return r;
}

/* --- orders --- */

static int make(const char *root, const struct link_message *m, struct err *answer)
{
	struct life life = LIFE_INIT;
	struct err err = ERR_INIT;
	int r;

	if (write_order(m, &err) == 0 && create(root, m, &life, &err) == 0) {
		r = link_answer(ROLE_LINK_FD,
			&(struct link_message){.kind = "made", .worker = m->worker}, life.pidfd,
			answer);
		life_close(&life);
		return r;
	}
	unlink_all(m->socket);
	return link_answer(ROLE_LINK_FD,
		&(struct link_message){.kind = "failed", .worker = m->worker, .text = err.msg}, -1,
		answer);
}

static void delete_container(const char *root, const char *id)
{
	_cleanup_(container_close) struct container c = CONTAINER_INIT;
	struct err err = ERR_INIT;

	if (container_open(root, id, &c, &err) < 0)
		return;
	if (life_delete(&c, true, &err) < 0 && err.code != ENOENT)
		log_warn("worker '%s': %s, ignoring", id, err.msg);
}

static int bury(const char *root, const struct link_message *m, struct err *answer)
{
	_cleanup_json_ struct json_doc *doc = NULL;
	_cleanup_free_ char *text = NULL;
	struct link_message order = {0};
	char path[PATH_MAX];
	struct err err;
	size_t len;

	if (file_read(AT_FDCWD, path_of(m->socket, MAKER_ORDER, path), LINK_PACKET_MAX, &text, &len,
		    &err) == 0 &&
		link_read(text, len, &doc, &order, &err) == 0 && order.id)
		delete_container(root, order.id);
	unlink_all(m->socket);
	return link_answer(ROLE_LINK_FD, &(struct link_message){.kind = "buried"}, -1, answer);
}

static int do_order(const char *root, struct err *err)
{
	_cleanup_json_ struct json_doc *doc = NULL;
	struct link_message m = {0};

	if (link_receive(ROLE_LINK_FD, &doc, &m, NULL, err) < 0)
		return -err->code;
	if (!m.socket || strlen(m.socket) > MAKER_SOCKET_MAX)
		return err_say(err, EINVAL, "an order without a socket");
	if (streq(m.kind, "bury"))
		return bury(root, &m, err);
	if (streq(m.kind, "make") && m.worker && m.id && m.bundle)
		return make(root, &m, err);
	return err_say(err, EINVAL, "'%s' is no order", m.kind);
}

/* --- the process --- */

static void on_child(int number UNUSED)
{
}

/* Workers that were not copied from a seed. */
static void reap(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static int prepare(struct err *err)
{
	const struct sigaction on_children = {.sa_handler = on_child};

	if (fd_set_cloexec(ROLE_LINK_FD, true) < 0 || fd_set_cloexec(ROLE_LOCK_FD, true) < 0)
		return err_say(err, EBADF, "this is for the control plane alone");
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGCHLD, &on_children, NULL);
	return take_back() < 0 ? err_set(err, errno, "reserve a descriptor") : 0;
}

int maker_run(const char *root, struct err *err)
{
	if (prepare(err) < 0)
		return -err->code;
	for (;;) {
		struct pollfd link = {.fd = ROLE_LINK_FD, .events = POLLIN};

		if (poll(&link, 1, -1) > 0 && do_order(root, err) < 0)
			break;
		reap();
	}
	if (err->code != EPIPE)
		return -err->code;
	*err = (struct err)ERR_INIT;
	return 0;
}
