// SPDX-License-Identifier: Apache-2.0
// When streams call whom: what the standard's turns of microtasks decide, and foreign receivers.
(async () => {
	let controller;
	let during = false;
	let wrote = 'nothing';
	const sink = { write: (chunk) => {
		wrote = `${chunk} ${during}`;
	} };
	const source = { start(c) {
		controller = c;
	} };
	const piping = new ReadableStream(source, { highWaterMark: 0 }).pipeTo(new WritableStream(sink));
	await null;
	await null;
	during = true;
	controller.enqueue('late');
	during = false;
	controller.close();
	await piping;
	console.log(wrote); // expect: late false

	let pulls = 0;
	const counting = new ReadableStream({ pull(c) {
		c.enqueue(pulls++);
	} });
	const it = counting.values();
	const results = await Promise.all([it.next(), it.return('r'), it.next()]);
	console.log(JSON.stringify(results), pulls); // expect: [{"value":0,"done":false},{"value":"r","done":true},{"done":true}] 2

	const asked = [];
	const pair = {
		get readable() {
			asked.push('readable');
			return null;
		},
		get writable() {
			asked.push('writable');
			return new WritableStream();
		},
	};
	try {
		new ReadableStream().pipeThrough(pair);
	} catch (e) {
		console.log(e.name, asked.join()); // expect: TypeError readable
	}

	const foreign = [[ReadableStreamDefaultReader, 'read'], [ReadableStreamDefaultReader, 'cancel'],
		[ReadableStreamBYOBReader, 'read'], [WritableStreamDefaultWriter, 'write'],
		[WritableStreamDefaultWriter, 'close'], [WritableStreamDefaultWriter, 'abort']];
	for (const [klass, name] of foreign)
		for (const receiver of [null, undefined, 1, {}]) {
			const reason = await klass.prototype[name].call(receiver).catch((e) => e);
			if (!(reason instanceof TypeError) || !/Illegal invocation/.test(reason.message))
				console.log('wrong', klass.name, name, reason);
		}
})();
