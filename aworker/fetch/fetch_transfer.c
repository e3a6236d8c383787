/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request and its response. Callbacks of curl only fill buffers and note what has
 * happened; a deferred call tells the handler, so JavaScript never runs inside of curl.
 *
 * The order of a life: proxy and host are known, the name is looked up, the handle is
 * added, a head comes, a body is read. Any of it may be the last.
 */
#include <errno.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>

#include "aworker/fetch/fetch_priv.h"

/* What curl reads from a socket in one go. */
#define READ_SIZE 65536

/* --- what the handler is told --- */

static void on_deferred(void *data)
{
	struct fetch_transfer *t = data;
	struct fetch_client *c = t->client;
	const uint64_t id = t->id;
	const unsigned events = t->events;

	t->events = 0;
	if (!t->head_given && t->has_head && (events & FETCH_EVENT_HEAD)) {
		t->head_given = true;
		fetch_transfer_hold(t);
		if (events & ~(unsigned)FETCH_EVENT_HEAD)
			fetch_transfer_event(t, events & ~(unsigned)FETCH_EVENT_HEAD);
		c->handler->head(c->data, id, &t->parsed);
		return;
	}
	if (!t->head_given && t->failure.code) {
		const struct err failure = t->failure;
		const char *code = t->failure_code;

		fetch_transfer_destroy(t);
		c->handler->failed(c->data, id, code, failure.msg);
		return;
	}
	if ((events & FETCH_EVENT_READ) && t->reader_waits) {
		t->reader_waits = false;
		if (events & FETCH_EVENT_WRITE)
			fetch_transfer_event(t, FETCH_EVENT_WRITE);
		c->handler->readable(c->data, id);
		return;
	}
	if (events & FETCH_EVENT_WRITE)
		c->handler->writable(c->data, id);
}

void fetch_transfer_event(struct fetch_transfer *t, unsigned events)
{
	t->events |= events;
	loop_defer(t->client->loop, &t->deferred);
}

void fetch_transfer_hold(struct fetch_transfer *t)
{
	const bool wanted = !t->head_given || t->reader_waits;

	if (wanted == t->held)
		return;
	t->held = wanted;
	if (wanted)
		loop_hold(t->client->loop);
	else
		loop_unhold(t->client->loop);
}

void fetch_transfer_fail(struct fetch_transfer *t, const char *code, const struct err *err)
{
	if (!t->failure.code) {
		t->failure = *err;
		t->failure.code = err->code ? err->code : EIO;
		t->failure_code = code;
	}
	t->in_done = true;
	fetch_transfer_event(t, FETCH_EVENT_READ);
}

/* --- callbacks of curl --- */

static bool is_body_less(const struct fetch_transfer *t)
{
	const int s = t->parsed.status;

	return s == 204 || s == 205 || s == 304;
}

/* Bytes behind a head that has no body would be read as the head of the next response. */
static void distrust_body(struct fetch_transfer *t)
{
	size_t len;
	const char *length = fetch_head_find(&t->parsed, "content-length", &len);

	if (fetch_head_find(&t->parsed, "transfer-encoding", &(size_t){0}) ||
		(length && !(len == 1 && *length == '0')))
		curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, 1L);
}

static int set_decoder(struct fetch_transfer *t)
{
	size_t len;
	const char *name = fetch_head_find(&t->parsed, "content-encoding", &len);

	/* What is unknown is given out as it came. */
	if (!name || is_body_less(t) || !fetch_decoder_create(name, len, &t->decoder) ||
		!t->decoder)
		return 0;
	t->piece = malloc(FETCH_PIECE_MAX);
	return t->piece ? 0 : -1;
}

static const char *protocol_of(struct fetch_transfer *t)
{
	long version = 0;

	curl_easy_getinfo(t->easy, CURLINFO_HTTP_VERSION, &version);
	return version == CURL_HTTP_VERSION_2_0	  ? "h2"
	       : version == CURL_HTTP_VERSION_1_0 ? "http/1.0"
						  : "http/1.1";
}

/* A head is complete; one of an interim response is forgotten. */
static bool end_head(struct fetch_transfer *t)
{
	struct err err = ERR_INIT;

	fetch_head_finish(&t->parsed);
	if (fetch_head_parse(t->head.data, t->head.len, &t->parsed, &err) < 0) {
		fetch_transfer_fail(t, "EPROTO", &err);
		return false;
	}
	if (t->parsed.status < 200) {
		t->head.len = 0;
		return true;
	}
	t->parsed.protocol = protocol_of(t);
	t->has_head = true;
	if (is_body_less(t))
		distrust_body(t);
	if (set_decoder(t) < 0)
		return false;
	fetch_transfer_event(t, FETCH_EVENT_HEAD);
	return true;
}

