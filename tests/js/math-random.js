// SPDX-License-Identifier: Apache-2.0
// Math.random() is not the same in two runs of one snapshot; here only that it is random.
const values = new Set();
for (let i = 0; i < 1000; i++) {
	const r = Math.random();
	if (!(r >= 0 && r < 1))
		console.log('out of range', r);
	values.add(r);
}
console.log(values.size > 990); // expect: true
