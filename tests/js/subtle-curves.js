// SPDX-License-Identifier: Apache-2.0
// crypto.subtle: ECDSA, ECDH, EdDSA and X25519/X448 by the vectors of their RFCs.
const { subtle } = crypto;
const text = (s) => new TextEncoder().encode(s);
const hex = (b) => [...new Uint8Array(b)].map((v) => v.toString(16).padStart(2, '0')).join('');
const unhex = (s) => Uint8Array.from(s.match(/../g) ?? [], (v) => parseInt(v, 16));
const from64 = (s) => Uint8Array.from(atob(s.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
const name = (p) => p.then(() => 'nothing', (e) => e.name);
const raw = (algorithm, s, uses) => subtle.importKey('raw', unhex(s), algorithm, true, uses);
const pkcs8 = (algorithm, s, uses) => subtle.importKey('pkcs8', unhex(s), algorithm, true, uses);
(async () => {
	// RFC 7515, A.3
	const es256 = { kty: 'EC', crv: 'P-256', x: 'f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU', y: 'x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0' };
	const ecdsa = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
	const signer = await subtle.importKey('jwk', es256, ecdsa, true, ['verify']);
	const signed = text('eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ');
	const signature = from64('DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q');
	console.log(await subtle.verify(ecdsa, signer, signature, signed)); // expect: true
	console.log(await subtle.verify(ecdsa, signer, signature, signed.slice(1)), await subtle.verify(ecdsa, signer, signature.slice(1), signed), await subtle.verify(ecdsa, signer, new Uint8Array(64), signed)); // expect: false false false
	const compressed = new Uint8Array([3, ...from64(es256.x)]);
	console.log(hex(await subtle.exportKey('raw', await subtle.importKey('raw', compressed, ecdsa, true, ['verify']))) === hex(await subtle.exportKey('raw', signer))); // expect: true
	const d = 'jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI';
	console.log(await name(subtle.importKey('jwk', { ...es256, d: `k${d.slice(1)}` }, ecdsa, true, ['sign']))); // expect: DataError
	console.log(await name(subtle.importKey('jwk', { ...es256, y: es256.x }, ecdsa, true, ['verify']))); // expect: DataError
	console.log(await name(subtle.importKey('jwk', { ...es256, alg: 'ES384' }, ecdsa, true, ['verify']))); // expect: DataError
	for (const first of [0, 1, 4, 5, 6, 7])
		console.log(await name(subtle.importKey('raw', new Uint8Array([first, ...from64(es256.x), ...from64(es256.y)]), ecdsa, true, ['verify'])));
	// expect: DataError
	// expect: DataError
	// expect: nothing
	// expect: DataError
	// expect: DataError
	// expect: DataError
	for (const [namedCurve, size] of [['P-256', 64], ['P-384', 96], ['P-521', 132]]) {
		const pair = await subtle.generateKey({ name: 'ECDSA', namedCurve }, true, ['sign', 'verify']);
		const s = await subtle.sign({ name: 'ECDSA', hash: 'SHA-512' }, pair.privateKey, signed);
		const again = await subtle.importKey('pkcs8', await subtle.exportKey('pkcs8', pair.privateKey), { name: 'ECDSA', namedCurve }, true, ['sign']);
		const t = await subtle.sign({ name: 'ECDSA', hash: 'SHA-512' }, again, signed);
		const check = (x) => subtle.verify({ name: 'ECDSA', hash: 'SHA-512' }, pair.publicKey, x, signed);
		console.log(s.byteLength === size, await check(s), await check(t), hex(s) === hex(t)); // expect: true true true false
		// expect: true true true false
		// expect: true true true false
	}
	console.log(await name(subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-224' }, true, ['sign']))); // expect: NotSupportedError

	// RFC 7518, appendix C: the secret before its key derivation
	const ecdh = { name: 'ECDH', namedCurve: 'P-256' };
	const alice = await subtle.importKey('jwk', { kty: 'EC', crv: 'P-256', x: 'gI0GAILBdu7T53akrFmMyGcsF3n5dO7MmwNBHKW5SV0', y: 'SLW_xSffzlPWrHEVI30DHM_4egVwt3NQqeUD7nMFpps', d: '0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo' }, ecdh, true, ['deriveBits', 'deriveKey']);
	const bob = await subtle.importKey('jwk', { kty: 'EC', crv: 'P-256', x: 'weNJy2HscCSM6AEDTDg04biOvhFhyyWvOHQfeF_PxMQ', y: 'e8lnCO-AlStT-NJVX-crhB7QRYhiix03illJOVAOyck' }, ecdh, true, []);
	const z = await subtle.deriveBits({ name: 'ECDH', public: bob }, alice);
	console.log(hex(z)); // expect: 9e56d91d817135d372834283bf84269cfb316ea3da806a48f6daa7798cfe90c4
	console.log(hex(await subtle.deriveBits({ name: 'ECDH', public: bob }, alice, 12))); // expect: 9e50
	console.log((await subtle.deriveBits({ name: 'ECDH', public: bob }, alice, 0)).byteLength, await name(subtle.deriveBits({ name: 'ECDH', public: bob }, alice, 264))); // expect: 0 OperationError
	const other = await subtle.generateKey({ name: 'ECDH', namedCurve: 'P-384' }, true, ['deriveBits']);
	console.log(await name(subtle.deriveBits({ name: 'ECDH', public: other.publicKey }, alice)), await name(subtle.deriveBits({ name: 'ECDH', public: alice }, alice)), await name(subtle.deriveBits({ name: 'ECDH', public: {} }, alice))); // expect: InvalidAccessError InvalidAccessError TypeError
	const hmac = await subtle.deriveKey({ name: 'ECDH', public: bob }, alice, { name: 'HMAC', hash: 'SHA-256', length: 256 }, true, ['sign']);
	console.log(hex(await subtle.exportKey('raw', hmac)) === hex(z)); // expect: true

	// RFC 8032, 7.1 test 2
	const ed = await pkcs8('Ed25519', '302e020100300506032b6570042204204ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb', ['sign']);
	const made = await subtle.sign('Ed25519', ed, unhex('72'));
	console.log(hex(made)); // expect: 92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00
	const edPublic = await raw('Ed25519', '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c', ['verify']);
	console.log(await subtle.verify('Ed25519', edPublic, made, unhex('72')), await subtle.verify('Ed25519', edPublic, made, unhex('73')), await subtle.verify('Ed25519', edPublic, new Uint8Array(63), unhex('72'))); // expect: true false false
	const edJwk = await subtle.exportKey('jwk', ed);
	console.log(edJwk.kty, edJwk.crv, edJwk.alg, hex(from64(edJwk.x)) === hex(await subtle.exportKey('raw', edPublic))); // expect: OKP Ed25519 Ed25519 true
	console.log(await name(subtle.importKey('jwk', { ...edJwk, x: edJwk.d }, 'Ed25519', true, ['sign']))); // expect: DataError
	// The neutral element as a key verifies everything, if it is let in.
	const neutral = await raw('Ed25519', `01${'00'.repeat(31)}`, ['verify']);
	console.log(await subtle.verify('Ed25519', neutral, unhex(`01${'00'.repeat(63)}`), unhex('72'))); // expect: false
	const e448 = await subtle.generateKey('Ed448', true, ['sign', 'verify']);
	const s448 = await subtle.sign('Ed448', e448.privateKey, signed);
	console.log(s448.byteLength, await subtle.verify({ name: 'Ed448', context: new Uint8Array(0) }, e448.publicKey, s448, signed), await name(subtle.sign({ name: 'Ed448', context: unhex('01') }, e448.privateKey, signed))); // expect: 114 true NotSupportedError

	// RFC 7748, 6.1 and 6.2
	const x = await pkcs8('X25519', '302e020100300506032b656e0422042077076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a', ['deriveBits']);
	const y = await raw('X25519', 'de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f', []);
	console.log(hex(await subtle.deriveBits({ name: 'X25519', public: y }, x))); // expect: 4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742
	console.log(await name(subtle.deriveBits({ name: 'X25519', public: await raw('X25519', '00'.repeat(32), []) }, x))); // expect: OperationError
	const x448 = await pkcs8('X448', '3046020100300506032b656f043a04389a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28dd9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0a598726b', ['deriveBits']);
	const y448 = await raw('X448', '3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b43027d8b972fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf33609', []);
	console.log(hex(await subtle.deriveBits({ name: 'X448', public: y448 }, x448))); // expect: 07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282bb60c0b56fd2464c335543936521c24403085d59a449a5037514a879d
	console.log(await name(subtle.exportKey('raw', x)), (await subtle.exportKey('spki', y)).byteLength); // expect: InvalidAccessError 44
})();
