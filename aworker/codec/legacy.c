/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state machines of the Encoding Standard. Each takes one byte, or END behind
 * the last one, and gives a code point or one of the words below; bytes that it
 * must see once more it puts back.
 */
#include "aworker/codec/legacy.h"

#include <errno.h>
#include <string.h>

#include "aworker/codec/legacy_priv.h"
#include "runtime/base/buf.h"
#include "runtime/base/err.h"
#include "runtime/base/util.h"

#define END (-1)

enum {
	MORE = -1,	/* nothing yet */
	MALFORMED = -2, /* one U+FFFD */
	FINISHED = -3,	/* the stream is over */
};

struct run {
	struct legacy_state *s;
	const uint8_t *p, *end;
	uint8_t back[4]; /* the last one is read first */
	unsigned n_back;
	int32_t combining; /* a second code point of the same bytes, or 0 */
};

static int next_byte(struct run *r)
{
	if (r->n_back)
		return r->back[--r->n_back];
	return r->p < r->end ? *r->p++ : END;
}

static void put_back(struct run *r, int byte)
{
	if (byte != END)
		r->back[r->n_back++] = (uint8_t)byte;
}

static bool within(int byte, int low, int high)
{
	return byte >= low && byte <= high;
}

static bool is_ascii(int byte)
{
	return within(byte, 0, 0x7f);
}

/* What a lead byte that has no character with `byte` behind it becomes; ASCII is not swallowed. */
static int32_t character(struct run *r, int32_t c, int byte)
{
	if (c >= 0)
		return c;
	if (is_ascii(byte))
		put_back(r, byte);
	return MALFORMED;
}

/* --- gb18030 --- */

static int32_t gb18030_four(uint32_t pointer)
{
	if (pointer >= 189000 && pointer <= 1237575)
		return (int32_t)(0x10000 + pointer - 189000);
	return pointer == 7457 ? 0xe7c7 : legacy_index_get(INDEX_GB18030_FOUR, pointer);
}

static int32_t gb18030_fourth(struct run *r, int byte)
{
	struct legacy_state s = *r->s;
	int32_t c;

	memset(r->s, 0, sizeof(*r->s));
	if (!within(byte, 0x30, 0x39)) {
		put_back(r, byte);
		put_back(r, s.third);
		put_back(r, s.second);
		return MALFORMED;
	}
	c = gb18030_four((((s.lead - 0x81u) * 10 + s.second - 0x30u) * 126 + s.third - 0x81u) * 10 +
			 (uint32_t)byte - 0x30u);
	return c < 0 ? MALFORMED : c;
}

static int32_t gb18030_third(struct run *r, int byte)
{
	if (within(byte, 0x81, 0xfe)) {
		r->s->third = (uint8_t)byte;
		return MORE;
	}
	put_back(r, byte);
	put_back(r, r->s->second);
	r->s->lead = r->s->second = 0;
	return MALFORMED;
}

static int32_t gb18030_second(struct run *r, int byte)
{
	uint32_t lead = r->s->lead;
	int32_t c = -1;

	if (within(byte, 0x30, 0x39)) {
		r->s->second = (uint8_t)byte;
		return MORE;
	}
	r->s->lead = 0;
	if (within(byte, 0x40, 0x7e) || within(byte, 0x80, 0xfe))
		c = legacy_index_get(INDEX_GB18030,
			(lead - 0x81) * 190 + (uint32_t)(byte - (byte < 0x7f ? 0x40 : 0x41)));
	return character(r, c, byte);
}

static int32_t step_gb18030(struct run *r, int byte)
{
	if (byte == END) {
		bool unfinished = r->s->lead != 0;

		memset(r->s, 0, sizeof(*r->s));
		return unfinished ? MALFORMED : FINISHED;
	}
	if (r->s->third)
		return gb18030_fourth(r, byte);
	if (r->s->second)
		return gb18030_third(r, byte);
	if (r->s->lead)
		return gb18030_second(r, byte);
	if (is_ascii(byte))
		return byte;
	if (byte == 0x80)
		return 0x20ac;
	if (byte == 0xff)
		return MALFORMED;
	r->s->lead = (uint8_t)byte;
	return MORE;
}

/* --- those with a lead byte and nothing else --- */

/* Takes what is there of a lead byte; 0: `byte` is the first of a character. */
static uint32_t take_lead(struct run *r)
{
	uint32_t lead = r->s->lead;

	r->s->lead = 0;
	return lead;
}

static int32_t start(struct run *r, int byte, bool is_lead)
{
	if (byte == END)
		return FINISHED;
	if (is_ascii(byte))
		return byte;
	if (!is_lead)
		return MALFORMED;
	r->s->lead = (uint8_t)byte;
	return MORE;
}

