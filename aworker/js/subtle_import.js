// SPDX-License-Identifier: Apache-2.0
// Web Cryptography: importKey() and exportKey(), for each family of keys.
'use strict';

const { Uint8Array } = globalThis;
const { bytesCopy } = internals.webidl;
const { typedBuffer } = internals.primordials;
const S = internals.subtle;

// enum crypto_format
const FORMATS = { __proto__: null, spki: 0, pkcs8: 1, raw: 2 };
const PRIVATE_NUMBERS = ['n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi'];

function unsupported(name, format) {
	S.refuse('NotSupportedError', `${name}: the format '${format}' is not supported`);
}

function dataOrError(answer) {
	if (typeof answer === 'string')
		S.refuse('DataError', answer);
	return answer;
}

// --- secret keys ---

function importAes({ name }, format, data, extractable, usages) {
	S.checkUsages(name, 'secret', usages);
	let bytes = data;
	if (format === 'jwk') {
		S.jwkCheck(data, 'oct', 'enc', extractable, usages);
		bytes = S.jwkBytes(data, 'k');
	}
	const length = bytes.length * 8;
	if (length !== 128 && length !== 192 && length !== 256)
		S.refuse('DataError', `${name}: a key has 128, 192 or 256 bits, not ${length}`);
	if (format === 'jwk')
		S.jwkCheckAlg(data, `A${length}${name.slice(4)}`);
	return S.newKey('secret', { __proto__: null, name, length }, extractable, usages, bytes);
}

function importHmac(given, format, data, extractable, usages) {
	S.checkUsages('HMAC', 'secret', usages);
	let bytes = data;
	if (format === 'jwk') {
		S.jwkCheck(data, 'oct', 'sig', extractable, usages);
		bytes = S.jwkBytes(data, 'k');
		S.jwkCheckAlg(data, `HS${given.hash.slice(4)}`);
	}
	const bits = bytes.length * 8;
	const length = given.length ?? bits;
	if (bits === 0 || length > bits || length <= bits - 8)
		S.refuse('DataError', `HMAC: a key of ${bits} bits has not ${length} bits`);
	const algorithm = { __proto__: null, name: 'HMAC', length, hash: given.hash };
	return S.newKey('secret', algorithm, extractable, usages, S.cutBits(bytes, length));
}

function importDerivable({ name }, format, data, extractable, usages) {
	S.checkUsages(name, 'secret', usages);
	if (extractable)
		S.refuse('SyntaxError', `${name}: keys cannot be extractable`);
	return S.newKey('secret', { __proto__: null, name }, false, usages, data);
}

// --- key pairs ---

// The type, after what may be wanted of such a key was looked at.
function typeOf(name, format, data, usages) {
	const isPrivate = format === 'pkcs8' || (format === 'jwk' && data.d !== undefined);
	const type = isPrivate ? 'private' : 'public';
	S.checkUsages(name, type, usages);
	return type;
}

function bitLength(number) {
	return number.length * 8 - Math.clz32(number[0]) + 24;
}

function rsaList(jwk, type) {
	if (jwk.oth !== undefined)
		S.refuse('NotSupportedError', 'RSA keys of more than two primes are not supported');
	const names = type === 'private' ? PRIVATE_NUMBERS : PRIVATE_NUMBERS.slice(0, 2);
	return S.packNumbers(names.map((n) => S.jwkBytes(jwk, n)));
}

function importRsa({ name, hash }, format, data, extractable, usages) {
	if (format === 'raw')
		unsupported(name, format);
	const type = typeOf(name, format, data, usages);
	let list;
	if (format === 'jwk') {
		S.jwkCheck(data, 'RSA', name === 'RSA-OAEP' ? 'enc' : 'sig', extractable, usages);
		S.jwkCheckAlg(data, S.jwkRsaAlg(name, hash));
		list = dataOrError(ops.subtleCheck('RSA', rsaList(data, type)));
	} else {
		list = dataOrError(ops.subtleDecode('RSA', FORMATS[format], data));
	}
	const [modulus, publicExponent] = S.unpackNumbers(list);
	const algorithm = { __proto__: null, name, modulusLength: bitLength(modulus), publicExponent, hash };
	return S.newKey(type, algorithm, extractable, usages, list, 'RSA');
}

const EC_ALGS = { __proto__: null, 'P-256': 'ES256', 'P-384': 'ES384', 'P-521': 'ES512' };

function importEc({ name, namedCurve }, format, data, extractable, usages) {
	const type = typeOf(name, format, data, usages);
	if (S.CURVES[namedCurve] === undefined)
		S.refuse('DataError', `${name}: no curve '${namedCurve}'`);
	let list;
	if (format === 'jwk') {
		S.jwkCheck(data, 'EC', name === 'ECDSA' ? 'sig' : 'enc', extractable, usages);
		if (data.crv !== namedCurve)
			S.refuse('DataError', `JWK: the member 'crv' is not '${namedCurve}'`);
		if (name === 'ECDSA')
			S.jwkCheckAlg(data, EC_ALGS[namedCurve]);
		const names = type === 'private' ? ['x', 'y', 'd'] : ['x', 'y'];
		list = S.packNumbers(names.map((n) => S.jwkBytes(data, n)));
		list = dataOrError(ops.subtleCheck(namedCurve, list));
	} else {
		list = dataOrError(ops.subtleDecode(namedCurve, FORMATS[format], data));
	}
	return S.newKey(type, { __proto__: null, name, namedCurve }, extractable, usages, list, namedCurve);
}

