/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/control/crew.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "runtime/base/util.h"
#include "seed/noslated/link.h"
#include "seed/noslated/role.h"

/* One that dies at once is not started at once. */
#define AGAIN_MS 200

struct order {
	struct order *next;
	char *worker; /* NULL: a burial */
	char *text;   /* the message */
	size_t len;
};

struct orders {
	struct order *first, **last;
	size_t n;
};

struct maker {
	struct crew *crew;
	uv_process_t process;
	uv_timer_t again;
	struct link *link;   /* NULL: it does not run */
	struct order *order; /* that it is at */
	bool only_buries;
};

struct crew {
	struct crew_options options;
	struct orders to_make, to_bury;
	struct maker makers[CREW_MAX];
	size_t n;
	bool rests, ends;
	unsigned handles; /* that the loop has; the crew is freed with the last one */
};

/* --- orders --- */

static void order_free(struct order *o)
{
	if (!o)
		return;
	free(o->worker);
	free(o->text);
	free(o);
}

static void add(struct orders *list, struct order *o)
{
	*list->last = o;
	list->last = &o->next;
	list->n++;
}

static struct order *take_at(struct orders *list, struct order **at)
{
	struct order *o = *at;

	*at = o->next;
	if (!*at)
		list->last = at;
	list->n--;
	o->next = NULL;
	return o;
}

static struct order *take_first(struct orders *list)
{
	return list->first ? take_at(list, &list->first) : NULL;
}

static struct order *order_new(const struct link_message *m)
{
	_cleanup_buf_ struct buf text = BUF_INIT;
	struct order *o = calloc(1, sizeof(*o));
	struct err err = ERR_INIT;

	if (!o)
		return NULL;
	o->worker = m->worker ? strdup(m->worker) : NULL;
	if ((m->worker && !o->worker) || link_write(m, &text, &err) < 0) {
		order_free(o);
		return NULL;
	}
	o->len = text.len;
	o->text = buf_take(&text);
	return o;
}

/* --- makers --- */

static void start_maker(struct maker *m);

static struct order *next_order(struct crew *c, const struct maker *m)
{
	struct order *o = NULL;

	if (c->rests)
		return NULL;
	if (m->only_buries)
		return take_first(&c->to_bury);
	if (c->to_bury.n > CREW_BURIALS)
		o = take_first(&c->to_bury);
	return o ? o : take_first(&c->to_make);
}

static void give_orders(struct crew *c)
{
	for (size_t i = 0; i < c->n; i++) {
		struct maker *m = &c->makers[i];

		if (!m->link || m->order)
			continue;
		m->order = next_order(c, m);
		if (m->order)
			link_send_packet(m->link, m->order->text, m->order->len);
	}
}

static void go_on(struct crew *c)
{
	give_orders(c);
	if (!c->ends && (crew_is_idle(c) || crew_is_at_rest(c)))
		c->options.idle(c->options.arg);
}

static void on_message(void *arg, const struct link_message *answer, int *fd)
{
	struct maker *m = arg;
	struct crew *c = m->crew;
	struct order *o = take_ptr(&m->order);

	/* The next one first: whoever hears of this one takes time. */
	give_orders(c);
	if (o && o->worker && streq(answer->kind, "made") && *fd >= 0)
		c->options.made(c->options.arg, o->worker, fd);
	else if (o && o->worker)
		c->options.failed(c->options.arg, o->worker,
			answer->text ? answer->text : "its maker talks nonsense");
	order_free(o);
	go_on(c);
}

static void on_link_end(void *arg)
{
	struct maker *m = arg;

	m->link = NULL;
	(void)uv_process_kill(&m->process, SIGKILL);
}

static void on_closed(uv_handle_t *h)
{
	struct maker *m = h->data;

	if (--m->crew->handles == 0 && m->crew->ends)
		free(m->crew);
}

static void on_again(uv_timer_t *t)
{
	start_maker(t->data);
}

static void on_exit_of_maker(uv_process_t *p, int64_t code, int signal)
{
	struct maker *m = p->data;
	struct order *o = take_ptr(&m->order);
	struct crew *c = m->crew;

	link_close(m->link);
	m->link = NULL;
	uv_close((uv_handle_t *)p, on_closed);
	if (!c->ends) {
		log_error("a maker has ended (%s %d); another one is started",
			signal ? "signal" : "code", signal ? signal : (int)code);
		if (o && o->worker)
			c->options.failed(c->options.arg, o->worker, "its maker has ended");
		uv_timer_start(&m->again, on_again, AGAIN_MS, 0);
	}
	order_free(o);
}

