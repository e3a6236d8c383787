// SPDX-License-Identifier: Apache-2.0
// crypto: random values and UUIDs.
const a = crypto.getRandomValues(new Uint8Array(64));
const b = crypto.getRandomValues(new Uint8Array(64));
console.log(a.some((v, i) => v !== b[i])); // expect: true
const view = new Uint32Array(8);
console.log(crypto.getRandomValues(view) === view, view.some((v) => v > 0xffff)); // expect: true true
const part = new Uint8Array(64);
crypto.getRandomValues(part.subarray(16, 48));
console.log(part.slice(0, 16).every((v) => v === 0), part.slice(16, 48).some((v) => v !== 0)); // expect: true true
console.log(crypto.getRandomValues(new BigInt64Array(2)).length); // expect: 2
console.log(crypto.getRandomValues(new Uint8Array(65536)).length); // expect: 65536
const name = (f) => {
	try {
		f();
		return 'nothing';
	} catch (e) {
		return `${e.name}:${e.code}`;
	}
};
console.log(name(() => crypto.getRandomValues(new Uint8Array(65537)))); // expect: QuotaExceededError:22
console.log(name(() => crypto.getRandomValues(new Float32Array(1)))); // expect: TypeMismatchError:17
console.log(name(() => crypto.getRandomValues(new DataView(new ArrayBuffer(1))))); // expect: TypeMismatchError:17
console.log(name(() => crypto.getRandomValues([1]))); // expect: TypeError:undefined
const uuid = crypto.randomUUID();
console.log(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(uuid)); // expect: true
console.log(new Set(Array.from({ length: 100 }, () => crypto.randomUUID())).size); // expect: 100
console.log(name(() => new Crypto()), String(crypto)); // expect: TypeError:undefined [object Crypto]
console.log(name(() => Crypto.prototype.randomUUID.call({}))); // expect: TypeError:undefined
