/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a verb is. The table of all of them is in main.c; help, completion and the
 * manual page are checked against it.
 */
#ifndef RUNTIME_VERBS_H
#define RUNTIME_VERBS_H

#include <stdbool.h>

#include "runtime/base/err.h"
#include "runtime/options.h"

struct verb;

/* Options before the verb. Strings are borrowed from argv. */
struct globals {
	const char *root;
	const char *log;
	const char *log_format;
	const char *log_level;
	const char *cgroup_manager;
	const char *rootless;
	bool debug;
	bool systemd_cgroup;
	bool help;
	bool version;
	const struct verb *verbs; /* ends with a nameless one */
	const struct option_table *options;
};

/* max_args of a verb whose words end with a command of somebody else's: options come before. */
#define VERB_REST ((unsigned)-1)

struct verb {
	const char *name;
	/* Returns the exit code, or a negative errno with a sentence in *err. */
	int (*run)(const struct globals *g, char **args, struct err *err);
	const char *usage; /* what follows the name */
	const char *summary;
	const struct option_table *options; /* NULL: none */
	unsigned min_args, max_args;
	/* Words that can stand at args[index]; *ret is NULL-terminated, the caller frees it. */
	int (*complete)(
		const struct globals *g, char **args, unsigned index, char ***ret, struct err *err);
};

const struct verb *verb_find(const struct verb *verbs, const char *name);

int verb_checkpoint(const struct globals *g, char **args, struct err *err);
int verb_create(const struct globals *g, char **args, struct err *err);
int verb_delete(const struct globals *g, char **args, struct err *err);
int verb_events(const struct globals *g, char **args, struct err *err);
int verb_exec(const struct globals *g, char **args, struct err *err);
int verb_features(const struct globals *g, char **args, struct err *err);
int verb_help(const struct globals *g, char **args, struct err *err);
int verb_kill(const struct globals *g, char **args, struct err *err);
int verb_list(const struct globals *g, char **args, struct err *err);
int verb_mounts(const struct globals *g, char **args, struct err *err);
int verb_pause(const struct globals *g, char **args, struct err *err);
int verb_ps(const struct globals *g, char **args, struct err *err);
int verb_restore(const struct globals *g, char **args, struct err *err);
int verb_resume(const struct globals *g, char **args, struct err *err);
int verb_run(const struct globals *g, char **args, struct err *err);
int verb_seed(const struct globals *g, char **args, struct err *err);
int verb_spec(const struct globals *g, char **args, struct err *err);
int verb_start(const struct globals *g, char **args, struct err *err);
int verb_state(const struct globals *g, char **args, struct err *err);
int verb_update(const struct globals *g, char **args, struct err *err);
int verb_version(const struct globals *g, char **args, struct err *err);

extern const struct option_table checkpoint_options;
extern const struct option_table create_options;
extern const struct option_table delete_options;
extern const struct option_table events_options;
extern const struct option_table exec_options;
extern const struct option_table kill_options;
extern const struct option_table list_options;
extern const struct option_table ps_options;
extern const struct option_table restore_options;
extern const struct option_table run_options;
extern const struct option_table seed_options;
extern const struct option_table spec_options;
extern const struct option_table update_options;

int complete_container(
	const struct globals *g, char **args, unsigned index, char ***ret, struct err *err);
int complete_kill(
	const struct globals *g, char **args, unsigned index, char ***ret, struct err *err);
int complete_mounts(
	const struct globals *g, char **args, unsigned index, char ***ret, struct err *err);
int complete_seed(
	const struct globals *g, char **args, unsigned index, char ***ret, struct err *err);
int complete_verb(
	const struct globals *g, char **args, unsigned index, char ***ret, struct err *err);

/* `turf __complete WORD...`: what may stand in the place of the last word, one a line. */
int complete_words(const struct globals *g, char **words, struct err *err);

/* Usage, for people. */
int help_print(const struct globals *g, const struct verb *verb, struct err *err);

/* Writes to stdout; a closed or full one is an error. */
int print_out(const char *text, struct err *err);

#endif