static size_t on_header(char *line, size_t size, size_t n, void *data)
{
	struct fetch_transfer *t = data;
	const size_t len = size * n;
	struct err err = ERR_INIT;

	t->active_ns = loop_now_ns(t->client->loop);
	/* Trailers have no reader. */
	if (t->has_head)
		return len;
	if (len == 0 || (len == 2 && line[0] == '\r') || (len == 1 && line[0] == '\n'))
		return t->head.len > 0 && end_head(t) ? len : 0;
	if (t->head.len + len > FETCH_HEAD_MAX) {
		err_say(&err, EMSGSIZE, "the headers of the response are longer than %d bytes",
			FETCH_HEAD_MAX);
		fetch_transfer_fail(t, "EMSGSIZE", &err);
		return 0;
	}
	buf_put(&t->head, line, len);
	return buf_failed(&t->head) ? 0 : len;
}

static size_t on_body(char *bytes, size_t size, size_t n, void *data)
{
	struct fetch_transfer *t = data;
	const size_t len = size * n;

	t->active_ns = loop_now_ns(t->client->loop);
	if (is_body_less(t))
		return len;
	if (t->in.len - t->in_taken >= FETCH_HIGH_WATER) {
		t->in_paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (t->in_taken > 0) {
		buf_consume(&t->in, t->in_taken);
		t->in_taken = 0;
	}
	buf_put(&t->in, bytes, len);
	if (buf_failed(&t->in))
		return 0;
	fetch_transfer_event(t, FETCH_EVENT_READ);
	return len;
}

static size_t on_upload(char *to, size_t size, size_t n, void *data)
{
	struct fetch_transfer *t = data;
	const size_t left = t->out.len - t->out_taken;
	const size_t len = left < size * n ? left : size * n;

	t->active_ns = loop_now_ns(t->client->loop);
	if (len == 0 && !t->out_done) {
		t->out_paused = true;
		return CURL_READFUNC_PAUSE;
	}
	if (len > 0)
		memcpy(to, t->out.data + t->out_taken, len);
	t->out_taken += len;
	if (t->out_full && left - len < FETCH_HIGH_WATER / 2) {
		t->out_full = false;
		fetch_transfer_event(t, FETCH_EVENT_WRITE);
	}
	return len;
}

/* For a request that has to be sent once more, because an idle connection was dead. */
static int on_rewind(void *data, curl_off_t offset, int origin)
{
	struct fetch_transfer *t = data;

	if (t->body != FETCH_BODY_BYTES || origin != SEEK_SET || offset < 0 ||
		(size_t)offset > t->out.len)
		return CURL_SEEKFUNC_CANTSEEK;
	t->out_taken = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

static curl_socket_t open_socket(
	void *data UNUSED, curlsocktype what UNUSED, struct curl_sockaddr *address)
{
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

void fetch_transfer_continue(struct fetch_transfer *t)
{
	if (!t->easy)
		return;
	t->in_paused = t->out_paused = false;
	curl_easy_pause(t->easy, CURLPAUSE_CONT);
	fetch_client_kick(t->client);
}

/* --- the end --- */

static void drop_easy(struct fetch_transfer *t)
{
	if (!t->easy)
		return;
	if (t->added)
		curl_multi_remove_handle(t->client->multi, t->easy);
	curl_easy_cleanup(t->easy);
	t->easy = NULL;
	curl_slist_free_all(t->fields);
	curl_slist_free_all(t->addresses);
	t->fields = t->addresses = NULL;
	loop_timer_stop(t->client->loop, &t->idle);
}

static const char *code_of(struct fetch_transfer *t, CURLcode result)
{
	long number = 0;

	curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &number);
	switch (result) {
	case CURLE_COULDNT_CONNECT:
		return number > 0 && strerrorname_np((int)number) ? strerrorname_np((int)number)
								  : "ECONNREFUSED";
	case CURLE_OPERATION_TIMEDOUT: return "ETIMEDOUT";
	case CURLE_COULDNT_RESOLVE_HOST: return "ENOTFOUND";
	case CURLE_GOT_NOTHING:
	case CURLE_RECV_ERROR:
	case CURLE_SEND_ERROR:
	case CURLE_PARTIAL_FILE: return "ECONNRESET";
	case CURLE_PEER_FAILED_VERIFICATION: return "ECERT";
	case CURLE_OUT_OF_MEMORY: return "ENOMEM";
	default: return "EPROTO";
	}
}

/* curl's own words, with those of the system where it has none. */
static void describe(struct fetch_transfer *t, CURLcode result, struct err *err)
{
	long number = 0;

	curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &number);
	if (result == CURLE_COULDNT_CONNECT && number > 0)
		err_set(err, (int)number, "could not connect to '%s' port %s", t->host, t->port);
	else if (result == CURLE_OPERATION_TIMEDOUT)
		err_say(err, ETIMEDOUT, "could not connect to '%s' port %s within %d s", t->host,
			t->port, FETCH_CONNECT_TIMEOUT_MS / 1000);
	else if (result == CURLE_GOT_NOTHING || result == CURLE_PARTIAL_FILE)
		err_say(err, ECONNRESET,
			"the server closed the connection before its response "
			"was complete");
	else
		err_say(err, EIO, "%s", t->reason[0] ? t->reason : curl_easy_strerror(result));
}

void fetch_transfer_done(struct fetch_transfer *t, CURLcode result)
{
	struct err err = ERR_INIT;

	t->in_done = true;
	t->out_full = false;
	if (result != CURLE_OK || !t->has_head) {
		describe(t, result == CURLE_OK ? CURLE_GOT_NOTHING : result, &err);
		fetch_transfer_fail(t, code_of(t, result), &err);
	}
	drop_easy(t);
	fetch_transfer_event(t, FETCH_EVENT_READ | FETCH_EVENT_WRITE);
}

void fetch_transfer_destroy(struct fetch_transfer *t)
{
	if (!t)
		return;
	drop_easy(t);
	fetch_resolve_cancel(&t->wait);
	loop_defer_cancel(t->client->loop, &t->deferred);
	loop_timer_stop(t->client->loop, &t->idle);
	if (t->held)
		loop_unhold(t->client->loop);
	if (t->prev) {
		*t->prev = t->next;
		if (t->next)
			t->next->prev = t->prev;
		t->client->n_transfers--;
	}
	fetch_head_finish(&t->parsed);
	fetch_decoder_destroy(t->decoder);
	buf_finish(&t->head);
	buf_finish(&t->in);
	buf_finish(&t->out);
	free(t->piece);
	free(t->host);
	free(t);
}

/* Nothing moved for too long: waiting for our own reader or writer does not count. */
static void on_idle(void *data)
{
	struct fetch_transfer *t = data;
	const uint64_t limit = (uint64_t)FETCH_IDLE_TIMEOUT_MS * 1000000;
	const uint64_t quiet = loop_now_ns(t->client->loop) - t->active_ns;
	struct err err = ERR_INIT;

	if (t->in_paused || t->out_paused || quiet < limit) {
		(void)loop_timer_start(t->client->loop, &t->idle,
			t->in_paused || t->out_paused ? limit : limit - quiet);
		return;
	}
	err_say(&err, ETIMEDOUT, "no byte came or went for %d s", FETCH_IDLE_TIMEOUT_MS / 1000);
	fetch_transfer_fail(t, "ETIMEDOUT", &err);
	drop_easy(t);
}

/* --- the beginning --- */

/* A field that frames the message, or speaks for the connection, is curl's. */
static bool is_ours(const char *name, size_t len)
{
	static const char *const names[] = {"connection", "content-length", "expect",
		"http2-settings", "keep-alive", "proxy-connection", "te", "trailer",
		"transfer-encoding", "upgrade"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (len == strlen(names[i]) && strncasecmp(names[i], name, len) == 0)
			return true;
	}
	return false;
}

static int add_field(struct fetch_transfer *t, const char *text)
{
	struct curl_slist *list = curl_slist_append(t->fields, text);

	if (!list)
		return -1;
	t->fields = list;
	return 0;
}

static int set_fields(struct fetch_transfer *t, const struct fetch_request *r, struct err *err)
{
	bool has_type = false;

	for (size_t i = 0; i + 1 < r->n_strings; i += 2) {
		_cleanup_buf_ struct buf line = BUF_INIT;
		const char *name = r->strings[i], *value = r->strings[i + 1];
		const size_t name_len = r->lens[i], len = r->lens[i + 1];

		if (is_ours(name, name_len))
			continue;
		if (memchr(value, 0, len) || memchr(value, '\r', len) || memchr(value, '\n', len))
			return err_say(err, EINVAL, "a header has a line break or NUL in it");
		has_type |= name_len == 12 && strncasecmp(name, "content-type", 12) == 0;
		buf_put(&line, name, name_len);
		buf_puts(&line, len > 0 ? ": " : ";");
		buf_put(&line, value, len);
		if (buf_failed(&line) || add_field(t, line.data) < 0)
			return err_oom(err);
	}
	/* What curl would say by itself. */
	if (add_field(t, "Expect:") < 0 || (!has_type && add_field(t, "Content-Type:") < 0))
		return err_oom(err);
	curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, t->fields);
	return 0;
}

