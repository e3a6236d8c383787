/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what a process is allowed and surrounded by, one "key: value" a line,
 * sorted and free of numbers that differ from run to run (pids, inodes), so
 * that two containers can be compared with diff(1).
 *
 *   probe          of itself, inside a container: also what only the process
 *                  itself can ask (dumpable, keyring, securebits, ...); then
 *                  waits for SIGTERM when argument "wait" is given
 *   probe PID      of another process, from outside, through /proc alone
 *
 * Static and free of the project's code: it must not share a mistake with it.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LINE_MAX_LEN 4096
#define LINES_MAX    1024

static char *lines[LINES_MAX];
static size_t n_lines;

static void __attribute__((format(printf, 1, 2))) say(const char *fmt, ...)
{
	va_list ap;

	if (n_lines == LINES_MAX)
		return;
	va_start(ap, fmt);
	if (vasprintf(&lines[n_lines], fmt, ap) >= 0)
		n_lines++;
	va_end(ap);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_lines(void)
{
	qsort(lines, n_lines, sizeof(lines[0]), by_text);
	for (size_t i = 0; i < n_lines; i++)
		puts(lines[i]);
	fflush(stdout);
}

/* Replaces each run of digits in brackets, "pipe:[123]", by a star. */
static void hide_inodes(char *s)
{
	char *open = strchr(s, '[');

	if (open && isdigit((unsigned char)open[1]))
		memcpy(open, "[*]", sizeof("[*]"));
}

static FILE *open_of(const char *dir, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return fopen(path, "re");
}

/* Every line of a file, or only those whose key is in `keys`. */
static void dump_lines(const char *dir, const char *name, const char *const *keys)
{
	FILE *f = open_of(dir, name);
	char line[LINE_MAX_LEN];

	if (!f) {
		say("%s: cannot read (%s)", name, strerror(errno));
		return;
	}
	while (fgets(line, sizeof(line), f)) {
		bool wanted = !keys;

		line[strcspn(line, "\n")] = '\0';
		for (const char *const *k = keys; k && *k; k++)
			wanted |= strncmp(line, *k, strlen(*k)) == 0 && line[strlen(*k)] == ':';
		if (wanted)
			say("%s: %s", name, line);
	}
	fclose(f);
}

static void dump_namespaces(const char *dir)
{
	static const char *const names[] = {"cgroup", "ipc", "mnt", "net", "pid",
		"pid_for_children", "time", "time_for_children", "user", "uts"};
	char path[128];
	char theirs[64];
	char ours[64];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ssize_t a;
		ssize_t b;

		snprintf(path, sizeof(path), "%s/ns/%s", dir, names[i]);
		a = readlink(path, theirs, sizeof(theirs) - 1);
		snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
		b = readlink(path, ours, sizeof(ours) - 1);
		if (a < 0 || b < 0) {
			say("ns %s: cannot read", names[i]);
			continue;
		}
		theirs[a] = ours[b] = '\0';
		say("ns %s: %s", names[i], strcmp(theirs, ours) == 0 ? "same as reader" : "other");
	}
}

/* Drops mount id, parent id and device; peer groups keep their kind only. */
static void dump_mounts(const char *dir)
{
	FILE *f = open_of(dir, "mountinfo");
	char line[LINE_MAX_LEN];

	if (!f) {
		say("mountinfo: cannot read (%s)", strerror(errno));
		return;
	}
	while (fgets(line, sizeof(line), f)) {
		char kept[LINE_MAX_LEN] = "";
		char *save = NULL;
		int field = 0;

		line[strcspn(line, "\n")] = '\0';
		for (char *w = strtok_r(line, " ", &save); w; w = strtok_r(NULL, " ", &save)) {
			char *colon = strchr(w, ':');

			if (field++ < 3)
				continue;
			if (colon && field > 6 && isdigit((unsigned char)colon[1]))
				*colon = '\0';
			strncat(kept, " ", sizeof(kept) - strlen(kept) - 1);
			strncat(kept, w, sizeof(kept) - strlen(kept) - 1);
		}
		say("mount:%s", kept);
	}
	fclose(f);
}

static void dump_fds(const char *dir)
{
	char path[160];
	DIR *d;

	snprintf(path, sizeof(path), "%s/fd", dir);
	d = opendir(path);
	if (!d) {
		say("fd: cannot read (%s)", strerror(errno));
		return;
	}
	for (struct dirent *e; (e = readdir(d));) {
		char link[512];
		ssize_t n = readlinkat(dirfd(d), e->d_name, link, sizeof(link) - 1);

		if (n < 0 || atoi(e->d_name) == dirfd(d))
			continue;
		link[n] = '\0';
		hide_inodes(link);
		say("fd %s: %s", e->d_name, link);
	}
	closedir(d);
}

