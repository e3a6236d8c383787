/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/control/telemetry.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "seed/noslated/control/address.h"
#include "seed/noslated/control/control_priv.h"
#include "seed/noslated/control/meter.h"
#include "seed/noslated/control/metrics.h"
#include "seed/noslated/control/otlp_export.h"
#include "seed/noslated/link.h"
#include "seed/noslated/stats/spans.h"
#include "seed/noslated/stats/word.h"
#include "seed/noslated/stats/words.h"
#include "seed/noslated/web/server.h"

#define PATH_SIZE 256
/* Unless something else is said: of a hundred requests one. */
#define TRACE_RATIO 0.01

struct telemetry {
	struct control *control;
	struct stats *stats;
	struct stats_control_node *counts;
	struct meter *meter;
	struct web_server *server;
	struct spans *spans;
	struct otlp_export *export;
};

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

int telemetry_parse_ratio(const char *name, const char *text, double *ret, struct err *err)
{
	char *end;
	const double ratio = strtod(text, &end);

	if (end == text || *end || !(ratio >= 0 && ratio <= 1))
		return err_say(err, EINVAL, "%s: '%s' is no number from 0 to 1", name, text);
	*ret = ratio;
	return 0;
}

int telemetry_environment(struct control_options *o, struct err *err)
{
	const char *ratio = variable("OTEL_TRACES_SAMPLER_ARG");

	o->otlp.url = variable("OTEL_EXPORTER_OTLP_ENDPOINT");
	o->otlp.traces_url = variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
	o->otlp.service = variable("OTEL_SERVICE_NAME");
	if (!o->otlp.service)
		o->otlp.service = "noslated";
	o->trace_ratio = TRACE_RATIO;
	return ratio ? telemetry_parse_ratio("OTEL_TRACES_SAMPLER_ARG", ratio, &o->trace_ratio, err)
		     : 0;
}

static void path_of(const struct telemetry *t, const char *file, char to[PATH_SIZE])
{
	snprintf(to, PATH_SIZE, "%s/%s", t->control->options->run, file);
}

/* That the data plane will be able to, where people still read what we say. */
static int check_log(const char *path, struct err *err)
{
	int fd;

	if (!path || streq(path, "-"))
		return 0;
	if (*path != '/')
		return err_say(err, EINVAL, "--access-log: '%s' is neither '-' nor absolute", path);
	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0640);
	if (fd < 0)
		return err_set(err, errno, "--access-log: open '%s'", path);
	fd_close(&fd);
	return 0;
}

static void on_measured(void *arg, const char *worker, uint64_t bytes)
{
	const struct telemetry *t = arg;
	struct worker *w = worker_find(&t->control->workers, worker);

	if (w)
		data_plane_measured(w, bytes);
}

static int open_stats(struct telemetry *t, struct err *err)
{
	struct meter_options options = {
		.loop = &t->control->loop, .measured = on_measured, .arg = t};
	char path[PATH_SIZE];

	path_of(t, STATS_CONTROL_FILE, path);
	if (stats_open(path, &stats_control_form, &t->stats, err) < 0)
		return -err->code;
	t->counts = (struct stats_control_node *)stats_node(t->stats);
	options.stats = t->stats;
	t->meter = meter_create(&options);
	return t->meter ? 0 : err_oom(err);
}

static int open_traces(struct telemetry *t, struct err *err)
{
	const struct control_options *o = t->control->options;
	char path[PATH_SIZE];

	if (!o->otlp.url && !o->otlp.traces_url)
		return 0;
	path_of(t, SPANS_FILE, path);
	if (spans_open(path, &t->spans, err) < 0)
		return -err->code;
	spans_set_ratio(t->spans, o->trace_ratio);
	return otlp_export_open(&t->control->loop, &o->otlp, t->spans, t->counts, &t->export, err);
}

int telemetry_open(struct control *c, struct telemetry **ret, struct err *err)
{
	const struct control_options *o = c->options;
	struct telemetry *t = calloc(1, sizeof(*t));

	if (!t)
		return err_oom(err);
	t->control = c;
	if (check_log(o->access_log, err) < 0 || open_stats(t, err) < 0 ||
		open_traces(t, err) < 0 ||
		(o->metrics && metrics_listen(c, o->metrics, &t->server, err) < 0)) {
		telemetry_close(t);
		return -err->code;
	}
	*ret = t;
	return 0;
}

void telemetry_close(struct telemetry *t)
{
	if (!t)
		return;
	web_server_close(t->server);
	if (t->server)
		address_forget(t->control->options->metrics);
	otlp_export_close(t->export);
	meter_destroy(t->meter);
	spans_close(t->spans);
	stats_close(t->stats);
	free(t);
}

void telemetry_reopen(struct telemetry *t)
{
	if (t->control->options->access_log)
		data_planes_say(t->control, "access-log", t->control->options->access_log);
}

static void say(struct link *link, const char *kind, const char *file)
{
	link_send(link, &(struct link_message){.kind = kind, .file = file}, -1);
}

void telemetry_tell(struct telemetry *t, struct link *link)
{
	char path[PATH_SIZE];

	stats_add(&t->counts->data_starts, 1);
	path_of(t, STATS_DATA_FILE, path);
	say(link, "stats", path);
	if (t->spans) {
		path_of(t, SPANS_FILE, path);
		say(link, "spans", path);
	}
	if (t->control->options->access_log)
		say(link, "access-log", t->control->options->access_log);
}

void telemetry_applied(struct telemetry *t)
{
	stats_add(&t->counts->applied, 1);
	meter_applied(t->meter, &t->control->set);
}

void telemetry_refused(struct telemetry *t)
{
	stats_add(&t->counts->refused, 1);
}

void telemetry_refresh(struct telemetry *t)
{
	stats_set(&t->counts->version, t->control->sets.number);
	stats_set(&t->counts->workers, t->control->workers.n);
	stats_set(&t->counts->data_runs, data_plane_runs(t->control));
}

struct meter *telemetry_meter(struct telemetry *t)
{
	return t->meter;
}

const struct stats *telemetry_stats(const struct telemetry *t)
{
	return t->stats;
}
