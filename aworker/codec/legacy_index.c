/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The indexes of the Encoding Standard, from ICU's converters: a pointer becomes
 * the bytes that it stands for, and these become a character once, when somebody
 * first needs it. A table is some ten thousand cells, of which a text touches a few
 * pages. Both stay with the process, and with its clones.
 */
#include "aworker/codec/legacy_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <unicode/ucnv.h>
#include <unicode/utf16.h>

#include "runtime/base/err.h"
#include "runtime/base/util.h"

#define NONE UINT32_MAX /* a cell of what is no character; 0: not looked up yet */

struct fix {
	uint16_t bytes;
	uint16_t to;
};

static size_t pair(uint8_t *out, uint32_t lead, uint32_t trail)
{
	out[0] = (uint8_t)lead;
	out[1] = (uint8_t)trail;
	return 2;
}

static size_t bytes_of_gb18030(uint32_t p, uint8_t *out)
{
	uint32_t trail = p % 190;

	return pair(out, p / 190 + 0x81, trail + (trail < 0x3f ? 0x40 : 0x41));
}

static size_t bytes_of_four(uint32_t p, uint8_t *out)
{
	out[0] = (uint8_t)(p / 12600 + 0x81);
	out[1] = (uint8_t)(p / 1260 % 10 + 0x30);
	out[2] = (uint8_t)(p / 10 % 126 + 0x81);
	out[3] = (uint8_t)(p % 10 + 0x30);
	return 4;
}

static size_t bytes_of_big5(uint32_t p, uint8_t *out)
{
	uint32_t trail = p % 157;

	return pair(out, p / 157 + 0x81, trail + (trail < 0x3f ? 0x40 : 0x62));
}

static size_t bytes_of_jis0208(uint32_t p, uint8_t *out)
{
	uint32_t lead = p / 188, trail = p % 188;

	return pair(out, lead + (lead < 0x1f ? 0x81 : 0xc1), trail + (trail < 0x3f ? 0x40 : 0x41));
}

static size_t bytes_of_jis0212(uint32_t p, uint8_t *out)
{
	out[0] = 0x8f;
	return 1 + pair(out + 1, p / 94 + 0xa1, p % 94 + 0xa1);
}

static size_t bytes_of_euc_kr(uint32_t p, uint8_t *out)
{
	return pair(out, p / 190 + 0x81, p % 190 + 0x41);
}

/* GB 18030 of 2022: what had no code point before has one; and an ideographic space of old. */
static const struct fix gb18030_fixes[] = {
	{0xa3a0, 0x3000},
	{0xa6d9, 0xfe10},
	{0xa6da, 0xfe12},
	{0xa6db, 0xfe11},
	{0xa6dc, 0xfe13},
	{0xa6dd, 0xfe14},
	{0xa6de, 0xfe15},
	{0xa6df, 0xfe16},
	{0xa6ec, 0xfe17},
	{0xa6ed, 0xfe18},
	{0xa6f3, 0xfe19},
	{0xfe59, 0x9fb4},
	{0xfe61, 0x9fb5},
	{0xfe66, 0x9fb6},
	{0xfe67, 0x9fb7},
	{0xfe6d, 0x9fb8},
	{0xfe7e, 0x9fb9},
	{0xfe90, 0x9fba},
	{0xfea0, 0x9fbb},
};

