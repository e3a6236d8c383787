// SPDX-License-Identifier: Apache-2.0
// Bodies go into a cache and come out of it as streams, whole or not at all.
const pattern = (length, step) => new Uint8Array(length).map((_, i) => (i * step) >> 3);
const same = (a, b) => a.length === b.length && a.every((v, i) => v === b[i]);
const chunked = (bytes, size) => {
	let at = 0;
	return new ReadableStream({
		pull(controller) {
			if (at >= bytes.length)
				return controller.close();
			controller.enqueue(bytes.slice(at, at += size));
		},
	});
};

(async () => {
	const c = await caches.open('bodies');
	// Around the sizes at which a block ends, and past a second one.
	const sizes = [1, 16000, 65300, 65400, 65495, 65496, 65497, 130992, 131072, 200000];
	for (const size of sizes)
		await c.put(`http://h/${size}`, new Response(pattern(size, 3)));
	let right = 0;
	for (const size of sizes)
		right += same(await (await c.match(`http://h/${size}`)).bytes(), pattern(size, 3));
	console.log(right === sizes.length, (await c.keys()).length === sizes.length); // expect: true true

	const long = pattern(300000, 5);
	for (const size of [1000, 65536, 100001, 300000]) {
		await c.put('http://h/stream', new Response(chunked(long, size)));
		console.log(same(await (await c.match('http://h/stream')).bytes(), long));
		// expect: true
		// expect: true
		// expect: true
		// expect: true
	}

	// Two readers of one entry, which is deleted meanwhile.
	const [one, two] = [await c.match('http://h/stream'), await c.match('http://h/stream')];
	const reader = one.body.getReader();
	const first = (await reader.read()).value;
	console.log(await c.delete('http://h/stream'), await c.match('http://h/stream')); // expect: true undefined
	let length = first.length;
	for (let r = await reader.read(); !r.done; r = await reader.read())
		length += r.value.length;
	console.log(length, same(await two.bytes(), long)); // expect: 300000 true

	// BYOB, tee, cancel.
	await c.put('http://h/long', new Response(long));
	const byob = (await c.match('http://h/long')).body.getReader({ mode: 'byob' });
	const piece = await byob.read(new Uint8Array(100));
	console.log(piece.value.length, same(piece.value, long.subarray(0, 100))); // expect: 100 true
	await byob.cancel();
	const teed = await c.match('http://h/long');
	const copy = teed.clone();
	console.log(same(await teed.bytes(), long), same(await copy.bytes(), long)); // expect: true true
	await (await c.match('http://h/long')).body.cancel('why');

	// What fails half-way leaves what was there before.
	let asked = 0;
	const failing = new ReadableStream({
		pull(controller) {
			if (++asked > 5)
				throw new RangeError('no more');
			controller.enqueue(new Uint8Array(50000));
		},
	});
	await c.put('http://h/long', new Response(failing)).catch((e) => console.log(e.message)); // expect: no more
	console.log(same(await (await c.match('http://h/long')).bytes(), long)); // expect: true

	// It is not there before it is complete, and the last one wins.
	let go;
	const slow = new ReadableStream({
		start(controller) {
			controller.enqueue(new Uint8Array(10));
			go = () => controller.close();
		},
	});
	const pending = c.put('http://h/slow', new Response(slow));
	console.log(await c.match('http://h/slow')); // expect: undefined
	await c.put('http://h/slow', new Response('quick'));
	go();
	await pending;
	console.log((await (await c.match('http://h/slow')).bytes()).length, (await c.keys('http://h/slow')).length); // expect: 10 1

	// Many at a time.
	await Promise.all(Array.from({ length: 40 }, (_, i) => c.put(`http://h/same`, new Response(`${i}`))));
	console.log((await c.keys('http://h/same')).length); // expect: 1
	await Promise.all(Array.from({ length: 40 }, (_, i) => c.put(`http://h/many/${i}`, new Response(`${i}`))));
	const texts = await Promise.all(Array.from({ length: 40 }, async (_, i) => (await c.match(`http://h/many/${i}`)).text()));
	console.log(texts.every((t, i) => t === `${i}`)); // expect: true
	console.log(await caches.delete('bodies')); // expect: true
})();
