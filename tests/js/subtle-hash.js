// SPDX-License-Identifier: Apache-2.0
// crypto.subtle: hashes, HMAC, HKDF and PBKDF2 by the vectors of their standards.
const { subtle } = crypto;
const text = (s) => new TextEncoder().encode(s);
const hex = (b) => [...new Uint8Array(b)].map((v) => v.toString(16).padStart(2, '0')).join('');
const unhex = (s) => Uint8Array.from(s.match(/../g) ?? [], (v) => parseInt(v, 16));
const name = (p) => p.then(() => 'nothing', (e) => e.name);
(async () => {
	// FIPS 180-4
	console.log(hex(await subtle.digest('SHA-1', text('abc')))); // expect: a9993e364706816aba3e25717850c26c9cd0d89d
	console.log(hex(await subtle.digest({ name: 'sha-256' }, text('abc')))); // expect: ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad
	console.log(hex(await subtle.digest('SHA-384', text('abc'))).slice(0, 32)); // expect: cb00753f45a35e8bb5a03d699ac65007
	console.log(hex(await subtle.digest('SHA-512', new ArrayBuffer(0))).slice(0, 32)); // expect: cf83e1357eefb8bdf1542850d66d8007
	const view = new DataView(text('xabcx').buffer, 1, 3);
	console.log(hex(await subtle.digest('SHA-1', view))); // expect: a9993e364706816aba3e25717850c26c9cd0d89d

	// RFC 4231, 4.3
	const hmac = (hash, key, length) => subtle.importKey('raw', key, { name: 'HMAC', hash, length }, true, ['sign', 'verify']);
	const jefe = await hmac('SHA-256', text('Jefe'));
	const mac = await subtle.sign('HMAC', jefe, text('what do ya want for nothing?'));
	console.log(hex(mac)); // expect: 5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843
	console.log(await subtle.verify('HMAC', jefe, mac, text('what do ya want for nothing?'))); // expect: true
	console.log(await subtle.verify('HMAC', jefe, mac, text('what do ya want for nothing!'))); // expect: false
	console.log(await subtle.verify('HMAC', jefe, mac.slice(1), text('what do ya want for nothing?'))); // expect: false
	console.log(jefe.algorithm.length, (await hmac('SHA-512', new Uint8Array(2).fill(255), 11)).algorithm.length); // expect: 32 11
	console.log(hex(await subtle.exportKey('raw', await hmac('SHA-512', new Uint8Array(2).fill(255), 11)))); // expect: ffe0
	console.log(await name(hmac('SHA-512', new Uint8Array(2), 8)), await name(hmac('SHA-1', new Uint8Array(0)))); // expect: DataError DataError
	const made = await subtle.generateKey({ name: 'HMAC', hash: 'SHA-384' }, true, ['sign']);
	console.log(made.algorithm.length, (await subtle.exportKey('raw', made)).byteLength); // expect: 1024 128
	console.log(await name(subtle.generateKey({ name: 'HMAC', hash: 'SHA-1', length: 8388609 }, true, ['sign']))); // expect: OperationError

	// RFC 5869, A.1 and A.3, and more info than OpenSSL's own takes
	const ikm = await subtle.importKey('raw', unhex('0b'.repeat(22)), 'HKDF', false, ['deriveBits', 'deriveKey']);
	const hkdf = (salt, info, length) => subtle.deriveBits({ name: 'HKDF', hash: 'SHA-256', salt, info }, ikm, length);
	console.log(hex(await hkdf(unhex('000102030405060708090a0b0c'), unhex('f0f1f2f3f4f5f6f7f8f9'), 336))); // expect: 3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865
	console.log(hex(await hkdf(unhex(''), unhex(''), 336))); // expect: 8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8
	console.log((await hkdf(unhex(''), new Uint8Array(100000), 8)).byteLength); // expect: 1
	console.log((await hkdf(unhex(''), unhex(''), 255 * 256)).byteLength, await name(hkdf(unhex(''), unhex(''), 255 * 256 + 8))); // expect: 8160 OperationError
	console.log(await name(hkdf(unhex(''), unhex(''), 9)), await name(hkdf(unhex(''), unhex(''), null)), (await hkdf(unhex(''), unhex(''), 0)).byteLength); // expect: OperationError OperationError 0
	const aes = await subtle.deriveKey({ name: 'HKDF', hash: 'SHA-256', salt: unhex(''), info: unhex('') }, ikm, { name: 'AES-GCM', length: 128 }, true, ['encrypt']);
	console.log(hex(await subtle.exportKey('raw', aes))); // expect: 8da4e775a563c18f715f802a063c5a31

	// RFC 6070
	const password = await subtle.importKey('raw', text('password'), 'PBKDF2', false, ['deriveBits']);
	const pbkdf2 = (iterations, length) => subtle.deriveBits({ name: 'PBKDF2', hash: 'SHA-1', salt: text('salt'), iterations }, password, length);
	console.log(hex(await pbkdf2(1, 160))); // expect: 0c60c80f961f0e71f3a9b524af6012062fe037a6
	console.log(hex(await pbkdf2(4096, 160))); // expect: 4b007901b765489abead49d926f721d065a429c1
	console.log(await name(pbkdf2(0, 160)), await name(pbkdf2(10000001, 160)), await name(pbkdf2(5000001, 161 + 7))); // expect: OperationError OperationError OperationError
	console.log(await name(pbkdf2(1, 8 * 1048577)), await name(pbkdf2(-1, 8)), await name(pbkdf2(2 ** 32, 8))); // expect: OperationError TypeError TypeError
	console.log(await name(subtle.importKey('raw', text('p'), 'PBKDF2', true, ['deriveBits']))); // expect: SyntaxError
	console.log(await name(subtle.importKey('jwk', { kty: 'oct', k: 'AA' }, 'HKDF', false, ['deriveBits']))); // expect: NotSupportedError
})();
