// SPDX-License-Identifier: Apache-2.0
// TextDecoder for UTF-16 of both byte orders.
const bytes = (...b) => new Uint8Array(b);
console.log(new TextDecoder('utf-16').encoding, new TextDecoder('unicodefffe').encoding); // expect: utf-16le utf-16be
console.log(new TextDecoder('utf-16le').decode(bytes(0xff, 0xfe, 0x61, 0, 0x3d, 0xd8, 0, 0xde))); // expect: a😀
console.log(new TextDecoder('utf-16be').decode(bytes(0xfe, 0xff, 0, 0x61, 0xd8, 0x3d, 0xde, 0))); // expect: a😀
console.log(JSON.stringify(new TextDecoder('utf-16le').decode(bytes(0, 0xd8, 0x61, 0)))); // expect: "�a"
console.log(JSON.stringify(new TextDecoder('utf-16le').decode(bytes(0, 0xdc, 0x61)))); // expect: "��"
console.log(JSON.stringify(new TextDecoder('utf-16le').decode(bytes(0, 0xd8, 0x61)))); // expect: "�"
const d = new TextDecoder('utf-16le');
let out = '';
for (const b of [0x3d, 0xd8, 0, 0xde, 0x62])
	out += d.decode(bytes(b), { stream: true });
console.log(JSON.stringify(out), JSON.stringify(d.decode())); // expect: "😀" "�"
const f = new TextDecoder('utf-16be', { fatal: true });
for (const bad of [[0xd8, 0], [0xdc, 0], [0]]) {
	try {
		console.log('accepted', f.decode(bytes(...bad)));
	} catch (e) {
		if (!(e instanceof TypeError))
			console.log('wrong error', e);
	}
}
