/* SPDX-License-Identifier: Apache-2.0 */
/* The data plane among others: workers that it takes over and gives away, what it counts and traces. */
#include "tests/noslated/data_rig.h"

/* Its workers were another plane's: they are taken before any is started. */
START_TEST(offered)
{
	struct data_options o = DATA_OPTIONS_DEFAULT;
	struct err err = ERR_INIT;
	int c, w;

	o.waits = true;
	begin(FUNCTION("a", ""));
	data_destroy(d);
	turn();
	ck_assert_int_eq(data_create(&loop, &o, &maker, &loop, &d, &err), 0);
	ck_assert_int_eq(apply(FUNCTION("a", ", \"replicas\": {\"min\": 1}")), 0);
	ck_assert_int_eq(data_listen(d, listen_at(front.sun_path), &err), 0);
	c = client(HELLO);
	ck_assert_int_eq(n_workers, 0);
	snprintf(workers[0].path, sizeof(workers[0].path), "/tmp/turf-test-data-%d-0", getpid());
	snprintf(workers[0].name, sizeof(workers[0].name), "before-7");
	workers[0].listener = listen_at(workers[0].path);
	data_worker_offered(d, "before-7", "a", workers[0].path);
	data_worker_offered(d, "before-8", "b", "/nowhere");
	data_go(d);
	turn();
	ck_assert_int_eq(n_workers, 0);
	w = accepted(0);
	ck_assert(begins(heard(w), "GET /a HTTP/1.1\r\n"));
	say(w, OK);
	ck_assert(begins(heard(c), "HTTP/1.1 200 OK\r\n"));
	data_worker_gone(d, "before-7");
	turn();
	ck_assert_int_eq(n_workers, 1);
	end();
	unlink(workers[0].path);
}
END_TEST

/* Whoever asks is answered, and what is idle is not stopped, but given away. */
START_TEST(leaving)
{
	int c, idle, w;

	begin(FUNCTION("a", ""));
	c = client(HELLO);
	idle = client("");
	ready(0);
	w = accepted(0);
	*said = '\0';
	data_tell(d);
	ck_assert_str_eq(said, "have w-1;");
	data_leave(d, on_drained, &drained);
	ck_assert(begins(heard(w), "GET /a HTTP/1.1\r\n"));
	say(w, OK);
	ck_assert(strstr(heard(c), "connection: close"));
	ck_assert_str_eq(heard(c), "end");
	ck_assert_str_eq(said, "have w-1;release w-1;");
	ck_assert(!drained);
	say(idle, HELLO);
	ck_assert_int_eq(n_workers, 2);
	ready(1);
	w = accepted(1);
	say(w, OK);
	ck_assert(strstr(heard(idle), "connection: close"));
	turn();
	ck_assert(drained);
	ck_assert_str_eq(said, "have w-1;release w-1;release w-2;");
	ck_assert(!workers[0].stopped && !workers[1].stopped);
	end();
}
END_TEST

/* --- what is counted and traced --- */

static const struct stats_data_function *counted(const struct stats *s, const char *name)
{
	static struct stats_copy copy;

	ck_assert(stats_find(s, name, &copy));
	return (const struct stats_data_function *)copy.words;
}

static uint64_t sum(const uint64_t *words, size_t n)
{
	uint64_t all = 0;

	for (size_t i = 0; i < n; i++)
		all += words[i];
	return all;
}

