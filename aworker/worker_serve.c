/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker that serves: where it listens, and how it ends when a signal asks.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/resource.h>

#include "aworker/signals.h"
#include "aworker/worker.h"
#include "aworker/worker_priv.h"
#include "runtime/base/util.h"

#define HOST_DEFAULT "127.0.0.1"
#define PORT_DEFAULT "8080"
#define ADDRESS_MAX  256

/* Descriptors that are not connections. */
#define FDS_RESERVED 32

#define SIGNAL_EXIT_BASE 128

static const char *env_get(const struct worker *w, const char *name)
{
	size_t n = strlen(name);

	for (const char *const *e = w->env; e && *e; e++) {
		if (strncmp(*e, name, n) == 0 && (*e)[n] == '=')
			return *e + n + 1;
	}
	return NULL;
}

/* HOST:PORT of --host and --port. */
static void put_address(const struct worker *w, char *out, size_t size)
{
	const char *host = w->options.host, *port = w->options.port;
	const char *env_port = port ? NULL : env_get(w, "PORT");
	bool brackets = host && *host != '[' && strchr(host, ':');

	if (env_port && *env_port)
		port = env_port;
	else if (!host)
		host = HOST_DEFAULT;
	snprintf(out, size, "%s%s%s:%s", brackets ? "[" : "", host ? host : "", brackets ? "]" : "",
		port ? port : PORT_DEFAULT);
}

int worker_check_address(struct worker *w, struct err *err)
{
	char address[ADDRESS_MAX];

	if (w->options.listen && (w->options.host || w->options.port))
		return err_say(err, EINVAL, "--listen says what --host and --port say");
	if (w->options.listen)
		return http_listen_check(w->options.listen, err);
	if (!w->options.host && !w->options.port)
		return 0;
	put_address(w, address, sizeof(address));
	return http_listen_check(address, err);
}

static int open_listener(struct worker *w, struct err *err)
{
	const char *given = w->options.inherit ? w->options.inherit : w->options.listen;
	char address[ADDRESS_MAX];

	if (given)
		return http_listen(given, &w->listener, err);
	put_address(w, address, sizeof(address));
	if (http_listen(address, &w->listener, err) < 0)
		return w->options.port || !env_get(w, "PORT") ? -err->code
							      : err_wrap(err, "environment PORT");
	return 0;
}

/* As many connections as are wanted, or as there can be descriptors for. */
static struct http_limits limits_of(const struct worker *w)
{
	struct http_limits limits = HTTP_LIMITS_DEFAULT;
	struct rlimit fds;

	if (w->options.max_connections)
		limits.connections = w->options.max_connections;
	if (getrlimit(RLIMIT_NOFILE, &fds) == 0 && fds.rlim_cur < limits.connections + FDS_RESERVED)
		limits.connections =
			fds.rlim_cur > FDS_RESERVED ? (unsigned)fds.rlim_cur - FDS_RESERVED : 1;
	return limits;
}

void worker_serve(struct worker *w)
{
	const struct http_limits limits = limits_of(w);
	struct err err = ERR_INIT;

	if (w->http || w->exiting || w->signal)
		return;
	if (open_listener(w, &err) < 0 || http_server_create(&w->loop, w->listener.fd, &limits,
						  &http_bridge_handler, w, &w->http, &err) < 0) {
		worker_say("%s", err.msg);
		worker_exit(w, WORKER_EXIT_LISTEN);
		return;
	}
	/* Nobody else can tell which one it is. */
	if (w->listener.chosen_port || (w->options.must_serve && !w->options.inherit))
		worker_say("listening on %s", w->listener.text);
}

/* --- the end --- */

void worker_uninstall(void *data)
{
	struct worker *w = data;

	w->uninstalled = true;
	worker_call_internal(w, "uninstall");
	worker_end_if_idle(w);
}

void worker_end_if_idle(struct worker *w)
{
	if (!w->drained || w->holds > 0 || ws_bridge_open(w) > 0)
		return;
	if (w->uninstalled)
		worker_exit(w, SIGNAL_EXIT_BASE + w->signal);
	else
		loop_defer(&w->loop, &w->uninstall);
}

static void on_drained(void *data)
{
	struct worker *w = data;

	w->drained = true;
	worker_end_if_idle(w);
}

void worker_shut_down(struct worker *w, int signal)
{
	bool first = w->signal == 0;

	w->signal = signal;
	if (!first || !w->http || signals_overdue()) {
		worker_exit(w, SIGNAL_EXIT_BASE + signal);
		return;
	}
	http_server_drain(w->http, on_drained);
	ws_bridge_drain(w);
	/* Who comes now is refused, instead of waiting in the backlog for our end. */
	http_listener_finish(&w->listener);
}

void worker_hold(struct worker *w)
{
	w->holds++;
	loop_hold(&w->loop);
}

void worker_unhold(struct worker *w)
{
	if (w->holds == 0)
		return;
	w->holds--;
	loop_unhold(&w->loop);
	worker_end_if_idle(w);
}
