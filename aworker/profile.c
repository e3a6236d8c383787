/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/profile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "aworker/worker.h"
#include "aworker/worker_priv.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"

#define FILE_MODE 0644
#define NAME_MAX_ 80

/* Bytes between two samples of the heap, as V8 has it. */
#define HEAP_INTERVAL (512 << 10)

enum message_id { ID_ENABLE = 1, ID_INTERVAL, ID_START, ID_STOP };

struct profile {
	bool own_inspector;
	struct buf answer;
};

struct kind {
	const char *file; /* first part of its default name */
	const char *ending;
	const char *what;
	const char *stop; /* method */
};

static const struct kind cpu = {"CPU", "cpuprofile", "CPU profile", "Profiler.stop"};
static const struct kind heap = {
	"Heap", "heapprofile", "heap profile", "HeapProfiler.stopSampling"};

/* --- the session --- */

void profile_take(struct worker *w, const char *json, size_t len)
{
	struct profile *p = w->profile;

	/* Answers come at once; notifications are of no interest. */
	if (!str_after(json, "{\"id\":"))
		return;
	p->answer.len = 0;
	buf_put(&p->answer, json, len);
}

static void on_send(void *data, uint32_t session UNUSED, const char *json, size_t len)
{
	profile_take(data, json, len);
}

/* Nobody sets a breakpoint in this session. */
static void on_nothing(void *data UNUSED)
{
}

static void on_tick_every(void *data UNUSED, double ms UNUSED)
{
}

static void say(
	struct worker *w, enum message_id id, const char *method, const char *key, int value)
{
	char json[128];
	int n;

	if (key)
		n = snprintf(json, sizeof(json),
			"{\"id\":%d,\"method\":\"%s\",\"params\":{\"%s\":%d}}", (int)id, method,
			key, value);
	else
		n = snprintf(json, sizeof(json), "{\"id\":%d,\"method\":\"%s\"}", (int)id, method);
	engine_inspector_message(w->engine, PROFILE_SESSION, json, (size_t)n);
}

/* --- the beginning --- */

static void *probe(void *arg)
{
	return arg;
}

/* V8 takes for granted that it can. */
static int check_thread(struct err *err)
{
	pthread_t thread;
	int r = pthread_create(&thread, NULL, probe, NULL);

	if (r != 0)
		return err_set(err, r, "CPU profile: start a thread for the samples");
	pthread_join(thread, NULL);
	return 0;
}

static void open_session(struct worker *w)
{
	const struct engine_inspector_host host = {.data = w,
		.send = on_send,
		.pause = on_nothing,
		.resume = on_nothing,
		.run = on_nothing,
		.tick_every = on_tick_every};

	if (!w->inspect)
		engine_inspector_open(w->engine, &host, w->name);
	w->profile->own_inspector = !w->inspect;
	engine_inspector_connect(w->engine, PROFILE_SESSION);
}

int profile_open(struct worker *w, struct err *err)
{
	const struct worker_options *o = &w->options;

	if (!o->cpu_prof && !o->heap_prof)
		return 0;
	if (o->cpu_prof && check_thread(err) < 0)
		return -err->code;
	w->profile = calloc(1, sizeof(*w->profile));
	if (!w->profile)
		return err_oom(err);
	open_session(w);
	if (o->heap_prof) {
		say(w, ID_ENABLE, "HeapProfiler.enable", NULL, 0);
		say(w, ID_START, "HeapProfiler.startSampling", "samplingInterval", HEAP_INTERVAL);
	}
	if (o->cpu_prof) {
		say(w, ID_ENABLE, "Profiler.enable", NULL, 0);
		say(w, ID_INTERVAL, "Profiler.setSamplingInterval", "interval",
			o->cpu_prof_interval_us ? (int)o->cpu_prof_interval_us
						: PROFILE_INTERVAL_US);
		say(w, ID_START, "Profiler.start", NULL, 0);
	}
	return 0;
}

/* --- the end --- */

static const char *name_of(const struct kind *k, const char *wanted, char buffer[NAME_MAX_])
{
	time_t now = time(NULL);
	char date[32] = "";
	struct tm tm;

	if (*wanted)
		return wanted;
	if (localtime_r(&now, &tm))
		strftime(date, sizeof(date), "%Y%m%d.%H%M%S", &tm);
	snprintf(buffer, NAME_MAX_, "%s.%s.%d.0.001.%s", k->file, date, getpid(), k->ending);
	return buffer;
}

static int write_file(const char *path, const char *data, size_t len, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);

	if (fd < 0)
		return err_set(err, errno, "create '%s'", path);
	if (fd_write_all(fd, data, len) < 0)
		return err_set(err, errno, "write '%s'", path);
	return 0;
}

/* The answer is {"id":4,"result":{"profile":{...}}}: what stands in the middle is the file. */
static int write_profile(
	struct worker *w, const struct kind *k, const char *wanted, struct err *err)
{
	struct buf *answer = &w->profile->answer;
	char start[64], name[NAME_MAX_];
	size_t n;

	answer->len = 0;
	say(w, ID_STOP, k->stop, NULL, 0);
	n = (size_t)snprintf(start, sizeof(start), "{\"id\":%d,\"result\":{\"profile\":", ID_STOP);
	if (buf_failed(answer))
		return err_oom(err);
	if (answer->len < n + 2 || memcmp(answer->data, start, n) != 0)
		return err_say(err, EIO, "the engine gave none");
	return write_file(name_of(k, wanted, name), answer->data + n, answer->len - n - 2, err);
}

void profile_close(struct worker *w)
{
	const struct worker_options *o = &w->options;
	struct err err = ERR_INIT;

	if (!w->profile)
		return;
	if (o->cpu_prof && write_profile(w, &cpu, o->cpu_prof, &err) < 0)
		worker_say("%s: %s", cpu.what, err.msg);
	if (o->heap_prof && write_profile(w, &heap, o->heap_prof, &err) < 0)
		worker_say("%s: %s", heap.what, err.msg);
	engine_inspector_disconnect(w->engine, PROFILE_SESSION);
	if (w->profile->own_inspector)
		engine_inspector_close(w->engine);
	buf_finish(&w->profile->answer);
	free(w->profile);
	w->profile = NULL;
}
