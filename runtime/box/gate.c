/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who connects has not won yet: only who also removes the socket's name may say GO,
 * and the process at the gate listens to nobody who does not say it.
 */
#include "runtime/box/gate.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/box/conv.h"

/* Starters that lose a race and hang up. */
#define GATE_BACKLOG 16

/* Through /proc, because the directory's own path may be longer than an address. */
static void gate_address(int state_dir_fd, struct sockaddr_un *ret)
{
	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/" GATE_SOCKET,
		state_dir_fd);
}

int gate_listen(int state_dir_fd, int *ret_fd, struct err *err)
{
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	int r;

	if (fd < 0)
		return err_set(err, errno, "start gate: socket");
	gate_address(state_dir_fd, &address);
	/* The socket's mode is its own before it has a name: no moment of openness. */
	if (fchmod(fd, 0600) < 0)
		return err_set(err, errno, "start gate: mode");
	r = bind(fd, (const struct sockaddr *)&address, sizeof(address));
	if (r < 0)
		return err_set(err, errno, "start gate: make the socket '" GATE_SOCKET "'");
	if (listen(fd, GATE_BACKLOG) < 0)
		return err_set(err, errno, "start gate: listen");
	*ret_fd = take_fd(&fd);
	return 0;
}

/* The child's last word counts: an exec may fail after it said that it is going. */
static int on_listener(int conn, int remote_fd, const struct gate_duties *duties, struct err *err)
{
	int r;

	if (!duties->listener)
		return err_say(err, EPROTO, "nobody takes the seccomp listener");
	if (duties->listener(duties->arg, remote_fd, err) < 0) {
		/* That one says that the gate is open already. */
		if (err->code == ENOENT)
			err->code = ECONNREFUSED;
		return -err->code;
	}
	r = conv_say(conn, CONV_LISTENER_TAKEN, 0);
	return r < 0 ? err_set(err, -r, "start gate: send") : 0;
}

int gate_outcome(int conn, const struct gate_duties *duties, struct err *err)
{
	struct conv_msg msg;
	bool going = false;
	int r;

	while ((r = conv_recv(conn, &msg, NULL)) == 1) {
		if (msg.type == CONV_ERROR)
			return conv_failed(&msg, err);
		if (msg.type == CONV_LISTENER) {
			if (on_listener(conn, (int)msg.value, duties, err) < 0)
				return -err->code;
			continue;
		}
		if (msg.type == CONV_RESTED && duties->rested)
			return duties->rested(
				duties->arg, (uint64_t)msg.value2 << 32 | msg.value, err);
		/* Who is to rest runs code meanwhile, which must not put it off for ever. */
		if (msg.type != CONV_GOING || going || duties->rested)
			return err_say(err, EPROTO, "unexpected message %u", msg.type);
		going = true;
	}
	if (r == -EAGAIN)
		return err_say(err, ETIMEDOUT, "the container's process did not answer in time");
	if (r < 0)
		return err_set(err, -r, "hear from the container's process");
	if (!going)
		return err_say(err, EPIPE, "the container's process died before it could start");
	return 0;
}

int gate_start_listening(int state_dir_fd, gate_listener_fn listener, void *arg, struct err *err)
{
	_cleanup_close_ int conn = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	struct sockaddr_un address;
	int r;

	if (conn < 0)
		return err_set(err, errno, "start gate: socket");
	gate_address(state_dir_fd, &address);
	if (connect(conn, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return errno == ECONNREFUSED
			       ? err_say(err, EPIPE,
					 "the container's process died before it could start")
			       : err_set(err, errno, "start gate: connect");
	if (unlinkat(state_dir_fd, GATE_SOCKET, 0) < 0)
		return err_set(err, errno, "start gate: remove the socket");
	r = conv_say(conn, CONV_GO, 0);
	if (r == -EPIPE)
		return err_say(err, EPIPE, "the container's process died before it could start");
	if (r < 0)
		return err_set(err, -r, "start gate: send");
	return gate_outcome(conn, &(struct gate_duties){.arg = arg, .listener = listener}, err);
}

int gate_start(int state_dir_fd, struct err *err)
{
	return gate_start_listening(state_dir_fd, NULL, NULL, err);
}
