// SPDX-License-Identifier: Apache-2.0
// TextEncoderStream and TextDecoderStream.
(async () => {
	const through = async (chunks, stream) => {
		const out = [];
		for await (const v of ReadableStream.from(chunks).pipeThrough(stream))
			out.push(v);
		return out;
	};
	const bytes = (...b) => new Uint8Array(b);
	console.log((await through([bytes(0xe2), bytes(0x82, 0xac), bytes(0x61)], new TextDecoderStream())).join('|')); // expect: €|a
	console.log(JSON.stringify(await through([bytes(0xe2)], new TextDecoderStream()))); // expect: ["�"]
	const enc = await through(['a', '', '\ud83d', '\ude00', '\ud83d'], new TextEncoderStream());
	console.log(enc.map((c) => [...c].join('.')).join('|')); // expect: 97|240.159.152.128|239.191.189
	console.log(enc[0] instanceof Uint8Array); // expect: true
	const d = new TextDecoderStream('latin1', { fatal: true, ignoreBOM: true });
	console.log(d.encoding, d.fatal, d.ignoreBOM, new TextEncoderStream().encoding); // expect: windows-1252 true true utf-8
	const name = (p) => p.then(() => 'nothing', (e) => e.name);
	console.log(await name(through([bytes(0xff)], new TextDecoderStream('utf-8', { fatal: true })))); // expect: TypeError
	console.log(await name(through(['text'], new TextDecoderStream())), await name(through([Symbol('s')], new TextEncoderStream()))); // expect: TypeError TypeError
	console.log((await through([12, null], new TextEncoderStream())).map((c) => String.fromCharCode(...c)).join()); // expect: 12,null
	try {
		new TextDecoderStream('nope');
	} catch (e) {
		console.log(e.name); // expect: RangeError
	}
})();
