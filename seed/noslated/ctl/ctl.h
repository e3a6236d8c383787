/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the verbs of noslatectl share: the options that were given, and how they print. main.c has the table
 * of verbs and that of options.
 */
#ifndef SEED_NOSLATED_CTL_CTL_H
#define SEED_NOSLATED_CTL_CTL_H

#include <stdbool.h>
#include <stdint.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"
#include "seed/noslated/ctl/table.h"

#define CTL_HEADERS_MAX 64

struct ctl_options {
	const char *run, *socket;
	bool json, follow, head, once;
	const char *lines, *since, *function; /* NULL: not given */
	const char *min, *max;
	const char *method, *data, *listen;
	const char *headers[CTL_HEADERS_MAX];
	size_t n_headers;
};

extern struct ctl_options given;

/* Arguments that are no option; as many as the verb's row allows, then NULL. */
typedef int (*ctl_verb)(char **args, struct err *err);

int verb_apply(char **args, struct err *err);
int verb_dashboard(char **args, struct err *err);
int verb_describe(char **args, struct err *err);
/* Of a file, a directory or an OCI layout. */
int verb_digest(char **args, struct err *err);
int verb_drain(char **args, struct err *err);
int verb_events(char **args, struct err *err);
int verb_get(char **args, struct err *err);
int verb_history(char **args, struct err *err);
int verb_invoke(char **args, struct err *err);
int verb_list(char **args, struct err *err);
int verb_logs(char **args, struct err *err);
int verb_resume(char **args, struct err *err);
int verb_rollback(char **args, struct err *err);
int verb_scale(char **args, struct err *err);
int verb_schema(char **args, struct err *err);
int verb_seeds(char **args, struct err *err);
int verb_top(char **args, struct err *err);
int verb_version(char **args, struct err *err);
int verb_workers(char **args, struct err *err);

/* --- printing --- */

int ctl_print(const char *text, size_t len, struct err *err);
/* Standard output is a terminal that may be coloured (https://no-color.org). */
bool ctl_has_colour(void);
/* Its columns and rows; 0: it is no terminal. */
void ctl_terminal_size(unsigned *ret_columns, unsigned *ret_rows);
int ctl_print_table(const struct table *t, struct err *err);

/* GET, printed as it comes. */
int ctl_get(const char *target, struct err *err);
/* A number up to `max`, of an option or an argument that is called `what`. */
int ctl_number(const char *what, const char *text, uint64_t max, uint64_t *ret, struct err *err);
/* Appends a part of a path or a value of a query. */
void ctl_put_escaped(struct buf *out, const char *text);
/* "/v1/functions/NAME" and what is behind it. */
void ctl_put_function(struct buf *out, const char *name, const char *behind);

#endif
