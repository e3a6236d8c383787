/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/logger.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "shim/child.h"
#include "shim/loop.h"

/* Arguments of the program: keys and values. */
#define ARGS_MAX 64

struct logger {
	struct child *child; /* NULL: it has ended */
	struct watch *watch; /* of the pipe that tells when it is ready */
	struct timer *timer; /* time to become ready, or to end */
	logger_ready_fn *ready;
	void *arg;
	bool dropped;
	bool asked; /* to end */
};

static void logger_free(struct logger *l)
{
	watch_drop(&l->watch);
	timer_drop(&l->timer);
	free(l);
}

static void tell_ready(struct logger *l, const struct err *err)
{
	logger_ready_fn *ready = l->ready;

	watch_drop(&l->watch);
	timer_drop(&l->timer);
	l->ready = NULL;
	if (ready)
		ready(l->arg, err);
}

/* A byte and end of file mean the same. */
static void on_ready(void *arg, int events)
{
	struct err err = ERR_INIT;

	tell_ready(arg, &err);
}

static void on_not_ready(void *arg)
{
	struct err err = ERR_INIT;

	err_say(&err, ETIMEDOUT, "the log program is not ready after %d ms", LOGGER_READY_MS);
	tell_ready(arg, &err);
}

static void on_end_late(void *arg)
{
	struct logger *l = arg;

	timer_drop(&l->timer);
	child_signal(l->child, l->asked ? SIGKILL : SIGTERM);
	l->asked = true;
	l->timer = timer_start(LOGGER_END_MS, on_end_late, l);
}

/* Whether it was ready says its pipe, which a child of it may still hold. */
static void on_ended(void *arg, int status)
{
	struct logger *l = arg;

	l->child = NULL;
	if (l->dropped)
		logger_free(l);
}

void logger_drop(struct logger **l)
{
	struct logger *old = take_ptr(l);

	if (!old)
		return;
	old->ready = NULL;
	watch_drop(&old->watch);
	timer_drop(&old->timer);
	old->dropped = true;
	if (!old->child)
		logger_free(old);
	else
		old->timer = timer_start(LOGGER_END_MS, on_end_late, old);
}

static int hex(char c)
{
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* In place: %XX, and '+' in a query (RFC 3986, HTML forms). */
static void decode(char *s, bool query)
{
	char *to = s;

	for (; *s; s++) {
		if (s[0] == '%' && isxdigit((unsigned char)s[1]) && isxdigit((unsigned char)s[2])) {
			*to++ = (char)(hex(s[1]) * 16 + hex(s[2]));
			s += 2;
		} else {
			*to++ = query && *s == '+' ? ' ' : *s;
		}
	}
	*to = '\0';
}

/* Splits the URI, which is changed, into program and arguments. */
static int make_argv(char *uri, const char **argv, struct err *err)
{
	char *path = uri + strlen("binary://");
	char *query = strchr(path, '?');
	size_t n = 0;
	char *state = NULL;

	if (query)
		*query++ = '\0';
	decode(path, false);
	if (*path != '/')
		return err_say(err, EINVAL, "the log program '%s' is no absolute path", path);
	argv[n++] = path;
	for (char *pair = query ? strtok_r(query, "&", &state) : NULL; pair;
		pair = strtok_r(NULL, "&", &state)) {
		char *value = strchr(pair, '=');

		if (n + 2 > ARGS_MAX)
			return err_say(
				err, E2BIG, "the log program has more than %d arguments", ARGS_MAX);
		if (value)
			*value++ = '\0';
		decode(pair, true);
		argv[n++] = pair;
		if (value)
			decode(value, true);
		argv[n++] = value ? value : "";
	}
	argv[n] = NULL;
	return 0;
}

static int make_pipes(int pipes[3][2], struct err *err)
{
	for (int i = 0; i < 3; i++)
		if (pipe2(pipes[i], O_CLOEXEC) < 0)
			return err_set(err, errno, "make a pipe for the log program");
	return 0;
}

static int execute(struct logger *l, const char *uri, const char *id, const char *namespace,
	int pipes[3][2], struct err *err)
{
	_cleanup_free_ char *copy = strdup(uri), *id_variable = NULL, *namespace_variable = NULL;
	const int fds[] = {-1, -1, -1, pipes[0][0], pipes[1][0], pipes[2][1]};
	const char *argv[ARGS_MAX + 1];
	const char *env[4];
	struct child_program program = {.argv = argv, .env = env, .fds = fds, .n_fds = 6};
	const char *path = getenv("PATH");
	size_t n = 0;

	if (!copy || asprintf(&id_variable, "CONTAINER_ID=%s", id) < 0 ||
		asprintf(&namespace_variable, "CONTAINER_NAMESPACE=%s", namespace) < 0)
		return err_oom(err);
	if (make_argv(copy, argv, err) < 0)
		return -err->code;
	env[n++] = id_variable;
	env[n++] = namespace_variable;
	if (path)
		env[n++] = path - strlen("PATH=");
	env[n] = NULL;
	l->child = child_execute(&program, on_ended, l, err);
	return l->child ? 0 : -err->code;
}

struct logger *logger_start(const char *uri, const char *id, const char *namespace,
	int ret_pipes[2], logger_ready_fn *ready, void *arg, struct err *err)
{
	struct logger *l = calloc(1, sizeof(*l));
	int pipes[3][2] = {{-1, -1}, {-1, -1}, {-1, -1}};

	if (!l) {
		err_oom(err);
		return NULL;
	}
	l->ready = ready;
	l->arg = arg;
	if (make_pipes(pipes, err) == 0 && execute(l, uri, id, namespace, pipes, err) == 0) {
		l->watch = watch_fd(take_fd(&pipes[2][0]), UV_READABLE, on_ready, l, err);
		l->timer = timer_start(LOGGER_READY_MS, on_not_ready, l);
	}
	for (int i = 0; i < 3; i++) {
		fd_close(&pipes[i][0]);
		if (i == 2 || !l->watch)
			fd_close(&pipes[i][1]);
	}
	if (!l->watch) {
		logger_drop(&l);
		return NULL;
	}
	ret_pipes[0] = pipes[0][1];
	ret_pipes[1] = pipes[1][1];
	return l;
}
