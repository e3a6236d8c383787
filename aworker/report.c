/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker tells of itself; see seed/report.h. */
#include "seed/report.h"

#include <stdio.h>

#include "aworker/worker_priv.h"
#include "runtime/base/json.h"

#define MIB (1024.0 * 1024.0)

/* Of the file's name, so that a report fits into REPORT_MAX whatever bytes are in it. */
#define NAME_MAX_TOLD 1024

struct report {
	char name[NAME_MAX_TOLD];
	double uptime_s;
	struct engine_memory memory;
	uint64_t requests;
	size_t running, connections;
};

static void look(struct worker *w, struct report *ret)
{
	*ret = (struct report){.uptime_s = (double)(loop_clock_ns() - w->origin_ns) / 1e9};
	snprintf(ret->name, sizeof(ret->name), "%s", w->name);
	engine_measure(w->engine, &ret->memory);
	if (!w->http)
		return;
	ret->requests = http_server_requests(w->http);
	ret->running = http_server_running(w->http);
	ret->connections = http_server_connections(w->http);
}

static void put_text(const struct report *r, struct buf *out)
{
	buf_printf(out, "worker:      %s (aworker %s, V8 %s)\n", r->name, TURF_VERSION,
		engine_version());
	buf_printf(out, "uptime:      %.3f s\n", r->uptime_s);
	buf_printf(out, "heap:        %.1f MiB used, %.1f MiB taken, %.1f MiB at most\n",
		(double)r->memory.heap_used / MIB, (double)r->memory.heap_committed / MIB,
		(double)r->memory.heap_limit / MIB);
	buf_printf(out, "besides:     %.1f MiB of ArrayBuffers, %.1f MiB of the engine\n",
		(double)r->memory.buffers / MIB, (double)r->memory.native / MIB);
	buf_printf(out, "requests:    %llu, %zu of them running\n", (unsigned long long)r->requests,
		r->running);
	buf_printf(out, "connections: %zu\n", r->connections);
}

static void put_json(const struct report *r, struct buf *out)
{
	struct json_writer w;
	char number[32];

	json_writer_init(&w, out, true);
	json_write_object_begin(&w);
	json_write_member_str(&w, "worker", r->name);
	json_write_member_str(&w, "version", TURF_VERSION);
	json_write_member_str(&w, "v8", engine_version());
	snprintf(number, sizeof(number), "%.3f", r->uptime_s);
	json_write_key(&w, "uptimeSeconds");
	json_write_number(&w, number);
	json_write_key(&w, "heap");
	json_write_object_begin(&w);
	json_write_member_u64(&w, "used", r->memory.heap_used);
	json_write_member_u64(&w, "committed", r->memory.heap_committed);
	json_write_member_u64(&w, "limit", r->memory.heap_limit);
	json_write_object_end(&w);
	json_write_member_u64(&w, "arrayBuffers", r->memory.buffers);
	json_write_member_u64(&w, "native", r->memory.native);
	json_write_key(&w, "requests");
	json_write_object_begin(&w);
	json_write_member_u64(&w, "total", r->requests);
	json_write_member_u64(&w, "running", r->running);
	json_write_object_end(&w);
	json_write_member_u64(&w, "connections", r->connections);
	json_write_object_end(&w);
}

void worker_report(struct worker *w, uint64_t number)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct report r;

	look(w, &r);
	if (report_wants_json(number))
		put_json(&r, &out);
	else
		put_text(&r, &out);
	if (!buf_failed(&out))
		report_answer(number, out.data, out.len);
}
