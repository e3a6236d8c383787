// SPDX-License-Identifier: Apache-2.0
// Web Cryptography: CryptoKey, and what becomes one. The bytes of a key are in its private slot and
// never change, so that clones, snapshots and images of the heap hold whole keys.
'use strict';

const { Uint8Array } = globalThis;
const { expose, guardConstructor, isObject, secret } = internals.webidl;
const S = internals.subtle;

S.USAGES = [
	'encrypt', 'decrypt', 'sign', 'verify', 'deriveKey', 'deriveBits', 'wrapKey', 'unwrapKey',
];

const HMAC_KEY_BYTES_MAX = 1 << 20; // of a new key

let lastId = 0; // C remembers what it made of a key by this number; 0: nothing to remember

function shownAlgorithm(algorithm) {
	const shown = { name: algorithm.name };
	for (const key of Object.keys(algorithm))
		if (key === 'hash')
			shown.hash = { name: algorithm.hash };
		else if (key === 'publicExponent')
			shown.publicExponent = new Uint8Array(algorithm.publicExponent);
		else
			shown[key] = algorithm[key];
	return shown;
}

class CryptoKey {
	#key;
	#algorithm; // as users see it, who may change it
	#usages;

	constructor() {
		guardConstructor(arguments[0]);
		this.#key = arguments[1];
	}

	get type() {
		return this.#key.type;
	}

	get extractable() {
		return this.#key.extractable;
	}

	get algorithm() {
		return this.#algorithm ??= shownAlgorithm(this.#key.algorithm);
	}

	get usages() {
		return this.#usages ??= [...this.#key.usages];
	}

	static {
		S.isKey = (value) => isObject(value) && #key in value;
		S.keyOf = (value) => value.#key;
	}
}

expose(CryptoKey);
internals.cloneables.push([S.isKey, (key) => new CryptoKey(secret, S.keyOf(key))]);

// `kind` and `data`: the bytes of a secret key, or what C calls kind and list.
S.newKey = (type, algorithm, extractable, usages, data, kind = undefined) => new CryptoKey(secret, {
	__proto__: null, type, algorithm, extractable, data, kind,
	usages: S.USAGES.filter((u) => usages.includes(u)),
	id: type === 'secret' ? 0 : ++lastId,
});

// --- what an algorithm's keys are for ---

const SIGN = { __proto__: null, private: ['sign'], public: ['verify'], secret: ['sign', 'verify'] };
const DERIVE = { __proto__: null, private: ['deriveKey', 'deriveBits'], public: [],
	secret: ['deriveKey', 'deriveBits'] };
const CIPHER = { __proto__: null, private: ['decrypt', 'unwrapKey'], public: ['encrypt', 'wrapKey'],
	secret: ['encrypt', 'decrypt', 'wrapKey', 'unwrapKey'] };
const PURPOSES = {
	__proto__: null,
	'RSASSA-PKCS1-v1_5': SIGN, 'RSA-PSS': SIGN, 'RSA-OAEP': CIPHER,
	'ECDSA': SIGN, 'ECDH': DERIVE, 'Ed25519': SIGN, 'Ed448': SIGN, 'X25519': DERIVE, 'X448': DERIVE,
	'AES-CTR': CIPHER, 'AES-CBC': CIPHER, 'AES-GCM': CIPHER,
	'AES-KW': { __proto__: null, secret: ['wrapKey', 'unwrapKey'] },
	'HMAC': SIGN, 'HKDF': DERIVE, 'PBKDF2': DERIVE,
};

function refuseUsages(name, usages, allowed) {
	for (const usage of usages)
		if (!allowed.includes(usage))
			S.refuse('SyntaxError', `${name}: such a key cannot be used to '${usage}'`);
}

S.checkUsages = (name, type, usages) => refuseUsages(name, usages, PURPOSES[name][type]);

S.CURVES = { __proto__: null, 'P-256': 32, 'P-384': 48, 'P-521': 66 };
S.HASH_BLOCKS = { __proto__: null, 'SHA-1': 64, 'SHA-256': 64, 'SHA-384': 128, 'SHA-512': 128 };
const RAW_KINDS = { __proto__: null, Ed25519: 'ED25519', Ed448: 'ED448', X25519: 'X25519', X448: 'X448' };

