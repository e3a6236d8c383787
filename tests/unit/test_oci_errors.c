/* SPDX-License-Identifier: Apache-2.0 */
/* What the reader refuses, each class of mistake with its exact sentence. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "oci-spec/config.h"
#include "runtime/base/buf.h"
#include "tests/unit/unit.h"

/* A fragment of JSON in a config that is right otherwise, and what is said about it. */
struct mistake {
	const char *fragment;
	const char *message;
};

static void refuse(const char *text, int code, const char *message)
{
	struct oci_config *config = NULL;
	struct err err = ERR_INIT;
	int r = oci_config_parse(text, strlen(text), &config, &err);

	ck_assert_msg(r == -code, "%s: %d (%s)", text, r, err.msg);
	ck_assert_str_eq(err.msg, message);
	ck_assert_ptr_null(config);
}

static void refuse_all(const char *frame, const struct mistake *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		_cleanup_buf_ struct buf text = BUF_INIT;

		buf_printf(&text, frame, list[i].fragment);
		refuse(text.data, EINVAL, list[i].message);
	}
}

#define TOP	  "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},%s}"
#define LINUX	  "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},\"linux\":{%s}}"
#define RESOURCES LINUX_("\"resources\":{%s}")
#define SECCOMP	  LINUX_("\"seccomp\":{%s}")
#define LINUX_(x) "{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},\"linux\":{" x "}}"
#define PROCESS                                                             \
	"{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},\"process\":{" \
	"\"user\":{\"uid\":0,\"gid\":0},\"cwd\":\"/\",\"args\":[\"x\"],%s}}"

