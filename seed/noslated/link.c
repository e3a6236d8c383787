/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/link.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "runtime/base/util.h"

/* Packets that are taken before others of the loop have their turn. */
#define BATCH 64

/* What the other side has not taken yet. */
struct waiting {
	struct waiting *next;
	int fd;
	size_t len;
	char data[];
};

struct link {
	uv_poll_t poll;
	int fd;
	struct waiting *first, **last;
	link_message_fn on_message;
	link_end_fn on_end; /* NULL once it is closed */
	void *arg;
};

static const struct {
	const char *key;
	size_t offset;
} members[] = {
	{"kind", offsetof(struct link_message, kind)},
	{"worker", offsetof(struct link_message, worker)},
	{"function", offsetof(struct link_message, function)},
	{"socket", offsetof(struct link_message, socket)},
	{"file", offsetof(struct link_message, file)},
	{"id", offsetof(struct link_message, id)},
	{"bundle", offsetof(struct link_message, bundle)},
	{"tenant", offsetof(struct link_message, tenant)},
	{"text", offsetof(struct link_message, text)},
	{"build", offsetof(struct link_message, build)},
	{"bytes", offsetof(struct link_message, bytes)},
};

static const char **member(const struct link_message *m, size_t i)
{
	return (const char **)((char *)m + members[i].offset);
}

int link_pair(int ret[2], struct err *err)
{
	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret) < 0
		       ? err_set(err, errno, "make a socket")
		       : 0;
}

/* --- packets --- */

union control {
	struct cmsghdr align;
	char data[CMSG_SPACE(sizeof(int))];
};

