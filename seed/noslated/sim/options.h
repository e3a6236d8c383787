/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of noslate-sim. */
#ifndef SEED_NOSLATED_SIM_OPTIONS_H
#define SEED_NOSLATED_SIM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "seed/noslated/sim/node.h"
#include "seed/noslated/sim/settings.h"
#include "seed/noslated/sim/workload.h"

#define OPTIONS_POLICIES_MAX 64

enum options_source { SOURCE_NONE, SOURCE_AZURE_2019, SOURCE_AZURE_2021, SOURCE_SYNTHETIC };

struct options {
	enum options_source source;
	const char *source_arg;
	char source_text[256]; /* as the command line has it */
	struct workload_options workload;
	struct node_options node;
	unsigned concurrency;
	const char *policy_args[OPTIONS_POLICIES_MAX];
	size_t n_policies;	   /* of which `policies` are made when all else is known */
	struct settings *policies; /* owned */
	const char *html, *record, *replay;
	bool json, help, version;
};

void options_finish(struct options *o);
/* `args` ends in NULL and is borrowed. */
int options_parse(char **args, struct options *o, struct err *err);
void options_print_help(void);
/* What may stand in the place of the last word, for the shell's completion. */
void options_complete(char **args);

#endif