S.isRsa = (name) => name === 'RSA-PSS' || name === 'RSA-OAEP' || name === 'RSASSA-PKCS1-v1_5';
S.isAes = (name) => name === 'AES-CTR' || name === 'AES-CBC' || name === 'AES-GCM' || name === 'AES-KW';
S.isEc = (name) => name === 'ECDSA' || name === 'ECDH';
S.rawKind = (name) => RAW_KINDS[name];

// The bits beyond `length` of the last byte are no part of the key.
S.cutBits = (data, length) => {
	const out = data.slice(0, Math.ceil(length / 8));
	if (length % 8)
		out[out.length - 1] &= 0xff << 8 - length % 8;
	return out;
};

// --- new keys ---

function secretKey(algorithm, length, extractable, usages) {
	const data = new Uint8Array(Math.ceil(length / 8));
	ops.randomFill(data);
	return S.newKey('secret', algorithm, extractable, usages, S.cutBits(data, length));
}

function generateAes({ name, length }, extractable, usages) {
	S.checkUsages(name, 'secret', usages);
	if (length !== 128 && length !== 192 && length !== 256)
		S.refuse('OperationError', `${name}: a key has 128, 192 or 256 bits, not ${length}`);
	return secretKey({ __proto__: null, name, length }, length, extractable, usages);
}

function generateHmac(given, extractable, usages) {
	S.checkUsages('HMAC', 'secret', usages);
	const length = given.length ?? S.HASH_BLOCKS[given.hash] * 8;
	if (length === 0 || length > HMAC_KEY_BYTES_MAX * 8)
		S.refuse('OperationError', `HMAC: a new key has 1 to ${HMAC_KEY_BYTES_MAX * 8} bits`);
	const algorithm = { __proto__: null, name: 'HMAC', length, hash: given.hash };
	return secretKey(algorithm, length, extractable, usages);
}

// How many numbers of a list are the public key.
S.publicCount = (name) => (S.isRsa(name) || S.isEc(name) ? 2 : 1);

function generatePair(given, extractable, usages) {
	const { name } = given;
	const purpose = PURPOSES[name];
	refuseUsages(name, usages, [...purpose.private, ...purpose.public]);
	let kind = 'RSA';
	let algorithm = { __proto__: null, name };
	if (S.isRsa(name)) {
		const { modulusLength, publicExponent, hash } = given;
		algorithm = { __proto__: null, name, modulusLength, publicExponent, hash };
	} else if (S.isEc(name)) {
		kind = given.namedCurve;
		if (S.CURVES[kind] === undefined)
			S.refuse('NotSupportedError', `${name}: no curve '${kind}'`);
		algorithm = { __proto__: null, name, namedCurve: kind };
	} else {
		kind = S.rawKind(name);
	}
	const list = ops.subtleGenerate(kind, given.modulusLength ?? 0,
		given.publicExponent ?? new Uint8Array(0));
	if (typeof list === 'string')
		S.refuse('OperationError', list);
	const numbers = S.unpackNumbers(list);
	const used = (type) => usages.filter((u) => purpose[type].includes(u));
	const publicList = S.packNumbers(numbers.slice(0, S.publicCount(name)));
	return {
		publicKey: S.newKey('public', algorithm, true, used('public'), publicList, kind),
		privateKey: S.newKey('private', algorithm, extractable, used('private'), list, kind),
	};
}

S.generateKey = (algorithm, extractable, usages) => {
	let made;
	if (S.isAes(algorithm.name))
		made = generateAes(algorithm, extractable, usages);
	else if (algorithm.name === 'HMAC')
		made = generateHmac(algorithm, extractable, usages);
	else
		made = generatePair(algorithm, extractable, usages);
	if (S.keyOf(made.privateKey ?? made).usages.length === 0)
		S.refuse('SyntaxError', `${algorithm.name}: the key could be used for nothing`);
	return made;
};
