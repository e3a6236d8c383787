/* SPDX-License-Identifier: Apache-2.0 */
/* Rootfs, mounts, devices, masks, sysctls, and rootfses that are hostile. */
#include <sched.h>
#include <sys/sysmacros.h>

#include "runtime/box/cgroup.h"
#include "tests/unit/box_harness.h"

static struct box_test t;

/* The namespaces of box_json() with one more, or with another in the place of one. */
static const char *with_ns(const char *json, const char *add)
{
	static char out[20000];
	const char *at = strstr(json, "{\"type\":\"uts\"}");

	snprintf(out, sizeof(out), "%.*s%s,%s", (int)(at - json), json, add, at);
	return out;
}

static const char *without(const char *json, const char *part)
{
	static char out[20000];
	const char *at = strstr(json, part);

	ck_assert_ptr_nonnull(at);
	snprintf(out, sizeof(out), "%.*s%s", (int)(at - json), json, at + strlen(part));
	return out;
}

#define MOUNT(dest, type, source, options)                                         \
	"{\"destination\":\"" dest "\",\"type\":\"" type "\",\"source\":\"" source \
	"\",\"options\":[" options "]}"

START_TEST(default_devices_and_links_are_there)
{
	box_test_begin(&t);
	BOX_RUN(&t,
		box_json("stat -c '%n %t:%T %a %u:%g' /dev/null /dev/zero /dev/full /dev/random "
			 "/dev/urandom /dev/tty; readlink /dev/fd /dev/stdin /dev/stdout "
			 "/dev/stderr /dev/ptmx; readlink /dev/fd; readlink /dev/ptmx",
			"", "", "", ""));
	ck_assert_ptr_nonnull(strstr(t.out, "/dev/null 1:3 666 0:0\n/dev/zero 1:5 666 0:0\n"
					    "/dev/full 1:7 666 0:0\n/dev/random 1:8 666 0:0\n"
					    "/dev/urandom 1:9 666 0:0\n/dev/tty 5:0 666 0:0\n"));
	ck_assert_ptr_nonnull(strstr(t.out, "/proc/self/fd\npts/ptmx\n"));
	box_test_end(&t);
}
END_TEST

START_TEST(devices_of_the_config_are_made)
{
	box_test_begin(&t);
	BOX_RUN(&t, box_json("stat -c '%F %t:%T %a %u:%g' /dev/net/tun /dev/pipe /dev/null", "", "",
			    "\"devices\":[{\"path\":\"/dev/net/tun\",\"type\":\"c\",\"major\":10,"
			    "\"minor\":200,\"fileMode\":432,\"uid\":5,\"gid\":6},"
			    "{\"path\":\"/dev/pipe\",\"type\":\"p\"},"
			    "{\"path\":\"/dev/null\",\"type\":\"c\",\"major\":1,\"minor\":3,"
			    "\"fileMode\":384}]",
			    ""));
	ck_assert_str_eq(t.out, "character special file a:c8 660 5:6\nfifo 0:0 666 0:0\n"
				"character special file 1:3 600 0:0\n");
	box_test_end(&t);
}
END_TEST

START_TEST(bind_mounts_have_their_flags)
{
	box_test_begin(&t);
	box_run_in(t.dir, "mkdir -p src/below && echo data >src/file");
	BOX_RUN(&t,
		box_json("cat /a/b/c/file; grep ' /a/b/c ' /proc/self/mountinfo | cut -d' ' -f6; "
			 "echo x >/a/b/c/file; cat /single; cut -d' ' -f7-8 /proc/self/mountinfo "
			 "| grep -c shared; true",
			"",
			MOUNT("/a/b/c", "bind", "src",
				"\"rbind\",\"ro\",\"nosuid\",\"nodev\",\"noexec\",\"noatime\"") "," MOUNT("/single",
				"none", "src/file", "\"bind\""),
			"", ""));
	ck_assert_str_eq(t.out, "data\nro,nosuid,nodev,noexec,noatime\n"
				"sh: can't create /a/b/c/file: Read-only file system\ndata\n0\n");
	box_test_end(&t);
}
END_TEST