START_TEST(required_members)
{
	static const struct {
		const char *text, *message;
	} cases[] = {
		{"[]", "not an object"},
		{"{}", "ociVersion: missing"},
		{"{\"ociVersion\":\"1.0.0\"}", "root: missing"},
		{"{\"ociVersion\":null}", "ociVersion: missing"},
		{"{\"ociVersion\":\"\"}", "ociVersion: empty"},
		{"{\"ociVersion\":\"1.0.0\",\"root\":{}}", "root.path: missing"},
		{"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"\"}}", "root.path: empty"},
		{"{\"ociVersion\":\"1.0.0\",\"root\":\"r\"}", "root: not an object"},
		{"{\"ociVersion\":1,\"root\":{\"path\":\"r\"}}", "ociVersion: not a string"},
		{"{\"ociVersion\":\"1.0\",\"root\":{\"path\":\"r\"}}",
			"ociVersion: '1.0' is not a semantic version"},
		{"{\"ociVersion\":\"1.0.0x\",\"root\":{\"path\":\"r\"}}",
			"ociVersion: '1.0.0x' is not a semantic version"},
		{"{\"ociVersion\":\"01.0.0\",\"root\":{\"path\":\"r\"}}",
			"ociVersion: '01.0.0' is not a semantic version"},
		{"{\"ociVersion\":\"2.0.0\",\"root\":{\"path\":\"r\"}}",
			"ociVersion: '2.0.0' is not supported, only 1.x up to 1.3.0 and what is "
			"compatible with it"},
		{"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"process\":{}}",
			"process.user: missing"},
		{"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"process\":{\"user\":{"
		 "\"uid\":0}}}",
			"process.user.gid: missing"},
		{"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"process\":{\"user\":{"
		 "\"uid\":0,\"gid\":0}}}",
			"process.args: missing"},
		{"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"process\":{\"user\":{"
		 "\"uid\":0,\"gid\":0},\"args\":[\"x\"]}}",
			"process.cwd: missing"},
		{"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"process\":{\"user\":{"
		 "\"uid\":0,\"gid\":0},\"cwd\":\"/\",\"args\":[]}}",
			"process.args: empty, there is nothing to run"},
		{"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"process\":{\"user\":{"
		 "\"uid\":0,\"gid\":0},\"cwd\":\"/\",\"args\":[\"\"]}}",
			"process.args: the first one is empty"},
		{"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"process\":{\"user\":{"
		 "\"uid\":0,\"gid\":0},\"cwd\":\"home\",\"args\":[\"x\"]}}",
			"process.cwd: 'home' is not an absolute path"},
		{"{\"ociVersion\":\"1.0.0\",\"root\":{\"path\":\"r\"},\"process\":{\"user\":{"
		 "\"uid\":4294967295,\"gid\":0},\"cwd\":\"/\",\"args\":[\"x\"]}}",
			"process.user.uid: 4294967295 is no id"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		refuse(cases[i].text, EINVAL, cases[i].message);
}
END_TEST

START_TEST(kinds_of_values)
{
	static const struct mistake list[] = {
		{"\"hostname\":5", "hostname: not a string"},
		{"\"mounts\":{}", "mounts: not an array"},
		{"\"mounts\":[null]", "mounts[0]: not an object"},
		{"\"annotations\":[]", "annotations: not an object"},
		{"\"annotations\":{\"a.b/c\":1}", "annotations[\"a.b/c\"]: not a string"},
		{"\"annotations\":{\"a\":null}", "annotations.a: not a string"},
		{"\"annotations\":{\"\":\"x\"}", "annotations[\"\"]: '' is empty"},
		{"\"process\":true", "process: not an object"},
		{"\"a\":1,\"a\":2", "a: given twice"},
	};

	refuse_all(TOP, list, ARRAY_SIZE(list));
}
END_TEST

START_TEST(mounts_and_hooks)
{
	static const struct mistake list[] = {
		{"\"mounts\":[{\"source\":\"x\"}]", "mounts[0].destination: missing"},
		{"\"mounts\":[{\"destination\":\"/x\",\"options\":\"ro\"}]",
			"mounts[0].options: not an array"},
		{"\"mounts\":[{\"destination\":\"/x\",\"options\":[\"ro\",1]}]",
			"mounts[0].options[1]: not a string"},
		{"\"mounts\":[{\"destination\":\"/x\",\"uidMappings\":[{\"containerID\":0,"
		 "\"hostID\":0,\"size\":1}]}]",
			"mounts[0].gidMappings: missing, there are uidMappings"},
		{"\"mounts\":[{\"destination\":\"/x\",\"gidMappings\":[{\"containerID\":0,"
		 "\"hostID\":0,\"size\":1}]}]",
			"mounts[0].uidMappings: missing, there are gidMappings"},
		{"\"hooks\":{\"prestart\":[{}]}", "hooks.prestart[0].path: missing"},
		{"\"hooks\":{\"createRuntime\":[{\"path\":\"x\"}]}",
			"hooks.createRuntime[0].path: 'x' is not an absolute path"},
		{"\"hooks\":{\"createContainer\":[{\"path\":\"/x\",\"args\":{}}]}",
			"hooks.createContainer[0].args: not an array"},
		{"\"hooks\":{\"startContainer\":[{\"path\":\"/x\",\"env\":[\"=x\"]}]}",
			"hooks.startContainer[0].env[0]: '=x' is not NAME=value"},
		{"\"hooks\":{\"poststart\":[{\"path\":\"/x\",\"timeout\":0}]}",
			"hooks.poststart[0].timeout: less than 1"},
		{"\"hooks\":{\"poststop\":[{\"path\":\"/x\"},{\"path\":\"/y\",\"timeout\":\"1\"}]}",
			"hooks.poststop[1].timeout: not a signed 32-bit number"},
		{"\"hostname\":\"h\"", "hostname: there is no UTS namespace"},
		{"\"domainname\":\"d\"", "domainname: there is no UTS namespace"},
	};

	refuse_all(TOP, list, ARRAY_SIZE(list));
}
END_TEST

START_TEST(process)
{
	static const struct mistake list[] = {
		{"\"terminal\":1", "process.terminal: not a boolean"},
		{"\"consoleSize\":{\"height\":1}", "process.consoleSize.width: missing"},
		{"\"consoleSize\":{\"height\":70000,\"width\":1}",
			"process.consoleSize.height: not between 0 and 65535"},
		{"\"env\":[\"A=1\",\"B\"]", "process.env[1]: 'B' is not NAME=value"},
		{"\"rlimits\":[{\"type\":\"RLIMIT_NOFILE\",\"hard\":2,\"soft\":1},"
		 "{\"type\":\"RLIMIT_CPU\",\"hard\":2,\"soft\":1},"
		 "{\"type\":\"RLIMIT_AS\",\"hard\":-1,\"soft\":1}]",
			"process.rlimits[2].hard: not an unsigned 64-bit number"},
		{"\"rlimits\":[{\"type\":\"RLIMIT_AS\",\"hard\":18446744073709551616,\"soft\":1}]",
			"process.rlimits[0].hard: not an unsigned 64-bit number"},
		{"\"rlimits\":[{\"type\":\"RLIMIT_X\",\"hard\":1,\"soft\":1}]",
			"process.rlimits[0].type: unknown rlimit 'RLIMIT_X'"},
		{"\"rlimits\":[{\"type\":\"RLIMIT_AS\",\"hard\":1,\"soft\":2}]",
			"process.rlimits[0].soft: larger than the hard limit"},
		{"\"rlimits\":[{\"type\":\"RLIMIT_AS\",\"hard\":1,\"soft\":1},"
		 "{\"type\":\"RLIMIT_AS\",\"hard\":2,\"soft\":1}]",
			"process.rlimits[1].type: given twice"},
		{"\"capabilities\":[\"CAP_CHOWN\"]", "process.capabilities: not an object"},
		{"\"capabilities\":{\"ambient\":[7]}",
			"process.capabilities.ambient[0]: not a string"},
		{"\"oomScoreAdj\":1001", "process.oomScoreAdj: not between -1000 and 1000"},
		{"\"oomScoreAdj\":1e2", "process.oomScoreAdj: not a signed 32-bit number"},
		{"\"scheduler\":{}", "process.scheduler.policy: missing"},
		{"\"scheduler\":{\"policy\":\"SCHED_X\"}",
			"process.scheduler.policy: unknown scheduling policy 'SCHED_X'"},
		{"\"scheduler\":{\"policy\":\"SCHED_RR\"}",
			"process.scheduler.priority: missing, the policy needs it"},
		{"\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"priority\":1}",
			"process.scheduler.priority: the policy has none"},
		{"\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"nice\":20}",
			"process.scheduler.nice: not between -20 and 19"},
		{"\"scheduler\":{\"policy\":\"SCHED_BATCH\",\"runtime\":1}",
			"process.scheduler: runtime, deadline and period are for the policy "
			"SCHED_DEADLINE alone"},
		{"\"scheduler\":{\"policy\":\"SCHED_OTHER\",\"flags\":[\"X\"]}",
			"process.scheduler.flags[0]: unknown scheduling flag 'X'"},
		{"\"ioPriority\":{\"class\":\"IOPRIO_CLASS_NONE\"}",
			"process.ioPriority.class: unknown I/O priority class 'IOPRIO_CLASS_NONE'"},
		{"\"ioPriority\":{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":8}",
			"process.ioPriority.priority: not between 0 and 7"},
		{"\"execCPUAffinity\":{\"initial\":\"0;1\"}",
			"process.execCPUAffinity.initial: '0;1' is not a list of numbers"},
	};

	refuse_all(PROCESS, list, ARRAY_SIZE(list));
}
END_TEST

START_TEST(users)
{
	static const struct mistake list[] = {
		{"\"uid\":-1", "process.user.uid: not an unsigned 32-bit number"},
		{"\"uid\":4294967296", "process.user.uid: not an unsigned 32-bit number"},
		{"\"uid\":\"root\"", "process.user.uid: not an unsigned 32-bit number"},
		{"\"uid\":0,\"umask\":512", "process.user.umask: not between 0 and 511"},
		{"\"uid\":0,\"additionalGids\":[1,-2]",
			"process.user.additionalGids[1]: not an unsigned 32-bit number"},
		{"\"uid\":0,\"additionalGids\":[4294967295]",
			"process.user.additionalGids: 4294967295 is no id"},
	};

	refuse_all("{\"ociVersion\":\"1.2.0\",\"root\":{\"path\":\"r\"},\"process\":{\"cwd\":\"/\","
		   "\"args\":[\"x\"],\"user\":{\"gid\":0,%s}}}",
		list, ARRAY_SIZE(list));
}
END_TEST

START_TEST(namespaces)
{
	static const struct mistake list[] = {
		{"\"namespaces\":[{\"type\":\"pidd\"}]",
			"linux.namespaces[0].type: unknown namespace type 'pidd'"},
		{"\"namespaces\":[{}]", "linux.namespaces[0].type: missing"},
		{"\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"uts\"},{\"type\":\"pid\"}]",
			"linux.namespaces[2].type: given twice"},
		{"\"namespaces\":[{\"type\":\"network\",\"path\":\"netns/x\"}]",
			"linux.namespaces[0].path: 'netns/x' is not an absolute path"},
		{"\"namespaces\":[{\"type\":\"user\"}]",
			"linux.uidMappings: missing, there is a new user namespace"},
		{"\"namespaces\":[{\"type\":\"user\"}],\"uidMappings\":[{\"containerID\":0,"
		 "\"hostID\":0,\"size\":1}]",
			"linux.gidMappings: missing, there is a new user namespace"},
		{"\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}]",
			"linux.uidMappings: there is no user namespace"},
		{"\"gidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":1}]",
			"linux.gidMappings: there is no user namespace"},
		{"\"uidMappings\":[{\"containerID\":0,\"hostID\":0,\"size\":0}]",
			"linux.uidMappings[0].size: less than 1"},
		{"\"uidMappings\":[{\"containerID\":0,\"hostID\":4294967295,\"size\":1}]",
			"linux.uidMappings[0].size: goes beyond the last id"},
		{"\"timeOffsets\":{\"monotonic\":{\"secs\":1}}",
			"linux.timeOffsets: there is no new time namespace"},
		{"\"timeOffsets\":{\"realtime\":{\"secs\":1}}",
			"linux.timeOffsets.realtime: unknown clock"},
		{"\"timeOffsets\":{\"boottime\":{\"nanosecs\":1000000000}}",
			"linux.timeOffsets.boottime.nanosecs: not between 0 and 999999999"},
	};

	refuse_all(LINUX, list, ARRAY_SIZE(list));
}
END_TEST

