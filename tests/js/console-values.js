// SPDX-License-Identifier: Apache-2.0
// How console shows values.
console.log('text', 1, -0, 2n, true, null, undefined, Symbol('s')); // expect: text 1 -0 2n true null undefined Symbol(s)
console.log(['a', "it's", 'q"\'', '\n']); // expect: [ 'a', "it's", `q"'`, '\n' ]
console.log({}, [], { a: { b: { c: { d: 1 } } } }); // expect: {} [] { a: { b: { c: [Object] } } }
console.log([1, , 3], [, ,], Object.assign([1], { x: 2 })); // expect: [ 1, <1 empty item>, 3 ] [ <2 empty items> ] [ 1, x: 2 ]
console.log({ 'a-b': 1, [Symbol('k')]: 2, valid_1: 3 }); // expect: { 'a-b': 1, valid_1: 3, [Symbol(k)]: 2 }
console.log(new Map([['k', { v: 1 }]]), new Set([1, 'a']), new Map()); // expect: Map(1) { 'k' => { v: 1 } } Set(2) { 1, 'a' } Map(0) {}
console.log(new Map([[1, 2]]).entries(), new Set([1]).values()); // expect: [Map Iterator] { 1, 2 } [Set Iterator] { 1 }
console.log(new WeakMap(), new WeakSet()); // expect: WeakMap { <items unknown> } WeakSet { <items unknown> }
class Foo {
	a = 1;
}
class Bar extends Foo {}
console.log(new Foo(), new Bar(), Foo, Bar, class {}); // expect: Foo { a: 1 } Bar { a: 1 } [class Foo] [class Bar extends Foo] [class (anonymous)]
console.log(function f() {}, () => {}, async () => {}, function* g() {}); // expect: [Function: f] [Function (anonymous)] [AsyncFunction (anonymous)] [GeneratorFunction: g]
console.log(Object.create(null), Object.assign(Object.create(null), { x: 1 })); // expect: [Object: null prototype] {} [Object: null prototype] { x: 1 }
console.log(new Date(0), new Date(NaN), /re/g); // expect: 1970-01-01T00:00:00.000Z Invalid Date /re/g
console.log(new Number(1), new String('ab'), new Boolean(false), Object(Symbol('x')), Object(1n)); // expect: [Number: 1] [String: 'ab'] [Boolean: false] [Symbol: Symbol(x)] [BigInt: 1n]
console.log(new Uint8Array([1, 2]), new Float64Array(1), new BigInt64Array(1)); // expect: Uint8Array(2) [ 1, 2 ] Float64Array(1) [ 0 ] BigInt64Array(1) [ 0n ]
console.log(new ArrayBuffer(2)); // expect: ArrayBuffer { contents: <00 00>, byteLength: 2 }
console.log(Promise.resolve(1), Promise.reject(2).catch(() => {}) && new Promise(() => {})); // expect: Promise { 1 } Promise { <pending> }
console.log(new Proxy({ a: 1 }, { get: () => 'trap' })); // expect: Proxy { a: 1 }
console.log({ get g() {
	return 1;
}, set s(v) {}, get b() {
	return 1;
}, set b(v) {} }); // expect: { g: [Getter], s: [Setter], b: [Getter/Setter] }
const o = { name: 'o' };
o.self = o;
o.list = [o];
console.log(o); // expect: <ref *1> { name: 'o', self: [Circular *1], list: [ [Circular *1] ] }
console.log((function () {
	return arguments;
})(1, 2)); // expect: [Arguments] [ 1, 2 ]
console.log(new Array(3e9)); // expect: [ <3000000000 empty items> ]
console.log({ [Symbol.toStringTag]: 'Tagged' }); // expect: Object [Tagged] { [Symbol(Symbol.toStringTag)]: 'Tagged' }
console.log(globalThis.nothing, [undefined, null]); // expect: undefined [ undefined, null ]
console.log(new (class extends Map {})([[1, 2]]), new (class Mine extends Array {})(1, 2)); // expect: Map(1) { 1 => 2 } Mine(2) [ 1, 2 ]
