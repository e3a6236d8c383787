/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the HTTP client that are functions on bytes. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "aworker/aio/aio.h"
#include "aworker/fetch/fetch_file.h"
#include "aworker/fetch/fetch_files.h"
#include "aworker/fetch/fetch_priv.h"
#include "runtime/base/fd.h"
#include "tests/unit/unit.h"

/* --- proxies --- */

static char *proxy(const char *const *env, const char *scheme, const char *host, unsigned port)
{
	struct err err = ERR_INIT;
	char *url = NULL;

	if (fetch_proxy_for(env, scheme, host, port, &url, &err) < 0)
		return strdup(err.msg);
	return url ? url : strdup("none");
}

static void is_proxy(const char *const *env, const char *scheme, const char *host, const char *want)
{
	_cleanup_free_ char *got = proxy(env, scheme, host, 80);

	ck_assert_str_eq(got, want);
}

START_TEST(proxies_by_scheme)
{
	const char *const env[] = {"http_proxy=small:1", "HTTP_PROXY=large:1",
		"HTTPS_PROXY=https://secure:2", "ALL_PROXY=all:3", NULL};
	const char *const all[] = {"http_proxy=", "all_proxy=http://u:p@all:3/", NULL};

	is_proxy(env, "http", "a", "http://small:1");
	is_proxy(env, "https", "a", "https://secure:2");
	is_proxy(all, "http", "a", "http://u:p@all:3/");
	is_proxy(NULL, "http", "a", "none");
	is_proxy((const char *const[]){"HTTP_PROXYX=x", NULL}, "http", "a", "none");
}
END_TEST

START_TEST(proxies_that_cannot_be)
{
	is_proxy((const char *const[]){"all_proxy=socks5h://a:1", NULL}, "http", "a",
		"the proxy is of the kind 'socks5h'; only http and https are known");
	is_proxy((const char *const[]){"all_proxy=a b", NULL}, "http", "a",
		"the variable of the proxy is no URL");
	is_proxy((const char *const[]){"all_proxy=\xc3\xa4:1", NULL}, "http", "a",
		"the variable of the proxy is no URL");
}
END_TEST

START_TEST(hosts_without_a_proxy)
{
	static const struct {
		const char *list, *host;
		unsigned port;
		bool exempt;
	} cases[] = {
		{"*", "a", 80, true},
		{"example.com", "example.com", 80, true},
		{"example.com", "EXAMPLE.com", 80, true},
		{"example.com", "www.example.com", 80, true},
		{".example.com", "www.example.com", 80, true},
		{".example.com", "example.com", 80, true},
		{"example.com", "badexample.com", 80, false},
		{"example.com", "example.com.bad", 80, false},
		{"a, b\tc", "c", 80, true},
		{"a,,b", "d", 80, false},
		{"a:81", "a", 80, false},
		{"a:80", "a", 80, true},
		{"10.0.0.1", "10.0.0.1", 80, true},
		{"::1", "::1", 80, true},
		{"[::1]", "::1", 80, true},
		{"[::1]:81", "::1", 80, false},
		{"", "a", 80, false},
		{".", "a", 80, false},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char no[64];
		const char *const env[] = {no, "all_proxy=p:1", NULL};
		_cleanup_free_ char *got = NULL;

		snprintf(no, sizeof(no), "no_proxy=%s", cases[i].list);
		got = proxy(env, "http", cases[i].host, cases[i].port);
		ck_assert_msg(streq(got, "none") == cases[i].exempt, "'%s' for '%s': %s",
			cases[i].list, cases[i].host, got);
	}
}
END_TEST

/* --- heads --- */

static int parse(const char *text, struct fetch_head *h, char **ret_copy)
{
	struct err err = ERR_INIT;

	*ret_copy = strdup(text);
	return fetch_head_parse(*ret_copy, strlen(text), h, &err);
}

