/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/bench/bench.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/fd.h"

/* How long to sleep between two attempts to connect. */
#define CONNECT_PAUSE_NS 20000

#define UNIFIED_MOUNT "/sys/fs/cgroup/unified"

double bench_now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

unsigned bench_rounds(void)
{
	const char *s = getenv("BENCH_ROUNDS");
	unsigned long n = s ? strtoul(s, NULL, 10) : 0;

	return n > 0 && n < 1000000 ? (unsigned)n : BENCH_ROUNDS_DEFAULT;
}

bool bench_is_wanted(const char *name)
{
	const char *only = getenv("BENCH_ONLY");

	return !only || (strstr(name, only) || strstr(only, name));
}

void bench_add(struct bench_samples *s, double v)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? s->cap * 2 : 64;
		double *bigger = realloc(s->v, cap * sizeof(*bigger));

		if (!bigger)
			abort();
		s->v = bigger;
		s->cap = cap;
	}
	s->v[s->n++] = v;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a;
	double y = *(const double *)b;

	return (x > y) - (x < y);
}

double bench_quantile(struct bench_samples *s, double p)
{
	if (s->n == 0)
		return NAN;
	qsort(s->v, s->n, sizeof(*s->v), by_value);
	return s->v[(size_t)(p * (double)(s->n - 1) + 0.5)];
}

double bench_median_ms(struct bench_case *c)
{
	return bench_quantile(&c->wall, .5) / 1e3;
}

/* --- rounds --- */

static void run_one(struct bench_case *c, bool counts)
{
	struct err err = ERR_INIT;
	double wall;
	double cpu = -1;

	if (c->missing)
		return;
	if (c->run(c, &wall, &cpu, &err) < 0) {
		fprintf(stderr, "bench: %s: %s\n", c->name, err.msg);
		c->missing = strdup(err.msg);
		c->wall.n = c->cpu.n = 0;
		return;
	}
	if (!counts)
		return;
	bench_add(&c->wall, wall);
	if (cpu >= 0)
		bench_add(&c->cpu, cpu);
}

void bench_run(struct bench_case *cases, size_t n, unsigned rounds)
{
	size_t order[BENCH_CASES_MAX];
	unsigned seed = (unsigned)getpid();
	bool shown = isatty(STDERR_FILENO);

	for (size_t i = 0; i < n; i++) {
		order[i] = i;
		if (!cases[i].missing && !bench_is_wanted(cases[i].name))
			cases[i].missing = "left out by BENCH_ONLY";
	}
	for (unsigned round = 0; round < rounds + BENCH_WARM_UP; round++) {
		for (size_t i = n - 1; i > 0; i--) {
			size_t j = (size_t)rand_r(&seed) % (i + 1);
			size_t t = order[i];

			order[i] = order[j];
			order[j] = t;
		}
		for (size_t i = 0; i < n; i++)
			run_one(&cases[order[i]], round >= BENCH_WARM_UP);
		if (shown)
			fprintf(stderr, "\r\033[Kround %u of %u", round + 1,
				rounds + BENCH_WARM_UP);
	}
	if (shown)
		fprintf(stderr, "\r\033[K");
}

/* --- the host --- */

int bench_hide_hybrid(bool *ret_hidden, struct err *err)
{
	_cleanup_free_ char *controllers = NULL;
	struct err ignored = ERR_INIT;
	size_t len;

	if (file_read(AT_FDCWD, UNIFIED_MOUNT "/cgroup.controllers", 4096, &controllers, &len,
		    &ignored) < 0 ||
		len <= 1)
		return 0;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
		umount2(UNIFIED_MOUNT, MNT_DETACH) < 0)
		return err_set(err, errno, "hide '%s'", UNIFIED_MOUNT);
	*ret_hidden = true;
	return 0;
}

/* --- directories --- */

