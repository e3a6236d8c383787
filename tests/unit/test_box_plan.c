/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plans: what is refused, damage, the mount option table, and a plan executed by a
 * process that has only its bytes and descriptors, as a clone of a seed has.
 */
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "oci-spec/mount_options.h"
#include "runtime/box/enter.h"
#include "runtime/box/plan_priv.h"
#include "tests/unit/box_harness.h"

static struct box_test t;

#define FULL_LINUX                                                                \
	"\"sysctl\":{\"kernel.shmmni\":\"99\"},\"maskedPaths\":[\"/proc/keys\"]," \
	"\"readonlyPaths\":[\"/proc/sys\"],\"seccomp\":{\"defaultAction\":"       \
	"\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"mkdir\"],\"action\":"     \
	"\"SCMP_ACT_ERRNO\"}]}"
#define FULL_PROCESS                                                                     \
	"\"noNewPrivileges\":true,\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":64," \
	"\"hard\":128}]"
#define FULL_TOP                                                                           \
	"\"hostname\":\"planned\",\"hooks\":{\"startContainer\":[{\"path\":\"/bin/true\"," \
	"\"args\":[\"true\"],\"env\":[\"A=b\"]}]}"

static void plan_worker(struct box_call *ret_call)
{
	t.options.payload = BOX_PAYLOAD_WORKER;
	if (box_plan_text(&t, box_json("true", FULL_PROCESS, "", FULL_LINUX, FULL_TOP)) < 0)
		ck_abort_msg("%s", t.err.msg);
	box_plan_call(t.plan, ret_call);
}

START_TEST(a_plan_for_a_clone_is_sealed_and_sound)
{
	struct box_call call;
	const void *plan;

	box_test_begin(&t);
	plan_worker(&call);
	ck_assert_ptr_null(box_plan_needs_own_child(t.plan));
	ck_assert_int_eq(fcntl(call.plan_fd, F_GET_SEALS),
		F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE);
	plan = mmap(NULL, call.plan_len, PROT_READ, MAP_PRIVATE, call.plan_fd, 0);
	ck_assert(plan != MAP_FAILED);
	ck_assert_int_eq(plan_check(plan, call.plan_len, call.n_fds, &t.err), 0);
	ck_assert_int_eq(plan_check(plan, call.plan_len, call.n_fds - 1, &t.err), -EBADMSG);
	ck_assert_int_eq(plan_check(plan, call.plan_len - 1, call.n_fds, &t.err), -EBADMSG);
	ck_assert_int_eq(plan_check(plan, 16, call.n_fds, &t.err), -EBADMSG);
	box_test_end(&t);
}
END_TEST

/* Sets one 32-bit word of the head to values that lead out of the plan. */
static void damage(size_t offset, const char *what)
{
	static const uint32_t values[] = {0xffffffffu, 0x7fffffffu, 0x80000000u};
	struct box_call call;
	char *copy;
	int refused = 0;

	box_plan_call(t.plan, &call);
	copy = malloc(call.plan_len);
	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		ck_assert_int_eq(
			pread(call.plan_fd, copy, call.plan_len, 0), (ssize_t)call.plan_len);
		memcpy(copy + offset, &values[i], sizeof(values[i]));
		refused += plan_check(copy, call.plan_len, call.n_fds, &t.err) == -EBADMSG;
	}
	free(copy);
	/* -1 is a good value of an optional descriptor. */
	ck_assert_msg(refused >= 2, "damaged %s is accepted", what);
}

#define DAMAGE(member) damage(offsetof(struct plan_head, member), #member)

START_TEST(damage_of_every_reference_is_found)
{
	struct box_call call;

	box_test_begin(&t);
	plan_worker(&call);
	DAMAGE(magic);
	DAMAGE(version);
	DAMAGE(len);
	DAMAGE(n_fds);
	DAMAGE(flags);
	DAMAGE(unshare);
	DAMAGE(id);
	DAMAGE(hostname);
	DAMAGE(ns.off);
	DAMAGE(ns.n);
	DAMAGE(uid_map.n);
	DAMAGE(gid_map.n);
	DAMAGE(attach.n);
	DAMAGE(attach_v2);
	DAMAGE(stay_v2);
	DAMAGE(root_fd);
	DAMAGE(root_path);
	DAMAGE(root_attach);
	DAMAGE(null_fd);
	DAMAGE(mounts.off);
	DAMAGE(mounts.n);
	DAMAGE(devices.off);
	DAMAGE(devices.n);
	DAMAGE(masked.off);
	DAMAGE(masked.n);
	DAMAGE(readonly.off);
	DAMAGE(readonly.n);
	DAMAGE(sysctl.off);
	DAMAGE(sysctl.n);
	DAMAGE(create_hooks.n);
	DAMAGE(start_hooks.off);
	DAMAGE(start_hooks.n);
	DAMAGE(cwd);
	DAMAGE(cwd_made);
	DAMAGE(argv.off);
	DAMAGE(argv.n);
	DAMAGE(envp.off);
	DAMAGE(envp.n);
	DAMAGE(stdio[0]);
	DAMAGE(preserved.n);
	DAMAGE(gate_fd);
	DAMAGE(groups.n);
	DAMAGE(rlimits.off);
	DAMAGE(rlimits.n);
	DAMAGE(seccomp.off);
	DAMAGE(seccomp.n);
	DAMAGE(affinity.n);
	box_test_end(&t);
}
END_TEST

