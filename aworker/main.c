/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aworker: runs a file, or is a seed or a container's process on behalf of turf
 * (the hidden options of seed/forkserver.h). All of it happens on a stack of our own.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "aworker/container.h"
#include "aworker/image/image_build.h"
#include "aworker/image/state.h"
#include "aworker/options.h"
#include "aworker/snapshot/snapshot.h"
#include "aworker/stack.h"
#include "aworker/worker.h"
#include "runtime/base/fd.h"
#include "runtime/base/paths.h"
#include "runtime/base/util.h"
#include "seed/forkserver.h"
#include "seed/report.h"

static int print(struct buf *text)
{
	int r = buf_failed(text) ? -1 : fd_write_all(STDOUT_FILENO, text->data, text->len);

	buf_finish(text);
	return r < 0 ? WORKER_EXIT_ERROR : WORKER_EXIT_OK;
}

/* What an engine is asked to be comes too late for one that is there. */
static int run_without_image(const char *const *argv)
{
	execve(argv[0], (char *const *)argv, environ);
	worker_say("execute '%s': %s", argv[0], strerror(errno));
	return WORKER_EXIT_ENGINE;
}

/* Only processes of one base image can become each other. False: the source has to do. */
static bool use_state(
	const struct worker *w, const struct worker_options *options, const char *const *argv)
{
	const char *image = options->build_state ? state_name(options) : options->state;
	struct err err = ERR_INIT;

	if (!image || (w->engine && options->build_state))
		return true;
	if (w->engine)
		(void)state_become(options, argv, (const char *const *)environ, &err);
	else
		(void)state_exec_base(argv, &err);
	worker_say("state image '%s': %s", image, err.msg);
	return !options->build_state;
}

/* `w`: with an engine, when it comes from an image. */
static int run(struct worker *w, const struct worker_options *options, const char *const *argv)
{
	struct err err = ERR_INIT;
	int code = WORKER_EXIT_ENGINE;

	if (w->engine && (options->v8_options || options->no_snapshot || options->build_snapshot ||
				 options->watch || options->repl))
		return run_without_image(argv);
	if (!use_state(w, options, argv))
		return WORKER_EXIT_ERROR;
	if (w->engine && engine_fork_child(w->engine, &err) < 0) {
		worker_say("%s", err.msg);
		return code;
	}
	/* The file first: it is the more likely mistake, and the cheaper one to find. */
	if (worker_load(w, options, (const char *const *)environ, &code, &err) == 0) {
		if (options->build_state)
			return state_build(w);
		if (options->build_snapshot)
			return snapshot_build(w);
		if (snapshot_use(w, &err) < 0)
			code = WORKER_EXIT_FILE;
		else if ((w->engine || worker_create(w, &err) == 0) && worker_open(w, &err) == 0)
			code = worker_run(w);
		if (err.code == 0)
			return options->watch && w->signal == 0 ? watch_again(w, argv) : code;
	}
	worker_say("%s", err.msg);
	return code;
}

static int check(struct worker *w, const struct worker_options *options, const char *const *argv)
{
	struct err err = ERR_INIT;
	int code = WORKER_EXIT_ENGINE;

	if (w->engine)
		return run_without_image(argv);
	if (worker_load(w, options, (const char *const *)environ, &code, &err) == 0 &&
		worker_create(w, &err) == 0)
		return worker_check(w);
	worker_say("%s", err.msg);
	return code;
}

/* The keeper takes this process, and this program for its seed. */
static int become_seed(const struct worker *w, const char *const *argv, const char *const *words)
{
	const char *name = words[0] ? words[0] : PATHS_SEED_DEFAULT;
	_cleanup_free_ char *self = NULL, *keeper = NULL;
	struct err err = ERR_INIT;

	if (w->engine)
		return run_without_image(argv);
	self = realpath("/proc/self/exe", NULL);
	if (!self)
		err_set(&err, errno, "find '/proc/self/exe'");
	else if (words[0] && words[1])
		err_say(&err, EINVAL, "a seed has one name; '%s' is too much", words[1]);
	else if (paths_program("turf-seed", &keeper, &err) == 0) {
		const char *const args[] = {keeper, "--foreground", "--worker", self, name, NULL};

		execve(keeper, (char *const *)args, environ);
		err_set(&err, errno, "execute '%s'", keeper);
	}
	worker_say("seed '%s': %s", name, err.msg);
	return err.code == EINVAL ? WORKER_EXIT_USAGE : WORKER_EXIT_ERROR;
}

