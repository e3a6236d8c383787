/* SPDX-License-Identifier: Apache-2.0 */
/* The admin API: the daemon itself. */
#include "seed/noslated/control/admin_priv.h"

void admin_get_health(const struct admin_call *call)
{
	const bool runs = data_plane_runs(call->control);
	_cleanup_buf_ struct buf json = BUF_INIT;

	buf_printf(&json, "{\"status\": \"%s\"}\n", runs ? "ok" : "no data plane");
	web_answer_json(call->client, runs ? 200 : 503, &json);
}

void admin_get_version(const struct admin_call *call)
{
	_cleanup_buf_ struct buf json = BUF_INIT;

	buf_printf(&json, "{\"version\": \"" TURF_VERSION "\", \"set\": %u}\n",
		call->control->version);
	web_answer_json(call->client, 200, &json);
}