/* Inside of arrays too: every aligned word becomes nonsense, and nothing is read out of bounds. */
START_TEST(no_damage_leads_out_of_the_plan)
{
	struct box_call call;
	char *copy;
	long page = sysconf(_SC_PAGESIZE);
	size_t room;

	box_test_begin(&t);
	plan_worker(&call);
	room = (call.plan_len + (size_t)page - 1) & -(size_t)page;
	/* Against the end of a page with nothing behind it; only the length stays aligned. */
	copy = mmap(NULL, room + (size_t)page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		-1, 0);
	ck_assert_int_eq(mprotect(copy + room, (size_t)page, PROT_NONE), 0);
	for (size_t at = 0; at + 4 <= call.plan_len; at += 4) {
		static const uint32_t values[] = {0xffffffffu, 0x00ffffffu, 0x1000u};

		for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
			char *start = copy + ((room - call.plan_len) & ~(size_t)7);

			ck_assert_int_eq(pread(call.plan_fd, start, call.plan_len, 0),
				(ssize_t)call.plan_len);
			memcpy(start + at, &values[i], 4);
			(void)plan_check(start, call.plan_len, call.n_fds, &t.err);
		}
	}
	munmap(copy, room + (size_t)page);
	box_test_end(&t);
}
END_TEST

/* A process that was something else before: other umask, limits, descriptors, session. */
static _Noreturn void foreign_child(const struct box_call *call, int conn)
{
	struct box_entry entry;
	struct err err = ERR_INIT;
	static int fds[PLAN_FDS_MAX];
	const void *plan;
	char line[128];
	int n;

	umask(0777);
	plan = mmap(NULL, call->plan_len, PROT_READ, MAP_PRIVATE, call->plan_fd, 0);
	memcpy(fds, call->fds, call->n_fds * sizeof(*fds));
	if (box_enter(plan, call->plan_len, fds, call->n_fds, conn,
		    &(struct box_birth)BOX_BIRTH_INIT, &entry, &err) < 0 ||
		box_ready(&entry, &err) < 0 || box_wait_start(&entry, &err) < 0) {
		box_failed(&entry, &err);
		_exit(1);
	}
	n = snprintf(line, sizeof(line), "pid %d init %d dumpable %d umask %o args %s\n",
		(int)getpid(), entry.is_init, prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), umask(0),
		entry.argv[0]);
	(void)!write(1, line, (size_t)n);
	box_started(&entry);
	for (int fd = 0; fd < 64; fd++)
		if (fcntl(fd, F_GETFD) >= 0) {
			n = snprintf(line, sizeof(line), "fd %d\n", fd);
			(void)!write(1, line, (size_t)n);
		}
	_exit(access("/bin/busybox", F_OK) == 0 && access("/usr", F_OK) < 0 &&
				mkdir("/tmp/x", 0755) < 0
			? 5
			: 6);
}

static void spawn_foreign(const struct box_call *call)
{
	struct clone_args args = {
		.flags = call->clone_flags | CLONE_PIDFD,
		.pidfd = (uint64_t)(uintptr_t)&t.child.pidfd,
		.exit_signal = SIGCHLD,
	};
	int conn[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, conn), 0);
	t.child.pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
	if (t.child.pid == 0) {
		close(conn[0]);
		foreign_child(call, conn[1]);
	}
	ck_assert_int_gt(t.child.pid, 0);
	close(conn[1]);
	t.child.conn = conn[0];
	t.duties.arg = &t;
	t.duties.state = box_state;
}

START_TEST(a_process_from_elsewhere_ends_where_a_child_would)
{
	struct box_call call;

	box_test_begin(&t);
	umask(0022);
	plan_worker(&call);
	spawn_foreign(&call);
	if (box_bring_up(&t.child, t.plan, &t.duties, &t.err) < 0 ||
		gate_start(t.dir_fd, &t.err) < 0)
		ck_abort_msg("%s", t.err.msg);
	box_finish(&t);
	ck_assert_str_eq(t.out, "pid 1 init 1 dumpable 1 umask 22 args sh\nfd 0\nfd 1\nfd 2\n");
	ck_assert_int_eq(WEXITSTATUS(t.status), 5);
	box_test_end(&t);
}
END_TEST

/* It was born in another network namespace; the config names none, so it is the caller's. */
START_TEST(omitted_namespaces_are_the_callers)
{
	struct box_call call;
	char path[64], ours[64] = "", theirs[64] = "";

	box_test_begin(&t);
	plan_worker(&call);
	call.clone_flags |= CLONE_NEWNET;
	spawn_foreign(&call);
	if (box_bring_up(&t.child, t.plan, &t.duties, &t.err) < 0)
		ck_abort_msg("%s", t.err.msg);
	ck_assert_int_gt(readlink("/proc/self/ns/net", ours, sizeof(ours) - 1), 0);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)t.child.pid);
	ck_assert_int_gt(readlink(path, theirs, sizeof(theirs) - 1), 0);
	ck_assert_str_eq(ours, theirs);
	box_test_end(&t);
}
END_TEST

