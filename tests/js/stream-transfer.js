// SPDX-License-Identifier: Apache-2.0
// Streams in a transfer list.
const throws = (f) => {
	try {
		f();
		return 'nothing';
	} catch (e) {
		return e.name;
	}
};
const readable = (...chunks) => new ReadableStream({
	start(controller) {
		for (const chunk of chunks)
			controller.enqueue(chunk);
		controller.close();
	},
});
async function all(stream) {
	const out = [];
	for await (const chunk of stream)
		out.push(chunk);
	return out;
}

(async () => {
	const chunk = { deep: [1] };
	const from = readable('a', chunk);
	const moved = structuredClone({ from }, { transfer: [from] }).from;
	console.log(from.locked, moved instanceof ReadableStream); // expect: true true
	const got = await all(moved);
	console.log(got[0], got[1].deep[0], got[1] !== chunk); // expect: a 1 true

	// What cannot be copied fails both sides.
	let cancelled;
	const bad = new ReadableStream({
		pull(controller) {
			controller.enqueue(() => {});
		},
		cancel(reason) {
			cancelled = reason.name;
		},
	});
	await all(structuredClone(bad, { transfer: [bad] })).catch((e) => console.log(e.name)); // expect: DataCloneError
	console.log(cancelled); // expect: DataCloneError

	// Errors and cancels cross over.
	const broken = new ReadableStream({
		start(controller) {
			controller.error(new RangeError('broken'));
		},
	});
	await all(structuredClone(broken, { transfer: [broken] })).catch((e) => console.log(e.name, e.message)); // expect: RangeError broken
	const endless = new ReadableStream({
		cancel: (reason) => console.log('cancelled', reason), // expect: cancelled enough
	});
	await structuredClone(endless, { transfer: [endless] }).cancel('enough');

	// A sink behind a port, with back-pressure.
	const written = [];
	const { port1, port2 } = new MessageChannel();
	await new Promise((closed) => {
		const sink = new WritableStream({
			write(c) {
				written.push(c);
			},
			close() {
				console.log('closed', written.join()); // expect: closed 1,2,3
				closed();
			},
		});
		port2.onmessage = async ({ data, ports }) => {
			const writer = data.getWriter();
			for (const n of [1, 2, 3])
				await writer.write(n);
			await writer.close();
			if (ports.length !== 0)
				console.log('a stream is no port');
		};
		port1.postMessage(sink, [sink]);
	});
	await new Promise((aborted) => {
		const sink = new WritableStream({
			abort(reason) {
				console.log('aborted', reason); // expect: aborted why
				aborted();
			},
		});
		structuredClone(sink, { transfer: [sink] }).abort('why');
	});

	const upper = new TransformStream({
		transform(c, controller) {
			controller.enqueue(c.toUpperCase());
		},
	});
	const t = structuredClone(upper, { transfer: [upper] });
	console.log(t instanceof TransformStream, (await all(readable('x', 'y').pipeThrough(t))).join('')); // expect: true XY

	const locked = readable(1);
	locked.getReader();
	console.log(throws(() => structuredClone(locked, { transfer: [locked] })), throws(() => structuredClone(readable(1)))); // expect: DataCloneError DataCloneError
})();
