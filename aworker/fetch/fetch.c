/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl's multi handle on our loop. Nothing of curl, c-ares or OpenSSL is set up
 * before the first client of a process, and no client lives across a fork point.
 *
 * All watchers are background: what keeps the worker alive is a transfer that somebody
 * waits for (fetch_transfer_hold()), never an idle connection.
 */
#include "aworker/fetch/fetch.h"

#include <errno.h>

#include "aworker/crypto/crypto.h"
#include "aworker/fetch/fetch_priv.h"

struct fetch_socket {
	struct loop_fd watcher;
	struct fetch_client *client;
};

/*
 * Called by the libcurl of our build for pthread_create() and getenv() (hack/mk/fetch.mk): there
 * is no second thread, and what the environment says is told to it by options.
 */
int fetch_no_thread(void);
char *fetch_no_variable(const char *name);
/* Of a protocol that is not spoken, but is initialised. */
int libssh2_init(int flags);
void libssh2_exit(void);

int fetch_no_thread(void)
{
	return EAGAIN;
}

char *fetch_no_variable(const char *name UNUSED)
{
	return NULL;
}

int libssh2_init(int flags UNUSED)
{
	return 0;
}

void libssh2_exit(void)
{
}

/* --- curl on the loop --- */

static void reap(struct fetch_client *c)
{
	struct fetch_transfer *t;
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(c->multi, &left)) != NULL) {
		if (m->msg != CURLMSG_DONE)
			continue;
		if (curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t) == CURLE_OK)
			fetch_transfer_done(t, m->data.result);
	}
}

static void on_socket(void *data, uint32_t events)
{
	struct fetch_socket *s = data;
	struct fetch_client *c = s->client;
	int mask = 0, running;

	if (events & EPOLLIN)
		mask |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		mask |= CURL_CSELECT_OUT;
	/* Reading or writing tells which error it is. */
	if (events & (EPOLLERR | EPOLLHUP))
		mask |= CURL_CSELECT_IN | CURL_CSELECT_OUT;
	curl_multi_socket_action(c->multi, s->watcher.fd, mask, &running);
	reap(c);
}

static void on_timer(void *data)
{
	struct fetch_client *c = data;
	int running;

	curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	reap(c);
}

void fetch_client_kick(struct fetch_client *c)
{
	if (!c->closing)
		(void)loop_timer_start(c->loop, &c->timer, 0);
}

static int curl_timer(CURLM *multi UNUSED, long ms, void *data)
{
	struct fetch_client *c = data;

	if (ms < 0) {
		loop_timer_stop(c->loop, &c->timer);
		return 0;
	}
	return loop_timer_start(c->loop, &c->timer, (uint64_t)ms * 1000000) < 0 ? -1 : 0;
}

static uint32_t events_of(int what)
{
	return (what & CURL_POLL_IN ? EPOLLIN : 0) | (what & CURL_POLL_OUT ? EPOLLOUT : 0);
}

static int curl_socket(CURL *easy UNUSED, curl_socket_t fd, int what, void *data, void *known)
{
	struct fetch_client *c = data;
	struct fetch_socket *s = known;

	if (what == CURL_POLL_REMOVE) {
		if (s)
			loop_fd_remove(c->loop, &s->watcher);
		free(s);
		return 0;
	}
	if (s)
		return loop_fd_modify(c->loop, &s->watcher, events_of(what)) < 0 ? -1 : 0;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -1;
	s->client = c;
	s->watcher = (struct loop_fd){.fn = on_socket, .data = s, .background = true};
	if (loop_fd_add(c->loop, &s->watcher, fd, events_of(what)) < 0) {
		free(s);
		return -1;
	}
	curl_multi_assign(c->multi, fd, s);
	return 0;
}

/* --- the client --- */

static int set_up_multi(struct fetch_client *c, struct err *err)
{
	c->multi = curl_multi_init();
	if (!c->multi)
		return err_oom(err);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, curl_socket);
	curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, curl_timer);
	curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
	curl_multi_setopt(c->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
	curl_multi_setopt(c->multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)FETCH_CONNECTIONS_MAX);
	curl_multi_setopt(
		c->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)FETCH_HOST_CONNECTIONS_MAX);
	curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)FETCH_IDLE_CONNECTIONS_MAX);
	return 0;
}

int fetch_client_create(struct loop *loop, const char *const *env,
	const struct fetch_handler *handler, void *data, struct fetch_client **ret, struct err *err)
{
	struct fetch_client *c;

	crypto_init();
	/* Counts; what it sets up is this process's for good. */
	if (curl_global_init(CURL_GLOBAL_SSL) != CURLE_OK)
		return err_say(err, EIO, "libcurl does not start");
	c = calloc(1, sizeof(*c));
	if (!c)
		return err_oom(err);
	c->loop = loop;
	c->env = env;
	c->handler = handler;
	c->data = data;
	c->timer = (struct loop_timer){.fn = on_timer, .data = c, .background = true};
	if (set_up_multi(c, err) < 0) {
		fetch_client_destroy(c);
		return -err->code;
	}
	*ret = c;
	return 0;
}

