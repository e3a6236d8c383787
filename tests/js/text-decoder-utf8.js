// SPDX-License-Identifier: Apache-2.0
// TextDecoder for UTF-8: BOM, replacement, fatal, streaming.
const bytes = (...b) => new Uint8Array(b);
const d = new TextDecoder();
console.log(d.encoding, d.fatal, d.ignoreBOM); // expect: utf-8 false false
console.log(d.decode(bytes(0xef, 0xbb, 0xbf, 0x61))); // expect: a
console.log(new TextDecoder('utf8', { ignoreBOM: true }).decode(bytes(0xef, 0xbb, 0xbf, 0x61)).length); // expect: 2
const show = (...b) => JSON.stringify(d.decode(bytes(...b)));
console.log(show(0xf0, 0x9f, 0x98, 0x80)); // expect: "😀"
console.log(show(0xc0, 0x80)); // expect: "��"
console.log(show(0xed, 0xa0, 0x80)); // expect: "���"
console.log(show(0xf4, 0x90, 0x80, 0x80)); // expect: "����"
console.log(show(0xe2, 0x82, 0x41)); // expect: "�A"
console.log(show(0xf0, 0x9f, 0x98)); // expect: "�"
console.log(show(0xff, 0x61, 0x80)); // expect: "�a�"
const s = new TextDecoder();
let out = '';
for (const b of [0xef, 0xbb, 0xbf, 0xe2, 0x82, 0xac, 0xf0, 0x9f, 0x98, 0x80, 0xc3])
	out += s.decode(bytes(b), { stream: true });
console.log(JSON.stringify(out), JSON.stringify(s.decode())); // expect: "€😀" "�"
console.log(s.decode(bytes(0xef, 0xbb, 0xbf, 0x62))); // expect: b
const f = new TextDecoder('utf-8', { fatal: true });
for (const bad of [[0xff], [0xc3], [0xe2, 0x82], [0xed, 0xa0, 0x80], [0xf0, 0x80, 0x80, 0x80], [0xc1, 0xbf]]) {
	try {
		console.log('accepted', f.decode(bytes(...bad)));
	} catch (e) {
		if (!(e instanceof TypeError))
			console.log('wrong error', e);
	}
}
console.log(f.decode(bytes(0xc3), { stream: true }).length, f.decode(bytes(0xa4))); // expect: 0 ä
console.log(new TextDecoder().decode(new DataView(bytes(0x61, 0x62, 0x63).buffer, 1, 1))); // expect: b
console.log(new TextDecoder().decode(new Uint16Array([0x6261]))); // expect: ab
console.log(new TextDecoder().decode().length); // expect: 0
try {
	new TextDecoder('nope');
} catch (e) {
	console.log(e.name, e.message.includes('nope')); // expect: RangeError true
}
try {
	d.decode('text');
} catch (e) {
	console.log(e.name); // expect: TypeError
}