START_TEST(what_a_clone_cannot_do_is_known)
{
	static const char hook[] = "\"hooks\":{\"createContainer\":[{\"path\":\"/bin/true\"}]}";

	box_test_begin(&t);
	t.options.payload = BOX_PAYLOAD_WORKER;
	ck_assert_int_eq(box_plan_text(&t, box_json("true", "", "", "", hook)), 0);
	ck_assert_ptr_nonnull(box_plan_needs_own_child(t.plan));
	box_test_end(&t);
}
END_TEST

/* A program that gets its plan by descriptors it inherited would be a worker; any will do here. */
START_TEST(a_program_is_executed_in_the_namespaces)
{
	static const char *const argv[] = {"sh", "-c",
		"test $$ = 1 && test -e /proc/self/fd/3 && ! test -e /proc/self/fd/4 && exit 9",
		NULL};
	static const char *const envp[] = {"PATH=/bin:/usr/bin", NULL};
	int exe = open(BUSYBOX, O_RDONLY | O_CLOEXEC), status;

	box_test_begin(&t);
	t.options.payload = BOX_PAYLOAD_WORKER;
	ck_assert_int_eq(box_plan_text(&t, box_json("true", "", "", "", "")), 0);
	if (box_spawn_program(t.plan, exe, -1, argv, envp, &t.child, &t.err) < 0)
		ck_abort_msg("%s", t.err.msg);
	ck_assert_int_eq(waitpid(t.child.pid, &status, 0), t.child.pid);
	ck_assert_int_eq(WEXITSTATUS(status), 9);
	close(exe);
	box_test_end(&t);
}
END_TEST

static void parse(struct mount_options *o, const char *const *words)
{
	ck_assert_int_eq(mount_options_parse(words, o, &t.err), 0);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

START_TEST(every_word_of_the_table_is_known_and_sorted)
{
	const char *const *names = mount_options_names();
	struct mount_options o;

	for (size_t i = 0; names[i]; i++) {
		const char *const one[] = {names[i], NULL};

		if (i > 0)
			ck_assert_str_lt(names[i - 1], names[i]);
		if (mount_options_parse(one, &o, &t.err) == 0)
			ck_assert_uint_eq(o.n_foreign, 0);
	}
	parse(&o, WORDS("size=5", "mode=1"));
	ck_assert_uint_eq(o.n_foreign, 2);
}
END_TEST

START_TEST(later_words_win)
{
	struct mount_options o;

	parse(&o, WORDS("ro", "nosuid", "rw", "suid", "nodev"));
	ck_assert_uint_eq(o.set, MOUNT_ATTR_NODEV);
	ck_assert_uint_eq(o.clr, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID);
	parse(&o, WORDS("noatime", "strictatime"));
	ck_assert_uint_eq(o.set, MOUNT_ATTR_STRICTATIME);
	ck_assert_uint_eq(o.clr, MOUNT_ATTR__ATIME);
	parse(&o, WORDS("rbind", "rro", "rnosuid", "rslave", "shared"));
	ck_assert(o.bind && o.recursive);
	ck_assert_uint_eq(o.rec_set, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID);
	ck_assert_uint_eq(o.n_propagation, 2);
	ck_assert_uint_eq(o.propagation[0], MS_SLAVE | MS_REC);
	ck_assert_uint_eq(o.propagation[1], MS_SHARED);
	parse(&o, WORDS("sync", "lazytime", "defaults", "silent"));
	ck_assert_uint_eq(o.n_data, 2);
}
END_TEST

START_TEST(words_without_meaning_are_refused)
{
	struct mount_options o;

	ck_assert_int_eq(mount_options_parse(WORDS("remount"), &o, &t.err), -EINVAL);
	ck_assert_int_eq(mount_options_parse(WORDS("bind", "tmpcopyup"), &o, &t.err), -EINVAL);
	ck_assert_int_eq(mount_options_parse(WORDS("idmap"), &o, &t.err), -EINVAL);
	ck_assert_int_eq(mount_options_parse(WORDS("shared", "shared", "shared", "shared", "shared",
						     "shared", "shared", "shared", "slave"),
				 &o, &t.err),
		-E2BIG);
}
END_TEST

UNIT_MAIN("box_plan", a_plan_for_a_clone_is_sealed_and_sound, damage_of_every_reference_is_found,
	no_damage_leads_out_of_the_plan, a_process_from_elsewhere_ends_where_a_child_would,
	omitted_namespaces_are_the_callers, what_a_clone_cannot_do_is_known,
	a_program_is_executed_in_the_namespaces, every_word_of_the_table_is_known_and_sorted,
	later_words_win, words_without_meaning_are_refused)
