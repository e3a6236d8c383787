/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The floor under warmfork: a fork server in plain C, as small as it can be, that
 * puts each clone into the sandbox of bench-warmfork's bundle and lets it answer
 * one kind of HTTP request. It has no engine, no configuration, no error handling
 * beyond ending, and no code of turf's. Static, so that its page tables are tiny.
 *
 *   forkserver_floor SOCKET ROOTFS FILTER [CGROUP]...
 *
 * Whatever arrives on SOCKET (SOCK_SEQPACKET) makes one clone; the answer is its
 * pid in the server's PID namespace. The clone listens on ROOTFS/http.sock. FILTER is a
 * file of compiled seccomp instructions. A CGROUP is a file that takes the clone in when it
 * writes "0", or the directory of v2, for the clone to be born in.
 */
#include <fcntl.h>
#include <grp.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/bench/floor.h"

#define USER 1000

static int groups[16];
static int n_groups;
static int v2_dir = -1;

static void enter(const char *rootfs)
{
	const struct rlimit files = {1024, 1024};

	for (int i = 0; i < n_groups; i++)
		MUST(write(groups[i], "0", 1));
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
	drop_capabilities();
	MUST(setgroups(0, NULL));
	MUST(syscall(SYS_setresgid, USER, USER, USER));
	MUST(syscall(SYS_setresuid, USER, USER, USER));
	load_filter();
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

	if (argc < 4 || strlen(argv[1]) >= sizeof(addr.sun_path)) {
		fprintf(stderr, "usage: forkserver_floor SOCKET ROOTFS FILTER [CGROUP]...\n");
		return 2;
	}
	read_filter(argv[3]);
	for (int i = 4; i < argc && n_groups < 16; i++) {
		int fd = open(argv[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd >= 0) {
			v2_dir = fd;
			continue;
		}
		groups[n_groups] = open(argv[i], O_WRONLY | O_CLOEXEC);
		MUST(groups[n_groups++]);
	}
	memcpy(addr.sun_path, argv[1], strlen(argv[1]) + 1);
	signal(SIGCHLD, SIG_IGN);
	MUST(prctl(PR_SET_PDEATHSIG, SIGKILL));
	MUST(bind(listener, (struct sockaddr *)&addr, sizeof(addr)));
	MUST(listen(listener, 128));
	for (;;) {
		struct clone_args args = {
			.flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS,
			.exit_signal = SIGCHLD,
		};
		int conn = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
		char byte;
		long pid;

		if (conn < 0)
			return 1;
		if (v2_dir >= 0) {
			args.flags |= CLONE_INTO_CGROUP;
			args.cgroup = (uint64_t)v2_dir;
		}
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
