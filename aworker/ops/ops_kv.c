/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stores of --kv NAME[=FILE]: their names, and what each begins with. All else about them is
 * JavaScript's (js/kv.js).
 */
#include <errno.h>
#include <fcntl.h>

#include "aworker/ops/ops.h"
#include "aworker/worker.h"
#include "aworker/worker_priv.h"
#include "runtime/base/fd.h"
#include "runtime/base/json.h"
#include "runtime/base/util.h"

#define NAME_FIRST "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"
#define NAME_NEXT  NAME_FIRST "0123456789"

static int check_name(const struct worker_options *o, size_t i, size_t len, struct err *err)
{
	const char *name = o->kv[i];

	if (len == 0 || !strchr(NAME_FIRST, *name) || strspn(name, NAME_NEXT) < len)
		return err_say(err, EINVAL, "--kv: '%.*s' is no name", (int)len, name);
	for (size_t k = 0; k < i; k++)
		if (strncmp(o->kv[k], name, len) == 0 && strchr("=", o->kv[k][len]))
			return err_say(err, EINVAL, "--kv: '%.*s' is there twice", (int)len, name);
	return 0;
}

static int load_file(const char *path, char **ret, struct err *err)
{
	_cleanup_json_ struct json_doc *doc = NULL;
	_cleanup_free_ char *text = NULL;
	size_t len;

	if (file_read(AT_FDCWD, path, JSON_TEXT_MAX, &text, &len, err) < 0)
		return -err->code;
	if (json_parse(text, len, &doc, err) < 0 || json_is_object(json_root(doc), err) < 0)
		return err_wrap(err, "%s", path);
	*ret = take_ptr(&text);
	return 0;
}

int kv_load(struct worker *w, int *ret_code, struct err *err)
{
	const struct worker_options *o = &w->options;

	for (size_t i = 0; i < o->n_kv; i++) {
		size_t len = strcspn(o->kv[i], "=");

		*ret_code = WORKER_EXIT_USAGE;
		if (check_name(o, i, len, err) < 0)
			return -err->code;
		*ret_code = WORKER_EXIT_FILE;
		if (o->kv[i][len] && load_file(o->kv[i] + len + 1, &w->kv_text[i], err) < 0)
			return err_wrap(err, "--kv %.*s", (int)len, o->kv[i]);
	}
	return 0;
}

void kv_forget(struct worker *w)
{
	for (size_t i = 0; i < WORKER_KV_MAX; i++)
		free_clear(&w->kv_text[i]);
}

static int op_kv_names(struct op_call *call)
{
	struct worker *w = op_data(call);
	struct buf names = BUF_INIT;

	for (size_t i = 0; w && i < w->options.n_kv; i++) {
		buf_put(&names, w->options.kv[i], strcspn(w->options.kv[i], "="));
		buf_put(&names, "", 1);
	}
	if (buf_failed(&names))
		return op_throw(call, "RangeError", "out of memory");
	op_ret_string(call, names.data ? names.data : "", names.len);
	buf_finish(&names);
	return 0;
}

/* Once: then it is JavaScript's. */
static int op_kv_text(struct op_call *call)
{
	struct worker *w = op_data(call);
	const char *name;
	size_t len;

	if (op_arg_string(call, 0, &name, &len) < 0)
		return -1;
	for (size_t i = 0; w && i < w->options.n_kv; i++) {
		const char *kv = w->options.kv[i];

		if (strcspn(kv, "=") != len || strncmp(kv, name, len) != 0 || !w->kv_text[i])
			continue;
		op_ret_string(call, w->kv_text[i], strlen(w->kv_text[i]));
		free_clear(&w->kv_text[i]);
		return 0;
	}
	op_ret_string(call, "", 0);
	return 0;
}

const struct engine_op ops_kv[] = {
	{"kvNames", op_kv_names},
	{"kvText", op_kv_text},
	{NULL, NULL},
};