START_TEST(recursive_flags_reach_what_is_below)
{
	box_test_begin(&t);
	box_run_in(t.dir, "mkdir -p src/below");
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	box_run_in(t.dir, "mount -t tmpfs below src/below");
	BOX_RUN(&t,
		box_json("grep -E ' /(r|n)(/below)? ' /proc/self/mountinfo | cut -d' ' -f5,6", "",
			MOUNT("/r", "bind", "src", "\"rbind\",\"rro\",\"rnosuid\"") "," MOUNT(
				"/n", "bind", "src", "\"rbind\",\"ro\""),
			"", ""));
	ck_assert_str_eq(t.out, "/r ro,nosuid,relatime\n/r/below ro,nosuid,relatime\n"
				"/n ro,relatime\n/n/below rw,relatime\n");
	box_run_in(t.dir, "umount src/below");
	box_test_end(&t);
}
END_TEST

START_TEST(propagation_is_as_the_words_say)
{
	box_test_begin(&t);
	box_run_in(t.dir, "mkdir -p src");
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL), 0);
	BOX_RUN(&t, box_json("sed 's/ - .*//;s/:[0-9]*//g' /proc/self/mountinfo | "
			     "cut -d' ' -f5,7- | grep -E '^/(|p|s|h) '",
			    "",
			    MOUNT("/p", "bind", "src", "\"bind\",\"private\"") "," MOUNT(
				    "/s", "bind", "src", "\"bind\"") "," MOUNT("/h", "bind", "src",
				    "\"bind\",\"slave\",\"shared\""),
			    "", ""));
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	ck_assert_str_eq(t.out, "/ master\n/p \n/s master\n/h shared master\n");
	box_test_end(&t);
}
END_TEST

START_TEST(file_systems_have_their_options)
{
	box_test_begin(&t);
	BOX_RUN(&t,
		box_json("grep ' /t ' /proc/self/mountinfo | sed 's/.* - //;s/,inode64//'; "
			 "stat -c %a /t; grep ' /sys ' /proc/self/mountinfo | cut -d' ' -f6",
			"",
			MOUNT("/t", "tmpfs", "named", "\"size=1m,mode=700\",\"nosuid\"") "," MOUNT(
				"/sys", "sysfs", "sysfs",
				"\"nosuid\",\"noexec\",\"nodev\",\"ro\"") "," MOUNT("/dev/mqueue",
				"mqueue", "mqueue", "\"nosuid\"") "," MOUNT("/dev/shm", "tmpfs",
				"shm", "\"mode=1777\",\"size=64k\""),
			"", ""));
	ck_assert_str_eq(t.out, "tmpfs named rw,size=1024k,mode=700\n700\n"
				"ro,nosuid,nodev,noexec,relatime\n");
	box_test_end(&t);
}
END_TEST

START_TEST(a_bad_option_is_named_with_its_mount)
{
	box_test_begin(&t);
	ck_assert_int_eq(
		box_create(&t,
			box_json("true", "", MOUNT("/t", "tmpfs", "t", "\"size=banana\""), "", "")),
		-EINVAL);
	ck_assert_str_eq(t.err.msg, "mounts[3] '/t': option: size (tmpfs: Bad value for 'size'): "
				    "Invalid argument");
	box_test_end(&t);
	box_test_begin(&t);
	ck_assert_int_eq(
		box_create(&t, box_json("true", "", MOUNT("/t", "nosuchfs", "t", ""), "", "")),
		-ENODEV);
	ck_assert_str_eq(t.err.msg, "mounts[3] '/t': file system 'nosuchfs': No such device");
	box_test_end(&t);
	box_test_begin(&t);
	ck_assert_int_eq(
		box_create(&t,
			box_json("true", "", MOUNT("/t", "bind", "/no/such", "\"bind\""), "", "")),
		-ENOENT);
	ck_assert_str_eq(t.err.msg, "mounts[3] '/t': source '/no/such': No such file or directory");
	box_test_end(&t);
}
END_TEST

START_TEST(a_read_only_tmpfs_is_closed_after_it_was_filled)
{
	box_test_begin(&t);
	BOX_RUN(&t,
		without(box_json("touch /dev/x; cat /dev/null && echo still", "",
				MOUNT("/dev", "tmpfs", "tmpfs", "\"ro\",\"mode=755\""), "", ""),
			",{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\","
			"\"options\":[\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\","
			"\"mode=0620\"]}"));
	ck_assert_str_eq(t.out, "touch: /dev/x: Read-only file system\nstill\n");
	box_test_end(&t);
}
END_TEST

