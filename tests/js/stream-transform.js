// SPDX-License-Identifier: Apache-2.0
// TransformStream: transform, flush, errors, termination, cancelling.
(async () => {
	const name = (p) => p.then((v) => `fulfilled ${v}`, (e) => e?.name ?? e);
	const t = new TransformStream({
		start(c) {
			c.enqueue('start');
		},
		transform(chunk, c) {
			c.enqueue(chunk.toUpperCase());
		},
		flush(c) {
			c.enqueue('end');
		},
	});
	const w = t.writable.getWriter();
	w.write('a');
	w.write('b');
	w.close();
	const out = [];
	for await (const v of t.readable)
		out.push(v);
	console.log(out.join()); // expect: start,A,B,end
	const id = new TransformStream();
	id.writable.getWriter().write({ same: 1 });
	console.log((await id.readable.getReader().read()).value.same); // expect: 1
	const bad = new TransformStream({ transform() {
		throw new RangeError('t');
	} });
	const bw = bad.writable.getWriter();
	const br = bad.readable.getReader();
	console.log(await name(Promise.all([bw.write(1), br.read()])), await name(br.closed), await name(bw.closed)); // expect: RangeError RangeError RangeError
	let cancelled;
	const can = new TransformStream({ cancel(r) {
		cancelled = r;
	} });
	await can.readable.cancel('why');
	console.log(cancelled, await name(can.writable.getWriter().closed)); // expect: why why
	const ab = new TransformStream({ cancel(r) {
		cancelled = r;
	} });
	await ab.writable.abort('stop');
	console.log(cancelled, await name(ab.readable.getReader().read())); // expect: stop stop
	const term = new TransformStream({ transform(chunk, c) {
		c.enqueue(chunk);
		c.terminate();
	} });
	const tw = term.writable.getWriter();
	const tr = term.readable.getReader();
	tw.write(1).catch(() => {});
	console.log((await tr.read()).value, (await tr.read()).done, await name(tw.closed)); // expect: 1 true TypeError
	const slow = new TransformStream({}, { highWaterMark: 1 }, { highWaterMark: 0 });
	const sw = slow.writable.getWriter();
	let written = false;
	sw.write('x').then(() => {
		written = true;
	});
	await new Promise((r) => setTimeout(r, 1));
	console.log(written, sw.desiredSize); // expect: false 0
	console.log((await slow.readable.getReader().read()).value, await new Promise((r) => setTimeout(() => r(written), 1))); // expect: x true
	const throws = (f) => {
		try {
			f();
			return 'nothing';
		} catch (e) {
			return e.name;
		}
	};
	console.log(throws(() => new TransformStream({ readableType: 'x' })), throws(() => new TransformStream({ transform: 1 })), throws(() => new TransformStreamDefaultController())); // expect: RangeError TypeError TypeError
	console.log(throws(() => new TransformStream({ start() {
		throw new URIError('s');
	} }))); // expect: URIError
})();
