// SPDX-License-Identifier: Apache-2.0
// Asynchronous iteration and ReadableStream.from().
(async () => {
	const log = [];
	const make = () => new ReadableStream({ pull(c) {
		c.enqueue(log.length);
	}, cancel(r) {
		log.push(`cancel ${r}`);
	} }, { highWaterMark: 0 });
	const s = make();
	for await (const v of s) {
		console.log(v, s.locked); // expect: 0 true
		break;
	}
	console.log(log.join(), s.locked); // expect: cancel undefined false
	const kept = make();
	for await (const v of kept.values({ preventCancel: true })) {
		void v;
		break;
	}
	console.log(log.length, kept.locked); // expect: 1 false
	const it = make().values();
	const [a, b, c] = await Promise.all([it.next(), it.return('done'), it.next()]);
	console.log(a.done, b.value, b.done, c.done); // expect: false done true true
	console.log(ReadableStream.prototype.values === ReadableStream.prototype[Symbol.asyncIterator]); // expect: true
	const proto = Object.getPrototypeOf(it);
	console.log(Object.keys(proto).join(), proto.next.length, proto.return.length); // expect: next,return 0 1
	const all = async (x) => {
		const out = [];
		for await (const v of x)
			out.push(v);
		return out.join();
	};
	console.log(await all(ReadableStream.from([1, Promise.resolve(2)]))); // expect: 1,2
	console.log(await all(ReadableStream.from(new Set('ab')))); // expect: a,b
	console.log(await all(ReadableStream.from((async function* () {
		yield 'x';
		yield 'y';
	})()))); // expect: x,y
	let returned;
	const source = { next: () => Promise.resolve({ value: 1, done: false }), return(r) {
		returned = r;
		return Promise.resolve({});
	}, [Symbol.asyncIterator]() {
		return this;
	} };
	await ReadableStream.from(source).cancel('bye');
	console.log(returned); // expect: bye
	for (const bad of [null, 1, {}, undefined, Symbol.iterator, { [Symbol.iterator]: 1 }]) {
		try {
			ReadableStream.from(bad);
			console.log('accepted', bad);
		} catch (e) {
			if (!(e instanceof TypeError))
				console.log('wrong error', e);
		}
	}
	const failing = ReadableStream.from((function* () {
		yield 1;
		throw new RangeError('gen');
	})());
	const r = failing.getReader();
	console.log((await r.read()).value, await r.read().catch((e) => e.name)); // expect: 1 RangeError
	let wrong = proto.next.call({});
	console.log(await wrong.catch((e) => e.name)); // expect: TypeError
})();
