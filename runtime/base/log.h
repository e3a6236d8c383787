/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line a message, one write(2) a line, errno kept. Only programs' top
 * levels log above debug; libraries return struct err instead.
 */
#ifndef RUNTIME_BASE_LOG_H
#define RUNTIME_BASE_LOG_H

#include <stdbool.h>

#include "runtime/base/util.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

struct log_config {
	enum log_level level;	/* what is more detailed is dropped */
	enum log_format format; /* of the log file; stderr is for people */
	int fd;			/* the log file, -1 for none; not owned */
	const char *program;	/* put before messages on stderr: "turf: ..." */
};

/* Default: warnings and worse, to stderr only. The strings must outlive the process. */
void log_setup(const struct log_config *config);

bool log_enabled(enum log_level level);
void log_write(enum log_level level, const char *fmt, ...) PRINTF_LIKE(2, 3);

#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...)  log_write(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...)  log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
