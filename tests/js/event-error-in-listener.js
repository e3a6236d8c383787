// SPDX-License-Identifier: Apache-2.0
// A listener that throws does not stop the others; the error event is told, and may take care of it.
const t = new EventTarget();
t.addEventListener('x', () => {
	throw new RangeError('first');
});
t.addEventListener('x', () => console.log('second runs'));
addEventListener('error', (e) => {
	console.log(e.type, e.error.message, e.message, e.lineno > 0, e.filename.endsWith('.js'));
	e.preventDefault();
});
t.dispatchEvent(new Event('x'));
// expect: error first Uncaught RangeError: first true true
// expect: second runs
