// SPDX-License-Identifier: Apache-2.0
// CryptoKey and the arguments of crypto.subtle: shape, errors and their order, wrapping, cloning.
const { subtle } = crypto;
const name = (p) => p.then(() => 'nothing', (e) => `${e.name}${e instanceof DOMException ? '!' : ''}`);
const bytes = (...b) => new Uint8Array(b);
const data = bytes(1, 2, 3);
const hmac = { name: 'HMAC', hash: 'SHA-256' };
(async () => {
	// Shape
	console.log(subtle === crypto.subtle, String(subtle), SubtleCrypto.length, CryptoKey.length); // expect: true [object SubtleCrypto] 0 0
	for (const klass of [SubtleCrypto, CryptoKey])
		try {
			new klass();
		} catch (e) {
			console.log(e.message); // expect: Illegal constructor
			// expect: Illegal constructor
		}
	console.log(await name(SubtleCrypto.prototype.digest.call({}, 'SHA-1', data))); // expect: TypeError
	console.log(subtle.importKey.length, subtle.unwrapKey.length, subtle.deriveBits.length, subtle.verify.length); // expect: 5 7 2 4
	const key = await subtle.generateKey(hmac, false, ['verify', 'sign', 'sign']);
	console.log(String(key), key.type, key.extractable, key.usages.join(), JSON.stringify(key.algorithm)); // expect: [object CryptoKey] secret false sign,verify {"name":"HMAC","length":512,"hash":{"name":"SHA-256"}}
	console.log(key.algorithm === key.algorithm, key.usages === key.usages, Object.keys(key).length); // expect: true true 0

	// What users do to the objects they see changes no key.
	key.algorithm.name = 'AES-GCM';
	key.algorithm.hash.name = 'SHA-1';
	key.usages.length = 0;
	console.log((await subtle.sign('HMAC', key, data)).byteLength); // expect: 32
	const exponent = bytes(1, 0, 1);
	const rsa = { name: 'RSA-PSS', hash: 'SHA-1', modulusLength: 512, publicExponent: exponent };
	const pair = await subtle.generateKey(rsa, true, ['sign']);
	exponent[0] = 9;
	pair.publicKey.algorithm.publicExponent[2] = 7;
	console.log((await subtle.exportKey('jwk', pair.publicKey)).e, pair.privateKey.algorithm.publicExponent.join()); // expect: AQAB 1,0,1
	console.log(Object.keys(pair).join(), pair.publicKey.usages.length); // expect: publicKey,privateKey 0

	// Clones are whole keys, as private as the first.
	const clone = structuredClone({ key, pair });
	console.log(clone.key instanceof CryptoKey, clone.key !== key, clone.key.extractable, clone.key.algorithm.name); // expect: true true false HMAC
	const mac = await subtle.sign('HMAC', key, data);
	console.log(await subtle.verify('HMAC', clone.key, mac, data), await name(subtle.exportKey('raw', clone.key))); // expect: true InvalidAccessError!
	const s = await subtle.sign({ name: 'RSA-PSS', saltLength: 8 }, clone.pair.privateKey, data);
	console.log(await subtle.verify({ name: 'RSA-PSS', saltLength: 8 }, await subtle.importKey('jwk', { ...await subtle.exportKey('jwk', pair.publicKey), key_ops: undefined }, rsa, true, ['verify']), s, data)); // expect: true

	// Names of algorithms
	for (const algorithm of ['sha1', 'SHA-224', '', 'HMAC', 'ſha-1', 'SHA-1\0', { name: 'MD5' }])
		console.log(await name(subtle.digest(algorithm, data)));
	// expect: NotSupportedError!
	// expect: NotSupportedError!
	// expect: NotSupportedError!
	// expect: NotSupportedError!
	// expect: NotSupportedError!
	// expect: NotSupportedError!
	// expect: NotSupportedError!
	console.log(await name(subtle.digest({}, data)), await name(subtle.digest(null, data)), await name(subtle.digest(7, data)), await name(subtle.digest({ get name() { throw new RangeError('mine'); } }, data))); // expect: TypeError NotSupportedError! NotSupportedError! RangeError

	// Arguments: types before names, names before usages, usages before bytes
	console.log(await name(subtle.digest('SHA-1')), await name(subtle.digest('SHA-1', 'text')), await name(subtle.sign('HMAC', {}, data)), await name(subtle.importKey('pem', data, hmac, true, ['sign']))); // expect: TypeError TypeError TypeError TypeError
	console.log(await name(subtle.digest('SHA-1', new Uint8Array(new SharedArrayBuffer(3)))), await name(subtle.digest('SHA-1', new SharedArrayBuffer(3)))); // expect: TypeError TypeError
	console.log(await name(subtle.generateKey('nothing', true, ['fly'])), await name(subtle.generateKey('nothing', true, ['sign'])), await name(subtle.generateKey(hmac, true, ['encrypt'])), await name(subtle.generateKey(hmac, true, []))); // expect: TypeError NotSupportedError! SyntaxError! SyntaxError!
	console.log(await name(subtle.importKey('raw', { kty: 'oct' }, hmac, true, ['sign'])), await name(subtle.importKey('jwk', data, hmac, true, ['sign'])), await name(subtle.importKey('raw', 'text', hmac, true, ['sign']))); // expect: TypeError TypeError TypeError
	console.log(await name(subtle.importKey('raw', data, { name: 'HMAC' }, true, ['sign'])), await name(subtle.importKey('raw', data, { name: 'HMAC', hash: 'x' }, true, ['sign']))); // expect: TypeError NotSupportedError!
	console.log(await name(subtle.importKey('spki', data, hmac, true, ['sign'])), await name(subtle.importKey('raw', data, { ...hmac, length: -1 }, true, ['sign']))); // expect: NotSupportedError! TypeError
	console.log(await name(subtle.sign('RSA-PSS', key, data)), await name(subtle.sign({ name: 'RSA-PSS', saltLength: 1 }, key, data)), await name(subtle.sign({ name: 'RSA-PSS', saltLength: 1 }, pair.publicKey, data))); // expect: TypeError InvalidAccessError! InvalidAccessError!

	// JSON Web Keys
	const jwk = { kty: 'oct', k: 'AQID', alg: 'HS256', key_ops: ['sign', 'verify'], ext: true, use: 'sig' };
	const load = (change) => subtle.importKey('jwk', { ...jwk, ...change }, hmac, true, ['sign']);
	console.log(JSON.stringify(await subtle.exportKey('jwk', await load({})))); // expect: {"kty":"oct","k":"AQID","alg":"HS256","key_ops":["sign"],"ext":true}
	for (const change of [{ kty: 'EC' }, { kty: undefined }, { k: undefined }, { k: 'A' }, { k: 'AQ=' }, { k: 'A+' }, { alg: 'HS1' }, { key_ops: ['verify'] }, { key_ops: ['sign', 'sign'] }, { ext: false }, { use: 'enc' }])
		if (await name(load(change)) !== 'DataError!')
			console.log(change);
	console.log(await name(load({ key_ops: 7 })), await name(load({ oth: [1] })), await name(load({ key_ops: ['sign', 'else'] }))); // expect: TypeError TypeError nothing

	// Wrapped as JSON, whatever users have put where it could be seen
	Object.prototype.toJSON = Array.prototype.toJSON = () => 'stolen';
	const gcm = { name: 'AES-GCM', iv: new Uint8Array(12) };
	const wrapper = await subtle.generateKey({ name: 'AES-GCM', length: 128 }, true, ['wrapKey', 'unwrapKey', 'decrypt']);
	const open = async (parcel, format = 'jwk') => subtle.unwrapKey(format, parcel, wrapper, gcm, hmac, true, ['sign']);
	const parcel = await subtle.wrapKey('jwk', await load({}), wrapper, gcm);
	console.log(new TextDecoder().decode(await subtle.decrypt(gcm, wrapper, parcel))); // expect: {"kty":"oct","k":"AQID","alg":"HS256","key_ops":["sign"],"ext":true}
	console.log((await subtle.exportKey('jwk', await open(parcel))).k); // expect: AQID
	delete Object.prototype.toJSON;
	delete Array.prototype.toJSON;
	const sealer = await subtle.importKey('raw', await subtle.exportKey('raw', wrapper), 'AES-GCM', true, ['encrypt']);
	const seal = (text) => subtle.encrypt(gcm, sealer, new TextEncoder().encode(text));
	console.log(await name(open(await seal('{'))), await name(open(await seal('7'))), await name(open(await seal('{}'))), await name(open(await seal('{"kty":"EC"}'))), await name(open(bytes(1)))); // expect: DataError! DataError! DataError! DataError! OperationError!
	console.log(await name(subtle.wrapKey('raw', key, wrapper, gcm)), await name(subtle.wrapKey('raw', sealer, sealer, gcm)), await name(subtle.wrapKey('raw', sealer, wrapper, 'HMAC')), await name(subtle.wrapKey('spki', sealer, wrapper, gcm))); // expect: InvalidAccessError! InvalidAccessError! NotSupportedError! NotSupportedError!

	// More pairs than are remembered in C
	const pairs = [];
	for (let i = 0; i < 40; i++)
		pairs.push(await subtle.generateKey('Ed25519', true, ['sign', 'verify']));
	const signatures = [];
	for (const p of pairs)
		signatures.push(await subtle.sign('Ed25519', p.privateKey, data));
	const good = [];
	for (const [i, p] of pairs.entries())
		good.push(await subtle.verify('Ed25519', p.publicKey, signatures[i], data), !await subtle.verify('Ed25519', p.publicKey, signatures[(i + 1) % 40], data));
	console.log(good.length, good.every(Boolean)); // expect: 80 true
	console.log(key); // expect: CryptoKey {
	// expect:   type: 'secret',
	// expect:   extractable: false,
	// expect:   algorithm: { name: 'AES-GCM', length: 512, hash: { name: 'SHA-1' } },
	// expect:   usages: []
	// expect: }
})();
