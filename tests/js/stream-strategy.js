// SPDX-License-Identifier: Apache-2.0
// Queuing strategies: sizes decide when pull is called and what desiredSize says.
const bytes = new ByteLengthQueuingStrategy({ highWaterMark: 10 });
const count = new CountQueuingStrategy({ highWaterMark: '3' });
console.log(bytes.highWaterMark, count.highWaterMark); // expect: 10 3
console.log(bytes.size(new Uint8Array(4)), count.size({}), bytes.size.length, count.size.length); // expect: 4 1 1 0
console.log(bytes.size === new ByteLengthQueuingStrategy({ highWaterMark: 1 }).size); // expect: true
let c;
new ReadableStream({ start(k) {
	c = k;
} }, bytes);
c.enqueue(new Uint8Array(4));
console.log(c.desiredSize); // expect: 6
c.enqueue(new Uint8Array(9));
console.log(c.desiredSize); // expect: -3
const throws = (f) => {
	try {
		f();
		return 'nothing';
	} catch (e) {
		return e.name;
	}
};
for (const size of [-1, NaN, Infinity]) {
	let k;
	new ReadableStream({ start(controller) {
		k = controller;
	} }, { size: () => size });
	console.log(throws(() => k.enqueue(1)), k.desiredSize);
}
// expect: RangeError null
// expect: RangeError null
// expect: RangeError null
console.log(throws(() => new CountQueuingStrategy()), throws(() => new CountQueuingStrategy({}))); // expect: TypeError TypeError
