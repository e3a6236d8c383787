// SPDX-License-Identifier: Apache-2.0
// An uncaught error ends the worker with code 1 and says where it was thrown.
// expect error: RangeError: nobody catches this
// expect stderr: error-uncaught.js:7
console.log('before'); // expect: before
function thrower() {
	throw new RangeError('nobody catches this');
}
thrower();
console.log('after');
