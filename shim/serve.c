/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shim that stays. It ends when containerd has said Shutdown and no container is left,
 * or when nobody has wanted anything of it for a while and it has none.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <malloc.h>
#include <signal.h>
#include <unistd.h>
#include <uv.h>

#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "shim/child.h"
#include "shim/container.h"
#include "shim/events.h"
#include "shim/loop.h"
#include "shim/options.h"
#include "shim/sandbox.h"
#include "shim/shim.h"
#include "shim/stdio.h"
#include "shim/task.h"
#include "shim/ttrpc_server.h"

/* Without a container and without a connection: whoever started it has forgotten it. */
#define FORGOTTEN_MS 60000

/* How long a client may leave its connection open after the end was asked for. */
#define LINGER_MS 50

/* containerd's end of our log; lines are lost while it is away. */
#define LOG_FIFO "log"

/* What malloc() keeps of memory that was given back. */
#define HEAP_KEEP (16 << 10)

static const char *socket_path;
static struct timer *forgotten, *lingering;
static bool quitting;
static struct ttrpc_service services[3];
static uv_signal_t sigterm;

/* In this order: a socket that nobody serves may be somebody else's a moment later. */
static void stop_loop(void *arg)
{
	timer_drop(&lingering);
	uv_stop(uv_default_loop());
}

/*
 * Clients read their last answer before they see the end of the connection: some take the
 * one for the other when both come at once.
 */
static void quit(void)
{
	if (quitting)
		return;
	quitting = true;
	ttrpc_server_stop();
	lingering = timer_start(LINGER_MS, stop_loop, NULL);
	if (!lingering)
		stop_loop(NULL);
}

static void on_forgotten(void *arg)
{
	timer_drop(&forgotten);
	if (container_count() > 0 || sandbox_exists())
		return;
	log_info("nobody wants anything of this shim, and it has no container: it ends");
	quit();
}

static void on_connections(size_t n)
{
	timer_drop(&forgotten);
	if (n == 0 && quitting)
		stop_loop(NULL);
	else if (n == 0)
		forgotten = timer_start(FORGOTTEN_MS, on_forgotten, NULL);
}

/* A machine that shuts down asks everybody; containers need their shim to the end. */
static void on_sigterm(uv_signal_t *handle, int sig)
{
	if (container_count() == 0 && !sandbox_exists())
		quit();
	else
		log_warn("signal %d is ignored: there are %zu containers", sig, container_count());
}

static void open_log(bool debug)
{
	struct log_config config = {.level = debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO,
		.format = LOG_FORMAT_TEXT,
		.fd = open(LOG_FIFO, O_RDWR | O_NONBLOCK | O_CLOEXEC),
		.program = "containerd-shim-turf-v2"};

	log_setup(&config);
}

int shim_serve(int fd, const struct address *address, const struct options *o,
	const char *ttrpc_address, struct err *err)
{
	struct address dir = *address;

	socket_path = address->path;
	open_log(o->debug);
	signal(SIGPIPE, SIG_IGN);
	mallopt(M_TRIM_THRESHOLD, HEAP_KEEP);
	mallopt(M_TOP_PAD, 0);
	events_start(ttrpc_address, o->namespace);
	stdio_setup(dirname(dir.path), o->namespace);
	task_setup(o->namespace, quit);
	sandbox_setup(quit);
	services[0] = task_service_v2;
	services[1] = task_service_v3;
	services[2] = sandbox_service;
	if (child_start_reaping(err) < 0 ||
		ttrpc_server_start(fd, services, ARRAY_SIZE(services), on_connections, err) < 0)
		return -err->code;
	uv_signal_init(uv_default_loop(), &sigterm);
	uv_signal_start(&sigterm, on_sigterm, SIGTERM);
	on_connections(0);
	uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	return 0;
}
