// SPDX-License-Identifier: Apache-2.0
// TextDecoder for the encodings of the web's past.
const dec = (label, ...b) => new TextDecoder(label).decode(new Uint8Array(b));
console.log(dec('latin1', 0x80, 0xe4, 0xff)); // expect: €äÿ
console.log(dec('windows-1251', 0xcf, 0xf0, 0xe8)); // expect: При
console.log(dec('iso-8859-2', 0xb1, 0xe6)); // expect: ąć
console.log(dec('iso-8859-16', 0xaa, 0xa4)); // expect: Ș€
console.log(dec('koi8-u', 0xae, 0xbe)); // expect: ўЎ
console.log(dec('ibm866', 0x80, 0xf0)); // expect: АЁ
console.log(dec('macintosh', 0xdb)); // expect: €
console.log(dec('x-mac-cyrillic', 0xff)); // expect: €
console.log(dec('windows-874', 0xa1, 0xdb) === '\u0e01\ufffd'); // expect: true
console.log(dec('x-user-defined', 0x41, 0x80) === 'A\uf780'); // expect: true
console.log(dec('shift_jis', 0x93, 0xfa, 0x96, 0x7b)); // expect: 日本
console.log(dec('euc-jp', 0xc6, 0xfc, 0xcb, 0xdc)); // expect: 日本
console.log(dec('iso-2022-jp', 0x1b, 0x24, 0x42, 0x46, 0x7c, 0x1b, 0x28, 0x42, 0x41)); // expect: 日A
console.log(dec('gbk', 0xd6, 0xd0, 0xce, 0xc4)); // expect: 中文
console.log(dec('gb18030', 0x81, 0x30, 0x81, 0x30) === '\x80'); // expect: true
console.log(dec('big5', 0xa4, 0xa4, 0xa4, 0xe5)); // expect: 中文
console.log(dec('euc-kr', 0xc7, 0xd1)); // expect: 한
const labels = ['ascii', 'Shift-JIS', ' utf8\n', 'iso-8859-9', 'tis-620', 'logical', 'x-sjis'];
console.log(labels.map((l) => new TextDecoder(l).encoding).join()); // expect: windows-1252,shift_jis,utf-8,windows-1254,windows-874,iso-8859-8-i,shift_jis
const s = new TextDecoder('shift_jis');
let out = '';
for (const b of [0x93, 0xfa, 0x96, 0x7b])
	out += s.decode(new Uint8Array([b]), { stream: true });
console.log(out + s.decode()); // expect: 日本
const j = new TextDecoder('iso-2022-jp');
out = '';
for (const b of [0x1b, 0x24, 0x42, 0x46, 0x7c, 0x1b, 0x28, 0x42, 0x41])
	out += j.decode(new Uint8Array([b]), { stream: true });
console.log(out + j.decode()); // expect: 日A
for (const label of ['windows-874', 'euc-kr', 'gbk']) {
	try {
		console.log(new TextDecoder(label, { fatal: true }).decode(new Uint8Array([0xff, 0xdb])));
	} catch (e) {
		if (!(e instanceof TypeError))
			console.log('wrong error', e);
	}
}
for (const label of ['replacement', 'iso-2022-kr', 'hz-gb-2312', 'utf-7', '']) {
	try {
		new TextDecoder(label);
		console.log('accepted', label);
	} catch (e) {
		if (!(e instanceof RangeError))
			console.log('wrong error', e);
	}
}
