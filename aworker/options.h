/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of aworker: that of a process, and of a container whose
 * process.args is one. One table feeds the parser, --help and the completion.
 */
#ifndef AWORKER_OPTIONS_H
#define AWORKER_OPTIONS_H

#include "aworker/worker.h"
#include "runtime/base/buf.h"
#include "runtime/base/err.h"

enum command {
	COMMAND_RUN,
	COMMAND_HELP,
	COMMAND_VERSION,
	COMMAND_BUILD_IMAGE,
	COMMAND_SEED, /* worker_options.args: its name, or nothing */
	COMMAND_CHECK,
	COMMAND_REPL,
	COMMAND_REPORT, /* worker_options.args: what follows the word */
};

/* Hidden, for watch.c alone: worker_options.inherit. */
#define OPTION_INHERIT_PREFIX "--inherit="

/* argv with the program's name first, NULL-terminated; *ret points into it. -EINVAL. */
int options_parse(const char *const *argv, enum command *ret_command, struct worker_options *ret,
	struct err *err);

void options_help(struct buf *out);
/* Words for the last of the words so far, one a line; nothing where a file name belongs. */
void options_complete(const char *const *words, struct buf *out);

#endif
