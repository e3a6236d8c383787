/* SPDX-License-Identifier: Apache-2.0 */
/* The data plane between clients and workers that are this test's, byte by byte. */
#include "tests/noslated/data_rig.h"

/* --- cases --- */

START_TEST(one_request)
{
	int c, w;

	begin(FUNCTION("a", ""));
	c = client(HELLO HELLO);
	ck_assert_int_eq(n_workers, 1);
	ck_assert_str_eq(workers[0].function, "a");
	ck_assert_str_eq(workers[0].name, "w-1");
	ready(0);
	w = accepted(0);
	ck_assert(begins(heard(w), "GET /a HTTP/1.1\r\nhost: h\r\n"));
	ck_assert_str_eq(heard(c), "");
	say(w, OK);
	ck_assert(begins(heard(c), "HTTP/1.1 200 OK\r\n"));
	/* The second one comes on the same connection, the first one being answered. */
	ck_assert(begins(heard(w), "GET /a HTTP/1.1\r\n"));
	ck_assert_int_eq(accepted(0), -1);
	say(w, OK);
	ck_assert(begins(heard(c), "HTTP/1.1 200 OK\r\n"));
	end();
}
END_TEST

/* The answers to requests that a client has sent at once must not be mixed up by a worker that says more. */
START_TEST(worker_says_more)
{
	int c, w;

	begin(FUNCTION("a", ""));
	c = client(HELLO);
	ready(0);
	w = accepted(0);
	say(w, OK "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecret");
	ck_assert(strstr(heard(c), "ok"));
	ck_assert_int_eq(send(c, HELLO, strlen(HELLO), 0), (int)strlen(HELLO));
	ck_assert_str_eq(heard(c), "");
	w = accepted(0);
	ck_assert_int_ge(w, 0);
	/* Also later, when nobody has asked. */
	say(w, OK);
	ck_assert(strstr(heard(c), "ok"));
	say(w, OK);
	ck_assert_int_eq(send(c, HELLO, strlen(HELLO), 0), (int)strlen(HELLO));
	ck_assert_str_eq(heard(c), "");
	ck_assert_int_ge(accepted(0), 0);
	end();
}
END_TEST

START_TEST(start_fails)
{
	int c;

	begin(FUNCTION("a", ", \"queue\": {\"deadline\": \"50ms\"}"));
	c = client(HELLO);
	data_worker_gone(d, workers[0].name);
	ck_assert(strstr(heard(c), "x-noslate-error: not_starting\r\n"));
	ck_assert(
		strstr(heard(client("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n")), "retry-after: 5\r\n"));
	end();
}
END_TEST

START_TEST(replaced)
{
	int c;

	begin(FUNCTION("a", ""));
	c = client(HELLO);
	ck_assert_int_eq(apply(FUNCTION("a", ", \"environment\": {\"X\": \"1\"}")), 0);
	turn();
	/* It waits for a worker of the new code. */
	ck_assert_int_eq(n_workers, 2);
	ck_assert(workers[0].stopped);
	gone(0);
	ready(1);
	ck_assert_str_eq(heard(c), "");
	say(accepted(1), OK);
	ck_assert(strstr(heard(c), "ok"));
	/* What only concerns the policy changes nothing else. */
	ck_assert_int_eq(
		apply(FUNCTION("a", ", \"environment\": {\"X\": \"1\"}, \"concurrency\": 3")), 0);
	ck_assert(!workers[1].stopped);
	end();
}
END_TEST

START_TEST(removed)
{
	int waits, runs, w;

	begin(FUNCTION("a", ", \"concurrency\": 1, \"replicas\": {\"max\": 1}"));
	runs = client(HELLO);
	ready(0);
	w = accepted(0);
	waits = client(HELLO);
	ck_assert_int_eq(apply(FUNCTION("b", "")), 0);
	ck_assert(strstr(heard(waits), "x-noslate-error: function_gone\r\n"));
	ck_assert(strstr(heard(client(HELLO)), "x-noslate-error: no_function\r\n"));
	ck_assert(!workers[0].stopped);
	say(w, OK);
	ck_assert(strstr(heard(runs), "ok"));
	ck_assert(workers[0].stopped);
	gone(0);
	end();
}
END_TEST

