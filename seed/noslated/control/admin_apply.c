/* SPDX-License-Identifier: Apache-2.0 */
/* The admin API: sets that are applied, which may take as long as a download; who waits may leave. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "runtime/base/util.h"
#include "seed/noslated/control/admin_priv.h"

struct waiting {
	struct control *control;
	struct web_client *client;
	unsigned before; /* the set that was served */
	/* What is told of the function if another set is; -1: nothing. */
	int event;
	char function[256];
};

static void on_gone(void *arg)
{
	struct waiting *w = arg;

	control_apply_forget(w->control, w);
	free(w);
}

static void tell(const struct waiting *w)
{
	const struct control *c = w->control;

	if (w->event >= 0 && c->sets.number != w->before)
		events_add(c->events, (enum event_kind)w->event, w->function, NULL, "set %u",
			c->sets.number);
}

static void on_applied(void *arg, const struct err *err, const struct buf *errors)
{
	struct waiting *w = arg;
	const struct admin_call call = {.control = w->control, .client = w->client};

	tell(w);
	free(w);
	if (err->code == 0)
		admin_get_version(&call);
	else
		admin_refuse(&call, errors, err);
}

static struct waiting *wait_for(const struct admin_call *call)
{
	struct waiting *w = malloc(sizeof(*w));

	if (!w) {
		web_fail(call->client, 503, "there is no memory left");
		return NULL;
	}
	*w = (struct waiting){.control = call->control,
		.client = call->client,
		.before = call->control->sets.number,
		.event = -1};
	web_later(call->client, on_gone, w);
	return w;
}

void admin_apply(const struct admin_call *call, const char *how, const char *text, size_t len)
{
	struct waiting *w = wait_for(call);

	if (w)
		control_apply(call->control, how, text, len, on_applied, w);
}

void admin_change(const struct admin_call *call, const char *how, int event,
	void (*f)(struct profile_function *f, const void *arg), const void *arg)
{
	struct waiting *w = wait_for(call);

	if (!w)
		return;
	w->event = event;
	snprintf(w->function, sizeof(w->function), "%s", call->parts.text[0]);
	control_change(call->control, how, call->parts.text[0], f, arg, on_applied, w);
}
