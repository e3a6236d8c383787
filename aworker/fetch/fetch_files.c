/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/fetch/fetch_files.h"

#include <errno.h>

#include "aworker/aio/aio.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"

_Static_assert(FETCH_PIECE_MAX % AIO_ALIGN == 0, "pieces are read past the page cache");

struct file {
	struct fetch_files *files;
	struct aio_job *job; /* with the first piece */
	uint64_t id;
	uint64_t size, at;
	int fd;
	int failure;	/* errno */
	size_t n_ready; /* bytes in the buffer */
	bool running;
};

struct fetch_files {
	struct aio *aio;
	void (*readable)(void *data, uint64_t id);
	void *data;
	struct file *open[FETCH_FILES_MAX];
	size_t n_open;
	uint64_t serial;
};

int fetch_files_create(struct aio *aio, void (*readable)(void *data, uint64_t id), void *data,
	struct fetch_files **ret, struct err *err)
{
	struct fetch_files *files = calloc(1, sizeof(*files));

	if (!files)
		return err_oom(err);
	files->aio = aio;
	files->readable = readable;
	files->data = data;
	*ret = files;
	return 0;
}

static void file_close(struct file *f)
{
	f->files->open[f->id % FETCH_FILES_MAX] = NULL;
	f->files->n_open--;
	aio_job_destroy(f->job);
	fd_close(&f->fd);
	free(f);
}

void fetch_files_destroy(struct fetch_files *files)
{
	if (!files)
		return;
	for (size_t i = 0; i < FETCH_FILES_MAX; i++)
		if (files->open[i])
			file_close(files->open[i]);
	free(files);
}

size_t fetch_files_running(const struct fetch_files *files)
{
	return files ? files->n_open : 0;
}

int fetch_files_add(
	struct fetch_files *files, int fd, uint64_t size, uint64_t *ret_id, struct err *err)
{
	struct file *f;
	size_t slot = 0;

	while (slot < FETCH_FILES_MAX && files->open[slot])
		slot++;
	f = slot < FETCH_FILES_MAX ? calloc(1, sizeof(*f)) : NULL;
	if (!f) {
		fd_close(&fd);
		return slot < FETCH_FILES_MAX
			       ? err_oom(err)
			       : err_say(err, EMFILE, "at most %d files are fetched at a time",
					 FETCH_FILES_MAX);
	}
	*f = (struct file){.files = files, .fd = fd, .size = size};
	f->id = FETCH_FILES_FIRST_ID + files->serial++ * FETCH_FILES_MAX + slot;
	files->open[slot] = f;
	files->n_open++;
	*ret_id = f->id;
	return 0;
}

static struct file *file_of(struct fetch_files *files, uint64_t id)
{
	struct file *f = files ? files->open[id % FETCH_FILES_MAX] : NULL;

	return f && f->id == id ? f : NULL;
}

int fetch_files_take(struct fetch_files *files, uint64_t id, uint64_t *ret_size)
{
	struct file *f = file_of(files, id);
	int fd;

	if (!f)
		return -1;
	fd = take_fd(&f->fd);
	*ret_size = f->size;
	file_close(f);
	return fd;
}

/* --- reading --- */

static void on_piece(void *data, ssize_t n)
{
	struct file *f = data;

	f->running = false;
	if (n > 0)
		f->n_ready = (size_t)n;
	else
		f->failure = n < 0 ? (int)-n : ESTALE;
	f->files->readable(f->files->data, f->id);
}

/* What the next piece takes, a whole number of blocks. */
static size_t piece_len(const struct file *f)
{
	const uint64_t left = f->size - f->at;

	return left >= FETCH_PIECE_MAX ? FETCH_PIECE_MAX
				       : (size_t)((left + AIO_ALIGN - 1) / AIO_ALIGN * AIO_ALIGN);
}

static void next_piece(struct file *f)
{
	const size_t len = piece_len(f);
	size_t n;

	if (!f->job && !(f->job = aio_job_create(f->files->aio, len))) {
		f->failure = ENOMEM;
	} else if (!aio_read_cached(f->fd, aio_job_bytes(f->job), len, f->at, &n)) {
		f->running = true;
		aio_read(f->job, f->fd, len, f->at, on_piece, f);
	} else if (n > 0) {
		f->n_ready = n;
	} else {
		f->failure = ESTALE;
	}
}

static enum fetch_read give(struct file *f, const void **ret_bytes, size_t *ret_len)
{
	const uint64_t left = f->size - f->at;

	*ret_bytes = aio_job_bytes(f->job);
	*ret_len = f->n_ready < left ? f->n_ready : (size_t)left;
	f->at += *ret_len;
	f->n_ready = 0;
	return FETCH_READ_PIECE;
}

static int fail_with(int code, struct err *ret_failure)
{
	if (code == ESTALE)
		return err_say(ret_failure, code, "it has become shorter while it was read");
	return err_say(ret_failure, code, "it cannot be read: %s", strerror(code));
}

enum fetch_read fetch_files_read(struct fetch_files *files, uint64_t id, const void **ret_bytes,
	size_t *ret_len, struct err *ret_failure)
{
	struct file *f = file_of(files, id);

	if (!f) {
		err_say(ret_failure, EBADF, "it is not open any more");
		return FETCH_READ_FAILED;
	}
	if (f->n_ready == 0 && f->at == f->size) {
		file_close(f);
		return FETCH_READ_END;
	}
	if (f->n_ready == 0 && !f->running && !f->failure)
		next_piece(f);
	if (f->running)
		return FETCH_READ_WAIT;
	if (f->n_ready > 0)
		return give(f, ret_bytes, ret_len);
	fail_with(f->failure, ret_failure);
	file_close(f);
	return FETCH_READ_FAILED;
}

void fetch_files_cancel(struct fetch_files *files, uint64_t id)
{
	struct file *f = file_of(files, id);

	if (f)
		file_close(f);
}
