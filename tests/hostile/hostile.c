/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a tenant can do who has taken over the process of a worker: native code in
 * the place of an Aworker, cloned by the real fork server and put into the real
 * box. A keeper started with this program as its worker makes a seed of it.
 *
 * A container's process.args choose what its clone does:
 *   hostile wait            the victim: prints "up" and waits for SIGTERM
 *   hostile attack PID HALF HALF
 *       tries everything below against the victim whose host pid is PID and whose
 *       environment holds the secret that the two halves make up; prints one line
 *       for each try, "held NAME" or "BREACH NAME: ...". Exits 0 when all held.
 *   hostile die             ends by SIGSEGV at once
 *   hostile bomb            forks until it is refused; prints "refused after N"
 *   hostile rest HOW        is made a state image of, see rest.h
 * Outside of containers `hostile forge IMAGE` and `hostile seal IMAGE` change a state image, see
 * forge.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runtime/box/enter.h"
#include "seed/forkserver.h"
#include "seed/launch.h"
#include "tests/hostile/forge.h"
#include "tests/hostile/rest.h"

#define BOMB_MAX 2000 /* processes; a container's limit must be far below */

static unsigned breaches;

static void __attribute__((format(printf, 3, 4)))
verdict(const char *name, int breached, const char *fmt, ...)
{
	va_list ap;

	if (!breached) {
		printf("held %s\n", name);
		return;
	}
	breaches++;
	printf("BREACH %s: ", name);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

/* --- what was inherited --- */

static void try_descriptors(void)
{
	char found[256] = "";

	for (int fd = 3; fd < 4096; fd++)
		if (fcntl(fd, F_GETFD) >= 0)
			snprintf(found + strlen(found), sizeof(found) - strlen(found), " %d", fd);
	verdict("descriptors", found[0], "open:%s", found);
}

/* Larger mappings are reservations: the shadow of a sanitizer, above all, has terabytes. */
#define MAPPING_MAX (1ul << 32)

/* The secret of another tenant went through the seed on its way; is any of it in our memory? */
static void try_memory(const char *half1, const char *half2)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	int mem = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
	size_t n = strlen(half1), m = strlen(half2), pages = 0;
	char line[512];
	int found = 0;

	while (maps && mem >= 0 && fgets(line, sizeof(line), maps)) {
		unsigned long from, to;
		char rights[8];

		if (sscanf(line, "%lx-%lx %7s", &from, &to, rights) != 3 || rights[0] != 'r' ||
			strstr(line, "[v") || to - from > MAPPING_MAX)
			continue;
		for (unsigned long at = from; at < to; at += 4096, pages++) {
			static char page[4096 + 64];
			ssize_t got = pread(mem, page, sizeof(page), (off_t)at);

			for (ssize_t i = 0; i + (ssize_t)(n + m) <= got; i++)
				found |= memcmp(page + i, half1, n) == 0 &&
					 memcmp(page + i + n, half2, m) == 0;
		}
	}
	if (maps)
		fclose(maps);
	close(mem);
	verdict("memory", found || pages < 16,
		found ? "the victim's secret is in it" : "only %zu pages could be read", pages);
}

/* --- the seed and the runtime's files --- */

static int connects(const char *path)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	int ok;

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
	ok = fd >= 0 && connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0;
	close(fd);
	return ok;
}

static void try_seed_socket(const char *dir)
{
	static const char *const roots[] = {"", "/proc/1/root", "/proc/self/root/../.."};
	char path[108];

	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++)
		for (int control = 0; control < 2; control++) {
			snprintf(path, sizeof(path), "%s%s/hostile/%s", roots[i], dir,
				control ? "control" : "clone");
			verdict("seed socket", connects(path), "connected to %s", path);
		}
}

static void try_files(void)
{
	static const char *const paths[] = {"/run/turf", "/run/turf-seeds", "/../run/turf",
		"/proc/1/root/run/turf", "/proc/1/cwd/../../run/turf", "/etc/shadow"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		int fd = open(paths[i], O_RDONLY | O_CLOEXEC);

		verdict("host files", fd >= 0, "opened %s", paths[i]);
		close(fd);
	}
}