static int spawn(struct maker *m, int link_fd, struct err *err)
{
	const struct crew_options *o = &m->crew->options;
	_cleanup_free_ char *role = NULL;
	uv_stdio_container_t stdio[ROLE_LOCK_FD + 1] = {{.flags = UV_IGNORE}};
	uv_process_options_t options = {.file = o->program,
		.stdio = stdio,
		.stdio_count = ROLE_LOCK_FD + 1,
		.exit_cb = on_exit_of_maker};
	int r;

	if (asprintf(&role, ROLE_MAKER "%s", o->root) < 0) {
		role = NULL;
		return err_oom(err);
	}
	options.args = (char *[]){(char *)o->program, role, NULL};
	for (int i = 0; i < ROLE_LEND_FD; i++)
		stdio[i] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = i};
	stdio[ROLE_LINK_FD] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = link_fd};
	stdio[ROLE_LOCK_FD] = (uv_stdio_container_t){.flags = UV_INHERIT_FD, .data.fd = o->lock_fd};
	m->process.data = m;
	m->crew->handles++;
	r = uv_spawn(o->loop, &m->process, &options);
	if (r == 0)
		return 0;
	uv_close((uv_handle_t *)&m->process, on_closed);
	return err_set(err, -r, "execute '%s'", o->program);
}

static int try_maker(struct maker *m, struct err *err)
{
	_cleanup_close_ int ours = -1, theirs = -1;
	int ends[2];

	if (link_pair(ends, err) < 0)
		return -err->code;
	ours = ends[0];
	theirs = ends[1];
	if (spawn(m, theirs, err) < 0)
		return -err->code;
	m->link = link_open(m->crew->options.loop, take_fd(&ours), on_message, on_link_end, m);
	if (m->link)
		return 0;
	(void)uv_process_kill(&m->process, SIGKILL);
	return err_oom(err);
}

static void start_maker(struct maker *m)
{
	struct err err = ERR_INIT;

	if (try_maker(m, &err) == 0) {
		give_orders(m->crew);
		return;
	}
	log_error("%s", err.msg);
	/* One that runs, but could not be talked to, comes here again when it has ended. */
	if (err.code != ENOMEM)
		uv_timer_start(&m->again, on_again, AGAIN_MS, 0);
}

/* --- the crew --- */

static size_t crew_size(void)
{
	const long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 2 : n >= CREW_MAX ? CREW_MAX : (size_t)n + 1;
}

int crew_create(const struct crew_options *options, struct crew **ret, struct err *err)
{
	struct crew *c = calloc(1, sizeof(*c));

	if (!c)
		return err_oom(err);
	c->options = *options;
	c->to_make.last = &c->to_make.first;
	c->to_bury.last = &c->to_bury.first;
	c->n = crew_size();
	for (size_t i = 0; i < c->n; i++) {
		struct maker *m = &c->makers[i];

		m->crew = c;
		m->only_buries = i + 1 == c->n;
		m->again.data = m;
		uv_timer_init(options->loop, &m->again);
		c->handles++;
		start_maker(m);
	}
	*ret = c;
	return 0;
}

static void forget(struct orders *list)
{
	while (list->first)
		order_free(take_first(list));
}

void crew_destroy(struct crew *c)
{
	if (!c)
		return;
	c->ends = true;
	forget(&c->to_make);
	forget(&c->to_bury);
	for (size_t i = 0; i < c->n; i++) {
		struct maker *m = &c->makers[i];

		link_close(m->link);
		m->link = NULL;
		uv_close((uv_handle_t *)&m->again, on_closed);
	}
}

int crew_make(struct crew *c, const struct link_message *m)
{
	struct order *o = order_new(m);

	if (!o)
		return -ENOMEM;
	add(&c->to_make, o);
	give_orders(c);
	return 0;
}

int crew_bury(struct crew *c, const char *socket)
{
	struct order *o = order_new(&(struct link_message){.kind = "bury", .socket = socket});

	if (!o)
		return -ENOMEM;
	add(&c->to_bury, o);
	give_orders(c);
	return 0;
}

bool crew_cancel(struct crew *c, const char *worker)
{
	for (struct order **at = &c->to_make.first; *at; at = &(*at)->next) {
		if (!streq((*at)->worker, worker))
			continue;
		order_free(take_at(&c->to_make, at));
		return true;
	}
	return false;
}

static bool has_begun(const struct crew *c)
{
	bool begun = false;

	for (size_t i = 0; i < c->n; i++)
		begun = begun || c->makers[i].order;
	return begun;
}

bool crew_is_idle(const struct crew *c)
{
	return !c->to_make.first && !c->to_bury.first && !has_begun(c);
}

void crew_rest(struct crew *c)
{
	c->rests = true;
}

bool crew_is_at_rest(const struct crew *c)
{
	return c->rests && !has_begun(c);
}
