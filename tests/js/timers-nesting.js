// SPDX-License-Identifier: Apache-2.0
// From the sixth level on a timer waits at least 4 ms; the depth is counted per chain.
let level = 0;
let before = performance.now();
function next() {
	level++;
	if (level === 8) {
		const waited = performance.now() - before;
		console.log(level, waited >= 7); // expect: 8 true
		return;
	}
	setTimeout(next, 0);
}
setTimeout(next, 0);