/* What was taken is answered, and nothing else until it takes requests again. */
START_TEST(takes_no_more)
{
	int runs, waits, w;

	begin(FUNCTION("a", ", \"concurrency\": 1, \"replicas\": {\"min\": 1, \"max\": 1}"));
	ready(0);
	runs = client(HELLO);
	w = accepted(0);
	waits = client(HELLO);
	ck_assert_int_eq(
		apply(FUNCTION("a", ", \"concurrency\": 1, \"drained\": true, \"replicas\": "
				    "{\"min\": 1, \"max\": 1}")),
		0);
	ck_assert(strstr(heard(client(HELLO)), "x-noslate-error: drained\r\n"));
	ck_assert(!workers[0].stopped);
	say(w, OK);
	ck_assert(strstr(heard(runs), "ok"));
	say(w, OK);
	ck_assert(strstr(heard(waits), "ok"));
	pass(20);
	ck_assert(workers[0].stopped);
	gone(0);
	ck_assert_int_eq(n_workers, 1);
	ck_assert_int_eq(apply(FUNCTION("a", ", \"concurrency\": 1")), 0);
	runs = client(HELLO);
	ck_assert_int_eq(n_workers, 2);
	ready(1);
	say(accepted(1), OK);
	ck_assert(strstr(heard(runs), "ok"));
	end();
}
END_TEST

/* A worker that answers and ends is no failure, whichever is heard of first. */
START_TEST(gone_but_answered)
{
	int c, w;

	begin(FUNCTION("a", ""));
	c = client(HELLO);
	ready(0);
	w = accepted(0);
	data_worker_gone(d, workers[0].name);
	say(w, OK);
	close(w);
	ck_assert(strstr(heard(c), "ok"));
	end();
}
END_TEST

START_TEST(tried_again)
{
	int get, post, w;

	begin(FUNCTION("a", ""));
	get = client(HELLO);
	post = client("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n");
	ready(0);
	while ((w = accepted(0)) >= 0)
		close(w);
	gone(0);
	ck_assert(strstr(heard(post), "x-noslate-error: worker_closed\r\n"));
	ck_assert_str_eq(heard(get), "");
	/* The policy lets some time pass after one that ended without an answer. */
	pass(200);
	ck_assert_int_ge(n_workers, 2);
	ready(n_workers - 1);
	w = accepted(n_workers - 1);
	ck_assert(begins(heard(w), "GET /a HTTP/1.1\r\n"));
	say(w, OK);
	ck_assert(strstr(heard(get), "ok"));
	end();
}
END_TEST

/* The second try is another worker's, and no second request of the rate. */
START_TEST(tried_elsewhere)
{
	int fds[2], c, w = -1;

	begin(FUNCTION(
		"a", ", \"replicas\": {\"min\": 2}, \"rate\": {\"perSecond\": 1, \"burst\": 1}"));
	ready(0);
	ready(1);
	c = client(HELLO);
	for (int i = 0; i < 2; i++)
		if ((fds[i] = accepted(i)) >= 0)
			w = i;
	ck_assert_int_ge(w, 0);
	close(fds[w]);
	turn();
	pass(50);
	ck_assert_int_lt(accepted(w), 0);
	w = 1 - w;
	fds[w] = accepted(w);
	ck_assert_int_ge(fds[w], 0);
	say(fds[w], OK);
	ck_assert(strstr(heard(c), "ok"));
	ck_assert(strstr(heard(client(HELLO)), "x-noslate-error: rate_limited\r\n"));
	end();
}
END_TEST

