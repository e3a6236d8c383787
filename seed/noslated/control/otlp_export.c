/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/control/otlp_export.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "runtime/base/buf.h"
#include "runtime/base/json.h"
#include "runtime/base/log.h"
#include "runtime/base/util.h"
#include "seed/noslated/control/otlp.h"
#include "seed/noslated/stats/spans.h"
#include "seed/noslated/stats/word.h"
#include "seed/noslated/stats/words.h"

#define OUR_NAME_MAX 65

struct otlp_export {
	struct spans *spans;
	struct stats_control_node *counts;
	struct otlp_url url;
	struct sockaddr_storage address;
	const char *service;
	char host[OUR_NAME_MAX];
	uv_loop_t *loop;
	uv_timer_t timer;
	struct post *post; /* that is on its way */
	uint64_t n;	   /* requests of the batch that was not taken yet */
	unsigned tries;
	bool complained, closed;
};

/* One connection, one batch. */
struct post {
	struct otlp_export *export; /* NULL: nobody waits for it any more */
	uv_tcp_t tcp;
	uv_timer_t limit;
	uv_connect_t connect;
	uv_write_t write;
	unsigned handles;
	struct buf out, answer;
};

static void on_timer(uv_timer_t *t);

static void wait_for(struct otlp_export *e, uint64_t ms)
{
	if (!e->closed)
		uv_timer_start(&e->timer, on_timer, ms, 0);
}

/* --- what became of a batch --- */

static void done_with(struct otlp_export *e, uint64_t taken)
{
	stats_add(&e->counts->spans_sent, taken);
	stats_add(&e->counts->spans_lost, e->n - taken);
	spans_release(e->spans, e->n);
	e->n = 0;
	e->tries = 0;
	wait_for(e, spans_peek(e->spans, OTLP_BATCH_MAX - 1) ? 0 : OTLP_FLUSH_MS);
}

/* Once, until it works again: whoever reads the log knows then. */
static void complain(struct otlp_export *e, const char *why)
{
	if (!e->complained)
		log_warn("traces: the collector at %s:%d %s", e->url.host, e->url.port, why);
	e->complained = true;
}

static void try_again(struct otlp_export *e, const char *why)
{
	uint64_t ms = OTLP_AGAIN_MS;

	complain(e, why);
	if (++e->tries >= OTLP_TRIES_MAX) {
		done_with(e, 0);
		return;
	}
	for (unsigned i = 1; i < e->tries && ms < OTLP_AGAIN_MAX_MS; i++)
		ms *= 2;
	wait_for(e, ms < OTLP_AGAIN_MAX_MS ? ms : OTLP_AGAIN_MAX_MS);
}

/* --- one post --- */

static void on_closed(uv_handle_t *h)
{
	struct post *p = h->data;

	if (--p->handles > 0)
		return;
	buf_finish(&p->out);
	buf_finish(&p->answer);
	free(p);
}

static void close_post(struct post *p)
{
	if (uv_is_closing((uv_handle_t *)&p->tcp))
		return;
	if (p->export)
		p->export->post = NULL;
	p->export = NULL;
	uv_close((uv_handle_t *)&p->tcp, on_closed);
	uv_close((uv_handle_t *)&p->limit, on_closed);
}

static void fail(struct post *p, const char *why)
{
	struct otlp_export *e = p->export;

	close_post(p);
	if (e)
		try_again(e, why);
}

static bool may_try_again(int status)
{
	return status == 429 || status == 502 || status == 503 || status == 504;
}

static void take_answer(struct post *p)
{
	struct otlp_export *e = p->export;
	struct otlp_answer answer;
	char why[64];

	otlp_parse_answer(p->answer.data ? p->answer.data : "", p->answer.len, &answer);
	if (answer.status == 0) {
		fail(p, "does not answer in HTTP");
		return;
	}
	snprintf(why, sizeof(why), "answers %d", answer.status);
	if (may_try_again(answer.status)) {
		fail(p, why);
		return;
	}
	close_post(p);
	if (answer.status < 200 || answer.status > 299) {
		complain(e, why);
		done_with(e, 0);
		return;
	}
	e->complained = false;
	/* It counts spans, of which a request has some. */
	done_with(e, answer.rejected < e->n ? e->n - answer.rejected : 0);
}

static void on_alloc(uv_handle_t *h UNUSED, size_t wanted UNUSED, uv_buf_t *ret)
{
	static char buffer[16384];

	*ret = uv_buf_init(buffer, sizeof(buffer));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct post *p = stream->data;

	if (n == UV_EOF) {
		take_answer(p);
		return;
	}
	if (n > 0)
		buf_put(&p->answer, buf->base, (size_t)n);
	if (n < 0)
		fail(p, uv_strerror((int)n));
	else if (buf_failed(&p->answer) || p->answer.len > OTLP_ANSWER_MAX)
		fail(p, "answers too much");
	else if (n > 0 && otlp_answer_is_whole(p->answer.data, p->answer.len))
		take_answer(p);
}

