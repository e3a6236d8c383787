/* SPDX-License-Identifier: Apache-2.0 */
#include "seed/noslated/code/code.h"

#include <assert.h>

const char *code_kind_word(enum code_kind kind)
{
	static const char *const words[CODE_KINDS] = {
		[CODE_FILE] = "file",
		[CODE_DIRECTORY] = "directory",
		[CODE_ZIP] = "zip",
		[CODE_LAYOUT] = "layout",
		[CODE_URL] = "url",
		[CODE_BUNDLE] = "bundle",
	};

	assert(kind < CODE_KINDS);
	return words[kind];
}
