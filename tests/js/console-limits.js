// SPDX-License-Identifier: Apache-2.0
// Limits of what console shows: elements and depth; nothing walks a huge sparse array.
const sparse = [];
sparse[4e9] = 'far';
sparse[1] = 'near';
console.log(sparse); // expect: [ <1 empty item>, 'near', <3999999998 empty items>, 'far' ]
console.log(new Set(Array.from({ length: 3 }, (_, i) => [i, [i, [i, [i]]]])));
// expect: Set(3) {
// expect:   [ 0, [ 0, [Array] ] ],
// expect:   [ 1, [ 1, [Array] ] ],
// expect:   [ 2, [ 2, [Array] ] ]
// expect: }
let deep = {};
for (let i = 0; i < 100000; i++)
	deep = { deep };
console.log(deep); // expect: { deep: { deep: { deep: [Object] } } }
console.dir({ a: { b: { c: { d: { e: 1 } } } } }, { depth: null });
// expect: { a: { b: { c: { d: { e: 1 } } } } }
