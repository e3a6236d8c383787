/* SPDX-License-Identifier: Apache-2.0 */
/* The admin API: the set of functions. */
#include "seed/noslated/control/admin_priv.h"

void admin_get_functions(const struct admin_call *call)
{
	_cleanup_buf_ struct buf json = BUF_INIT;

	profile_set_write(&call->control->set, &json);
	web_answer_json(call->client, 200, &json);
}

void admin_put_functions(const struct admin_call *call)
{
	const struct buf *body = &call->request->body;
	_cleanup_buf_ struct buf errors = BUF_INIT;
	struct err err = ERR_INIT;

	if (control_apply(call->control, body->data ? body->data : "", body->len, &errors, &err) ==
		0)
		admin_get_version(call);
	else
		admin_refuse(call, &errors);
}
