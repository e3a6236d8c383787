/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/snapshot/snapshot_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "aworker/aio/aio_file.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"

static const char MAGIC[8] = {'T', 'U', 'R', 'F', 'B', 'L', 'O', 'B'};

struct header {
	char magic[sizeof(MAGIC)];
	uint32_t version;
	uint32_t header_len;
	unsigned char digest[SNAPSHOT_DIGEST_LEN]; /* of all that follows it */
	uint64_t len;				   /* of the engine's part */
	struct snapshot_maker maker;
	struct snapshot_source source;
};

#define DIGEST_FROM (offsetof(struct header, digest) + SNAPSHOT_DIGEST_LEN)

_Static_assert(sizeof(struct header) % 16 == 0, "the engine's part stays aligned");

void snapshot_digest(const void *data, size_t len, unsigned char ret[SNAPSHOT_DIGEST_LEN])
{
	XXH128_canonical_t canonical;

	XXH128_canonicalFromHash(&canonical, XXH3_128bits(data, len));
	memcpy(ret, canonical.digest, SNAPSHOT_DIGEST_LEN);
}

int snapshot_file_write(const char *path, const struct snapshot_maker *maker,
	const struct snapshot_source *source, const void *blob, size_t len, struct err *err)
{
	const size_t all = sizeof(struct header) + len;
	_cleanup_free_ char *data = all <= SNAPSHOT_FILE_MAX ? calloc(1, all) : NULL;
	struct header *h = (struct header *)data;

	if (all > SNAPSHOT_FILE_MAX)
		return err_say(err, EFBIG, "%zu bytes are more than the %u of a startup snapshot",
			all, SNAPSHOT_FILE_MAX);
	if (!data)
		return err_oom(err);
	memcpy(h->magic, MAGIC, sizeof(MAGIC));
	h->version = SNAPSHOT_FILE_VERSION;
	h->header_len = sizeof(*h);
	h->len = len;
	h->maker = *maker;
	h->source = *source;
	memcpy(h + 1, blob, len);
	snapshot_digest(data + DIGEST_FROM, all - DIGEST_FROM, h->digest);
	return file_write_atomic(AT_FDCWD, path, data, all, 0644, err);
}

static int check_maker(
	const struct snapshot_maker *was, const struct snapshot_maker *is, struct err *err)
{
	if (strncmp(was->v8, is->v8, sizeof(was->v8)) != 0)
		return err_say(err, EINVAL, "it was made by V8 %.*s, this is V8 %s",
			(int)sizeof(was->v8), was->v8, is->v8);
	if (strncmp(was->turf, is->turf, sizeof(was->turf)) != 0 || was->build != is->build)
		return err_say(err, EINVAL, "it was made by another build of aworker (%.*s)",
			(int)sizeof(was->turf), was->turf);
	if (memcmp(was->flags, is->flags, sizeof(was->flags)) != 0)
		return err_say(err, EINVAL, "it was made with other --v8-options");
	if (memcmp(was->cpu, is->cpu, sizeof(was->cpu)) != 0)
		return err_say(err, EINVAL, "it was made on another kind of processor");
	return 0;
}

/* Everything that the file says of itself. */
static int check_header(const char *data, size_t len, struct err *err)
{
	const struct header *h = (const struct header *)data;
	unsigned char digest[SNAPSHOT_DIGEST_LEN];

	if (len < sizeof(MAGIC) || memcmp(data, MAGIC, sizeof(MAGIC)) != 0)
		return err_say(err, EINVAL, "it is no startup snapshot");
	if (len < DIGEST_FROM)
		return err_say(err, EINVAL, "it was cut short");
	if (h->version != SNAPSHOT_FILE_VERSION)
		return err_say(err, EINVAL, "it is of version %u, this aworker knows %u",
			h->version, SNAPSHOT_FILE_VERSION);
	if (h->header_len != sizeof(*h) || len < sizeof(*h) || h->len > len - sizeof(*h))
		return err_say(err, EINVAL, "it was cut short");
	snapshot_digest(data + DIGEST_FROM, len - DIGEST_FROM, digest);
	if (h->len != len - sizeof(*h) || memcmp(digest, h->digest, sizeof(digest)) != 0 ||
		!memchr(h->source.name, '\0', sizeof(h->source.name)))
		return err_say(err, EINVAL, "it is damaged: its checksum is wrong");
	return 0;
}

int snapshot_file_read(const char *path, const struct snapshot_maker *maker,
	struct snapshot_file *ret, struct err *err)
{
	_cleanup_free_ char *data = NULL;
	const struct header *h;
	size_t len;

	if (aio_file_read(path, SNAPSHOT_FILE_MAX, &data, &len, err) < 0)
		return -err->code;
	h = (const struct header *)data;
	if (check_header(data, len, err) < 0 || check_maker(&h->maker, maker, err) < 0)
		return -err->code;
	*ret = (struct snapshot_file){
		.data = take_ptr(&data), .source = &h->source, .blob = h + 1, .len = h->len};
	return 0;
}

void snapshot_file_finish(struct snapshot_file *f)
{
	free(f->data);
	*f = (struct snapshot_file){0};
}
