// SPDX-License-Identifier: Apache-2.0
// caches.default is there always, believes Cache-Control and Expires, and has no name.
const d = caches.default;
const put = (path, headers, body = path) => d.put(`http://h/${path}`, new Response(body, { headers }));
const has = async (path) => await d.match(`http://h/${path}`) !== undefined;

(async () => {
	await put('plain', {});
	await put('fresh', { 'cache-control': 'public, max-age=1000' });
	await put('shared', { 'cache-control': 'max-age=0, s-maxage="1000"' });
	await put('later', { expires: 'Thu, 01 Jan 2099 00:00:00 GMT' });
	console.log(await has('plain'), await has('fresh'), await has('shared'), await has('later')); // expect: true true true true
	await put('stale', { 'cache-control': 'max-age=0' });
	await put('stale2', { 'cache-control': 'max-age=1000, s-maxage=0' });
	await put('past', { expires: 'Thu, 01 Jan 1970 00:00:00 GMT' });
	await put('odd', { expires: '0' });
	await put('private', { 'cache-control': 'Private' });
	await put('none', { 'cache-control': 'no-store' });
	await put('cookie', { 'set-cookie': 'a=b' });
	const names = ['stale', 'stale2', 'past', 'odd', 'private', 'none', 'cookie'];
	console.log((await Promise.all(names.map(has))).join()); // expect: false,false,false,false,false,false,false
	await put('short', { 'cache-control': 'max-age=1' });
	const real = Date.now;
	Date.now = () => real() + 5000;
	console.log(await has('short'), await has('fresh')); // expect: false true
	Date.now = real;

	// Other caches believe nothing, and are not that one.
	const c = await caches.open('default');
	await c.put('http://h/stale', new Response('s', { headers: { 'cache-control': 'max-age=0, private' } }));
	console.log(await (await c.match('http://h/stale')).text(), await has('stale'), (await caches.keys()).join()); // expect: s false default
	console.log(await caches.match('http://h/plain'), await caches.delete('default'), await has('plain')); // expect: undefined true true

	// When there is no room the oldest ones go: this is twice what there is.
	const block = new Uint8Array(8 << 20);
	for (let i = 0; i < 16; i++)
		await put(`big${i}`, {}, block);
	console.log(await has('plain'), await has('big0'), await has('big15'), await has('big14')); // expect: false false true true
	await put('tooBig', {}, new Uint8Array(65 << 20)).catch((e) => console.log(e.name, e.message)); // expect: QuotaExceededError cache: the entry is too large
	for (const request of await d.keys())
		await d.delete(request);
	console.log((await d.keys()).length); // expect: 0
})();
