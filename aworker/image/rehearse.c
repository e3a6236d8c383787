/* SPDX-License-Identifier: Apache-2.0 */
#include "aworker/image/rehearse.h"

#include <malloc.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "aworker/worker.h"

/* How often it looks whether it has answered. */
#define PAUSE_NS 1000000

static const char code_of_many[] =
	"addEventListener('fetch', (event) => {\n"
	"	const { pathname } = new URL(event.request.url);\n"
	"	event.respondWith(new Response(`${pathname}\\n`, {\n"
	"		headers: { 'content-type': 'text/plain; charset=utf-8' } }));\n"
	"});\n";

struct rehearsal {
	struct worker *worker;
	struct loop_timer timer;
	int client;
	bool answered;
};

static void on_pause(void *arg)
{
	struct rehearsal *rehearsal = arg;
	char answer[256];

	if (recv(rehearsal->client, answer, sizeof(answer), MSG_DONTWAIT) > 0) {
		rehearsal->answered = true;
		worker_exit(rehearsal->worker, WORKER_EXIT_OK);
	} else if (loop_timer_start(&rehearsal->worker->loop, &rehearsal->timer, PAUSE_NS) < 0) {
		worker_exit(rehearsal->worker, WORKER_EXIT_ERROR);
	}
}

/* A socket that listens under a name of the kernel's choice, and a request that waits there. */
static int open_sockets(int *ret_listener, int *ret_client)
{
	static const char request[] = "GET /rehearsal?a=b HTTP/1.1\r\nHost: localhost\r\n"
				      "User-Agent: rehearsal\r\nAccept: */*\r\n\r\n";
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	socklen_t len = sizeof(name);
	int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (bind(listener, (struct sockaddr *)&name, sizeof(name.sun_family)) < 0 ||
		listen(listener, 1) < 0 ||
		getsockname(listener, (struct sockaddr *)&name, &len) < 0 ||
		connect(client, (struct sockaddr *)&name, len) < 0 ||
		send(client, request, sizeof(request) - 1, 0) < 0)
		return -1;
	*ret_listener = listener;
	*ret_client = client;
	return 0;
}

int rehearse(struct worker *w)
{
	struct worker_options options = {.code = code_of_many};
	struct rehearsal rehearsal = {.worker = w};
	struct err err;
	char address[32];
	int listener, code;

	if (open_sockets(&listener, &rehearsal.client) < 0)
		return -1;
	snprintf(address, sizeof(address), "fd:%d", listener);
	options.listen = address;
	rehearsal.timer = (struct loop_timer){.fn = on_pause, .data = &rehearsal};
	if (engine_fork_child(w->engine, &err) < 0 ||
		worker_load(w, &options, NULL, &code, &err) < 0 || worker_open(w, &err) < 0 ||
		loop_timer_start(&w->loop, &rehearsal.timer, PAUSE_NS) < 0)
		return -1;
	/* What malloc() keeps must fit this process, too; else the next free() finds out. */
	malloc_trim(0);
	worker_run(w);
	return rehearsal.answered ? 0 : -1;
}