/* Pointers of Big5 that stand for a letter with a combining mark. */
static int32_t big5_combined(struct run *r, uint32_t pointer)
{
	switch (pointer) {
	case 1133: r->combining = 0x304; return 0xca;
	case 1135: r->combining = 0x30c; return 0xca;
	case 1164: r->combining = 0x304; return 0xea;
	case 1166: r->combining = 0x30c; return 0xea;
	default: return legacy_index_get(INDEX_BIG5, pointer);
	}
}

static int32_t step_big5(struct run *r, int byte)
{
	uint32_t lead = take_lead(r);
	int32_t c = -1;

	if (!lead)
		return start(r, byte, within(byte, 0x81, 0xfe));
	if (within(byte, 0x40, 0x7e) || within(byte, 0xa1, 0xfe))
		c = big5_combined(
			r, (lead - 0x81) * 157 + (uint32_t)(byte - (byte < 0x7f ? 0x40 : 0x62)));
	return character(r, c, byte);
}

static int32_t step_euc_kr(struct run *r, int byte)
{
	uint32_t lead = take_lead(r);
	int32_t c = -1;

	if (!lead)
		return start(r, byte, within(byte, 0x81, 0xfe));
	if (within(byte, 0x41, 0xfe))
		c = legacy_index_get(INDEX_EUC_KR, (lead - 0x81) * 190 + (uint32_t)byte - 0x41);
	return character(r, c, byte);
}

static int32_t step_shift_jis(struct run *r, int byte)
{
	uint32_t lead = take_lead(r), pointer;
	int32_t c = -1;

	if (!lead) {
		if (byte == 0x80)
			return byte;
		if (within(byte, 0xa1, 0xdf))
			return 0xff61 - 0xa1 + byte;
		return start(r, byte, within(byte, 0x81, 0x9f) || within(byte, 0xe0, 0xfc));
	}
	if (within(byte, 0x40, 0x7e) || within(byte, 0x80, 0xfc)) {
		pointer = (lead - (lead < 0xa0 ? 0x81 : 0xc1)) * 188 +
			  (uint32_t)(byte - (byte < 0x7f ? 0x40 : 0x41));
		/* The rows for users. */
		c = pointer >= 8836 && pointer <= 10715 ? (int32_t)(0xe000 - 8836 + pointer)
							: legacy_index_get(INDEX_JIS0208, pointer);
	}
	return character(r, c, byte);
}

static int32_t step_euc_jp(struct run *r, int byte)
{
	uint32_t lead = take_lead(r);
	bool jis0212 = r->s->flag;
	int32_t c = -1;

	if (!lead)
		return start(r, byte, byte == 0x8e || byte == 0x8f || within(byte, 0xa1, 0xfe));
	if (lead == 0x8e && within(byte, 0xa1, 0xdf))
		return 0xff61 - 0xa1 + byte;
	if (lead == 0x8f && within(byte, 0xa1, 0xfe)) {
		r->s->flag = true;
		r->s->lead = (uint8_t)byte;
		return MORE;
	}
	r->s->flag = false;
	if (within((int)lead, 0xa1, 0xfe) && within(byte, 0xa1, 0xfe))
		c = legacy_index_get(jis0212 ? INDEX_JIS0212 : INDEX_JIS0208,
			(lead - 0xa1) * 94 + (uint32_t)byte - 0xa1);
	return character(r, c, byte);
}

/* --- ISO-2022-JP --- */

enum {
	JP_ASCII,
	JP_ROMAN,
	JP_KATAKANA,
	JP_LEAD,
	JP_TRAIL,
	JP_ESCAPE_START,
	JP_ESCAPE,
};
#define ESC 0x1b

static int32_t jp_single(struct run *r, int byte)
{
	int mode = r->s->mode;

	r->s->flag = false;
	if (mode == JP_KATAKANA)
		return within(byte, 0x21, 0x5f) ? 0xff61 - 0x21 + byte : MALFORMED;
	if (!is_ascii(byte) || byte == 0x0e || byte == 0x0f)
		return MALFORMED;
	if (mode == JP_ROMAN && byte == 0x5c)
		return 0xa5;
	return mode == JP_ROMAN && byte == 0x7e ? 0x203e : byte;
}

static int32_t jp_lead(struct run *r, int byte)
{
	r->s->flag = false;
	if (!within(byte, 0x21, 0x7e))
		return MALFORMED;
	r->s->lead = (uint8_t)byte;
	r->s->mode = JP_TRAIL;
	return MORE;
}

static int32_t jp_trail(struct run *r, int byte)
{
	uint32_t lead = take_lead(r);
	int32_t c = -1;

	r->s->mode = byte == ESC ? JP_ESCAPE_START : JP_LEAD;
	if (within(byte, 0x21, 0x7e))
		c = legacy_index_get(INDEX_JIS0208, (lead - 0x21) * 94 + (uint32_t)byte - 0x21);
	return c < 0 ? MALFORMED : c;
}

