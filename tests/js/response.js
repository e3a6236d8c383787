// SPDX-License-Identifier: Apache-2.0
// Response: constructor, static makers, cloning.
const r = new Response('text', { status: 201, statusText: 'Made', headers: { 'X-A': 'b' } });
console.log(r.status, r.ok, r.statusText, r.type, r.redirected, r.url === ''); // expect: 201 true Made default false true
console.log(r.headers.get('content-type'), r.headers.get('x-a')); // expect: text/plain;charset=UTF-8 b
console.log(new Response('x', { headers: { 'content-type': 'a/b' } }).headers.get('content-type')); // expect: a/b
console.log(new Response().body, new Response(null).headers.get('content-type')); // expect: null null
console.log(new Response(new Uint8Array(1)).headers.has('content-type')); // expect: false
console.log(new Response(new URLSearchParams('a=1')).headers.get('content-type')); // expect: application/x-www-form-urlencoded;charset=UTF-8
console.log(new Response(new Blob(['x'], { type: 'T/x' })).headers.get('content-type')); // expect: t/x
console.log(r.headers === r.headers, new Response('x', { status: 404 }).ok); // expect: true false
const j = Response.json({ a: [1] }, { status: 202 });
console.log(j.status, j.headers.get('content-type')); // expect: 202 application/json
const e = Response.error();
console.log(e.type, e.status, e.ok, e.body); // expect: error 0 false null
const d = Response.redirect('http://h/x y', 308);
console.log(d.status, d.headers.get('location')); // expect: 308 http://h/x%20y
const throws = (f) => {
	try {
		f();
		return 'nothing';
	} catch (err) {
		return err.name;
	}
};
console.log(throws(() => new Response('', { status: 199 })), throws(() => new Response('', { status: 600 }))); // expect: RangeError RangeError
console.log(throws(() => new Response('x', { status: 204 })), throws(() => new Response(null, { status: 204 }))); // expect: TypeError nothing
console.log(throws(() => new Response('', { statusText: 'a\nb' })), throws(() => new Response('', 1))); // expect: TypeError TypeError
console.log(throws(() => Response.redirect('http://h', 200)), throws(() => Response.redirect('http://'))); // expect: RangeError TypeError
console.log(throws(() => Response.json(undefined)), throws(() => Response.json(1n))); // expect: TypeError TypeError
console.log(throws(() => d.headers.set('a', 'b')), throws(() => e.headers.append('a', 'b'))); // expect: TypeError TypeError
console.log(throws(() => Response.prototype.status), throws(() => Response('x'))); // expect: TypeError TypeError
(async () => {
	console.log(await j.json()); // expect: { a: [ 1 ] }
	const c = r.clone();
	console.log(await r.text(), await c.text(), c.status, c.headers.get('x-a')); // expect: text text 201 b
	console.log(r.bodyUsed, throws(() => r.clone())); // expect: true TypeError
})();
