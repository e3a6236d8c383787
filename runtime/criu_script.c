/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/criu_script.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/criu.h"

/* By names of ours below /proc, because criu closes what it does not know. */
#define SCRIPT                                                                         \
	"#!/bin/sh\n"                                                                  \
	"[ \"$CRTOOLS_SCRIPT_ACTION\" = setup-namespaces ] || exit 0\n"                \
	"echo \"$CRTOOLS_INIT_PID\" >/proc/%d/fd/%d && read answer </proc/%d/fd/%d &&" \
	" [ \"$answer\" = go ]\n"

#define LINE_MAX_BYTES 32

void criu_script_finish(struct criu_script *s)
{
	fd_close(&s->file);
	for (int i = 0; i < 2; i++) {
		fd_close(&s->request[i]);
		fd_close(&s->answer[i]);
	}
}

/* What is open for writing cannot be executed. */
static int make_file(struct criu_script *s, struct err *err)
{
	_cleanup_close_ int fd = -1;
	char text[512], path[FD_PATH_MAX];
	int pid = (int)getpid();
	int len = snprintf(text, sizeof(text), SCRIPT, pid, s->request[1], pid, s->answer[0]);

	fd = memfd_sealed("criu-script", text, (size_t)len, err);
	if (fd < 0)
		return fd;
	s->file = open(fd_path(fd, path), O_RDONLY | O_CLOEXEC);
	return s->file < 0 ? err_set(err, errno, "open a script for criu") : 0;
}

int criu_script_begin(struct criu_script *s, struct criu_call *call, struct err *err)
{
	if (pipe2(s->request, O_CLOEXEC) < 0 || pipe2(s->answer, O_CLOEXEC) < 0)
		return err_set(err, errno, "pipe");
	if (make_file(s, err) < 0)
		return -err->code;
	criu_word(call, "--action-script=/proc/%d/fd/%d", (int)getpid(), s->file);
	return 0;
}

/* One request: the line is written at once, and only then the answer is waited for. */
static int answer(struct criu_script *s, const struct criu_call *call, int *failed, struct err *err)
{
	char line[LINE_MAX_BYTES];
	ssize_t n = read(s->request[0], line, sizeof(line) - 1);
	const char *word;
	long pid;
	int r;

	if (n <= 0)
		return err_set(err, n < 0 ? errno : EPIPE, "read from criu's script");
	line[n] = '\0';
	pid = strtol(line, NULL, 10);
	if (*failed == 0 && pid <= 0)
		*failed = err_say(err, EPROTO, "criu names no process: '%.*s'",
			(int)strcspn(line, "\n"), line);
	else if (*failed == 0)
		*failed = call->on_namespaces(call->on_namespaces_arg, (pid_t)pid, err);
	word = *failed == 0 ? "go\n" : "no\n";
	r = fd_write_all(s->answer[1], word, strlen(word));
	return r < 0 ? err_set(err, -r, "write to criu's script") : 0;
}

int criu_script_serve(
	struct criu_script *s, const struct criu_call *call, int pidfd, struct err *err)
{
	struct pollfd fds[2] = {
		{.fd = s->request[0], .events = POLLIN},
		{.fd = pidfd, .events = POLLIN},
	};
	int failed = 0;

	while (!fds[1].revents) {
		if (poll(fds, 2, -1) < 0) {
			if (errno != EINTR)
				return err_set(err, errno, "poll");
			fds[1].revents = 0;
			continue;
		}
		if (fds[0].revents && answer(s, call, &failed, err) < 0)
			return -err->code;
	}
	return failed;
}