START_TEST(circuit)
{
	int c, w;

	begin(FUNCTION(
		"a", ", \"ejectedAfter\": 0, \"breaker\": {\"failures\": 2, \"open\": \"50ms\"}"));
	c = client(HELLO);
	ready(0);
	for (int i = 0; i < 2; i++) {
		w = accepted(0);
		say(w, "nonsense\r\n\r\n");
		ck_assert(strstr(heard(c), "x-noslate-error: worker_invalid\r\n"));
		close(c);
		c = client(HELLO);
	}
	ck_assert(strstr(heard(c), "x-noslate-error: circuit_open\r\n"));
	pass(60);
	/* Whoever tries it, and leaves, has found out nothing. */
	close(client(HELLO));
	turn();
	w = accepted(0);
	c = client(HELLO);
	w = accepted(0);
	say(w, OK);
	ck_assert(strstr(heard(c), "ok"));
	c = client(HELLO);
	say(w, OK);
	ck_assert(strstr(heard(c), "ok"));
	end();
}
END_TEST

#define SET \
	"{\"version\": 1, \"tenants\": [{\"name\": \"t\", \"running\": %d}], \"functions\": [%s]}"

/* Quotas are the last set's, whichever function had others. */
START_TEST(quotas)
{
	int a, b, w;

	begin(FUNCTION("a", ""));
	ck_assert_int_eq(
		apply_text(SET, 1,
			FUNCTION("a", ", \"tenant\": \"t\", \"queue\": {\"deadline\": \"50ms\"}")),
		0);
	a = client(HELLO);
	b = client(HELLO);
	ready(0);
	w = accepted(0);
	ck_assert(begins(heard(w), "GET /a"));
	ck_assert_int_eq(accepted(0), -1);
	pass(60);
	ck_assert(strstr(heard(b), "x-noslate-error: tenant_quota\r\n"));
	b = client(HELLO);
	ck_assert_int_eq(
		apply_text(SET, 2,
			FUNCTION("a", ", \"tenant\": \"t\", \"queue\": {\"deadline\": \"50ms\"}")),
		0);
	turn();
	say(accepted(0), OK);
	ck_assert(strstr(heard(b), "ok"));
	say(w, OK);
	ck_assert(strstr(heard(a), "ok"));
	end();
}
END_TEST

/*
 * A connection that was closed for being idle is no failure of anybody, also when that is found out while a
 * request is sent.
 */
START_TEST(stale)
{
	static const char *const requests[] = {HELLO,
		"POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc",
		"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
		"chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"};
	int c, w;

	begin(FUNCTION("a", ", \"ejectedAfter\": 1"));
	c = client(HELLO);
	ready(0);
	w = accepted(0);
	for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
		const size_t n = strlen(requests[i]);
		const char *seen;

		say(w, OK);
		ck_assert(strstr(heard(c), "ok"));
		ck_assert_int_eq(send(c, requests[i], n, 0), (int)n);
		close(w);
		turn();
		w = accepted(0);
		ck_assert_int_ge(w, 0);
		seen = heard(w);
		ck_assert(begins(seen, i ? "POST /a" : "GET /a"));
		ck_assert(!i || strstr(seen, "abc"));
	}
	/* It is sent, and not read: only what does nothing more is sent again. */
	say(w, OK);
	ck_assert(strstr(heard(c), "ok"));
	ck_assert_int_eq(send(c, HELLO, strlen(HELLO), 0), (int)strlen(HELLO));
	turn();
	close(w);
	turn();
	w = accepted(0);
	ck_assert_int_ge(w, 0);
	say(w, OK);
	ck_assert(strstr(heard(c), "ok"));
	ck_assert_int_eq(send(c, requests[1], strlen(requests[1]), 0), (int)strlen(requests[1]));
	turn();
	close(w);
	ck_assert(strstr(heard(c), "x-noslate-error: worker_closed\r\n"));
	ck_assert(!workers[0].stopped);
	end();
}
END_TEST