START_TEST(heads)
{
	struct fetch_head h = {0};
	char *copy;
	size_t len;
	const char *v;

	ck_assert_int_eq(parse("HTTP/1.1 404 Not  Found \r\nA:  b \r\nno colon\r\nbad name: x\r\n"
			       "Fold: one\r\n\ttwo\r\nEmpty:\r\n: none\r\n",
				 &h, &copy),
		0);
	ck_assert_int_eq(h.status, 404);
	ck_assert_uint_eq(h.reason_len, strlen("Not  Found"));
	ck_assert_uint_eq(h.n_strings, 6);
	v = fetch_head_find(&h, "fold", &len);
	ck_assert_uint_eq(len, strlen("one  \ttwo"));
	ck_assert_int_eq(memcmp(v, "one  \ttwo", len), 0);
	v = fetch_head_find(&h, "a", &len);
	ck_assert(len == 1 && *v == 'b');
	ck_assert_ptr_nonnull(fetch_head_find(&h, "empty", &len));
	ck_assert_uint_eq(len, 0);
	ck_assert_ptr_null(fetch_head_find(&h, "bad name", &len));
	fetch_head_finish(&h);
	free(copy);
	ck_assert_int_eq(parse("HTTP/2 200 \r\n", &h, &copy), 0);
	ck_assert_uint_eq(h.reason_len, 0);
	fetch_head_finish(&h);
	free(copy);
}
END_TEST

START_TEST(heads_that_are_none)
{
	static const char *const bad[] = {"", "HTTP/1.1", "HTTP/1.1 20", "HTTP/1.1 2x0 OK",
		"HTTP/1.1 099 No", "HTTP/1.1 200 OK\r\nA: b\rc\r\n"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct fetch_head h = {0};
		char *copy;

		ck_assert_msg(parse(bad[i], &h, &copy) < 0, "'%s' is taken", bad[i]);
		fetch_head_finish(&h);
		free(copy);
	}
}
END_TEST

/* --- codings --- */

static size_t compress_bytes(const uint8_t *from, size_t n, int bits, uint8_t *to, size_t max)
{
	z_stream z = {.next_in = (uint8_t *)from,
		.avail_in = (uInt)n,
		.next_out = to,
		.avail_out = (uInt)max};

	ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return max - z.avail_out;
}

/* Decodes, `piece` bytes of input at a time; -1 where that fails or is not whole. */
static ssize_t decode(
	const char *name, const uint8_t *in, size_t n_in, size_t piece, uint8_t *out, size_t max)
{
	struct fetch_decoder *d;
	struct err err = ERR_INIT;
	size_t end = 0, at = 0, total = 0;
	int r = 0;

	ck_assert(fetch_decoder_create(name, strlen(name), &d));
	while (r == 0) {
		const uint8_t *p = in + at;
		size_t left = end - at, n = 0;

		r = fetch_decode(
			d, &p, &left, out + total, max - total < 7 ? max - total : 7, &n, &err);
		total += n;
		if (n == 0 && left == end - at) {
			if (end == n_in)
				break;
			end = end + piece < n_in ? end + piece : n_in;
		}
		at = (size_t)(p - in);
	}
	if (r == 0 && (!fetch_decoder_is_done(d) || at != n_in))
		r = -1;
	fetch_decoder_destroy(d);
	return r < 0 ? -1 : (ssize_t)total;
}

START_TEST(codings_in_pieces)
{
	static const struct {
		const char *name;
		int bits;
	} cases[] = {{"gzip", 31}, {"X-Gzip", 31}, {"deflate", 15}, {"deflate", -15}};
	static const uint8_t br[] = "\x0b\x06\x80hello brotli\n\x03";
	static const uint8_t zstd[] =
		"\x28\xb5\x2f\xfd\x04\x58\x59\0\0hello zstd\n\x6c\x57\xf9\x51";
	uint8_t plain[5000], packed[6000], got[6000];

	for (size_t i = 0; i < sizeof(plain); i++)
		plain[i] = (uint8_t)(i % 251 * (i / 97));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const size_t n =
			compress_bytes(plain, sizeof(plain), cases[i].bits, packed, sizeof(packed));

		for (size_t piece = 1; piece < 4000; piece = piece * 3 + 1) {
			ck_assert_int_eq(decode(cases[i].name, packed, n, piece, got, sizeof(got)),
				sizeof(plain));
			ck_assert_int_eq(memcmp(got, plain, sizeof(plain)), 0);
		}
		ck_assert_int_eq(decode(cases[i].name, packed, n - 1, 100, got, sizeof(got)), -1);
	}
	for (size_t piece = 1; piece < 30; piece++) {
		ck_assert_int_eq(decode("br", br, sizeof(br) - 1, piece, got, sizeof(got)), 13);
		ck_assert_int_eq(
			decode("zstd", zstd, sizeof(zstd) - 1, piece, got, sizeof(got)), 11);
	}
}
END_TEST

