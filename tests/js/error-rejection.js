// SPDX-License-Identifier: Apache-2.0
// A rejection without a handler ends the worker.
// expect error: TypeError: rejected
console.log('start'); // expect: start
Promise.reject(new TypeError('rejected'));