/* What a removed function still runs has its time, and no more. */
START_TEST(cut)
{
	int asks, reads, w;

	begin(FUNCTION("a", ", \"timeouts\": {\"drain\": \"50ms\"}"));
	reads = client(HELLO);
	ready(0);
	w = accepted(0);
	say(w, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab");
	ck_assert(strstr(heard(reads), "ab"));
	asks = client(HELLO);
	ck_assert_int_eq(apply(FUNCTION("b", "")), 0);
	ck_assert_str_eq(heard(asks), "");
	ck_assert_str_eq(heard(reads), "");
	pass(100);
	ck_assert(strstr(heard(asks), "x-noslate-error: drain_timeout\r\n"));
	ck_assert_str_eq(heard(reads), "end");
	ck_assert(workers[0].stopped);
	end();
}
END_TEST

/* Half a head is no reason to stay, when others want to come. */
START_TEST(room)
{
	struct data_options o = DATA_OPTIONS_DEFAULT;
	struct err err = ERR_INIT;
	int half, idle, runs, next;

	begin(FUNCTION("a", ""));
	data_destroy(d);
	turn();
	o.connections_max = 3;
	ck_assert_int_eq(data_create(&loop, &o, &maker, &loop, &d, &err), 0);
	ck_assert_int_eq(apply(FUNCTION("a", "")), 0);
	ck_assert_int_eq(data_listen(d, listen_at(front.sun_path), &err), 0);
	half = client("GET /a HT");
	idle = client("");
	runs = client(HELLO);
	ck_assert_str_eq(heard(idle), "");
	next = client(HELLO);
	ck_assert_str_eq(heard(half), "end");
	ck_assert_str_eq(heard(idle), "");
	next = client(HELLO);
	ck_assert_str_eq(heard(idle), "end");
	/* Nobody can go: this one waits in the backlog. */
	idle = client("GET /no HTTP/1.1\r\nHost: h\r\n\r\n");
	ck_assert_str_eq(heard(idle), "");
	close(runs);
	turn();
	ck_assert(strstr(heard(idle), "no_function"));
	close(next);
	end();
}
END_TEST

START_TEST(leaves_the_queue)
{
	struct data_count c;
	int waits;

	begin(FUNCTION("a", ""));
	waits = client(HELLO);
	data_count(d, &c);
	ck_assert_uint_eq(c.requests, 1);
	close(waits);
	turn();
	data_count(d, &c);
	ck_assert_uint_eq(c.requests + c.connections, 0);
	ck_assert_uint_eq(c.answered, 1);
	ready(0);
	data_worker_measured(d, workers[0].name, 1000);
	data_worker_measured(d, "nobody", 1000);
	data_worker_ready(d, "nobody", "/nowhere");
	ck_assert_int_eq(accepted(0), -1);
	end();
}
END_TEST

/* Byte by byte, with empty lines before it: the same as at once. */
START_TEST(drips)
{
	static const char bytes[] = "\r\n\r\nGET /no HTTP/1.1\r\nHost: h\r\n\r\n\r\nGET /no "
				    "HTTP/1.1\r\nHost: h\r\n\r\n";
	int c, n = 0;

	begin(FUNCTION("a", ""));
	c = client("");
	for (size_t i = 0; i + 1 < sizeof(bytes); i++) {
		ck_assert_int_eq(send(c, bytes + i, 1, 0), 1);
		n += strstr(heard(c), "no_function") != NULL;
	}
	ck_assert_int_eq(n, 2);
	end();
}
END_TEST

/* A small body is here before anybody waits for it; a large one has to come at some rate. */
START_TEST(drips_of_a_body)
{
	struct data_options o = DATA_OPTIONS_DEFAULT;
	struct err err = ERR_INIT;
	const char *seen;
	int c, w, n = 0;

	begin(FUNCTION("a", ""));
	data_destroy(d);
	turn();
	o.body_ms = 100;
	ck_assert_int_eq(data_create(&loop, &o, &maker, &loop, &d, &err), 0);
	ck_assert_int_eq(apply(FUNCTION("a", "")), 0);
	ck_assert_int_eq(data_listen(d, listen_at(front.sun_path), &err), 0);
	c = client("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\na");
	say(c, "b");
	ck_assert_int_eq(n_workers, 0);
	say(c, "c" HELLO);
	ck_assert_int_eq(n_workers, 1);
	ready(0);
	w = accepted(0);
	ck_assert(strstr(heard(w), "\r\n\r\nabc"));
	say(w, OK);
	say(w, OK);
	ck_assert(strstr(heard(c), "ok"));
	/* It comes all the time, and takes too long nevertheless. */
	close(c);
	turn();
	c = client("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 20000\r\n\r\n");
	for (seen = heard(c); !*seen; seen = heard(c)) {
		ck_assert_int_lt(n++, 1000);
		ck_assert_int_eq(send(c, "x", 1, MSG_NOSIGNAL), 1);
		pass(5);
	}
	ck_assert(strstr(seen, "x-noslate-error: body_timeout\r\n"));
	/* And so does a small one, for which nobody has been asked. */
	c = client("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 10000\r\n\r\n");
	for (seen = heard(c); !*seen; seen = heard(c)) {
		ck_assert_int_lt(n++, 1000);
		ck_assert_int_eq(send(c, "x", 1, MSG_NOSIGNAL), 1);
		pass(5);
	}
	ck_assert(strstr(seen, "x-noslate-error: body_timeout\r\n"));
	end();
}
END_TEST

#define UPGRADE "GET /a HTTP/1.1\r\nHost: h\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"
#define SWITCH \
	"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n"

START_TEST(tunnel)
{
	const char *seen;
	int c, w;

	begin(FUNCTION("a", ""));
	c = client(UPGRADE "abc");
	ready(0);
	w = accepted(0);
	seen = heard(w);
	/* It is no tunnel yet, and may become none. */
	ck_assert(begins(seen, "GET /a") && !strstr(seen, "abc"));
	say(w, SWITCH "def");
	seen = heard(c);
	ck_assert(begins(seen, "HTTP/1.1 101 ") && strstr(seen, "\r\n\r\ndef"));
	ck_assert_str_eq(heard(w), "abc");
	say(c, "GET /no HTTP/1.1\r\n\r\n");
	ck_assert_str_eq(heard(w), "GET /no HTTP/1.1\r\n\r\n");
	/* One side may end before the other. */
	shutdown(c, SHUT_WR);
	ck_assert_str_eq(heard(w), "end");
	say(w, "bye");
	close(w);
	ck_assert_str_eq(heard(c), "bye");
	ck_assert_str_eq(heard(c), "end");
	/* Nobody has asked for this one. */
	c = client(HELLO);
	w = accepted(0);
	say(w, SWITCH "def");
	ck_assert(strstr(heard(c), "x-noslate-error: worker_invalid\r\n"));
	/* And this one is not granted: what is behind it is the next request. */
	c = client(UPGRADE "GET /no HTTP/1.1\r\nHost: h\r\n\r\n");
	w = accepted(0);
	say(w, OK);
	seen = heard(c);
	ck_assert(strstr(seen, "ok") && strstr(seen, "no_function"));
	end();
}
END_TEST

/* What nobody has got can be sent to another worker, whatever it is. */
START_TEST(unreachable)
{
	int c, w;

	begin(FUNCTION("a", ""));
	c = client("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc");
	data_worker_ready(d, workers[0].name, "/tmp/turf-test-nobody");
	data_worker_gone(d, workers[0].name);
	pass(200);
	ck_assert_int_eq(n_workers, 2);
	ready(1);
	w = accepted(1);
	ck_assert(strstr(heard(w), "\r\n\r\nabc"));
	say(w, OK);
	ck_assert(strstr(heard(c), "ok"));
	/* But not for ever. */
	c = client(HELLO);
	close(workers[1].listener);
	close(w);
	ck_assert_str_eq(heard(c), "");
	pass(60);
	ck_assert(strstr(heard(c), "x-noslate-error: worker_unreachable\r\n"));
	end();
}
END_TEST

START_TEST(leaves_while_it_runs)
{
	int c, w;

	begin(FUNCTION("a", ", \"disposable\": true"));
	c = client("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 90000\r\n\r\nabc");
	ready(0);
	w = accepted(0);
	ck_assert(strstr(heard(w), "abc"));
	close(c);
	ck_assert_str_eq(heard(w), "end");
	ck_assert(workers[0].stopped);
	end();
}
END_TEST

/* Nothing is read that nobody takes: all that there is are buffers of sockets, and two of ours. */
START_TEST(back_pressure)
{
	static char much[1 << 16];
	size_t there = 0, back = 0;
	ssize_t n;
	int c, w;

	begin(FUNCTION("a", ""));
	c = client("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n");
	ready(0);
	w = accepted(0);
	do {
		n = send(c, much, sizeof(much), MSG_NOSIGNAL);
		there += n > 0 ? (size_t)n : 0;
		turn();
	} while (n > 0);
	ck_assert_uint_lt(there, 4 << 20);
	say(w, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
	do {
		n = send(w, much, sizeof(much), MSG_NOSIGNAL);
		back += n > 0 ? (size_t)n : 0;
		turn();
	} while (n > 0);
	ck_assert_uint_lt(back, 4 << 20);
	/* It goes on both ways once somebody reads, and all of it comes. */
	for (int i = 0; i < 2000 && (there > 0 || back > 0); i++) {
		while ((n = recv(w, much, sizeof(much), 0)) > 0)
			there -= there < (size_t)n ? there : (size_t)n;
		while ((n = recv(c, much, sizeof(much), 0)) > 0)
			back -= back < (size_t)n ? back : (size_t)n;
		turn();
	}
	ck_assert_uint_eq(there, 0);
	ck_assert_uint_eq(back, 0);
	end();
}
END_TEST

/* A worker that does not accept is asked again. */
START_TEST(backlog)
{
	int fds[8], open[8], i, n = 0, n_open = 0;

	begin(FUNCTION("a", ""));
	for (i = 0; i < 8; i++)
		fds[i] = client(HELLO);
	snprintf(workers[0].path, sizeof(workers[0].path), "/tmp/turf-test-data-%d-0", getpid());
	workers[0].listener = listen_at(workers[0].path);
	ck_assert_int_eq(listen(workers[0].listener, 0), 0);
	data_worker_ready(d, workers[0].name, workers[0].path);
	for (int tries = 0; n < 8 && tries < 100; tries++) {
		while (n_open < 8 && (open[n_open] = accepted(0)) >= 0)
			n_open++;
		for (i = 0; i < n_open; i++) {
			if (!begins(heard(open[i]), "GET /a"))
				continue;
			say(open[i], OK);
			n++;
		}
		pass(5);
	}
	ck_assert_int_eq(n, 8);
	for (i = 0; i < 8; i++)
		ck_assert(strstr(heard(fds[i]), "ok"));
	end();
}
END_TEST

/* Without descriptors new connections wait in the backlog. */
START_TEST(no_descriptors)
{
	struct rlimit full, none;
	int c, other;

	begin(FUNCTION("a", ""));
	c = client(HELLO);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &full), 0);
	none = full;
	other = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	ready(0);
	say(accepted(0), OK);
	ck_assert(strstr(heard(c), "ok"));
	none.rlim_cur = 3;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_int_eq(connect(other, (struct sockaddr *)&front, sizeof(front)), 0);
	ck_assert_int_eq(send(other, HELLO, strlen(HELLO), 0), (int)strlen(HELLO));
	ck_assert_str_eq(heard(other), "");
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &full), 0);
	pass(150);
	ck_assert_str_eq(heard(other), "");
	close(c);
	end();
}
END_TEST

