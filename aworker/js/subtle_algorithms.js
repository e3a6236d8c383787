// SPDX-License-Identifier: Apache-2.0
// Web Cryptography: which algorithm knows which operation, and the dictionaries that say how. A
// normalised algorithm has the name as it is registered and holds copies of the bytes it was given.
'use strict';

const { Uint8Array } = globalThis;
const { integer, isObject, domString, isBufferSource, isArrayBuffer, viewParts, bytesCopy } =
	internals.webidl;
const { isView, viewTag } = internals.primordials;
const { DOMException } = internals;

const S = internals.subtle = { __proto__: null };

S.refuse = (name, message) => {
	throw new DOMException(message, name);
};

// --- members ---

// A buffer of this process alone: others could change it meanwhile.
S.source = (value, what) => {
	if (!isBufferSource(value) || isView(value) && !isArrayBuffer(viewParts(value).buffer))
		throw new TypeError(`${what} is not an ArrayBuffer or a view of one`);
	return value;
};

const octet = (v, what) => integer(v, 8, false, { enforceRange: true }, what);
const unsignedShort = (v, what) => integer(v, 16, false, { enforceRange: true }, what);
const unsignedLong = (v, what) => integer(v, 32, false, { enforceRange: true }, what);
const bytes = (v, what) => bytesCopy(S.source(v, what));
const hash = (v) => S.normalize('digest', v).name;

function bigInteger(value, what) {
	if (!isView(value) || viewTag(value) !== 'Uint8Array')
		throw new TypeError(`${what} is not a Uint8Array`);
	return bytes(value, what);
}

function publicKey(value, what) {
	if (!S.isKey(value))
		throw new TypeError(`${what} is not a CryptoKey`);
	return value;
}

// --- dictionaries: members in the order in which they are read; `false` makes one optional ---

const NONE = [];
const RSA_GENERATE = [['modulusLength', unsignedLong], ['publicExponent', bigInteger], ['hash', hash]];
const HASHED = [['hash', hash]];
const CURVE = [['namedCurve', domString]];
const LENGTH = [['length', unsignedShort]];
const HMAC = [['hash', hash], ['length', unsignedLong, false]];
const IV = [['iv', bytes]];
const COUNTER = [['counter', bytes], ['length', octet]];
const GCM = [['additionalData', bytes, false], ['iv', bytes], ['tagLength', octet, false]];
const LABEL = [['label', bytes, false]];
const PUBLIC = [['public', publicKey]];
const HKDF = [['hash', hash], ['info', bytes], ['salt', bytes]];
const PBKDF2 = [['hash', hash], ['iterations', unsignedLong], ['salt', bytes]];
const CONTEXT = [['context', bytes, false]];

function rsa(operations) {
	return { __proto__: null, generateKey: RSA_GENERATE, importKey: HASHED, exportKey: NONE,
		...operations };
}

function curve(operations, parameters = CURVE) {
	return { __proto__: null, generateKey: parameters, importKey: parameters, exportKey: NONE,
		...operations };
}

function aes(operations) {
	return { __proto__: null, generateKey: LENGTH, importKey: NONE, exportKey: NONE,
		keyLength: LENGTH, ...operations };
}

const DIGEST = { __proto__: null, digest: NONE };
const ALGORITHMS = {
	__proto__: null,
	'SHA-1': DIGEST,
	'SHA-256': DIGEST,
	'SHA-384': DIGEST,
	'SHA-512': DIGEST,
	'RSASSA-PKCS1-v1_5': rsa({ sign: NONE, verify: NONE }),
	'RSA-PSS': rsa({ sign: [['saltLength', unsignedLong]], verify: [['saltLength', unsignedLong]] }),
	'RSA-OAEP': rsa({ encrypt: LABEL, decrypt: LABEL }),
	'ECDSA': curve({ sign: HASHED, verify: HASHED }),
	'ECDH': curve({ deriveBits: PUBLIC }),
	'Ed25519': curve({ sign: NONE, verify: NONE }, NONE),
	'Ed448': curve({ sign: CONTEXT, verify: CONTEXT }, NONE),
	'X25519': curve({ deriveBits: PUBLIC }, NONE),
	'X448': curve({ deriveBits: PUBLIC }, NONE),
	'AES-CTR': aes({ encrypt: COUNTER, decrypt: COUNTER }),
	'AES-CBC': aes({ encrypt: IV, decrypt: IV }),
	'AES-GCM': aes({ encrypt: GCM, decrypt: GCM }),
	'AES-KW': aes({ wrapKey: NONE, unwrapKey: NONE }),
	'HMAC': { __proto__: null, generateKey: HMAC, importKey: HMAC, exportKey: NONE, sign: NONE,
		verify: NONE, keyLength: HMAC },
	'HKDF': { __proto__: null, importKey: NONE, deriveBits: HKDF, keyLength: NONE },
	'PBKDF2': { __proto__: null, importKey: NONE, deriveBits: PBKDF2, keyLength: NONE },
};
const REGISTERED = { __proto__: null };
for (const name of Object.keys(ALGORITHMS))
	REGISTERED[name.toUpperCase()] = name;

const NOT_ASCII = /[^\0-\x7f]/;

S.knows = (name, operation) => ALGORITHMS[name][operation] !== undefined;

// What an argument of type AlgorithmIdentifier is before it is normalised.
S.identifier = (value) => (isObject(value) ? value : domString(value));

S.normalize = (operation, identifier) => {
	const given = isObject(identifier) ? identifier
		: { __proto__: null, name: domString(identifier) };
	const wanted = given.name;
	if (wanted === undefined)
		throw new TypeError('Algorithm: the member \'name\' is required');
	const text = domString(wanted);
	const name = NOT_ASCII.test(text) ? undefined : REGISTERED[text.toUpperCase()];
	const members = name === undefined ? undefined : ALGORITHMS[name][operation];
	if (members === undefined)
		S.refuse('NotSupportedError', `${operation}: no algorithm '${text}'`);
	const out = { __proto__: null, name };
	for (const [key, convert, required = true] of members) {
		const value = given[key];
		if (value !== undefined)
			out[key] = convert(value, `${name}: ${key}`);
		else if (required)
			throw new TypeError(`${name}: the member '${key}' is required`);
	}
	return out;
};

// --- lists of numbers: the form of keys that C understands (aworker/crypto/crypto.h) ---

S.packNumbers = (numbers) => {
	let length = 0;
	for (const n of numbers)
		length += 4 + n.length;
	const out = new Uint8Array(length);
	let at = 0;
	for (const n of numbers) {
		out[at + 2] = n.length >> 8;
		out[at + 3] = n.length;
		for (let i = 0; i < n.length; i++)
			out[at + 4 + i] = n[i];
		at += 4 + n.length;
	}
	return out;
};

S.unpackNumbers = (list) => {
	const numbers = [];
	for (let at = 0; at < list.length;) {
		const length = list[at + 2] << 8 | list[at + 3];
		numbers.push(list.slice(at + 4, at + 4 + length));
		at += 4 + length;
	}
	return numbers;
};
