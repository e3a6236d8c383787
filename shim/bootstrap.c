/* SPDX-License-Identifier: Apache-2.0 */
#include "shim/bootstrap.h"

#include <errno.h>

#include "runtime/base/buf.h"
#include "shim/message.h"
#include "shim/settings.h"

/* Both begin with two strings: that they repeat the command line tells them apart. */
static const Pb__BootstrapParams *read_params(
	const void *data, size_t len, const char *id, const char *namespace, struct arena *a)
{
	const Pb__BootstrapParams *p =
		message_read(&pb__bootstrap_params__descriptor, data, len, a);

	return p && *id && streq(p->instance_id, id) && streq(p->namespace_, namespace) ? p : NULL;
}

static int read_extensions(
	const Pb__BootstrapParams *p, struct arena *a, Pb__RuncOptions **ret, struct err *err)
{
	for (size_t i = 0; i < p->n_extensions && !*ret; i++)
		if (settings_read(p->extensions[i]->value, a, ret, err) < 0)
			return -err->code;
	return 0;
}

int bootstrap_read(const void *data, size_t len, const char *id, const char *namespace,
	struct arena *a, struct bootstrap *ret, struct err *err)
{
	const Pb__Any *any;

	*ret = (struct bootstrap){NULL, NULL};
	if (len == 0)
		return 0;
	ret->params = read_params(data, len, id, namespace, a);
	if (ret->params)
		return read_extensions(ret->params, a, &ret->settings, err);
	any = message_read(&pb__any__descriptor, data, len, a);
	if (!any)
		return err_say(err, EINVAL,
			"standard input holds neither settings of a runtime nor what containerd "
			"2.3 sends");
	return settings_read(any, a, &ret->settings, err);
}

void bootstrap_answer(const struct bootstrap *b, const char *path, struct buf *out)
{
	Pb__BootstrapResult result = PB__BOOTSTRAP_RESULT__INIT;
	_cleanup_buf_ struct buf address = BUF_INIT;

	buf_printf(&address, "unix://%s", path);
	if (!b->params) {
		buf_put(out, address.data, address.len);
		return;
	}
	result.version = 3;
	result.address = message_string(address.data);
	result.protocol = "ttrpc";
	message_write(&result.base, out);
}