START_TEST(linux_members)
{
	static const struct mistake list[] = {
		{"\"devices\":[{\"type\":\"x\",\"path\":\"/dev/x\"}]",
			"linux.devices[0].type: unknown device type 'x'"},
		{"\"devices\":[{\"type\":\"c\"}]", "linux.devices[0].path: missing"},
		{"\"devices\":[{\"type\":\"c\",\"path\":\"dev/x\"}]",
			"linux.devices[0].path: 'dev/x' is not an absolute path"},
		{"\"devices\":[{\"type\":\"c\",\"path\":\"/dev/x\",\"minor\":1}]",
			"linux.devices[0].major: missing"},
		{"\"devices\":[{\"type\":\"b\",\"path\":\"/dev/x\",\"major\":1}]",
			"linux.devices[0].minor: missing"},
		{"\"devices\":[{\"type\":\"b\",\"path\":\"/dev/x\",\"major\":4096,\"minor\":0}]",
			"linux.devices[0].major: not between 0 and 4095"},
		{"\"devices\":[{\"type\":\"p\",\"path\":\"/p\",\"fileMode\":65536}]",
			"linux.devices[0].fileMode: not between 0 and 65535"},
		{"\"netDevices\":{\"eth/0\":{}}", "linux.netDevices[\"eth/0\"]: 'eth/0' is not the "
						  "name of a network interface"},
		{"\"netDevices\":{\"eth0\":{\"name\":\"sixteen_letters_\"}}",
			"linux.netDevices.eth0.name: 'sixteen_letters_' is not the name of a "
			"network "
			"interface"},
		{"\"intelRdt\":{\"closID\":\"../x\"}",
			"linux.intelRdt.closID: '../x' is not the name of a file"},
		{"\"memoryPolicy\":{\"mode\":\"MPOL_X\"}",
			"linux.memoryPolicy.mode: unknown memory policy 'MPOL_X'"},
		{"\"memoryPolicy\":{\"mode\":\"MPOL_BIND\",\"flags\":[\"MPOL_F_STATIC_NODES\","
		 "\"MPOL_F_RELATIVE_NODES\"]}",
			"linux.memoryPolicy.flags: MPOL_F_RELATIVE_NODES and MPOL_F_STATIC_NODES "
			"exclude each other"},
		{"\"sysctl\":{\"net.ipv4.ip_forward\":1}",
			"linux.sysctl[\"net.ipv4.ip_forward\"]: not a string"},
		{"\"rootfsPropagation\":\"mine\"",
			"linux.rootfsPropagation: unknown propagation 'mine'"},
		{"\"rootfsPropagation\":1", "linux.rootfsPropagation: not a string"},
		{"\"maskedPaths\":[\"/a\",\"b\"]",
			"linux.maskedPaths[1]: 'b' is not an absolute path"},
		{"\"readonlyPaths\":[\"\"]", "linux.readonlyPaths[0]: '' is not an absolute path"},
		{"\"personality\":{\"domain\":\"BSD\"}",
			"linux.personality.domain: unknown execution domain 'BSD'"},
		{"\"personality\":{\"domain\":\"LINUX\",\"flags\":[\"X\"]}",
			"linux.personality.flags[0]: unknown personality flag 'X'"},
	};

	refuse_all(LINUX, list, ARRAY_SIZE(list));
}
END_TEST

