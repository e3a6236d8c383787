/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A host of the data plane for tests: workers are processes of its own.
 *
 *   data_host [-n] [-t] [-c CONNECTIONS] [-l LOG] -p PROFILE -d FOLDER -a AWORKER ADDRESS...
 *
 * ADDRESS is unix:PATH or tcp:PORT (0: any, said on standard output). What a function's code.path ends in
 * says what its worker is: .js and .mjs run in AWORKER, .py in python3 with the path of its socket, .sock is
 * a socket on which somebody answers already. -n: functions by name; -t: clients are proxies that are trusted.
 * SIGHUP: reads PROFILE again; SIGUSR1: says what there is; SIGTERM: drains, and ends.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "seed/noslated/data/data.h"
#include "seed/noslated/profile/profile.h"

#define PROFILE_BYTES (4 << 20)
#define READY_MS      2

struct worker {
	uv_process_t process;
	uv_timer_t timer;
	struct worker *next;
	char name[DATA_WORKER_NAME_MAX + 1], socket[100];
	bool has_process, ready;
};

static struct data_plane *plane;
static struct profile_set own;
static struct worker *workers;
static const char *profile, *folder, *aworker, *log_path;
static bool ending;
static uv_signal_t signals[3];

static void fail(const char *what, const struct err *err)
{
	fprintf(stderr, "data_host: %s: %s\n", what, err->msg);
	exit(1);
}

/* --- workers --- */

static void on_free(uv_handle_t *h)
{
	free(h->data);
}

static void on_timer_closed(uv_handle_t *h)
{
	struct worker *w = h->data;

	w->process.data = w;
	if (w->has_process)
		uv_close((uv_handle_t *)&w->process, on_free);
	else
		free(w);
}

static void forget(struct worker *w)
{
	struct worker **at = &workers;

	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	unlink(w->has_process ? w->socket : "");
	if (!ending)
		data_worker_gone(plane, w->name);
	uv_close((uv_handle_t *)&w->timer, on_timer_closed);
}

static void on_exit_of(uv_process_t *p, int64_t status UNUSED, int sig UNUSED)
{
	forget(p->data);
}

static bool answers(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool yes;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	yes = connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;
	close(fd);
	return yes;
}

static void on_look(uv_timer_t *t)
{
	struct worker *w = t->data;

	if (!answers(w->socket)) {
		uv_timer_start(t, on_look, READY_MS, 0);
		return;
	}
	w->ready = true;
	data_worker_ready(plane, w->name, w->socket);
}

static bool ends_in(const char *s, const char *end)
{
	return strlen(s) >= strlen(end) && streq(s + strlen(s) - strlen(end), end);
}

static int spawn(struct worker *w, const char *code)
{
	char address[128];
	char *js[] = {(char *)aworker, "--listen", address, (char *)code, NULL};
	char *py[] = {"/usr/bin/python3", "-B", (char *)code, w->socket, NULL};
	uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE},
		{.flags = UV_INHERIT_FD, .data.fd = 2}, {.flags = UV_INHERIT_FD, .data.fd = 2}};
	uv_process_options_t o = {
		.args = ends_in(code, ".py") ? py : js,
		.exit_cb = on_exit_of,
		.stdio_count = 3,
		.stdio = stdio,
	};

	snprintf(address, sizeof(address), "unix:%s", w->socket);
	o.file = o.args[0];
	w->has_process = true;
	return uv_spawn(uv_default_loop(), &w->process, &o);
}

static void on_start(void *arg UNUSED, const char *function, const char *worker)
{
	const struct profile_function *f = profile_set_find(&own, function);
	struct worker *w = calloc(1, sizeof(*w));

	if (!w || !f)
		abort();
	snprintf(w->name, sizeof(w->name), "%s", worker);
	w->process.data = w->timer.data = w;
	w->next = workers;
	workers = w;
	uv_timer_init(uv_default_loop(), &w->timer);
	if (ends_in(f->code.path, ".sock")) {
		snprintf(w->socket, sizeof(w->socket), "%s", f->code.path);
		uv_timer_start(&w->timer, on_look, 0, 0);
		return;
	}
	snprintf(w->socket, sizeof(w->socket), "%s/%s", folder, worker);
	if (spawn(w, f->code.path) < 0) {
		forget(w);
		return;
	}
	uv_timer_start(&w->timer, on_look, READY_MS, 0);
}

