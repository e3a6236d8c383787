// SPDX-License-Identifier: Apache-2.0
// queueMicrotask: order with promises, errors go to the error event and stop nothing.
addEventListener('error', (e) => {
	console.log('error', e.error.message);
	e.preventDefault();
});
queueMicrotask(() => console.log(1));
Promise.resolve().then(() => console.log(2));
queueMicrotask(() => {
	throw new Error('three');
});
queueMicrotask(() => console.log(4));
console.log(0);
// expect: 0
// expect: 1
// expect: 2
// expect: error three
// expect: 4