START_TEST(resources)
{
	static const struct mistake list[] = {
		{"\"devices\":[{\"type\":\"c\"}]", "linux.resources.devices[0].allow: missing"},
		{"\"devices\":[{\"allow\":true,\"type\":\"p\"}]",
			"linux.resources.devices[0].type: unknown device type 'p'"},
		{"\"devices\":[{\"allow\":true,\"access\":\"rx\"}]",
			"linux.resources.devices[0].access: 'rx' is not made of the letters r, w "
			"and m"},
		{"\"devices\":[{\"allow\":true,\"access\":\"rwr\"}]",
			"linux.resources.devices[0].access: 'rwr' is not made of the letters r, w "
			"and m"},
		{"\"devices\":[{\"allow\":true,\"major\":-2}]",
			"linux.resources.devices[0].major: not between -1 and 4095"},
		{"\"memory\":{\"limit\":-2}", "linux.resources.memory.limit: less than -1"},
		{"\"memory\":{\"limit\":9223372036854775808}",
			"linux.resources.memory.limit: not a signed 64-bit number"},
		{"\"memory\":{\"swappiness\":101}",
			"linux.resources.memory.swappiness: not between 0 and 100"},
		{"\"memory\":{\"disableOOMKiller\":0}",
			"linux.resources.memory.disableOOMKiller: not a boolean"},
		{"\"cpu\":{\"shares\":-1}",
			"linux.resources.cpu.shares: not an unsigned 64-bit number"},
		{"\"cpu\":{\"quota\":10,\"burst\":11}",
			"linux.resources.cpu.burst: larger than the quota"},
		{"\"cpu\":{\"idle\":2}", "linux.resources.cpu.idle: not between 0 and 1"},
		{"\"cpu\":{\"cpus\":\"0-3;rm\"}",
			"linux.resources.cpu.cpus: '0-3;rm' is not a list of numbers"},
		{"\"pids\":{\"limit\":1.5}",
			"linux.resources.pids.limit: not a signed 64-bit number"},
		{"\"blockIO\":{\"weight\":65536}",
			"linux.resources.blockIO.weight: not an unsigned 16-bit number"},
		{"\"blockIO\":{\"weightDevice\":[{\"major\":1,\"minor\":1}]}",
			"linux.resources.blockIO.weightDevice[0]: neither weight nor leafWeight"},
		{"\"blockIO\":{\"throttleReadBpsDevice\":[{\"major\":1,\"minor\":1}]}",
			"linux.resources.blockIO.throttleReadBpsDevice[0].rate: missing"},
		{"\"hugepageLimits\":[{\"pageSize\":\"2M\",\"limit\":1}]",
			"linux.resources.hugepageLimits[0].pageSize: '2M' is not a page size such "
			"as "
			"2MB"},
		{"\"hugepageLimits\":[{\"pageSize\":\"../2MB\",\"limit\":1}]",
			"linux.resources.hugepageLimits[0].pageSize: '../2MB' is not a page size "
			"such "
			"as 2MB"},
		{"\"network\":{\"priorities\":[{\"name\":\"eth0\"}]}",
			"linux.resources.network.priorities[0].priority: missing"},
		{"\"rdma\":{\"mlx\":{}}",
			"linux.resources.rdma.mlx: neither hcaHandles nor hcaObjects"},
		{"\"unified\":{\"../cgroup.procs\":\"1\"}",
			"linux.resources.unified[\"../cgroup.procs\"]: '../cgroup.procs' is not "
			"the "
			"name of a file"},
	};

	refuse_all(RESOURCES, list, ARRAY_SIZE(list));
}
END_TEST

