/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses to listen on. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "aworker/http/http_server.h"
#include "tests/unit/unit.h"

static struct err err;
static struct http_listener listener = HTTP_LISTENER_INIT;

START_TEST(bad_addresses)
{
	static const char *const texts[] = {"", "8080", "x:80", "127.0.0.1:", "127.0.0.1:65536",
		"127.0.0.1:8x", "::1:80", "[::1", "[::1]", "1.2.3:80", "unix:", "fd:", "fd:x",
		"fd:-1", "http://x:80"};
	char path[300] = "unix:";

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		ck_assert_msg(http_listen_check(texts[i], &err) == -EINVAL, "%s", texts[i]);
	memset(path + 5, 'p', 250);
	ck_assert_int_eq(http_listen_check(path, &err), -EINVAL);
	ck_assert_int_eq(http_listen_check(":80", &err), 0);
	ck_assert_int_eq(http_listen_check("[::1]:0", &err), 0);
	ck_assert_int_eq(http_listen_check("localhost:80", &err), 0);
	ck_assert_int_eq(http_listen("fd:0", &listener, &err) < 0, 1);
	ck_assert_int_eq(http_listen("fd:987", &listener, &err), -EBADF);
}
END_TEST

START_TEST(address_in_use)
{
	struct http_listener other;

	ck_assert_int_eq(http_listen("127.0.0.1:0", &listener, &err), 0);
	ck_assert(listener.chosen_port);
	ck_assert_int_eq(http_listen(listener.text, &other, &err), -EADDRINUSE);
	ck_assert_ptr_nonnull(strstr(err.msg, "in use already"));
	http_listener_finish(&listener);
}
END_TEST

START_TEST(unix_sockets)
{
	static const char path[] = "unix:/tmp/turf-test-listen.sock";
	struct http_listener other;

	ck_assert_int_eq(http_listen(path, &listener, &err), 0);
	ck_assert_str_eq(listener.text, path);
	ck_assert_int_eq(http_listen(path, &other, &err), -EADDRINUSE);
	/* As a killed worker leaves it. */
	close(listener.fd);
	listener.fd = -1;
	free(listener.unlink);
	ck_assert_int_eq(http_listen(path, &listener, &err), 0);
	http_listener_finish(&listener);
	ck_assert_int_eq(access(path + 5, F_OK), -1);
	/* A file that is no socket is not ours to remove. */
	close(open(path + 5, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	ck_assert_int_eq(http_listen(path, &listener, &err), -EADDRINUSE);
	ck_assert_int_eq(unlink(path + 5), 0);
}
END_TEST

START_TEST(every_address)
{
	ck_assert_int_eq(http_listen(":0", &listener, &err), 0);
	ck_assert(strncmp(listener.text, "[::]:", 5) == 0 ||
		  strncmp(listener.text, "0.0.0.0:", 8) == 0);
	http_listener_finish(&listener);
}
END_TEST

UNIT_MAIN("http addresses", bad_addresses, address_in_use, unix_sockets, every_address)
