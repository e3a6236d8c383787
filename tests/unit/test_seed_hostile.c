/* SPDX-License-Identifier: Apache-2.0 */
/* What peers may try against a seed. After each attempt an honest client is still served. */
#include <poll.h>
#include <sys/mman.h>
#include <sys/un.h>

#include "tests/unit/seed_rig.h"

static int connect_clone(void)
{
	struct err err = ERR_INIT;
	int conn;

	ck_assert_msg(seed_connect(RIG_SEED, &conn, &err) == 0, "%s", err.msg);
	return conn;
}

static struct seed_wire_reply hear_reply(int conn)
{
	struct seed_wire_reply reply = {0};
	size_t n_fds = 0;
	int fds[1];
	char c;

	ck_assert_int_eq(seed_socket_wait(conn, 20000), 0);
	ck_assert_int_eq(
		seed_wire_recv(conn, &reply, sizeof(reply), fds, 1, &n_fds, 0), sizeof(reply));
	if (reply.type == SEED_REPLY_ERROR) /* one sentence and closed */
		ck_assert_int_le(recv(conn, &c, 1, 0), 0);
	close(conn);
	return reply;
}

static unsigned count_fds(pid_t pid)
{
	char path[64];
	unsigned n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
	dir = opendir(path);
	ck_assert_ptr_nonnull(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void assert_serves(const struct rig *r)
{
	struct seed_clone c = rig_clone(r, "hold");
	char text[16];

	rig_hear(&c, text, sizeof(text));
	ck_assert_str_eq(text, "up");
	rig_release(&c);
}

static struct seed_wire_request good_head(const struct rig *r, uint32_t plan_len)
{
	struct seed_wire_request head = {
		.magic = SEED_WIRE_MAGIC,
		.version = SEED_WIRE_VERSION,
		.op = SEED_OP_CLONE,
		.plan_len = plan_len,
	};
	struct err err;

	ck_assert_int_eq(seed_build_id_of(r->worker, &head.build_id, &err), 0);
	return head;
}

START_TEST(garbage_is_answered_by_one_sentence)
{
	static const size_t sizes[] = {1, 7, sizeof(struct seed_wire_request) - 1,
		sizeof(struct seed_wire_request), sizeof(struct seed_wire_request) + 1, 60000};
	struct seed_info info;
	char data[60000];
	unsigned fds;
	struct rig r;

	rig_open(&r, "8");
	info = rig_info();
	fds = count_fds(info.seed_pid);
	memset(data, 0x5a, sizeof(data));
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		int conn = connect_clone();
		struct seed_wire_reply reply;

		ck_assert_int_eq(seed_wire_send(conn, data, sizes[i], NULL, 0), 0);
		reply = hear_reply(conn);
		ck_assert_int_eq(reply.type, SEED_REPLY_ERROR);
		ck_assert_ptr_eq(strstr(reply.text, "clone request: "), reply.text);
	}
	close(connect_clone());
	assert_serves(&r);
	RIG_UNTIL(info, count_fds(info.seed_pid) == fds);
	rig_close(&r);
}
END_TEST

START_TEST(unwanted_descriptors_are_closed)
{
	struct seed_wire_request head;
	struct seed_wire_reply reply;
	struct seed_info info;
	int many[253];
	unsigned fds;
	struct rig r;
	int conn;

	rig_open(&r, "8");
	info = rig_info();
	fds = count_fds(info.seed_pid);
	for (size_t i = 0; i < ARRAY_SIZE(many); i++)
		many[i] = STDERR_FILENO;
	head = good_head(&r, 4);
	for (size_t n = 0; n <= ARRAY_SIZE(many); n += n < 4 ? 1 : 83) {
		conn = connect_clone();
		ck_assert_int_eq(seed_wire_send(conn, &head, sizeof(head), many, n), 0);
		reply = hear_reply(conn);
		ck_assert_int_eq(reply.type, SEED_REPLY_ERROR);
		ck_assert_int_eq(reply.code, n > SEED_FDS_MAX ? EMSGSIZE : EPROTO);
	}
	/* They belong to a message that is too long: no bytes, no descriptors. */
	conn = connect_clone();
	ck_assert_int_eq(seed_wire_send(conn, many, sizeof(many), many, 100), 0);
	ck_assert_int_eq(hear_reply(conn).code, EMSGSIZE);
	assert_serves(&r);
	RIG_UNTIL(info, count_fds(info.seed_pid) == fds);
	rig_close(&r);
}
END_TEST

START_TEST(silent_clients_do_not_block_others)
{
	enum { N = 150 };
	int conns[N];
	struct rig r;

	rig_open(&r, "8");
	for (int i = 0; i < N; i++)
		conns[i] = connect_clone();
	assert_serves(&r);
	/* The oldest had to go, the youngest may still ask. */
	{
		struct seed_wire_reply reply = hear_reply(conns[0]);

		ck_assert_int_eq(reply.code, EBUSY);
		ck_assert_str_eq(reply.text, "too many clients that send nothing");
	}
	ck_assert_int_eq(seed_wire_send(conns[N - 1], "x", 1, NULL, 0), 0);
	ck_assert_int_eq(hear_reply(conns[N - 1]).code, EPROTO);
	for (int i = 1; i < N - 1; i++)
		close(conns[i]);
	assert_serves(&r);
	rig_close(&r);
}
END_TEST

START_TEST(a_silent_client_is_dropped_in_time)
{
	struct seed_wire_reply reply;
	struct rig r;

	rig_open(&r, "8");
	reply = hear_reply(connect_clone());
	ck_assert_int_eq(reply.code, ETIMEDOUT);
	ck_assert_str_eq(reply.text, "no request came in time");
	rig_close(&r);
}
END_TEST

/* Runs as nobody: 0 when both sockets refuse, or the number of the check that failed. */
static int child_knock(const char *dir)
{
	static const char *const files[] = {SEED_SOCKET_CLONE, SEED_SOCKET_CONTROL};

	if (setgid(65534) < 0 || setuid(65534) < 0)
		return 1;
	for (int i = 0; i < 2; i++) {
		struct sockaddr_un sa = {.sun_family = AF_UNIX};
		int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0);
		union {
			struct seed_wire_reply reply;
			struct seed_info info;
		} u;
		ssize_t n;

		snprintf(sa.sun_path, sizeof(sa.sun_path), "%s/" RIG_SEED "/%s", dir, files[i]);
		if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
			return 2;
		n = recv(fd, &u, sizeof(u), 0);
		if (i == 0 && (n != sizeof(u.reply) || u.reply.type != SEED_REPLY_ERROR ||
				      u.reply.code != EPERM))
			return 3;
		if (i == 1 && (n != sizeof(u.info) || u.info.code != EPERM))
			return 4;
		if (recv(fd, &u, sizeof(u), 0) > 0)
			return 5;
		close(fd);
	}
	return 0;
}