int bench_directory(const char *parent, char ret[64], struct err *err)
{
	snprintf(ret, 64, "%s/turf-bench-XXXXXX", parent);
	if (mkdtemp(ret))
		return 0;
	*ret = '\0';
	return err_set(err, errno, "make a directory in '%s'", parent);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

void bench_directory_remove(const char *path)
{
	if (*path && nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0)
		fprintf(stderr, "bench: cannot remove '%s'\n", path);
}

/* --- programs --- */

const char *bench_program(const char *name)
{
	static char path[PATH_MAX];
	const char *b = getenv("B");

	snprintf(path, sizeof(path), "%s/%s", b ? b : "build", name);
	return path;
}

char *bench_find(const char *program)
{
	const char *path = getenv("PATH");
	char file[PATH_MAX];

	while (path && *path) {
		size_t len = strcspn(path, ":");

		snprintf(file, sizeof(file), "%.*s/%s", (int)len, path, program);
		if (access(file, X_OK) == 0)
			return strdup(file);
		path += len + (path[len] == ':');
	}
	return NULL;
}

/* Not by fork: a copy of this process would be part of what is measured. */
static int spawn(const char *const *argv, int out_fd, pid_t *ret_pid, struct err *err)
{
	posix_spawn_file_actions_t actions;
	int r = posix_spawn_file_actions_init(&actions);

	if (r == 0)
		r = posix_spawn_file_actions_addopen(
			&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	if (r == 0)
		r = out_fd >= 0 ? posix_spawn_file_actions_adddup2(&actions, out_fd, STDOUT_FILENO)
				: posix_spawn_file_actions_addopen(
					  &actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	if (r == 0)
		r = posix_spawn(ret_pid, argv[0], &actions, NULL, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return r ? err_set(err, r, "execute '%s'", argv[0]) : 0;
}

int bench_start(const char *const *argv, pid_t *ret_pid, struct err *err)
{
	return spawn(argv, -1, ret_pid, err);
}

int bench_wait(pid_t pid, int *ret_status, double *ret_cpu_us, struct err *err)
{
	struct rusage usage;

	while (wait4(pid, ret_status, 0, &usage) < 0)
		if (errno != EINTR)
			return err_set(err, errno, "wait for process %d", (int)pid);
	if (ret_cpu_us)
		*ret_cpu_us = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
			      (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
	return 0;
}

void bench_stop(pid_t pid, double *ret_cpu_us)
{
	struct err err = ERR_INIT;
	int status;

	kill(pid, SIGKILL);
	(void)bench_wait(pid, &status, ret_cpu_us, &err);
}

static int check_status(const char *program, int status, struct err *err)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return err_say(err, ECHILD, "'%s' ended with status %#x", program, (unsigned)status);
}

int bench_exec(const char *const *argv, double *ret_wall_us, double *ret_cpu_us, struct err *err)
{
	double begin = bench_now_us();
	int status = 0;
	pid_t pid = 0;
	int r = bench_start(argv, &pid, err);

	if (r == 0)
		r = bench_wait(pid, &status, ret_cpu_us, err);
	if (r < 0)
		return r;
	if (ret_wall_us)
		*ret_wall_us = bench_now_us() - begin;
	return check_status(argv[0], status, err);
}

int bench_output(const char *const *argv, char *ret, size_t size, struct err *err)
{
	size_t len = 0;
	ssize_t n = 1;
	int status = 0;
	int fds[2];
	pid_t pid;
	int r;

	*ret = '\0';
	if (pipe2(fds, O_CLOEXEC) < 0)
		return err_set(err, errno, "pipe");
	r = spawn(argv, fds[1], &pid, err);
	close(fds[1]);
	while (r == 0 && n > 0 && len < size - 1) {
		n = read(fds[0], ret + len, size - 1 - len);
		len += n > 0 ? (size_t)n : 0;
	}
	ret[len] = '\0';
	close(fds[0]);
	if (r == 0)
		r = bench_wait(pid, &status, NULL, err);
	return r < 0 ? r : check_status(argv[0], status, err);
}

/* --- workers --- */

static int connect_when_there(
	const char *path, pid_t pid, double deadline, int *ret_fd, struct err *err)
{
	const struct timespec pause = {0, CONNECT_PAUSE_NS};
	struct sockaddr_un addr = {.sun_family = AF_UNIX};

	if (snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path) >=
		(int)sizeof(addr.sun_path))
		return err_say(err, ENAMETOOLONG, "socket path '%s' is too long", path);
	for (;;) {
		int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		siginfo_t info = {0};

		if (fd < 0)
			return err_set(err, errno, "socket");
		if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) == 0) {
			*ret_fd = fd;
			return 0;
		}
		close(fd);
		if (pid > 0 && waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
			info.si_pid == pid)
			return err_say(err, ECHILD, "ended before it listened on '%s'", path);
		if (bench_now_us() > deadline)
			return err_say(err, ETIMEDOUT, "nobody listens on '%s'", path);
		nanosleep(&pause, NULL);
	}
}

int bench_first_byte(const char *socket_path, pid_t pid, struct err *err)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: bench\r\n\r\n";
	double deadline = bench_now_us() + BENCH_FIRST_BYTE_TIMEOUT_MS * 1e3;
	struct pollfd p = {.events = POLLIN};
	char byte;
	int r = connect_when_there(socket_path, pid, deadline, &p.fd, err);

	if (r < 0)
		return r;
	if (send(p.fd, request, sizeof(request) - 1, MSG_NOSIGNAL) != (ssize_t)sizeof(request) - 1)
		r = err_set(err, errno, "send the request");
	else if (poll(&p, 1, BENCH_FIRST_BYTE_TIMEOUT_MS) != 1)
		r = err_say(err, ETIMEDOUT, "no answer on '%s'", socket_path);
	else if (recv(p.fd, &byte, 1, 0) != 1 || byte != 'H')
		r = err_say(err, EPROTO, "the answer on '%s' is not HTTP", socket_path);
	close(p.fd);
	return r;
}

double bench_private_kib(pid_t pid)
{
	static const char name[] = "Private_Dirty:";
	_cleanup_free_ char *text = NULL;
	struct err err = ERR_INIT;
	char path[64], *line;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
	if (file_read(AT_FDCWD, path, 1u << 16, &text, &len, &err) < 0)
		return 0;
	line = strstr(text, name);
	return line ? strtod(line + sizeof(name) - 1, NULL) : 0;
}
