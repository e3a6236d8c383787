// SPDX-License-Identifier: Apache-2.0
// Every way to read a body, and reading it twice.
(async () => {
	const make = () => new Response('{"a":"ü"}');
	console.log(await make().text()); // expect: {"a":"ü"}
	console.log((await make().json()).a); // expect: ü
	console.log((await make().arrayBuffer()).byteLength); // expect: 10
	console.log((await make().bytes()) instanceof Uint8Array); // expect: true
	const blob = await make().blob();
	console.log(blob.size, blob.type); // expect: 10 text/plain;charset=utf-8
	const empty = new Response();
	console.log(await empty.text() === '', (await empty.arrayBuffer()).byteLength, empty.bodyUsed); // expect: true 0 false
	console.log(await new Response('\ufeffbom').text()); // expect: bom
	console.log(await new Response(new Uint8Array([0xef, 0xbb, 0xbf, 0x61, 0xff])).text() === 'a\ufffd'); // expect: true
	const name = (p) => p.then(() => 'nothing', (e) => e.name);
	console.log(await name(new Response('{').json()), await name(new Response('').json())); // expect: SyntaxError SyntaxError
	const r = make();
	r.text();
	console.log(r.bodyUsed, await name(r.text()), await name(r.json())); // expect: true TypeError TypeError
	const locked = make();
	locked.body.getReader();
	console.log(locked.bodyUsed, await name(locked.text())); // expect: false TypeError
	console.log(await name(Response.prototype.text.call({})), await name(new Response('x').formData())); // expect: TypeError TypeError
	const source = new Uint8Array([1, 2, 3]);
	const copied = new Response(source);
	source[0] = 9;
	console.log([...await copied.bytes()].join()); // expect: 1,2,3
	const two = new Response('shared');
	const first = new Uint8Array(await two.clone().arrayBuffer());
	first[0] = 0;
	console.log(await two.text()); // expect: shared
	console.log(await name(new Response(new ReadableStream({
		start(c) {
			c.enqueue('text');
			c.close();
		},
	})).text())); // expect: TypeError
	console.log(await name(new Response(new ReadableStream({
		pull() {
			throw new RangeError('source');
		},
	})).text())); // expect: RangeError
	const chunks = new ReadableStream({
		start(c) {
			c.enqueue(new Uint8Array([0xe2, 0x82]));
			c.enqueue(new Uint8Array([0xac]));
			c.close();
		},
	});
	console.log(await new Response(chunks).text()); // expect: €
	console.log(chunks.locked, new Response('x').body instanceof ReadableStream); // expect: true true
	const b = new Response('abc').body;
	const reader = b.getReader({ mode: 'byob' });
	const { value } = await reader.read(new Uint8Array(2));
	console.log([...value].join()); // expect: 97,98
	console.log(await new Response(Object('boxed')).text(), await new Response(12).text()); // expect: boxed 12
})();
