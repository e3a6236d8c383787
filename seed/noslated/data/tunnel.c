/* SPDX-License-Identifier: Apache-2.0 */
/* After "101 Switching Protocols": bytes both ways, until the worker ends it or nobody says anything. */
#include <sys/socket.h>

#include "seed/noslated/data/data_priv.h"

void tunnel_begin(struct client *c)
{
	c->phase = CLIENT_TUNNEL;
	c->req = c->resp = (struct body){.state = BODY_CLOSE};
	c->req_done = c->half_closed = false;
	tunnel_event(c);
}

void tunnel_event(struct client *c)
{
	struct stream *client = &c->s, *worker = &c->up->s;
	const enum stream_pump there = stream_pump(client, worker, &c->req, false);
	const enum stream_pump back = stream_pump(worker, client, &c->resp, false);

	/* It reads no more; what it has said comes first. */
	if (there == PUMP_ERROR) {
		stream_unqueue(worker);
		c->req.state = BODY_DONE;
	}
	if (back == PUMP_ERROR || (worker->eof && back == PUMP_MORE)) {
		client_close(c);
		return;
	}
	if (client->eof && there == PUMP_MORE && !c->half_closed) {
		shutdown(worker->fd, SHUT_WR);
		c->half_closed = true;
	}
}
