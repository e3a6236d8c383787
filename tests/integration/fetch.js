// SPDX-License-Identifier: Apache-2.0
// What fetch.sh runs in each mode: a line for each property, which fetch.sh compares. The ports of
// the servers are put in by it.
const http = 'http://localhost:@http@';
const byAddress = 'http://127.0.0.1:@http@';
const encoder = new TextEncoder();

async function say(name, f) {
	let result;
	try {
		result = await f();
	} catch (error) {
		const at = String(error?.message ?? error).replaceAll(/(:|%3A)\d{4,5}\b/g, ':PORT')
			.replaceAll(/port \d+/g, 'port PORT');
		result = `${error?.name} ${at}${error?.cause?.code ? ` [${error.cause.code}]` : ''}`;
	}
	console.log(`${name}: ${result}`);
}
const text = async (path, init) => (await fetch(http + path, init)).text();
const echo = async (path, init) => (await fetch(http + path, init)).json();
const stats = async () => (await fetch(`${http}/stats`)).json();
const stream = (pieces, wait = 0) => new ReadableStream({
	async pull(c) {
		if (pieces.length === 0)
			return c.close();
		await new Promise((done) => setTimeout(done, wait));
		const piece = pieces.shift();
		if (piece instanceof Error)
			throw piece;
		c.enqueue(typeof piece === 'string' ? encoder.encode(piece) : piece);
	},
});
const half = (body, more) => ({ method: 'POST', duplex: 'half', body, ...more });

async function basics() {
	const r = await fetch(`${http}/hello?a#b`);
	await say('response', () => [r.status, r.statusText, r.ok, r.type, r.redirected,
		r.url === `${http}/hello?a`].join());
	await say('headers', () => [r.headers.get('content-type'), r.headers.get('X-TWO'),
		r.headers.getSetCookie().length].join(' '));
	await say('immutable', () => r.headers.set('a', 'b'));
	await say('body', () => r.text());
	await say('once', () => r.text());
	const e = await echo('/echo', { headers: { 'X-A': '1', 'x-empty': '', cookie: 'c=d',
		connection: 'close', 'content-length': '7', 'transfer-encoding': 'chunked' } });
	await say('fields', () => e.fields.filter((f) => f[0].toLowerCase() !== 'host')
		.map((f) => f.join('=')).sort().join(' ').replace(/aworker\/[\d.]+/, 'aworker/VERSION'));
	await say('head', async () => {
		const h = await fetch(`${http}/hello`, { method: 'HEAD' });
		return [h.status, h.headers.get('content-length'), h.body].join();
	});
	for (const method of ['PUT', 'DELETE', 'PATCH', 'QUERY', 'OPTIONS'])
		await say(method, async () => {
			const q = await echo('/echo', { method, body: 'x' });
			return q.method + q.body + q.fields.find((f) => /^content-length$/i.test(f[0]))[1];
		});
	await say('empty POST', async () => (await echo('/echo', { method: 'POST' })).fields
		.filter((f) => /^content/i.test(f[0])).join());
	await say('status', async () => (await Promise.all([204, 299, 304, 404, 500, 999].map(async (s) => {
		const q = await fetch(`${http}/status?is=${s}`);
		return `${q.status}${q.body === null ? '-' : ''}`;
	}))).join());
	await say('early hints', () => text('/hints'));
	await say('folded', async () => (await fetch(`${http}/folded`)).headers.get('x-fold'));
	await say('until close', () => text('/until-close'));
	await say('family 6', async () => (await fetch(http.replace('localhost', '[::1]'))).text());
	await say('reuse', async () => {
		const a = (await echo('/echo')).connection;
		return a === (await echo('/echo')).connection;
	});
}