START_TEST(codings_that_are_wrong)
{
	static const uint8_t text[] = "this is not compressed at all";
	static const char *const names[] = {"gzip", "deflate", "br", "zstd"};
	struct fetch_decoder *d = (void *)text;
	uint8_t out[100];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		ck_assert_int_eq(
			decode(names[i], text, sizeof(text) - 1, 100, out, sizeof(out)), -1);
	ck_assert(fetch_decoder_create("identity", 8, &d));
	ck_assert_ptr_null(d);
	ck_assert(!fetch_decoder_create("rot13", 5, &d));
	ck_assert(!fetch_decoder_create("gzip, br", 8, &d));
}
END_TEST

/* --- files --- */

static int open_file(const char *main_file, const char *path)
{
	_cleanup_free_ char *root = fetch_file_root(main_file);
	_cleanup_close_ int fd = -1, root_fd = -1;
	struct err err = ERR_INIT;
	uint64_t size;

	return fetch_file_open(root, &root_fd, path, &fd, &size, &err);
}

START_TEST(files_of_a_bundle)
{
	char dir[] = "/tmp/turf-fetch-XXXXXX", w[64], path[128];

	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(w, sizeof(w), "%s/w.js", dir);
	close(open(w, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	snprintf(path, sizeof(path), "%s/link", dir);
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	ck_assert_int_eq(open_file(w, w), 0);
	ck_assert_int_eq(open_file(w, path), -EXDEV);
	unlink(path);
	snprintf(path, sizeof(path), "%s/../%s/w.js", dir, strrchr(dir, '/') + 1);
	ck_assert_int_eq(open_file(w, path), -EXDEV);
	snprintf(path, sizeof(path), "%s/none", dir);
	ck_assert_int_eq(open_file(w, path), -ENOENT);
	snprintf(path, sizeof(path), "%sx/w.js", dir);
	ck_assert_int_eq(open_file(w, path), -EACCES);
	ck_assert_int_eq(open_file(w, dir), -EACCES);
	ck_assert_int_eq(open_file(w, "/etc/passwd"), -EACCES);
	ck_assert_int_eq(open_file("/w.js", "/etc/passwd"), 0);
	ck_assert_int_eq(open_file("/w.js", "/dev/null"), -EINVAL);
	ck_assert_int_eq(open_file("/w.js", "/etc"), -EINVAL);
	unlink(w);
	rmdir(dir);
}
END_TEST

static struct loop loop;
static struct aio *aio;
static struct fetch_files *files;
static uint64_t told;

static void on_readable(void *data UNUSED, uint64_t id)
{
	told = id;
}

static void open_files(void)
{
	struct err err;

	ck_assert_int_eq(loop_init(&loop, &err), 0);
	ck_assert_int_eq(aio_create(&loop, &aio, &err), 0);
	ck_assert_int_eq(fetch_files_create(aio, on_readable, NULL, &files, &err), 0);
}

static void close_files(void)
{
	fetch_files_destroy(files);
	aio_destroy(aio);
	loop_close(&loop);
}

/* In the build tree, since /tmp may be memory. */
static int temporary(size_t size)
{
	char path[] = "fetch-XXXXXX";
	int fd = mkstemp(path);

	ck_assert_int_ge(fd, 0);
	unlink(path);
	ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
	return fd;
}

static void uncache(int fd)
{
	ck_assert_int_eq(fsync(fd), 0);
	ck_assert_int_eq(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
}

static uint64_t add(int fd, uint64_t size)
{
	struct err err;
	uint64_t id;

	ck_assert_int_eq(fetch_files_add(files, dup(fd), size, &id, &err), 0);
	ck_assert_uint_ge(id, FETCH_FILES_FIRST_ID);
	return id;
}

/* What it has, or the negative errno that it fails with. */
static ssize_t length_of(uint64_t id)
{
	struct err err = ERR_INIT;
	const void *bytes;
	ssize_t sum = 0;
	size_t len;

	for (;;) {
		switch (fetch_files_read(files, id, &bytes, &len, &err)) {
		case FETCH_READ_WAIT:
			told = 0;
			ck_assert_int_eq(loop_run(&loop, &err), 0);
			ck_assert_uint_eq(told, id);
			break;
		case FETCH_READ_PIECE:
			ck_assert_uint_le(len, FETCH_PIECE_MAX);
			sum += (ssize_t)len;
			break;
		case FETCH_READ_END: return sum;
		case FETCH_READ_FAILED: return -err.code;
		}
	}
}

START_TEST(files_in_pieces)
{
	static const size_t sizes[] = {0, 1, 4096, 65535, 65536, 65537, 1000000};

	open_files();
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		int fd = temporary(sizes[i]);

		ck_assert_int_eq(length_of(add(fd, sizes[i])), sizes[i]);
		uncache(fd);
		ck_assert_int_eq(length_of(add(fd, sizes[i])), sizes[i]);
		close(fd);
	}
	ck_assert_uint_eq(fetch_files_running(files), 0);
	close_files();
}
END_TEST

START_TEST(files_that_change)
{
	int fd = temporary(200000);

	open_files();
	/* It has grown. */
	ck_assert_int_eq(length_of(add(fd, 100000)), 100000);
	/* It has become shorter. */
	ck_assert_int_eq(length_of(add(fd, 200001)), -ESTALE);
	uncache(fd);
	ck_assert_int_eq(length_of(add(fd, 300000)), -ESTALE);
	ck_assert_int_eq(length_of(add(-1, 10)), -EBADF);
	ck_assert_uint_eq(fetch_files_running(files), 0);
	close(fd);
	close_files();
}
END_TEST

START_TEST(files_that_nobody_wants_any_more)
{
	static uint64_t ids[FETCH_FILES_MAX];
	struct rlimit many = {2 * FETCH_FILES_MAX, 2 * FETCH_FILES_MAX};
	int fd = temporary(100000);
	struct err err;
	const void *bytes;
	size_t len;
	uint64_t id;

	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &many), 0);
	uncache(fd);
	open_files();
	for (size_t i = 0; i < FETCH_FILES_MAX; i++)
		ids[i] = add(fd, 100000);
	ck_assert_int_eq(fetch_files_add(files, dup(fd), 1, &id, &err), -EMFILE);
	for (size_t i = 0; i < FETCH_FILES_MAX; i++) {
		if (i % 2)
			fetch_files_read(files, ids[i], &bytes, &len, &err);
		fetch_files_cancel(files, ids[i]);
		ck_assert_int_eq(
			fetch_files_read(files, ids[i], &bytes, &len, &err), FETCH_READ_FAILED);
	}
	told = 0;
	ck_assert_int_eq(loop_run(&loop, &err), 0);
	ck_assert_uint_eq(told, 0);
	/* The loop is closed with what still runs. */
	uncache(fd);
	fetch_files_read(files, add(fd, 100000), &bytes, &len, &err);
	close(fd);
	close_files();
}
END_TEST

UNIT_MAIN("fetch", proxies_by_scheme, proxies_that_cannot_be, hosts_without_a_proxy, heads,
	heads_that_are_none, codings_in_pieces, codings_that_are_wrong, files_of_a_bundle,
	files_in_pieces, files_that_change, files_that_nobody_wants_any_more)