static void set_limits(struct fetch_transfer *t)
{
	CURL *e = t->easy;

	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_REDIR_PROTOCOLS_STR, "");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(e, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	curl_easy_setopt(e, CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE);
	curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)FETCH_CONNECT_TIMEOUT_MS);
	curl_easy_setopt(e, CURLOPT_DNS_CACHE_TIMEOUT, -1L);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, (long)READ_SIZE);
	curl_easy_setopt(e, CURLOPT_TCP_KEEPALIVE, 1L);
}

static void set_callbacks(struct fetch_transfer *t)
{
	CURL *e = t->easy;

	curl_easy_setopt(e, CURLOPT_PRIVATE, (void *)t);
	curl_easy_setopt(e, CURLOPT_ERRORBUFFER, t->reason);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(e, CURLOPT_READFUNCTION, on_upload);
	curl_easy_setopt(e, CURLOPT_READDATA, t);
	curl_easy_setopt(e, CURLOPT_SEEKFUNCTION, on_rewind);
	curl_easy_setopt(e, CURLOPT_SEEKDATA, t);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
}

static int set_body(struct fetch_transfer *t, const struct fetch_request *r, struct err *err)
{
	t->body = r->body;
	if (streq(r->method, "HEAD"))
		curl_easy_setopt(t->easy, CURLOPT_NOBODY, 1L);
	/* These two say that they have none. */
	if (r->body == FETCH_BODY_NONE && !streq(r->method, "POST") && !streq(r->method, "PUT")) {
		curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, r->method);
		return 0;
	}
	curl_easy_setopt(t->easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(t->easy, CURLOPT_CUSTOMREQUEST, r->method);
	if (r->body == FETCH_BODY_STREAM)
		return 0;
	if (r->n_bytes > 0)
		buf_put(&t->out, r->bytes, r->n_bytes);
	t->out_done = true;
	curl_easy_setopt(t->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->n_bytes);
	return buf_failed(&t->out) ? err_oom(err) : 0;
}

