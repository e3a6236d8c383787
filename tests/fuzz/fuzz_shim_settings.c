/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands on the standard input of a shim that is started, and settings of the runtime
 * as text. The first byte says which: an even one is text, an odd one standard input. What
 * could name a file elsewhere is left out, results would depend on the machine.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "runtime/base/arena.h"
#include "runtime/base/buf.h"
#include "shim/bootstrap.h"
#include "shim/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void check_strings(const Pb__RuncOptions *o)
{
	require(o->binary_name && o->root && o->shim_cgroup && o->criu_image_path &&
		o->criu_work_path);
}

static void parse_text(const uint8_t *data, size_t size)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	Pb__RuncOptions options = PB__RUNC_OPTIONS__INIT;
	char *text = strndup((const char *)data, size);
	struct err err = ERR_INIT;
	int r;

	require(text != NULL);
	r = settings_parse(text, &arena, &options, &err);
	free(text);
	check_strings(&options);
	require(r == 0 ? err.code == 0 : r == -EINVAL && err.msg[0]);
}

static void read_input(const uint8_t *data, size_t size)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_buf_ struct buf answer = BUF_INIT;
	struct bootstrap b;
	struct err err = ERR_INIT;

	if (memmem(data, size, "runtimeoptions", 14) && memchr(data, '/', size))
		return;
	if (bootstrap_read(data, size, "id", "ns", &arena, &b, &err) < 0) {
		require(err.code > 0 && err.msg[0]);
		return;
	}
	if (b.settings)
		check_strings(b.settings);
	bootstrap_answer(&b, "/run/s", &answer);
	require(answer.len > 0 && (b.params != NULL) == (answer.data[0] != 'u'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] % 2 == 0)
		parse_text(data + 1, size - 1);
	else
		read_input(data + 1, size - 1);
	return 0;
}