/* The standard's Big5 is that of browsers: with HKSCS of 2008, its duplicates and the extensions of ETEN. */
static const struct fix big5_fixes[] = {
	{0x87a4, 0x9f97},
	{0x87ac, 0x9f96},
	{0x8840, 0x31c0},
	{0x8841, 0x31c1},
	{0x8842, 0x31c2},
	{0x8843, 0x31c3},
	{0x8844, 0x31c4},
	{0x8846, 0x31c5},
	{0x8849, 0x31c6},
	{0x884a, 0x31c7},
	{0x884d, 0x31c8},
	{0x884f, 0x31c9},
	{0x8850, 0x31ca},
	{0x8851, 0x31cb},
	{0x8852, 0x31cc},
	{0x8854, 0x31cd},
	{0x8855, 0x31ce},
	{0x88a9, 0x23da},
	{0x88aa, 0x23db},
	{0x8c43, 0x9fa6},
	{0x8c6d, 0x9fa7},
	{0x8c74, 0x9fa8},
	{0x8cb7, 0x9fa9},
	{0x8cb9, 0x9faa},
	{0x8cbb, 0x9fab},
	{0x8cc0, 0x9fac},
	{0x8cd7, 0x9fad},
	{0x8cd8, 0x9fae},
	{0x8cda, 0x9faf},
	{0x8ced, 0x9fb2},
	{0x8d48, 0x9fb3},
	{0x8e69, 0x7bb8},
	{0x8e6f, 0x7c06},
	{0x8e7e, 0x7cce},
	{0x8eab, 0x7dd2},
	{0x8eb4, 0x7e1d},
	{0x8ecd, 0x8005},
	{0x8ed0, 0x8028},
	{0x8f57, 0x83c1},
	{0x8f69, 0x84a8},
	{0x8f6e, 0x840f},
	{0x8fcb, 0x89a6},
	{0x8fcc, 0x89a9},
	{0x8ffe, 0x8d77},
	{0x906d, 0x90fd},
	{0x907a, 0x92b9},
	{0x90dc, 0x975c},
	{0x90f1, 0x97ff},
	{0x91bf, 0x9f16},
	{0x9244, 0x8503},
	{0x92af, 0x5159},
	{0x92b0, 0x515b},
	{0x92b1, 0x515d},
	{0x92b2, 0x515e},
	{0x92c8, 0x936e},
	{0x92d1, 0x7479},
	{0x9447, 0x6d67},
	{0x94ca, 0x799b},
	{0x95d9, 0x9097},
	{0x9644, 0x975d},
	{0x96ed, 0x701e},
	{0x96fc, 0x5b28},
	{0x9b76, 0x7201},
	{0x9b78, 0x77d7},
	{0x9b7b, 0x7e87},
	{0x9bc6, 0x99d6},
	{0x9bde, 0x91d4},
	{0x9bec, 0x60de},
	{0x9bf6, 0x6fb6},
	{0x9c42, 0x8f36},
	{0x9c53, 0x4fbb},
	{0x9c62, 0x71df},
	{0x9c68, 0x9104},
	{0x9c6b, 0x9df0},
	{0x9c77, 0x83cf},
	{0x9cbc, 0x5c10},
	{0x9cbd, 0x79e3},
	{0x9cd0, 0x5a67},
	{0x9d57, 0x8f0b},
	{0x9d5a, 0x7b51},
	{0x9dc4, 0x62d0},
	{0x9ea9, 0x6062},
	{0x9eef, 0x75f9},
	{0x9efd, 0x6c4a},
	{0x9f60, 0x9b2e},
	{0x9f66, 0x9f17},
	{0x9fcb, 0x50ed},
	{0x9fd8, 0x5f0c},
	{0xa063, 0x880f},
	{0xa077, 0x62ce},
	{0xa0d5, 0x7468},
	{0xa0df, 0x7162},
	{0xa0e4, 0x7250},
	{0xa3c0, 0x2400},
	{0xa3c1, 0x2401},
	{0xa3c2, 0x2402},
	{0xa3c3, 0x2403},
	{0xa3c4, 0x2404},
	{0xa3c5, 0x2405},
	{0xa3c6, 0x2406},
	{0xa3c7, 0x2407},
	{0xa3c8, 0x2408},
	{0xa3c9, 0x2409},
	{0xa3ca, 0x240a},
	{0xa3cb, 0x240b},
	{0xa3cc, 0x240c},
	{0xa3cd, 0x240d},
	{0xa3ce, 0x240e},
	{0xa3cf, 0x240f},
	{0xa3d0, 0x2410},
	{0xa3d1, 0x2411},
	{0xa3d2, 0x2412},
	{0xa3d3, 0x2413},
	{0xa3d4, 0x2414},
	{0xa3d5, 0x2415},
	{0xa3d6, 0x2416},
	{0xa3d7, 0x2417},
	{0xa3d8, 0x2418},
	{0xa3d9, 0x2419},
	{0xa3da, 0x241a},
	{0xa3db, 0x241b},
	{0xa3dc, 0x241c},
	{0xa3dd, 0x241d},
	{0xa3de, 0x241e},
	{0xa3df, 0x241f},
	{0xa3e0, 0x2421},
	{0xc6cf, 0x5ef4},
	{0xc6d3, 0x65e0},
	{0xc6d5, 0x7676},
	{0xc6d7, 0x96b6},
	{0xc6de, 0x3003},
	{0xc6df, 0x4edd},
	{0xc879, 0x31cf},
	{0xc8a1, 0x9fb0},
	{0xc8a3, 0x9fb1},
	{0xfa5f, 0x5029},
	{0xfa66, 0x507d},
	{0xfabd, 0x5305},
	{0xfac5, 0x5344},
	{0xfad5, 0x537f},
	{0xfb48, 0x5605},
	{0xfbb8, 0x5a77},
	{0xfbf3, 0x5e75},
	{0xfbf9, 0x5ed0},
	{0xfc4f, 0x5f58},
	{0xfc6c, 0x60a4},
	{0xfcb9, 0x6490},
	{0xfce2, 0x6674},
	{0xfcf1, 0x675e},
	{0xfdb7, 0x6c9c},
	{0xfdb8, 0x6e1d},
	{0xfdbb, 0x6e2f},
	{0xfdf1, 0x716e},
	{0xfe52, 0x732a},
	{0xfe6f, 0x745c},
	{0xfeaa, 0x74e9},
	{0xfedd, 0x7809},
};

