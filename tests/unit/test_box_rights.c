/* SPDX-License-Identifier: Apache-2.0 */
/* What the process of a container is allowed: ids, capabilities, filters, limits. */
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "tests/unit/box_harness.h"

#define STATUS \
	"grep -E '^(Uid|Gid|Groups|Cap|NoNewPrivs|Seccomp:)' /proc/self/status | tr '\\t' ' '"

static struct box_test t;

/* The JSON of a process with another user. */
static const char *with_user(const char *json, const char *user)
{
	static char out[16384];
	const char *at = strstr(json, "{\"uid\":0,\"gid\":0}");

	snprintf(out, sizeof(out), "%.*s%s%s", (int)(at - json), json, user, at + 17);
	return out;
}

START_TEST(a_user_without_capabilities_has_none)
{
	box_test_begin(&t);
	BOX_RUN(&t, with_user(box_json(STATUS, "\"noNewPrivileges\":true", "", "", ""),
			    "{\"uid\":1000,\"gid\":1001,\"additionalGids\":[5,6]}"));
	ck_assert_str_eq(t.out, "Uid: 1000 1000 1000 1000\n"
				"Gid: 1001 1001 1001 1001\n"
				"Groups: 5 6 \n"
				"CapInh: 0000000000000000\n"
				"CapPrm: 0000000000000000\n"
				"CapEff: 0000000000000000\n"
				"CapBnd: 0000000000000000\n"
				"CapAmb: 0000000000000000\n"
				"NoNewPrivs: 1\n"
				"Seccomp: 0\n");
	ck_assert_int_eq(t.warnings.len, 0);
	box_test_end(&t);
}
END_TEST

START_TEST(the_five_sets_are_what_was_asked_for)
{
	/* CHOWN 0, KILL 5, NET_BIND_SERVICE 10; only what is ambient survives a user's execve. */
	static const char caps[] = "\"capabilities\":{\"bounding\":[\"CAP_CHOWN\",\"CAP_KILL\","
				   "\"CAP_NET_BIND_SERVICE\"],"
				   "\"effective\":[\"CAP_KILL\"],\"permitted\":[\"CAP_KILL\",\"CAP_"
				   "NET_BIND_SERVICE\"],"
				   "\"inheritable\":[\"CAP_NET_BIND_SERVICE\"],\"ambient\":[\"CAP_"
				   "NET_BIND_SERVICE\"]}";

	box_test_begin(&t);
	BOX_RUN(&t,
		with_user(box_json("grep ^Cap /proc/self/status | tr '\\t' ' '", caps, "", "", ""),
			"{\"uid\":1000,\"gid\":1000}"));
	ck_assert_str_eq(t.out, "CapInh: 0000000000000400\n"
				"CapPrm: 0000000000000400\n"
				"CapEff: 0000000000000400\n"
				"CapBnd: 0000000000000421\n"
				"CapAmb: 0000000000000400\n");
	box_test_end(&t);
	box_test_begin(&t);
	BOX_RUN(&t, box_json("grep ^Cap /proc/self/status | tr '\\t' ' '", caps, "", "", ""));
	ck_assert_str_eq(t.out, "CapInh: 0000000000000400\n"
				"CapPrm: 0000000000000421\n"
				"CapEff: 0000000000000421\n"
				"CapBnd: 0000000000000421\n"
				"CapAmb: 0000000000000400\n");
	box_test_end(&t);
}
END_TEST

START_TEST(at_the_gate_all_privileges_are_gone)
{
	char path[64], text[4096];
	ssize_t n;
	int fd;

	box_test_begin(&t);
	ck_assert_int_eq(
		box_create(&t, with_user(box_json("true", "\"noNewPrivileges\":true", "", "", ""),
				       "{\"uid\":1000,\"gid\":1000}")),
		0);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)t.child.pid);
	fd = open(path, O_RDONLY);
	n = read(fd, text, sizeof(text) - 1);
	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	ck_assert_ptr_nonnull(strstr(text, "Uid:\t1000\t1000\t1000\t1000"));
	ck_assert_ptr_nonnull(strstr(text, "CapPrm:\t0000000000000000"));
	ck_assert_ptr_nonnull(strstr(text, "CapBnd:\t0000000000000000"));
	close(fd);
	box_test_end(&t);
}
END_TEST

