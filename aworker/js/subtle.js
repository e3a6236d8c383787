// SPDX-License-Identifier: Apache-2.0
// Web Cryptography: SubtleCrypto. An operation is done before its promise is returned, in the one
// thread that there is; what it may cost is bounded (aworker/crypto/crypto.h).
'use strict';

const { Uint8Array } = globalThis;
const {
	expose, guardConstructor, secret, requireArguments, enumeration, sequence, integer, isBufferSource,
	bytesCopy,
} = internals.webidl;
const { typedBuffer } = internals.primordials;
const S = internals.subtle;

const FORMATS = ['raw', 'spki', 'pkcs8', 'jwk'];
const GCM_TAGS = [32, 64, 96, 104, 112, 120, 128];
const PKCS1 = -1; // instead of the length of a salt
const EMPTY = new Uint8Array(0);

// --- arguments ---

const format = (v) => enumeration(v, FORMATS, 'format');
const usages = (v) => sequence(v, (u) => enumeration(u, S.USAGES, 'keyUsages'), 'keyUsages');

function keyArgument(value, what) {
	if (!S.isKey(value))
		throw new TypeError(`${what} is not a CryptoKey`);
	return S.keyOf(value);
}

function keyData(value) {
	return isBufferSource(value) ? S.source(value, 'keyData') : S.jwkOf(value);
}

function checkKey(algorithm, key, usage) {
	if (algorithm.name !== key.algorithm.name)
		S.refuse('InvalidAccessError', `${algorithm.name}: the key is one of ${key.algorithm.name}`);
	if (!key.usages.includes(usage))
		S.refuse('InvalidAccessError', `${algorithm.name}: the key may not be used to '${usage}'`);
}

function checkType(key, type) {
	if (key.type !== type)
		S.refuse('InvalidAccessError', `${key.algorithm.name}: the key is not a ${type} one`);
}

// --- results ---

function done(answer) {
	if (typeof answer === 'string')
		S.refuse('OperationError', answer);
	return answer;
}

const buffer = (answer) => typedBuffer(done(answer));

// --- encrypt, decrypt ---

function gcm(encrypt, { iv, additionalData = EMPTY, tagLength = 128 }, key, data) {
	if (!GCM_TAGS.includes(tagLength))
		S.refuse('OperationError', `AES-GCM: a tag has not ${tagLength} bits`);
	return ops.subtleGcm(encrypt, tagLength / 8, key.data, iv, additionalData, data);
}

function ctr({ counter, length }, key, data) {
	if (counter.length !== 16)
		S.refuse('OperationError', `AES-CTR: the counter has ${counter.length} bytes instead of 16`);
	if (length === 0 || length > 128)
		S.refuse('OperationError', `AES-CTR: ${length} bits cannot count`);
	return ops.subtleCtr(length, key.data, counter, data);
}

function cipher(encrypt, algorithm, key, data) {
	switch (algorithm.name) {
	case 'AES-GCM': return buffer(gcm(encrypt, algorithm, key, data));
	case 'AES-CBC': return buffer(ops.subtleCbc(encrypt, key.data, algorithm.iv, data));
	case 'AES-CTR': return buffer(ctr(algorithm, key, data));
	case 'AES-KW': return buffer(ops.subtleKw(encrypt, key.data, data));
	}
	checkType(key, encrypt ? 'public' : 'private');
	return buffer(ops.subtleOaep(encrypt, key.kind, key.id, key.data, key.algorithm.hash,
		algorithm.label ?? EMPTY, data));
}

// --- sign, verify ---

// [hash or null, length of the salt] for C
function signing(algorithm, key) {
	switch (algorithm.name) {
	case 'ECDSA': return [algorithm.hash, PKCS1];
	case 'RSASSA-PKCS1-v1_5': return [key.algorithm.hash, PKCS1];
	case 'RSA-PSS': return [key.algorithm.hash, Math.min(algorithm.saltLength, 0x7fffffff)];
	}
	if (algorithm.context?.length > 0)
		S.refuse('NotSupportedError', `${algorithm.name}: only an empty context is supported`);
	return [null, PKCS1];
}

function sign(algorithm, key, data) {
	if (algorithm.name === 'HMAC')
		return buffer(ops.subtleHmac(key.algorithm.hash, key.data, data));
	checkType(key, 'private');
	const [hash, salt] = signing(algorithm, key);
	return buffer(ops.subtleSign(key.kind, key.id, key.data, hash, salt, data));
}

