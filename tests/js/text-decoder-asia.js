// SPDX-License-Identifier: Apache-2.0
// The encodings of East Asia byte by byte: what is malformed, what is kept, which edition it is.
const hex = (s) => [...s].map((c) => c.codePointAt(0).toString(16)).join(' ');
const dec = (label, ...b) => hex(new TextDecoder(label).decode(new Uint8Array(b)));
console.log(dec('gbk', 0x80, 0xa3, 0xa0, 0xa6, 0xd9, 0xfe, 0x59)); // expect: 20ac 3000 fe10 9fb4
console.log(dec('gb18030', 0x81, 0x35, 0xf4, 0x37, 0x90, 0x30, 0x81, 0x30, 0xe3, 0x32, 0x9a, 0x35)); // expect: e7c7 10000 10ffff
console.log(dec('gb18030', 0x81, 0x30, 0x81, 0x41)); // expect: fffd 30 4e04
console.log(dec('gb18030', 0x81, 0x7f), dec('gb18030', 0xff), dec('gb18030', 0x81, 0x30)); // expect: fffd 7f fffd fffd
console.log(dec('big5', 0x88, 0x62, 0x88, 0xa5, 0x87, 0xa4, 0x8a, 0x44)); // expect: ca 304 ea 30c 9f97 20d15
console.log(dec('big5', 0x81, 0x40), dec('big5', 0xa4, 0xff, 0xa4)); // expect: fffd 40 fffd fffd
console.log(dec('shift_jis', 0x80, 0xb1, 0xf0, 0x40, 0x81, 0xff, 0xa0)); // expect: 80 ff71 e000 fffd fffd
console.log(dec('euc-jp', 0x8e, 0xb1, 0x8f, 0xb0, 0xa1, 0xa4, 0x41, 0x8f, 0xf3, 0xa1)); // expect: ff71 4e02 fffd 41 fffd
console.log(dec('euc-kr', 0xb0, 0xa1, 0xb0, 0x40, 0x81, 0x41)); // expect: ac00 fffd 40 ac02
const esc = (...b) => dec('iso-2022-jp', ...b.map((c) => (typeof c === 'string' ? c.charCodeAt(0) : c)));
const E = 0x1b;
console.log(esc(E, '$'), esc(E, '(', 'I', 0x0d, 'P'), esc(E, '(', 'J', 0x5c, 0x7e)); // expect: fffd 24 fffd ff90 a5 203e
console.log(esc(E, '(', 'B', E, '(', 'B', 'P'), esc(E, '$', '@', 'P', E, '(', 'B', 'P')); // expect: fffd 50 fffd 50
console.log(esc('P', E), esc(E, '$', 'B', 'P'), esc(E, '$', 'B', 'P', ' ')); // expect: 50 fffd fffd fffd

// A stream may stop anywhere; nothing of it is left for the next.
const d = new TextDecoder('gb18030');
const parts = [[0x90], [0x30, 0x81], [0x30, 0x41, 0x81]];
console.log(parts.map((p) => hex(d.decode(new Uint8Array(p), { stream: true }))).join('|')); // expect: ||10000 41
console.log(hex(d.decode()), hex(d.decode(new Uint8Array([0x41])))); // expect: fffd 41
const fatal = new TextDecoder('shift_jis', { fatal: true });
try {
	fatal.decode(new Uint8Array([0x93, 0xfa, 0x81, 0xff]), { stream: true });
} catch (e) {
	console.log(e instanceof TypeError, hex(fatal.decode(new Uint8Array([0x93, 0xfa])))); // expect: true 65e5
}