#define SECCOMP                                                                       \
	"\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":" \
	"[\"mkdir\",\"mkdirat\",\"accept4\",\"sendmsg\",\"recvmsg\",\"close_range\"," \
	"\"capset\",\"setuid\"],\"action\":\"SCMP_ACT_ERRNO\",\"errnoRet\":95}]}"

START_TEST(seccomp_holds_with_and_without_no_new_privs)
{
	static const char *const process[] = {"\"noNewPrivileges\":true",
		"\"noNewPrivileges\":false,\"capabilities\":{\"bounding\":[\"CAP_CHOWN\"]}"};
	static const char *const want[] = {
		"mkdir: can't create directory '/tmp/x': Operation not supported\n2\n"
		"CapEff:\t0000000000000000\n",
		"mkdir: can't create directory '/tmp/x': Operation not supported\n2\n"
		"CapEff:\t0000000000000000\n"};

	for (size_t i = 0; i < 2; i++) {
		box_test_begin(&t);
		BOX_RUN(&t,
			with_user(
				box_json("mkdir /tmp/x; grep ^Seccomp: /proc/self/status | cut -f2;"
					 "grep CapEff /proc/self/status",
					process[i], "", SECCOMP, ""),
				"{\"uid\":1000,\"gid\":1000}"));
		ck_assert_str_eq(t.out, want[i]);
		box_test_end(&t);
	}
}
END_TEST

START_TEST(a_root_whose_filter_comes_before_execve_has_only_its_capabilities)
{
	box_test_begin(&t);
	BOX_RUN(&t, box_json("grep -E '^Cap(Prm|Eff|Bnd)' /proc/self/status | cut -f2",
			    "\"capabilities\":{\"bounding\":[\"CAP_CHOWN\"],\"permitted\":"
			    "[\"CAP_CHOWN\"],\"effective\":[\"CAP_CHOWN\"]}",
			    "", SECCOMP, ""));
	ck_assert_str_eq(t.out, "0000000000000001\n0000000000000001\n0000000000000001\n");
	box_test_end(&t);
}
END_TEST

START_TEST(limits_are_set_and_refusals_name_them)
{
	struct rlimit now;

	box_test_begin(&t);
	BOX_RUN(&t, box_json("ulimit -n; ulimit -Hn; ulimit -c",
			    "\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"soft\":100,\"hard\":200},"
			    "{\"type\":\"RLIMIT_CORE\",\"soft\":0,\"hard\":0}]",
			    "", "", ""));
	ck_assert_str_eq(t.out, "100\n200\n0\n");
	box_test_end(&t);

	/* Without CAP_SYS_RESOURCE nobody gets more than the caller has. */
	if (prctl(PR_CAPBSET_READ, 24, 0, 0, 0) == 1)
		return;
	getrlimit(RLIMIT_NOFILE, &now);
	if (now.rlim_max >= 1048576)
		return;
	box_test_begin(&t);
	ck_assert_int_eq(box_create(&t, box_json("true",
						"\"rlimits\":[{\"type\":\"RLIMIT_CORE\",\"soft\":0,"
						"\"hard\":0},{\"type\":\"RLIMIT_NOFILE\",\"soft\":"
						"1048576,\"hard\":1048576}]",
						"", "", "")),
		-EPERM);
	ck_assert_str_eq(
		t.err.msg, "process.rlimits[1]: hard limit 1048576: Operation not permitted");
	box_test_end(&t);
}
END_TEST

START_TEST(oom_score_umask_and_scheduling_are_as_configured)
{
	box_test_begin(&t);
	BOX_RUN(&t,
		with_user(
			box_json("cat /proc/self/oom_score_adj; umask; cat /proc/self/personality;"
				 "cut -d' ' -f19 /proc/self/stat",
				"\"oomScoreAdj\":321,"
				"\"scheduler\":{\"policy\":\"SCHED_BATCH\",\"nice\":5},"
				"\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":4}",
				"", "\"personality\":{\"domain\":\"LINUX32\"}", ""),
			"{\"uid\":0,\"gid\":0,\"umask\":63}"));
	ck_assert_str_eq(t.out, "321\n0077\n00000008\n5\n");
	box_test_end(&t);
}
END_TEST

START_TEST(a_silent_config_leaves_umask_as_the_caller_has_it)
{
	box_test_begin(&t);
	umask(0027);
	BOX_RUN(&t, box_json("umask; touch /tmp/x; stat -c %a /dev/null /dev/pts", "", "", "", ""));
	ck_assert_str_eq(t.out, "0027\n666\n755\n");
	box_test_end(&t);
}
END_TEST

START_TEST(lowering_the_oom_score_is_refused_in_words)
{
	if (prctl(PR_CAPBSET_READ, 24, 0, 0, 0) == 1)
		return;
	box_test_begin(&t);
	ck_assert_int_eq(
		box_create(&t, box_json("true", "\"oomScoreAdj\":-500", "", "", "")), -EACCES);
	ck_assert_str_eq(t.err.msg,
		"process.oomScoreAdj: write '-500' to 'oom_score_adj': Permission denied");
	box_test_end(&t);
}
END_TEST

START_TEST(signals_are_at_their_defaults)
{
	sigset_t all;

	box_test_begin(&t);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	BOX_RUN(&t,
		box_json("grep -E '^Sig(Blk|Ign)' /proc/self/status | cut -f2", "", "", "", ""));
	ck_assert_str_eq(t.out, "0000000000000000\n0000000000000000\n");
	box_test_end(&t);
}
END_TEST

