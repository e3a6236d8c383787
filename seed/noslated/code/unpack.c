/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is unpacked is first copied to where nobody else can write, and has its digest there; only then is it
 * looked into. A layout's index and manifest are read before the rights are gone, since a directory that is
 * open is a way out of any root.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "runtime/base/util.h"
#include "seed/noslated/code/act.h"
#include "seed/noslated/code/code.h"
#include "seed/noslated/code/layout.h"

static int copy(int from, uint64_t *ret_size, struct digest *ret, struct err *err)
{
	if (ftruncate(CODE_FD_SCRATCH, 0) < 0 || lseek(CODE_FD_SCRATCH, 0, SEEK_SET) < 0)
		return err_set(err, errno, "empty the copy");
	return digest_copy(from, CODE_FD_SCRATCH, CODE_ARCHIVE_MAX, ret, ret_size, err);
}

/* EBADMSG is for what the caller wants to have. */
static int expect(const struct digest *d, const char *wanted, int code, struct err *err)
{
	return !wanted || streq(d->text, wanted)
		       ? 0
		       : err_say(err, code, "the digest is %s, not %s", d->text, wanted);
}

/* All of it, and what it is called by then, lasts. */
static int keep(struct err *err)
{
	return syncfs(CODE_FD_TREE) < 0 ? err_set(err, errno, "write it to the disk") : 0;
}

int unpack_zip(const char *wanted, struct digest *ret, struct err *err)
{
	struct archive_totals totals = {0};
	uint64_t size;

	if (confine_to(CODE_FD_TREE, err) < 0)
		return -err->code;
	if (lseek(CODE_FD_SOURCE, 0, SEEK_SET) < 0)
		return err_set(err, errno, "rewind");
	return copy(CODE_FD_SOURCE, &size, ret, err) < 0 || expect(ret, wanted, EBADMSG, err) < 0 ||
			       archive_unpack(true, false, size, &totals, err) < 0 || keep(err) < 0
		       ? -err->code
		       : 0;
}

static int open_layers(const struct layout *l, int *fds, struct err *err)
{
	for (size_t i = 0; i < l->n; i++) {
		fds[i] = layout_open(CODE_FD_SOURCE, &l->layers[i].blob, err);
		if (fds[i] < 0)
			return fds[i];
	}
	(void)close(CODE_FD_SOURCE);
	return 0;
}

static int unpack_layer(const struct layout_layer *layer, int fd, bool first,
	struct archive_totals *totals, struct err *err)
{
	struct digest d;
	uint64_t size;

	return copy(fd, &size, &d, err) < 0 ||
			       expect(&d, layer->blob.digest.text, EINVAL, err) < 0 ||
			       archive_unpack(
				       layer->zip, !layer->zip && !first, size, totals, err) < 0
		       ? -err->code
		       : 0;
}

int unpack_layout(const char *wanted, struct digest *ret, struct err *err)
{
	struct archive_totals totals = {0};
	int fds[CODE_LAYERS_MAX];
	struct layout l;

	if (layout_choose(CODE_FD_SOURCE, wanted, &l, err) < 0 || open_layers(&l, fds, err) < 0 ||
		confine_to(CODE_FD_TREE, err) < 0)
		return -err->code;
	for (size_t i = 0; i < l.n; i++)
		if (unpack_layer(&l.layers[i], fds[i], i == 0, &totals, err) < 0)
			return err_wrap(err, "layer %zu", i);
	*ret = l.digest;
	return keep(err);
}
