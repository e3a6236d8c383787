// SPDX-License-Identifier: Apache-2.0
// onerror gets five arguments; returning true says that the error was handled.
onerror = function (message, filename, lineno, colno, error) {
	console.log(message, typeof filename, lineno > 0, colno > 0, error.message, this === self);
	return true;
};
setTimeout(() => {
	throw new Error('in a timer'); // expect: Uncaught Error: in a timer string true true in a timer true
}, 0);
setTimeout(() => {
	onerror = null;
	console.log(onerror); // expect: null
}, 5);
