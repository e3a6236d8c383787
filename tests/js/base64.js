// SPDX-License-Identifier: Apache-2.0
// atob() and btoa(): forgiving decoding, errors.
console.log(btoa(''), btoa('a'), btoa('ab'), btoa('abc'), btoa('\xff\0')); // expect:  YQ== YWI= YWJj /wA=
console.log(btoa(undefined), btoa(null), btoa(12)); // expect: dW5kZWZpbmVk bnVsbA== MTI=
const hex = (s) => [...s].map((c) => c.charCodeAt(0).toString(16)).join();
console.log(atob('YWJj'), atob('YWI'), atob(' Y Q\n= =\t')); // expect: abc ab a
console.log(hex(atob('/+8=')), hex(atob('gh'))); // expect: ff,ef 82
console.log(atob('').length); // expect: 0
for (const bad of ['a', 'abcde', 'ab=', 'a===', '====', 'ab-_', 'ab\0c', 'YQ==YQ==', 'ü', '€€€€']) {
	try {
		console.log('accepted', bad, atob(bad));
	} catch (e) {
		if (e.name !== 'InvalidCharacterError' || e.code !== 5)
			console.log('wrong error', bad, e);
	}
}
try {
	btoa('€');
} catch (e) {
	console.log(e.name, e instanceof DOMException); // expect: InvalidCharacterError true
}
let all = '';
for (let i = 0; i < 256; i++)
	all += String.fromCharCode(i);
for (let n = 0; n < 256; n++)
	if (atob(btoa(all.slice(0, n))) !== all.slice(0, n))
		console.log('differs', n);
try {
	atob();
} catch (e) {
	console.log(e.name); // expect: TypeError
}
