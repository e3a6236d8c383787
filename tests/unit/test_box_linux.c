/* SPDX-License-Identifier: Apache-2.0 */
/* Members of "linux" with a mechanism of their own: mapped mounts, memory policy. */
#include <sched.h>
#include <unistd.h>

#include "runtime/box/lsm.h"
#include "tests/unit/box_harness.h"

static struct box_test t;

#define MAPPING(list, inside, outside, size) \
	"\"" list "\":[{\"containerID\":" inside ",\"hostID\":" outside ",\"size\":" size "}]"
#define BOTH_MAPPINGS(inside, outside, size)          \
	MAPPING("uidMappings", inside, outside, size) \
	"," MAPPING("gidMappings", inside, outside, size)
#define MOUNT(dest, options, more)                                                                 \
	"{\"destination\":\"" dest "\",\"type\":\"bind\",\"source\":\"src\",\"options\":[" options \
	"]" more "}"

static void make_source(void)
{
	box_run_in(t.dir, "mkdir -p src/below other && touch src/root src/user other/root && "
			  "chown 5:6 src/user");
	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	box_run_in(t.dir, "mount --bind other src/below");
}

static void end_source(void)
{
	box_run_in(t.dir, "umount src/below");
	box_test_end(&t);
}

START_TEST(mapped_mounts_show_other_owners)
{
	box_test_begin(&t);
	make_source();
	BOX_RUN(&t, box_json("stat -c %u:%g /m/root /m/user /m/below/root /plain/root", "",
			    MOUNT("/m", "\"rbind\",\"idmap\"",
				    "," BOTH_MAPPINGS("0", "1000", "10")) "," MOUNT("/plain",
				    "\"bind\"", ""),
			    "", ""));
	ck_assert_str_eq(t.out, "1000:1000\n1005:1006\n0:0\n0:0\n");
	end_source();
	/* Without a word it is meant for the mount itself. */
	box_test_begin(&t);
	make_source();
	BOX_RUN(&t, box_json("stat -c %u:%g /m/user /m/below/root", "",
			    MOUNT("/m", "\"rbind\"",
				    "," MAPPING("uidMappings", "0", "20", "10") "," MAPPING(
					    "gidMappings", "0", "70", "10")),
			    "", ""));
	ck_assert_str_eq(t.out, "25:76\n0:0\n");
	end_source();
}
END_TEST

START_TEST(a_recursive_mapping_reaches_what_is_below)
{
	box_test_begin(&t);
	make_source();
	BOX_RUN(&t,
		box_json("stat -c %u:%g /m/root /m/below/root", "",
			MOUNT("/m", "\"rbind\",\"ridmap\"", "," BOTH_MAPPINGS("0", "1000", "10")),
			"", ""));
	ck_assert_str_eq(t.out, "1000:1000\n1000:1000\n");
	end_source();
}
END_TEST

/* What belongs to the host's root belongs to the container's, and is written as the host's. */
START_TEST(a_mapped_mount_takes_the_containers_own_mapping)
{
	char json[16384];
	const char *plain, *at;

	box_test_begin(&t);
	make_source();
	plain = box_json("stat -c %u:%g /m/root /m/user && touch /m/new", "",
		MOUNT("/m", "\"rbind\",\"idmap\"", ""), BOTH_MAPPINGS("0", "100000", "1000"), "");
	at = strstr(plain, "{\"type\":\"uts\"}");
	snprintf(json, sizeof(json), "%.*s{\"type\":\"user\"},%s", (int)(at - plain), plain, at);
	box_run_in(t.dir, "chown 100000:100000 rootfs");
	BOX_RUN(&t, json);
	ck_assert_str_eq(t.out, "0:0\n5:6\n");
	box_run_in(t.dir, "test \"$(stat -c %%u:%%g src/new)\" = 0:0");
	end_source();
}
END_TEST

