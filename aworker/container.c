/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a warm engine to a worker in its own sandbox.
 *
 * Seed: engine, warm-up, fork point. What a clone will want from the host is in memory
 * by then: libraries are bound at load time (BIND_NOW), ICU's data is a library, V8's
 * code is compiled by the warm-up. After box_enter() nothing of the host is there, so from
 * here on only files of the container are opened, with the container's rights.
 *
 * The order in a clone: sandbox; command line, environment, file (a failure here is one of
 * `create`); randomness and time zone of this process; gate; loop; the user's code.
 */
#include "aworker/container.h"

#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "aworker/fetch/fetch.h"
#include "aworker/image/rehearse.h"
#include "aworker/image/state.h"
#include "aworker/options.h"
#include "aworker/snapshot/snapshot.h"
#include "aworker/text.h"
#include "aworker/worker.h"
#include "runtime/base/util.h"
#include "runtime/box/enter.h"
#include "seed/forkserver.h"
#include "seed/launch.h"
#include "seed/state.h"

/*
 * The trial clone compiles and runs a little JavaScript: ten milliseconds, or a thousand times that
 * with an engine under stress.
 */
#define TRIAL_TIMEOUT_MS 60000

/* More than any bin of malloc() holds, and less than it would map. */
#define MALLOC_LARGE 100000

/* What is not the heap of JavaScript, in containers that have twice as much. */
#define NATIVE_HEADROOM (96u << 20)

static const char trial_code[] = "const s = [3, 1, 2].sort().map((x) => x * 2).join();\n"
				 "if (s !== '2,4,6') throw new Error(s);\n"
				 "for (let i = 0, a = []; i < 2e5; i++) a = [a.length, `${i}`];\n"
				 "new Intl.NumberFormat('de').format(1234.5);\n"
				 "setTimeout(() => {}, 0);\n";

/* --- in the container's process --- */

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* A state is either a snapshot's or what comes of running the code. */
static int check_snapshot(const struct worker_options *options, struct err *err)
{
	if (options->build_snapshot)
		return err_say(err, EINVAL,
			"process.args: --build-snapshot comes too late for a container, whose "
			"engine runs already");
	if (options->snapshot_blob && options->build_state)
		return err_say(err, EINVAL,
			"a state image is made of code, and process.args want startup snapshot "
			"'%s'",
			options->snapshot_blob);
	return 0;
}

static int load(struct worker *w, const struct worker_options *options,
	const struct box_entry *entry, struct err *err)
{
	int code;

	if (worker_load(w, options, entry->envp, &code, err) < 0 || snapshot_use(w, err) < 0)
		return -err->code;
	return w->engine ? 0 : worker_create(w, err);
}

/* Everything that can be wrong with the container's command line, before it stands at the gate. */
static int prepare(struct worker *w, const struct box_entry *entry, bool has_state, struct err *err)
{
	struct worker_options options;
	enum command command;

	if (options_parse(entry->argv, &command, &options, err) < 0)
		return err_wrap(err, "process.args");
	if (command != COMMAND_RUN)
		return err_say(err, EINVAL, "process.args: a container runs a file or code");
	if (options.build_state && !*options.build_state)
		return err_say(err, EINVAL,
			"process.args: a container cannot be a seed; --mode: see turf seed");
	if (options.watch || options.inherit)
		return err_say(
			err, EINVAL, "process.args: a container is not started again: --watch");
	if (options.v8_options || options.no_snapshot)
		return err_say(err, EINVAL,
			"process.args: --v8-options and --no-snapshot come too late for a "
			"container, "
			"whose engine runs already");
	if (check_snapshot(&options, err) < 0)
		return -err->code;
	/* What it has run already it does not read. */
	if (!has_state && load(w, &options, entry, err) < 0)
		return -err->code;
	w->options = options;
	environ = (char **)entry->envp;
	/* A name is not worth a container. */
	if (seed_process_title(base_name(entry->argv[0]), entry->argv, entry->envp, err) < 0)
		err->code = 0;
	return 0;
}

/*
 * JavaScript's share of the container's memory: the rest is for native memory, young objects and
 * the way to a sentence about the end of it. ArrayBuffers have the same limit once more, since few
 * workers have much of both; when one does, the kernel's limit is what holds.
 */
static uint64_t heap_share(uint64_t memory)
{
	return memory - (memory / 2 < NATIVE_HEADROOM ? memory / 2 : NATIVE_HEADROOM);
}

/* 0 is no limit. */
static uint64_t lower(uint64_t a, uint64_t b)
{
	return b == 0 || (a != 0 && a < b) ? a : b;
}

void container_limit(struct box_limits *own, const struct box_limits *container)
{
	own->heap = lower(lower(own->heap, container->heap), heap_share(container->memory));
	own->stack = lower(own->stack, container->stack);
	own->cpu_ms = lower(own->cpu_ms, container->cpu_ms);
	own->task_ms = lower(own->task_ms, container->task_ms);
}

static int make_own(struct worker *w, const struct box_entry *entry, struct err *err)
{
	container_limit(&w->options.limits, &entry->limits);
	return engine_fork_child(w->engine, err);
}

/* A state image that does not fit costs time, and no more: the source is there. */
static int go_on_from_state(
	struct worker *w, struct box_entry *entry, int image, int pagemap, struct err *err)
{
	struct worker_options options = w->options;

