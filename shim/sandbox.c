/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/sandbox.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "runtime/base/arena.h"
#include "runtime/base/buf.h"
#include "shim/cgroup.h"
#include "shim/events.h"
#include "shim/message.h"
#include "shim/metrics.h"
#include "shim/pod.h"
#include "shim/pod_files.h"
#include "shim/proto/sandbox.pb-c.h"
#include "shim/proto/task.pb-c.h"
#include "shim/task.h"

/* In Go's words, which platforms are named in. */
#if defined(__x86_64__)
#define ARCHITECTURE "amd64"
#elif defined(__aarch64__)
#define ARCHITECTURE "arm64"
#else
#define ARCHITECTURE "unknown"
#endif

enum sandbox_state { SANDBOX_NONE, SANDBOX_CREATED, SANDBOX_READY, SANDBOX_STOPPED };

struct sandbox_waiter {
	struct sandbox_waiter *next;
	struct ttrpc_call *call;
};

static struct {
	enum sandbox_state state;
	char *id; /* owned */
	struct timespec created_at, ended_at;
	struct sandbox_waiter *waiters;
	void (*quit)(void);
} sandbox;

void sandbox_setup(void (*quit)(void))
{
	sandbox.quit = quit;
}

bool sandbox_exists(void)
{
	return sandbox.state != SANDBOX_NONE;
}

static void reply_empty(struct ttrpc_call *call)
{
	Pb__Empty empty = PB__EMPTY__INIT;

	ttrpc_reply(call, &empty.base);
}

/* False when the call was answered: there is no such sandbox. */
static bool is_ours(struct ttrpc_call *call, const char *id)
{
	if (sandbox.state != SANDBOX_NONE && streq(sandbox.id, id))
		return true;
	ttrpc_fail(call, TTRPC_NOT_FOUND, "sandbox %s not found", id);
	return false;
}

/* --- its life --- */

static int create(const Pb__CreateSandboxRequest *r, struct err *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	Pb__PodSandboxConfig none = PB__POD_SANDBOX_CONFIG__INIT;
	const Pb__PodSandboxConfig *config = &none;
	bool cri = message_any_is(r->options, "runtime.v1.PodSandboxConfig");

	if (cri)
		config = message_read(&pb__pod_sandbox_config__descriptor, r->options->value.data,
			r->options->value.len, &arena);
	if (!config)
		return err_say(err, EINVAL, "the configuration of the pod cannot be read");
	sandbox.id = strdup(r->sandbox_id);
	if (!sandbox.id)
		return err_oom(err);
	if (pod_enter(config, r->netns_path, err) == 0 &&
		(!cri || pod_files_make(config, r->sandbox_id, err) == 0))
		return 0;
	pod_leave();
	free_clear(&sandbox.id);
	return -err->code;
}

static enum ttrpc_code code_of(const struct err *err)
{
	switch (err->code) {
	case EINVAL:
	case EPERM: return TTRPC_INVALID_ARGUMENT;
	case EOPNOTSUPP: return TTRPC_UNIMPLEMENTED;
	case ENOENT: return TTRPC_NOT_FOUND;
	default: return TTRPC_UNKNOWN;
	}
}

static void sandbox_create(struct ttrpc_call *call, const void *request)
{
	const Pb__CreateSandboxRequest *r = request;
	struct err err = ERR_INIT;

	if (sandbox.state != SANDBOX_NONE) {
		ttrpc_fail(call, TTRPC_ALREADY_EXISTS, "this shim has the sandbox %s", sandbox.id);
		return;
	}
	if (create(r, &err) < 0) {
		ttrpc_fail(call, code_of(&err), "sandbox %s: %s", r->sandbox_id, err.msg);
		return;
	}
	sandbox.state = SANDBOX_CREATED;
	clock_gettime(CLOCK_REALTIME, &sandbox.created_at);
	reply_empty(call);
}

static void sandbox_start(struct ttrpc_call *call, const void *request)
{
	const Pb__SandboxRequest *r = request;
	Pb__StartSandboxResponse response = PB__START_SANDBOX_RESPONSE__INIT;
	Pb__Timestamp at;

	if (!is_ours(call, r->sandbox_id))
		return;
	if (sandbox.state != SANDBOX_CREATED) {
		ttrpc_fail(call, TTRPC_FAILED_PRECONDITION, "sandbox %s was started before",
			r->sandbox_id);
		return;
	}
	sandbox.state = SANDBOX_READY;
	message_timestamp(&at, &sandbox.created_at);
	response.pid = (uint32_t)pod_pid();
	response.created_at = &at;
	ttrpc_reply(call, &response.base);
}

static void reply_ended(struct ttrpc_call *call)
{
	Pb__WaitResponse response = PB__WAIT_RESPONSE__INIT;
	Pb__Timestamp at;

	message_timestamp(&at, &sandbox.ended_at);
	response.exited_at = &at;
	ttrpc_reply(call, &response.base);
}

static void stop(void)
{
	struct sandbox_waiter *w;

	if (sandbox.state == SANDBOX_STOPPED)
		return;
	sandbox.state = SANDBOX_STOPPED;
	clock_gettime(CLOCK_REALTIME, &sandbox.ended_at);
	pod_leave();
	pod_files_remove(".", sandbox.id);
	while ((w = sandbox.waiters)) {
		sandbox.waiters = w->next;
		reply_ended(w->call);
		free(w);
	}
}

