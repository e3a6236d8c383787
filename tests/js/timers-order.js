// SPDX-License-Identifier: Apache-2.0
// Timers: order, arguments, cancelling, intervals, microtasks in between.
const log = [];
setTimeout((...args) => log.push(`args ${args.join()}`), 1, 'a', 2);
setTimeout(() => log.push('zero'), 0);
queueMicrotask(() => log.push('microtask'));
Promise.resolve().then(() => log.push('then'));
log.push('sync');
const dead = setTimeout(() => log.push('cancelled'), 0);
clearTimeout(dead);
clearTimeout(dead);
clearTimeout();
clearTimeout(12345678);
let n = 0;
const id = setInterval(() => {
	log.push(`tick ${++n}`);
	if (n === 3) {
		clearTimeout(id);
		setTimeout(outer, 0);
	}
}, 2);
function outer() {
	log.push('outer');
	queueMicrotask(() => log.push('inner microtask'));
	setTimeout(() => log.push('inner'), 0);
	setTimeout(() => console.log(log.join('; ')), 1);
}
console.log(typeof id, id > 0, setTimeout.length, setInterval.length, clearTimeout.length); // expect: number true 1 1 0
setTimeout(function () {
	console.log(this === globalThis); // expect: true
});
// expect: sync; microtask; then; zero; args a,2; tick 1; tick 2; tick 3; outer; inner microtask; inner