static void on_stop(void *arg UNUSED, const char *worker)
{
	for (struct worker *w = workers; w; w = w->next) {
		if (!streq(w->name, worker))
			continue;
		if (w->has_process)
			uv_process_kill(&w->process, SIGKILL);
		else
			forget(w);
		return;
	}
}

static const struct data_maker maker = {.start = on_start, .stop = on_stop};

/* --- the profile --- */

static void read_profile(void)
{
	struct err err = ERR_INIT;
	struct profile_set set, mine;
	char *text;
	size_t len;

	if (file_read(AT_FDCWD, profile, PROFILE_BYTES, &text, &len, &err) < 0 ||
		profile_set_parse(text, len, &set, NULL, &err) < 0 ||
		profile_set_parse(text, len, &mine, NULL, &err) < 0)
		fail(profile, &err);
	free(text);
	profile_set_finish(&own);
	own = mine;
	if (data_apply(plane, &set, &err) < 0)
		fail(profile, &err);
	printf("applied\n");
	fflush(stdout);
}

/* --- listening --- */

static int listen_tcp(const char *port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 4096) < 0)
		exit(3);
	getsockname(fd, (struct sockaddr *)&a, &len);
	printf("port %d\n", ntohs(a.sin_port));
	fflush(stdout);
	return fd;
}

static int listen_unix(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 4096) < 0)
		exit(3);
	return fd;
}

/* --- the end --- */

static void on_drained(void *arg UNUSED)
{
	ending = true;
	data_destroy(plane);
	for (struct worker *w = workers; w; w = w->next)
		if (w->has_process)
			uv_process_kill(&w->process, SIGKILL);
		else
			uv_close((uv_handle_t *)&w->timer, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		uv_close((uv_handle_t *)&signals[i], NULL);
}

static void on_signal(uv_signal_t *s UNUSED, int number)
{
	struct data_count c;

	if (number == SIGHUP)
		read_profile();
	if (number == SIGTERM)
		data_drain(plane, on_drained, NULL);
	if (number != SIGUSR1)
		return;
	data_count(plane, &c);
	printf("connections %u requests %u workers %u upstreams %u functions %u answered %llu "
	       "dropped %llu\n",
		c.connections, c.requests, c.workers, c.upstreams, c.functions,
		(unsigned long long)c.answered, (unsigned long long)c.log_dropped);
	fflush(stdout);
}

static void hear_signals(void)
{
	static const int numbers[] = {SIGHUP, SIGTERM, SIGUSR1};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		uv_signal_init(uv_default_loop(), &signals[i]);
		uv_signal_start(&signals[i], on_signal, numbers[i]);
	}
}

static void options(int argc, char **argv, struct data_options *o)
{
	int c;

	while ((c = getopt(argc, argv, "ntc:l:p:d:a:i:h:b:s:")) != -1) {
		switch (c) {
		case 'n': o->by_name = true; break;
		case 't': o->trusts_front = true; break;
		case 'c': o->connections_max = (unsigned)atoi(optarg); break;
		case 'l': log_path = optarg; break;
		case 'p': profile = optarg; break;
		case 'd': folder = optarg; break;
		case 'a': aworker = optarg; break;
		case 'i': o->idle_ms = (uint64_t)atoi(optarg); break;
		case 'h': o->head_ms = (uint64_t)atoi(optarg); break;
		case 'b': o->body_ms = (uint64_t)atoi(optarg); break;
		case 's': o->piece_ms = (uint64_t)atoi(optarg); break;
		default: exit(2);
		}
	}
	if (!profile || !folder || !aworker || optind == argc)
		exit(2);
}

static void open_log(void)
{
	struct err err = ERR_INIT;
	int fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0 || data_log_to(plane, fd, &err) < 0)
		fail("log", &err);
}

int main(int argc, char **argv)
{
	struct data_options o = DATA_OPTIONS_DEFAULT;
	struct err err = ERR_INIT;

	signal(SIGPIPE, SIG_IGN);
	options(argc, argv, &o);
	hear_signals();
	if (data_create(uv_default_loop(), &o, &maker, NULL, &plane, &err) < 0)
		fail("create", &err);
	read_profile();
	if (log_path)
		open_log();
	for (int i = optind; i < argc; i++) {
		const bool tcp = strncmp(argv[i], "tcp:", 4) == 0;
		const int fd = tcp ? listen_tcp(argv[i] + 4) : listen_unix(argv[i] + 5);

		if (data_listen(plane, fd, &err) < 0)
			fail(argv[i], &err);
	}
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	profile_set_finish(&own);
	return uv_loop_close(uv_default_loop()) == 0 ? 0 : 4;
}
