/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/data/errors.h"

#include <stdio.h>

#include "runtime/base/util.h"

static const struct data_error_row rows[DATA_ERRORS] = {
	[DATA_OK] = {"ok", 200, "OK", "", 0},
	[DATA_BAD_REQUEST] = {"bad_request", 400, "Bad Request",
		"The head of the request is no HTTP/1.1.", 0},
	[DATA_BAD_FRAMING] = {"bad_framing", 400, "Bad Request",
		"Where the body of the request ends is said in no way or in several.", 0},
	[DATA_BAD_HOST] = {"bad_host", 400, "Bad Request",
		"The request has no host, several, or one that is none.", 0},
	[DATA_BAD_TARGET] = {"bad_target", 400, "Bad Request",
		"The target of the request is no path, or leaves it by dots.", 0},
	[DATA_BAD_CHUNK] = {"bad_chunk", 400, "Bad Request",
		"The body of the request is not chunked as its head says.", 0},
	[DATA_NO_FUNCTION] = {"no_function", 404, "Not Found",
		"No function serves this host and path.", 0},
	[DATA_HEAD_TIMEOUT] = {"head_timeout", 408, "Request Timeout",
		"The head of the request took too long.", 0},
	[DATA_BODY_TIMEOUT] = {"body_timeout", 408, "Request Timeout",
		"The body of the request took too long.", 0},
	[DATA_TARGET_TOO_LONG] = {"target_too_long", 414, "URI Too Long",
		"The target of the request is too long.", 0},
	[DATA_BAD_EXPECTATION] = {"bad_expectation", 417, "Expectation Failed",
		"The request expects what is not known here.", 0},
	[DATA_HEAD_TOO_LARGE] = {"head_too_large", 431, "Request Header Fields Too Large",
		"The head of the request has too many fields or bytes.", 0},
	[DATA_BAD_METHOD] = {"bad_method", 501, "Not Implemented",
		"The method of the request is not known here.", 0},
	[DATA_BAD_CODING] = {"bad_coding", 501, "Not Implemented",
		"The transfer coding of the request is not known here.", 0},
	[DATA_BAD_VERSION] = {"bad_version", 505, "HTTP Version Not Supported",
		"HTTP/1.1 and HTTP/1.0 are spoken here.", 0},
	[DATA_RATE_LIMITED] = {"rate_limited", 429, "Too Many Requests",
		"The function gets more requests than it may.", 1},
	[DATA_TENANT_QUOTA] = {"tenant_quota", 429, "Too Many Requests",
		"The tenant of the function has all that it may have.", 1},
	[DATA_QUEUE_FULL] = {"queue_full", 503, "Service Unavailable",
		"Too many requests wait for the function.", 1},
	[DATA_QUEUE_TIMEOUT] = {"queue_timeout", 503, "Service Unavailable",
		"No worker of the function was free in time.", 1},
	[DATA_NOT_STARTING] = {"not_starting", 503, "Service Unavailable",
		"Workers of the function fail to start.", 5},
	[DATA_CIRCUIT_OPEN] = {"circuit_open", 503, "Service Unavailable",
		"Too many requests of the function have failed.", 5},
	[DATA_FUNCTION_GONE] = {"function_gone", 404, "Not Found",
		"The function was removed while the request waited.", 0},
	[DATA_DRAIN_TIMEOUT] = {"drain_timeout", 503, "Service Unavailable",
		"The function was replaced or removed, and the request took too long to end.", 1},
	[DATA_DRAINED] = {"drained", 503, "Service Unavailable",
		"The function takes no requests at the moment.", 5},
	[DATA_WORKER_UNREACHABLE] = {"worker_unreachable", 502, "Bad Gateway",
		"The worker could not be reached.", 0},
	[DATA_WORKER_CLOSED] = {"worker_closed", 502, "Bad Gateway",
		"The worker ended before it answered.", 0},
	[DATA_WORKER_INVALID] = {"worker_invalid", 502, "Bad Gateway",
		"The worker's answer is no HTTP/1.1.", 0},
	[DATA_WORKER_TIMEOUT] = {"worker_timeout", 504, "Gateway Timeout",
		"The worker did not answer in time.", 0},
	[DATA_OVERLOADED] = {"overloaded", 503, "Service Unavailable",
		"There is too much to do: no time or memory is left for this request.", 1},
	[DATA_CLIENT_LEFT] = {"client_left", 499, "", "", 0},
	[DATA_CUT] = {"cut", 502, "Bad Gateway", "The response did not come to its end.", 0},
};

const struct data_error_row *data_error_row(enum data_error e)
{
	return &rows[e];
}

size_t data_error_write(
	char *to, size_t size, enum data_error e, const char *request_id, int head_only, int close)
{
	const struct data_error_row *r = &rows[e];
	char body[256], retry[32] = "", id[128] = "";
	int n = snprintf(body, sizeof(body), "{\"error\": \"%s\", \"message\": \"%s\"}\n", r->name,
		r->sentence);
	int len;

	if (r->retry_after_s > 0)
		snprintf(retry, sizeof(retry), "retry-after: %d\r\n", r->retry_after_s);
	if (*request_id)
		snprintf(id, sizeof(id), "x-request-id: %s\r\n", request_id);
	len = snprintf(to, size,
		"HTTP/1.1 %d %s\r\ncontent-type: application/json\r\ncontent-length: %d\r\n"
		"cache-control: no-store\r\nx-noslate-error: %s\r\n%s%sconnection: %s\r\n\r\n%s",
		r->status, r->reason, n, r->name, retry, id, close ? "close" : "keep-alive",
		head_only ? "" : body);
	return len > 0 && (size_t)len < size ? (size_t)len : 0;
}