START_TEST(tmpcopyup_keeps_what_was_there)
{
	box_test_begin(&t);
	box_run_in(t.dir, "mkdir -p rootfs/data/sub/deep && echo one >rootfs/data/file && "
			  "echo two >rootfs/data/sub/deep/other && ln -s file rootfs/data/link && "
			  "chmod 750 rootfs/data/sub && chown 5:6 rootfs/data/file && "
			  "mkfifo rootfs/data/fifo");
	BOX_RUN(&t, box_json("cat /data/link /data/sub/deep/other; stat -c '%a %u:%g' /data/sub "
			     "/data/file; touch /data/new; ls /data",
			    "", MOUNT("/data", "tmpfs", "tmpfs", "\"tmpcopyup\""), "", ""));
	ck_assert_str_eq(t.out, "one\ntwo\n750 0:0\n644 5:6\nfile\nlink\nnew\nsub\n");
	box_run_in(t.dir, "test ! -e rootfs/data/new");
	box_test_end(&t);
}
END_TEST

START_TEST(masks_and_read_only_paths)
{
	box_test_begin(&t);
	box_run_in(t.dir, "echo secret >rootfs/etc/secret; mkdir rootfs/etc/hidden; "
			  "echo secret >rootfs/etc/hidden/file; mkdir -p rootfs/etc/hidden2/x");
	BOX_RUN(&t, box_json("cat /etc/secret; ls /etc/hidden /etc/hidden2; touch /etc/hidden/x; "
			     "cat /proc/cpuinfo; echo 1 >/proc/sys/net/ipv4/ip_forward; "
			     "touch /etc/file && echo writable; "
			     "grep -c ' /etc/hidden' /proc/self/mountinfo",
			    "", "",
			    "\"maskedPaths\":[\"/etc/secret\",\"/etc/hidden\",\"/proc/cpuinfo\","
			    "\"/etc/hidden2\",\"/no/such/path\",\"/etc/secret/x\"],"
			    "\"readonlyPaths\":[\"/proc/sys\",\"/no/such\"]",
			    ""));
	ck_assert_str_eq(t.out, "/etc/hidden:\n\n/etc/hidden2:\n"
				"touch: /etc/hidden/x: Read-only file system\n"
				"sh: can't create /proc/sys/net/ipv4/ip_forward: "
				"Read-only file system\nwritable\n2\n");
	box_test_end(&t);
}
END_TEST

/* CVE-2025-31133: what lies at /dev/null inside is nothing to mask with. */
START_TEST(a_mask_is_the_hosts_null_device)
{
	char json[20000];

	box_test_begin(&t);
	box_run_in(t.dir, "mkdir -p src && echo trap >src/null && chmod 666 src/null; "
			  "echo secret >rootfs/etc/secret");
	strcpy(json, box_json("cat /etc/secret; stat -c %t:%T /etc/secret", "",
			     MOUNT("/dev", "bind", "src", "\"bind\""),
			     "\"maskedPaths\":[\"/etc/secret\"]", ""));
	BOX_RUN(&t, json);
	ck_assert_str_eq(t.out, "1:3\n");
	box_test_end(&t);
}
END_TEST

START_TEST(a_node_that_is_another_device_is_refused)
{
	box_test_begin(&t);
	box_run_in(t.dir, "echo trap >rootfs/dev/null");
	ck_assert_int_eq(
		box_create(&t,
			"{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"},"
			"\"process\":{\"cwd\":\"/\",\"user\":{\"uid\":0,\"gid\":0},"
			"\"args\":[\"/bin/true\"]},\"linux\":{\"namespaces\":[" BOX_NAMESPACES
			"]}}"),
		-EEXIST);
	ck_assert_str_eq(t.err.msg, "device '/dev/null': the rootfs has something else there");
	box_test_end(&t);
}
END_TEST

START_TEST(a_read_only_rootfs_is_read_only)
{
	char json[20000];
	char *at;

	box_test_begin(&t);
	strcpy(json, box_json("touch /x; touch /tmp/x; mkdir /dev/ok && echo dev", "", "", "", ""));
	at = strstr(json, "\"path\":\"rootfs\"");
	memmove(at + 31, at + 15, strlen(at + 15) + 1);
	memcpy(at, "\"path\":\"rootfs\",\"readonly\":true ", 31);
	BOX_RUN(&t, json);
	ck_assert_str_eq(t.out, "touch: /x: Read-only file system\n"
				"touch: /tmp/x: Read-only file system\ndev\n");
	box_test_end(&t);
}
END_TEST

