/* SPDX-License-Identifier: Apache-2.0 */
/* -info: containerd asks for it where it wants to know what a runtime can do. */
#include <stdio.h>
#include <uv.h>

#include "runtime/base/arena.h"
#include "runtime/base/buf.h"
#include "shim/bootstrap.h"
#include "shim/message.h"
#include "shim/runtime.h"
#include "shim/settings.h"
#include "shim/shim.h"

#define FEATURES_TYPE "types.containerd.io/opencontainers/runtime-spec/1/features/Features"

/* Without features there is less to tell, and that is no error. */
static void on_features(void *arg, const struct runtime_result *result)
{
	struct buf *features = arg;

	if (result->ok)
		buf_puts(features, result->output);
}

int shim_info(struct err *err)
{
	_cleanup_arena_ struct arena arena = ARENA_INIT;
	_cleanup_free_ char *input = NULL;
	_cleanup_buf_ struct buf features = BUF_INIT, out = BUF_INIT;
	const char *args[] = {"features", NULL};
	Pb__RuntimeInfo info = PB__RUNTIME_INFO__INIT;
	Pb__RuntimeVersion version = PB__RUNTIME_VERSION__INIT;
	Pb__Any any = PB__ANY__INIT;
	struct bootstrap bootstrap;
	struct runtime runtime;
	size_t len;

	if (shim_read_input(&input, &len, err) < 0 ||
		bootstrap_read(input, len, "", "", &arena, &bootstrap, err) < 0 ||
		runtime_init(&runtime, bootstrap.settings, "default", err) < 0)
		return -err->code;
	if (runtime_run(&runtime, args, NULL, on_features, &features, err) == 0)
		uv_run(uv_default_loop(), UV_RUN_DEFAULT);
	runtime_finish(&runtime);
	if (err->code)
		return -err->code;
	version.version = TURF_VERSION;
	info.name = "containerd-shim-turf-v2";
	info.version = &version;
	any.type_url = FEATURES_TYPE;
	any.value.data = (uint8_t *)features.data;
	any.value.len = features.len;
	info.features = features.len ? &any : NULL;
	message_write(&info.base, &out);
	if (buf_failed(&features) || buf_failed(&out))
		return err_oom(err);
	return shim_print(out.data, out.len, err);
}
