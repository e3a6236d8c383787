/* SPDX-License-Identifier: Apache-2.0 */
/* The plane as a whole: making it, draining it, taking it down. */
#include "seed/noslated/data/data.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "seed/noslated/data/data_priv.h"
#include "seed/noslated/data/h2.h"

#define PREFIX_MAX 16

static void free_plane(struct data_plane *d)
{
	host_finish(d);
	router_destroy(d->router);
	stream_pool_finish(&d->pool);
	free(d);
}

void data_handle_closed(struct data_plane *d)
{
	assert(d->handles > 0);
	if (--d->handles == 0 && d->destroyed)
		free_plane(d);
}

static void on_closed(uv_handle_t *h)
{
	data_handle_closed(h->data);
}

static void add_handle(struct data_plane *d, uv_handle_t *h)
{
	h->data = d;
	d->handles++;
	/* What waits for clients keeps the loop alive, these do not. */
	uv_unref(h);
}

/* A log that blocks would stop everything. */
int data_log_to(struct data_plane *d, int fd, struct err *err)
{
	const int flags = fd >= 0 ? fcntl(fd, F_GETFL) : 0;

	if (flags < 0 || (fd >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)) {
		err_set(err, errno, "use descriptor %d for the access log", fd);
		fd_close(&fd);
		return -err->code;
	}
	access_log_flush(&d->log);
	fd_close(&d->log.fd);
	d->log.fd = fd;
	return 0;
}

static int check_options(const struct data_options *o, struct err *err)
{
	if (o->connections_max == 0 || o->head_ms == 0 || o->idle_ms == 0 || o->body_ms == 0 ||
		o->piece_ms == 0 || o->tunnel_ms == 0)
		return err_say(err, EINVAL, "a limit of the data plane is 0");
	if (o->prefix && strlen(o->prefix) > PREFIX_MAX)
		return err_say(err, EINVAL, "'%s' is too long for a prefix", o->prefix);
	return 0;
}

int data_create(uv_loop_t *loop, const struct data_options *options, const struct data_maker *maker,
	void *arg, struct data_plane **ret, struct err *err)
{
	struct data_plane *d;
	int r = check_options(options, err);

	if (r < 0)
		return r;
	d = calloc(1, sizeof(*d));
	if (!d)
		return err_oom(err);
	d->loop = loop;
	d->options = *options;
	d->paused = options->waits;
	d->maker = maker;
	d->arg = arg;
	d->log.fd = -1;
	d->idle_tail = &d->idle;
	d->h2_tail = &d->h2;
	d->to_do_tail = &d->to_do;
	d->workers_to_do_tail = &d->workers_to_do;
	d->tick_ns = POLICY_NEVER;
	d->router = router_create();
	r = d->router ? ids_init(&d->ids) : -ENOMEM;
	if (r < 0) {
		free_plane(d);
		return err_set(err, -r, "make a data plane");
	}
	uv_timer_init(loop, &d->tick);
	uv_timer_init(loop, &d->accept_again);
	uv_timer_init(loop, &d->log_later);
	uv_timer_init(loop, &d->cut);
	uv_timer_init(loop, &d->refresh);
	add_handle(d, (uv_handle_t *)&d->tick);
	add_handle(d, (uv_handle_t *)&d->accept_again);
	add_handle(d, (uv_handle_t *)&d->log_later);
	add_handle(d, (uv_handle_t *)&d->cut);
	add_handle(d, (uv_handle_t *)&d->refresh);
	*ret = d;
	return 0;
}

void data_destroy(struct data_plane *d)
{
	if (!d)
		return;
	d->destroyed = true;
	d->drained = NULL;
	d->settling = true; /* nobody is told of anything any more */
	front_close(d);
	for (struct client *c = d->clients, *next; c; c = next) {
		next = c->next;
		c->error = DATA_CUT;
		client_close(c);
	}
	h2_close_all(d);
	for (struct data_worker *w = d->all_workers; w; w = w->next)
		upstream_close_idle(w);
	measure_flush(d);
	access_log_flush(&d->log);
	fd_close(&d->log.fd);
	uv_close((uv_handle_t *)&d->tick, on_closed);
	uv_close((uv_handle_t *)&d->accept_again, on_closed);
	uv_close((uv_handle_t *)&d->log_later, on_closed);
	uv_close((uv_handle_t *)&d->cut, on_closed);
	uv_close((uv_handle_t *)&d->refresh, on_closed);
}

void data_check_drained(struct data_plane *d)
{
	void (*drained)(void *arg) = d->drained;

	if (!(d->draining || d->leaving) || d->n_clients > 0 || !drained)
		return;
	d->drained = NULL;
	drained(d->drained_arg);
}

void data_drain(struct data_plane *d, void (*done)(void *arg), void *arg)
{
	d->draining = true;
	d->drained = done;
	d->drained_arg = arg;
	front_close(d);
	for (struct client *c = d->idle, *next; c; c = next) {
		next = c->idle_next;
		/* Half a head is going to be a request. */
		if (c->begun_ns == 0)
			client_close(c);
	}
	h2_drain(d);
	data_check_drained(d);
}

void data_leave(struct data_plane *d, void (*done)(void *arg), void *arg)
{
	d->leaving = true;
	/* Whoever is left to be served needs workers, offered or not. */
	data_go(d);
	d->drained = done;
	d->drained_arg = arg;
	front_close(d);
	host_leave(d);
	data_check_drained(d);
}

void data_count(const struct data_plane *d, struct data_count *ret)
{
	*ret = (struct data_count){
		.connections = d->n_clients,
		.requests = d->n_requests,
		.workers = d->n_workers,
		.upstreams = d->n_upstreams,
		.functions = (unsigned)d->functions.n,
		.answered = d->n_answered,
		.log_dropped = d->log.dropped,
	};
}
