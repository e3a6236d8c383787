// SPDX-License-Identifier: Apache-2.0
// crypto.subtle: AES by the vectors of NIST and RFC 3394, and what it refuses.
const { subtle } = crypto;
const hex = (b) => [...new Uint8Array(b)].map((v) => v.toString(16).padStart(2, '0')).join('');
const unhex = (s) => Uint8Array.from(s.match(/../g) ?? [], (v) => parseInt(v, 16));
const name = (p) => p.then(() => 'nothing', (e) => e.name);
const USES = ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey'];
const key = (algorithm, bytes, uses = USES) => subtle.importKey('raw', unhex(bytes), algorithm, true, uses);
(async () => {
	// SP 800-38A, F.2.1 and F.5.1
	const nist = '2b7e151628aed2a6abf7158809cf4f3c';
	const block = '6bc1bee22e409f96e93d7e117393172a';
	const cbc = { name: 'AES-CBC', iv: unhex('000102030405060708090a0b0c0d0e0f') };
	const cbcKey = await key('AES-CBC', nist);
	const sealed = await subtle.encrypt(cbc, cbcKey, unhex(block));
	console.log(hex(sealed).slice(0, 32), sealed.byteLength); // expect: 7649abac8119b246cee98e9b12e9197d 32
	console.log(hex(await subtle.decrypt(cbc, cbcKey, sealed)) === block); // expect: true
	console.log(await name(subtle.decrypt(cbc, cbcKey, sealed.slice(0, 16))), await name(subtle.decrypt(cbc, cbcKey, new Uint8Array(0)))); // expect: OperationError OperationError
	console.log(await name(subtle.encrypt({ name: 'AES-CBC', iv: new Uint8Array(15) }, cbcKey, unhex(block)))); // expect: OperationError
	const ctrKey = await key('AES-CTR', nist);
	const ctr = (counter, length) => ({ name: 'AES-CTR', counter: unhex(counter), length });
	console.log(hex(await subtle.encrypt(ctr('f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff', 128), ctrKey, unhex(block)))); // expect: 874d6191b620e3261bef6864990db6ce

	// A counter of few bits starts again at zero and leaves the others alone.
	const zeros = (blocks) => new Uint8Array(16 * blocks);
	const at = async (counter) => hex(await subtle.encrypt(ctr(counter, 64), ctrKey, zeros(1)));
	const wrapped = hex(await subtle.encrypt(ctr(`${'ab'.repeat(15)}f3`, 2), ctrKey, zeros(3)));
	console.log(wrapped === await at(`${'ab'.repeat(15)}f3`) + await at(`${'ab'.repeat(15)}f0`) + await at(`${'ab'.repeat(15)}f1`)); // expect: true
	const carried = hex(await subtle.encrypt(ctr('f'.repeat(32), 128), ctrKey, zeros(2)));
	console.log(carried === await at('f'.repeat(32)) + await at('0'.repeat(32))); // expect: true
	const half = hex(await subtle.encrypt(ctr('f'.repeat(32), 64), ctrKey, zeros(2)));
	console.log(half === await at('f'.repeat(32)) + await at('f'.repeat(16) + '0'.repeat(16))); // expect: true
	console.log(await name(subtle.encrypt(ctr('0'.repeat(32), 2), ctrKey, zeros(5)))); // expect: OperationError
	console.log(await name(subtle.encrypt(ctr('0'.repeat(32), 0), ctrKey, zeros(1))), await name(subtle.encrypt(ctr('0'.repeat(32), 256), ctrKey, zeros(1)))); // expect: OperationError TypeError

	// The GCM paper, test cases 2 and 4
	const gcmKey = await key('AES-GCM', '0'.repeat(32));
	console.log(hex(await subtle.encrypt({ name: 'AES-GCM', iv: zeros(1).slice(0, 12) }, gcmKey, zeros(1)))); // expect: 0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf
	const four = await key('AES-GCM', 'feffe9928665731c6d6a8f9467308308');
	const gcm = { name: 'AES-GCM', iv: unhex('cafebabefacedbaddecaf888'), additionalData: unhex('feedfacedeadbeeffeedfacedeadbeefabaddad2') };
	const plain = unhex('d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39');
	const tagged = new Uint8Array(await subtle.encrypt(gcm, four, plain));
	console.log(hex(tagged.slice(-16)), tagged.length); // expect: 5bc94fbc3221a5db94fae95ae7121a47 76
	console.log(hex(await subtle.decrypt(gcm, four, tagged)) === hex(plain)); // expect: true
	tagged[3] ^= 1;
	console.log(await name(subtle.decrypt(gcm, four, tagged)), await name(subtle.decrypt(gcm, four, tagged.slice(0, 15)))); // expect: OperationError OperationError
	console.log((await subtle.encrypt({ ...gcm, tagLength: 32 }, four, plain)).byteLength); // expect: 64
	console.log(await name(subtle.encrypt({ ...gcm, tagLength: 33 }, four, plain)), await name(subtle.encrypt({ ...gcm, iv: new Uint8Array(0) }, four, plain))); // expect: OperationError OperationError

	// RFC 3394, 4.1
	const kw = await key('AES-KW', '000102030405060708090a0b0c0d0e0f', ['wrapKey', 'unwrapKey']);
	const inner = await key('AES-CBC', '00112233445566778899aabbccddeeff');
	const parcel = await subtle.wrapKey('raw', inner, kw, 'AES-KW');
	console.log(hex(parcel)); // expect: 1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5
	const open = (bytes) => subtle.unwrapKey('raw', bytes, kw, 'AES-KW', 'AES-CBC', true, ['encrypt']);
	console.log(hex(await subtle.exportKey('raw', await open(parcel)))); // expect: 00112233445566778899aabbccddeeff
	const broken = new Uint8Array(parcel);
	broken[0] ^= 1;
	console.log(await name(open(broken)), await name(open(new Uint8Array(12))), await name(open(new Uint8Array(16)))); // expect: OperationError OperationError OperationError
	console.log(await name(subtle.encrypt('AES-KW', kw, zeros(1)))); // expect: NotSupportedError

	// Keys
	console.log(await name(key('AES-CBC', '00')), await name(key('AES-CBC', nist, ['sign'])), await name(key('AES-CBC', nist, []))); // expect: DataError SyntaxError SyntaxError
	const made = await subtle.generateKey({ name: 'aes-gcm', length: 192 }, true, ['decrypt', 'encrypt', 'decrypt']);
	console.log(JSON.stringify([made.algorithm, made.usages, made.type])); // expect: [{"name":"AES-GCM","length":192},["encrypt","decrypt"],"secret"]
	const jwk = await subtle.exportKey('jwk', made);
	console.log(jwk.kty, jwk.alg, jwk.ext, jwk.k.length, jwk.key_ops.join()); // expect: oct A192GCM true 32 encrypt,decrypt
	console.log(await name(subtle.generateKey({ name: 'AES-CBC', length: 100 }, true, ['encrypt']))); // expect: OperationError
	console.log(await name(subtle.exportKey('spki', made))); // expect: NotSupportedError
	console.log(await name(subtle.encrypt(cbc, made, zeros(1))), await name(subtle.decrypt(cbc, await key('AES-CBC', nist, ['encrypt']), sealed))); // expect: InvalidAccessError InvalidAccessError
})();