static void dump_links(const char *dir)
{
	static const char *const names[] = {"root", "cwd"};
	char path[128];
	char link[512];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		ssize_t n;

		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		n = readlink(path, link, sizeof(link) - 1);
		say("%s: %.*s", names[i], n < 0 ? 0 : (int)n, link);
	}
}

/* Session, group and terminal relative to the process, and what the scheduler knows of it. */
static void dump_stat(const char *dir)
{
	FILE *f = open_of(dir, "stat");
	char line[LINE_MAX_LEN] = "";
	int pgrp, session, tty, priority, nice, rt_priority, policy;
	const char *p;

	if (!f || !fgets(line, sizeof(line), f) || !(p = strrchr(line, ')')))
		return;
	fclose(f);
	if (sscanf(p + 1,
		    " %*c %*d %d %d %d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %d %d %*d %*d %*u "
		    "%*u %*d %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*u %*d %*d %d %d",
		    &pgrp, &session, &tty, &priority, &nice, &rt_priority, &policy) != 7)
		return;
	say("session leader: %s", session == atoi(line) ? "yes" : "no");
	say("group leader: %s", pgrp == atoi(line) ? "yes" : "no");
	say("terminal: %s", tty ? "yes" : "no");
	say("nice: %d", nice);
	say("policy: %d, rt priority %d", policy, rt_priority);
}

/* Files of a process that is not dumpable belong to root, whoever runs it. */
static void dump_owner(const char *dir)
{
	char path[128];
	struct stat st;

	snprintf(path, sizeof(path), "%s/environ", dir);
	if (stat(path, &st) == 0)
		say("owner of its /proc files: %u", (unsigned)st.st_uid);
}

static void dump_own_prctl(void)
{
	int death_signal = 0;

	prctl(PR_GET_PDEATHSIG, &death_signal);
	say("self dumpable: %d", prctl(PR_GET_DUMPABLE));
	say("self parent-death signal: %d", death_signal);
	say("self keepcaps: %d", prctl(PR_GET_KEEPCAPS));
	say("self securebits: %#x", (unsigned)prctl(PR_GET_SECUREBITS));
	say("self timer slack: %d", prctl(PR_GET_TIMERSLACK));
	say("self personality: %#x", (unsigned)personality(0xffffffff));
}

/* "keyring;uid;gid;perm;_ses.ID": the name is what containers differ in. */
static void dump_own_keyring(void)
{
	char text[256] = "";
	long n = syscall(
		SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, text, sizeof(text) - 1);

	say("self session keyring: %s", n < 0 ? strerror(errno) : text);
}

static void dump_own_signals(void)
{
	stack_t alt;
	unsigned int mxcsr;

	sigaltstack(NULL, &alt);
	say("self alternate stack: %s", alt.ss_flags & SS_DISABLE ? "none" : "set");
	__asm__("stmxcsr %0" : "=m"(mxcsr));
	say("self mxcsr: %#x", mxcsr);
}

static void dump(const char *dir)
{
	static const char *const status[] = {"Umask", "Uid", "Gid", "Groups", "Threads", "SigBlk",
		"SigIgn", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp",
		"Seccomp_filters", "Cpus_allowed_list", "Mems_allowed_list", "THP_enabled",
		"Speculation_Store_Bypass", NULL};

	dump_lines(dir, "status", status);
	dump_lines(dir, "limits", NULL);
	dump_lines(dir, "cgroup", NULL);
	dump_lines(dir, "oom_score_adj", NULL);
	dump_lines(dir, "personality", NULL);
	dump_lines(dir, "uid_map", NULL);
	dump_lines(dir, "gid_map", NULL);
	dump_namespaces(dir);
	dump_mounts(dir);
	dump_fds(dir);
	dump_links(dir);
	dump_stat(dir);
	dump_owner(dir);
}

int main(int argc, char **argv)
{
	char dir[64];
	sigset_t term;
	int sig;

	if (argc > 1 && isdigit((unsigned char)argv[1][0])) {
		snprintf(dir, sizeof(dir), "/proc/%d", atoi(argv[1]));
		if (access(dir, F_OK) < 0) {
			fprintf(stderr, "probe: no process %s\n", argv[1]);
			return 1;
		}
		dump(dir);
		print_lines();
		return 0;
	}
	dump("/proc/self");
	dump_own_prctl();
	dump_own_keyring();
	dump_own_signals();
	print_lines();
	if (argc > 1 && strcmp(argv[1], "wait") == 0) {
		sigemptyset(&term);
		sigaddset(&term, SIGTERM);
		sigprocmask(SIG_BLOCK, &term, NULL);
		sigwait(&term, &sig);
	}
	return 0;
}
