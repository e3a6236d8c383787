/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading and writing of files through Linux AIO, told of by the worker's loop. No thread.
 *
 * What is in the page cache is read at once. What is not is read past it (O_DIRECT) where offset
 * and length are multiples of AIO_ALIGN and the file system can do so, since only then the kernel
 * does not make us wait in io_submit(2). Writes go to the page cache. Nothing is synced.
 *
 * The host allows 65536 events in all (fs.aio-max-nr), so a process takes few, and only with the
 * first job that the page cache cannot do. Where it gets none, or the kernel or its seccomp filter
 * has no AIO, pread(2) and pwrite(2) do the same, and make us wait.
 *
 * A context belongs to its process: it goes with the loop before a fork point, and each copy makes
 * its own.
 */
#ifndef AWORKER_AIO_AIO_H
#define AWORKER_AIO_AIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/base/err.h"

struct aio;
struct aio_job;
struct loop;

#define AIO_EVENTS 16	/* that the kernel has at a time; more wait here */
#define AIO_ALIGN  4096 /* of buffers */

/* The bytes that were moved, less than asked for only at the end of a file; or a negative errno. */
typedef void (*aio_fn)(void *data, ssize_t n);

/* The loop is borrowed. Nothing of the kernel is taken before the first job starts. */
int aio_create(struct loop *l, struct aio **ret, struct err *err);
/* Waits for what the kernel still does. Every job has been destroyed before. NULL is fine. */
void aio_destroy(struct aio *a);
/* Whether the kernel does the work; false before the first job that is not a cached read. */
bool aio_is_kernels(const struct aio *a);

/*
 * What the page cache has of `len` bytes, without a job; *ret_moved is set always. True: that is all
 * up to the end of the file. False: the rest would have to be waited for, or fails.
 */
bool aio_read_cached(int fd, void *bytes, size_t len, uint64_t at, size_t *ret_moved);

/* Whether the page cache has the first `len` bytes; false also where that is not known (Linux 6.5). */
bool aio_is_cached(int fd, size_t len);

/*
 * Returns when one or more jobs have ended and were told of, without turning the loop. Nothing
 * happens when none runs.
 */
void aio_wait(struct aio *a);

/* A job with a buffer of `size` bytes; it can be used again and again. NULL: out of memory. */
struct aio_job *aio_job_create(struct aio *a, size_t size);
/*
 * At any moment, from within callbacks too: what runs is not called back. The memory is given back
 * when the kernel has done with it. NULL is fine.
 */
void aio_job_destroy(struct aio_job *j);
/* Not to be touched while the job runs. */
void *aio_job_bytes(struct aio_job *j);
/* The same, for the caller to free(3); the job, which does not run, is destroyed. */
void *aio_job_take(struct aio_job *j);

/*
 * Moves `len` bytes between the front of the buffer and the file. fn is called once, from the loop,
 * which goes on until then. The descriptor is borrowed until then, or until the job is destroyed.
 * The job must not run already.
 */
void aio_read(struct aio_job *j, int fd, size_t len, uint64_t at, aio_fn fn, void *data);
void aio_write(struct aio_job *j, int fd, size_t len, uint64_t at, aio_fn fn, void *data);

#endif