static struct {
	const char *converter; /* of ICU */
	uint32_t pointers;
	size_t (*bytes_of)(uint32_t pointer, uint8_t *out);
	const struct fix *fixes;
	size_t n_fixes;
	UConverter *icu;
	uint32_t *cells;
} indexes[LEGACY_INDEXES] = {
	[INDEX_GB18030] = {"gb18030", 126 * 190, bytes_of_gb18030, gb18030_fixes,
		ARRAY_SIZE(gb18030_fixes), NULL, NULL},
	[INDEX_GB18030_FOUR] = {"gb18030", 39420, bytes_of_four, NULL, 0, NULL, NULL},
	[INDEX_BIG5] = {"Big5-HKSCS", 126 * 157, bytes_of_big5, big5_fixes, ARRAY_SIZE(big5_fixes),
		NULL, NULL},
	[INDEX_JIS0208] = {"ibm-943_P15A-2003", 60 * 188, bytes_of_jis0208, NULL, 0, NULL, NULL},
	[INDEX_JIS0212] = {"EUC-JP", 94 * 94, bytes_of_jis0212, NULL, 0, NULL, NULL},
	[INDEX_EUC_KR] = {"windows-949", 126 * 190, bytes_of_euc_kr, NULL, 0, NULL, NULL},
};

int legacy_index_open(enum legacy_index index, struct err *err)
{
	const char *name = indexes[index].converter;
	UErrorCode status = U_ZERO_ERROR;
	UConverter *icu;

	if (indexes[index].cells)
		return 0;
	icu = ucnv_open(name, &status);
	if (U_SUCCESS(status))
		ucnv_setToUCallBack(icu, UCNV_TO_U_CALLBACK_STOP, NULL, NULL, NULL, &status);
	if (U_FAILURE(status)) {
		ucnv_close(icu);
		return err_say(err, ENOENT, "the encoding '%s' is not in ICU: %s", name,
			u_errorName(status));
	}
	indexes[index].cells = calloc(indexes[index].pointers, sizeof(uint32_t));
	if (!indexes[index].cells) {
		ucnv_close(icu);
		return err_set(err, ENOMEM, "the table of '%s'", name);
	}
	indexes[index].icu = icu;
	return 0;
}

static int compare_fix(const void *key, const void *member)
{
	return (int)*(const uint16_t *)key - (int)((const struct fix *)member)->bytes;
}

static uint32_t ask_icu(UConverter *icu, const uint8_t *bytes, size_t len)
{
	UErrorCode status = U_ZERO_ERROR;
	UChar units[4];
	int32_t n;

	ucnv_reset(icu);
	n = ucnv_toUChars(
		icu, units, ARRAY_SIZE(units), (const char *)bytes, (int32_t)len, &status);
	if (U_FAILURE(status))
		return NONE;
	if (n == 1 && !U16_IS_SURROGATE(units[0]))
		return units[0];
	if (n == 2 && U16_IS_LEAD(units[0]) && U16_IS_TRAIL(units[1]))
		return (uint32_t)U16_GET_SUPPLEMENTARY(units[0], units[1]);
	return NONE;
}

/* Characters of ICU that the standard does not have: private ones, and IBM's in JIS X 0212. */
static bool is_foreign(enum legacy_index index, uint32_t c)
{
	if (index == INDEX_GB18030 || index == INDEX_GB18030_FOUR)
		return false;
	if (c >= 0xe000 && c <= 0xf8ff)
		return true;
	return index == INDEX_JIS0212 && ((c >= 0x2160 && c <= 0x2179) || c == 0x3231);
}

static uint32_t look_up(enum legacy_index index, uint32_t pointer)
{
	const struct fix *fix = NULL;
	uint8_t bytes[4];
	size_t len = indexes[index].bytes_of(pointer, bytes);
	uint16_t key = (uint16_t)(bytes[0] << 8 | bytes[1]);
	uint32_t c;

	if (indexes[index].n_fixes)
		fix = bsearch(&key, indexes[index].fixes, indexes[index].n_fixes, sizeof(*fix),
			compare_fix);
	if (fix)
		return fix->to;
	c = ask_icu(indexes[index].icu, bytes, len);
	return is_foreign(index, c) ? NONE : c;
}

int32_t legacy_index_get(enum legacy_index index, uint32_t pointer)
{
	uint32_t *cell;

	if (pointer >= indexes[index].pointers)
		return -1;
	cell = &indexes[index].cells[pointer];
	if (*cell == 0)
		*cell = look_up(index, pointer);
	return *cell == NONE ? -1 : (int32_t)*cell;
}
