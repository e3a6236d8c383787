// SPDX-License-Identifier: Apache-2.0
// Cache and CacheStorage as the Service Worker specification has them.
const failure = async (promise) => {
	try {
		return await promise;
	} catch (e) {
		return `${e.name}: ${e.message}`;
	}
};
const say = async (promise) => console.log(await failure(promise));
const urls = async (cache, ...args) => (await cache.keys(...args)).map((r) => r.url.slice(8)).join();
const text = async (promise) => {
	const r = await promise;
	return r ? r.text() : r;
};

(async () => {
	// --- storage ---
	console.log(caches instanceof CacheStorage, caches.default instanceof Cache, caches.default === caches.default); // expect: true true true
	const c = await caches.open('one');
	console.log(c instanceof Cache, await caches.has('one'), await caches.has('One'), await caches.has('default')); // expect: true true false false
	await caches.open('\ud800');
	await caches.open('');
	await caches.open('../../etc\0');
	console.log(JSON.stringify(await caches.keys())); // expect: ["one","\ud800","","../../etc\u0000"]
	console.log(await caches.has('\udc00'), await caches.delete('\ud800'), await caches.delete('\ud800'), (await caches.keys()).length); // expect: false true false 3
	await say(caches.open()); // expect: TypeError: open: 1 argument required, but only 0 given
	console.log(await CacheStorage.prototype.keys.call({}).catch((e) => e instanceof TypeError)); // expect: true
	await say(Cache.prototype.match.call({}, 'http://a/')); // expect: TypeError: Receiver must be an instance of class Cache

	// --- put, match ---
	const made = new Response('body', { status: 201, statusText: 'Made', headers: { 'x-a': '1', 'content-type': 'text/x' } });
	console.log(await c.put('https://h/a?q#fragment', made), made.bodyUsed); // expect: undefined true
	const got = await c.match('https://h/a?q');
	console.log(got.status, got.statusText, got.type, JSON.stringify(got.url), [...got.headers].join(' '), await got.text()); // expect: 201 Made default "" content-type,text/x x-a,1 body
	await say((async () => got.headers.set('x-a', '2'))()); // expect: TypeError: The headers are immutable
	console.log(await text(c.match(new Request('https://h/a?q#other'))), await c.match('https://h/a'), await c.match('https://h/A?q')); // expect: body undefined undefined
	console.log(await text(c.match('https://h/a', { ignoreSearch: true })), await text(c.match('https://h/a?x', { ignoreSearch: true }))); // expect: body body
	console.log(await c.match(new Request('https://h/a?q', { method: 'HEAD' })), await text(c.match(new Request('https://h/a?q', { method: 'POST' }), { ignoreMethod: true }))); // expect: undefined body
	await c.put('https://h/a?q', new Response('second'));
	console.log(await urls(c), await text(c.match('https://h/a?q'))); // expect: h/a?q second
	await c.put('https://h/b', new Response(null, { status: 204 }));
	const empty = await c.match('https://h/b');
	console.log(empty.status, empty.body); // expect: 204 null
	await c.put('https://h/c', new Response(''));
	console.log(JSON.stringify(await text(c.match('https://h/c'))), await urls(c)); // expect: "" h/a?q,h/b,h/c
	await c.put('https://h/a?q', new Response('third'));
	console.log(await urls(c), (await c.matchAll()).length, (await c.matchAll('https://h/b')).length, (await c.matchAll('https://h/x')).length); // expect: h/b,h/c,h/a?q 3 1 0
	console.log(await urls(c, 'https://h/a', { ignoreSearch: true }), await urls(c, new Request('https://h/b', { method: 'PUT' })) === ''); // expect: h/a?q true
	const key = (await c.keys('https://h/b'))[0];
	console.log(key instanceof Request, key.method, key.url, [...key.headers].length); // expect: true GET https://h/b 0

	// --- what is refused ---
	await say(c.put(new Request('https://h/x', { method: 'POST' }), new Response())); // expect: TypeError: put: only GET can be cached, not POST
	await say(c.put('data:,x', new Response())); // expect: TypeError: put: only http: and https: can be cached, not 'data:,x'
	await say(c.put('https://h/x', new Response('p', { status: 206 }))); // expect: TypeError: put: a partial response cannot be cached
	await say(c.put('https://h/x', new Response('', { headers: { vary: 'a, *' } }))); // expect: TypeError: put: a response that varies by everything cannot be cached
	await say(c.put('https://h/x', 'no response')); // expect: TypeError: put: the second argument is not a Response
	await say(c.put('https://h/x')); // expect: TypeError: put: 2 arguments required, but only 1 given
	const used = new Response('used');
	await used.text();
	await say(c.put('https://h/x', used)); // expect: TypeError: put: the body was read, or is locked
	const locked = new Response('locked');
	locked.body.getReader();
	await say(c.put('https://h/x', locked)); // expect: TypeError: put: the body was read, or is locked
	await say(c.put('https://h/x', new Response(new ReadableStream({ pull: (s) => s.error(new RangeError('mine')) })))); // expect: RangeError: mine
	await say(c.put('https://h/x', new Response(new ReadableStream({ start: (s) => s.enqueue('text') })))); // expect: TypeError: A chunk of the body is not a Uint8Array
	await say(c.match()); // expect: TypeError: match: 1 argument required, but only 0 given
	await say(c.match('https://h/b', 1)); // expect: TypeError: options is not an object
	console.log(await c.match('https://h/x')); // expect: undefined

	// --- add, without a network; the Web Platform Tests have the rest ---
	await say(c.add('data:,x')); // expect: TypeError: add: only http: and https: can be cached, not 'data:,x'
	await say(c.addAll(['http://127.0.0.1:1/', new Request('http://127.0.0.1:1/', { method: 'POST' })])); // expect: TypeError: addAll: only GET can be cached, not POST
	await say(c.addAll(['http://127.0.0.1:1/', 'http://127.0.0.1:1/#x'])); // expect: InvalidStateError: addAll: 'http://127.0.0.1:1/#x' is there twice
	const refused = await c.addAll(['http://127.0.0.1:1/', 'http://127.0.0.1:1/2']).catch((e) => e);
	console.log(refused.name, refused.cause?.code, await c.match('http://127.0.0.1:1/')); // expect: TypeError ECONNREFUSED undefined
	console.log(await c.addAll([])); // expect: undefined

	// --- Vary ---
	const v = await caches.open('vary');
	const by = (cookie) => new Request('https://h/v', { headers: cookie ? { cookie, 'x-y': 'z' } : {} });
	await v.put(by('a'), new Response('is a', { headers: { vary: 'Cookie' } }));
	await v.put(by('b'), new Response('is b', { headers: { vary: 'cookie, X-Y' } }));
	console.log(await text(v.match(by('a'))), await text(v.match(by('b'))), await v.match(by('c')), await v.match(by())); // expect: is a is b undefined undefined
	console.log(await text(v.match(by('c'), { ignoreVary: true })), (await v.matchAll(by(), { ignoreVary: true })).length, (await v.keys()).map((r) => r.headers.get('cookie')).join()); // expect: is a 2 a,b
	await v.put(by('a'), new Response('new a', { headers: { vary: 'Cookie' } }));
	console.log(await text(v.match(by('a'))), (await v.keys()).length); // expect: new a 2
	console.log(await v.delete(by('c')), await v.delete(by('c'), { ignoreVary: true }), (await v.keys()).length); // expect: false true 0

	// --- delete ---
	console.log(await c.delete('https://h/b#x'), await c.delete('https://h/b'), await c.delete('https://h/a'), await c.delete('https://h/a', { ignoreSearch: true }), await urls(c)); // expect: true false false true h/c
	console.log(await c.delete(new Request('https://h/c', { method: 'POST' })), await c.delete(new Request('https://h/c', { method: 'POST' }), { ignoreMethod: true })); // expect: false true

	// --- storage.match ---
	await c.put('https://h/both', new Response('in one'));
	await v.put('https://h/both', new Response('in vary'));
	console.log(await text(caches.match('https://h/both')), await text(caches.match('https://h/both', { cacheName: 'vary' })), await caches.match('https://h/both', { cacheName: 'none' }), await caches.match('https://h/none')); // expect: in one in vary undefined undefined

	// --- a deleted cache can be used by who has it ---
	console.log(await caches.delete('one'), await caches.has('one'), await urls(c)); // expect: true false h/both
	await c.put('https://h/more', new Response('more'));
	console.log(await text(c.match('https://h/more')), (await (await caches.open('one')).keys()).length); // expect: more 0
	for (const name of await caches.keys())
		await caches.delete(name);
	console.log((await caches.keys()).length); // expect: 0
})();