START_TEST(counts)
{
	const struct stats_data_function *f;
	const struct stats_data_node *node;
	struct err err = ERR_INIT;
	struct stats *s;
	char path[64];
	int c, w;

	snprintf(path, sizeof(path), "/tmp/turf-test-data-%d-stats", getpid());
	ck_assert_int_eq(stats_open(path, &stats_data_form, &s, &err), 0);
	begin(FUNCTION("a", ""));
	data_use_stats(d, s);
	node = (const struct stats_data_node *)stats_node(s);
	c = client(HELLO HELLO);
	pass(150);
	f = counted(s, "a");
	ck_assert_uint_eq(f->now.starting, 1);
	ck_assert_uint_eq(f->now.waiting, 1);
	ck_assert_uint_eq(node->connections, 1);
	ready(0);
	w = accepted(0);
	say(w, OK);
	say(w, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
	heard(c);
	pass(150);
	f = counted(s, "a");
	ck_assert_uint_eq(f->answers[1], 1);
	ck_assert_uint_eq(f->answers[3], 1);
	ck_assert_uint_eq(f->queued, 1);
	ck_assert_uint_eq(f->cold, 1);
	ck_assert_uint_eq(f->in, 2 * strlen(HELLO));
	ck_assert_uint_eq(sum(f->duration, HISTOGRAM_FINE_WORDS - 1), 2);
	ck_assert_uint_eq(sum(f->wait, HISTOGRAM_COARSE_WORDS - 1), 1);
	ck_assert_uint_ge(f->wait[HISTOGRAM_COARSE_WORDS - 1], 150 * POLICY_NS_PER_MS);
	ck_assert_uint_eq(f->now.idle, 1);
	ck_assert_uint_eq(f->now.starting + f->now.waiting + f->now.running, 0);
	client("GET /none HTTP/1.1\r\nHost: h\r\n\r\n");
	ck_assert_uint_eq(node->answered, 3);
	ck_assert_uint_eq(node->errors[stats_label(s, "no_function")], 1);
	/* A worker that dies under a request. */
	ck_assert_int_eq(send(c, HELLO, strlen(HELLO), 0), (int)strlen(HELLO));
	turn();
	shutdown(c, SHUT_WR);
	turn();
	f = counted(s, "a");
	ck_assert_uint_eq(f->errors[stats_label(s, "client_left")], 1);
	ck_assert_uint_eq(f->answers[STATS_CLASSES - 1], 1);
	/* Nobody counts any more, and then somebody else does. */
	data_use_stats(d, NULL);
	client("GET /none HTTP/1.1\r\nHost: h\r\n\r\n");
	ck_assert_uint_eq(node->answered, 4);
	data_use_stats(d, s);
	ck_assert_uint_eq(counted(s, "a")->answers[1], 1);
	ck_assert_int_eq(apply(FUNCTION("b", "")), 0);
	pass(150);
	ck_assert_uint_eq(node->functions, 1);
	gone(0);
	end();
	stats_close(s);
	unlink(path);
}
END_TEST

#define TRACE  "4bf92f3577b34da6a3ce929d0e0e4736"
#define PARENT "00f067aa0ba902b7"

static void with_trace(char *to, size_t size, const char *more)
{
	snprintf(to, size, "GET /a HTTP/1.1\r\nHost: h\r\nX-Request-Id: x\r\n%s\r\n", more);
}

START_TEST(traces)
{
	const struct span_record *r;
	char path[64], text[512], trace[64];
	struct err err = ERR_INIT;
	struct spans *spans;
	const char *at;
	int c, w;

	snprintf(path, sizeof(path), "/tmp/turf-test-data-%d-spans", getpid());
	ck_assert_int_eq(spans_open(path, &spans, &err), 0);
	begin(FUNCTION("a", ""));
	data_use_spans(d, spans);
	with_trace(text, sizeof(text),
		"traceparent: 00-" TRACE "-" PARENT "-01\r\ntracestate: a=b\r\n");
	c = client(text);
	ready(0);
	w = accepted(0);
	at = strstr(heard(w), "traceparent: 00-" TRACE "-");
	ck_assert_ptr_nonnull(at);
	snprintf(trace, sizeof(trace), "%.55s", at + strlen("traceparent: "));
	ck_assert_str_eq(trace + 52, "-01");
	ck_assert_ptr_null(strstr(trace, PARENT));
	ck_assert_ptr_null(spans_peek(spans, 0));
	say(w, OK);
	heard(c);
	r = spans_peek(spans, 0);
	ck_assert_ptr_nonnull(r);
	ck_assert_int_eq(strncmp(r->ids.trace, TRACE, SPANS_TRACE_LEN), 0);
	ck_assert_int_eq(strncmp(r->ids.parent, PARENT, SPANS_ID_LEN), 0);
	ck_assert_int_eq(strncmp(r->ids.upstream, trace + 36, SPANS_ID_LEN), 0);
	ck_assert_int_ne(strncmp(r->ids.upstream, r->ids.server, SPANS_ID_LEN), 0);
	ck_assert_str_eq(r->function, "a");
	ck_assert_str_eq(r->path, "/a");
	ck_assert_str_eq(r->request_id, "x");
	ck_assert_uint_eq(r->status, 200);
	ck_assert(r->queued);
	ck_assert(r->begun && r->begun <= r->arrived && r->arrived < r->start_ended);
	ck_assert(r->start_ended <= r->sent && r->sent <= r->first && r->first <= r->ended);
	/* One that is not sampled is passed on as it is. */
	with_trace(text, sizeof(text),
		"traceparent: 00-" TRACE "-" PARENT "-00\r\ntracestate: a=b\r\n");
	say(c, text);
	at = heard(w);
	ck_assert_ptr_nonnull(strstr(at, "traceparent: 00-" TRACE "-" PARENT "-00\r\n"));
	ck_assert_ptr_nonnull(strstr(at, "tracestate: a=b\r\n"));
	say(w, OK);
	heard(c);
	ck_assert_ptr_null(spans_peek(spans, 1));
	/* Those of no trace are, by a share; what says of a trace that is none goes. */
	spans_set_ratio(spans, 1);
	with_trace(text, sizeof(text), "traceparent: 00-nothing\r\ntracestate: a=b\r\n");
	say(c, text);
	at = heard(w);
	ck_assert_ptr_null(strstr(at, "tracestate"));
	ck_assert_ptr_nonnull(strstr(at, "-01\r\n"));
	say(w, OK);
	heard(c);
	r = spans_peek(spans, 1);
	ck_assert_ptr_nonnull(r);
	ck_assert_int_eq(strncmp(r->ids.parent, "0000000000000000", SPANS_ID_LEN), 0);
	ck_assert_uint_eq(r->start_begun, 0);
	spans_release(spans, 2);
	ck_assert_ptr_null(spans_peek(spans, 0));
	end();
	spans_close(spans);
	unlink(path);
}
END_TEST

UNIT_MAIN("noslated_plane", offered, leaving, counts, traces)
