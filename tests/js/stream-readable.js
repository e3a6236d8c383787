// SPDX-License-Identifier: Apache-2.0
// ReadableStream: controller, reader, pulling, cancelling, errors.
(async () => {
	const log = [];
	const s = new ReadableStream({
		start(c) {
			log.push(`start ${c.desiredSize}`);
		},
		pull(c) {
			log.push(`pull ${c.desiredSize}`);
			c.enqueue(log.length);
		},
		cancel(reason) {
			log.push(`cancel ${reason}`);
		},
	}, { highWaterMark: 2 });
	await new Promise((r) => setTimeout(r, 1));
	console.log(log.join()); // expect: start 2,pull 2,pull 1
	const r = s.getReader();
	console.log(s.locked, JSON.stringify(await r.read())); // expect: true {"value":2,"done":false}
	await r.cancel('enough');
	console.log(log.join()); // expect: start 2,pull 2,pull 1,pull 1,cancel enough
	console.log(JSON.stringify(await r.read()), await r.closed); // expect: {"done":true} undefined
	r.releaseLock();
	console.log(s.locked); // expect: false
	let c;
	const manual = new ReadableStream({ start(controller) {
		c = controller;
	} });
	const reader = manual.getReader();
	const pending = [reader.read(), reader.read()];
	c.enqueue('a');
	c.close();
	console.log(JSON.stringify(await Promise.all(pending))); // expect: [{"value":"a","done":false},{"done":true}]
	const name = (p) => p.then(() => 'nothing', (e) => e?.name ?? e);
	const throws = (f) => {
		try {
			f();
			return 'nothing';
		} catch (e) {
			return e.name;
		}
	};
	console.log(throws(() => c.enqueue(1)), throws(() => c.close()), c.desiredSize); // expect: TypeError TypeError 0
	const failing = new ReadableStream({ pull() {
		throw new RangeError('pull');
	} });
	const fr = failing.getReader();
	console.log(await name(fr.read()), await name(fr.closed)); // expect: RangeError RangeError
	const errored = new ReadableStream({ start(k) {
		k.error('why');
	} });
	console.log(await name(errored.cancel()), await name(errored.getReader().read())); // expect: why why
	const queued = new ReadableStream({ start(k) {
		k.enqueue(1);
		k.enqueue(2);
		k.close();
	} });
	const qr = queued.getReader();
	console.log((await qr.read()).value, (await qr.read()).value, (await qr.read()).done); // expect: 1 2 true
	const released = new ReadableStream().getReader();
	const waiting = released.read();
	released.releaseLock();
	console.log(await name(waiting), await name(released.closed), await name(released.read())); // expect: TypeError TypeError TypeError
	const locked = new ReadableStream();
	locked.getReader();
	console.log(throws(() => locked.getReader()), await name(locked.cancel()), throws(() => locked.tee())); // expect: TypeError TypeError TypeError
	const bad = [() => new ReadableStream({ type: 'x' }), () => new ReadableStream({ pull: 1 }), () => new ReadableStream(null),
		() => new ReadableStream({}, { size: 1 }), () => new ReadableStream({ start() {
			throw new TypeError('start');
		} }), () => new ReadableStreamDefaultController(), () => new ReadableStreamDefaultReader({}),
		() => new ReadableStream().getReader({ mode: 'x' }), () => new ReadableStream().getReader({ mode: 'byob' }), () => ReadableStream()];
	bad.forEach((f) => throws(f) === 'TypeError' || console.log('accepted', f));
	console.log(throws(() => new ReadableStream({}, { highWaterMark: -1 })), throws(() => new ReadableStream({}, { highWaterMark: NaN }))); // expect: RangeError RangeError
	console.log(await name(ReadableStream.prototype.cancel.call({})), throws(() => ReadableStream.prototype.locked)); // expect: TypeError TypeError
})();
