/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process that loaded the filter is inside, where the agent's socket is not. So it
 * only tells the number of its descriptor, and the runtime fetches and sends it.
 */
#include "runtime/seccomp_listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/record.h"

union listener_control {
	struct cmsghdr align;
	char data[CMSG_SPACE(sizeof(int))];
};

/* By a descriptor: a path may be longer than an address. */
static int connect_to(const char *path, struct err *err)
{
	_cleanup_close_ int place = open(path, O_PATH | O_CLOEXEC);
	_cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (place < 0)
		return err_set(err, errno, "open '%s'", path);
	if (fd < 0)
		return err_set(err, errno, "socket");
	fd_path(place, address.sun_path);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
		return err_set(err, errno, "connect to '%s'", path);
	return take_fd(&fd);
}

static int write_state(
	const struct record *r, enum oci_status status, pid_t pid, struct buf *out, struct err *err)
{
	struct json_writer w;
	const struct oci_state state = {
		.id = r->id,
		.status = status,
		.pid = r->init.pid,
		.bundle = r->bundle,
		.annotations = r->annotations,
		.n_annotations = r->n_annotations,
	};

	json_writer_init(&w, out, false);
	json_write_object_begin(&w);
	json_write_member_str(&w, "ociVersion", OCI_VERSION);
	json_write_key(&w, "fds");
	json_write_array_begin(&w);
	json_write_str(&w, "seccompFd");
	json_write_array_end(&w);
	json_write_member_i64(&w, "pid", pid);
	if (r->listener_metadata)
		json_write_member_str(&w, "metadata", r->listener_metadata);
	json_write_key(&w, "state");
	json_write_object_begin(&w);
	oci_state_write_members(&state, &w);
	json_write_object_end(&w);
	json_write_object_end(&w);
	return buf_failed(out) ? err_oom(err) : 0;
}

/* The descriptor goes with the first byte, whatever part of the rest goes along. */
static int send_all(int conn, const struct buf *text, int fd, struct err *err)
{
	union listener_control control = {.data = {0}};
	struct msghdr head = {0};
	size_t sent = 0;

	control.align = (struct cmsghdr){
		.cmsg_len = CMSG_LEN(sizeof(int)),
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
	};
	memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
	while (sent < text->len) {
		struct iovec iov = {text->data + sent, text->len - sent};
		ssize_t n;

		head.msg_iov = &iov;
		head.msg_iovlen = 1;
		head.msg_control = sent ? NULL : control.data;
		head.msg_controllen = sent ? 0 : sizeof(control.data);
		n = sendmsg(conn, &head, MSG_NOSIGNAL);
		if (n < 0 && errno != EINTR)
			return err_set(err, errno, "send the state of the process");
		sent += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

static int hand_over(const struct record *r, enum oci_status status, int pidfd, pid_t pid,
	int remote_fd, struct err *err)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	_cleanup_close_ int fd = (int)syscall(SYS_pidfd_getfd, pidfd, remote_fd, 0);
	_cleanup_close_ int conn = -1;

	if (fd < 0)
		return err_set(err, errno, "take the descriptor of the listener");
	if (write_state(r, status, pid, &text, err) < 0)
		return -err->code;
	conn = connect_to(r->listener_path, err);
	return conn < 0 ? conn : send_all(conn, &text, fd, err);
}

int seccomp_listener_hand_over(const struct record *r, enum oci_status status, int pidfd, pid_t pid,
	int remote_fd, struct err *err)
{
	if (!r->listener_path)
		return err_say(err, EPROTO, "linux.seccomp: a listener that nobody asked for");
	return hand_over(r, status, pidfd, pid, remote_fd, err) < 0
		       ? err_wrap(err, "linux.seccomp.listenerPath")
		       : 0;
}
