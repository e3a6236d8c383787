/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins the HTTP client, files and JavaScript (aworker/js/fetch.js). Each comes into being with the
 * first fetch that needs it and goes with the loop. What is fetched has an id, and its body is read
 * in one way, whatever it is.
 */
#include <errno.h>
#include <openssl/evp.h>
#include <unistd.h>

#include "aworker/aio/aio.h"
#include "aworker/fetch/fetch.h"
#include "aworker/fetch/fetch_file.h"
#include "aworker/fetch/fetch_files.h"
#include "aworker/ops/ops.h"
#include "aworker/worker.h"
#include "aworker/worker_priv.h"
#include "runtime/base/fd.h"
#include "runtime/base/util.h"

/* A file up to this size that is in the page cache is given whole. */
#define FILE_WHOLE_MAX FETCH_PIECE_MAX

struct fetch_bridge {
	struct fetch_client *client; /* with the first request */
	struct fetch_files *files;   /* with the first file that is given in pieces */
	char *root;		     /* where files may be; with the first file */
	int root_fd;
	struct engine_value *head;
	struct engine_value *readable;
	struct engine_value *writable;
	struct engine_value *failed;
};

/* --- from the client --- */

static void on_head(void *data, uint64_t id, const struct fetch_head *h)
{
	struct worker *w = data;
	struct engine *e = w->engine;
	struct engine_value *argv[] = {
		engine_number(e, (double)id),
		engine_number(e, h->status),
		engine_latin1(e, h->reason, h->reason_len),
		engine_latin1_array(e, h->strings, h->lens, h->n_strings),
		engine_string(e, h->protocol, strlen(h->protocol)),
	};

	if (worker_call(w, w->fetch->head, ARRAY_SIZE(argv), argv) < 0)
		fetch_cancel(w->fetch->client, id);
}

static void on_readable(void *data, uint64_t id)
{
	struct worker *w = data;

	worker_call_number(w, w->fetch->readable, (double)id);
}

static void on_writable(void *data, uint64_t id)
{
	struct worker *w = data;

	worker_call_number(w, w->fetch->writable, (double)id);
}

static void on_failed(void *data, uint64_t id, const char *code, const char *message)
{
	struct worker *w = data;
	struct engine_value *argv[] = {
		engine_number(w->engine, (double)id),
		engine_string(w->engine, code, strlen(code)),
		engine_string(w->engine, message, strlen(message)),
	};

	worker_call(w, w->fetch->failed, ARRAY_SIZE(argv), argv);
}

static const struct fetch_handler handler = {
	.head = on_head,
	.readable = on_readable,
	.writable = on_writable,
	.failed = on_failed,
};

static int create(struct worker *w, struct err *err)
{
	struct fetch_bridge *b;

	if (w->fetch)
		return 0;
	b = calloc(1, sizeof(*b));
	if (!b)
		return err_oom(err);
	b->root_fd = -1;
	b->head = engine_internal_function(w->engine, "fetchHead");
	b->readable = engine_internal_function(w->engine, "fetchReadable");
	b->writable = engine_internal_function(w->engine, "fetchWritable");
	b->failed = engine_internal_function(w->engine, "fetchFailed");
	w->fetch = b;
	return 0;
}

static int need_client(struct worker *w, struct err *err)
{
	if (create(w, err) < 0)
		return -err->code;
	return w->fetch->client
		       ? 0
		       : fetch_client_create(&w->loop, w->env, &handler, w, &w->fetch->client, err);
}

static int need_files(struct worker *w, struct err *err)
{
	struct aio *aio;

	if (create(w, err) < 0)
		return -err->code;
	if (w->fetch->files)
		return 0;
	if (worker_aio(w, &aio, err) < 0)
		return -err->code;
	return fetch_files_create(aio, on_readable, w, &w->fetch->files, err);
}

static int need_root(struct worker *w, struct err *err)
{
	if (create(w, err) < 0)
		return -err->code;
	if (!w->fetch->root)
		w->fetch->root = fetch_file_root(w->name);
	return w->fetch->root ? 0 : err_oom(err);
}

void fetch_bridge_destroy(struct worker *w)
{
	struct fetch_bridge *b = w->fetch;

	if (!b)
		return;
	fetch_client_destroy(b->client);
	fetch_files_destroy(b->files);
	fd_close(&b->root_fd);
	free(b->root);
	engine_release(w->engine, b->head);
	engine_release(w->engine, b->readable);
	engine_release(w->engine, b->writable);
	engine_release(w->engine, b->failed);
	free(b);
	w->fetch = NULL;
}

size_t fetch_bridge_running(const struct worker *w)
{
	return w->fetch ? fetch_client_running(w->fetch->client) +
				  fetch_files_running(w->fetch->files)
			: 0;
}