/* CVE-2019-5736: the program that others will be started from. */
static void try_executable(void)
{
	static const char *const paths[] = {"/proc/self/exe", "/proc/1/exe"};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
		char again[64];
		int w;

		snprintf(again, sizeof(again), "/proc/self/fd/%d", fd);
		w = open(fd >= 0 ? again : paths[i], O_WRONLY | O_CLOEXEC);
		verdict("executable", w >= 0 && write(w, "x", 1) == 1, "wrote to %s", paths[i]);
		close(w);
		close(fd);
	}
}

/* --- the other tenant --- */

static void try_processes(pid_t victim, const char *half1, const char *half2)
{
	DIR *dir = opendir("/proc");
	struct dirent *e;
	unsigned seen = 0, leaks = 0;
	char secret[256];

	snprintf(secret, sizeof(secret), "%s%s", half1, half2);
	while (dir && (e = readdir(dir))) {
		char path[300], text[65536];
		int fd;
		ssize_t n;

		if (e->d_name[0] < '0' || e->d_name[0] > '9')
			continue;
		seen++;
		snprintf(path, sizeof(path), "/proc/%s/environ", e->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		n = fd >= 0 ? read(fd, text, sizeof(text)) : 0;
		leaks += n > 0 && memmem(text, (size_t)n, secret, strlen(secret)) != NULL;
		close(fd);
	}
	if (dir)
		closedir(dir);
	verdict("processes", seen != 1 || leaks, "%u processes are visible, %u with the secret",
		seen, leaks);
	verdict("signal the victim", kill(victim, 0) == 0, "process %d", (int)victim);
	verdict("trace the victim", ptrace(PTRACE_SEIZE, victim, 0, 0) == 0, "process %d",
		(int)victim);
}

static void try_read_victim(pid_t victim)
{
	char text[64];
	struct iovec local = {text, sizeof(text)};
	struct iovec remote = {(void *)(uintptr_t)&breaches, sizeof(text)};

	verdict("read the victim", process_vm_readv(victim, &local, 1, &remote, 1, 0) > 0,
		"memory of process %d", (int)victim);
	/* All of this namespace, were it not our own. */
	verdict("signal everybody", kill(-1, SIGCONT) == 0 && getpid() != 1,
		"pid %d is not alone in its namespace", (int)getpid());
}

/* --- more rights --- */

static void try_rights(void)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct caps[2] = {{0}}, all[2] = {
							       {~0u, ~0u, ~0u},
							       {~0u, ~0u, ~0u},
						       };

	syscall(SYS_capget, &head, caps);
	verdict("capabilities",
		caps[0].effective || caps[0].permitted || caps[1].effective || caps[1].permitted,
		"permitted %08x%08x", caps[1].permitted, caps[0].permitted);
	verdict("take capabilities", syscall(SYS_capset, &head, all) == 0, "capset worked");
	verdict("become root", setuid(0) == 0 && getuid() != 0, "setuid(0) worked");
	verdict("new privileges", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != 1, "not set");
	verdict("mount", mount("none", "/", "tmpfs", 0, NULL) == 0, "mounted over the root");
	verdict("remount", mount(NULL, "/", NULL, MS_REMOUNT | MS_BIND, NULL) == 0,
		"the root is writable");
	verdict("device", mknod("/tmp/mem", S_IFCHR | 0600, makedev(1, 1)) == 0, "made /dev/mem");
	verdict("sysctl", open("/proc/sys/kernel/core_pattern", O_WRONLY | O_CLOEXEC) >= 0,
		"core_pattern can be written");
	verdict("host name", sethostname("x", 1) == 0, "changed");
	verdict("change the root", chroot("/proc") == 0, "chroot worked");
}

/* Namespaces that are found through /proc must be our own. */
static void try_namespaces(void)
{
	static const char *const names[] = {"mnt", "pid", "net", "ipc", "uts", "cgroup"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char path[64];
		int fd;

		snprintf(path, sizeof(path), "/proc/1/ns/%s", names[i]);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		verdict("join a namespace", fd >= 0 && setns(fd, 0) == 0, "joined %s", path);
		close(fd);
	}
}

/* The seed's keyring, or that of whoever started it, would be found as the session's. */
static void try_keyring(void)
{
	char text[256] = "";

	(void)syscall(
		SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, text, sizeof(text) - 1);
	verdict("keyring", strstr(text, ";_ses") && !strstr(text, ";_ses."), "has '%s'", text);
}