START_TEST(five_thousand)
{
	struct buf b = BUF_INIT;
	struct profile_set set;
	struct err err = ERR_INIT;
	struct data_count c;

	begin(FUNCTION("a", ""));
	for (int round = 0; round < 3; round++) {
		b.len = 0;
		buf_puts(&b, "{\"version\": 1, \"functions\": [");
		for (int i = 0; i < 5000; i++)
			buf_printf(&b,
				"%s{\"name\": \"f%d\", \"tenant\": \"t%d\", \"routes\": "
				"[{\"path\": \"/%d\"}], "
				"\"code\": {\"path\": \"/x%d\"}}",
				i ? "," : "", i, i % 50, i, i % 2 * round);
		buf_puts(&b, "]}");
		ck_assert_int_eq(profile_set_parse(b.data, b.len, &set, NULL, &err), 0);
		ck_assert_int_eq(data_apply(d, &set, &err), 0);
		data_count(d, &c);
		ck_assert_uint_eq(c.functions, 5000);
	}
	buf_finish(&b);
	close(client("GET /4999/x HTTP/1.1\r\nHost: h\r\n\r\n"));
	ck_assert_str_eq(workers[0].function, "f4999");
	end();
}
END_TEST

START_TEST(draining)
{
	int runs, idle, w;

	begin(FUNCTION("a", ""));
	idle = client("");
	runs = client(HELLO);
	ready(0);
	w = accepted(0);
	data_drain(d, on_drained, &drained);
	ck_assert_str_eq(heard(idle), "end");
	ck_assert(!drained);
	say(w, OK);
	ck_assert(strstr(heard(runs), "connection: close\r\n"));
	ck_assert(drained);
	end();
}
END_TEST

