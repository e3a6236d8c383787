// SPDX-License-Identifier: Apache-2.0
// tee(): both branches get all, cancel waits for both, errors go to both.
(async () => {
	const [a, b] = new ReadableStream({ start(c) {
		c.enqueue(1);
		c.enqueue(2);
		c.close();
	} }).tee();
	const all = async (s) => {
		const out = [];
		for await (const v of s)
			out.push(v);
		return out.join();
	};
	console.log(await all(a), await all(b)); // expect: 1,2 1,2
	let reason;
	const [c, d] = new ReadableStream({ cancel(r) {
		reason = r;
	} }).tee();
	const first = c.cancel('x');
	const second = d.cancel('y');
	await Promise.all([first, second]);
	console.log(reason.join()); // expect: x,y
	const [e, f] = new ReadableStream({ pull() {
		throw new RangeError('no');
	} }).tee();
	const name = (p) => p.then(() => 'nothing', (err) => err.name);
	console.log(await name(e.getReader().read()), await name(f.getReader().read())); // expect: RangeError RangeError
	const chunk = new Uint8Array([1, 2, 3]);
	const [g, h] = new ReadableStream({ type: 'bytes', start(k) {
		k.enqueue(chunk);
		k.close();
	} }).tee();
	const byob = g.getReader({ mode: 'byob' });
	const got = await byob.read(new Uint8Array(2));
	console.log([...got.value].join(), [...(await h.getReader().read()).value].join()); // expect: 1,2 1,2
	console.log([...(await byob.read(new Uint8Array(2))).value].join(), (await byob.read(new Uint8Array(1))).done); // expect: 3 true
	let pulls = 0;
	const [x, y] = new ReadableStream({ pull(k) {
		k.enqueue(++pulls);
	} }, { highWaterMark: 0 }).tee();
	await new Promise((r) => setTimeout(r, 1));
	console.log(pulls); // expect: 1
	x.cancel();
	console.log((await y.getReader().read()).value); // expect: 1
})();
