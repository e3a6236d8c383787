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

void report_put_members(struct worker *w, struct json_writer *j)
{
	struct report r;
	char number[32];

	look(w, &r);
	json_write_member_str(j, "worker", r.name);
	json_write_member_str(j, "version", TURF_VERSION);
	json_write_member_str(j, "v8", engine_version());
	snprintf(number, sizeof(number), "%.3f", r.uptime_s);
	json_write_key(j, "uptimeSeconds");
	json_write_number(j, number);
	json_write_key(j, "heap");
	json_write_object_begin(j);
	json_write_member_u64(j, "used", r.memory.heap_used);
	json_write_member_u64(j, "committed", r.memory.heap_committed);
	json_write_member_u64(j, "limit", r.memory.heap_limit);
	json_write_object_end(j);
	json_write_member_u64(j, "arrayBuffers", r.memory.buffers);
	json_write_member_u64(j, "native", r.memory.native);
	json_write_key(j, "requests");
	json_write_object_begin(j);
	json_write_member_u64(j, "total", r.requests);
	json_write_member_u64(j, "running", r.running);
	json_write_object_end(j);
	json_write_member_u64(j, "connections", r.connections);
}

static void put_json(struct worker *w, struct buf *out)
{
	struct json_writer j;

	json_writer_init(&j, out, true);
	json_write_object_begin(&j);
	report_put_members(w, &j);
	json_write_object_end(&j);
}

void worker_report(struct worker *w, uint64_t number)
{
	_cleanup_buf_ struct buf out = BUF_INIT;
	struct report r;

	if (report_wants_json(number)) {
		put_json(w, &out);
	} else {
		look(w, &r);
		put_text(&r, &out);
	}
	if (!buf_failed(&out))
		report_answer(number, out.data, out.len);
}
