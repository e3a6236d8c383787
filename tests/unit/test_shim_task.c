/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The task service with a runtime that is a script: it writes down what it is asked, and makes
 * processes that sleep. The test is containerd, for calls and for events.
 */
#include "shim/task.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "runtime/base/arena.h"
#include "runtime/base/fd.h"
#include "shim/child.h"
#include "shim/container.h"
#include "shim/events.h"
#include "shim/message.h"
#include "shim/proto/events.pb-c.h"
#include "shim/proto/options.pb-c.h"
#include "tests/unit/shim_rig.h"

static struct ttrpc_service services[2];
static char dir[64];
static char events_path[96], calls_path[96], script_path[96];
static struct arena arena;
static struct err err;
static int events_listening = -1, events_conn = -1, fd = -1;
static uint32_t stream = 1;
static int n_quit;

static const char script[] =
	"#!/bin/sh\n"
	"dir=${0%/*}\n"
	"while case $1 in --*) ;; *) false ;; esac; do shift; "
	"case $1 in --log) shift 2 ;; --*) ;; *) shift ;; esac; done\n"
	"verb=$1\n"
	"echo \"$verb\" >>$dir/calls\n"
	"[ ! -e $dir/fail-$verb ] || exit 1\n"
	"pid_file=\n"
	"while [ $# -gt 1 ]; do [ $1 != --pid-file ] || pid_file=$2; shift; done\n"
	"case $verb in\n"
	"create | exec | restore)\n"
	"	sleep 1000 </dev/null >/dev/null 2>&1 &\n"
	"	echo $! >$pid_file; echo $! >$dir/pid-$verb ;;\n"
	"kill) kill -9 $(cat $dir/pid-create) ;;\n"
	"esac\n";