void fetch_client_destroy(struct fetch_client *c)
{
	if (!c)
		return;
	c->closing = true;
	while (c->transfers)
		fetch_transfer_destroy(c->transfers);
	if (c->multi)
		curl_multi_cleanup(c->multi);
	fetch_resolver_destroy(c->resolver);
	loop_timer_stop(c->loop, &c->timer);
	fetch_ca_free(c->ca);
	free(c);
}

size_t fetch_client_running(const struct fetch_client *c)
{
	return c ? c->n_transfers : 0;
}

int fetch_client_add(struct fetch_client *c, struct fetch_transfer *t, struct err *err)
{
	const CURLMcode code = curl_multi_add_handle(c->multi, t->easy);

	if (code != CURLM_OK)
		return err_say(err, EIO, "%s", curl_multi_strerror(code));
	t->added = true;
	fetch_client_kick(c);
	return 0;
}

int fetch_start(
	struct fetch_client *c, const struct fetch_request *r, uint64_t *ret_id, struct err *err)
{
	struct fetch_transfer *t;

	if (c->n_transfers >= FETCH_TRANSFERS_MAX)
		return err_say(
			err, EAGAIN, "more than %d fetches at one time", FETCH_TRANSFERS_MAX);
	t = fetch_transfer_create(c, r, err);
	if (!t)
		return -err->code;
	*ret_id = t->id;
	return 0;
}

static struct fetch_transfer *find(struct fetch_client *c, uint64_t id)
{
	struct fetch_transfer *t = c ? c->transfers : NULL;

	while (t && t->id != id)
		t = t->next;
	return t;
}

void fetch_cancel(struct fetch_client *c, uint64_t id)
{
	fetch_transfer_destroy(find(c, id));
}

/* --- bodies --- */

ssize_t fetch_write(struct fetch_client *c, uint64_t id, const void *data, size_t len)
{
	struct fetch_transfer *t = find(c, id);

	if (!t || !t->easy || t->body != FETCH_BODY_STREAM || t->out_done)
		return -1;
	if (t->out_taken > 0) {
		buf_consume(&t->out, t->out_taken);
		t->out_taken = 0;
	}
	buf_put(&t->out, data, len);
	if (buf_failed(&t->out))
		return -1;
	t->out_full = t->out.len >= FETCH_HIGH_WATER;
	if (t->out_paused)
		fetch_transfer_continue(t);
	return (ssize_t)t->out.len;
}

void fetch_end(struct fetch_client *c, uint64_t id)
{
	struct fetch_transfer *t = find(c, id);

	if (!t || !t->easy)
		return;
	t->out_done = true;
	if (t->out_paused)
		fetch_transfer_continue(t);
}

/* Runs the decoder until there is a piece. */
static enum fetch_read read_decoded(
	struct fetch_transfer *t, const void **ret_bytes, size_t *ret_len, struct err *failure)
{
	const uint8_t *in = (const uint8_t *)t->in.data + t->in_taken;
	size_t n_in = t->in.len - t->in_taken, n_out = 0, before;
	int r;

	do {
		before = n_in;
		r = fetch_decode(
			t->decoder, &in, &n_in, t->piece, FETCH_PIECE_MAX, &n_out, failure);
	} while (r == 0 && n_out == 0 && n_in < before && n_in > 0);
	t->in_taken = t->in.len - n_in;
	if (r < 0)
		return FETCH_READ_FAILED;
	*ret_bytes = t->piece;
	*ret_len = n_out;
	if (n_out > 0)
		return FETCH_READ_PIECE;
	if (!t->in_done)
		return FETCH_READ_WAIT;
	if (n_in == 0 && fetch_decoder_is_done(t->decoder))
		return FETCH_READ_END;
	err_say(failure, EBADMSG, "the body ends before its Content-Encoding does");
	return FETCH_READ_FAILED;
}

static enum fetch_read read_plain(struct fetch_transfer *t, const void **ret_bytes, size_t *ret_len)
{
	const size_t left = t->in.len - t->in_taken;

	if (left == 0)
		return t->in_done ? FETCH_READ_END : FETCH_READ_WAIT;
	*ret_bytes = t->in.data + t->in_taken;
	*ret_len = left < FETCH_PIECE_MAX ? left : FETCH_PIECE_MAX;
	t->in_taken += *ret_len;
	return FETCH_READ_PIECE;
}

enum fetch_read fetch_read(struct fetch_client *c, uint64_t id, const void **ret_bytes,
	size_t *ret_len, struct err *ret_failure)
{
	struct fetch_transfer *t = find(c, id);
	enum fetch_read r;

	if (!t)
		return FETCH_READ_END;
	r = t->decoder ? read_decoded(t, ret_bytes, ret_len, ret_failure)
		       : read_plain(t, ret_bytes, ret_len);
	/* What came before a failure is given out. */
	if (t->failure.code && (r == FETCH_READ_WAIT || r == FETCH_READ_END ||
				       (r == FETCH_READ_FAILED && t->in_done))) {
		*ret_failure = t->failure;
		r = FETCH_READ_FAILED;
	}
	t->reader_waits = r == FETCH_READ_WAIT;
	if (r == FETCH_READ_END || r == FETCH_READ_FAILED) {
		fetch_transfer_destroy(t);
		return r;
	}
	if (t->in_paused && t->in.len - t->in_taken < FETCH_HIGH_WATER / 2)
		fetch_transfer_continue(t);
	fetch_transfer_hold(t);
	return r;
}
