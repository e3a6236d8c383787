/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names to addresses, by c-ares on our loop: /etc/hosts, then the servers of
 * /etc/resolv.conf, in the order that these files ask for. Both are read when the
 * first name is looked up.
 *
 * Each name is one entry: it is being looked up and has those who wait, or it is
 * known for as long as its TTL says. Failures are not remembered.
 */
#include <ares.h>
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>

#include "aworker/fetch/fetch_priv.h"

/* Of one try; doubles with each round. The transfer's own limit is FETCH_CONNECT_TIMEOUT_MS. */
#define TRY_MS 2000
#define TRIES  3

struct name {
	struct name *next;
	struct fetch_resolver *resolver;
	char *host;
	char *addresses; /* NULL: is being looked up */
	uint64_t until_ns;
	struct fetch_wait *waits;
};

struct ares_watch {
	struct ares_watch *next;
	struct loop_fd watcher;
	struct fetch_resolver *resolver;
};

struct fetch_resolver {
	struct loop *loop;
	ares_channel channel;
	struct loop_timer timer;
	struct ares_watch *watches;
	struct name *names;
	size_t n_names;
};

/* --- c-ares on the loop --- */

static void on_timer(void *data);

static void set_timer(struct fetch_resolver *r)
{
	struct timeval tv, *next = ares_timeout(r->channel, NULL, &tv);

	loop_timer_stop(r->loop, &r->timer);
	if (!next)
		return;
	/* Without memory for a timer the transfer's own limit ends it. */
	(void)loop_timer_start(r->loop, &r->timer,
		(uint64_t)next->tv_sec * 1000000000 + (uint64_t)next->tv_usec * 1000);
}

static void on_timer(void *data)
{
	struct fetch_resolver *r = data;

	ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	set_timer(r);
}

static void on_socket(void *data, uint32_t events)
{
	struct ares_watch *w = data;
	struct fetch_resolver *r = w->resolver;
	const int fd = w->watcher.fd;
	const bool in = events & (EPOLLIN | EPOLLERR | EPOLLHUP);

	ares_process_fd(
		r->channel, in ? fd : ARES_SOCKET_BAD, events & EPOLLOUT ? fd : ARES_SOCKET_BAD);
	set_timer(r);
}

static struct ares_watch *add_watch(struct fetch_resolver *r)
{
	struct ares_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->watcher = (struct loop_fd){.fn = on_socket, .data = w, .background = true};
	w->resolver = r;
	w->next = r->watches;
	r->watches = w;
	return w;
}

static void on_state(void *data, ares_socket_t fd, int readable, int writable)
{
	const uint32_t events = (readable ? EPOLLIN : 0) | (writable ? EPOLLOUT : 0);
	struct fetch_resolver *r = data;
	struct ares_watch **p = &r->watches, *w;

	while (*p && (*p)->watcher.fd != fd)
		p = &(*p)->next;
	w = *p;
	if (events == 0) {
		if (!w)
			return;
		loop_fd_remove(r->loop, &w->watcher);
		*p = w->next;
		free(w);
	} else if (w) {
		(void)loop_fd_modify(r->loop, &w->watcher, events);
	} else if ((w = add_watch(r)) != NULL) {
		w->watcher.fd = fd;
		(void)loop_fd_add(r->loop, &w->watcher, fd, events);
	}
}

struct fetch_resolver *fetch_resolver_create(struct loop *loop, struct err *err)
{
	struct fetch_resolver *r = calloc(1, sizeof(*r));
	struct ares_options options = {.sock_state_cb = on_state,
		.sock_state_cb_data = r,
		.timeout = TRY_MS,
		.tries = TRIES};
	int status;

	if (!r) {
		err_oom(err);
		return NULL;
	}
	r->loop = loop;
	r->timer = (struct loop_timer){.fn = on_timer, .data = r, .background = true};
	status = ares_init_options(&r->channel, &options,
		ARES_OPT_SOCK_STATE_CB | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES);
	if (status == ARES_SUCCESS)
		return r;
	err_say(err, EIO, "the resolver does not start: %s", ares_strerror(status));
	free(r);
	return NULL;
}

/* --- names --- */

static void wait_end(struct fetch_wait *w)
{
	*w->prev = w->next;
	if (w->next)
		w->next->prev = w->prev;
	w->prev = NULL;
}

void fetch_resolve_cancel(struct fetch_wait *w)
{
	if (w->prev)
		wait_end(w);
}

static void name_drop(struct name **p)
{
	struct name *n = *p;

	*p = n->next;
	n->resolver->n_names--;
	free(n->host);
	free(n->addresses);
	free(n);
}

static struct name **name_slot(struct name *n)
{
	struct name **p = &n->resolver->names;

	while (*p != n)
		p = &(*p)->next;
	return p;
}