START_TEST(mappings_that_cannot_be_are_refused)
{
	static const struct {
		const char *mount, *message;
	} bad[] = {
		{MOUNT("/m", "\"bind\",\"idmap\"", ""),
			"mounts[3] '/m': mapped ids: there are neither mappings for it nor a user "
			"namespace to take them from"},
		{"{\"destination\":\"/m\",\"type\":\"tmpfs\"," BOTH_MAPPINGS("0", "1", "1") "}",
			"mounts[3] '/m': mapped ids: only for bind mounts"},
		{"{\"destination\":\"/m\",\"type\":\"bind\",\"source\":\"/proc\",\"options\":"
		 "[\"bind\",\"idmap\"]," BOTH_MAPPINGS("0", "1", "1") "}",
			"mounts[3] '/m': mapped ids: the kernel or a file system below cannot do "
			"it"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		box_test_begin(&t);
		box_run_in(t.dir, "mkdir src");
		ck_assert_int_lt(box_create(&t, box_json("true", "", bad[i].mount, "", "")), 0);
		ck_assert_str_eq(t.err.msg, bad[i].message);
		box_test_end(&t);
	}
}
END_TEST

START_TEST(the_memory_policy_is_the_processes)
{
	box_test_begin(&t);
	BOX_RUN(&t, box_json("cut -d' ' -f2 /proc/self/numa_maps | sort -u", "", "",
			    "\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"nodes\":\"0\",\"flags\":"
			    "[\"MPOL_F_STATIC_NODES\"]}",
			    ""));
	ck_assert_str_eq(t.out, "bind=static:0\n");
	box_test_end(&t);
	box_test_begin(&t);
	ck_assert_int_eq(box_create(&t, box_json("true", "", "",
						"\"memoryPolicy\":{\"mode\":\"MPOL_BIND\","
						"\"nodes\":\"1024\"}",
						"")),
		-ERANGE);
	ck_assert_str_eq(t.err.msg, "linux.memoryPolicy.nodes: numbers go from 0 to 1023");
	box_test_end(&t);
	box_test_begin(&t);
	ck_assert_int_eq(box_create(&t, box_json("true", "", "",
						"\"memoryPolicy\":{\"mode\":\"MPOL_BIND\"}", "")),
		-EINVAL);
	ck_assert_str_eq(t.err.msg, "linux.memoryPolicy: Invalid argument");
	box_test_end(&t);
}
END_TEST

static const char *with_netns(const char *json)
{
	static char out[20000];
	const char *at = strstr(json, "{\"type\":\"uts\"}");

	snprintf(out, sizeof(out), "%.*s{\"type\":\"network\"},%s", (int)(at - json), json, at);
	return out;
}

/* The runtime's side of the test is a network namespace of its own. */
static void own_network(void)
{
	ck_assert_int_eq(unshare(CLONE_NEWNET), 0);
	ck_assert_int_eq(system("ip link add host0 type veth peer name peer0"), 0);
	ck_assert_int_eq(system("ip link set host0 mtu 1400 address 02:00:00:00:00:01"), 0);
	ck_assert_int_eq(system("ip addr add 10.1.2.3/24 broadcast 10.1.2.255 dev host0"), 0);
	ck_assert_int_eq(system("ip addr add 10.1.2.4/24 dev host0"), 0);
	ck_assert_int_eq(system("ip addr add fd00::5/64 dev host0 nodad"), 0);
	ck_assert_int_eq(system("ip addr add 169.254.1.1/16 scope link dev host0"), 0);
}

#define INTERFACES                                                                                 \
	"for i in /sys/class/net/*; do echo ${i##*/} $(cat $i/mtu $i/address $i/flags); done;"     \
	"/bin/busybox ip -o addr show dev $N | sed 's/^[0-9]*: //;s/ valid_lft.*//;s/\\\\.*//;s/ " \
	"*$//'"
#define SYSFS "{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\"}"

START_TEST(a_new_network_namespace_has_its_loopback)
{
	box_test_begin(&t);
	BOX_RUN(&t, with_netns(box_json("cat /sys/class/net/lo/flags", "", SYSFS, "", "")));
	ck_assert_str_eq(t.out, "0x9\n");
	box_test_end(&t);
}
END_TEST

START_TEST(network_interfaces_move_with_their_addresses)
{
	box_test_begin(&t);
	own_network();
	BOX_RUN(&t, with_netns(box_json("N=eth7; " INTERFACES, "", SYSFS,
			    "\"netDevices\":{\"host0\":{\"name\":\"eth7\"}}", "")));
	ck_assert_ptr_nonnull(strstr(t.out, "eth7 1400 02:00:00:00:00:01 0x1003\n"));
	ck_assert_ptr_nonnull(
		strstr(t.out, "eth7    inet 10.1.2.3/24 brd 10.1.2.255 scope global"));
	ck_assert_ptr_nonnull(strstr(t.out, "eth7    inet 10.1.2.4/24 scope global"));
	ck_assert_ptr_nonnull(strstr(t.out, "eth7    inet6 fd00::5/64 scope global"));
	ck_assert_ptr_null(strstr(t.out, "169.254.1.1"));
	ck_assert_int_ne(system("ip link show host0 >/dev/null 2>&1"), 0);
	box_test_end(&t);
	/* The kernel finds a name. */
	box_test_begin(&t);
	own_network();
	BOX_RUN(&t, with_netns(box_json("ls /sys/class/net", "", SYSFS,
			    "\"netDevices\":{\"host0\":{\"name\":\"net%d\"},\"peer0\":{\"name\":"
			    "\"net%d\"}}",
			    "")));
	ck_assert_ptr_nonnull(strstr(t.out, "net0\nnet1\n"));
	box_test_end(&t);
}
END_TEST

START_TEST(network_interfaces_that_cannot_move_stay)
{
	static const struct {
		const char *members, *message;
	} bad[] = {
		{"\"netDevices\":{\"host0\":{\"name\":\"lo\"}}",
			"linux.netDevices['host0']: the container has an interface 'lo' already"},
		{"\"netDevices\":{\"nothere0\":{}}",
			"linux.netDevices['nothere0']: find it: No such device"},
		{"\"netDevices\":{\"lo\":{\"name\":\"lo2\"}}",
			"linux.netDevices['lo']: move it as 'lo2': Invalid argument"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		box_test_begin(&t);
		own_network();
		ck_assert_int_lt(
			box_create(&t, with_netns(box_json("true", "", "", bad[i].members, ""))),
			0);
		ck_assert_str_eq(t.err.msg, bad[i].message);
		ck_assert_int_eq(system("ip link show host0 >/dev/null"), 0);
		box_test_end(&t);
	}
	box_test_begin(&t);
	ck_assert_int_eq(box_create(&t, box_json("true", "", "", "\"netDevices\":{\"lo\":{}}", "")),
		-EINVAL);
	ck_assert_str_eq(
		t.err.msg, "linux.netDevices: there is no network namespace of the container's");
	box_test_end(&t);
}
END_TEST

START_TEST(the_rootfs_has_its_propagation)
{
	static const char *const words[][2] = {{"shared", "shared:"}, {"rshared", "shared:"},
		{"private", "1"}, {"unbindable", "unbindable"}};

	ck_assert_int_eq(unshare(CLONE_NEWNS), 0);
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		char members[64];

		box_test_begin(&t);
		snprintf(members, sizeof(members), "\"rootfsPropagation\":\"%s\"", words[i][0]);
		BOX_RUN(&t,
			box_json(
				"grep -E ' / / |/rootfs / ' /proc/self/mountinfo | sed 's/ - .*//' "
				"| cut -d' ' -f7-; grep -c . /proc/self/mountinfo >/dev/null && "
				"echo 1",
				"", "", members, ""));
		ck_assert_msg(strstr(t.out, words[i][1]) == t.out ||
				      (*words[i][1] == '1' && !strstr(t.out, "shared:")),
			"%s: %s", words[i][0], t.out);
		box_test_end(&t);
	}
	ck_assert_int_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
}
END_TEST

START_TEST(the_domain_name_is_the_containers)
{
	box_test_begin(&t);
	BOX_RUN(&t, box_json("cat /proc/sys/kernel/domainname /proc/sys/kernel/hostname", "", "",
			    "", "\"hostname\":\"inside\",\"domainname\":\"example.org\""));
	ck_assert_str_eq(t.out, "example.org\ninside\n");
	box_test_end(&t);
}
END_TEST

START_TEST(descriptors_of_socket_activation_come_first)
{
	int fds[2];
	char pid[16];

	box_test_begin(&t);
	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(dup2(fds[0], 3), 3);
	ck_assert_int_eq(write(fds[1], "activated\n", 10), 10);
	close(fds[1]);
	snprintf(pid, sizeof(pid), "%d", getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	BOX_RUN(&t, box_json("echo $LISTEN_FDS $LISTEN_PID; cat <&3", "", "", "", ""));
	unsetenv("LISTEN_FDS");
	ck_assert_str_eq(t.out, "1 1\nactivated\n");
	box_test_end(&t);
}
END_TEST

/* A label that nobody enforces would be a promise that is not kept. */
START_TEST(labels_without_their_module_are_refused)
{
	const struct {
		bool enabled;
		const char *process, *members, *message;
	} labels[] = {
		{lsm_apparmor_enabled(), "\"apparmorProfile\":\"p\"", "",
			"process.apparmorProfile: AppArmor is not enabled on this host"},
		{lsm_selinux_enabled(), "\"selinuxLabel\":\"l\"", "",
			"process.selinuxLabel: SELinux is not enabled on this host"},
		{lsm_selinux_enabled(), "", "\"mountLabel\":\"l\"",
			"linux.mountLabel: SELinux is not enabled on this host"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(labels); i++) {
		if (labels[i].enabled)
			continue;
		box_test_begin(&t);
		ck_assert_int_eq(box_create(&t, box_json("true", labels[i].process, "",
							labels[i].members, "")),
			-ENOTSUP);
		ck_assert_str_eq(t.err.msg, labels[i].message);
		box_test_end(&t);
	}
}
END_TEST

UNIT_MAIN("box_linux", mapped_mounts_show_other_owners, a_recursive_mapping_reaches_what_is_below,
	a_mapped_mount_takes_the_containers_own_mapping, mappings_that_cannot_be_are_refused,
	the_memory_policy_is_the_processes, a_new_network_namespace_has_its_loopback,
	network_interfaces_move_with_their_addresses, network_interfaces_that_cannot_move_stay,
	labels_without_their_module_are_refused, the_rootfs_has_its_propagation,
	the_domain_name_is_the_containers, descriptors_of_socket_activation_come_first)
