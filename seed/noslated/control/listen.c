/* SPDX-License-Identifier: Apache-2.0 */
/* Where HTTP is taken: sockets that outlive the control plane. */
#include <stdio.h>

#include "runtime/base/fd.h"
#include "seed/noslated/control/address.h"
#include "seed/noslated/control/control_priv.h"

static int open_one(struct control *c, size_t i, struct err *err)
{
	char name[32];

	snprintf(name, sizeof(name), "listen-%zu", i);
	c->listeners[i] = store_take(&c->kept, name);
	if (c->listeners[i] >= 0)
		return 0;
	c->listeners[i] = address_listen("--listen", c->options->listen[i], err);
	return c->listeners[i] < 0 ? -err->code : store_keep(&c->kept, name, c->listeners[i], err);
}

int listeners_open(struct control *c, struct err *err)
{
	for (size_t i = 0; i < c->options->n_listen; i++)
		if (open_one(c, i, err) < 0)
			return -err->code;
	return 0;
}

void listeners_close(struct control *c, bool for_good)
{
	for (size_t i = 0; i < c->options->n_listen; i++) {
		if (for_good && c->listeners[i] >= 0)
			address_forget(c->options->listen[i]);
		fd_close(&c->listeners[i]);
	}
}