void fetch_resolver_destroy(struct fetch_resolver *r)
{
	if (!r)
		return;
	for (struct name *n = r->names; n; n = n->next) {
		while (n->waits)
			wait_end(n->waits);
	}
	ares_destroy(r->channel);
	while (r->names)
		name_drop(&r->names);
	loop_timer_stop(r->loop, &r->timer);
	while (r->watches) {
		struct ares_watch *w = r->watches;

		r->watches = w->next;
		loop_fd_remove(r->loop, &w->watcher);
		free(w);
	}
	free(r);
}

/* "192.0.2.1,[2001:db8::1]"; NULL when there is none. */
static char *join_addresses(const struct ares_addrinfo *found, int *ttl)
{
	struct buf b = BUF_INIT;
	int n = 0;

	for (const struct ares_addrinfo_node *a = found->nodes; a && n < FETCH_ADDRESSES_MAX;
		a = a->ai_next) {
		char text[INET6_ADDRSTRLEN];
		const bool is_v6 = a->ai_family == AF_INET6;
		const void *bytes = is_v6 ? (void *)&((struct sockaddr_in6 *)a->ai_addr)->sin6_addr
					  : (void *)&((struct sockaddr_in *)a->ai_addr)->sin_addr;

		if (!is_v6 && a->ai_family != AF_INET)
			continue;
		inet_ntop(a->ai_family, bytes, text, sizeof(text));
		buf_printf(&b, "%s%s%s%s", n++ > 0 ? "," : "", is_v6 ? "[" : "", text,
			is_v6 ? "]" : "");
		if (*ttl < 0 || a->ai_ttl < *ttl)
			*ttl = a->ai_ttl;
	}
	if (n == 0)
		buf_finish(&b);
	return n > 0 ? buf_take(&b) : NULL;
}

static uint64_t until(struct loop *loop, int ttl)
{
	const int bounded = ttl < FETCH_TTL_MIN_S   ? FETCH_TTL_MIN_S
			    : ttl > FETCH_TTL_MAX_S ? FETCH_TTL_MAX_S
						    : ttl;

	return loop_now_ns(loop) + (uint64_t)bounded * 1000000000;
}

static void on_answer(void *data, int status, int timeouts UNUSED, struct ares_addrinfo *found)
{
	struct name *n = data;
	struct err err = ERR_INIT;
	int ttl = -1;

	if (status == ARES_EDESTRUCTION)
		return;
	if (status == ARES_SUCCESS)
		n->addresses = join_addresses(found, &ttl);
	if (found)
		ares_freeaddrinfo(found);
	if (n->addresses)
		n->until_ns = until(n->resolver->loop, ttl);
	else
		err_say(&err, ENOENT, "could not resolve host '%s': %s", n->host,
			ares_strerror(status == ARES_SUCCESS ? ARES_ENODATA : status));
	while (n->waits) {
		struct fetch_wait *w = n->waits;

		wait_end(w);
		w->fn(w->data, n->addresses, &err);
	}
	if (!n->addresses)
		name_drop(name_slot(n));
}

/* Room for one more: what is too old goes, else the one that is too old first. */
static bool make_room(struct fetch_resolver *r)
{
	struct name **oldest = NULL;

	if (r->n_names < FETCH_NAMES_MAX)
		return true;
	for (struct name **p = &r->names; *p; p = &(*p)->next) {
		if ((*p)->addresses && (!oldest || (*p)->until_ns < (*oldest)->until_ns))
			oldest = p;
	}
	if (oldest)
		name_drop(oldest);
	return oldest != NULL;
}

static struct name *name_add(struct fetch_resolver *r, const char *host)
{
	struct name *n = make_room(r) ? calloc(1, sizeof(*n)) : NULL;

	if (!n)
		return NULL;
	n->host = strdup(host);
	if (!n->host) {
		free(n);
		return NULL;
	}
	n->resolver = r;
	n->next = r->names;
	r->names = n;
	r->n_names++;
	return n;
}

static struct name **name_find(struct fetch_resolver *r, const char *host)
{
	struct name **p = &r->names;

	while (*p && !streq((*p)->host, host))
		p = &(*p)->next;
	if (*p && (*p)->addresses && (*p)->until_ns <= loop_now_ns(r->loop)) {
		name_drop(p);
		return NULL;
	}
	return *p ? p : NULL;
}

static void look_up(struct fetch_resolver *r, struct name *n)
{
	const struct ares_addrinfo_hints hints = {
		.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};

	ares_getaddrinfo(r->channel, n->host, NULL, &hints, on_answer, n);
	set_timer(r);
}

void fetch_resolve(struct fetch_resolver *r, const char *host, struct fetch_wait *w)
{
	struct name **p = name_find(r, host);
	struct name *n = p ? *p : name_add(r, host);
	struct err err = ERR_INIT;

	if (!n) {
		err_say(&err, ENOMEM,
			"could not resolve host '%s': too many names are being "
			"looked up",
			host);
		w->fn(w->data, NULL, &err);
		return;
	}
	if (n->addresses) {
		w->fn(w->data, n->addresses, &err);
		return;
	}
	w->next = n->waits;
	if (w->next)
		w->next->prev = &w->next;
	w->prev = &n->waits;
	n->waits = w;
	if (!p)
		look_up(r, n);
}
