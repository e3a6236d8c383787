// SPDX-License-Identifier: Apache-2.0
// Request: defaults, init, methods, copying, signals.
const r = new Request('http://h/a/../b#f', { headers: { A: 'b' } });
console.log(r.url, r.method, r.headers.get('a')); // expect: http://h/b#f GET b
console.log(r.mode, r.credentials, r.cache, r.redirect, r.referrer, r.referrerPolicy === '', r.integrity === '', r.keepalive, r.duplex, r.destination === ''); // expect: cors same-origin default follow about:client true true false half true
console.log(r.body, r.bodyUsed, r.signal instanceof AbortSignal, r.signal === r.signal); // expect: null false true true
const p = new Request('http://h/', { method: 'post', body: 'data' });
console.log(p.method, p.headers.get('content-type')); // expect: POST text/plain;charset=UTF-8
console.log(new Request('http://h/', { method: 'patch' }).method); // expect: patch
const q = new Request(p, { headers: { x: 'y' } });
console.log(q.method, q.headers.get('x'), p.bodyUsed, q.bodyUsed); // expect: POST y true false
const throws = (f) => {
	try {
		f();
		return 'nothing';
	} catch (e) {
		return e.name;
	}
};
const bad = [() => new Request(), () => new Request('http://'), () => new Request('http://u:p@h/'),
	() => new Request('http://h', { method: 'TRACE' }), () => new Request('http://h', { method: 'a b' }),
	() => new Request('http://h', { body: 'x' }), () => new Request('http://h', { method: 'HEAD', body: '' }),
	() => new Request('http://h', { mode: 'navigate' }), () => new Request('http://h', { mode: 'x' }),
	() => new Request('http://h', { cache: 'only-if-cached' }), () => new Request('http://h', { signal: {} }),
	() => new Request('http://h', { window: 1 }), () => new Request('http://h', { duplex: 'full' }),
	() => new Request('http://h', { method: 'POST', body: new ReadableStream() }),
	() => new Request(p), () => p.clone(), () => Request.prototype.url, () => Request('http://h')];
bad.forEach((f) => throws(f) === 'TypeError' || console.log('accepted', f));
const c = new AbortController();
const s = new Request('http://h', { signal: c.signal });
const copy = new Request(s);
const clone = copy.clone();
c.abort('gone');
console.log(s.signal.aborted, copy.signal.reason, clone.signal.aborted); // expect: true gone true
(async () => {
	const a = new Request('http://h', { method: 'PUT', body: 'twice' });
	const b = a.clone();
	console.log(await a.text(), await b.text(), b.method); // expect: twice twice PUT
	console.log(await q.text()); // expect: data
	const stream = new Response('streamed').body;
	const st = new Request('http://h', { method: 'POST', body: stream, duplex: 'half' });
	console.log(st.headers.has('content-type'), await st.text()); // expect: false streamed
	console.log(stream.locked); // expect: true
})();
