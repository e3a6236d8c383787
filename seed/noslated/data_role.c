/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/data_role.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/util.h"
#include "seed/noslated/data/data.h"
#include "seed/noslated/data_telemetry.h"
#include "seed/noslated/link.h"
#include "seed/noslated/profile/profile.h"
#include "seed/noslated/role.h"

#define SET_MAX (4u << 20)

struct role {
	uv_loop_t loop;
	struct link *link;
	struct data_plane *plane;
	struct data_telemetry telemetry;
	bool drains, leaves;
};

/* --- to the control plane --- */

static void on_start(void *arg, const char *function, const char *worker)
{
	struct role *r = arg;

	link_send(r->link,
		&(struct link_message){.kind = "start", .worker = worker, .function = function},
		-1);
}

static void say(void *arg, const char *kind, const char *worker)
{
	struct role *r = arg;

	link_send(r->link, &(struct link_message){.kind = kind, .worker = worker}, -1);
}

static void on_stop(void *arg, const char *worker)
{
	say(arg, "stop", worker);
}

static void on_release(void *arg, const char *worker)
{
	say(arg, "release", worker);
}

static void on_have(void *arg, const char *worker)
{
	say(arg, "have", worker);
}

static const struct data_maker maker = {on_start, on_stop, on_release, on_have};

/* --- from it --- */

static void on_drained(void *arg)
{
	struct role *r = arg;

	uv_stop(&r->loop);
}

static void drain(struct role *r)
{
	if (r->drains)
		return;
	r->drains = true;
	data_drain(r->plane, on_drained, r);
}

static void leave(struct role *r)
{
	if (!r->drains && !r->leaves)
		data_leave(r->plane, on_drained, r);
	r->leaves = true;
	data_telemetry_leave(&r->telemetry);
	say(r, "left", NULL);
}

static void apply(struct role *r, int fd)
{
	_cleanup_free_ char *text = NULL;
	struct profile_set set = {0};
	struct err err = ERR_INIT;
	size_t len;

	if (file_read_fd(fd, "it", SET_MAX, &text, &len, &err) < 0 ||
		profile_set_parse(text, len, &set, NULL, &err) < 0 ||
		data_apply(r->plane, &set, &err) < 0)
		log_error("set of functions: %s", err.msg);
	profile_set_finish(&set);
}

/* Another control plane than the one that we spoke to. */
static void tell(struct role *r)
{
	char build[ROLE_BUILD_MAX];

	data_tell(r->plane);
	link_send(r->link, &(struct link_message){.kind = "told", .build = role_build(build)}, -1);
}

static void take_worker(struct role *r, const struct link_message *m)
{
	if (streq(m->kind, "gone"))
		data_worker_gone(r->plane, m->worker);
	else if (streq(m->kind, "measured") && m->bytes)
		data_worker_measured(r->plane, m->worker, strtoull(m->bytes, NULL, 10));
	else if (streq(m->kind, "ready") && m->function && m->socket)
		data_worker_offered(r->plane, m->worker, m->function, m->socket);
}

static void on_message(void *arg, const struct link_message *m, int *fd)
{
	struct role *r = arg;

	if (m->worker)
		take_worker(r, m);
	else if (streq(m->kind, "apply") && *fd >= 0)
		apply(r, *fd);
	else if (streq(m->kind, "hello"))
		tell(r);
	else if (streq(m->kind, "go"))
		data_go(r->plane);
	else if (streq(m->kind, "leave"))
		leave(r);
	else if (streq(m->kind, "drain"))
		drain(r);
	else if (!data_telemetry_take(&r->telemetry, m->kind, m->file))
		log_error("the control plane: '%s' is no message for the data plane", m->kind);
}

/* Supervisor and control plane have gone: nobody could make a worker any more. */
static void on_link_end(void *arg)
{
	struct role *r = arg;

	r->link = NULL;
	drain(r);
}

/* --- the process --- */

static int listen_all(struct role *r, unsigned n, struct err *err)
{
	for (int fd = ROLE_LISTEN_FD; fd < ROLE_LISTEN_FD + (int)n; fd++) {
		int e = fd_set_cloexec(fd, true);

		if (e < 0)
			return err_set(err, -e, "descriptor %d", fd);
		if (data_listen(r->plane, fd, err) < 0)
			return -err->code;
	}
	return 0;
}

/* "N,ID" */
static int parse(const char *text, unsigned *ret_n, const char **ret_id, struct err *err)
{
	char *end;

	*ret_n = (unsigned)strtoul(text, &end, 10);
	*ret_id = end + 1;
	return *end == ','
		       ? 0
		       : err_say(err, EINVAL, "'%s': this is for the control plane alone", text);
}

int data_role_run(const char *what, struct err *err)
{
	struct data_options options = DATA_OPTIONS_DEFAULT;
	struct role r = {0};
	unsigned n_sockets;

	if (parse(what, &n_sockets, &options.prefix, err) < 0)
		return -err->code;
	if (fd_set_cloexec(ROLE_LINK_FD, true) < 0)
		return err_say(err, EBADF, "this is for the control plane alone");
	/* Who wants us to end tells the control plane, which tells us. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGUSR1, SIG_IGN);
	options.by_name = true;
	options.waits = true;
	uv_loop_init(&r.loop);
	if (data_create(&r.loop, &options, &maker, &r, &r.plane, err) < 0)
		return -err->code;
	data_telemetry_init(&r.telemetry, &r.loop, r.plane);
	if (listen_all(&r, n_sockets, err) < 0)
		return -err->code;
	r.link = link_open(&r.loop, ROLE_LINK_FD, on_message, on_link_end, &r);
	if (!r.link)
		return err_oom(err);
	uv_run(&r.loop, UV_RUN_DEFAULT);
	data_telemetry_close(&r.telemetry);
	data_destroy(r.plane);
	link_close(r.link);
	uv_run(&r.loop, UV_RUN_DEFAULT);
	data_telemetry_finish(&r.telemetry);
	return 0;
}
