// SPDX-License-Identifier: Apache-2.0
// Format specifiers.
console.log('%s is %d years and %i, %f', 'Bob', '42', 42.9, '1.5'); // expect: Bob is 42 years and 42, 1.5
console.log('%o | %O', [1], { a: { b: 1 } }); // expect: [ 1 ] | { a: { b: 1 } }
console.log('%c styled %%', 'color: red'); // expect:  styled %
console.log('%s', { toString: 1 }, 'rest', 1); // expect: { toString: 1 } rest 1
console.log('%d %i %f %s', {}, Symbol('a'), 'x', Symbol('b')); // expect: NaN NaN NaN Symbol(b)
console.log('%s %s', 'only one'); // expect: only one %s
console.log('100%', 'a'); // expect: 100% a
console.log('%d%%'); // expect: %d%%
console.log('%x %s', 'a'); // expect: %x a
console.log(1, '%s', 'a'); // expect: 1 %s a
console.log('%s %d %i', 1n, 2n, 3n); // expect: 1n 2n 3n
console.log('%s', -0, '%s'); // expect: -0 %s
console.log('%s', null, undefined); // expect: null undefined
console.log(); // expect:
console.log('a\nb');
// expect: a
// expect: b
