// SPDX-License-Identifier: Apache-2.0
// crypto.subtle: RSA by answers that another implementation gave for this key, and what is refused.
const { subtle } = crypto;
const message = new TextEncoder().encode('known answer');
const text = (b) => new TextDecoder().decode(b);
const from64 = (s) => Uint8Array.from(atob(s.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
const to64 = (b) => btoa(String.fromCharCode(...new Uint8Array(b))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '');
const name = (p) => p.then(() => 'nothing', (e) => e.name);
const jwk = {
	kty: 'RSA',
	n: 'noZplCMfMAreNaJNHsxj9gEt1sDvlFH88L9yNS_D5A5ReOcoxwvCszt9uaqrEjaZluDpzkn1YvOEfzQJR32Vtd8J0iU3MQ5PYMMSm_ImHa9Ed1xK6iIUY0kYkVgPSKLOHQWmhVbvKqghawW90lZ7bth3MqojdKMhPLaXyph6cMc',
	e: 'AQAB',
	d: 'BuapD_bbc7b1Z3ZSTyXssBfrC-9IPre3ADAFY8VZjMMGzvGZN9kON8k-Nuf0HI3d79CIvR9BHHanbPYx9TfFXZz2ROnUMn_9gf7o0m3NrDuUxva0Ndz75SyD-fi_wbClew_fbADZPPtltQY8Nic5JwH7_q8kKMcTn-eefJYinTk',
	p: 'zNhlFXMa9NYw4tfySlxH_olpTf0Zw_PP3MWSPEfxguqhLeCFqjWjaRX5yjjGqPF8u1Q8fATKvb9VhnYyBXCqbQ',
	q: 'xhzMnYeUJ0qHU0eNsXhbRpQ-G6h67VuxoBXBwfu0DH3YgJohv3TmZJRsH4C0JuqQeaXoWXk1Z7lkP_p0iWtHgw',
	dp: 'CYlNc2kvaRSLpBPfkLypEV1-TIYq6-du1t1PyISk5q5boJIiRuFGYT8HqPVpsjXD08jBJBjpA1pj9eWMwJoVJQ',
	dq: 'nl7LW2rUjoxPnc1ngeV64fMDq0yF6FUSq6x41b-G8S1w821DaS_kNadIv-49FZcRo41zLoNso9xaPaLToj72TQ',
	qi: 'GjVao-gcWjF2Na6aT0xLq1UlzVnu3-KoESuaFG-wA0or-4uaHUSWW5XDb1vjcZS1P0uNxHFr-ClH1h-iLjntDw',
};
const publicJwk = { kty: 'RSA', n: jwk.n, e: jwk.e };
const PKCS1 = 'hToZJBn3BRwPY9bjbQMCiIlrjhfZywRcdPCM9gK4L-CWXsS2Nfb2wgsGpJrUCQ08T-1ME_K-NAn-MFv3uMR1UCXG7Rm3s6oaryniZXBNbvAuS_qhSp0IZGHBcN56CScEHR8Rd4KX_Vjl2HFrLlxLIDJW-zuojoOYdFwfaRqoo0w';
const PSS = 'Wd1XEr9LRP24Fn6w1BBrGoMSi8PsKUZmksMNoSn08EDRUqkgG_AdABl1Yu0dsuISghSLbuFmvvcBtdv_VnOjp2fQmdFR00nhusx2vujmElS-eeE92rHBTH3ssxTZoxl0ouY5JdlQMvnPCEVixfb8FOI2AKVFcC1NpCwM4E-SOVc';
const OAEP = 'XdGYy73VDkmBCo_9rGRWkXazNDzIT62CvGPxh8ozn4MSP_-irMMC8bU9rc1v4ByQjv7B-oQd8-X5YXOh3AU4Mp5qcYL_FO7Krc3Jw_kdPTmqShWEiEC1dyyqtP328ZaZYc8vz_kSUMNp1OPzuj8V-y0IfAcjKKsWeZ4l5FocdWM';
const load = (data, algorithm, hash, uses) => subtle.importKey('jwk', data, { name: algorithm, hash }, true, uses);
(async () => {
	const v15 = 'RSASSA-PKCS1-v1_5';
	const signKey = await load(jwk, v15, 'SHA-512', ['sign']);
	const verifyKey = await load(publicJwk, v15, 'SHA-512', ['verify']);
	console.log(to64(await subtle.sign(v15, signKey, message)) === PKCS1, await subtle.verify(v15, verifyKey, from64(PKCS1), message)); // expect: true true
	console.log(await subtle.verify(v15, verifyKey, from64(PSS), message), await subtle.verify(v15, verifyKey, new Uint8Array(0), message)); // expect: false false
	console.log(JSON.stringify(signKey.algorithm)); // expect: {"name":"RSASSA-PKCS1-v1_5","modulusLength":1024,"publicExponent":{"0":1,"1":0,"2":1},"hash":{"name":"SHA-512"}}

	const pssVerify = await load(publicJwk, 'RSA-PSS', 'SHA-256', ['verify']);
	const pssSign = await load(jwk, 'RSA-PSS', 'SHA-256', ['sign']);
	const pss = (saltLength) => ({ name: 'RSA-PSS', saltLength });
	console.log(await subtle.verify(pss(20), pssVerify, from64(PSS), message), await subtle.verify(pss(21), pssVerify, from64(PSS), message)); // expect: true false
	const mine = await subtle.sign(pss(0), pssSign, message);
	console.log(await subtle.verify(pss(0), pssVerify, mine, message), to64(mine) === to64(await subtle.sign(pss(0), pssSign, message))); // expect: true true
	console.log(await name(subtle.sign(pss(1000), pssSign, message)), await subtle.verify(pss(2 ** 32 - 1), pssVerify, mine, message), await name(subtle.sign(pss(-1), pssSign, message))); // expect: OperationError false TypeError

	const label = new TextEncoder().encode('label');
	const decryptKey = await load(jwk, 'RSA-OAEP', 'SHA-256', ['decrypt', 'unwrapKey']);
	const encryptKey = await load(publicJwk, 'RSA-OAEP', 'SHA-256', ['encrypt', 'wrapKey']);
	console.log(text(await subtle.decrypt({ name: 'RSA-OAEP', label }, decryptKey, from64(OAEP)))); // expect: known answer
	console.log(await name(subtle.decrypt('RSA-OAEP', decryptKey, from64(OAEP))), await name(subtle.encrypt('RSA-OAEP', encryptKey, new Uint8Array(63)))); // expect: OperationError OperationError
	const sealed = await subtle.encrypt('RSA-OAEP', encryptKey, new Uint8Array(62));
	console.log(sealed.byteLength, (await subtle.decrypt('RSA-OAEP', decryptKey, sealed)).byteLength); // expect: 128 62
	const aes = await subtle.generateKey({ name: 'AES-GCM', length: 256 }, true, ['encrypt']);
	const parcel = await subtle.wrapKey('raw', aes, encryptKey, 'RSA-OAEP');
	const opened = await subtle.unwrapKey('raw', parcel, decryptKey, 'RSA-OAEP', 'AES-GCM', true, ['encrypt']);
	console.log(to64(await subtle.exportKey('raw', opened)) === to64(await subtle.exportKey('raw', aes))); // expect: true

	// There and back
	const back = await subtle.exportKey('jwk', signKey);
	console.log(Object.keys(jwk).every((k) => back[k] === jwk[k]), back.alg, back.key_ops.join(), back.ext); // expect: true RS512 sign true
	for (const format of ['pkcs8', 'jwk']) {
		const again = await subtle.importKey(format, await subtle.exportKey(format, decryptKey), { name: 'RSA-OAEP', hash: 'SHA-256' }, true, ['decrypt']);
		console.log((await subtle.exportKey('jwk', again)).qi === jwk.qi); // expect: true
		// expect: true
	}
	const spki = await subtle.exportKey('spki', verifyKey);
	console.log(spki.byteLength, (await subtle.exportKey('jwk', await subtle.importKey('spki', spki, { name: 'RSA-PSS', hash: 'SHA-1' }, true, []))).alg); // expect: 162 PS1
	const longer = new Uint8Array(163);
	longer.set(new Uint8Array(spki));
	console.log(await name(subtle.importKey('spki', longer, { name: v15, hash: 'SHA-1' }, true, ['verify']))); // expect: DataError
	console.log(await name(subtle.exportKey('raw', verifyKey)), await name(subtle.exportKey('pkcs8', verifyKey)), await name(subtle.exportKey('spki', signKey))); // expect: NotSupportedError InvalidAccessError InvalidAccessError

	// Numbers that do not fit each other
	for (const bad of [{ d: jwk.dp }, { p: jwk.q }, { dq: jwk.dp }, { qi: jwk.dp }, { n: jwk.d }, { e: 'AQ' }, { e: 'AA' }, { e: 'AAAA' }, { p: undefined }, { n: '' }, { n: `${jwk.n}AB` }, { n: jwk.n.repeat(9) }, { e: jwk.n }, { d: '!' }])
		if (await name(load({ ...jwk, ...bad }, v15, 'SHA-256', ['sign'])) !== 'DataError')
			console.log(bad);
	console.log(await name(load({ ...jwk, oth: [] }, v15, 'SHA-256', ['sign'])), await name(load({ ...jwk, alg: 'RS256' }, v15, 'SHA-1', ['sign']))); // expect: NotSupportedError DataError

	// New keys
	const generate = (modulusLength, e) => subtle.generateKey({ name: v15, modulusLength, hash: 'SHA-256', publicExponent: new Uint8Array(e) }, false, ['sign', 'verify']);
	const pair = await generate(1024, [3]);
	const s = await subtle.sign(v15, pair.privateKey, message);
	console.log(await subtle.verify(v15, pair.publicKey, s, message), pair.publicKey.extractable, await name(subtle.exportKey('jwk', pair.privateKey))); // expect: true true InvalidAccessError
	console.log(await name(generate(4097, [3])), await name(generate(256, [3])), await name(generate(1024, [1, 0, 0])), await name(generate(1024, [1, 0, 0, 0, 0, 0, 0, 0, 1]))); // expect: OperationError OperationError OperationError OperationError
})();
