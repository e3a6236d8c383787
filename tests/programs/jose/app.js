// SPDX-License-Identifier: Apache-2.0
// Signatures and ciphertexts differ each time: the answers tell what was read back, and of the
// algorithms that are deterministic the token as well.
import * as jose from 'jose';

const claims = { sub: 'who', admin: true, ü: '☃' };
const secret = new TextEncoder().encode('a secret of at least thirty-two bytes');
const options = { issuer: 'urn:here', audience: 'urn:there' };
const pairs = new Map();

function pair(alg) {
	if (!pairs.has(alg))
		pairs.set(alg, jose.generateKeyPair(alg, { extractable: true }));
	return pairs.get(alg);
}
const token = (alg, kid = alg) => new jose.SignJWT(claims).setProtectedHeader({ alg, kid })
	.setIssuer(options.issuer).setAudience(options.audience).setIssuedAt(1e9).setExpirationTime(4e9);

async function sign(alg) {
	const { publicKey, privateKey } = await pair(alg);
	const jwk = await jose.exportJWK(publicKey);
	const pem = await jose.exportSPKI(publicKey);
	const signed = await token(alg).sign(privateKey);
	const read = [
		await jose.jwtVerify(signed, publicKey, options),
		await jose.jwtVerify(signed, await jose.importJWK(jwk, alg), options),
		await jose.jwtVerify(signed, await jose.importSPKI(pem, alg), options),
	];
	const again = await jose.importPKCS8(await jose.exportPKCS8(privateKey), alg);
	read.push(await jose.jwtVerify(await token(alg).sign(again), publicKey));
	const [head, body, signature] = signed.split('.');
	const forged = [head, jose.base64url.encode('{"sub":"me"}'), signature].join('.');
	return { head, body, members: Object.keys(jwk).sort(), read: read.map((r) => r.payload),
		forged: await jose.jwtVerify(forged, publicKey).catch((e) => e.code) };
}

async function hs(alg) {
	const signed = await token(alg).sign(secret);
	const late = await new jose.SignJWT({}).setProtectedHeader({ alg }).setExpirationTime(1e9).sign(secret);
	return { signed, ...await jose.jwtVerify(signed, secret, options),
		late: await jose.jwtVerify(late, secret).catch((e) => [e.code, e.claim, e.reason]),
		other: await jose.jwtVerify(signed, secret, { audience: 'x' }).catch((e) => e.message) };
}

async function encrypt(alg, enc) {
	const key = alg === 'dir' ? secret.slice(0, 32) : alg.startsWith('A') ? secret.slice(0, 16)
		: alg.startsWith('PBES2') ? secret : await pair(alg);
	const made = await new jose.EncryptJWT(claims).setProtectedHeader({ alg, enc }).setIssuer('urn:here')
		.encrypt(key.publicKey ?? key);
	const options = { maxPBES2Count: 20000, keyManagementAlgorithms: [alg] };
	const { payload, protectedHeader } = await jose.jwtDecrypt(made, key.privateKey ?? key, options);
	const parts = made.split('.');
	parts[3] = jose.base64url.encode('spoilt');
	return { payload, alg: protectedHeader.alg, enc: protectedHeader.enc,
		parts: parts.map((part, i) => i === 1 || i === 2 || i === 4 ? part.length : 0),
		spoilt: await jose.jwtDecrypt(parts.join('.'), key.privateKey ?? key, options).catch((e) => e.code) };
}

async function general() {
	const { publicKey, privateKey } = await pair('ES256');
	const jws = await new jose.GeneralSign(new TextEncoder().encode('payload'))
		.addSignature(privateKey).setProtectedHeader({ alg: 'ES256', b64: true, crit: ['b64'] })
		.addSignature(secret).setProtectedHeader({ alg: 'HS256' }).sign();
	const { payload } = await jose.generalVerify(jws, publicKey);
	const thumbprint = await jose.calculateJwkThumbprint({ kty: 'oct', k: jose.base64url.encode(secret) });
	return { signatures: jws.signatures.length, payload: new TextDecoder().decode(payload), thumbprint };
}

// Keys that are fetched, as those of an identity provider.
async function remote(env) {
	const set = jose.createRemoteJWKSet(new URL('/jwks.json', env.UPSTREAM));
	const given = await fetch(new URL('/token', env.UPSTREAM));
	const { payload, protectedHeader } = await jose.jwtVerify(await given.text(), set);
	const unknown = await token('ES256', 'none').sign((await pair('ES256')).privateKey);
	return { payload, protectedHeader, unknown: await jose.jwtVerify(unknown, set).catch((e) => e.code) };
}

export default {
	async fetch(request, env) {
		const [what, ...names] = new URL(request.url).pathname.slice(1).split('/');
		const answers = { sign, hs, encrypt, general, remote: () => remote(env) };
		return Response.json(await answers[what](...names));
	},
};
