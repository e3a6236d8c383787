/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/aio/aio_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "aworker/aio/aio.h"
#include "aworker/loop.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"

/* Few enough that a megabyte is read by several. */
#define PIECE ((size_t)256 << 10)

struct reading {
	int fd;
	char *data;
	size_t len;
	size_t begun, ended; /* bytes */
	int error;	     /* a negative errno; 0: none so far */
};

struct piece {
	struct reading *reading;
	struct aio_job *job;
	size_t at, len;
};

static void on_piece(void *data, ssize_t n)
{
	struct piece *p = data;
	struct reading *r = p->reading;

	r->ended += p->len;
	if (n == (ssize_t)p->len)
		memcpy(r->data + p->at, aio_job_bytes(p->job), p->len);
	else
		r->error = n < 0 ? (int)n : -EIO; /* it has become shorter */
}

static bool begin(struct reading *r, struct aio *a, struct piece *p)
{
	*p = (struct piece){.reading = r, .at = r->begun, .len = r->len - r->begun};
	if (p->len > PIECE)
		p->len = PIECE;
	p->job = aio_job_create(a, PIECE);
	if (!p->job)
		return false;
	r->begun += p->len;
	/* In whole blocks, which can be read past the page cache. */
	aio_read(p->job, r->fd, (p->len + AIO_ALIGN - 1) / AIO_ALIGN * AIO_ALIGN, p->at, on_piece,
		p);
	return true;
}

static int read_pieces(struct reading *r, struct aio *a)
{
	const size_t n = (r->len + PIECE - 1) / PIECE;
	struct piece *pieces = calloc(n, sizeof(*pieces));

	if (!pieces)
		return -ENOMEM;
	for (size_t i = 0; i < n && begin(r, a, &pieces[i]); i++)
		;
	while (r->ended < r->begun)
		aio_wait(a);
	for (size_t i = 0; i < n; i++)
		aio_job_destroy(pieces[i].job);
	free(pieces);
	return r->begun < r->len ? -ENOMEM : r->error;
}

/* A negative errno. */
static int read_through_aio(struct reading *r)
{
	struct loop loop = {0};
	struct aio *a = NULL;
	struct err err;
	int rc = loop_init(&loop, &err);

	if (rc == 0)
		rc = aio_create(&loop, &a, &err);
	if (rc == 0)
		rc = read_pieces(r, a);
	aio_destroy(a);
	loop_close(&loop);
	return rc;
}

int aio_file_read(const char *path, size_t max, char **ret_data, size_t *ret_len, struct err *err)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ char *data = NULL;
	struct reading r = {.fd = fd};
	struct stat st;
	size_t moved;
	int rc = 0;

	if (fd < 0)
		return err_set(err, errno, "open '%s'", path);
	if (fstat(fd, &st) < 0)
		return err_set(err, errno, "read '%s'", path);
	/* Of a pipe, or a file of the kernel's, the length says nothing. */
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return file_read_fd(fd, path, max, ret_data, ret_len, err);
	if ((uint64_t)st.st_size > max)
		return err_say(err, EFBIG, "read '%s': larger than %zu bytes", path, max);
	r.len = (size_t)st.st_size;
	data = r.data = malloc(r.len + 1);
	if (!data)
		return err_oom(err);
	if (!aio_read_cached(fd, data, r.len, 0, &moved))
		rc = read_through_aio(&r);
	else if (moved < r.len)
		rc = -EIO;
	if (rc < 0)
		return err_set(err, -rc, "read '%s'", path);
	data[r.len] = '\0';
	*ret_data = take_ptr(&data);
	*ret_len = r.len;
	return 0;
}