async function redirects() {
	const to = (s, path, init) => echo(`/redirect?status=${s}&to=${encodeURIComponent(path)}`, init);
	const post = { method: 'POST', body: 'abc', headers: { authorization: 'secret' } };
	for (const s of [301, 302, 303, 307, 308])
		await say(`POST ${s}`, async () => {
			const r = await to(s, '/echo', post);
			return [r.method, r.body, ...r.fields.filter((f) =>
				/^(content-|auth)/i.test(f[0])).map((f) => f[0].toLowerCase()).sort()].join();
		});
	await say('PUT 303', async () => (await to(303, '/echo', { method: 'PUT', body: 'x' })).method);
	await say('HEAD 303', async () => (await fetch(`${http}/redirect?status=303&to=/echo`,
		{ method: 'HEAD' })).status);
	await say('other origin', async () => {
		const r = await to(307, `${byAddress}/echo`, post);
		return [r.method, r.body, r.fields.some((f) => /^auth/i.test(f[0]))].join();
	});
	await say('url', async () => {
		const r = await fetch(`${http}/redirect?to=/echo#frag`);
		await r.text();
		return [r.redirected, r.url === `${http}/echo`].join();
	});
	await say('manual', async () => {
		const r = await fetch(`${http}/redirect?to=/echo`, { redirect: 'manual' });
		return [r.status, r.headers.get('location'), await r.text()].join();
	});
	await say('error', () => text('/redirect?to=/echo', { redirect: 'error' }));
	await say('loop', () => text(`/redirect?to=${encodeURIComponent('/redirect?to=/x')}`));
	await say('endless', () => text('/forever'));
	await say('to data', () => text('/redirect?to=data:,x'));
	await say('to file', () => text('/redirect?to=file:///etc/passwd'));
	await say('credentials', () => text(
		`/redirect?to=${encodeURIComponent(http.replace('//', '//user:pass@'))}`));
	await say('stream 307', () => text('/redirect?status=307&to=/echo', half(stream(['a']))));
	await say('stream 303', async () => (await echo('/redirect?status=303&to=/echo',
		half(stream(['a'])))).method);
}

async function bodies() {
	await say('chunked', async () => {
		const r = await echo('/echo', half(stream(['a', 'b', 'c'], 5)));
		return r.body + r.fields.filter((f) => /^transfer/i.test(f[0])).join();
	});
	await say('form', async () => {
		const form = new FormData();
		form.append('a', 'b');
		const r = await echo('/echo', { method: 'POST', body: form });
		return r.body.includes('name="a"\r\n\r\nb');
	});
	await say('large', () => text('/swallow', { method: 'POST', body: new Uint8Array(5e6) }));
	await say('large stream', () => text('/swallow?wait=0.2', half(stream(
		Array.from({ length: 200 }, () => new Uint8Array(50000))))));
	await say('upload pressure', async () => {
		let made = 0;
		const endless = new ReadableStream({ pull(c) {
			made += 65536;
			c.enqueue(new Uint8Array(65536));
		} });
		const ac = new AbortController();
		const p = fetch(`${http}/swallow?wait=2`, half(endless, { signal: ac.signal }));
		await new Promise((done) => setTimeout(done, 500));
		ac.abort();
		await p.catch(() => 0);
		// The kernel takes tcp_rmem and tcp_wmem, 36 MiB; without pressure it would be hundreds.
		return made < 64e6;
	});
	await say('bad chunk', () => text('/echo', half(new ReadableStream({
		start: (c) => c.enqueue('text') }))));
	await say('bad stream', () => text('/echo', half(stream(['a', new RangeError('mine')]))));
	await say('refused', async () => {
		const r = await fetch(`${http}/refuse`, half(stream(['a', 'b'], 100)));
		return r.status + await r.text();
	});
	await say('drip', async () => {
		const r = await fetch(`${http}/drip`);
		let pieces = 0, all = '';
		for await (const piece of r.body) {
			pieces++;
			all += new TextDecoder().decode(piece);
		}
		return [pieces > 1, all.replaceAll('\n', '')].join();
	});
	await say('download pressure', async () => {
		const r = await fetch(`${http}/endless`);
		const reader = r.body.getReader();
		await reader.read();
		await new Promise((done) => setTimeout(done, 500));
		const { endless } = await stats();
		let read = 0;
		while (read < 20e6)
			read += (await reader.read()).value.length;
		await reader.cancel();
		return [endless < 16e6, await text('/gone')].join();
	});
	await say('byob', async () => {
		const reader = (await fetch(`${http}/hello`)).body.getReader({ mode: 'byob' });
		return new TextDecoder().decode((await reader.read(new Uint8Array(3))).value);
	});
	await say('clone', async () => {
		const r = await fetch(`${http}/hello`);
		const c = r.clone();
		return (await r.text() + await c.text()).replaceAll('\n', '');
	});
	await say('json', async () => (await (await fetch(`${http}/stats`)).json()).connections > 0);
}

async function codings() {
	for (const path of ['gzip', 'deflate', 'raw-deflate', 'br', 'zstd', 'unknown-coding', 'empty-gzip'])
		await say(path, async () => {
			const all = await text(`/${path}`);
			return `${all.length} ${all.split('\n')[0]}`;
		});
	await say('bad gzip', () => text('/bad-gzip'));
	await say('short gzip', () => text('/short-gzip'));
	await say('bomb', async () => {
		const r = await fetch(`${http}/bomb`);
		const reader = r.body.getReader();
		let largest = 0, read = 0;
		while (read < 8e6) {
			const { value } = await reader.read();
			largest = Math.max(largest, value.length);
			read += value.length;
		}
		await reader.cancel();
		return largest;
	});
	await say('range', async () => (await echo('/echo', { headers: { range: 'bytes=0-1' } })).fields
		.find((f) => /^accept-encoding$/i.test(f[0]))[1]);
}

