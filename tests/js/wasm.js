// SPDX-License-Identifier: Apache-2.0
// WebAssembly as the engine has it.
const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 7, 7, 1, 3, 97, 100,
	100, 0, 0, 10, 9, 1, 7, 0, 32, 0, 32, 1, 106, 11]);
console.log(WebAssembly.validate(bytes)); // expect: true
const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes));
console.log(instance.exports.add(2, 3)); // expect: 5
const copy = structuredClone({ m: new WebAssembly.Module(bytes) });
console.log(new WebAssembly.Instance(copy.m).exports.add(4, 5)); // expect: 9
WebAssembly.instantiate(bytes).then(({ instance: i }) => console.log(i.exports.add(1, 1))); // expect: 2
