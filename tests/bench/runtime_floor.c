/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor under `run`: the bare system calls that make the sandbox of
 * bench-runtime's bundle, run /bin/true in it and take it away again. No
 * configuration is read, nothing is recorded, resolved, checked or handed from one
 * process to another. Static, and no code of turf's.
 *
 *   runtime_floor ROOTFS FILTER HIERARCHY=CGROUP...
 *
 * FILTER is a file of compiled seccomp instructions, CGROUP the directory to make,
 * HIERARCHY the controllers of a v1 hierarchy as mount(2) takes them, or "" for v2.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "tests/bench/floor.h"

#define GROUPS_MAX  16
#define KEPT_CAPS   (1u << 5 | 1u << 10 | 1u << 29)
#define GROUP_FLAGS (MS_NOSUID | MS_NOEXEC | MS_NODEV | MS_RDONLY)

struct hierarchy {
	const char *controllers;
	const char *dir;
	int tasks; /* v1 */
};

static struct hierarchy groups[GROUPS_MAX];
static int n_groups;
static int v2_dir = -1;

static int open_in(const char *dir, const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	MUST(fd);
	return fd;
}

static void allow_devices(const char *dir)
{
	static const char *const rules[] = {"c *:* m", "b *:* m", "c 1:3 rwm", "c 1:5 rwm",
		"c 1:7 rwm", "c 1:8 rwm", "c 1:9 rwm", "c 5:0 rwm", "c 5:2 rwm", "c 136:* rwm"};
	int deny = open_in(dir, "devices.deny");
	int allow = open_in(dir, "devices.allow");

	MUST(write(deny, "a", 1));
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		MUST(write(allow, rules[i], strlen(rules[i])));
	close(deny);
	close(allow);
}

static void make_groups(void)
{
	for (int i = 0; i < n_groups; i++) {
		struct hierarchy *g = &groups[i];

		MUST(mkdir(g->dir, 0755));
		if (!*g->controllers) {
			v2_dir = open(g->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			MUST(v2_dir);
			continue;
		}
		g->tasks = open_in(g->dir, "tasks");
		if (strcmp(g->controllers, "devices") == 0)
			allow_devices(g->dir);
	}
}

/* What the container sees of its cgroups. */
static void mount_groups(void)
{
	char dir[64];

	if (n_groups == 1 && !*groups[0].controllers) {
		MUST(mount("cgroup2", "sys/fs/cgroup", "cgroup2", GROUP_FLAGS, NULL));
		return;
	}
	MUST(mount("tmpfs", "sys/fs/cgroup", "tmpfs", GROUP_FLAGS & ~MS_RDONLY, "mode=755"));
	for (int i = 0; i < n_groups; i++) {
		const char *name = groups[i].controllers;

		if (!*name)
			continue;
		name = strncmp(name, "name=", 5) == 0 ? name + 5 : name;
		snprintf(dir, sizeof(dir), "sys/fs/cgroup/%s", name);
		MUST(mkdir(dir, 0755));
		MUST(mount("cgroup", dir, "cgroup", GROUP_FLAGS, groups[i].controllers));
	}
	MUST(mount(NULL, "sys/fs/cgroup", NULL, MS_REMOUNT | MS_BIND | GROUP_FLAGS, NULL));
}

static void give_up_privileges(void)
{
	const struct rlimit files = {1024, 1024};
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{KEPT_CAPS, KEPT_CAPS, 0}, {0, 0, 0}};

	MUST(setrlimit(RLIMIT_NOFILE, &files));
	drop_capabilities();
	MUST(setgroups(0, NULL));
	MUST(syscall(SYS_setresgid, 0, 0, 0));
	MUST(syscall(SYS_setresuid, 0, 0, 0));
	MUST(syscall(SYS_capset, &head, data));
	load_filter();
}

static void run(const char *rootfs)
{
	char *const argv[] = {"/bin/true", NULL};
	char *const envp[] = {"PATH=/bin", "TERM=xterm", NULL};

	for (int i = 0; i < n_groups; i++)
		if (*groups[i].controllers)
			MUST(write(groups[i].tasks, "0", 1));
	MUST(unshare(CLONE_NEWCGROUP));
	MUST(setsid());
	MUST(sethostname("bench", 5));
	loopback_up();
	MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	MUST(mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL));
	MUST(chdir(rootfs));
	mount_all();
	mount_groups();
	MUST(mount(NULL, ".", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
	MUST(syscall(SYS_pivot_root, ".", "."));
	MUST(umount2(".", MNT_DETACH));
	MUST(chdir("/"));
	give_up_privileges();
	MUST(execve(argv[0], argv, envp));
}

static void read_arguments(int argc, char **argv)
{
	read_filter(argv[2]);
	for (int i = 3; i < argc && n_groups < GROUPS_MAX; i++) {
		char *equals = strstr(argv[i], "=/");

		if (!equals)
			continue;
		*equals = '\0';
		groups[n_groups++] = (struct hierarchy){argv[i], equals + 1, -1};
	}
}

int main(int argc, char **argv)
{
	struct clone_args args = {
		.flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS,
		.exit_signal = SIGCHLD,
	};
	long pid;
	int status;

	if (argc < 3) {
		fprintf(stderr, "usage: runtime_floor ROOTFS FILTER [HIERARCHY=CGROUP]...\n");
		return 2;
	}
	read_arguments(argc, argv);
	make_groups();
	if (v2_dir >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)v2_dir;
	}
	pid = syscall(SYS_clone3, &args, sizeof(args));
	MUST(pid);
	if (pid == 0)
		run(argv[1]);
	MUST(waitpid((pid_t)pid, &status, 0));
	for (int i = 0; i < n_groups; i++)
		MUST(rmdir(groups[i].dir));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