static int set_tls(struct fetch_transfer *t, struct err *err)
{
	struct fetch_client *c = t->client;

	if (!c->ca && fetch_ca_load(c->env, &c->ca, err) < 0)
		return -err->code;
	curl_easy_setopt(t->easy, CURLOPT_CAINFO, NULL);
	curl_easy_setopt(t->easy, CURLOPT_CAPATH, NULL);
	curl_easy_setopt(t->easy, CURLOPT_PROXY_CAINFO, NULL);
	curl_easy_setopt(t->easy, CURLOPT_PROXY_CAPATH, NULL);
	curl_easy_setopt(t->easy, CURLOPT_SSL_CTX_FUNCTION, fetch_ca_use);
	curl_easy_setopt(t->easy, CURLOPT_SSL_CTX_DATA, c->ca);
	return 0;
}

struct place {
	char *scheme, *host, *port;
};

static void place_finish(struct place *p)
{
	curl_free(p->scheme);
	curl_free(p->host);
	curl_free(p->port);
}

static int place_parse(const char *url, struct place *ret, struct err *err)
{
	CURLU *u = curl_url();
	CURLUcode r =
		u ? curl_url_set(u, CURLUPART_URL, url, CURLU_PATH_AS_IS) : CURLUE_OUT_OF_MEMORY;

	if (r == CURLUE_OK)
		r = curl_url_get(u, CURLUPART_SCHEME, &ret->scheme, 0);
	if (r == CURLUE_OK)
		r = curl_url_get(u, CURLUPART_HOST, &ret->host, 0);
	if (r == CURLUE_OK)
		r = curl_url_get(u, CURLUPART_PORT, &ret->port, CURLU_DEFAULT_PORT);
	curl_url_cleanup(u);
	return r == CURLUE_OK ? 0 : err_say(err, EINVAL, "'%s': %s", url, curl_url_strerror(r));
}

