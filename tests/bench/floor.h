/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the floors have in common: the file systems, devices and masks of the
 * configuration that `turf spec` writes, by the fewest system calls that make them.
 * Each floor is one program without a line of turf's code, so this is included, not
 * linked. An error ends the program.
 */
#ifndef TESTS_BENCH_FLOOR_H
#define TESTS_BENCH_FLOOR_H

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MUST(what)                     \
	do {                           \
		if ((what) < 0) {      \
			perror(#what); \
			_exit(1);      \
		}                      \
	} while (0)

static struct sock_filter insns[4096];
static struct sock_fprog filter = {0, insns};

/* From a file of compiled instructions. */
static inline void read_filter(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = read(fd, insns, sizeof(insns));

	MUST(n);
	close(fd);
	filter.len = (unsigned short)((size_t)n / sizeof(insns[0]));
}

static inline void load_filter(void)
{
	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	if (filter.len)
		MUST(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter));
}

/* In the working directory, which is the root file system to be. */
static inline void mount_all(void)
{
	static const char *const masked[] = {"proc/acpi", "proc/asound", "proc/interrupts",
		"proc/kcore", "proc/keys", "proc/latency_stats", "proc/sched_debug", "proc/scsi",
		"proc/timer_list", "proc/timer_stats", "sys/devices/virtual/powercap",
		"sys/firmware"};
	static const char *const readonly[] = {
		"proc/bus", "proc/fs", "proc/irq", "proc/sys", "proc/sysrq-trigger"};
	static const struct {
		const char *name;
		unsigned minor;
	} devices[] = {{"dev/null", 3}, {"dev/zero", 5}, {"dev/full", 7}, {"dev/random", 8},
		{"dev/urandom", 9}};
	const unsigned long usual = MS_NOSUID | MS_NOEXEC | MS_NODEV;

	MUST(mount("proc", "proc", "proc", 0, NULL));
	MUST(mount("tmpfs", "dev", "tmpfs", MS_NOSUID | MS_STRICTATIME, "mode=755,size=65536k"));
	MUST(mkdir("dev/pts", 0755));
	MUST(mkdir("dev/shm", 0755));
	MUST(mkdir("dev/mqueue", 0755));
	MUST(mount("devpts", "dev/pts", "devpts", MS_NOSUID | MS_NOEXEC,
		"newinstance,ptmxmode=0666,mode=0620,gid=5"));
	MUST(mount("shm", "dev/shm", "tmpfs", usual, "mode=1777,size=65536k"));
	MUST(mount("mqueue", "dev/mqueue", "mqueue", usual, NULL));
	MUST(mount("sysfs", "sys", "sysfs", usual | MS_RDONLY, NULL));
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		MUST(mknod(devices[i].name, S_IFCHR | 0666, makedev(1, devices[i].minor)));
	MUST(mknod("dev/tty", S_IFCHR | 0666, makedev(5, 0)));
	MUST(symlink("pts/ptmx", "dev/ptmx"));
	MUST(symlink("/proc/self/fd", "dev/fd"));
	MUST(symlink("/proc/self/fd/0", "dev/stdin"));
	MUST(symlink("/proc/self/fd/1", "dev/stdout"));
	MUST(symlink("/proc/self/fd/2", "dev/stderr"));
	for (size_t i = 0; i < sizeof(masked) / sizeof(masked[0]); i++) {
		struct stat st;

		if (stat(masked[i], &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode))
			MUST(mount("tmpfs", masked[i], "tmpfs", MS_RDONLY, NULL));
		else
			MUST(mount("dev/null", masked[i], NULL, MS_BIND, NULL));
	}
	for (size_t i = 0; i < sizeof(readonly) / sizeof(readonly[0]); i++) {
		if (access(readonly[i], F_OK) < 0)
			continue;
		MUST(mount(readonly[i], readonly[i], NULL, MS_BIND | MS_REC, NULL));
		MUST(mount(
			NULL, readonly[i], NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | usual, NULL));
	}
}

static inline void loopback_up(void)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	MUST(fd);
	MUST(ioctl(fd, SIOCSIFFLAGS, &lo));
	close(fd);
}

/* All capabilities that `turf spec` does not keep in the bounding set. */
static inline void drop_capabilities(void)
{
	for (int cap = 0; cap < 41; cap++)
		if (cap != 5 && cap != 10 && cap != 29) /* kill, net_bind_service, audit_write */
			(void)prctl(PR_CAPBSET_DROP, cap);
}

#endif