static void sandbox_stop(struct ttrpc_call *call, const void *request)
{
	const Pb__SandboxRequest *r = request;

	if (!is_ours(call, r->sandbox_id))
		return;
	stop();
	reply_empty(call);
}

/* Clients that come and go leave theirs behind. */
static void drop_gone_waiters(void)
{
	struct sandbox_waiter **at = &sandbox.waiters;

	while (*at) {
		struct sandbox_waiter *w = *at;

		if (!ttrpc_call_is_gone(w->call)) {
			at = &w->next;
			continue;
		}
		*at = w->next;
		ttrpc_fail(w->call, TTRPC_UNAVAILABLE, "nobody waits");
		free(w);
	}
}

static void sandbox_wait(struct ttrpc_call *call, const void *request)
{
	const Pb__SandboxRequest *r = request;
	struct sandbox_waiter *w;

	if (!is_ours(call, r->sandbox_id))
		return;
	if (sandbox.state == SANDBOX_STOPPED) {
		reply_ended(call);
		return;
	}
	drop_gone_waiters();
	w = calloc(1, sizeof(*w));
	if (!w) {
		ttrpc_fail(call, TTRPC_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	*w = (struct sandbox_waiter){sandbox.waiters, call};
	sandbox.waiters = w;
}

static void on_flushed(void *arg)
{
	reply_empty(arg);
	sandbox.quit();
}

static void sandbox_shutdown(struct ttrpc_call *call, const void *request)
{
	const Pb__SandboxRequest *r = request;

	/* One that could not be created is shut down as well. */
	if (sandbox.state != SANDBOX_NONE) {
		if (!is_ours(call, r->sandbox_id))
			return;
		stop();
		sandbox.state = SANDBOX_NONE;
		free_clear(&sandbox.id);
	}
	events_flush(TASK_FLUSH_MS, on_flushed, call);
}

/* --- what is asked --- */

static void sandbox_platform(struct ttrpc_call *call, const void *request)
{
	Pb__PlatformResponse response = PB__PLATFORM_RESPONSE__INIT;
	Pb__Platform platform = PB__PLATFORM__INIT;

	platform.os = "linux";
	platform.architecture = ARCHITECTURE;
	response.platform = &platform;
	ttrpc_reply(call, &response.base);
}

static void sandbox_status(struct ttrpc_call *call, const void *request)
{
	const Pb__SandboxRequest *r = request;
	Pb__SandboxStatusResponse response = PB__SANDBOX_STATUS_RESPONSE__INIT;
	Pb__Timestamp created_at, ended_at;
	bool stopped = sandbox.state == SANDBOX_STOPPED;

	if (!is_ours(call, r->sandbox_id))
		return;
	message_timestamp(&created_at, &sandbox.created_at);
	message_timestamp(&ended_at, &sandbox.ended_at);
	response.sandbox_id = sandbox.id;
	response.pid = stopped ? 0 : (uint32_t)pod_pid();
	response.state = stopped ? "SANDBOX_NOTREADY" : "SANDBOX_READY";
	response.created_at = &created_at;
	response.exited_at = stopped ? &ended_at : NULL;
	ttrpc_reply(call, &response.base);
}

static void sandbox_ping(struct ttrpc_call *call, const void *request)
{
	const Pb__SandboxRequest *r = request;

	if (is_ours(call, r->sandbox_id))
		reply_empty(call);
}

/* What the sandbox itself uses: this process. Containers have cgroups of their own. */
static void sandbox_metrics(struct ttrpc_call *call, const void *request)
{
	const Pb__SandboxRequest *r = request;
	Pb__SandboxMetricsResponse response = PB__SANDBOX_METRICS_RESPONSE__INIT;
	Pb__Metric metric = PB__METRIC__INIT;
	_cleanup_buf_ struct buf scratch = BUF_INIT;
	_cleanup_free_ char *cgroups = cgroup_of(getpid());
	struct err err = ERR_INIT;
	struct timespec now;
	Pb__Timestamp at;
	Pb__Any data;

	if (!is_ours(call, r->sandbox_id))
		return;
	if (metrics_read(cgroups, &data, &scratch, &err) < 0) {
		ttrpc_fail(call, TTRPC_UNKNOWN, "sandbox %s: %s", sandbox.id, err.msg);
		return;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	message_timestamp(&at, &now);
	metric.timestamp = &at;
	metric.id = sandbox.id;
	metric.data = &data;
	response.metrics = &metric;
	ttrpc_reply(call, &response.base);
}

static const struct ttrpc_method methods[] = {
	{"CreateSandbox", &pb__create_sandbox_request__descriptor, sandbox_create},
	{"StartSandbox", &pb__sandbox_request__descriptor, sandbox_start},
	{"Platform", &pb__sandbox_request__descriptor, sandbox_platform},
	{"StopSandbox", &pb__sandbox_request__descriptor, sandbox_stop},
	{"WaitSandbox", &pb__sandbox_request__descriptor, sandbox_wait},
	{"SandboxStatus", &pb__sandbox_request__descriptor, sandbox_status},
	{"PingSandbox", &pb__sandbox_request__descriptor, sandbox_ping},
	{"ShutdownSandbox", &pb__sandbox_request__descriptor, sandbox_shutdown},
	{"SandboxMetrics", &pb__sandbox_request__descriptor, sandbox_metrics},
};

const struct ttrpc_service sandbox_service = {
	"containerd.runtime.sandbox.v1.Sandbox", methods, ARRAY_SIZE(methods)};
