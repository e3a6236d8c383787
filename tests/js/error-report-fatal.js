// SPDX-License-Identifier: Apache-2.0
// What no listener takes care of ends the worker, once.
// expect error: Error: passed on
let times = 0;
addEventListener('error', () => console.log('told', ++times)); // expect: told 1
reportError(new Error('passed on'));
