// SPDX-License-Identifier: Apache-2.0
// The worker of noslated-data.sh: what the last segment of a path says.
function stream(bytes) {
	const piece = new Uint8Array(65536);
	return new ReadableStream({
		pull(c) {
			const n = Math.min(bytes, piece.length);
			bytes -= n;
			if (n > 0)
				c.enqueue(piece.slice(0, n));
			else
				c.close();
		},
	});
}

async function count(body) {
	let n = 0;
	for await (const piece of body)
		n += piece.length;
	return n;
}

const sleep = (ms) => new Promise((r) => setTimeout(r, ms));
let aborted = 0, used = 0;

const answers = {
	hello: () => new Response('hello'),
	down: (r, q) => new Response(stream(Number(q.get('n')))),
	up: async (r) => new Response(`${await count(r.body)}`),
	echo: (r) => new Response(r.body),
	async see(r) {
		const body = await r.text();
		return Response.json({ method: r.method, url: r.url, headers: Object.fromEntries(r.headers), body });
	},
	async crash() {
		setTimeout(() => {
			throw new Error('as it was told');
		}, 0);
		await sleep(60000);
	},
	async slow(r, q) {
		r.signal.addEventListener('abort', () => aborted++);
		await sleep(Number(q.get('ms')));
		return new Response('slow');
	},
	aborted: () => new Response(`${aborted}`),
	used: () => new Response(`${++used}`),
	early: () => new Response('no, thanks', { status: 413 }),
	nothing: () => new Response(null, { status: 204 }),
	unchanged: () => new Response(null, { status: 304, headers: { etag: '"a"' } }),
	socket() {
		const [client, server] = Object.values(new WebSocketPair());
		server.accept();
		server.addEventListener('message', (e) => server.send(e.data));
		return new Response(null, { status: 101, webSocket: client });
	},
};

export default {
	fetch(request) {
		const url = new URL(request.url);
		const answer = answers[url.pathname.split('/').at(-1)];
		return answer ? answer(request, url.searchParams) : new Response('what?', { status: 400 });
	},
};