function importRawPair({ name }, format, data, extractable, usages) {
	const kind = S.rawKind(name);
	const type = typeOf(name, format, data, usages);
	let list;
	if (format === 'jwk') {
		const signs = kind[0] === 'E';
		S.jwkCheck(data, 'OKP', signs ? 'sig' : 'enc', extractable, usages);
		if (data.crv !== name)
			S.refuse('DataError', `JWK: the member 'crv' is not '${name}'`);
		if (signs)
			S.jwkCheckAlg(data, name, 'EdDSA');
		const names = type === 'private' ? ['x', 'd'] : ['x'];
		list = S.packNumbers(names.map((n) => S.jwkBytes(data, n)));
		list = dataOrError(ops.subtleCheck(kind, list));
	} else {
		list = dataOrError(ops.subtleDecode(kind, FORMATS[format], data));
	}
	return S.newKey(type, { __proto__: null, name }, extractable, usages, list, kind);
}

// `data`: a dictionary of S.jwkOf(), or bytes that nobody else changes.
S.importKey = (algorithm, format, data, extractable, usages) => {
	const { name } = algorithm;
	const pair = S.isRsa(name) || S.isEc(name) || S.rawKind(name) !== undefined;
	const derives = name === 'HKDF' || name === 'PBKDF2';
	if (!pair && format !== 'raw' && (format !== 'jwk' || derives))
		unsupported(name, format);
	let read = importRawPair;
	if (S.isRsa(name))
		read = importRsa;
	else if (S.isEc(name))
		read = importEc;
	else if (S.isAes(name))
		read = importAes;
	else if (name === 'HMAC')
		read = importHmac;
	else if (derives)
		read = importDerivable;
	const key = read(algorithm, format, data, extractable, usages);
	const { type } = S.keyOf(key);
	if (type !== 'public' && usages.length === 0)
		S.refuse('SyntaxError', `${name}: the key could be used for nothing`);
	return key;
};

// --- export ---

function jwkSecret({ algorithm, data }) {
	const { name } = algorithm;
	return {
		kty: 'oct', k: S.base64Url(data),
		alg: name === 'HMAC' ? `HS${algorithm.hash.slice(4)}` : `A${algorithm.length}${name.slice(4)}`,
	};
}

function jwkPair({ algorithm, data, type }) {
	const { name } = algorithm;
	const numbers = S.unpackNumbers(data);
	let jwk;
	let names;
	if (S.isRsa(name)) {
		jwk = { kty: 'RSA', alg: S.jwkRsaAlg(name, algorithm.hash) };
		names = PRIVATE_NUMBERS;
	} else if (S.isEc(name)) {
		jwk = { kty: 'EC', crv: algorithm.namedCurve };
		names = ['x', 'y', 'd'];
	} else {
		jwk = S.rawKind(name)[0] === 'E' ? { kty: 'OKP', crv: name, alg: name } : { kty: 'OKP', crv: name };
		names = ['x', 'd'];
	}
	const count = type === 'private' ? names.length : S.publicCount(name);
	for (let i = 0; i < count; i++)
		jwk[names[i]] = S.base64Url(numbers[i]);
	return jwk;
}

function exportJwk(key) {
	const jwk = key.type === 'secret' ? jwkSecret(key) : jwkPair(key);
	jwk.key_ops = [...key.usages];
	jwk.ext = key.extractable;
	return jwk;
}

function exportRaw(key) {
	const { name } = key.algorithm;
	if (key.type === 'secret')
		return typedBuffer(bytesCopy(key.data));
	if (S.isRsa(name))
		unsupported(name, 'raw');
	if (key.type !== 'public')
		S.refuse('InvalidAccessError', `${name}: a private key has no raw form`);
	const [x, y] = S.unpackNumbers(key.data);
	if (y === undefined)
		return typedBuffer(x);
	const point = new Uint8Array(1 + x.length + y.length);
	point[0] = 4; // uncompressed
	for (let i = 0; i < x.length; i++) {
		point[1 + i] = x[i];
		point[1 + x.length + i] = y[i];
	}
	return typedBuffer(point);
}

// An ArrayBuffer, or a plain object for 'jwk'.
S.exportKey = (format, key) => {
	const { name } = key.algorithm;
	if (!S.knows(name, 'exportKey'))
		S.refuse('NotSupportedError', `${name}: keys cannot be exported`);
	if (!key.extractable)
		S.refuse('InvalidAccessError', `${name}: the key is not extractable`);
	if (format === 'jwk')
		return exportJwk(key);
	if (format === 'raw')
		return exportRaw(key);
	if (key.type === 'secret')
		unsupported(name, format);
	if (key.type !== (format === 'spki' ? 'public' : 'private'))
		S.refuse('InvalidAccessError', `${name}: a ${key.type} key has no form '${format}'`);
	const der = ops.subtleEncode(key.kind, key.id, key.data, FORMATS[format]);
	if (typeof der === 'string')
		S.refuse('OperationError', der);
	return typedBuffer(der);
};
