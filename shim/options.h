/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of a containerd shim: Go's flags, then one action. */
#ifndef SHIM_OPTIONS_H
#define SHIM_OPTIONS_H

#include <stdbool.h>

#include "runtime/base/err.h"

struct options {
	const char *namespace;
	const char *id;
	const char *address; /* of containerd's gRPC socket */
	const char *publish_binary;
	const char *bundle;
	const char *socket;
	bool debug, version, info, help;
	const char *action; /* "start", "delete"; NULL for none */
};

/* Strings are borrowed from argv; those not given are "". */
int options_parse(char **args, struct options *ret, struct err *err);

/* What the program can be told: for --help and the completion. */
void options_print_help(void);
void options_print_words(void);

#endif
