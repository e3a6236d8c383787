/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/sim/record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"
#include "runtime/base/json.h"
#include "seed/noslated/sim/settings.h"

#define BUFFER ((size_t)1 << 18)

struct record {
	FILE *file; /* owned */
	char *path; /* owned */
	uint64_t functions, requests, workers;
	uint64_t last;
	int failed; /* errno */
};

const char *const record_refusals[] = {
	"rate", "queue", "late", "starting", "gone", "quota", "overload", "circuit", NULL};

static void put(struct record *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void put(struct record *r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (vfprintf(r->file, fmt, ap) < 0 && !r->failed)
		r->failed = errno ?: EIO;
	va_end(ap);
}

static void begin(struct record *r, const char *what, uint64_t now)
{
	r->last = now;
	put(r, "{\"t\":%" PRIu64 ",\"in\":\"%s\"", now, what);
}

int record_open(
	const char *path, const struct policy_limits *limits, struct record **ret, struct err *err)
{
	struct record *r = calloc(1, sizeof(*r));

	if (r)
		r->path = strdup(path);
	if (!r || !r->path) {
		free(r);
		return err_oom(err);
	}
	r->file = fopen(path, "we");
	if (!r->file) {
		err_set(err, errno, "open '%s'", path);
		free(r->path);
		free(r);
		return -err->code;
	}
	setvbuf(r->file, NULL, _IOFBF, BUFFER);
	put(r,
		"{\"format\":\"" RECORD_FORMAT "\",\"version\":%d,\"limits\":{\"memory\":%" PRIu64
		",\"starting\":%u,\"running\":%u,\"waiting\":%u}}\n",
		RECORD_VERSION, limits->memory, limits->starting, limits->running, limits->waiting);
	*ret = r;
	return 0;
}

int record_close(struct record *r, struct err *err)
{
	int failed;

	if (!r)
		return 0;
	failed = r->failed;
	if (fclose(r->file) != 0 && !failed)
		failed = errno;
	if (failed)
		err_set(err, failed, "write '%s'", r->path);
	free(r->path);
	free(r);
	return -failed;
}

static void write_setting(struct json_writer *w, const struct key *k, const void *from)
{
	char number[32];

	json_write_key(w, k->name);
	switch (k->kind) {
	case KEY_COUNT: json_write_u64(w, *(const unsigned *)from); break;
	case KEY_DURATION:
	case KEY_BYTES: json_write_u64(w, *(const uint64_t *)from); break;
	case KEY_BOOL: json_write_bool(w, *(const bool *)from); break;
	case KEY_WORD: json_write_str(w, k->words[*(const int *)from]); break;
	case KEY_NUMBER: /* as text of so many digits that it is the same number again */
		snprintf(number, sizeof(number), "%.17g", *(const double *)from);
		json_write_str(w, number);
		break;
	}
}

static void put_settings(
	struct record *r, const char *tenant, const struct policy_settings *settings)
{
	_cleanup_buf_ struct buf b = BUF_INIT;
	struct json_writer w;

	json_writer_init(&w, &b, false);
	json_write_object_begin(&w);
	if (tenant)
		json_write_member_str(&w, "tenant", tenant);
	json_write_key(&w, "settings");
	json_write_object_begin(&w);
	for (size_t i = 0; i < settings_n_keys; i++)
		write_setting(
			&w, &settings_keys[i], (const char *)settings + settings_keys[i].offset);
	json_write_object_end(&w);
	json_write_object_end(&w);
	if (buf_failed(&b))
		r->failed = ENOMEM;
	else
		put(r, ",%s\n", b.data + 1); /* members of the line's object */
}

uint64_t record_add(
	struct record *r, const char *tenant, const struct policy_settings *settings, uint64_t now)
{
	begin(r, "add", now);
	put(r, ",\"function\":%" PRIu64, r->functions);
	put_settings(r, tenant, settings);
	return r->functions++;
}

void record_change(
	struct record *r, uint64_t function, const struct policy_settings *settings, uint64_t now)
{
	begin(r, "change", now);
	put(r, ",\"function\":%" PRIu64, function);
	put_settings(r, NULL, settings);
}

void record_remove(struct record *r, uint64_t function, uint64_t now)
{
	begin(r, "remove", now);
	put(r, ",\"function\":%" PRIu64 "}\n", function);
}

uint64_t record_arrive(struct record *r, uint64_t function, uint64_t now)
{
	begin(r, "arrive", now);
	put(r, ",\"request\":%" PRIu64 ",\"function\":%" PRIu64 "}\n", r->requests, function);
	return r->requests++;
}

void record_leave(struct record *r, uint64_t request, uint64_t now)
{
	begin(r, "leave", now);
	put(r, ",\"request\":%" PRIu64 "}\n", request);
}

void record_done(struct record *r, uint64_t request, bool failed, uint64_t now)
{
	begin(r, "done", now);
	put(r, ",\"request\":%" PRIu64 ",\"failed\":%s}\n", request, failed ? "true" : "false");
}

void record_ready(struct record *r, uint64_t worker, uint64_t now)
{
	begin(r, "ready", now);
	put(r, ",\"worker\":%" PRIu64 "}\n", worker);
}

void record_measure(struct record *r, uint64_t worker, uint64_t memory)
{
	begin(r, "measure", r->last);
	put(r, ",\"worker\":%" PRIu64 ",\"memory\":%" PRIu64 "}\n", worker, memory);
}

void record_gone(struct record *r, uint64_t worker, uint64_t now)
{
	begin(r, "gone", now);
	put(r, ",\"worker\":%" PRIu64 "}\n", worker);
}

void record_tick(struct record *r, uint64_t now)
{
	begin(r, "tick", now);
	put(r, "}\n");
}

uint64_t record_start(struct record *r, uint64_t function)
{
	put(r, "{\"out\":\"start\",\"worker\":%" PRIu64 ",\"function\":%" PRIu64 "}\n", r->workers,
		function);
	return r->workers++;
}

void record_stop(struct record *r, uint64_t worker)
{
	put(r, "{\"out\":\"stop\",\"worker\":%" PRIu64 "}\n", worker);
}

void record_send(struct record *r, uint64_t request, uint64_t worker)
{
	put(r, "{\"out\":\"send\",\"request\":%" PRIu64 ",\"worker\":%" PRIu64 "}\n", request,
		worker);
}

void record_refuse(struct record *r, uint64_t request, enum policy_refusal why)
{
	put(r, "{\"out\":\"refuse\",\"request\":%" PRIu64 ",\"why\":\"%s\"}\n", request,
		record_refusals[why]);
}