function verify(algorithm, key, signature, data) {
	if (algorithm.name === 'HMAC')
		return done(ops.subtleHmacVerify(key.algorithm.hash, key.data, signature, data));
	checkType(key, 'public');
	const [hash, salt] = signing(algorithm, key);
	return done(ops.subtleVerify(key.kind, key.id, key.data, hash, salt, signature, data));
}

// --- derive ---

// The first bits of what two keys have in common.
function agree(algorithm, key, length) {
	const peer = S.keyOf(algorithm.public);
	checkType(key, 'private');
	checkType(peer, 'public');
	if (peer.kind !== key.kind || peer.algorithm.name !== key.algorithm.name)
		S.refuse('InvalidAccessError', `${algorithm.name}: the public key is of another kind`);
	const shared = done(ops.subtleDerive(key.kind, key.id, key.data, peer.kind, peer.id, peer.data));
	if (length === null)
		return shared;
	if (length > shared.length * 8)
		S.refuse('OperationError', `${algorithm.name}: the keys give ${shared.length * 8} bits only`);
	return S.cutBits(shared, length);
}

// A Uint8Array of its own.
function derive(algorithm, key, length) {
	if (algorithm.public !== undefined)
		return agree(algorithm, key, length);
	if (length === null || length % 8 !== 0)
		S.refuse('OperationError', `${algorithm.name}: the length is not a multiple of eight`);
	const { hash, salt } = algorithm;
	if (algorithm.name === 'HKDF')
		return done(ops.subtleHkdf(hash, key.data, salt, algorithm.info, length / 8));
	return done(ops.subtlePbkdf2(hash, key.data, salt, algorithm.iterations, length / 8));
}

function keyLength({ name, length, hash }) {
	if (S.isAes(name)) {
		if (length !== 128 && length !== 192 && length !== 256)
			S.refuse('OperationError', `${name}: a key has 128, 192 or 256 bits, not ${length}`);
		return length;
	}
	if (name !== 'HMAC')
		return null;
	if (length === 0)
		throw new TypeError('HMAC: a key has at least one bit');
	return length ?? S.HASH_BLOCKS[hash] * 8;
}

// --- wrap, unwrap ---

// An algorithm that knows how to wrap, or else one that knows how to encrypt.
function normalizeEither(wrap, cipherOperation, identifier) {
	try {
		return S.normalize(wrap, identifier);
	} catch {
		return S.normalize(cipherOperation, identifier);
	}
}

function wrapBytes(kind, key) {
	const exported = S.exportKey(kind, key);
	return kind === 'jwk' ? S.jwkEncode(exported) : new Uint8Array(exported);
}

class SubtleCrypto {
	#brand;

	constructor() {
		guardConstructor(arguments[0]);
	}

	async encrypt(algorithm, key, data) {
		void this.#brand;
		requireArguments(arguments.length, 3, 'encrypt');
		const [a, k, d] = [S.identifier(algorithm), keyArgument(key, 'key'), S.source(data, 'data')];
		const normalized = S.normalize('encrypt', a);
		checkKey(normalized, k, 'encrypt');
		return cipher(true, normalized, k, d);
	}

	async decrypt(algorithm, key, data) {
		void this.#brand;
		requireArguments(arguments.length, 3, 'decrypt');
		const [a, k, d] = [S.identifier(algorithm), keyArgument(key, 'key'), S.source(data, 'data')];
		const normalized = S.normalize('decrypt', a);
		checkKey(normalized, k, 'decrypt');
		return cipher(false, normalized, k, d);
	}

	async sign(algorithm, key, data) {
		void this.#brand;
		requireArguments(arguments.length, 3, 'sign');
		const [a, k, d] = [S.identifier(algorithm), keyArgument(key, 'key'), S.source(data, 'data')];
		const normalized = S.normalize('sign', a);
		checkKey(normalized, k, 'sign');
		return sign(normalized, k, d);
	}

	async verify(algorithm, key, signature, data) {
		void this.#brand;
		requireArguments(arguments.length, 4, 'verify');
		const [a, k] = [S.identifier(algorithm), keyArgument(key, 'key')];
		const [s, d] = [S.source(signature, 'signature'), S.source(data, 'data')];
		const normalized = S.normalize('verify', a);
		checkKey(normalized, k, 'verify');
		return verify(normalized, k, s, d);
	}

