// SPDX-License-Identifier: Apache-2.0
// Web Cryptography: JSON Web Keys as dictionaries, and what their members must say.
'use strict';

const { Uint8Array } = globalThis;
const { dictionary, domString, sequence } = internals.webidl;
const { stringify, parse } = JSON;
const S = internals.subtle;

// --- base64url ---

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const VALUES = { __proto__: null };
for (let i = 0; i < DIGITS.length; i++)
	VALUES[DIGITS[i]] = i;

S.base64Url = (data) => {
	let out = '';
	for (let i = 0; i < data.length; i += 3) {
		const left = data.length - i;
		const bits = data[i] << 16 | (left > 1 ? data[i + 1] << 8 : 0) | (left > 2 ? data[i + 2] : 0);
		out += DIGITS[bits >> 18] + DIGITS[bits >> 12 & 63] +
			(left > 1 ? DIGITS[bits >> 6 & 63] : '') + (left > 2 ? DIGITS[bits & 63] : '');
	}
	return out;
};

// The bytes of a member, or a DataError.
S.jwkBytes = (jwk, name) => {
	const text = jwk[name];
	if (text === undefined)
		S.refuse('DataError', `JWK: the member '${name}' is missing`);
	const out = new Uint8Array(Math.floor(text.length * 3 / 4));
	let bits = 0;
	let have = 0;
	let at = 0;
	for (let i = 0; i < text.length; i++) {
		const value = VALUES[text[i]];
		if (value === undefined || text.length % 4 === 1)
			S.refuse('DataError', `JWK: the member '${name}' is not base64url`);
		bits = (bits << 6 | value) & 0xffff;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[at++] = bits >> have;
		}
	}
	return out;
};

// --- dictionaries ---

const boolean = (v) => Boolean(v);
const strings = (v) => sequence(v, domString, 'JWK: key_ops');

function otherPrime(value) {
	const given = dictionary(value, 'JWK: oth');
	for (const key of ['d', 'r', 't'])
		if (given[key] !== undefined)
			domString(given[key]);
	return true;
}

const MEMBERS = [
	['alg', domString], ['crv', domString], ['d', domString], ['dp', domString], ['dq', domString],
	['e', domString], ['ext', boolean], ['k', domString], ['key_ops', strings], ['kty', domString],
	['n', domString], ['oth', (v) => sequence(v, otherPrime, 'JWK: oth')], ['p', domString],
	['q', domString], ['qi', domString], ['use', domString], ['x', domString], ['y', domString],
];

S.jwkOf = (value) => {
	const given = dictionary(value, 'keyData');
	const out = { __proto__: null };
	for (const [key, convert] of MEMBERS) {
		const member = given[key];
		if (member !== undefined)
			out[key] = convert(member);
	}
	return out;
};

// --- as bytes, for wrapKey() and unwrapKey() ---

S.jwkEncode = (jwk) => {
	// Nothing of this sees a toJSON() of the user's.
	Object.setPrototypeOf(jwk, null);
	Object.setPrototypeOf(jwk.key_ops, null);
	return ops.textEncode(stringify(jwk));
};

S.jwkDecode = (bytes) => {
	let value;
	try {
		value = parse(ops.textDecodeUtf8(bytes, false));
	} catch {
		S.refuse('DataError', 'JWK: the bytes are not JSON');
	}
	if (typeof value !== 'object' || value === null)
		S.refuse('DataError', 'JWK: the JSON is not an object');
	const jwk = S.jwkOf(value);
	if (jwk.kty === undefined)
		S.refuse('DataError', 'JWK: the member \'kty\' is missing');
	return jwk;
};

// --- what a key says of itself ---

S.jwkCheck = (jwk, kty, use, extractable, usages) => {
	if (jwk.kty !== kty)
		S.refuse('DataError', `JWK: the member 'kty' is not '${kty}'`);
	if (usages.length > 0 && jwk.use !== undefined && jwk.use !== use)
		S.refuse('DataError', `JWK: the member 'use' is not '${use}'`);
	if (jwk.key_ops !== undefined) {
		if (new Set(jwk.key_ops).size !== jwk.key_ops.length)
			S.refuse('DataError', 'JWK: an operation is in \'key_ops\' twice');
		if (!usages.every((u) => jwk.key_ops.includes(u)))
			S.refuse('DataError', 'JWK: \'key_ops\' does not allow what the key is wanted for');
	}
	if (jwk.ext === false && extractable)
		S.refuse('DataError', 'JWK: \'ext\' forbids to make the key extractable');
};

// `allowed`: what the member alg may say where it is there.
S.jwkCheckAlg = (jwk, ...allowed) => {
	if (jwk.alg !== undefined && !allowed.includes(jwk.alg))
		S.refuse('DataError', `JWK: the member 'alg' is not '${allowed[0]}'`);
};

S.jwkRsaAlg = (name, hash) => {
	const bits = hash.slice(4);
	if (name === 'RSA-OAEP')
		return bits === '1' ? 'RSA-OAEP' : `RSA-OAEP-${bits}`;
	return name === 'RSA-PSS' ? `PS${bits}` : `RS${bits}`;
};
