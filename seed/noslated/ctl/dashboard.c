/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dashboard: a page for a browser of this machine, and what it shows, which is read from the daemon for
 * it. A browser cannot open a Unix socket, and must not: pages of any site run in it. So there is a server on
 * loopback for as long as this program runs, which only reads, answers to its own names alone (no foreign
 * name can be made to point at it), has a token in its path that no other site and no other user knows, and
 * lets no other site read, frame or send anything.
 */
#include "seed/noslated/ctl/dashboard.h"

#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <uv.h>

#include "runtime/base/fd.h"
#include "seed/noslated/ctl/ask.h"
#include "seed/noslated/ctl/ctl.h"
#include "seed/noslated/web/server.h"

#define LISTEN_DEFAULT "127.0.0.1:0"
#define CLIENTS_MAX    32
#define LIMIT_MS       30000
/* Where the page has what the policy of its contents asks for. */
#define NONCE_MARK "@NONCE@"

extern const char ctl_page[];
extern const uint64_t ctl_page_len;

struct dashboard {
	uv_loop_t loop;
	uv_signal_t interrupt, terminate;
	struct web_server *server;
	uint16_t port;
	char token[DASHBOARD_TOKEN_LEN + 1], nonce[DASHBOARD_TOKEN_LEN + 1];
	char headers[640];
};

static int make_token(char ret[DASHBOARD_TOKEN_LEN + 1], struct err *err)
{
	unsigned char bytes[DASHBOARD_TOKEN_LEN / 2];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		return err_set(err, errno, "getrandom");
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(ret + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

/* Of each answer. The page's own parts are known by a number that nobody can guess. */
static int renew(struct dashboard *d, struct err *err)
{
	if (make_token(d->nonce, err) < 0)
		return -err->code;
	snprintf(d->headers, sizeof(d->headers),
		"Content-Security-Policy: default-src 'none'; script-src 'nonce-%s'; style-src "
		"'nonce-%s'; connect-src 'self'; img-src data:; base-uri 'none'; form-action "
		"'none'; frame-ancestors 'none'\r\n"
		"Cross-Origin-Opener-Policy: same-origin\r\n"
		"Cross-Origin-Resource-Policy: same-origin\r\n"
		"Referrer-Policy: no-referrer\r\n"
		"X-Content-Type-Options: nosniff\r\n",
		d->nonce, d->nonce);
	return 0;
}

static void send_page(struct dashboard *d, struct web_client *c)
{
	_cleanup_buf_ struct buf page = BUF_INIT;
	const char *at = ctl_page, *end = ctl_page + ctl_page_len, *mark;

	while ((mark = memmem(at, (size_t)(end - at), NONCE_MARK, strlen(NONCE_MARK)))) {
		buf_put(&page, at, (size_t)(mark - at));
		buf_puts(&page, d->nonce);
		at = mark + strlen(NONCE_MARK);
	}
	buf_put(&page, at, (size_t)(end - at));
	if (buf_failed(&page))
		web_fail(c, 503, "there is no memory left");
	else
		web_answer(c, 200, "text/html; charset=utf-8", page.data, page.len);
}

/* What the query says is the daemon's to judge. */
static void forward(struct web_client *c, const char *target, const struct web_request *r)
{
	_cleanup_buf_ struct buf body = BUF_INIT, path = BUF_INIT;
	struct err err = ERR_INIT;
	int status = 0;

	buf_printf(&path, "%s%s%s", target, *r->query ? "?" : "", r->query);
	if (buf_failed(&path))
		web_fail(c, 503, "there is no memory left");
	else if (ask("GET", path.data, NULL, 0, &status, &body, &err) < 0)
		web_fail(c, 502, err.msg);
	else
		web_answer(c, status == 200 ? 200 : 502, WEB_JSON, body.data, body.len);
}

static void on_request(void *arg, struct web_client *c, const struct web_request *r)
{
	struct dashboard *d = arg;
	const char *target = NULL;
	struct err err = ERR_INIT;

	if (renew(d, &err) < 0) {
		web_fail(c, 500, err.msg);
		return;
	}
	switch (dashboard_route(r, d->port, d->token, &target)) {
	case DASHBOARD_PAGE: send_page(d, c); break;
	case DASHBOARD_ASK: forward(c, target, r); break;
	case DASHBOARD_FOREIGN: web_fail(c, 403, "this is not the name of a dashboard"); break;
	case DASHBOARD_NO_METHOD: web_fail(c, 405, "there is nothing but to read"); break;
	case DASHBOARD_NOTHING: web_fail(c, 404, "there is nothing at this path"); break;
	}
}

static void on_signal(uv_signal_t *s, int number UNUSED)
{
	struct dashboard *d = s->data;

	web_server_close(d->server);
	d->server = NULL;
	uv_close((uv_handle_t *)&d->interrupt, NULL);
	uv_close((uv_handle_t *)&d->terminate, NULL);
}

static int listen_at(const char *text, uint16_t *ret_port, struct err *err)
{
	_cleanup_close_ int fd = -1;
	struct dashboard_place p;
	const int on = 1;

	if (dashboard_place(text, &p, err) < 0)
		return -err->code;
	fd = socket(p.address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
		bind(fd, (struct sockaddr *)&p.address, p.len) < 0 || listen(fd, CLIENTS_MAX) < 0 ||
		getsockname(fd, (struct sockaddr *)&p.address, &p.len) < 0)
		return err_set(err, errno, "listen at '%s'", text);
	/* Both families have it at the same place. */
	*ret_port = ntohs(((struct sockaddr_in *)&p.address)->sin_port);
	return take_fd(&fd);
}

static int print_url(const struct dashboard *d, const char *listen, struct err *err)
{
	char line[256];
	int n = snprintf(line, sizeof(line), "http://%.*s:%u/%s/\n",
		(int)(strrchr(listen, ':') - listen), listen, d->port, d->token);

	return ctl_print(line, (size_t)n, err);
}

static int serve(struct dashboard *d, struct err *err)
{
	const struct web_options options = {.handle = on_request,
		.arg = d,
		.headers = d->headers,
		.clients_max = CLIENTS_MAX,
		.limit_ms = LIMIT_MS};
	const char *listen = given.listen ? given.listen : LISTEN_DEFAULT;
	const int fd = listen_at(listen, &d->port, err);

	if (fd < 0)
		return fd;
	uv_loop_init(&d->loop);
	if (web_server_open(&d->loop, fd, &options, &d->server, err) < 0)
		return -err->code;
	uv_signal_init(&d->loop, &d->interrupt);
	uv_signal_init(&d->loop, &d->terminate);
	d->interrupt.data = d->terminate.data = d;
	uv_signal_start(&d->interrupt, on_signal, SIGINT);
	uv_signal_start(&d->terminate, on_signal, SIGTERM);
	if (print_url(d, listen, err) < 0)
		return -err->code;
	uv_run(&d->loop, UV_RUN_DEFAULT);
	return 0;
}

int verb_dashboard(char **args UNUSED, struct err *err)
{
	_cleanup_buf_ struct buf version = BUF_INIT;
	struct dashboard *d;
	int r;

	if (ask_well("GET", "/v1/version", NULL, 0, &version, err) < 0)
		return -err->code;
	d = calloc(1, sizeof(*d));
	if (!d)
		return err_oom(err);
	signal(SIGPIPE, SIG_IGN);
	r = make_token(d->token, err) < 0 ? -err->code : serve(d, err);
	free(d);
	return r;
}
