// SPDX-License-Identifier: Apache-2.0
// structuredClone with a transfer list.
const buffer = new Uint8Array([1, 2, 3]).buffer;
const view = new Uint8Array(buffer, 1);
const moved = structuredClone({ buffer, view, n: 1 }, { transfer: [buffer] });
console.log(buffer.byteLength, view.length); // expect: 0 0
console.log([...moved.view].join(), moved.view.buffer === moved.buffer, moved.n); // expect: 2,3 true 1
const unused = new ArrayBuffer(8);
structuredClone(1, { transfer: [unused] });
console.log(unused.byteLength); // expect: 0
let gets = 0;
const kept = new ArrayBuffer(4);
structuredClone({ get a() {
	return ++gets;
}, kept }, { transfer: [kept] });
console.log(gets); // expect: 1
const throws = (f) => {
	try {
		f();
		return 'nothing';
	} catch (e) {
		return e.name;
	}
};
const safe = new ArrayBuffer(4);
console.log(throws(() => structuredClone({ f() {} }, { transfer: [safe] })), safe.byteLength); // expect: DataCloneError 4
console.log(throws(() => structuredClone(1, { transfer: [safe, safe] })), safe.byteLength); // expect: DataCloneError 4
console.log(throws(() => structuredClone(1, { transfer: [{}] }))); // expect: DataCloneError
console.log(throws(() => structuredClone(1, { transfer: [buffer] }))); // expect: DataCloneError
console.log(throws(() => structuredClone(1, { transfer: 5 }))); // expect: TypeError
const empty = new ArrayBuffer(0);
console.log(structuredClone(empty, { transfer: [empty] }).byteLength, throws(() => structuredClone(1, { transfer: [empty] }))); // expect: 0 DataCloneError