START_TEST(home_comes_from_the_containers_passwd)
{
	box_test_begin(&t);
	box_run_in(t.dir,
		"printf 'root:x:0:0::/root:/bin/sh\\nbad line\\nu:x:1000:1000:a:/home/u:/bin/sh'"
		" >rootfs/etc/passwd");
	BOX_RUN(&t,
		with_user(box_json("echo $HOME", "", "", "", ""), "{\"uid\":1000,\"gid\":1000}"));
	ck_assert_str_eq(t.out, "/home/u\n");
	box_test_end(&t);
	box_test_begin(&t);
	BOX_RUN(&t, with_user(box_json("echo $HOME", "", "", "", ""), "{\"uid\":77,\"gid\":0}"));
	ck_assert_str_eq(t.out, "/\n");
	box_test_end(&t);
	/* A fifo in its place must not stop anything. */
	box_test_begin(&t);
	box_run_in(t.dir, "mkfifo rootfs/etc/passwd");
	BOX_RUN(&t, box_json("echo $HOME", "", "", "", ""));
	ck_assert_str_eq(t.out, "/\n");
	box_test_end(&t);
}
END_TEST

static const char *with_cwd(const char *json, const char *cwd)
{
	static char out[16384];
	const char *at = strstr(json, "\"cwd\":\"/\"");

	snprintf(out, sizeof(out), "%.*s\"cwd\":\"%s\"%s", (int)(at - json), json, cwd, at + 9);
	return out;
}

START_TEST(a_missing_working_directory_is_made)
{
	box_test_begin(&t);
	BOX_RUN(&t, with_cwd(box_json("pwd", "", "", "", ""), "/srv/app/"));
	ck_assert_str_eq(t.out, "/srv/app\n");
	box_test_end(&t);
}
END_TEST

/* CVE-2024-21626: a descriptor of ours that is still open is a way out. */
START_TEST(no_working_directory_leads_outside)
{
	int outside = open("/", O_RDONLY | O_DIRECTORY);

	ck_assert_int_ge(outside, 3);
	for (int fd = 3; fd <= 20; fd++) {
		char cwd[64];

		box_test_begin(&t);
		snprintf(cwd, sizeof(cwd), fd % 2 ? "/proc/self/fd/%d" : "/proc/self/fd/%d/../..",
			fd);
		if (box_run(&t, with_cwd(box_json("ls; pwd", "", "", "", ""), cwd)) == 0)
			ck_assert_ptr_null(strstr(t.out, "usr"));
		else
			ck_assert_ptr_nonnull(strstr(t.err.msg, "process.cwd"));
		box_test_end(&t);
	}
	close(outside);
}
END_TEST

START_TEST(a_session_keyring_of_its_own)
{
	box_test_begin(&t);
	t.options.no_new_keyring = false;
	t.options.id = "keyed";
	BOX_RUN(&t, box_json("cat /proc/keys; true", "", "", "", ""));
	/* A host without keyrings, or without room for one more, is a warning. */
	if (t.warnings.len == 0) {
		const char *line = strstr(t.out, "_ses.keyed");

		ck_assert_ptr_nonnull(line);
		while (line > t.out && line[-1] != '\n')
			line--;
		ck_assert_ptr_nonnull(strstr(line, " 3f1b0000 "));
	}
	box_test_end(&t);
	box_test_begin(&t);
	t.options.id = "unkeyed";
	BOX_RUN(&t, box_json("grep -c _ses.unkeyed /proc/keys; true", "", "", "", ""));
	ck_assert_str_eq(t.out, "0\n");
	box_test_end(&t);
}
END_TEST

START_TEST(a_terminal_is_given_and_controlled)
{
	box_test_begin(&t);
	BOX_RUN(&t,
		box_json("tty; stty size; test -c /dev/console && echo console; exec 3</dev/tty && "
			 "echo controlling; stat -c %t:%T /dev/console",
			"\"terminal\":true,\"consoleSize\":{\"height\":33,\"width\":77}", "", "",
			""));
	ck_assert_str_eq(t.out, "/dev/pts/0\r\n33 77\r\nconsole\r\ncontrolling\r\n88:0\r\n");
	box_test_end(&t);
}
END_TEST

UNIT_MAIN("box_rights", a_user_without_capabilities_has_none, the_five_sets_are_what_was_asked_for,
	at_the_gate_all_privileges_are_gone, seccomp_holds_with_and_without_no_new_privs,
	a_root_whose_filter_comes_before_execve_has_only_its_capabilities,
	limits_are_set_and_refusals_name_them, oom_score_umask_and_scheduling_are_as_configured,
	a_silent_config_leaves_umask_as_the_caller_has_it,
	lowering_the_oom_score_is_refused_in_words, signals_are_at_their_defaults,
	home_comes_from_the_containers_passwd, a_missing_working_directory_is_made,
	no_working_directory_leads_outside, a_session_keyring_of_its_own,
	a_terminal_is_given_and_controlled)