START_TEST(strangers_are_refused)
{
	char command[512];
	int status;
	struct rig r;
	pid_t pid;

	if (geteuid() != 0)
		return;
	rig_open(&r, "8");
	/* The first wall, the directory's mode, is taken down to try the second. */
	snprintf(command, sizeof(command),
		"test \"$(stat -c %%a %s/" RIG_SEED ")\" = 700 && "
		"chmod 711 %s %s/" RIG_SEED " && chmod 666 %s/" RIG_SEED "/c[lo]*",
		r.dir, r.dir, r.dir, r.dir);
	ck_assert_int_eq(system(command), 0);
	pid = fork();
	if (pid == 0)
		_exit(child_knock(r.dir));
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	assert_serves(&r);
	rig_close(&r);
}
END_TEST

START_TEST(a_plan_that_may_change_is_refused)
{
	struct seed_wire_request head;
	struct seed_wire_reply reply;
	struct rig r;
	int fd;
	int conn;

	rig_open(&r, "8");
	fd = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	ck_assert_int_eq(ftruncate(fd, 4), 0);
	head = good_head(&r, 4);
	conn = connect_clone();
	ck_assert_int_eq(seed_wire_send(conn, &head, sizeof(head), &fd, 1), 0);
	reply = hear_reply(conn);
	ck_assert_str_eq(reply.text, "clone request: the plan is not a sealed memfd");
	close(fd);

	fd = rig_plan("four");
	head.plan_len = 5;
	conn = connect_clone();
	ck_assert_int_eq(seed_wire_send(conn, &head, sizeof(head), &fd, 1), 0);
	reply = hear_reply(conn);
	ck_assert_str_eq(reply.text, "clone request: a plan of 4 bytes, 5 were announced");
	close(fd);
	rig_close(&r);
}
END_TEST

