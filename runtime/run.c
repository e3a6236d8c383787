/* SPDX-License-Identifier: Apache-2.0 */
#include "runtime/base/log.h"
#include "runtime/console.h"
#include "runtime/create_options.h"
#include "runtime/foreground.h"
#include "runtime/verbs.h"

static struct {
	bool detach;
	bool keep;
} given;

static const struct option options[] = {
	{"detach", 'd', OPTION_FLAG, &given.detach, NULL, NULL,
		"return when it runs; `delete` removes it"},
	{"keep", 0, OPTION_FLAG, &given.keep, NULL, NULL, "do not delete it when it ends"},
};

const struct option_table run_options = {options, ARRAY_SIZE(options), &create_options};

/* The error that led here is the one to report. */
static void remove_container(struct container *c)
{
	struct err err;

	if (life_delete(c, true, &err) < 0)
		log_warn("%s, ignoring", err.msg);
}

static int run_in_foreground(
	struct foreground *fg, struct life *life, struct console *console, struct err *err)
{
	int code;
	int r = foreground_wait(fg, life, console, &code, err);

	console_close(console);
	if (!given.keep)
		remove_container(&life->container);
	return r < 0 ? r : code;
}

int verb_run(const struct globals *g, char **args, struct err *err)
{
	struct life_options o = create_life_options(g, args[0]);
	_cleanup_foreground_ struct foreground fg = FOREGROUND_INIT;
	_cleanup_console_ struct console console = CONSOLE_INIT;
	_cleanup_life_ struct life life = LIFE_INIT;
	int r;

	/* Nobody but us waits for it, and we do by pidfd and exit file. */
	o.knows_exit_file = true;
	o.may_start_seed = true;
	o.start = true;
	if (!given.detach && !o.console_socket)
		o.console = &console;
	r = given.detach ? 0 : foreground_begin(&fg, err);
	if (r == 0)
		r = life_create(&o, &life, err);
	if (r < 0)
		return r;
	create_state_later(g, &life);
	return given.detach ? 0 : run_in_foreground(&fg, &life, &console, err);
}