int fetch_bridge_take_file(struct worker *w, uint64_t id, uint64_t *ret_size)
{
	return w->fetch ? fetch_files_take(w->fetch->files, id, ret_size) : -1;
}

/* --- to the client --- */

static struct fetch_client *client_of(struct op_call *c)
{
	struct worker *w = op_data(c);

	return w && w->fetch ? w->fetch->client : NULL;
}

static struct fetch_files *files_of(struct op_call *c)
{
	struct worker *w = op_data(c);

	return w && w->fetch ? w->fetch->files : NULL;
}

static int arg_id(struct op_call *c, uint64_t *ret)
{
	int64_t id;

	if (op_arg_i64(c, 0, &id) < 0)
		return -1;
	*ret = id > 0 ? (uint64_t)id : 0;
	return 0;
}

/* Argument 3: nothing, bytes, or true for a stream. */
static int arg_body(struct op_call *c, struct fetch_request *r)
{
	uint8_t *bytes;
	bool is_stream = true;

	if (op_arg_is_nullish(c, 3))
		return 0;
	if (op_arg_kind(c, 3) == ENGINE_KIND_PRIMITIVE) {
		r->body = FETCH_BODY_STREAM;
		return op_arg_bool(c, 3, &is_stream);
	}
	r->body = FETCH_BODY_BYTES;
	if (op_arg_bytes(c, 3, &bytes, &r->n_bytes) < 0)
		return -1;
	r->bytes = bytes;
	return 0;
}

/* (method, url, headers, body): the id of the transfer */
static int op_fetch_start(struct op_call *c)
{
	struct worker *w = op_data(c);
	struct fetch_request r = {.body = FETCH_BODY_NONE};
	_cleanup_free_ char *method = NULL, *url = NULL;
	struct err err = ERR_INIT;
	const char *text, *method_text;
	size_t len, method_len;
	uint64_t id;

	if (op_arg_latin1(c, 0, &method_text, &method_len) < 0)
		return -1;
	method = strndup(method_text, method_len);
	if (op_arg_string(c, 1, &text, &len) < 0)
		return -1;
	url = strndup(text, len);
	if (op_arg_latin1_array(c, 2, &r.strings, &r.lens, &r.n_strings) < 0 || arg_body(c, &r) < 0)
		return -1;
	if (!w || !loop_is_open(&w->loop))
		return op_throw(c, "TypeError", "nothing can be fetched before the worker runs");
	if (!method || !url)
		return op_throw(c, "RangeError", "out of memory");
	r.method = method;
	r.url = url;
	if (need_client(w, &err) < 0 || fetch_start(w->fetch->client, &r, &id, &err) < 0)
		return op_throw(c, "TypeError", "%s", err.msg);
	op_ret_f64(c, (double)id);
	return 0;
}

/* (id): bytes, true at the end, undefined when internals.fetchReadable will tell */
static int op_fetch_read(struct op_call *c)
{
	struct err failure = ERR_INIT;
	enum fetch_read r;
	const void *bytes;
	uint64_t id;
	size_t len;

	if (arg_id(c, &id) < 0)
		return -1;
	if (id >= FETCH_FILES_FIRST_ID)
		r = fetch_files_read(files_of(c), id, &bytes, &len, &failure);
	else
		r = fetch_read(client_of(c), id, &bytes, &len, &failure);
	switch (r) {
	case FETCH_READ_PIECE: op_ret_bytes(c, bytes, len); break;
	case FETCH_READ_END: op_ret_bool(c, true); break;
	case FETCH_READ_WAIT: break;
	case FETCH_READ_FAILED: return op_throw(c, "TypeError", "%s", failure.msg);
	}
	return 0;
}

/* (id, bytes): how many bytes wait; -1: no more are wanted */
static int op_fetch_write(struct op_call *c)
{
	uint8_t *bytes;
	uint64_t id;
	size_t len;

	if (arg_id(c, &id) < 0 || op_arg_bytes(c, 1, &bytes, &len) < 0)
		return -1;
	op_ret_f64(c, (double)fetch_write(client_of(c), id, bytes, len));
	return 0;
}

static int op_fetch_end(struct op_call *c)
{
	uint64_t id;

	if (arg_id(c, &id) < 0)
		return -1;
	fetch_end(client_of(c), id);
	return 0;
}

static int op_fetch_cancel(struct op_call *c)
{
	uint64_t id;

	if (arg_id(c, &id) < 0)
		return -1;
	if (id >= FETCH_FILES_FIRST_ID)
		fetch_files_cancel(files_of(c), id);
	else
		fetch_cancel(client_of(c), id);
	return 0;
}

/* --- files --- */

