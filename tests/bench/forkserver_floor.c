/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor under warmfork: a fork server in plain C, as small as it can be, that
 * puts each clone into the sandbox of bench-warmfork's bundle and lets it answer
 * one kind of HTTP request. It has no engine, no configuration, no error handling
 * beyond ending, and no code of turf's. Static, so that its page tables are tiny.
 *
 *   forkserver_floor SOCKET ROOTFS
 *
 * Whatever arrives on SOCKET (SOCK_SEQPACKET) makes one clone; the answer is its
 * pid in the server's PID namespace. The clone listens on ROOTFS/http.sock.
 */
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#define MUST(what)                     \
	do {                           \
		if ((what) < 0) {      \
			perror(#what); \
			_exit(1);      \
		}                      \
	} while (0)

static void mount_all(void)
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

static void enter(const char *rootfs)
{
	const struct rlimit files = {1024, 1024};

	MUST(setsid());
	MUST(sethostname("bench", 5));
	MUST(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
	MUST(mount(rootfs, rootfs, NULL, MS_BIND | MS_REC, NULL));
	MUST(chdir(rootfs));
	mount_all();
	MUST(syscall(SYS_pivot_root, ".", "."));
	MUST(umount2(".", MNT_DETACH));
	MUST(chdir("/"));
	MUST(setrlimit(RLIMIT_NOFILE, &files));
	for (int cap = 0; cap < 41; cap++)
		(void)prctl(PR_CAPBSET_DROP, cap);
	MUST(setgroups(0, NULL));
	MUST(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
}

static void serve(void)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";
	struct sockaddr_un addr = {.sun_family = AF_UNIX, .sun_path = "/http.sock"};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char request[4096];

	MUST(fd);
	MUST(bind(fd, (struct sockaddr *)&addr, sizeof(addr)));
	MUST(listen(fd, 128));
	for (;;) {
		int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (conn < 0 || recv(conn, request, sizeof(request), 0) <= 0)
			_exit(0);
		(void)send(conn, answer, sizeof(answer) - 1, MSG_NOSIGNAL);
		close(conn);
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (argc != 3 || strlen(argv[1]) >= sizeof(addr.sun_path)) {
		fprintf(stderr, "usage: forkserver_floor SOCKET ROOTFS\n");
		return 2;
	}
	memcpy(addr.sun_path, argv[1], strlen(argv[1]) + 1);
	signal(SIGCHLD, SIG_IGN);
	MUST(prctl(PR_SET_PDEATHSIG, SIGKILL));
	MUST(bind(listener, (struct sockaddr *)&addr, sizeof(addr)));
	MUST(listen(listener, 128));
	for (;;) {
		struct clone_args args = {
			.flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC |
				 CLONE_NEWUTS,
			.exit_signal = SIGCHLD,
		};
		int conn = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		char byte;
		long pid;

		if (conn < 0)
			return 1;
		if (recv(conn, &byte, 1, 0) == 1) {
			pid = syscall(SYS_clone3, &args, sizeof(args));
			MUST(pid);
			if (pid == 0) {
				close(conn);
				close(listener);
				enter(argv[2]);
				serve();
			}
			(void)send(conn, &pid, sizeof(pid), MSG_NOSIGNAL);
		}
		close(conn);
	}
}
