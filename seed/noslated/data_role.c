/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/data_role.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "runtime/base/util.h"
#include "seed/noslated/data/data.h"
#include "seed/noslated/link.h"
#include "seed/noslated/profile/profile.h"
#include "seed/noslated/role.h"

#define SET_MAX (4u << 20)

struct role {
	uv_loop_t loop;
	struct link *link;
	struct data_plane *plane;
	bool drains;
};

/* --- to the control plane --- */

static void on_start(void *arg, const char *function, const char *worker)
{
	struct role *r = arg;

	link_send(r->link,
		&(struct link_message){.kind = "start", .worker = worker, .function = function});
}

static void on_stop(void *arg, const char *worker)
{
	struct role *r = arg;

	link_send(r->link, &(struct link_message){.kind = "stop", .worker = worker});
}

static const struct data_maker maker = {on_start, on_stop};

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

static void apply(struct role *r, const char *file)
{
	_cleanup_free_ char *text = NULL;
	struct profile_set set = {0};
	struct err err = ERR_INIT;
	size_t len;

	if (file_read(AT_FDCWD, file, SET_MAX, &text, &len, &err) < 0 ||
		profile_set_parse(text, len, &set, NULL, &err) < 0 ||
		data_apply(r->plane, &set, &err) < 0)
		log_error("set of functions: %s", err.msg);
	profile_set_finish(&set);
}

static void on_message(void *arg, const struct link_message *m)
{
	struct role *r = arg;

	if (streq(m->kind, "apply") && m->file)
		apply(r, m->file);
	else if (streq(m->kind, "ready") && m->worker && m->socket)
		data_worker_ready(r->plane, m->worker, m->socket);
	else if (streq(m->kind, "gone") && m->worker)
		data_worker_gone(r->plane, m->worker);
	else if (streq(m->kind, "drain"))
		drain(r);
	else
		log_error("the control plane: '%s' is no message for the data plane", m->kind);
}

/* Nobody could make a worker any more. */
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

int data_role_run(unsigned n_sockets, struct err *err)
{
	struct data_options options = DATA_OPTIONS_DEFAULT;
	struct role r = {0};
	char prefix[16];

	if (fcntl(ROLE_LINK_FD, F_GETFD) < 0)
		return err_say(err, EBADF, "this is for the control plane alone");
	/* Who wants us to end tells the control plane, which tells us. */
	signal(SIGPIPE, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	snprintf(prefix, sizeof(prefix), "%x.", (unsigned)getpid());
	options.by_name = true;
	options.prefix = prefix;
	uv_loop_init(&r.loop);
	if (data_create(&r.loop, &options, &maker, &r, &r.plane, err) < 0)
		return -err->code;
	if (listen_all(&r, n_sockets, err) < 0)
		return -err->code;
	r.link = link_open(&r.loop, ROLE_LINK_FD, on_message, on_link_end, &r);
	if (!r.link)
		return err_oom(err);
	uv_run(&r.loop, UV_RUN_DEFAULT);
	data_destroy(r.plane);
	link_close(r.link);
	uv_run(&r.loop, UV_RUN_DEFAULT);
	return 0;
}
