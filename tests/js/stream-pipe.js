// SPDX-License-Identifier: Apache-2.0
// pipeTo and pipeThrough: ends, errors both ways, options, signals.
(async () => {
	const source = (n, end) => {
		let i = 0;
		return new ReadableStream({ pull(c) {
			if (i++ < n)
				c.enqueue(i);
			else if (end)
				c.error(end);
			else
				c.close();
		}, cancel(r) {
			log.push(`cancel ${r}`);
		} }, { highWaterMark: 0 });
	};
	const log = [];
	const sink = (more) => new WritableStream({
		write(chunk) {
			log.push(chunk);
		},
		close() {
			log.push('close');
		},
		abort(r) {
			log.push(`abort ${r}`);
		},
		...more,
	});
	const take = () => log.splice(0).join();
	const name = (p) => p.then((v) => `fulfilled ${v}`, (e) => e?.name ?? e);
	console.log(await name(source(3).pipeTo(sink())), take()); // expect: fulfilled undefined 1,2,3,close
	const open = sink();
	await source(2).pipeTo(open, { preventClose: true });
	console.log(take(), open.locked); // expect: 1,2 false
	console.log(await name(source(1, 'bad').pipeTo(sink())), take()); // expect: bad 1,abort bad
	console.log(await name(source(1, 'bad').pipeTo(sink(), { preventAbort: true })), take()); // expect: bad 1
	const throwing = { write() {
		throw 'full';
	} };
	console.log(await name(source(9).pipeTo(sink(throwing))), take()); // expect: full cancel full
	console.log(await name(source(9).pipeTo(sink(throwing), { preventCancel: true })), take() === ''); // expect: full true
	const ended = sink();
	await ended.close();
	take();
	console.log(await name(source(2).pipeTo(ended)), take()); // expect: TypeError cancel TypeError: The destination of the pipe is closed
	const c = new AbortController();
	const never = new ReadableStream({ cancel(r) {
		log.push(`cancel ${r}`);
	} });
	const piping = never.pipeTo(sink(), { signal: c.signal });
	c.abort('user');
	console.log(await name(piping), take()); // expect: user abort user,cancel user
	console.log(await name(source(1).pipeTo(sink(), { signal: AbortSignal.abort('early') })), take()); // expect: early abort early,cancel early
	const upper = new TransformStream({ transform(chunk, k) {
		k.enqueue(chunk * 10);
	} });
	const through = source(3).pipeThrough(upper);
	const out = [];
	for await (const v of through)
		out.push(v);
	console.log(out.join(), through === upper.readable); // expect: 10,20,30 true
	const throws = (f) => {
		try {
			f();
			return 'nothing';
		} catch (e) {
			return e.name;
		}
	};
	const locked = source(1);
	locked.getReader();
	console.log(await name(locked.pipeTo(sink())), throws(() => locked.pipeThrough(new TransformStream()))); // expect: TypeError TypeError
	console.log(await name(source(1).pipeTo({})), await name(source(1).pipeTo(sink(), { signal: 1 })), throws(() => source(1).pipeThrough({}))); // expect: TypeError TypeError TypeError
})();