START_TEST(options)
{
	struct data_options o = DATA_OPTIONS_DEFAULT;
	struct data_plane *p;
	struct err err;

	ck_assert_int_eq(uv_loop_init(&loop), 0);
	o.head_ms = 0;
	ck_assert_int_eq(data_create(&loop, &o, &maker, NULL, &p, &err), -EINVAL);
	o = DATA_OPTIONS_DEFAULT;
	o.prefix = "much too long to be one";
	ck_assert_int_eq(data_create(&loop, &o, &maker, NULL, &p, &err), -EINVAL);
	data_destroy(NULL);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}
END_TEST

START_TEST(the_log)
{
	struct err err = ERR_INIT;
	char line[4096];
	int ends[2], c;
	ssize_t n;

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	begin(FUNCTION("a", ""));
	ck_assert_int_eq(data_log_to(d, 1000, &err), -EBADF);
	ck_assert_int_eq(data_log_to(d, ends[1], &err), 0);
	c = client("GET /\"\xc3\xa9\xff?q HTTP/1.1\r\nHost: h\r\nX-Request-Id: x\r\n\r\n");
	pass(80);
	n = read(ends[0], line, sizeof(line) - 1);
	ck_assert_int_gt(n, 0);
	line[n] = '\0';
	ck_assert_ptr_nonnull(
		strstr(line, ",\"id\":\"x\",\"function\":\"\",\"worker\":\"\",\"client\":\"\","
			     "\"method\":\"GET\",\"path\":\"/\\\"\xc3\xa9\xef\xbf\xbd\","
			     "\"status\":404,\"error\":\"no_function\",\"in\":"));
	ck_assert_int_eq(line[n - 1], '\n');
	close(c);
	end();
}
END_TEST

UNIT_MAIN("noslated_data", one_request, drips_of_a_body, circuit, quotas, drips, tunnel,
	worker_says_more, start_fails, replaced, removed, takes_no_more, leaves_the_queue,
	leaves_while_it_runs, unreachable, back_pressure, backlog, no_descriptors, five_thousand,
	gone_but_answered, cut, room, tried_again, tried_elsewhere, stale, draining, options,
	the_log)
