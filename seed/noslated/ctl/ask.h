/* SPDX-License-Identifier: Apache-2.0 */
/* What noslatectl's verbs ask of the daemon, and how mistakes come back as sentences. */
#ifndef SEED_NOSLATED_CTL_ASK_H
#define SEED_NOSLATED_CTL_ASK_H

#include <stddef.h>

#include "runtime/base/buf.h"
#include "runtime/base/err.h"
#include "runtime/base/json.h"

#define ASK_BODY_MAX   (4u << 20)
#define ASK_ANSWER_MAX (64u << 20)

/* Where the daemon is asked: --socket, or admin.sock below --run. */
int ask_set_socket(const char *socket, const char *run, struct err *err);

/* Waits for the answer, whatever its status; `ret` grows by its body. */
int ask(const char *method, const char *target, const char *body, size_t len, int *ret_status,
	struct buf *ret, struct err *err);
/*
 * The same, but an answer that is not 200 is the error; of several mistakes all but the last are logged, a
 * line each.
 */
int ask_well(const char *method, const char *target, const char *body, size_t len, struct buf *ret,
	struct err *err);
/* GET, as JSON. */
int ask_json(const char *target, struct json_doc **ret, struct err *err);

/* GET, as lines, each without its "\n", for as long as they come. */
int ask_lines(const char *target,
	int (*line)(void *arg, const char *text, size_t len, struct err *err), void *arg,
	struct err *err);

#endif
