/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a request can fail: one table of names, statuses and sentences. A client gets the name in a header
 * and in the body, the access log has it as well.
 */
#ifndef SEED_NOSLATED_DATA_ERRORS_H
#define SEED_NOSLATED_DATA_ERRORS_H

#include <stddef.h>

enum data_error {
	DATA_OK,
	/* the client's */
	DATA_BAD_REQUEST,
	DATA_BAD_FRAMING,
	DATA_BAD_HOST,
	DATA_BAD_TARGET,
	DATA_BAD_CHUNK,
	DATA_NO_FUNCTION,
	DATA_HEAD_TIMEOUT,
	DATA_BODY_TIMEOUT,
	DATA_TARGET_TOO_LONG,
	DATA_BAD_EXPECTATION,
	DATA_HEAD_TOO_LARGE,
	DATA_BAD_METHOD,
	DATA_BAD_CODING,
	DATA_BAD_VERSION,
	/* the policy's */
	DATA_RATE_LIMITED,
	DATA_TENANT_QUOTA,
	DATA_QUEUE_FULL,
	DATA_QUEUE_TIMEOUT,
	DATA_NOT_STARTING,
	DATA_CIRCUIT_OPEN,
	DATA_FUNCTION_GONE,
	DATA_DRAIN_TIMEOUT,
	DATA_DRAINED,
	/* the worker's */
	DATA_WORKER_UNREACHABLE,
	DATA_WORKER_CLOSED,
	DATA_WORKER_INVALID,
	DATA_WORKER_TIMEOUT,
	/* ours */
	DATA_OVERLOADED,
	/* nobody is told, only the log */
	DATA_CLIENT_LEFT,
	DATA_CUT,
	DATA_ERRORS
};

struct data_error_row {
	const char *name;
	int status;
	const char *reason; /* of the status */
	const char *sentence;
	int retry_after_s; /* 0: not said */
};

const struct data_error_row *data_error_row(enum data_error e);

/*
 * A whole response. `request_id` may be "". Returns its length, 0 when it does not fit. With `head_only`
 * there is no body.
 */
size_t data_error_write(
	char *to, size_t size, enum data_error e, const char *request_id, int head_only, int close);

#endif