	async digest(algorithm, data) {
		void this.#brand;
		requireArguments(arguments.length, 2, 'digest');
		const [a, d] = [S.identifier(algorithm), S.source(data, 'data')];
		return buffer(ops.subtleDigest(S.normalize('digest', a).name, d));
	}

	async generateKey(algorithm, extractable, keyUsages) {
		void this.#brand;
		requireArguments(arguments.length, 3, 'generateKey');
		const [a, e, u] = [S.identifier(algorithm), Boolean(extractable), usages(keyUsages)];
		return S.generateKey(S.normalize('generateKey', a), e, u);
	}

	async deriveKey(algorithm, baseKey, derivedKeyType, extractable, keyUsages) {
		void this.#brand;
		requireArguments(arguments.length, 5, 'deriveKey');
		const [a, k] = [S.identifier(algorithm), keyArgument(baseKey, 'baseKey')];
		const t = S.identifier(derivedKeyType);
		const [e, u] = [Boolean(extractable), usages(keyUsages)];
		const normalized = S.normalize('deriveBits', a);
		const imported = S.normalize('importKey', t);
		const lengthOf = S.normalize('keyLength', t);
		checkKey(normalized, k, 'deriveKey');
		const bytes = derive(normalized, k, keyLength(lengthOf));
		return S.importKey(imported, 'raw', bytes, e, u);
	}

	async deriveBits(algorithm, baseKey, length = null) {
		void this.#brand;
		requireArguments(arguments.length, 2, 'deriveBits');
		const [a, k] = [S.identifier(algorithm), keyArgument(baseKey, 'baseKey')];
		const l = length === null ? null : integer(length, 32, false, undefined, 'length');
		const normalized = S.normalize('deriveBits', a);
		checkKey(normalized, k, 'deriveBits');
		return typedBuffer(derive(normalized, k, l));
	}

	async importKey(keyFormat, data, algorithm, extractable, keyUsages) {
		void this.#brand;
		requireArguments(arguments.length, 5, 'importKey');
		const [f, d, a] = [format(keyFormat), keyData(data), S.identifier(algorithm)];
		const [e, u] = [Boolean(extractable), usages(keyUsages)];
		const normalized = S.normalize('importKey', a);
		if (isBufferSource(d) === (f === 'jwk'))
			throw new TypeError(`importKey: keyData does not fit the format '${f}'`);
		return S.importKey(normalized, f, f === 'jwk' ? d : bytesCopy(d), e, u);
	}

	async exportKey(keyFormat, key) {
		void this.#brand;
		requireArguments(arguments.length, 2, 'exportKey');
		const [f, k] = [format(keyFormat), keyArgument(key, 'key')];
		return S.exportKey(f, k);
	}

	async wrapKey(keyFormat, key, wrappingKey, wrapAlgorithm) {
		void this.#brand;
		requireArguments(arguments.length, 4, 'wrapKey');
		const [f, k] = [format(keyFormat), keyArgument(key, 'key')];
		const [w, a] = [keyArgument(wrappingKey, 'wrappingKey'), S.identifier(wrapAlgorithm)];
		const normalized = normalizeEither('wrapKey', 'encrypt', a);
		checkKey(normalized, w, 'wrapKey');
		return cipher(true, normalized, w, wrapBytes(f, k));
	}

	async unwrapKey(keyFormat, wrappedKey, unwrappingKey, unwrapAlgorithm, unwrappedKeyAlgorithm,
		extractable, keyUsages) {
		void this.#brand;
		requireArguments(arguments.length, 7, 'unwrapKey');
		const [f, d] = [format(keyFormat), S.source(wrappedKey, 'wrappedKey')];
		const [w, a] = [keyArgument(unwrappingKey, 'unwrappingKey'), S.identifier(unwrapAlgorithm)];
		const t = S.identifier(unwrappedKeyAlgorithm);
		const [e, u] = [Boolean(extractable), usages(keyUsages)];
		const normalized = normalizeEither('unwrapKey', 'decrypt', a);
		const imported = S.normalize('importKey', t);
		checkKey(normalized, w, 'unwrapKey');
		const bytes = new Uint8Array(cipher(false, normalized, w, d));
		return S.importKey(imported, f, f === 'jwk' ? S.jwkDecode(bytes) : bytes, e, u);
	}
}

expose(SubtleCrypto);
internals.subtleCrypto = new SubtleCrypto(secret);