static char *in_dir(const char *name)
{
	static char path[160];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void put(const char *name, const char *text, mode_t mode)
{
	_cleanup_close_ int to = open(in_dir(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	ck_assert_int_ge(to, 0);
	ck_assert_int_eq(fd_write_all(to, text, strlen(text)), 0);
}

static pid_t pid_of(const char *verb)
{
	_cleanup_free_ char *text = NULL;
	char name[64];
	size_t len;

	snprintf(name, sizeof(name), "pid-%s", verb);
	ck_assert_int_eq(file_read(AT_FDCWD, in_dir(name), 64, &text, &len, &err), 0);
	return (pid_t)strtol(text, NULL, 10);
}

static void on_quit(void)
{
	n_quit++;
}

static void on_connections(size_t n)
{
}

static void start(void)
{
	struct sockaddr_un address;
	socklen_t len;
	int listening = rig_listen(NULL, &address, &len);

	strcpy(dir, "/tmp/turf-task-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(events_path, sizeof(events_path), "%s/events", dir);
	snprintf(calls_path, sizeof(calls_path), "%s/calls", dir);
	snprintf(script_path, sizeof(script_path), "%s/runtime", dir);
	put("runtime", script, 0700);
	put("config.json", "{\"linux\":{\"namespaces\":[{\"type\":\"pid\"}]}}", 0600);
	{
		struct sockaddr_un a;
		socklen_t l;

		events_listening = rig_listen(events_path, &a, &l);
	}
	events_start(events_path, "ns");
	stdio_setup(dir, "ns");
	task_setup("ns", on_quit);
	services[0] = task_service_v2;
	services[1] = task_service_v3;
	ck_assert_int_eq(child_start_reaping(&err), 0);
	ck_assert_int_eq(ttrpc_server_start(listening, services, 2, on_connections, &err), 0);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(fd, (struct sockaddr *)&address, len), 0);
	rig_deadline(fd);
	rig_settle();
}

static void finish(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;

	close(fd);
	close(events_listening);
	if (events_conn >= 0)
		close(events_conn);
	rig_settle();
	while ((e = readdir(d)))
		unlinkat(dirfd(d), e->d_name, 0);
	closedir(d);
	ck_assert_int_eq(rmdir(dir), 0);
	arena_finish(&arena);
}

static size_t count_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* --- calls --- */

/* Returns its stream. */
static uint32_t send_call(const char *method, const ProtobufCMessage *m)
{
	_cleanup_buf_ struct buf payload = BUF_INIT, message = BUF_INIT, out = BUF_INIT;
	Pb__Request request = PB__REQUEST__INIT;

	message_write(m, &payload);
	request.service = stream % 4 == 1 ? "containerd.task.v2.Task" : "containerd.task.v3.Task";
	request.method = (char *)method;
	request.payload.data = (uint8_t *)payload.data;
	request.payload.len = payload.len;
	message_write(&request.base, &message);
	rig_put_frame(&out, stream, 1, 0, message.data, message.len);
	ck_assert_int_eq(send(fd, out.data, out.len, MSG_NOSIGNAL), out.len);
	stream += 2;
	return stream - 2;
}

/* The next answer, whosever it is: its code, and its payload as `type` where there is one. */
static int read_answer(uint32_t *ret_stream, const ProtobufCMessageDescriptor *type, void *ret)
{
	const Pb__Response *r;
	struct rig_frame f;

	LOOP_UNTIL(rig_readable(fd));
	ck_assert(rig_read_frame(fd, &f));
	r = message_read(&pb__response__descriptor, f.message.data, f.message.len, &arena);
	ck_assert_ptr_nonnull(r);
	buf_finish(&f.message);
	*ret_stream = f.stream;
	if (r->status)
		return r->status->code;
	if (type)
		*(void **)ret = message_read(type, r->payload.data, r->payload.len, &arena);
	return 0;
}

static int call(const char *method, const ProtobufCMessage *m,
	const ProtobufCMessageDescriptor *type, void *ret)
{
	uint32_t sent = send_call(method, m), got;
	int code = read_answer(&got, type, ret);

	ck_assert_uint_eq(got, sent);
	return code;
}

static int create_from(const char *id, const char *in, bool terminal, const char *checkpoint)
{
	_cleanup_buf_ struct buf scratch = BUF_INIT;
	Pb__CreateRequest r = PB__CREATE_REQUEST__INIT;
	Pb__RuncOptions o = PB__RUNC_OPTIONS__INIT;
	Pb__Any options;

	o.binary_name = script_path;
	o.root = dir;
	message_write_any(&options, "containerd.runc.v1.Options", &o.base, &scratch);
	r.options = &options;
	r.id = (char *)id;
	r.bundle = dir;
	r.stdin = (char *)in;
	r.terminal = terminal;
	r.checkpoint = (char *)checkpoint;
	return call("Create", &r.base, NULL, NULL);
}

static int create(const char *id)
{
	return create_from(id, "", false, "");
}

static int about(const char *method, const char *id, const char *exec_id,
	const ProtobufCMessageDescriptor *type, void *ret)
{
	Pb__ProcessRequest r = PB__PROCESS_REQUEST__INIT;

	r.id = (char *)id;
	r.exec_id = (char *)exec_id;
	return call(method, &r.base, type, ret);
}

static int kill_it(const char *id, unsigned sig)
{
	Pb__KillRequest r = PB__KILL_REQUEST__INIT;

	r.id = (char *)id;
	r.signal = sig;
	return call("Kill", &r.base, NULL, NULL);
}

static int add_exec(const char *id, const char *exec_id, bool terminal)
{
	Pb__ExecRequest r = PB__EXEC_REQUEST__INIT;
	Pb__Any spec = PB__ANY__INIT;

	spec.value.data = (uint8_t *)"{}";
	spec.value.len = 2;
	r.id = (char *)id;
	r.exec_id = (char *)exec_id;
	r.terminal = terminal;
	r.spec = &spec;
	return call("Exec", &r.base, NULL, NULL);
}

static int status_of(const char *id, const char *exec_id)
{
	Pb__StateResponse *s = NULL;

	ck_assert_int_eq(about("State", id, exec_id, &pb__state_response__descriptor, &s), 0);
	ck_assert_ptr_nonnull(s);
	return (int)s->status;
}

/* --- events --- */

static void expect_event(const char *topic)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	const Pb__ForwardRequest *forward;
	const Pb__Request *r;
	struct rig_frame f;

	if (events_conn < 0) {
		LOOP_UNTIL(rig_readable(events_listening));
		events_conn = accept4(events_listening, NULL, NULL, SOCK_CLOEXEC);
		rig_deadline(events_conn);
	}
	LOOP_UNTIL(rig_readable(events_conn));
	ck_assert(rig_read_frame(events_conn, &f));
	r = message_read(&pb__request__descriptor, f.message.data, f.message.len, &arena);
	ck_assert_ptr_nonnull(r);
	buf_finish(&f.message);
	forward = message_read(
		&pb__forward_request__descriptor, r->payload.data, r->payload.len, &arena);
	ck_assert_ptr_nonnull(forward);
	ck_assert_str_eq(forward->envelope->topic, topic);
	rig_put_frame(&out, f.stream, 2, 0, "", 0);
	ck_assert_int_eq(send(events_conn, out.data, out.len, MSG_NOSIGNAL), out.len);
}

/* --- cases --- */

START_TEST(what_is_not_there_is_not_found)
{
	static const char *const methods[] = {"State", "Start", "Delete", "Wait", "Pids", "Pause",
		"Resume", "Stats", "ResizePty", "CloseIO", "Checkpoint", "Update"};
	Pb__ConnectResponse *c = NULL;

	start();
	/* "id" is the first member of all of them. */
	for (size_t i = 0; i < ARRAY_SIZE(methods); i++)
		ck_assert_int_eq(about(methods[i], "none", "", NULL, NULL), TTRPC_NOT_FOUND);
	ck_assert_int_eq(kill_it("none", 9), TTRPC_NOT_FOUND);
	ck_assert_int_eq(add_exec("none", "e", false), TTRPC_NOT_FOUND);
	ck_assert_int_eq(about("Connect", "none", "", &pb__connect_response__descriptor, &c), 0);
	ck_assert_int_eq(c->shim_pid, getpid());
	finish();
}
END_TEST

START_TEST(a_create_that_fails_leaves_nothing)
{
	size_t before;

	start();
	ck_assert_int_eq(create("a/b"), TTRPC_INVALID_ARGUMENT);
	ck_assert_int_eq(create(".."), TTRPC_INVALID_ARGUMENT);
	ck_assert_int_eq(create(""), TTRPC_INVALID_ARGUMENT);
	before = count_fds();
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(create_from("c", "/nowhere/fifo", false, ""), TTRPC_NOT_FOUND);
	put("fail-create", "", 0600);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(create("c"), TTRPC_UNKNOWN);
	/* Made, but its terminal does not come. */
	unlink(in_dir("fail-create"));
	ck_assert_int_eq(create_from("c", "", true, ""), TTRPC_UNKNOWN);
	unlink(in_dir("config.json"));
	ck_assert_int_eq(create("c"), TTRPC_UNKNOWN);
	ck_assert_uint_eq(container_count(), 0);
	rig_settle();
	ck_assert_uint_eq(count_fds(), before);
	/* The runtime of the test removes nothing. */
	kill(pid_of("create"), SIGKILL);
	finish();
}
END_TEST

START_TEST(a_container_lives_and_its_events_are_in_order)
{
	Pb__WaitResponse *waited = NULL;
	Pb__DeleteResponse *deleted = NULL;
	Pb__ProcessRequest r = PB__PROCESS_REQUEST__INIT;
	uint32_t wait, kill, got;
	Pb__KillRequest k = PB__KILL_REQUEST__INIT;

	start();
	ck_assert_int_eq(create("c"), 0);
	ck_assert_int_eq(create("c"), TTRPC_ALREADY_EXISTS);
	ck_assert_int_eq(status_of("c", ""), PB__TASK_STATUS__TASK_CREATED);
	ck_assert_int_eq(about("Start", "c", "", NULL, NULL), 0);
	ck_assert_int_eq(about("Start", "c", "", NULL, NULL), TTRPC_FAILED_PRECONDITION);
	ck_assert_int_eq(status_of("c", ""), PB__TASK_STATUS__TASK_RUNNING);
	ck_assert_int_eq(about("Delete", "c", "", NULL, NULL), TTRPC_FAILED_PRECONDITION);
	r.id = k.id = "c";
	wait = send_call("Wait", &r.base);
	ck_assert_int_eq(kill_it("c", 100000), TTRPC_INVALID_ARGUMENT);
	k.signal = 9;
	kill = send_call("Kill", &k.base);
	/* In whichever order. */
	for (int i = 0; i < 2; i++) {
		void *payload = NULL;

		ck_assert_int_eq(read_answer(&got, &pb__wait_response__descriptor, &payload), 0);
		ck_assert(got == wait || got == kill);
		if (got == wait)
			waited = payload;
	}
	ck_assert_ptr_nonnull(waited);
	ck_assert_uint_eq(waited->exit_status, 137);
	ck_assert_int_eq(status_of("c", ""), PB__TASK_STATUS__TASK_STOPPED);
	ck_assert_int_eq(kill_it("c", 9), TTRPC_NOT_FOUND);
	ck_assert_int_eq(about("Delete", "c", "", &pb__delete_response__descriptor, &deleted), 0);
	ck_assert_uint_eq(deleted->exit_status, 137);
	ck_assert_int_eq(deleted->pid, pid_of("create"));
	ck_assert_int_eq(about("Delete", "c", "", NULL, NULL), TTRPC_NOT_FOUND);
	expect_event("/tasks/create");
	expect_event("/tasks/start");
	expect_event("/tasks/exit");
	expect_event("/tasks/delete");
	finish();
}
END_TEST

START_TEST(who_waits_hears_of_a_delete_before_the_start)
{
	Pb__WaitResponse *waited = NULL;
	Pb__ProcessRequest r = PB__PROCESS_REQUEST__INIT;
	uint32_t got, wait;

	start();
	ck_assert_int_eq(create("c"), 0);
	r.id = "c";
	wait = send_call("Wait", &r.base);
	(void)send_call("Delete", &r.base);
	ck_assert_int_eq(read_answer(&got, &pb__wait_response__descriptor, &waited), 0);
	ck_assert_uint_eq(got, wait);
	ck_assert_uint_eq(waited->exit_status, 137);
	ck_assert_int_eq(read_answer(&got, NULL, NULL), 0);
	expect_event("/tasks/create");
	expect_event("/tasks/exit");
	expect_event("/tasks/delete");
	finish();
}
END_TEST

START_TEST(an_exec_without_its_terminal_is_killed)
{
	start();
	ck_assert_int_eq(create("c"), 0);
	ck_assert_int_eq(add_exec("c", "early", false), 0);
	ck_assert_int_eq(about("Start", "c", "", NULL, NULL), 0);
	ck_assert_int_eq(add_exec("c", "e", true), 0);
	ck_assert_int_eq(add_exec("c", "e", true), TTRPC_ALREADY_EXISTS);
	ck_assert_int_eq(add_exec("c", "a/b", true), TTRPC_INVALID_ARGUMENT);
	ck_assert_int_eq(about("Start", "c", "e", NULL, NULL), TTRPC_UNKNOWN);
	LOOP_UNTIL(kill(pid_of("exec"), 0) < 0);
	ck_assert_int_eq(status_of("c", "e"), PB__TASK_STATUS__TASK_STOPPED);
	ck_assert_int_eq(about("Start", "c", "e", NULL, NULL), TTRPC_FAILED_PRECONDITION);
	ck_assert_int_eq(about("Delete", "c", "e", NULL, NULL), 0);
	ck_assert_int_eq(about("State", "c", "e", NULL, NULL), TTRPC_NOT_FOUND);
	ck_assert_int_eq(kill_it("c", 9), 0);
	LOOP_UNTIL(status_of("c", "") == PB__TASK_STATUS__TASK_STOPPED);
	/* One that was never started goes with the container. */
	ck_assert_int_eq(about("Delete", "c", "", NULL, NULL), 0);
	finish();
}
END_TEST

START_TEST(a_start_from_a_checkpoint_may_be_repeated)
{
	size_t before;

	start();
	ck_assert_int_eq(mkfifo(in_dir("in"), 0600), 0);
	ck_assert_int_eq(create_from("c", in_dir("in"), true, "/checkpoint"), 0);
	before = count_fds();
	put("fail-restore", "", 0600);
	for (int i = 0; i < 3; i++)
		ck_assert_int_eq(about("Start", "c", "", NULL, NULL), TTRPC_UNKNOWN);
	unlink(in_dir("fail-restore"));
	/* Made, but its terminal does not come. */
	ck_assert_int_eq(about("Start", "c", "", NULL, NULL), TTRPC_UNKNOWN);
	kill(pid_of("restore"), SIGKILL);
	rig_settle();
	ck_assert_uint_eq(count_fds(), before);
	ck_assert_int_eq(about("Delete", "c", "", NULL, NULL), 0);
	finish();
}
END_TEST

static uint32_t send_shutdown(bool now)
{
	Pb__ShutdownRequest r = PB__SHUTDOWN_REQUEST__INIT;

	r.now = now;
	return send_call("Shutdown", &r.base);
}

static void publish(void)
{
	Pb__TaskEvent event = PB__TASK_EVENT__INIT;

	events_publish("/tasks/oom", "containerd.events.TaskOOM", &event.base);
}

START_TEST(a_shutdown_waits_for_the_last_event)
{
	uint32_t got;

	start();
	publish();
	/* Twice, as two tasks of a pod may ask for it. */
	(void)send_shutdown(false);
	(void)send_shutdown(false);
	rig_settle();
	ck_assert(!rig_readable(fd));
	ck_assert_int_eq(n_quit, 0);
	expect_event("/tasks/oom");
	ck_assert_int_eq(read_answer(&got, NULL, NULL), 0);
	ck_assert_int_eq(n_quit, 1);
	ck_assert_int_eq(read_answer(&got, NULL, NULL), 0);
	finish();
}
END_TEST

START_TEST(a_shutdown_does_not_take_a_container_along)
{
	uint32_t got;

	start();
	publish();
	(void)send_shutdown(false);
	rig_settle();
	ck_assert_ptr_nonnull(container_create("meanwhile", dir, &err));
	expect_event("/tasks/oom");
	ck_assert_int_eq(read_answer(&got, NULL, NULL), 0);
	ck_assert_int_eq(n_quit, 0);
	(void)send_shutdown(false);
	ck_assert_int_eq(read_answer(&got, NULL, NULL), 0);
	ck_assert_int_eq(n_quit, 0);
	(void)send_shutdown(true);
	ck_assert_int_eq(read_answer(&got, NULL, NULL), 0);
	ck_assert_int_eq(n_quit, 1);
	container_destroy(container_find("meanwhile"));
	finish();
}
END_TEST

UNIT_MAIN("shim task", what_is_not_there_is_not_found, a_create_that_fails_leaves_nothing,
	a_container_lives_and_its_events_are_in_order, who_waits_hears_of_a_delete_before_the_start,
	an_exec_without_its_terminal_is_killed, a_start_from_a_checkpoint_may_be_repeated,
	a_shutdown_waits_for_the_last_event, a_shutdown_does_not_take_a_container_along)
