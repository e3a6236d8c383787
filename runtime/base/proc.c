/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/proc.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <strings.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/clock.h"
#include "runtime/base/fd.h"

/* Some fifty numbers, and a name of 64 bytes at most. */
#define STAT_TEXT_MAX 1536

/* Where the next word begins, `n` times; NULL when there are not so many. */
static const char *skip_words(const char *p, int n)
{
	for (; p && n > 0; n--) {
		p = strchr(p, ' ');
		p = p ? p + 1 : NULL;
	}
	return p;
}

int proc_stat_read(pid_t pid, struct proc_stat *ret, struct err *err)
{
	const char *p, *state, *parent, *start;
	_cleanup_close_ int fd = -1;
	char text[STAT_TEXT_MAX];
	char path[64];
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n < 0 && (errno == ENOENT || errno == ESRCH))
		return err_set(err, ESRCH, "process %d", (int)pid);
	if (n < 0)
		return err_set(err, errno, "read '%s'", path);
	text[n] = '\0';
	/* comm is in parentheses and may hold anything, a ')' too. */
	p = strrchr(text, ')');
	state = skip_words(p, 1);
	parent = skip_words(state, 1);
	start = skip_words(parent, 18);
	if (!start)
		return err_say(err, EPROTO, "parse '%s': unexpected contents", path);
	*ret = (struct proc_stat){
		.state = *state,
		.ppid = (pid_t)strtol(parent, NULL, 10),
		.start_time = strtoull(start, NULL, 10),
	};
	return 0;
}

bool proc_is_alive(const struct proc_id *id)
{
	struct proc_stat st;
	struct err err;

	if (id->pid <= 0 || proc_stat_read(id->pid, &st, &err) < 0)
		return false;
	return st.start_time == id->start_time && st.state != 'Z' && st.state != 'X';
}

int proc_open(const struct proc_id *id, struct err *err)
{
	_cleanup_close_ int fd = proc_pidfd_open(id->pid);
	struct proc_stat st;
	int r;

	if (fd < 0)
		return err_set(err, -fd, "open process %d", (int)id->pid);
	/* Checked after the pidfd is held: from here on it cannot be reused. */
	r = proc_stat_read(id->pid, &st, err);
	if (r < 0)
		return r;
	if (st.start_time != id->start_time)
		return err_set(err, ESRCH, "process %d", (int)id->pid);
	return take_fd(&fd);
}

pid_t proc_pidfd_pid(int pidfd)
{
	_cleanup_free_ char *text = NULL;
	struct err err;
	char path[64];
	const char *p;
	size_t len;
	int pid;
	int r;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", pidfd);
	r = file_read(AT_FDCWD, path, 4096, &text, &len, &err);
	if (r < 0)
		return r;
	p = strstr(text, "\nPid:");
	if (!p || sscanf(p, "\nPid: %d", &pid) != 1)
		return -EINVAL;
	return pid > 0 ? pid : -ESRCH;
}

int proc_pidfd_open(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);

	return fd < 0 ? -errno : fd;
}

int proc_pidfd_signal(int pidfd, int sig)
{
	return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) < 0 ? -errno : 0;
}

int proc_pidfd_wait(int pidfd, int timeout_ms)
{
	int64_t deadline = clock_ms() + timeout_ms;

	for (;;) {
		struct pollfd p = {.fd = pidfd, .events = POLLIN};
		int64_t left = timeout_ms < 0 ? -1 : deadline - clock_ms();
		int n = poll(&p, 1, timeout_ms >= 0 && left < 0 ? 0 : (int)left);

		if (n > 0)
			return 0;
		if (n == 0)
			return -ETIMEDOUT;
		if (errno != EINTR)
			return -errno;
	}
}

static int parse_number(const char *s, int max)
{
	int v = 0;

	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	for (; isdigit((unsigned char)*s); s++) {
		v = v * 10 + (*s - '0');
		if (v > max)
			return -EINVAL;
	}
	return *s ? -EINVAL : v;
}

static int parse_realtime(const char *s, int *ret_sig)
{
	bool is_max = strncasecmp(s, "RTMAX", 5) == 0;
	int base = is_max ? SIGRTMAX : SIGRTMIN;
	int n = 0;

	s += 5;
	if (*s) {
		if (*s != (is_max ? '-' : '+'))
			return -EINVAL;
		n = parse_number(s + 1, SIGRTMAX - SIGRTMIN);
		if (n < 0)
			return n;
	}
	*ret_sig = is_max ? base - n : base + n;
	return 0;
}

#define STATUS_MAX (64u << 10)

static int status_set(const char *status, const char *key, uint64_t *ret, struct err *err)
{
	const char *at = strstr(status, key);

	if (!at)
		return err_say(err, ENODATA, "'/proc/self/status' has no line '%s'", key + 1);
	*ret = strtoull(at + strlen(key), NULL, 16);
	return 0;
}

int proc_self_sets(struct proc_sets *ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	struct proc_sets sets;
	size_t len;

	if (file_read(AT_FDCWD, "/proc/self/status", STATUS_MAX, &text, &len, err) < 0 ||
		status_set(text, "\nCapBnd:", &sets.bounding, err) < 0 ||
		status_set(text, "\nSigIgn:", &sets.ignored, err) < 0)
		return -err->code;
	*ret = sets;
	return 0;
}

/* "NSpid:\t4711\t12\t1": from our PID namespace inwards. */
int proc_inner_pid(pid_t pid, pid_t *ret, struct err *err)
{
	_cleanup_free_ char *text = NULL;
	char path[32];
	const char *at;
	char *end;
	size_t len;
	long inner = 0;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	if (file_read(AT_FDCWD, path, STATUS_MAX, &text, &len, err) < 0)
		return -err->code;
	at = strstr(text, "\nNSpid:");
	for (at = at ? at + strlen("\nNSpid:") : ""; *at == '\t'; at = end)
		inner = strtol(at + 1, &end, 10);
	if (inner <= 0)
		return err_say(err, ENODATA, "'%s' has no line 'NSpid:'", path);
	*ret = (pid_t)inner;
	return 0;
}

#define KERNEL_SIGSET_SIZE 8

void proc_reset_signals(uint64_t which)
{
	/* The kernel's own layout: handler, flags, restorer, mask. All zero is SIG_DFL. */
	const struct {
		unsigned long words[3];
		uint64_t mask;
	} dfl = {0};
	const uint64_t none = 0;

	for (int sig = 1; sig <= KERNEL_SIGSET_SIZE * 8; sig++)
		if (which >> (sig - 1) & 1)
			(void)syscall(SYS_rt_sigaction, sig, &dfl, NULL, KERNEL_SIGSET_SIZE);
	(void)syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, NULL, KERNEL_SIGSET_SIZE);
}

int proc_parse_signal(const char *s, int *ret_sig)
{
	int n = parse_number(s, SIGRTMAX);

	if (n >= 0) {
		*ret_sig = n;
		return 0;
	}
	if (strncasecmp(s, "SIG", 3) == 0)
		s += 3;
	if (strncasecmp(s, "RTMIN", 5) == 0 || strncasecmp(s, "RTMAX", 5) == 0)
		return parse_realtime(s, ret_sig);
	for (int sig = 1; sig < SIGRTMIN; sig++) {
		const char *name = sigabbrev_np(sig);

		if (name && strcasecmp(name, s) == 0) {
			*ret_sig = sig;
			return 0;
		}
	}
	return -EINVAL;
}