static int version(void)
{
	struct buf out = BUF_INIT;

	buf_printf(&out, "aworker %s (V8 %s)\n", TURF_VERSION, engine_version());
	return print(&out);
}

static int help(void)
{
	struct buf out = BUF_INIT;

	options_help(&out);
	return print(&out);
}

static int complete(const char *const *words)
{
	struct buf out = BUF_INIT;

	options_complete(words, &out);
	return out.len > 0 ? print(&out) : WORKER_EXIT_OK;
}

/* Without a number: that of the container. */
static int report(const char *const *words)
{
	struct report_options options = {.pid = 1};
	struct err err = ERR_INIT;
	int code = report_parse(words, &options, &err) < 0 ? WORKER_EXIT_USAGE
		   : report_print(&options, &err) < 0	   ? WORKER_EXIT_ERROR
							   : WORKER_EXIT_OK;

	if (code != WORKER_EXIT_OK)
		worker_say("%s", err.msg);
	return code;
}

static int build_image(
	const struct worker_options *options, const char *const *argv, void *stack_low);

static int run_command(struct worker *w, const char *const *argv)
{
	struct worker_options options;
	enum command command;
	struct err err = ERR_INIT;

	if (options_parse(argv, &command, &options, &err) < 0) {
		worker_say("%s", err.msg);
		return WORKER_EXIT_USAGE;
	}
	switch (command) {
	case COMMAND_HELP: return help();
	case COMMAND_VERSION: return version();
	case COMMAND_REPORT: return report(options.args);
	case COMMAND_CHECK: return check(w, &options, argv);
	case COMMAND_REPL:
		options.repl = true;
		options.code = "";
		return run(w, &options, argv);
	case COMMAND_BUILD_IMAGE: return build_image(&options, argv, w->stack_low);
	case COMMAND_SEED: return become_seed(w, argv, options.args);
	default: return run(w, &options, argv);
	}
}

/* In a process that was started from an image. */
static int resumed(struct worker *w, const char *const *argv)
{
	const char *rest = argv[1] ? str_after(argv[1], SEED_OPTION_SERVE) : NULL;

	if (rest)
		return container_seed(w, rest);
	rest = argv[1] ? str_after(argv[1], SEED_OPTION_COLD) : NULL;
	if (!rest)
		return run_command(w, argv);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return container_cold(w, rest);
}

static int build_image(
	const struct worker_options *options, const char *const *argv, void *stack_low)
{
	struct err err = ERR_INIT;
	int code = WORKER_EXIT_OK;
	int r = image_can_build()
			? image_build(options->image, options->v8_options, stack_low, resumed, &err)
			: image_without_vdso((char *const *)argv, &code, &err);

	if (r == 0)
		return code;
	worker_say("image '%s': %s", options->image, err.msg);
	return WORKER_EXIT_ERROR;
}

static int on_stack(void *arg, void *low)
{
	struct worker w = {.stack_low = low};
	const char *const *argv = arg;
	const char *rest;
	int code;

	if (argv[0] && argv[1]) {
		if ((rest = str_after(argv[1], SEED_OPTION_SERVE)))
			return container_seed(&w, rest);
		if ((rest = str_after(argv[1], SEED_OPTION_COLD)))
			return container_cold(&w, rest);
		if (streq(argv[1], "__complete"))
			return complete(argv + 2);
	}
	code = run_command(&w, argv);
	worker_destroy(&w);
	return code;
}

int main(int argc, char **argv)
{
	struct err err = ERR_INIT;
	int r;

	/* A container's process, with the host still around it: nobody is to look into it. */
	if (argc > 1 && str_after(argv[1], SEED_OPTION_COLD))
		(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	r = stack_run(on_stack, argv, &err);
	if (r < 0) {
		worker_say("%s", err.msg);
		return WORKER_EXIT_ENGINE;
	}
	return r;
}