static int attack(pid_t victim, const char *half1, const char *half2, const char *seeds)
{
	try_descriptors();
	try_memory(half1, half2);
	try_seed_socket(seeds);
	try_files();
	try_executable();
	try_processes(victim, half1, half2);
	try_read_victim(victim);
	try_rights();
	try_namespaces();
	try_keyring();
	printf("%u breaches\n", breaches);
	fflush(stdout);
	return breaches ? 1 : 0;
}

/* --- exhaustion --- */

static _Noreturn void bomb(void)
{
	unsigned n = 0;

	for (; n < BOMB_MAX; n++) {
		pid_t pid = fork();

		if (pid < 0)
			break;
		if (pid == 0)
			for (;;)
				pause();
	}
	printf("refused after %u\n", n);
	fflush(stdout);
	for (;;)
		pause();
}

static int wait_for_end(void)
{
	sigset_t term;
	int sig;

	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_BLOCK, &term, NULL);
	puts("up");
	fflush(stdout);
	sigwait(&term, &sig);
	return 0;
}

static const char *setting(const struct box_entry *entry, const char *name)
{
	for (const char *const *e = entry->envp; *e; e++)
		if (strncmp(*e, name, strlen(name)) == 0)
			return *e + strlen(name);
	return "/run/turf-seeds";
}

/* The runtime's own option is the first. */
static bool is_to_rest(const struct box_entry *entry)
{
	return entry->argv[1] && strcmp(entry->argv[1], "--build-state=-") == 0;
}

static int payload(struct box_entry *entry)
{
	const char *const *a = entry->argv;
	int argc = 0;

	while (a[argc])
		argc++;
	if (argc == 5 && strcmp(a[1], "attack") == 0)
		return attack(atoi(a[2]), a[3], a[4], setting(entry, "SEEDS="));
	if (argc == 2 && strcmp(a[1], "wait") == 0)
		return wait_for_end();
	if (argc == 2 && strcmp(a[1], "bomb") == 0)
		bomb();
	if (argc == 4 && is_to_rest(entry) && strcmp(a[2], "rest") == 0)
		return rest(entry, a[3]);
	if (argc == 2 && strcmp(a[1], "die") == 0)
		__builtin_trap(); /* a signal that is sent would not end a PID 1 */
	fprintf(stderr, "hostile: wait, attack PID HALF HALF, die, bomb or rest HOW\n");
	return 2;
}

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static int become(const char *arg, struct seed_request *req, struct err *err)
{
	const char *cold = str_after(arg, SEED_OPTION_COLD);
	const char *serve = str_after(arg, SEED_OPTION_SERVE);
	int listen_fd, keeper_fd;

	if (cold)
		return seed_receive_one(atoi(cold), req, err);
	if (!serve)
		return err_say(err, EINVAL, "'%s' makes neither a seed nor a cold worker", arg);
	if (seed_serve_parse(serve, &listen_fd, &keeper_fd, err) < 0)
		return -err->code;
	if (seed_trial(nothing, NULL, 5000, err) < 0)
		return -err->code;
	box_remember_namespaces();
	return seed_serve(listen_fd, keeper_fd, req, err);
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	struct seed_request req;
	struct box_entry entry;
	int r;

	if (argc == 3 && strcmp(argv[1], "forge") == 0)
		return forge(argv[2]);
	if (argc == 3 && strcmp(argv[1], "seal") == 0)
		return seal(argv[2]);
	seed_process_init();
	if (argc != 2 || become(argv[1], &req, &err) < 0) {
		fprintf(stderr, "hostile: %s\n", err.msg);
		return 1;
	}
	r = box_enter(req.plan, req.plan_len, req.fds, req.n_fds, req.conn,
		&(struct box_birth){req.missing, req.bare, {-1, -1}}, &entry, &err);
	if (r == 0)
		r = box_ready(&entry, &err);
	if (r == 0)
		r = box_wait_start(&entry, &err);
	if (r < 0) {
		box_failed(&entry, &err);
		return 1;
	}
	if (!is_to_rest(&entry))
		box_started(&entry);
	_exit(payload(&entry));
}
