/* SPDX-License-Identifier: Apache-2.0 */
/* containerd-shim-turf-v2: containerd's shim, one process for each pod. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/log.h"
#include "shim/options.h"
#include "shim/shim.h"

/*
 * Descriptors 0-2 must exist, or the first files we open would be taken for them. Others are
 * nobody's: a shim outlives whoever forgot them.
 */
static void settle_fds(void)
{
	close_range(STDERR_FILENO + 1, ~0U, 0);
	for (int i = 0; i <= STDERR_FILENO; i++)
		if (fcntl(i, F_GETFD) < 0 && open("/dev/null", O_RDWR) < 0)
			_exit(EXIT_FAILURE);
}

static int run(char **args, struct err *err)
{
	struct options o;

	if (args[0] && streq(args[0], "__complete")) {
		options_print_words();
		return 0;
	}
	if (options_parse(args, &o, err) < 0)
		return -err->code;
	if (o.help || (!o.action && !o.version && !o.info)) {
		options_print_help();
		return 0;
	}
	if (o.version) {
		puts("containerd-shim-turf-v2 " TURF_VERSION);
		return 0;
	}
	if (o.info)
		return shim_info(err);
	return streq(o.action, "start") ? shim_start(&o, err) : shim_delete(&o, err);
}

int main(int argc, char **argv)
{
	struct log_config config = {
		.level = LOG_LEVEL_WARN, .fd = -1, .program = "containerd-shim-turf-v2"};
	struct err err = ERR_INIT;

	settle_fds();
	log_setup(&config);
	if (run(argv + (argc > 0), &err) >= 0)
		return EXIT_SUCCESS;
	log_error("%s", err.msg);
	return EXIT_FAILURE;
}
