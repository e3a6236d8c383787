// SPDX-License-Identifier: Apache-2.0
// TextEncoder: UTF-8, lone surrogates, encodeInto() and what fits.
const e = new TextEncoder();
console.log(e.encoding); // expect: utf-8
console.log([...e.encode('aé€😀')].join()); // expect: 97,195,169,226,130,172,240,159,152,128
console.log([...e.encode('x\ud800y')].join()); // expect: 120,239,191,189,121
console.log(e.encode().length, e.encode(undefined).length, e.encode(null).length); // expect: 0 0 4
const into = (text, size) => {
	const bytes = new Uint8Array(size);
	const { read, written } = e.encodeInto(text, bytes);
	return `${read} ${written} ${[...bytes].join()}`;
};
console.log(into('abc', 2)); // expect: 2 2 97,98
console.log(into('a€', 3)); // expect: 1 1 97,0,0
console.log(into('😀b', 4)); // expect: 2 4 240,159,152,128
console.log(into('😀', 3)); // expect: 0 0 0,0,0
console.log(into('\ud800', 3)); // expect: 1 3 239,191,189
console.log(into('', 1)); // expect: 0 0 0
const part = new Uint8Array(8).subarray(2, 4);
e.encodeInto('xyz', part);
console.log([...new Uint8Array(part.buffer)].join()); // expect: 0,0,120,121,0,0,0,0
for (const bad of [new Int8Array(1), new ArrayBuffer(1), {}, null]) {
	try {
		e.encodeInto('x', bad);
		console.log('accepted', bad);
	} catch (err) {
		if (!(err instanceof TypeError))
			console.log('wrong error', err);
	}
}
