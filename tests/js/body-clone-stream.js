// SPDX-License-Identifier: Apache-2.0
// Cloning a streamed body: both sides see all chunks; cancelling needs both.
(async () => {
	let cancelled = false;
	let n = 0;
	const stream = new ReadableStream({
		pull(c) {
			c.enqueue(new Uint8Array([65 + n++]));
			if (n === 3)
				c.close();
		},
		cancel() {
			cancelled = true;
		},
	});
	const a = new Response(stream);
	const b = a.clone();
	console.log(await a.text(), await b.text()); // expect: ABC ABC
	const endless = new Response(new ReadableStream({
		pull(c) {
			c.enqueue(new Uint8Array(1));
		},
		cancel(reason) {
			cancelled = reason;
		},
	}));
	const other = endless.clone();
	const first = endless.body.cancel('one');
	await Promise.resolve();
	console.log(cancelled); // expect: false
	await Promise.all([first, other.body.cancel('two')]);
	console.log(cancelled.join()); // expect: one,two
})();
