// SPDX-License-Identifier: Apache-2.0
// Lists in columns, JSON, events and channels; a long array costs no more than a short one.
console.log(Array.from({ length: 102 }, (_, i) => i));
// expect: [
// expect:    0,  1,  2,  3,  4,  5,  6,  7,  8,  9, 10, 11, 12, 13, 14, 15,
// expect:   16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
// expect:   32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47,
// expect:   48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63,
// expect:   64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79,
// expect:   80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93, 94, 95,
// expect:   96, 97, 98, 99,
// expect:   ... 2 more items
// expect: ]
console.log([-1.5, 2, 30, 400, 5e21, 6n, 7]);
// expect: [
// expect:    -1.5,     2,    30,   400, 5e+21,    6n,     7
// expect: ]
console.log(['apple', 'fig', 'banana', 'kiwi', 'cherry', 'plum', 'date']);
// expect: [
// expect:   'apple',  'fig',    'banana', 'kiwi',   'cherry', 'plum',   'date'
// expect: ]
const circular = {};
circular.self = circular;
console.log('%j %j %j', { a: [1] }, circular, undefined); // expect: {"a":[1]} [Circular] undefined
console.log(new MessageEvent('m', { data: { a: 1 } }));
// expect: MessageEvent {
// expect:   type: 'm',
// expect:   data: { a: 1 },
// expect:   origin: '',
// expect:   lastEventId: '',
// expect:   ports: [],
// expect:   isTrusted: [Getter]
// expect: }
console.log(new BroadcastChannel('b'), new MessageChannel().port1); // expect: BroadcastChannel { name: 'b' } MessagePort {}
console.log(Object.assign([1, 2], { k: 'v', [Symbol('s')]: 3 })); // expect: [ 1, 2, k: 'v', [Symbol(s)]: 3 ]
console.log(Object.assign(new Uint8Array(2), { k: 'v' })); // expect: Uint8Array(2) [ 0, 0, k: 'v' ]
console.log(new Uint8Array(5e6));
// expect: Uint8Array(5000000) [
// expect:   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
// expect:   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
// expect:   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
// expect:   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
// expect:   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
// expect:   0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
// expect:   0, 0, 0, 0,
// expect:   ... 4999900 more items
// expect: ]
