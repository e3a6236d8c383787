// SPDX-License-Identifier: Apache-2.0
// Byte streams: BYOB reads, requests, min, autoAllocateChunkSize, transfer of buffers.
(async () => {
	const show = ({ value, done }) => `${value && `${value.constructor.name}:${[...new Uint8Array(value.buffer, value.byteOffset, value.byteLength)].join('.')}`} ${done}`;
	const name = (p) => p.then(() => 'nothing', (e) => e.name);
	let c;
	const make = (more) => new ReadableStream({ type: 'bytes', start(k) {
		c = k;
	}, ...more });
	const s = make();
	const r = s.getReader({ mode: 'byob' });
	const buffer = new ArrayBuffer(4);
	const pending = r.read(new Uint8Array(buffer, 1, 2));
	console.log(buffer.byteLength, c.byobRequest.view.byteLength, c.byobRequest.view.byteOffset); // expect: 0 2 1
	c.byobRequest.view[0] = 7;
	c.byobRequest.respond(1);
	const got = await pending;
	console.log(show(got), got.value.byteOffset, got.value.buffer.byteLength); // expect: Uint8Array:7 false 1 4
	c.enqueue(new Uint8Array([1, 2, 3]));
	console.log(c.desiredSize, show(await r.read(new Uint16Array(1))), show(await r.read(new Uint8Array(9)))); // expect: -3 Uint16Array:1.2 false Uint8Array:3 false
	const all = r.read(new Uint8Array(4), { min: 3 });
	c.enqueue(new Uint8Array([5]));
	c.enqueue(new Uint8Array([6, 7]));
	console.log(show(await all)); // expect: Uint8Array:5.6.7 false
	const last = r.read(new Uint8Array(4));
	c.close();
	c.byobRequest.respond(0);
	console.log(show(await last), c.byobRequest); // expect: Uint8Array: true null
	const odd = make();
	const or = odd.getReader({ mode: 'byob' });
	const half = or.read(new Uint16Array(1));
	c.enqueue(new Uint8Array(1));
	try {
		c.close();
	} catch (e) {
		console.log(e.name, await name(half)); // expect: TypeError TypeError
	}
	const auto = make({ autoAllocateChunkSize: 8, pull(k) {
		const { view } = k.byobRequest;
		view[0] = view.byteLength;
		k.byobRequest.respond(1);
	} });
	console.log(show(await auto.getReader().read())); // expect: Uint8Array:8 false
	const nv = make({ pull(k) {
		const { view } = k.byobRequest;
		const moved = structuredClone(view, { transfer: [view.buffer] });
		moved[0] = 42;
		k.byobRequest.respondWithNewView(moved.subarray(0, 1));
	} });
	console.log(show(await nv.getReader({ mode: 'byob' }).read(new Uint8Array(3)))); // expect: Uint8Array:42 false
	const given = new Uint8Array([1]);
	const d = make();
	c.enqueue(given);
	console.log(given.byteLength, show(await d.getReader().read())); // expect: 0 Uint8Array:1 false
	const e = make().getReader({ mode: 'byob' });
	const throws = (f) => {
		try {
			f();
			return 'nothing';
		} catch (err) {
			return err.name;
		}
	};
	console.log(await name(e.read(new Uint8Array(0))), await name(e.read(1)), await name(e.read(new Uint8Array(2), { min: 3 })), await name(e.read(new Uint8Array(1), { min: 0 }))); // expect: TypeError TypeError RangeError TypeError
	console.log(throws(() => c.enqueue(new Uint8Array(0))), throws(() => c.enqueue('x')), throws(() => c.enqueue(given))); // expect: TypeError TypeError TypeError
	const p = e.read(new Uint8Array(2));
	const request = c.byobRequest;
	console.log(throws(() => request.respond(0)), throws(() => request.respond(3)), throws(() => request.respondWithNewView(new Uint8Array(9)))); // expect: TypeError RangeError RangeError
	request.respond(2);
	console.log(throws(() => request.respond(1)), request.view, show(await p)); // expect: TypeError null Uint8Array:0.0 false
	const rel = e.read(new Uint8Array(2));
	e.releaseLock();
	console.log(await name(rel)); // expect: TypeError
	console.log(throws(() => make({ autoAllocateChunkSize: 0 })), throws(() => new ReadableStream({ type: 'bytes' }, { size() {} })), throws(() => new ReadableStreamBYOBReader(new ReadableStream()))); // expect: TypeError RangeError TypeError
})();