	if (image < 0)
		return 0;
	/* Without its page map a process does not know what of it has to go. */
	if (pagemap >= 0)
		(void)state_become_in(entry, image, pagemap, err);
	else
		err_say(err, ENOENT, "the page map of this process cannot be read");
	worker_say("state image: %s", err->msg);
	close(image);
	close(pagemap);
	if (load(w, &options, entry, err) < 0)
		return -err->code;
	return make_own(w, entry, err);
}

static int enter(
	struct worker *w, struct seed_request *req, struct box_entry *entry, struct err *err)
{
	const bool has_state = req->image_fd >= 0;
	const struct box_birth birth = {.missing = req->missing,
		.bare = req->bare,
		.keep = {req->image_fd, req->pagemap_fd}};

	if (box_enter(req->plan, req->plan_len, req->fds, req->n_fds, req->conn, &birth, entry,
		    err) < 0 ||
		prepare(w, entry, has_state, err) < 0 || box_ready(entry, err) < 0)
		return -err->code;
	if (!has_state && make_own(w, entry, err) < 0)
		return -err->code;
	return box_wait_start(entry, err) < 0
		       ? -err->code
		       : go_on_from_state(w, entry, req->image_fd, req->pagemap_fd, err);
}

static int run_container(struct worker *w, struct seed_request *req)
{
	struct box_entry entry;
	struct err err = ERR_INIT;
	int code;
	int r = enter(w, req, &entry, &err);

	if (r == 0)
		r = worker_open(w, &err);
	if (r == 0 && w->options.build_state)
		r = state_rest(w, &entry, &err);
	if (r < 0) {
		box_failed(&entry, &err);
		return WORKER_EXIT_ERROR;
	}
	box_started(&entry);
	code = worker_run(w);
	worker_close(w);
	/* Nobody looks at the memory of a process that ends. */
	_exit(code);
}

/* --- in the seed --- */

static int run_trial(void *arg)
{
	const struct worker_options options = {.code = trial_code};
	struct worker *w = arg;
	struct err err;
	int code;

	if (engine_fork_child(w->engine, &err) < 0 ||
		worker_load(w, &options, NULL, &code, &err) < 0 || worker_open(w, &err) < 0)
		return -1;
	return worker_run(w) == WORKER_EXIT_OK ? 0 : -1;
}

static int run_rehearsal(void *arg)
{
	return rehearse(arg);
}

/*
 * Else the first larger free() in each clone joins free chunks all over the heap, and its first
 * larger malloc() sorts them, and both copy it.
 */
static void tidy_malloc(void)
{
	void *volatile large; /* a pair without a reason would be optimised away */

	malloc_trim(0);
	large = malloc(MALLOC_LARGE);
	free(large);
}

static int run_warm_up(struct worker *w, struct err *err)
{
	if (worker_open(w, err) < 0)
		return -err->code;
	worker_warm_up(w);
	if (w->exiting)
		return err_say(err, EIO, "the warm-up failed");
	worker_close(w);
	return 0;
}

/*
 * A full collection forgets the shapes of objects of which none is there at the moment, and
 * what code had learnt about them; so it is over before the warm-up that counts.
 */
int container_warm_up(struct worker *w, struct err *err)
{
	fetch_warm_certificates();
	if (run_warm_up(w, err) < 0)
		return -err->code;
	engine_fork_prepare(w->engine);
	if (run_warm_up(w, err) < 0)
		return -err->code;
	engine_fork_prepare_warm(w->engine);
	tidy_malloc();
	return seed_trial(run_trial, w, TRIAL_TIMEOUT_MS, err);
}

static int make_warm(struct worker *w, struct err *err)
{
	return worker_create(w, err) < 0 ? -err->code : container_warm_up(w, err);
}

int container_seed(struct worker *w, const char *arg)
{
	struct seed_request req;
	struct err err = ERR_INIT;
	int listen_fd, keeper_fd, r;

	seed_process_init();
	/* For speed alone. */
	(void)text_use_huge_pages(&err);
	r = seed_serve_parse(arg, &listen_fd, &keeper_fd, &err);
	/* One that comes from an image is warm. */
	if (r == 0 && !w->engine)
		r = make_warm(w, &err);
	if (r == 0)
		r = seed_trial(run_rehearsal, w, TRIAL_TIMEOUT_MS, &err);
	box_remember_namespaces();
	if (r == 0)
		r = seed_serve(listen_fd, keeper_fd, &req, &err);
	if (r == 0)
		return run_container(w, &req);
	worker_say("seed: %s", err.msg);
	return WORKER_EXIT_ERROR;
}

int container_cold(struct worker *w, const char *arg)
{
	struct seed_request req;
	struct err err = ERR_INIT;
	char *end;
	long fd = strtol(arg, &end, 10);

	seed_process_init();
	if (*end || end == arg || fd < 0 || fd > INT32_MAX) {
		worker_say("'%s' is no descriptor", arg);
		return WORKER_EXIT_USAGE;
	}
	/* The runtime waits for a sign that the image was of use (payload.c). */
	if (w->engine && send((int)fd, "", 1, MSG_NOSIGNAL) != 1)
		return WORKER_EXIT_ENGINE;
	/* Before the sandbox: the engine reads files of the host. */
	if ((!w->engine && worker_create(w, &err) < 0) ||
		seed_receive_one((int)fd, &req, &err) < 0) {
		worker_say("%s", err.msg);
		return WORKER_EXIT_ENGINE;
	}
	return run_container(w, &req);
}
