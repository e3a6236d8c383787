/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/control/metrics.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "runtime/base/buf.h"
#include "runtime/base/util.h"
#include "seed/noslated/control/address.h"
#include "seed/noslated/control/control_priv.h"
#include "seed/noslated/control/telemetry.h"
#include "seed/noslated/stats/text.h"
#include "seed/noslated/web/server.h"

/* Of the listener for anybody. */
#define CLIENTS_MAX	64
#define CLIENT_LIMIT_MS 10000
/* What one call of stats_text_next() may have more than it was asked for. */
#define PIECE (WEB_PIECE - 8192)

enum part { PART_BUILD, PART_DATA, PART_CONTROL, PART_END, PARTS };

struct scrape {
	struct control *control;
	struct stats *data; /* NULL: there are none yet */
	bool open;
	enum part part;
	bool begun;
	struct stats_text text;
};

static void put_build(const struct scrape *s, struct buf *out)
{
	if (s->open)
		buf_puts(out, "# HELP noslate_build This build.\n# TYPE noslate_build info\n");
	else
		buf_puts(out, "# HELP noslate_build_info This build.\n"
			      "# TYPE noslate_build_info gauge\n");
	buf_puts(out, "noslate_build_info{version=");
	stats_text_put_value(out, TURF_VERSION);
	buf_puts(out, "} 1\n");
}

/* False: there is more of it. */
static bool put_stats(struct scrape *s, const struct stats *stats,
	const struct stats_families *families, struct buf *out)
{
	if (!stats)
		return true;
	if (!s->begun)
		stats_text_begin(&s->text, stats, families, s->open);
	s->begun = stats_text_next(&s->text, out, PIECE);
	return !s->begun;
}

static bool put_part(struct scrape *s, struct buf *out)
{
	switch (s->part) {
	case PART_BUILD: put_build(s, out); return true;
	case PART_DATA: return put_stats(s, s->data, &stats_data_families, out);
	case PART_CONTROL:
		return put_stats(
			s, telemetry_stats(s->control->telemetry), &stats_control_families, out);
	case PART_END: buf_puts(out, s->open ? "# EOF\n" : ""); return true;
	case PARTS: break;
	}
	return true;
}

static enum web_stream on_pull(void *arg, struct buf *out)
{
	struct scrape *s = arg;

	while (s->part < PARTS && out->len < PIECE && put_part(s, out))
		s->part++;
	return s->part < PARTS ? WEB_STREAM_MORE : WEB_STREAM_END;
}

static void on_gone(void *arg)
{
	struct scrape *s = arg;

	stats_close(s->data);
	free(s);
}

static const struct web_source source = {on_pull, on_gone};

void metrics_answer(struct control *c, struct web_client *client, const struct web_request *r)
{
	struct scrape *s = calloc(1, sizeof(*s));
	struct err ignored = ERR_INIT;
	char path[PATH_MAX];

	if (!s) {
		web_fail(client, 503, "there is no memory left");
		return;
	}
	s->control = c;
	s->open = stats_text_wants_open(r->accept);
	snprintf(path, sizeof(path), "%s/" STATS_DATA_FILE, c->options->run);
	/* Before the first data plane there are none. */
	(void)stats_open_reader(path, &stats_data_form, &s->data, &ignored);
	telemetry_refresh(c->telemetry);
	web_stream(client, s->open ? STATS_TEXT_OPEN_TYPE : STATS_TEXT_TYPE, &source, s);
}

void metrics_answer_ready(const struct control *c, struct web_client *client)
{
	_cleanup_buf_ struct buf json = BUF_INIT;
	const bool serves = data_plane_runs(c) && c->begun;
	const bool ready = serves && !c->drained;

	buf_printf(&json, "{\"status\": \"%s\"}\n",
		ready	 ? "ready"
		: serves ? "drained"
			 : "no data plane");
	web_answer_json(client, ready ? 200 : 503, &json);
}

/* --- for anybody --- */

static void answer_health(struct web_client *client)
{
	_cleanup_buf_ struct buf json = BUF_INIT;

	buf_puts(&json, "{\"status\": \"ok\"}\n");
	web_answer_json(client, 200, &json);
}

static void on_request(void *arg, struct web_client *client, const struct web_request *r)
{
	struct control *c = arg;

	if (r->method != WEB_GET)
		web_fail(client, 405, "there is no such method here");
	else if (streq(r->target, "/metrics"))
		metrics_answer(c, client, r);
	else if (streq(r->target, "/healthz"))
		answer_health(client);
	else if (streq(r->target, "/readyz"))
		metrics_answer_ready(c, client);
	else
		web_fail(client, 404, "there is nothing at this path");
}

int metrics_listen(struct control *c, const char *address, struct web_server **ret, struct err *err)
{
	const struct web_options options = {.handle = on_request,
		.arg = c,
		.clients_max = CLIENTS_MAX,
		.limit_ms = CLIENT_LIMIT_MS};
	int fd = address_listen("--metrics", address, err);

	return fd < 0 ? fd : web_server_open(&c->loop, fd, &options, ret, err);
}
