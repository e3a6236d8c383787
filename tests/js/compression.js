// SPDX-License-Identifier: Apache-2.0
// CompressionStream and DecompressionStream: formats, errors, back-pressure.
(async () => {
	const FORMATS = ['gzip', 'deflate', 'deflate-raw', 'brotli', 'zstd'];
	const bytes = async (stream) => new Uint8Array(await new Response(stream).arrayBuffer());
	const through = (data, transform) => bytes(new Blob([data]).stream().pipeThrough(transform));
	const name = (p) => p.then(() => 'nothing', (e) => e.name);
	const text = 'To be, or not to be, that is the question. '.repeat(5000);
	const packed = {};
	for (const f of FORMATS) {
		packed[f] = await through(text, new CompressionStream(f));
		const back = await through(packed[f], new DecompressionStream(f));
		console.log(f, packed[f].length < 3000, new TextDecoder().decode(back) === text);
	}
	// expect: gzip true true
	// expect: deflate true true
	// expect: deflate-raw true true
	// expect: brotli true true
	// expect: zstd true true

	// What others packed: "hi", then nothing.
	const hex = (s) => new Uint8Array(s.match(/../g).map((b) => parseInt(b, 16)));
	const foreign = {
		gzip: '1f8b0800000000000003cbc80400ac2a93d802000000', deflate: '789ccbc80400013b00d2',
		'deflate-raw': 'cbc80400', brotli: '8b0080686903', zstd: '28b52ffd04581100006869fa3826ea',
	};
	for (const f of FORMATS)
		console.log(new TextDecoder().decode(await through(hex(foreign[f]), new DecompressionStream(f)))); // expect: hi
	// expect: hi
	// expect: hi
	// expect: hi
	// expect: hi
	const twoFrames = hex(foreign.zstd + foreign.zstd);
	console.log((await through(twoFrames, new DecompressionStream('zstd'))).length); // expect: 4

	// Broken in every way: cut, empty, something behind it, damaged. A TypeError each.
	const wrong = [];
	for (const f of FORMATS) {
		const good = packed[f];
		const more = new Uint8Array(good.length + 1);
		more.set(good);
		for (const data of [good.slice(0, -1), new Uint8Array(0), more, new Uint8Array(64).fill(0x5a)])
			wrong.push(await name(through(data, new DecompressionStream(f))));
	}
	console.log(wrong.length, new Set(wrong).size, wrong[0]); // expect: 20 1 TypeError
	const message = (p) => p.catch((e) => e.message);
	console.log(await message(through(packed.gzip.slice(0, 9), new DecompressionStream('gzip')))); // expect: the gzip stream ends too early
	const bigWindow = hex('28b52ffd04881100006869');
	console.log(await message(through(bigWindow, new DecompressionStream('zstd')))); // expect: the data is not valid zstd: Frame requires too much memory for decoding

	// One byte at a time gives the same.
	const single = new DecompressionStream('brotli');
	const feed = single.writable.getWriter();
	const whole = bytes(single.readable);
	for (const b of packed.brotli)
		feed.write(new Uint8Array([b]));
	feed.close();
	console.log((await whole).length === text.length); // expect: true

	// Chunks that are no bytes.
	for (const chunk of ['text', 1, null, undefined, {}, [1], new Uint8Array(new SharedArrayBuffer(2))]) {
		const s = new CompressionStream('gzip');
		const w = s.writable.getWriter();
		const [a, b] = await Promise.all([name(w.write(chunk)), name(s.readable.getReader().read())]);
		if (a !== 'TypeError' || b !== 'TypeError')
			console.log('accepted', chunk, a, b);
	}
	const throws = (fn) => {
		try {
			fn();
			return 'nothing';
		} catch (e) {
			return e.name;
		}
	};
	console.log(throws(() => new CompressionStream()), throws(() => new DecompressionStream('GZIP'))); // expect: TypeError TypeError
	console.log(throws(() => CompressionStream('gzip')), throws(() => DecompressionStream.prototype.readable)); // expect: TypeError TypeError

	// A bomb is unpacked as fast as it is read, and no faster.
	const megabyte = new Uint8Array(1 << 20);
	const zeros = ReadableStream.from(Array(16).fill(megabyte));
	const bomb = await bytes(zeros.pipeThrough(new CompressionStream('zstd')));
	const slow = new DecompressionStream('zstd');
	const writer = slow.writable.getWriter();
	let written = false;
	const write = writer.write(bomb).then(() => (written = true));
	const reader = slow.readable.getReader();
	console.log((await reader.read()).value.length <= 65536); // expect: true
	bomb.fill(0); // it is no longer looked at
	await new Promise((r) => setTimeout(r, 20));
	console.log(written); // expect: false
	writer.close();
	let total = 65536;
	for (let step; !(step = await reader.read()).done;)
		total += step.value.length;
	console.log(await write, total >= 16 << 20, total < 17 << 20); // expect: true true true

	// The end from outside, in the middle of a chunk.
	const gzipBomb = await bytes(ReadableStream.from(Array(4).fill(megabyte)).pipeThrough(new CompressionStream('gzip')));
	const start = async () => {
		const s = new DecompressionStream('gzip');
		const w = s.writable.getWriter();
		const done = w.write(gzipBomb).then(() => 'written', (e) => e);
		const r = s.readable.getReader();
		await r.read();
		return [w, r, done];
	};
	const [, r1, done1] = await start();
	await r1.cancel('enough');
	console.log(await done1); // expect: enough
	const [w2, r2, done2] = await start();
	const aborted = w2.abort('stop').catch((e) => e);
	const seen = [await r2.read().catch((e) => e), await r2.read().catch((e) => e), await done2];
	console.log(seen[1], seen[2], await aborted); // expect: stop stop stop

	// Streams that are forgotten give their memory back: together these would be refused.
	const opens = hex('28b52ffd0458010000');
	let refused = 0;
	for (let i = 0; i < 300; i++) {
		new DecompressionStream('zstd').writable.getWriter().write(opens).catch(() => refused++);
		if (i % 10 === 0)
			await new Promise((r) => setTimeout(r, 0));
	}
	console.log(refused); // expect: 0
})();