START_TEST(the_number_of_clones_is_limited)
{
	struct seed_call call = SEED_CALL_INIT;
	struct seed_clone c[3];
	struct seed_clone more;
	struct err err = ERR_INIT;
	int res = 0;
	struct rig r;

	rig_open(&r, "3");
	for (int i = 0; i < 3; i++)
		c[i] = rig_clone(&r, "hold");
	ck_assert_int_eq(rig_call(&r, "hold", &call, &more, &err), -EUSERS);
	ck_assert_str_eq(err.msg, "seed 's': all 3 clones that are allowed live already");
	rig_release(&c[0]);
	for (int tries = 0; tries < 2000; tries++) {
		res = rig_call(&r, "hold", &call, &more, &err);
		if (res != -EUSERS)
			break;
		usleep(5000);
	}
	ck_assert_int_eq(res, 0);
	rig_release(&more);
	rig_release(&c[1]);
	rig_release(&c[2]);
	rig_close(&r);
}
END_TEST

START_TEST(dying_clones_do_not_use_up_the_limit)
{
	struct seed_call call = SEED_CALL_INIT;
	struct seed_info info;
	unsigned made = 0;
	struct rig r;

	rig_open(&r, "4");
	while (made < 100) {
		struct seed_clone c;
		struct err err = ERR_INIT;
		int res = rig_call(&r, "signal 9", &call, &c, &err);

		if (res == -EUSERS) {
			usleep(1000);
			continue;
		}
		ck_assert_msg(res == 0, "%s", err.msg);
		made++;
		close(c.conn);
		close(c.pidfd);
	}
	RIG_UNTIL(info, info.clones_alive == 0);
	ck_assert_uint_eq(info.clones_total, 100);
	rig_close(&r);
}
END_TEST

/* A connection that the seed has accepted: one more descriptor of its own. */
static int accepted_conn(pid_t seed)
{
	unsigned before = count_fds(seed);
	int conn = connect_clone();

	for (int i = 0; i < 2000 && count_fds(seed) == before; i++)
		usleep(2000);
	ck_assert_uint_gt(count_fds(seed), before);
	return conn;
}

START_TEST(a_seed_killed_in_the_middle_is_one_sentence)
{
	struct seed_call call = SEED_CALL_INIT;
	struct seed_info info;
	struct seed_clone c;
	struct err err = ERR_INIT;
	struct rig r;
	int conn;

	rig_open(&r, "8");
	info = rig_info();
	conn = accepted_conn(info.seed_pid);
	ck_assert_int_eq(kill(info.seed_pid, SIGKILL), 0);
	call.plan_fd = rig_plan("hold");
	call.plan_len = 4;
	call.worker = r.worker;
	ck_assert_int_eq(seed_request(RIG_SEED, conn, &call, &c, &err), -EPIPE);
	ck_assert_str_eq(err.msg, "seed 's': it ended while the clone was made");
	/* It comes back by itself. */
	RIG_UNTIL(info, info.state == SEED_STATE_READY && info.restarts == 1);
	ck_assert_str_eq(info.last_end, "signal 9 (Killed)");
	assert_serves(&r);
	close(call.plan_fd);
	rig_close(&r);
}
END_TEST

START_TEST(the_control_socket_takes_garbage_too)
{
	struct err err = ERR_INIT;
	struct seed_info info;
	char data[5000] = {1};
	int fds[40] = {0};
	struct rig r;
	int conn;

	rig_open(&r, "8");
	for (size_t n = 1; n <= sizeof(data); n = n * 3 + 1) {
		ck_assert_int_eq(
			seed_socket_connect(RIG_SEED, SEED_SOCKET_CONTROL, 2000, &conn, &err), 0);
		ck_assert_int_eq(seed_wire_send(conn, data, n, fds, ARRAY_SIZE(fds)), 0);
		ck_assert_int_eq(seed_socket_wait(conn, 20000), 0);
		ck_assert_int_eq(recv(conn, &info, sizeof(info), 0), sizeof(info));
		ck_assert_int_eq(info.code, EPROTO);
		close(conn);
	}
	for (int i = 0; i < 40; i++) /* silent ones; they end with the test */
		ck_assert_int_eq(
			seed_socket_connect(RIG_SEED, SEED_SOCKET_CONTROL, 2000, &conn, &err), 0);
	info = rig_info();
	ck_assert_uint_lt(count_fds(r.keeper), 40);
	assert_serves(&r);
	rig_close(&r);
}
END_TEST

RIG_MAIN("seed_hostile", garbage_is_answered_by_one_sentence, unwanted_descriptors_are_closed,
	silent_clients_do_not_block_others, a_silent_client_is_dropped_in_time,
	strangers_are_refused, a_plan_that_may_change_is_refused, the_number_of_clones_is_limited,
	dying_clones_do_not_use_up_the_limit, a_seed_killed_in_the_middle_is_one_sentence,
	the_control_socket_takes_garbage_too)