/* The file of argument 0, opened. */
static int arg_file(struct op_call *c, int *ret_fd, uint64_t *ret_size)
{
	struct worker *w = op_data(c);
	_cleanup_free_ char *path = NULL;
	struct err err = ERR_INIT;
	const char *text;
	size_t len;

	if (op_arg_latin1(c, 0, &text, &len) < 0)
		return -1;
	path = strndup(text, len);
	if (!path)
		return op_throw(c, "RangeError", "out of memory");
	if (!w || !w->options.file || !w->name)
		return op_throw(c, "TypeError", "code that is no file has no files beside it");
	if (!loop_is_open(&w->loop))
		return op_throw(c, "TypeError", "nothing can be fetched before the worker runs");
	if (memchr(text, 0, len))
		return op_throw(c, "TypeError", "its name has NUL in it");
	/* Whoever starts from a state image would not see that it has changed. */
	if (w->rest != REST_NOT_WANTED && modules_remember(w, path, &err) < 0)
		return op_throw(c, "RangeError", "%s", err.msg);
	if (need_root(w, &err) < 0 || fetch_file_open(w->fetch->root, &w->fetch->root_fd, path,
					      ret_fd, ret_size, &err) < 0)
		return op_throw(c, "TypeError", "%s", err.msg);
	return 0;
}

/* False: it has to be read in pieces. */
static bool ret_whole(struct op_call *c, int fd, uint64_t size)
{
	_cleanup_free_ char *bytes = size <= FILE_WHOLE_MAX ? malloc(size + 1) : NULL;
	size_t n;

	if (!bytes || !aio_read_cached(fd, bytes, size, 0, &n) || n < size)
		return false;
	op_ret_bytes_given(c, take_ptr(&bytes), size);
	return true;
}

/*
 * (path, whether its bytes are wanted): all of them; or [id, size, whether it is short and in the page
 * cache]. The id is 0 without bytes.
 */
static int op_fetch_file(struct op_call *c)
{
	struct worker *w = op_data(c);
	_cleanup_close_ int fd = -1;
	struct err err = ERR_INIT;
	uint64_t size, id = 0;
	bool wanted, at_hand;

	if (op_arg_bool(c, 1, &wanted) < 0 || arg_file(c, &fd, &size) < 0)
		return -1;
	at_hand = wanted && size > 0 && size <= FILE_WHOLE_MAX && aio_is_cached(fd, size);
	if (wanted && !at_hand && ret_whole(c, fd, size))
		return 0;
	if (wanted && (need_files(w, &err) < 0 ||
			      fetch_files_add(w->fetch->files, take_fd(&fd), size, &id, &err) < 0))
		return op_throw(c, "TypeError", "%s", err.msg);
	op_ret_f64_array(c, (const double[]){(double)id, (double)size, at_hand}, 3);
	return 0;
}

/* (id): the bytes of one that is at hand; fewer when it has become shorter. The id is gone. */
static int op_fetch_file_bytes(struct op_call *c)
{
	struct worker *w = op_data(c);
	_cleanup_free_ char *bytes = NULL;
	_cleanup_close_ int fd = -1;
	uint64_t id, size = 0;
	ssize_t n;

	if (arg_id(c, &id) < 0)
		return -1;
	fd = w ? fetch_bridge_take_file(w, id, &size) : -1;
	bytes = malloc(size + 1);
	n = fd < 0 ? -1 : bytes ? pread(fd, bytes, size, 0) : -1;
	if (n < 0)
		return op_throw(c, "TypeError", "the file cannot be read");
	op_ret_bytes_given(c, take_ptr(&bytes), (size_t)n);
	return 0;
}

/* ("sha256", bytes): the digest in base64 */
static int op_fetch_digest(struct op_call *c)
{
	unsigned char digest[EVP_MAX_MD_SIZE], text[EVP_MAX_MD_SIZE * 2];
	const char *name;
	char algorithm[8] = "";
	uint8_t *bytes;
	size_t len, n = 0;
	int text_len;

	if (op_arg_latin1(c, 0, &name, &len) < 0)
		return -1;
	memcpy(algorithm, name, len < sizeof(algorithm) ? len : sizeof(algorithm) - 1);
	if (op_arg_bytes(c, 1, &bytes, &len) < 0)
		return -1;
	if (EVP_Q_digest(NULL, algorithm, NULL, bytes, len, digest, &n) != 1)
		return op_throw(c, "TypeError", "'%s' is no digest", algorithm);
	text_len = EVP_EncodeBlock(text, digest, (int)n);
	op_ret_latin1(c, (const char *)text, (size_t)text_len);
	return 0;
}

const struct engine_op ops_fetch[] = {
	{"fetchStart", op_fetch_start},
	{"fetchRead", op_fetch_read},
	{"fetchWrite", op_fetch_write},
	{"fetchEnd", op_fetch_end},
	{"fetchCancel", op_fetch_cancel},
	{"fetchFile", op_fetch_file},
	{"fetchFileBytes", op_fetch_file_bytes},
	{"fetchDigest", op_fetch_digest},
	{NULL, NULL},
};
