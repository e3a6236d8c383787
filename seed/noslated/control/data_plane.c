/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other process: executed from the same program, it inherits the listening sockets and one end of the
 * link. When it ends its workers go, since only it knew what they do, and it is started again.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/util.h"
#include "seed/noslated/control/control_priv.h"
#include "seed/noslated/link.h"
#include "seed/noslated/role.h"

#define START_AGAIN_MS 100

static void say(struct control *c, const char *kind, const char *worker, const char *socket)
{
	link_send(
		c->link, &(struct link_message){.kind = kind, .worker = worker, .socket = socket});
}

static void start_worker(struct control *c, const char *name, const char *function)
{
	const struct profile_function *f = profile_set_find(&c->set, function);
	const struct function_files *files = functions_find(c, function);
	struct err err = ERR_INIT;
	struct worker *w;

	if (!f)
		err_say(&err, ENOENT, "worker '%s': there is no function '%s'", name, function);
	else if (worker_start(&c->workers, name, function, files->bundle, f->tenant, files->log, &w,
			 &err) == 0) {
		say(c, "ready", name, worker_socket(w));
		return;
	}
	log_error("%s", err.msg);
	say(c, "gone", name, NULL);
}

static void stop_worker(struct control *c, const char *name)
{
	struct worker *w = worker_find(&c->workers, name);

	if (w)
		worker_stop(w, WORKER_STOP_MS);
	else
		say(c, "gone", name, NULL);
}

static void on_message(void *arg, const struct link_message *m)
{
	struct control *c = arg;

	if (streq(m->kind, "start") && m->worker && m->function)
		start_worker(c, m->worker, m->function);
	else if (streq(m->kind, "stop") && m->worker)
		stop_worker(c, m->worker);
	else
		log_error("the data plane: '%s' is no message for the control plane", m->kind);
}

/* Its process ends, too, or has: on_exit() does the rest. */
static void on_link_end(void *arg)
{
	struct control *c = arg;

	c->link = NULL;
	if (c->data_runs)
		(void)uv_process_kill(&c->data, SIGKILL);
}

static void on_again(uv_timer_t *t)
{
	struct control *c = t->data;
	struct err err = ERR_INIT;

	if (data_plane_start(c, &err) == 0)
		return;
	log_error("%s", err.msg);
	uv_timer_start(&c->again, on_again, START_AGAIN_MS, 0);
}

static void on_exit_of_data(uv_process_t *p, int64_t code, int signal)
{
	struct control *c = p->data;

	c->data_runs = false;
	link_close(c->link);
	c->link = NULL;
	uv_close((uv_handle_t *)p, NULL);
	for (struct worker *w = c->workers.first; w; w = worker_next(w))
		worker_stop(w, WORKER_STOP_MS);
	if (c->ends) {
		uv_stop(&c->loop);
		return;
	}
	log_error("the data plane has ended (%s %d); it is started again",
		signal ? "signal" : "code", signal ? signal : (int)code);
	uv_timer_start(&c->again, on_again, START_AGAIN_MS, 0);
}

/* Standard descriptors, the link, then the listening sockets. */
static int spawn(struct control *c, int link_fd, struct err *err)
{
	const struct control_options *o = c->options;
	uv_stdio_container_t stdio[ROLE_LISTEN_FD + CONTROL_LISTEN_MAX];
	char role[sizeof(ROLE_DATA) + 8];
	char *args[] = {(char *)o->program, role, NULL};
	uv_process_options_t options = {.file = o->program,
		.args = args,
		.stdio = stdio,
		.stdio_count = ROLE_LISTEN_FD + (int)o->n_listen,
		.exit_cb = on_exit_of_data};
	int r;

	snprintf(role, sizeof(role), ROLE_DATA "%zu", o->n_listen);
	for (int i = 0; i < 3; i++)
		stdio[i] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = i};
	stdio[ROLE_LINK_FD] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = link_fd};
	for (size_t i = 0; i < o->n_listen; i++)
		stdio[ROLE_LISTEN_FD + i] =
			(uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = c->listeners[i]};
	c->data.data = c;
	r = uv_spawn(&c->loop, &c->data, &options);
	return r < 0 ? err_set(err, -r, "execute '%s'", o->program) : 0;
}

int data_plane_start(struct control *c, struct err *err)
{
	_cleanup_close_ int theirs = -1;
	int ends[2];

	c->again.data = c;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return err_set(err, errno, "make a socket");
	theirs = ends[1];
	if (spawn(c, theirs, err) < 0) {
		close(ends[0]);
		return -err->code;
	}
	c->data_runs = true;
	c->link = link_open(&c->loop, ends[0], on_message, on_link_end, c);
	if (!c->link) {
		close(ends[0]);
		return err_oom(err);
	}
	data_plane_tell_set(c);
	return 0;
}

void data_plane_tell_set(struct control *c)
{
	link_send(c->link, &(struct link_message){.kind = "apply", .file = c->told_path});
}

/* Running requests end first; a second signal ends it at once. */
void data_plane_end(struct control *c)
{
	const bool again = c->ends;

	c->ends = true;
	uv_timer_stop(&c->again);
	if (!c->data_runs)
		uv_stop(&c->loop);
	else if (again)
		(void)uv_process_kill(&c->data, SIGKILL);
	else
		say(c, "drain", NULL, NULL);
}