/* Where to connect: to the server of the URL, or its proxy. */
static int set_place(struct fetch_transfer *t, const char *url, struct err *err)
{
	_cleanup_(place_finish) struct place to = {0}, via = {0};
	_cleanup_free_ char *proxy = NULL;
	const struct place *p = &to;

	if (place_parse(url, &to, err) < 0 || fetch_proxy_for(t->client->env, to.scheme, to.host,
						      (unsigned)atoi(to.port), &proxy, err) < 0)
		return -err->code;
	if (proxy && place_parse(proxy, &via, err) < 0)
		return err_wrap(err, "the proxy");
	if (proxy)
		p = &via;
	if ((streq(to.scheme, "https") || streq(p->scheme, "https")) && set_tls(t, err) < 0)
		return -err->code;
	curl_easy_setopt(t->easy, CURLOPT_URL, url);
	curl_easy_setopt(t->easy, CURLOPT_PROXY, proxy ? proxy : "");
	curl_easy_setopt(t->easy, CURLOPT_NOPROXY, "");
	snprintf(t->port, sizeof(t->port), "%s", p->port);
	t->host = strdup(p->host);
	return t->host ? 0 : err_oom(err);
}

/* --- names --- */

static void on_resolved(void *data, const char *addresses, const struct err *error)
{
	struct fetch_transfer *t = data;
	_cleanup_buf_ struct buf line = BUF_INIT;
	struct err err = ERR_INIT;

	if (!addresses) {
		fetch_transfer_fail(t, "ENOTFOUND", error);
		return;
	}
	buf_printf(&line, "%s:%s:%s", t->host, t->port, addresses);
	t->addresses = buf_failed(&line) ? NULL : curl_slist_append(NULL, line.data);
	curl_easy_setopt(t->easy, CURLOPT_RESOLVE, t->addresses);
	if (!t->addresses)
		err_oom(&err);
	if (!t->addresses || fetch_client_add(t->client, t, &err) < 0)
		fetch_transfer_fail(t, "EIO", &err);
}

static bool is_address(const char *host)
{
	const char *end = host + strspn(host, "0123456789.");

	return host[0] == '[' || *end == '\0';
}

static int begin(struct fetch_transfer *t, struct err *err)
{
	struct fetch_client *c = t->client;

	if (is_address(t->host))
		return fetch_client_add(c, t, err);
	if (!c->resolver)
		c->resolver = fetch_resolver_create(c->loop, err);
	if (!c->resolver)
		return -err->code;
	t->wait = (struct fetch_wait){.fn = on_resolved, .data = t};
	fetch_resolve(c->resolver, t->host, &t->wait);
	return 0;
}

struct fetch_transfer *fetch_transfer_create(
	struct fetch_client *c, const struct fetch_request *r, struct err *err)
{
	struct fetch_transfer *t = calloc(1, sizeof(*t));

	if (!t) {
		err_oom(err);
		return NULL;
	}
	t->client = c;
	t->id = ++c->ids;
	t->easy = curl_easy_init();
	t->deferred = (struct loop_deferred){.fn = on_deferred, .data = t};
	t->idle = (struct loop_timer){.fn = on_idle, .data = t, .background = true};
	t->active_ns = loop_now_ns(c->loop);
	t->next = c->transfers;
	if (t->next)
		t->next->prev = &t->next;
	t->prev = &c->transfers;
	c->transfers = t;
	c->n_transfers++;
	if (!t->easy)
		err_oom(err);
	if (t->easy) {
		set_limits(t);
		set_callbacks(t);
	}
	if (!t->easy || set_fields(t, r, err) < 0 || set_body(t, r, err) < 0 ||
		set_place(t, r->url, err) < 0 || begin(t, err) < 0 ||
		loop_timer_start(c->loop, &t->idle, (uint64_t)FETCH_IDLE_TIMEOUT_MS * 1000000) <
			0) {
		if (!err->code)
			err_oom(err);
		fetch_transfer_destroy(t);
		return NULL;
	}
	fetch_transfer_hold(t);
	return t;
}
