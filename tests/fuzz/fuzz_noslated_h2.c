/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes of a client that speaks HTTP/2: what is behind the preface. The first byte says in pieces of which
 * size they come (low seven bits), and whether the client reads (high bit). Workers must see nothing but
 * whole requests that we would have sent, and nothing may be left when the client has gone.
 */
#include "seed/noslated/data/h2.h"
#include "tests/noslated/fuzz_rig.h"

#define CONNECTIONS 16
#define SEEN	    65536

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
	int fd;
	size_t len;
	char seen[SEEN];
} workers[CONNECTIONS];
static int n_workers;

static void serve(struct rig *r)
{
	int fd;

	while (n_workers < CONNECTIONS &&
		(fd = accept4(r->worker, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		workers[n_workers].fd = fd;
		workers[n_workers++].len = 0;
	}
	for (int i = 0; i < n_workers; i++) {
		size_t used;

		workers[i].len += rig_read(
			workers[i].fd, workers[i].seen + workers[i].len, SEEN - workers[i].len);
		used = rig_look(workers[i].seen, workers[i].len, workers[i].fd);
		workers[i].len -= used;
		memmove(workers[i].seen, workers[i].seen + used, workers[i].len);
	}
}

static void turn(struct rig *r, int client, bool reads)
{
	static char answer[65536];

	rig_turn(r);
	serve(r);
	rig_turn(r);
	if (reads)
		rig_read(client, answer, sizeof(answer));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char settings[9] = {0, 0, 0, 4};
	struct rig r;
	size_t step;
	bool reads;
	int client;

	if (size == 0)
		return 0;
	step = ((data[0] & 0x7f) + 1u) * 16;
	reads = !(data[0] & 0x80);
	n_workers = 0;
	rig_open(&r);
	client = rig_connect(&r);
	send(client, H2_PREFACE, H2_PREFACE_LEN, MSG_NOSIGNAL);
	send(client, settings, sizeof(settings), MSG_NOSIGNAL);
	for (size_t at = 1, n; at < size; at += n) {
		n = size - at < step ? size - at : step;
		if (send(client, data + at, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
		turn(&r, client, reads);
	}
	turn(&r, client, reads);
	close(client);
	rig_turn(&r);
	for (int i = 0; i < n_workers; i++)
		close(workers[i].fd);
	rig_close(&r);
	return 0;
}
