/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that are being fetched, a piece at a time through Linux AIO (aworker/aio/aio.h). They are
 * read as far as they reached when they were opened: one that grows is not read further, one that
 * has become shorter is an error.
 */
#ifndef AWORKER_FETCH_FETCH_FILES_H
#define AWORKER_FETCH_FETCH_FILES_H

#include <stdint.h>

#include "aworker/fetch/fetch.h"

struct aio;
struct fetch_files;

/* At a time, each with a buffer of FETCH_PIECE_MAX at most. */
#define FETCH_FILES_MAX 1024
/* Ids from here on are of files, those below of a fetch_client. */
#define FETCH_FILES_FIRST_ID (UINT64_C(1) << 52)

/* readable(): fetch_files_read() that had to wait has an answer now. `aio` is borrowed. */
int fetch_files_create(struct aio *aio, void (*readable)(void *data, uint64_t id), void *data,
	struct fetch_files **ret, struct err *err);
/* Closes what is left without telling of it. NULL is fine. */
void fetch_files_destroy(struct fetch_files *files);
size_t fetch_files_running(const struct fetch_files *files);

/* One that fetch_file_open() has opened. Takes the descriptor, when it fails too. */
int fetch_files_add(
	struct fetch_files *files, int fd, uint64_t size, uint64_t *ret_id, struct err *err);
/* Its descriptor, for the caller to close, and how long it was; the id is gone. -1: it was gone. */
int fetch_files_take(struct fetch_files *files, uint64_t id, uint64_t *ret_size);
/* As fetch_read(). */
enum fetch_read fetch_files_read(struct fetch_files *files, uint64_t id, const void **ret_bytes,
	size_t *ret_len, struct err *ret_failure);
/* Nothing more comes for this id. */
void fetch_files_cancel(struct fetch_files *files, uint64_t id);

#endif