START_TEST(seccomp)
{
	static const struct mistake list[] = {
		{"", "linux.seccomp.defaultAction: missing"},
		{"\"defaultAction\":\"SCMP_ACT_NO\"",
			"linux.seccomp.defaultAction: unknown action 'SCMP_ACT_NO'"},
		{"\"defaultAction\":\"SCMP_ACT_NOTIFY\"",
			"linux.seccomp.defaultAction: SCMP_ACT_NOTIFY cannot be the default, the "
			"listener could not be sent"},
		{"\"defaultAction\":\"SCMP_ACT_ALLOW\",\"defaultErrnoRet\":1",
			"linux.seccomp.defaultErrnoRet: the action returns no errno"},
		{"\"defaultAction\":\"SCMP_ACT_ERRNO\",\"defaultErrnoRet\":4096",
			"linux.seccomp.defaultErrnoRet: 4096 is not between 0 and 4095"},
		{"\"defaultAction\":\"SCMP_ACT_ALLOW\",\"architectures\":[\"x86\"]",
			"linux.seccomp.architectures[0]: unknown architecture 'x86'"},
		{"\"defaultAction\":\"SCMP_ACT_ALLOW\",\"flags\":[\"TSYNC\"]",
			"linux.seccomp.flags[0]: unknown flag 'TSYNC'"},
		{"\"defaultAction\":\"SCMP_ACT_ALLOW\",\"listenerMetadata\":\"x\"",
			"linux.seccomp.listenerMetadata: there is no listenerPath"},
		{"\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"action\":"
		 "\"SCMP_ACT_LOG\"}]",
			"linux.seccomp.syscalls[0].names: missing"},
		{"\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[],\"action\":"
		 "\"SCMP_ACT_LOG\"}]",
			"linux.seccomp.syscalls[0].names: empty"},
		{"\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"]}]",
			"linux.seccomp.syscalls[0].action: missing"},
		{"\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],"
		 "\"action\":\"SCMP_ACT_KILL\",\"errnoRet\":1}]",
			"linux.seccomp.syscalls[0].errnoRet: the action returns no errno"},
		{"\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],"
		 "\"action\":\"SCMP_ACT_LOG\",\"args\":[{\"index\":6,\"value\":0,\"op\":"
		 "\"SCMP_CMP_EQ\"}]}]",
			"linux.seccomp.syscalls[0].args[0].index: not between 0 and 5"},
		{"\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],"
		 "\"action\":\"SCMP_ACT_LOG\",\"args\":[{\"index\":0,\"value\":0,\"op\":"
		 "\"SCMP_CMP_X\"}]}]",
			"linux.seccomp.syscalls[0].args[0].op: unknown operator 'SCMP_CMP_X'"},
		{"\"defaultAction\":\"SCMP_ACT_ALLOW\",\"syscalls\":[{\"names\":[\"read\"],"
		 "\"action\":\"SCMP_ACT_LOG\",\"args\":[{\"index\":0,\"op\":\"SCMP_CMP_EQ\"}]}]",
			"linux.seccomp.syscalls[0].args[0].value: missing"},
	};

	refuse_all(SECCOMP, list, ARRAY_SIZE(list));
}
END_TEST