async function failures() {
	await say('closed port', () => fetch('http://127.0.0.1:1/'));
	await say('no name', () => fetch('http://nobody.test/'));
	await say('scheme', () => fetch('gopher://localhost/'));
	await say('no url', () => fetch('http://'));
	await say('close', () => text('/close'));
	await say('cut', () => text('/cut'));
	await say('cut chunk', () => text('/cut-chunk'));
	await say('nul', () => text('/nul'));
	await say('big head', () => text('/big-head'));
	await say('line break', () => text('/hello', { headers: { a: 'b\r\nc: d' } }));
	await say('method', () => text('/hello', { method: 'A B' }));
	await say('cached', () => text('/hello', { cache: 'only-if-cached', mode: 'same-origin' }));
	await say('integrity', () => text('/hello', { integrity: 'sha256-AAAA' }));
	await say('intact', () => text('/hello', {
		integrity: 'sha256-WJG1tSLV3whtD/CxEPvZ0hu0/HFjrzTQgoai6Eb2vgM= sha1-x' }));
}

async function aborts() {
	const why = { name: 'mine', message: 'reason' };
	await say('aborted before', () => text('/hello', { signal: AbortSignal.abort(why) }));
	const cut = async (path, init = {}) => {
		const ac = new AbortController();
		setTimeout(() => ac.abort(why), 30);
		return text(path, { ...init, signal: ac.signal });
	};
	await say('aborted at the head', () => cut('/silent'));
	await say('aborted in the body', () => cut('/endless'));
	await say('told the server', () => text('/gone'));
	let cancelled;
	await say('aborted in the upload', () => cut('/silent', half(new ReadableStream({
		pull: (c) => new Promise((done) => setTimeout(done, 5)).then(() => c.enqueue(encoder.encode('x'))),
		cancel: (reason) => { cancelled = reason; },
	}))));
	await say('its stream', () => cancelled === why);
	await say('time-out', () => text('/silent', { signal: AbortSignal.timeout(30) }));
	await say('aborted after', async () => {
		const ac = new AbortController();
		const r = await fetch(`${http}/hello`, { signal: ac.signal });
		const all = await r.text();
		ac.abort();
		return all;
	});
	await say('request', async () => {
		const ac = new AbortController();
		const request = new Request(`${http}/silent`, { signal: ac.signal });
		setTimeout(() => ac.abort(why), 10);
		return (await fetch(request)).text();
	});
}

async function local() {
	await say('data', async () => {
		const r = await fetch('data:text/plain;charset=x;base64,aGk=#f');
		return [r.headers.get('content-type'), r.url, await r.text()].join(' ');
	});
	await say('data default', async () => {
		const r = await fetch('data:,a%20b%zz');
		return [r.headers.get('content-type'), await r.text()].join(' ');
	});
	await say('bad data', () => fetch('data:nothing'));
	await say('bad base64', () => fetch('data:;base64,=a'));
	await say('file', async () => {
		const r = await fetch(new URL('sub/a%20b.json', location.href));
		return [r.status, r.headers.get('content-type'), (await r.json()).a].join();
	});
	const file = async (path) => (await fetch(new URL(path, location.href))).text();
	await say('file above', () => fetch('file:///etc/passwd'));
	await say('file dots', () => file('sub/%2e%2e%2f%2e%2e%2f%2e%2e%2fetc/passwd'));
	await say('file link', () => file('link'));
	await say('file link inside', async () => (await file('inside')).includes('SPDX'));
	await say('directory', () => file('sub/'));
	await say('fifo', () => file('fifo'));
	await say('file POST', () => fetch(new URL('sub/a%20b.json', location.href), { method: 'POST' }));
}

const beside = () => say('beside', async () => {
	const r = await fetch(`${http}/endless`);
	const other = await text('/hello');
	await r.body.cancel();
	return other;
});

const concurrent = () => say('concurrent', async () => {
	const all = await Promise.all(Array.from({ length: 300 }, () => text('/hello')));
	return all.filter((t) => t === 'hello\n').length;
});

const events = () => say('events', () => new Promise((resolve) => {
	const source = new EventSource(`${http}/events?body=id:1%0Adata:x%0A%0A`);
	source.onmessage = (e) => {
		source.close();
		resolve([e.data, e.lastEventId, e.origin === http].join());
	};
}));

addEventListener('error', () => console.log('an error'));
(async () => {
	for (const part of [basics, redirects, bodies, codings, failures, aborts, local, beside, concurrent, events])
		await part();
})();
