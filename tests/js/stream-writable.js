// SPDX-License-Identifier: Apache-2.0
// WritableStream: order, back-pressure, closing, aborting, errors.
(async () => {
	const log = [];
	let release;
	const w = new WritableStream({
		start(c) {
			log.push(`start ${typeof c.error} ${c.signal instanceof AbortSignal}`);
		},
		write(chunk) {
			log.push(`write ${chunk}`);
			return new Promise((r) => {
				release = r;
			});
		},
		close() {
			log.push('close');
		},
	}, { highWaterMark: 2 });
	const writer = w.getWriter();
	console.log(writer.desiredSize, w.locked); // expect: 2 true
	const first = writer.write('a');
	writer.write('b');
	console.log(writer.desiredSize); // expect: 0
	let ready = false;
	writer.ready.then(() => {
		ready = true;
	});
	await new Promise((r) => setTimeout(r, 1));
	console.log(ready, log.join()); // expect: false start function true,write a
	release();
	await first;
	await writer.ready;
	console.log(ready, writer.desiredSize); // expect: true 1
	await new Promise((r) => setTimeout(r, 1));
	const closed = writer.close();
	release();
	await closed;
	console.log(log.join(), await writer.closed); // expect: start function true,write a,write b,close undefined
	const name = (p) => p.then(() => 'nothing', (e) => e?.name ?? e);
	console.log(await name(writer.write('c')), await name(writer.close()), writer.desiredSize); // expect: TypeError TypeError 0
	let reason;
	let signal;
	const a = new WritableStream({
		start(c) {
			signal = c.signal;
		},
		write() {
			return new Promise(() => {});
		},
		abort(r) {
			reason = r;
		},
	});
	const aw = a.getWriter();
	await aw.ready;
	aw.write(1).catch(() => {});
	aw.abort('stop');
	console.log(signal.aborted, signal.reason, reason); // expect: true stop undefined
	const b = new WritableStream({ abort(r) {
		reason = r;
	} });
	await b.abort('now');
	console.log(reason, await name(b.getWriter().closed)); // expect: now now
	const f = new WritableStream({ write() {
		throw new RangeError('sink');
	} });
	const fw = f.getWriter();
	console.log(await name(fw.write(1)), await name(fw.closed), await name(fw.ready), fw.desiredSize); // expect: RangeError RangeError RangeError null
	let controller;
	const e = new WritableStream({ start(c) {
		controller = c;
	} });
	controller.error('broken');
	console.log(await name(e.getWriter().write(1)), await name(e.close())); // expect: broken TypeError
	const l = new WritableStream();
	const lw = l.getWriter();
	lw.releaseLock();
	console.log(l.locked, await name(lw.closed), await name(lw.ready), await name(lw.write(1))); // expect: false TypeError TypeError TypeError
	const throws = (fn) => {
		try {
			fn();
			return 'nothing';
		} catch (err) {
			return err.name;
		}
	};
	console.log(throws(() => lw.desiredSize), throws(() => new WritableStream({ type: 'bytes' })), throws(() => new WritableStream({ write: 1 }))); // expect: TypeError RangeError TypeError
	console.log(throws(() => new WritableStreamDefaultController()), await name(WritableStream.prototype.close.call({}))); // expect: TypeError TypeError
	const two = new WritableStream();
	two.close();
	console.log(await name(two.close())); // expect: TypeError
})();