START_TEST(zeros_of_go_programs_are_no_demands)
{
	static const char text[] = LINUX_("\"resources\":{\"blockIO\":{\"weight\":0},"
					  "\"network\":{\"classID\":0},\"hugepageLimits\":[],"
					  "\"rdma\":{}},\"netDevices\":{}");
	_cleanup_oci_config_ struct oci_config *config = NULL;
	struct err err = ERR_INIT;

	ck_assert_int_eq(oci_config_parse(text, strlen(text), &config, &err), 0);
	ck_assert_uint_eq(config->linux_->n_net_devices, 0);
	ck_assert_uint_eq(config->linux_->resources->n_hugepage_limits, 0);
}
END_TEST

START_TEST(files)
{
	char dir[] = "/tmp/turf-test-XXXXXX";
	_cleanup_oci_config_ struct oci_config *config = NULL;
	struct err err = ERR_INIT;
	int dirfd, fd;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	dirfd = open(dir, O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(oci_config_load(dirfd, "config.json", &config, &err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.msg, "config.json"));
	fd = openat(dirfd, "config.json", O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	ck_assert_int_eq(dprintf(fd, "{\"ociVersion\": \"1.0.0\",\n\"root\": }"), 33);
	ck_assert_int_eq(oci_config_load(dirfd, "config.json", &config, &err), -EINVAL);
	ck_assert_str_eq(err.msg,
		"config.json: line 2, column 9: unallowed token at this point in JSON text");
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	ck_assert_int_eq(pwrite(fd, "{}", 2, 0), 2);
	ck_assert_int_eq(oci_config_load(dirfd, "config.json", &config, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "config.json: ociVersion: missing");
	ck_assert_int_eq(ftruncate(fd, 5 << 20), 0);
	ck_assert_int_eq(oci_config_load(dirfd, "config.json", &config, &err), -EFBIG);
	close(fd);
	unlinkat(dirfd, "config.json", 0);
	close(dirfd);
	rmdir(dir);
}
END_TEST

UNIT_MAIN("oci_errors", required_members, kinds_of_values, mounts_and_hooks, process, users,
	namespaces, linux_members, resources, seccomp, zeros_of_go_programs_are_no_demands, files)