START_TEST(links_in_the_rootfs_lead_nowhere_but_into_it)
{
	box_test_begin(&t);
	/* A mount point, its parent, a device's parent, a masked path: all by links to outside. */
	box_run_in(t.dir,
		"mkdir outside && ln -s %s/outside rootfs/abs && "
		"ln -s ../../../../../../../../..%s/outside rootfs/rel && "
		"ln -s /proc/self/root/%s/outside rootfs/magic && "
		"ln -s abs/new rootfs/chain && mkdir -p rootfs%s/outside",
		t.dir, t.dir, t.dir, t.dir);
	BOX_RUN(&t, box_json("find / -xdev -name mark 2>/dev/null | wc -l", "",
			    MOUNT("/abs/mark", "tmpfs", "t", "") "," MOUNT("/rel/mark2", "tmpfs",
				    "t", "") "," MOUNT("/chain", "tmpfs", "t", ""),
			    "\"devices\":[{\"path\":\"/abs/dev\",\"type\":\"c\",\"major\":1,"
			    "\"minor\":3}]",
			    ""));
	box_run_in(t.dir,
		"test -z \"$(ls outside)\" && test -e rootfs%s/outside/mark && "
		"test -e rootfs%s/outside/mark2 && test -e rootfs%s/outside/new",
		t.dir, t.dir, t.dir);
	box_test_end(&t);
}
END_TEST

/* CVE-2019-19921, CVE-2023-27561, CVE-2026-41579. */
START_TEST(proc_sys_and_dev_may_not_be_links)
{
	static const char *const names[] = {"proc", "dev", "sys"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char want[128];

		box_test_begin(&t);
		box_run_in(t.dir, "rmdir rootfs/%s && mkdir rootfs/evil && ln -s evil rootfs/%s",
			names[i], names[i]);
		ck_assert_int_eq(
			box_create(&t, box_json("true", "",
					       MOUNT("/sys", "sysfs", "sysfs", "\"ro\""), "", "")),
			-ELOOP);
		snprintf(want, sizeof(want),
			"'/%s' of the rootfs is, or lies behind, a symbolic link", names[i]);
		ck_assert_msg(strstr(t.err.msg, want), "%s", t.err.msg);
		box_test_end(&t);
	}
}
END_TEST

/* CVE-2021-30465: the mount point is exchanged for a link while we mount. */
START_TEST(an_exchange_of_the_mount_point_wins_nothing)
{
	pid_t attacker;

	box_test_begin(&t);
	box_run_in(t.dir,
		"mkdir -p outside rootfs/race rootfs/swap && "
		"ln -s %s/outside rootfs/swap/link && mkdir rootfs/swap/dir",
		t.dir);
	attacker = fork();
	if (attacker == 0) {
		char a[128], b[128];

		snprintf(a, sizeof(a), "%s/rootfs/swap/dir", t.dir);
		snprintf(b, sizeof(b), "%s/rootfs/swap/link", t.dir);
		for (;;)
			(void)renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
	}
	for (int i = 0; i < 20; i++) {
		fd_close(&t.options.gate_fd);
		(void)unlinkat(t.dir_fd, GATE_SOCKET, 0);
		if (box_create(&t, box_json("true", "", MOUNT("/swap/dir/below", "tmpfs", "t", ""),
					   "", "")) == 0)
			box_child_abort(&t.child);
		box_plan_destroy(t.plan);
		t.plan = NULL;
		oci_config_free(t.config);
		t.config = NULL;
	}
	kill(attacker, SIGKILL);
	waitpid(attacker, NULL, 0);
	box_run_in(t.dir, "test -z \"$(ls outside)\"");
	box_test_end(&t);
}
END_TEST

START_TEST(sysctls_are_written_and_only_namespaced_ones)
{
	box_test_begin(&t);
	BOX_RUN(&t, with_ns(box_json("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni "
				     "/proc/sys/net/ipv4/conf/lo/forwarding",
				    "", "",
				    "\"sysctl\":{\"net.ipv4.ip_forward\":\"1\",\"kernel.shmmni\":"
				    "\"99\","
				    "\"net/ipv4/conf/lo/forwarding\":\"1\"}",
				    ""),
			    "{\"type\":\"network\"}"));
	ck_assert_str_eq(t.out, "1\n99\n1\n");
	box_test_end(&t);
}
END_TEST

