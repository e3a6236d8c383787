/* SPDX-License-Identifier: Apache-2.0 */
/* Digests and fingerprints of files and trees, and OCI layouts: which image, which blobs, and every mistake. */
#include "seed/noslated/code/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/base/fd.h"
#include "seed/noslated/code/code.h"
#include "seed/noslated/code/layout.h"
#include "seed/noslated/code/tree.h"
#include "tests/unit/unit.h"

#define EMPTY "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC   "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define IMAGE "application/vnd.oci.image.manifest.v1+json"
#define INDEX "application/vnd.oci.image.index.v1+json"

static char dir[] = "/tmp/turf-code-XXXXXX";
static int top = -1;
static struct err err;

static void begin(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(top, 0);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void end(void)
{
	close(top);
	ck_assert_int_eq(nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
}

static void put(const char *name, const char *text)
{
	ck_assert_msg(
		file_write_atomic(top, name, text, strlen(text), 0644, &err) == 0, "%s", err.msg);
}

/* --- digests --- */

START_TEST(digests_bytes_and_files)
{
	struct digest d;
	uint64_t size;
	int fd;

	digest_bytes("", 0, &d);
	ck_assert_str_eq(d.text, EMPTY);
	begin();
	put("f", "abc");
	fd = openat(top, "f", O_RDONLY | O_CLOEXEC);
	ck_assert_int_eq(digest_copy(fd, -1, 3, &d, &size, &err), 0);
	ck_assert_str_eq(d.text, ABC);
	ck_assert_uint_eq(size, 3);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	ck_assert_int_eq(digest_copy(fd, -1, 2, &d, NULL, &err), -EFBIG);
	ck_assert_str_eq(err.msg, "more than 2 bytes");
	close(fd);
	end();
	ck_assert(digest_is_valid(ABC));
	ck_assert(!digest_is_valid(ABC "0"));
	ck_assert(!digest_is_valid("sha256:BA7816BF"));
	ck_assert(!digest_is_valid("sha512:"));
}
END_TEST

/* The text that noslated(8) describes, byte by byte. */
START_TEST(digests_trees)
{
	static const char text[] =
		"d a\0\n"
		"f a/z\0"
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n"
		"f a.js\0"
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n"
		"l b\0"
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\n";
	struct digest expected, d;

	begin();
	ck_assert_int_eq(digest_tree(top, &d, &err), 0);
	ck_assert_str_eq(d.text, EMPTY);
	put("a.js", "");
	ck_assert_int_eq(mkdirat(top, "a", 0700), 0);
	put("a/z", "abc");
	ck_assert_int_eq(symlinkat("abc", top, "b"), 0);
	digest_bytes(text, sizeof(text) - 1, &expected);
	ck_assert_msg(digest_tree(top, &d, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(d.text, expected.text);
	ck_assert_int_eq(fchmodat(top, "a.js", 0600, 0), 0);
	ck_assert_int_eq(digest_tree(top, &d, &err), 0);
	ck_assert_str_eq(d.text, expected.text);
	ck_assert_int_eq(mkfifoat(top, "p", 0600), 0);
	ck_assert_int_eq(digest_tree(top, &d, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "'p' is no file, no directory and no symbolic link");
	end();
}
END_TEST

static struct digest fingerprint(void)
{
	struct digest d;

	ck_assert_msg(digest_fingerprint(top, &d, &err) == 0, "%s", err.msg);
	return d;
}

static void differs(struct digest *before)
{
	const struct digest now = fingerprint();

	ck_assert_str_ne(now.text, before->text);
	*before = now;
}

START_TEST(fingerprints_see_changes)
{
	const struct timespec past[2] = {{1, 0}, {1, 0}};
	struct digest d, again;

	begin();
	put("f", "abc");
	ck_assert_int_eq(mkdirat(top, "d", 0700), 0);
	d = fingerprint();
	again = fingerprint();
	ck_assert_str_eq(d.text, again.text);
	put("f", "abd"); /* another inode, the same size */
	differs(&d);
	ck_assert_int_eq(utimensat(top, "f", past, 0), 0);
	differs(&d);
	ck_assert_int_eq(renameat(top, "f", top, "g"), 0);
	differs(&d);
	put("d/deep", "");
	differs(&d);
	ck_assert_int_eq(unlinkat(top, "d/deep", 0), 0);
	differs(&d);
	ck_assert_int_eq(symlinkat("g", top, "l"), 0);
	differs(&d);
	end();
}
END_TEST

static int count(void *arg, const struct tree_entry *e, struct err *e_)
{
	(void)e, (void)e_;
	return (int)++*(unsigned *)arg;
}

START_TEST(trees_have_bounds)
{
	unsigned n = 0;
	int at = -1;

	begin();
	at = dup(top);
	for (int i = 0; i < CODE_DEPTH_MAX; i++) {
		int next;

		ck_assert_int_eq(mkdirat(at, "d", 0700), 0);
		next = openat(at, "d", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = next;
	}
	ck_assert_int_eq(tree_walk(top, count, &n, &err), 0);
	ck_assert_uint_eq(n, CODE_DEPTH_MAX);
	ck_assert_int_eq(mkdirat(at, "d", 0700), 0);
	ck_assert_int_eq(tree_walk(top, count, &n, &err), -E2BIG);
	close(at);
	end();
}
END_TEST

/* --- layouts --- */

#define BLOB(media, digest) \
	"{\"mediaType\": \"" media "\", \"size\": 5, \"digest\": \"" digest "\"}"
#define LIST(...)   "{\"schemaVersion\": 2, \"manifests\": [" __VA_ARGS__ "]}"
#define LAYERS(...) "{\"schemaVersion\": 2, \"layers\": [" __VA_ARGS__ "]}"

static struct layout_choice choice;

static void chooses(const char *text, const char *wanted, const char *digest)
{
	ck_assert_msg(
		layout_read_index(text, strlen(text), wanted, &choice, &err) == 0, "%s", err.msg);
	ck_assert_str_eq(choice.blob.digest.text, digest);
}

static void refuses(const char *text, const char *wanted, const char *why)
{
	ck_assert_int_lt(layout_read_index(text, strlen(text), wanted, &choice, &err), 0);
	ck_assert_str_eq(err.msg, why);
}

START_TEST(reads_indexes)
{
	chooses(LIST(BLOB(IMAGE, ABC)), NULL, ABC);
	chooses(LIST(BLOB(IMAGE, ABC)), ABC, ABC);
	chooses(LIST(BLOB(IMAGE, ABC) "," BLOB(IMAGE, EMPTY)), EMPTY, EMPTY);
	chooses(LIST(BLOB(IMAGE, ABC) "," BLOB("text/plain", "?")), NULL, ABC);
	/* An index is looked into, whatever is wanted. */
	chooses(LIST(BLOB(INDEX, ABC)), EMPTY, ABC);
	ck_assert(choice.is_index && !choice.is_wanted);
	chooses(LIST(BLOB(INDEX, ABC) "," BLOB(IMAGE, EMPTY)), ABC, ABC);
	ck_assert(choice.is_index && choice.is_wanted);
	refuses(LIST(BLOB(IMAGE, ABC)), EMPTY, "there is no image " EMPTY);
	refuses(LIST(BLOB(IMAGE, ABC) "," BLOB(IMAGE, EMPTY)), NULL,
		"there are 2 images; which is it? (digest)");
	refuses(LIST(""), NULL, "there is no image");
	refuses(LIST("7"), NULL, "manifests[0]: not an object");
	refuses(LIST(BLOB(IMAGE, "sha256:../../etc")), NULL,
		"manifests[0].digest: 'sha256:../../etc' is not sha256: and 64 hexadecimal digits");
	refuses("{\"schemaVersion\": 1, \"manifests\": []}", NULL, "schemaVersion: not 2");
	refuses("[]", NULL, "not an object");
	refuses("{\"schemaVersion\": 2}", NULL, "manifests: missing");
}
END_TEST

static void refuses_manifest(const char *text, const char *why)
{
	struct layout l = {0};

	ck_assert_int_lt(layout_read_manifest(text, strlen(text), &l, &err), 0);
	ck_assert_str_eq(err.msg, why);
}

START_TEST(reads_manifests)
{
	static const char many[] = LAYERS(BLOB("application/vnd.oci.image.layer.v1.tar+zstd",
		ABC) "," BLOB("application/zip", EMPTY) "," BLOB("application/x-tar", ABC));
	struct layout l = {0};

	ck_assert_int_eq(layout_read_manifest(many, strlen(many), &l, &err), 0);
	ck_assert_uint_eq(l.n, 3);
	ck_assert(!l.layers[0].zip && l.layers[1].zip && !l.layers[2].zip);
	ck_assert_str_eq(l.layers[1].blob.digest.text, EMPTY);
	ck_assert_uint_eq(l.layers[1].blob.size, 5);
	refuses_manifest(LAYERS(""), "layers: 0 layers, not 1 to 64");
	refuses_manifest(LAYERS(BLOB("application/json", ABC)),
		"layers[0].mediaType: 'application/json' is no tar file and no zip file");
	refuses_manifest(LAYERS("{\"mediaType\": \"application/zip\", \"size\": 268435457, "
				"\"digest\": \"" ABC "\"}"),
		"layers[0].size: more than 268435456 bytes");
}
END_TEST

START_TEST(opens_blobs_inside_alone)
{
	struct layout_blob b = {.size = 3};
	int fd;

	begin();
	strcpy(b.digest.text, ABC);
	ck_assert_int_eq(mkdirat(top, "blobs", 0700), 0);
	ck_assert_int_eq(mkdirat(top, "blobs/sha256", 0700), 0);
	ck_assert_int_eq(layout_open(top, &b, &err), -ENOENT);
	put("elsewhere", "abc");
	ck_assert_int_eq(
		symlinkat("../../elsewhere", top,
			"blobs/sha256/"
			"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
		0);
	ck_assert_int_eq(layout_open(top, &b, &err), -ELOOP);
	put("blobs/sha256/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "abc");
	fd = layout_open(top, &b, &err);
	ck_assert_int_ge(fd, 0);
	close(fd);
	b.size = 4;
	ck_assert_int_eq(layout_open(top, &b, &err), -EINVAL);
	end();
}
END_TEST

UNIT_MAIN("code", digests_bytes_and_files, digests_trees, fingerprints_see_changes,
	trees_have_bounds, reads_indexes, reads_manifests, opens_blobs_inside_alone)