static int send_packet(int socket, const char *data, size_t len, int fd)
{
	union control control = {.data = {0}};
	struct iovec iov = {(void *)(uintptr_t)data, len};
	struct msghdr head = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (fd >= 0) {
		head.msg_control = control.data;
		head.msg_controllen = sizeof(control.data);
		control.align = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
			.cmsg_level = SOL_SOCKET,
			.cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(&control.align), &fd, sizeof(fd));
	}
	do
		n = sendmsg(socket, &head, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

/* The length; 0 at the end. */
static ssize_t receive_packet(int socket, char *data, size_t size, int *ret_fd)
{
	union control control = {.data = {0}};
	struct iovec iov = {data, size};
	struct msghdr head = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.data,
		.msg_controllen = sizeof(control.data)};
	struct cmsghdr *c;
	ssize_t n;

	do
		n = recvmsg(socket, &head, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	c = CMSG_FIRSTHDR(&head);
	if (c && c->cmsg_type == SCM_RIGHTS && c->cmsg_len == CMSG_LEN(sizeof(int)))
		memcpy(ret_fd, CMSG_DATA(c), sizeof(*ret_fd));
	return head.msg_flags & MSG_TRUNC ? -EMSGSIZE : n;
}

int link_read(const char *text, size_t len, struct json_doc **ret_doc, struct link_message *ret,
	struct err *err)
{
	const struct json_node *root;

	if (json_parse(text, len, ret_doc, err) < 0)
		return -err->code;
	root = json_root(*ret_doc);
	if (json_is_object(root, err) < 0 || json_need_str(root, "kind", &ret->kind, err) < 0)
		return -err->code;
	for (size_t i = 1; i < ARRAY_SIZE(members); i++) {
		const struct json_node *n = json_get(root, members[i].key);

		if (n && json_to_str(n, member(ret, i), err) < 0)
			return -err->code;
	}
	return 0;
}

int link_write(const struct link_message *m, struct buf *out, struct err *err)
{
	struct json_writer w;

	json_writer_init(&w, out, false);
	json_write_object_begin(&w);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		if (*member(m, i))
			json_write_member_str(&w, members[i].key, *member(m, i));
	json_write_object_end(&w);
	if (buf_failed(out))
		return err_oom(err);
	if (out->len > LINK_PACKET_MAX)
		return err_say(err, EMSGSIZE, "a message '%s' of more than %d bytes", m->kind,
			LINK_PACKET_MAX);
	return 0;
}

/* --- without a loop --- */

int link_receive(int socket, struct json_doc **ret_doc, struct link_message *ret, int *ret_fd,
	struct err *err)
{
	_cleanup_close_ int fd = -1;
	char packet[LINK_PACKET_MAX];
	ssize_t n = receive_packet(socket, packet, sizeof(packet), &fd);

	if (n <= 0)
		return err_set(err, n < 0 ? (int)-n : EPIPE, "read of the control plane");
	if (link_read(packet, (size_t)n, ret_doc, ret, err) < 0)
		return -err->code;
	if (ret_fd)
		*ret_fd = take_fd(&fd);
	return 0;
}

int link_answer(int socket, const struct link_message *m, int fd, struct err *err)
{
	_cleanup_buf_ struct buf packet = BUF_INIT;
	int r = link_write(m, &packet, err);

	if (r < 0)
		return r;
	r = send_packet(socket, packet.data, packet.len, fd);
	return r < 0 ? err_set(err, -r, "answer the control plane") : 0;
}

/* --- the end --- */

static void forget_first(struct link *l)
{
	struct waiting *w = l->first;

	l->first = w->next;
	if (!l->first)
		l->last = &l->first;
	fd_close(&w->fd);
	free(w);
}

static void on_closed(uv_handle_t *h)
{
	struct link *l = h->data;

	while (l->first)
		forget_first(l);
	close(l->fd);
	free(l);
}

void link_close(struct link *l)
{
	if (!l || uv_is_closing((uv_handle_t *)&l->poll))
		return;
	l->on_end = NULL;
	uv_close((uv_handle_t *)&l->poll, on_closed);
}

static void end(struct link *l)
{
	link_end_fn on_end = l->on_end;

	if (on_end)
		on_end(l->arg);
	link_close(l);
}

/* --- receiving --- */

static bool take_packet(struct link *l, const char *packet, size_t len, int *fd)
{
	_cleanup_json_ struct json_doc *doc = NULL;
	struct link_message m = {0};
	struct err err = ERR_INIT;

	if (link_read(packet, len, &doc, &m, &err) < 0) {
		log_error("another process of noslated: %s", err.msg);
		return false;
	}
	l->on_message(l->arg, &m, fd);
	return true;
}

static void receive_some(struct link *l)
{
	static char packet[LINK_PACKET_MAX];

	for (int i = 0; i < BATCH && l->on_end; i++) {
		_cleanup_close_ int fd = -1;
		ssize_t n = receive_packet(l->fd, packet, sizeof(packet), &fd);

		if (n == -EAGAIN)
			return;
		if (n <= 0 || !take_packet(l, packet, (size_t)n, &fd)) {
			end(l);
			return;
		}
	}
}

/* --- sending --- */

static void on_event(uv_poll_t *poll, int status, int events);

static void await(struct link *l)
{
	uv_poll_start(&l->poll, UV_READABLE | (l->first ? UV_WRITABLE : 0), on_event);
}

static void send_some(struct link *l)
{
	while (l->first) {
		int r = send_packet(l->fd, l->first->data, l->first->len, l->first->fd);

		if (r == -EAGAIN)
			return;
		/* Whatever else it is, reading will show it. */
		forget_first(l);
	}
	await(l);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	struct link *l = poll->data;

	if (status < 0) {
		end(l);
		return;
	}
	if (events & UV_WRITABLE)
		send_some(l);
	if (events & UV_READABLE)
		receive_some(l);
}

static void keep(struct link *l, const char *packet, size_t len, int fd)
{
	struct waiting *w = malloc(sizeof(*w) + len);

	if (!w) {
		log_error("a message was not sent: no memory");
		return;
	}
	*w = (struct waiting){.len = len, .fd = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0)};
	memcpy(w->data, packet, len);
	*l->last = w;
	l->last = &w->next;
	await(l);
}

static void send_now_or_later(struct link *l, const char *packet, size_t len, int fd)
{
	int r;

	if (!l || !l->on_end)
		return;
	r = l->first ? -EAGAIN : send_packet(l->fd, packet, len, fd);
	if (r == -EAGAIN)
		keep(l, packet, len, fd);
	else if (r < 0 && r != -EPIPE)
		log_error("a message was not sent: %s", strerror(-r));
}

void link_send_packet(struct link *l, const char *packet, size_t len)
{
	send_now_or_later(l, packet, len, -1);
}

void link_send(struct link *l, const struct link_message *m, int fd)
{
	_cleanup_buf_ struct buf packet = BUF_INIT;
	struct err err = ERR_INIT;

	if (link_write(m, &packet, &err) == 0)
		send_now_or_later(l, packet.data, packet.len, fd);
	else
		log_error("a message was not sent: %s", err.msg);
}

struct link *link_open(
	uv_loop_t *loop, int fd, link_message_fn on_message, link_end_fn on_end, void *arg)
{
	struct link *l = calloc(1, sizeof(*l));

	if (!l || uv_poll_init(loop, &l->poll, fd) < 0) {
		free(l);
		close(fd);
		return NULL;
	}
	l->poll.data = l;
	l->fd = fd;
	l->last = &l->first;
	l->on_message = on_message;
	l->on_end = on_end;
	l->arg = arg;
	await(l);
	return l;
}