START_TEST(sysctls_of_the_host_are_refused)
{
	static const char *const bad[][2] = {
		{"\"kernel.core_pattern\":\"x\"",
			"linux.sysctl: 'kernel.core_pattern' is the whole "
			"host's, not a namespace's"},
		{"\"net.ipv4.ip_forward\":\"1\"",
			"linux.sysctl: 'net.ipv4.ip_forward' is of a namespace that the container "
			"shares with the host"},
		{"\"net/../kernel/core_pattern\":\"x\"",
			"linux.sysctl: 'net/../kernel/core_pattern' is no name of a sysctl"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char members[256];

		box_test_begin(&t);
		snprintf(members, sizeof(members), "\"sysctl\":{%s}", bad[i][0]);
		ck_assert_int_eq(box_create(&t, box_json("true", "", "", members, "")), -EINVAL);
		ck_assert_str_eq(t.err.msg, bad[i][1]);
		box_test_end(&t);
	}
}
END_TEST

START_TEST(without_a_mount_namespace_it_is_a_chroot)
{
	box_test_begin(&t);
	BOX_RUN(&t,
		"{\"ociVersion\":\"1.0.2\",\"root\":{\"path\":\"rootfs\"},\"process\":{\"cwd\":"
		"\"/tmp\",\"user\":{\"uid\":0,\"gid\":0},\"env\":[\"PATH=/bin\"],\"args\":[\"sh\","
		"\"-c\",\"pwd; ls /; ls ..\"]},\"linux\":{\"namespaces\":[{\"type\":\"pid\"}]}}");
	ck_assert_str_eq(t.out, "/tmp\nbin\ndev\netc\nproc\nsys\ntmp\n"
				"bin\ndev\netc\nproc\nsys\ntmp\n");
	box_test_end(&t);
	box_test_begin(&t);
	ck_assert_int_eq(
		box_create(&t, without(box_json("true", "", "", "", ""), ",{\"type\":\"mount\"}")),
		-EINVAL);
	ck_assert_str_eq(t.err.msg, "mounts: needs a new mount namespace");
	box_test_end(&t);
}
END_TEST

START_TEST(cgroup_mounts_show_the_hierarchies)
{
	static const char mount[] = MOUNT("/sys/fs/cgroup", "cgroup", "cgroup",
		"\"nosuid\",\"noexec\",\"nodev\",\"relatime\",\"ro\"");
	static const char count[] =
		"grep -c ' - cgroup' /proc/self/mountinfo; touch /sys/fs/cgroup/x "
		"2>/dev/null || echo closed";
	char id[32];
	const struct cgroup_options options = {.id = id};
	struct cgroup *cg;

	snprintf(id, sizeof(id), "box-mounts-%d", getpid());
	box_test_begin(&t);
	ck_assert_msg(cgroup_create(&options, &cg, &t.warnings, &t.err) == 0, "%s", t.err.msg);
	t.options.cgroup = cg;
	BOX_RUN(&t, box_json(count, "", mount, "", ""));
	ck_assert_msg(atoi(t.out) >= 1 && strstr(t.out, "closed"), "%s", t.out);
	ck_assert_int_eq(cgroup_destroy(cg, &t.err), 0);
	cgroup_close(cg);
	box_test_end(&t);
	/* In a namespace of its own, its place is the root. */
	box_test_begin(&t);
	ck_assert_int_eq(cgroup_create(&options, &cg, &t.warnings, &t.err), 0);
	t.options.cgroup = cg;
	BOX_RUN(&t, with_ns(box_json("grep ' - cgroup' /proc/self/mountinfo | cut -d' ' -f4 | "
				     "sort -u; cut -d: -f3 /proc/self/cgroup | sort -u",
				    "", mount, "", ""),
			    "{\"type\":\"cgroup\"}"));
	ck_assert_str_eq(t.out, "/\n/\n");
	ck_assert_int_eq(cgroup_destroy(cg, &t.err), 0);
	cgroup_close(cg);
	box_test_end(&t);
}
END_TEST

UNIT_MAIN("box_mounts", default_devices_and_links_are_there, devices_of_the_config_are_made,
	bind_mounts_have_their_flags, recursive_flags_reach_what_is_below,
	propagation_is_as_the_words_say, file_systems_have_their_options,
	a_bad_option_is_named_with_its_mount, a_read_only_tmpfs_is_closed_after_it_was_filled,
	tmpcopyup_keeps_what_was_there, masks_and_read_only_paths, a_mask_is_the_hosts_null_device,
	a_node_that_is_another_device_is_refused, a_read_only_rootfs_is_read_only,
	links_in_the_rootfs_lead_nowhere_but_into_it, proc_sys_and_dev_may_not_be_links,
	an_exchange_of_the_mount_point_wins_nothing, sysctls_are_written_and_only_namespaced_ones,
	sysctls_of_the_host_are_refused, without_a_mount_namespace_it_is_a_chroot,
	cgroup_mounts_show_the_hierarchies)
