/* SPDX-License-Identifier: Apache-2.0 */
/* Cores: whatever the bytes, nothing is read outside of them, and reading ends. */
#include <stdint.h>
#include <stdlib.h>

#include "runtime/base/elfcore.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void read_files(const struct elfcore_note *note)
{
	struct elfcore_files files;
	struct elfcore_file file;
	size_t n = 0;

	elfcore_files_begin(&files, note);
	while (elfcore_next_file(&files, &file)) {
		const char *end = file.path;

		while (*end)
			end++;
		require(end < (const char *)note->data + note->len);
		n++;
	}
	require(n <= note->len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elfcore_note note = {.next = 0};
	struct elfcore_segment s;
	struct elfcore core;
	const char *wrong = elfcore_open(&core, data, size);
	size_t at = 0, n = 0;

	if (wrong) {
		require(*wrong);
		return 0;
	}
	while (elfcore_next_segment(&core, &at, &s)) {
		require(s.start + s.size >= s.start && s.offset + s.filled >= s.offset);
		require(s.filled <= s.size && n++ < size);
	}
	while (elfcore_next_note(&core, &note)) {
		const uint8_t *end = (const uint8_t *)note.data + note.len;

		require((const uint8_t *)note.name >= data && end <= data + size && n++ < 2 * size);
		read_files(&note);
	}
	(void)elfcore_find_note(&core, "turf", 1, &note);
	return 0;
}
