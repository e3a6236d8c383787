/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What tests of the shim share: a loop that turns until something holds, and frames of
 * ttrpc on a socket, read and written by hand.
 */
#ifndef TESTS_UNIT_SHIM_RIG_H
#define TESTS_UNIT_SHIM_RIG_H

#include <endian.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "shim/loop.h"
#include "tests/unit/unit.h"

/* Nothing that a test waits for takes so long; it only ends what would hang. */
#define RIG_DEADLINE_S 30

/* Wakes the loop up, so that a condition that no handle tells of is looked at again. */
#define RIG_TICK_MS 5

static inline void rig_on_tick(uv_timer_t *timer)
{
}

/* One turn of the loop, which may wait for something to happen, but not long. */
static inline void rig_turn(void)
{
	static uv_timer_t tick;

	if (!tick.loop) {
		uv_timer_init(uv_default_loop(), &tick);
		uv_timer_start(&tick, rig_on_tick, RIG_TICK_MS, RIG_TICK_MS);
		uv_unref((uv_handle_t *)&tick);
	}
	uv_run(uv_default_loop(), UV_RUN_ONCE);
}

#define LOOP_UNTIL(condition)                                                               \
	do {                                                                                \
		time_t end_ = time(NULL) + RIG_DEADLINE_S;                                  \
		while (!(condition)) {                                                      \
			ck_assert_msg(time(NULL) < end_, "waited in vain for " #condition); \
			rig_turn();                                                         \
		}                                                                           \
	} while (0)

/* Turns for what must not happen: enough of them for everything that is on its way. */
static inline void rig_settle(void)
{
	for (int i = 0; i < 20; i++)
		rig_turn();
}

static inline bool rig_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	return poll(&p, 1, 0) > 0;
}

/* A listening socket; of a path, or of a name that the kernel chooses when there is none. */
static inline int rig_listen(const char *path, struct sockaddr_un *ret, socklen_t *ret_len)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*ret = (struct sockaddr_un){.sun_family = AF_UNIX};
	*ret_len = sizeof(*ret);
	if (path)
		snprintf(ret->sun_path, sizeof(ret->sun_path), "%s", path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(
		bind(fd, (struct sockaddr *)ret, path ? sizeof(*ret) : sizeof(ret->sun_family)), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)ret, ret_len), 0);
	ck_assert_int_eq(listen(fd, 64), 0);
	return fd;
}

/* A socket on which nothing waits for ever. */
static inline void rig_deadline(int fd)
{
	const struct timeval t = {.tv_sec = RIG_DEADLINE_S};

	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)), 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)), 0);
}

static inline void rig_put_frame(
	struct buf *out, uint32_t stream, int type, int flags, const void *data, size_t len)
{
	uint32_t numbers[2] = {htobe32((uint32_t)len), htobe32(stream)};
	char rest[2] = {(char)type, (char)flags};

	buf_put(out, numbers, sizeof(numbers));
	buf_put(out, rest, sizeof(rest));
	buf_put(out, data, len);
}

struct rig_frame {
	uint32_t stream;
	int type, flags;
	struct buf message;
};

static inline bool rig_read_all(int fd, void *data, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = recv(fd, (char *)data + done, len - done, 0);

		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

/* False at the end of the stream, however it comes. */
static inline bool rig_read_frame(int fd, struct rig_frame *ret)
{
	unsigned char header[10];
	uint32_t numbers[2];
	void *to;

	*ret = (struct rig_frame){0};
	if (!rig_read_all(fd, header, sizeof(header)))
		return false;
	memcpy(numbers, header, sizeof(numbers));
	ret->stream = be32toh(numbers[1]);
	ret->type = header[8];
	ret->flags = header[9];
	to = buf_extend(&ret->message, be32toh(numbers[0]));
	ck_assert_ptr_nonnull(to);
	return rig_read_all(fd, to, ret->message.len);
}

#endif
