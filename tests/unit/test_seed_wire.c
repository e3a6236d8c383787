/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "tests/unit/unit.h"

static int plan(const char *text)
{
	struct err err;

	return memfd_sealed("plan", text, strlen(text), &err);
}

static struct seed_wire_request head(uint32_t plan_len)
{
	return (struct seed_wire_request){
		.magic = SEED_WIRE_MAGIC,
		.version = SEED_WIRE_VERSION,
		.op = SEED_OP_CLONE,
		.plan_len = plan_len,
	};
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* What is refused closes the plan that came along; the sentence is as given. */
static void assert_refused(
	const struct seed_wire_request *h, size_t len, int code, const char *text)
{
	struct err err = ERR_INIT;
	struct seed_message m;
	int fd = plan("four");

	ck_assert_int_eq(seed_message_parse(h, len, &fd, 1, &m, &err), -code);
	ck_assert_str_eq(err.msg, text);
	ck_assert(!is_open(fd));
}

START_TEST(every_field_is_checked)
{
	struct seed_wire_request h = head(4);

	assert_refused(&h, sizeof(h) - 1, EPROTO, "clone request: 63 bytes, expected 64");
	h.magic++;
	assert_refused(&h, sizeof(h), EPROTO, "clone request: not a request of turf");
	h = head(4);
	h.version = 9;
	assert_refused(&h, sizeof(h), ESTALE, "clone request: version 9, this seed speaks 3");
	h = head(4);
	h.op = 2;
	assert_refused(&h, sizeof(h), EPROTO, "clone request: unknown operation 2");
	h = head(4);
	h.flags = SEED_SEES_HOST | 4;
	assert_refused(&h, sizeof(h), EPROTO, "clone request: unknown flags (0x4)");
	h = head(4);
	h.clone_flags = CLONE_NEWNS | CLONE_VM;
	assert_refused(&h, sizeof(h), EPROTO, "clone request: clone flags 0x100 are not allowed");
	h = head(4);
	h.has = 16;
	assert_refused(
		&h, sizeof(h), EPROTO, "clone request: unknown descriptors announced (0x10)");
	h = head(4);
	h.has = SEED_HAS_PIDNS;
	h.clone_flags = CLONE_NEWPID;
	assert_refused(
		&h, sizeof(h), EPROTO, "clone request: both a new PID namespace and one to join");
	h = head(0);
	assert_refused(&h, sizeof(h), EMSGSIZE,
		"clone request: a plan of 0 bytes, 1..8388608 are allowed");
	h = head(SEED_PLAN_MAX + 1);
	assert_refused(&h, sizeof(h), EMSGSIZE,
		"clone request: a plan of 8388609 bytes, 1..8388608 are allowed");
	h = head(4);
	h.n_plan_fds = 1;
	assert_refused(
		&h, sizeof(h), EPROTO, "clone request: 1 descriptors, expected 2 (at most 250)");
	h.n_plan_fds = UINT32_MAX; /* 1 + this must not wrap to what came */
	assert_refused(&h, sizeof(h), EPROTO,
		"clone request: 1 descriptors, expected 4294967296 (at most 250)");
	h = head(5);
	assert_refused(&h, sizeof(h), EPROTO, "clone request: a plan of 4 bytes, 5 were announced");
}
END_TEST

START_TEST(descriptors_are_checked_for_what_they_are)
{
	static const struct {
		uint32_t has;
		const char *text;
	} cases[] = {
		{SEED_HAS_STATE_DIR, "clone request: the state directory is none"},
		{SEED_HAS_PIDNS, "clone request: the PID namespace to join is none"},
		{SEED_HAS_CGROUP, "clone request: the cgroup is no cgroup v2 directory"},
		{SEED_HAS_IMAGE, "clone request: the state image is no file"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		/* The wrong file, the wrong namespace, the wrong file system. */
		const char *const wrong[] = {"/dev/null",
			cases[i].has == SEED_HAS_IMAGE ? "/proc" : "/proc/self/ns/uts",
			cases[i].has == SEED_HAS_CGROUP ? "/proc" : "/dev/null"};

		for (size_t j = 0; j < ARRAY_SIZE(wrong); j++) {
			struct seed_wire_request h = head(4);
			struct err err = ERR_INIT;
			struct seed_message m;
			int fds[2] = {plan("four"), open(wrong[j], O_RDONLY)};

			h.has = cases[i].has;
			ck_assert_int_eq(
				seed_message_parse(&h, sizeof(h), fds, 2, &m, &err), -EPROTO);
			ck_assert_str_eq(err.msg, cases[i].text);
			ck_assert(!is_open(fds[0]) && !is_open(fds[1]));
		}
	}
}
END_TEST

START_TEST(a_plan_must_be_sealed_against_all_change)
{
	static const int partly[] = {
		0, F_SEAL_WRITE, F_SEAL_WRITE | F_SEAL_SHRINK, F_SEAL_SHRINK | F_SEAL_GROW};

	for (size_t i = 0; i < ARRAY_SIZE(partly); i++) {
		struct seed_wire_request h = head(4);
		struct err err = ERR_INIT;
		struct seed_message m;
		int fd = memfd_create("plan", MFD_CLOEXEC | MFD_ALLOW_SEALING);

		ck_assert_int_eq(ftruncate(fd, 4), 0);
		ck_assert_int_eq(fcntl(fd, F_ADD_SEALS, partly[i]), 0);
		ck_assert_int_eq(seed_message_parse(&h, sizeof(h), &fd, 1, &m, &err), -EPROTO);
		ck_assert_str_eq(err.msg, "clone request: the plan is not a sealed memfd");
	}
}
END_TEST

START_TEST(descriptors_come_in_their_order)
{
	struct seed_wire_request h = head(4);
	struct err err = ERR_INIT;
	struct seed_message m;
	int fds[5] = {plan("four"), open("/tmp", O_PATH), open("/proc/self/ns/pid", O_RDONLY),
		open("/dev/null", O_RDONLY), open("/dev/zero", O_RDONLY)};
	int sent[5];

	memcpy(sent, fds, sizeof(fds));
	h.has = SEED_HAS_STATE_DIR | SEED_HAS_PIDNS;
	h.n_plan_fds = 2;
	ck_assert_int_eq(seed_message_parse(&h, sizeof(h), fds, 5, &m, &err), 0);
	ck_assert_int_eq(m.plan_fd, sent[0]);
	ck_assert_int_eq(m.state_dir_fd, sent[1]);
	ck_assert_int_eq(m.pidns_fd, sent[2]);
	ck_assert_int_eq(m.cgroup_fd, -1);
	ck_assert_uint_eq(m.n_fds, 2);
	ck_assert_int_eq(m.fds[0], sent[3]);
	ck_assert_int_eq(m.fds[1], sent[4]);
	seed_message_finish(&m);
	for (int i = 0; i < 5; i++)
		ck_assert(!is_open(sent[i]));
}
END_TEST

START_TEST(a_message_travels_with_the_most_descriptors)
{
	struct seed_wire_request h = head(4);
	struct err err = ERR_INIT;
	struct seed_message m;
	int fds[SEED_FDS_MAX];
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	fds[0] = plan("four");
	for (int i = 1; i < SEED_FDS_MAX; i++)
		fds[i] = pair[0];
	h.n_plan_fds = SEED_FDS_MAX - 1;
	ck_assert_int_eq(seed_message_receive(pair[1], 0, &m, &err), -EAGAIN);
	ck_assert_int_eq(seed_wire_send(pair[0], &h, sizeof(h), fds, SEED_FDS_MAX), 0);
	ck_assert_int_eq(seed_message_receive(pair[1], 0, &m, &err), 1);
	ck_assert_uint_eq(m.n_fds, SEED_FDS_MAX - 1);
	for (size_t i = 0; i < m.n_fds; i++)
		ck_assert_int_eq(fcntl(m.fds[i], F_GETFD), FD_CLOEXEC);
	seed_message_finish(&m);
	close(pair[0]);
	ck_assert_int_eq(seed_message_receive(pair[1], 0, &m, &err), 0);
}
END_TEST

START_TEST(build_ids_tell_files_apart)
{
	struct seed_build_id a, b, c;
	struct err err = ERR_INIT;

	memset(&a, 0xaa, sizeof(a));
	ck_assert_int_eq(seed_build_id_of("/bin/sh", &a, &err), 0);
	ck_assert_int_eq(seed_build_id_of("/bin/sh", &b, &err), 0);
	ck_assert_int_eq(seed_build_id_of("/bin/ls", &c, &err), 0);
	ck_assert_mem_eq(&a, &b, sizeof(a));
	ck_assert_mem_ne(&a, &c, sizeof(a));
	seed_build_id_version(&b);
	ck_assert_uint_eq(a.version, b.version);
	ck_assert_int_eq(seed_build_id_of("/nonexistent", &a, &err), -ENOENT);
}
END_TEST

UNIT_MAIN("seed_wire", every_field_is_checked, descriptors_are_checked_for_what_they_are,
	a_plan_must_be_sealed_against_all_change, descriptors_come_in_their_order,
	a_message_travels_with_the_most_descriptors, build_ids_tell_files_apart)