/* No escape sequence: what followed ESC is text. */
static int32_t jp_no_escape(struct run *r, int lead, int byte)
{
	put_back(r, byte);
	put_back(r, lead);
	r->s->flag = false;
	r->s->mode = r->s->output_mode;
	return MALFORMED;
}

static int32_t jp_escape(struct run *r, int byte)
{
	int lead = (int)take_lead(r), mode = -1;
	bool twice = r->s->flag;

	if (lead == 0x28 && byte == 0x42)
		mode = JP_ASCII;
	else if (lead == 0x28 && byte == 0x4a)
		mode = JP_ROMAN;
	else if (lead == 0x28 && byte == 0x49)
		mode = JP_KATAKANA;
	else if (lead == 0x24 && (byte == 0x40 || byte == 0x42))
		mode = JP_LEAD;
	if (mode < 0)
		return jp_no_escape(r, lead, byte);
	r->s->mode = r->s->output_mode = (uint8_t)mode;
	r->s->flag = true;
	return twice ? MALFORMED : MORE;
}

static int32_t step_iso_2022_jp(struct run *r, int byte)
{
	switch (r->s->mode) {
	case JP_TRAIL: return jp_trail(r, byte);
	case JP_ESCAPE: return jp_escape(r, byte);
	case JP_ESCAPE_START:
		if (byte != 0x24 && byte != 0x28)
			return jp_no_escape(r, END, byte);
		r->s->lead = (uint8_t)byte;
		r->s->mode = JP_ESCAPE;
		return MORE;
	}
	if (byte == END)
		return FINISHED;
	if (byte == ESC) {
		r->s->mode = JP_ESCAPE_START;
		return MORE;
	}
	return r->s->mode == JP_LEAD ? jp_lead(r, byte) : jp_single(r, byte);
}

/* --- all of them --- */

static const struct {
	int32_t (*step)(struct run *r, int byte);
	enum legacy_index index, second;
} decoders[LEGACY_ENCODINGS] = {
	[LEGACY_GB18030] = {step_gb18030, INDEX_GB18030, INDEX_GB18030_FOUR},
	[LEGACY_BIG5] = {step_big5, INDEX_BIG5, INDEX_BIG5},
	[LEGACY_EUC_JP] = {step_euc_jp, INDEX_JIS0208, INDEX_JIS0212},
	[LEGACY_ISO_2022_JP] = {step_iso_2022_jp, INDEX_JIS0208, INDEX_JIS0208},
	[LEGACY_SHIFT_JIS] = {step_shift_jis, INDEX_JIS0208, INDEX_JIS0208},
	[LEGACY_EUC_KR] = {step_euc_kr, INDEX_EUC_KR, INDEX_EUC_KR},
};

/* Bytes that the state holds back and that may come out of a call besides its own. */
#define HELD_MAX 4

static uint8_t *put_unit(uint8_t *to, uint32_t unit)
{
	to[0] = (uint8_t)unit;
	to[1] = (uint8_t)(unit >> 8);
	return to + 2;
}

static uint8_t *put_code_point(uint8_t *to, uint32_t c)
{
	if (c < 0x10000)
		return put_unit(to, c);
	to = put_unit(to, 0xd800 + ((c - 0x10000) >> 10));
	return put_unit(to, 0xdc00 + (c & 0x3ff));
}

int legacy_decode(enum legacy_encoding encoding, struct legacy_state *state, const uint8_t *bytes,
	size_t len, bool flush, bool fatal, struct buf *units, struct err *err)
{
	struct run r = {.s = state, .p = bytes, .end = bytes + len};
	uint8_t *to;
	int32_t c;
	int rc;

	rc = legacy_index_open(decoders[encoding].index, err);
	if (rc == 0)
		rc = legacy_index_open(decoders[encoding].second, err);
	if (rc < 0)
		return rc;
	/* No byte becomes more than one unit of UTF-16. */
	to = len > SIZE_MAX / 4 ? NULL : buf_extend(units, (len + HELD_MAX) * 2);
	if (!to)
		return err_set(err, ENOMEM, "the text");
	for (;;) {
		int byte = next_byte(&r);

		if (byte == END && !flush)
			break;
		c = decoders[encoding].step(&r, byte);
		if (c == FINISHED)
			break;
		if (c == MALFORMED && fatal)
			return err_say(err, EILSEQ, "The encoded data was not valid");
		if (c == MORE)
			continue;
		to = put_code_point(to, c == MALFORMED ? 0xfffd : (uint32_t)c);
		if (r.combining) {
			to = put_code_point(to, (uint32_t)r.combining);
			r.combining = 0;
		}
	}
	if (flush)
		memset(state, 0, sizeof(*state));
	units->len = (size_t)((char *)to - units->data);
	return 0;
}
