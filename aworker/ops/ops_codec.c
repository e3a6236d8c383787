/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ops of CompressionStream and DecompressionStream. JavaScript knows a stream by a number; one
 * that is forgotten in the middle is closed by a FinalizationRegistry. A step reads and writes a
 * bounded piece, so the consumer's pace decides how fast something is unpacked.
 */
#include "aworker/ops/ops.h"

#include <errno.h>
#include <stdint.h>

#include "aworker/codec/codec.h"

/* Streams at the same time, and what they may hold together. */
#define CODECS_MAX	  4096
#define CODECS_MEMORY_MAX ((size_t)256 << 20)
/* Of one step: input read, output written. */
#define CODEC_IN_MAX  ((size_t)1 << 20)
#define CODEC_OUT_MAX ((size_t)64 << 10)

struct slot {
	struct codec *codec; /* NULL: free */
	size_t memory;	     /* as it was counted last */
};

static struct {
	struct slot *slots; /* number - 1 */
	size_t n;
	size_t memory; /* of all */
} codecs;

static int fail(struct op_call *call, const struct err *err)
{
	return op_throw(call, err->code == EBADMSG ? "TypeError" : "RangeError", "%s", err->msg);
}

/* V8 is told, since it collects what is forgotten only when it believes that there is much. */
static void count(struct op_call *call, struct slot *s)
{
	size_t now = s->codec ? codec_memory(s->codec) : 0;
	int64_t change = (int64_t)now - (int64_t)s->memory;

	if (change == 0)
		return;
	codecs.memory += (size_t)change;
	s->memory = now;
	engine_external_memory(op_engine(call), change);
}

static void close_slot(struct op_call *call, struct slot *s)
{
	codec_destroy(s->codec);
	s->codec = NULL;
	count(call, s);
}

/* A free one, or NULL after op_throw(). */
static struct slot *find_slot(struct op_call *call)
{
	struct slot *more;
	size_t i = 0;

	while (i < codecs.n && codecs.slots[i].codec)
		i++;
	if (i < codecs.n)
		return &codecs.slots[i];
	if (i == CODECS_MAX) {
		op_throw(call, "RangeError",
			"more than %d streams are being compressed or decompressed", CODECS_MAX);
		return NULL;
	}
	more = reallocarray(codecs.slots, i + 1, sizeof(*more));
	if (!more) {
		op_throw(call, "RangeError", "out of memory");
		return NULL;
	}
	codecs.slots = more;
	codecs.slots[i] = (struct slot){.codec = NULL};
	codecs.n++;
	return &codecs.slots[i];
}

static int check_memory(struct op_call *call)
{
	if (codecs.memory <= CODECS_MEMORY_MAX)
		return 0;
	return op_throw(call, "RangeError",
		"streams that are compressed or decompressed hold more than %zu MiB",
		CODECS_MEMORY_MAX >> 20);
}

/* codecOpen(format, decompress): its number; the format as in enum codec_format */
static int op_codec_open(struct op_call *call)
{
	struct err err = ERR_INIT;
	struct slot *s;
	int64_t format;
	bool decompress;

	if (op_arg_i64(call, 0, &format) < 0 || op_arg_bool(call, 1, &decompress) < 0)
		return -1;
	if (format < 0 || format >= CODEC_FORMATS)
		return op_throw(call, "RangeError", "no such format");
	s = find_slot(call);
	if (!s)
		return -1;
	if (codec_create((enum codec_format)format, decompress, &s->codec, &err) < 0)
		return fail(call, &err);
	count(call, s);
	if (check_memory(call) < 0) {
		close_slot(call, s);
		return -1;
	}
	op_ret_f64(call, (double)(s - codecs.slots + 1));
	return 0;
}

static struct slot *slot_of(struct op_call *call, int i)
{
	int64_t id;

	if (op_arg_i64(call, i, &id) < 0)
		return NULL;
	if (id < 1 || (uint64_t)id > codecs.n || !codecs.slots[id - 1].codec) {
		op_throw(call, "RangeError", "no such stream");
		return NULL;
	}
	return &codecs.slots[id - 1];
}

/* codecClose(number) */
static int op_codec_close(struct op_call *call)
{
	struct slot *s = slot_of(call, 0);

	if (!s)
		return -1;
	close_slot(call, s);
	return 0;
}

/*
 * codecStep(number, input, last, progress): the output. progress, a Uint32Array(2), becomes the
 * bytes of the input that were read, and 1 when it must be stepped again before it gets more.
 */
static int op_codec_step(struct op_call *call)
{
	static uint8_t out[CODEC_OUT_MAX];
	struct codec_io io = {.out = out, .out_len = sizeof(out)};
	struct slot *s = slot_of(call, 0);
	struct err err = ERR_INIT;
	enum codec_state state;
	uint8_t *in, *progress;
	size_t in_len, progress_len;
	uint32_t result[2];

	if (!s || op_arg_bytes(call, 1, &in, &in_len) < 0 || op_arg_bool(call, 2, &io.last) < 0 ||
		op_arg_bytes(call, 3, &progress, &progress_len) < 0)
		return -1;
	if (progress_len != sizeof(result))
		return op_throw(call, "TypeError", "progress is not a Uint32Array(2)");
	io.in = in;
	io.in_len = in_len > CODEC_IN_MAX ? CODEC_IN_MAX : in_len;
	io.last = io.last && in_len <= CODEC_IN_MAX;
	if (codec_step(s->codec, &io, &state, &err) < 0)
		return fail(call, &err);
	result[0] = (uint32_t)(io.in - in);
	result[1] = state == CODEC_HAS_OUTPUT || result[0] < in_len;
	memcpy(progress, result, sizeof(result));
	op_ret_bytes(call, out, sizeof(out) - io.out_len);
	count(call, s);
	return check_memory(call);
}

const struct engine_op ops_codec[] = {
	{"codecOpen", op_codec_open},
	{"codecStep", op_codec_step},
	{"codecClose", op_codec_close},
	{NULL, NULL},
};