static void on_written(uv_write_t *req, int status)
{
	struct post *p = req->data;

	/* What it says before it closes may be why. */
	if (status < 0 && status != UV_EPIPE && status != UV_ECANCELED)
		fail(p, uv_strerror(status));
}

static void on_connected(uv_connect_t *req, int status)
{
	struct post *p = req->data;
	uv_buf_t out;

	if (status < 0) {
		if (status != UV_ECANCELED)
			fail(p, uv_strerror(status));
		return;
	}
	out = uv_buf_init(p->out.data, (unsigned)p->out.len);
	p->write.data = p;
	if (uv_read_start((uv_stream_t *)&p->tcp, on_alloc, on_read) < 0 ||
		uv_write(&p->write, (uv_stream_t *)&p->tcp, &out, 1, on_written) < 0)
		fail(p, "takes nothing");
}

static void on_limit(uv_timer_t *t)
{
	fail(t->data, "does not answer in time");
}

/* The batch that was not taken, or as many as there are. */
static void write_batch(struct otlp_export *e, struct buf *out)
{
	const uint64_t most = e->n > 0 ? e->n : OTLP_BATCH_MAX;
	const struct span_record *r;
	struct json_writer w;

	json_writer_init(&w, out, false);
	otlp_begin(&w, e->service, e->host);
	for (e->n = 0; e->n < most && (r = spans_peek(e->spans, e->n)); e->n++)
		otlp_put(&w, r);
	otlp_end(&w);
}

static void write_request(struct otlp_export *e, struct buf *out)
{
	_cleanup_buf_ struct buf body = BUF_INIT;
	const bool v6 = e->address.ss_family == AF_INET6;

	write_batch(e, &body);
	buf_printf(out,
		"POST %s HTTP/1.1\r\nHost: %s%s%s:%d\r\nContent-Type: application/json\r\n"
		"User-Agent: noslated/" TURF_VERSION "\r\nContent-Length: %zu\r\n"
		"Connection: close\r\n\r\n",
		e->url.path, v6 ? "[" : "", e->url.host, v6 ? "]" : "", e->url.port, body.len);
	buf_put(out, body.data, body.len);
	out->failed |= buf_failed(&body);
}

static void send_batch(struct otlp_export *e)
{
	struct post *p = calloc(1, sizeof(*p));

	if (!p) {
		wait_for(e, OTLP_AGAIN_MS);
		return;
	}
	p->export = e;
	e->post = p;
	p->handles = 2;
	p->tcp.data = p->limit.data = p->connect.data = p;
	uv_tcp_init(e->loop, &p->tcp);
	uv_timer_init(e->loop, &p->limit);
	uv_timer_start(&p->limit, on_limit, OTLP_LIMIT_MS, 0);
	write_request(e, &p->out);
	if (buf_failed(&p->out))
		fail(p, "is told nothing: there is no memory left");
	else if (uv_tcp_connect(
			 &p->connect, &p->tcp, (struct sockaddr *)&e->address, on_connected) < 0)
		fail(p, "cannot be connected to");
}

static void on_timer(uv_timer_t *t)
{
	struct otlp_export *e = t->data;

	if (e->n > 0 || spans_peek(e->spans, 0))
		send_batch(e);
	else
		wait_for(e, OTLP_FLUSH_MS);
}

/* --- the whole --- */

static int set_address(struct otlp_export *e, const char *url, struct err *err)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&e->address;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&e->address;

	if (uv_ip4_addr(e->url.host, e->url.port, v4) == 0 ||
		uv_ip6_addr(e->url.host, e->url.port, v6) == 0)
		return 0;
	return err_say(err, EINVAL,
		"'%s': '%s' is no address; names are not asked for, and a collector is on the node",
		url, e->url.host);
}

int otlp_export_open(uv_loop_t *loop, const struct otlp_options *options, struct spans *spans,
	struct stats_control_node *counts, struct otlp_export **ret, struct err *err)
{
	_cleanup_free_ struct otlp_export *e = calloc(1, sizeof(*e));
	const char *url = options->traces_url ? options->traces_url : options->url;

	if (!e)
		return err_oom(err);
	e->loop = loop;
	e->spans = spans;
	e->counts = counts;
	e->service = options->service;
	if (gethostname(e->host, sizeof(e->host) - 1) < 0)
		e->host[0] = '\0';
	if (otlp_parse_url(url, options->traces_url ? "" : OTLP_PATH, &e->url, err) < 0 ||
		set_address(e, url, err) < 0)
		return err_wrap(err, "traces");
	uv_timer_init(loop, &e->timer);
	uv_unref((uv_handle_t *)&e->timer);
	e->timer.data = e;
	wait_for(e, OTLP_FLUSH_MS);
	*ret = take_ptr(&e);
	return 0;
}

static void on_timer_closed(uv_handle_t *h)
{
	free(h->data);
}

void otlp_export_close(struct otlp_export *e)
{
	if (!e)
		return;
	e->closed = true;
	if (e->post)
		close_post(e->post);
	uv_close((uv_handle_t *)&e->timer, on_timer_closed);
}
