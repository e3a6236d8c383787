// SPDX-License-Identifier: Apache-2.0
// The timeline: options of measure(), resources, attributes.
const throws = (f) => {
	try {
		f();
		return 'nothing';
	} catch (e) {
		return e.name;
	}
};
for (const name of ['m0', 'm1', 'm2', 'm1'])
	performance.mark(name);
performance.clearMarks('m1');
performance.clearMarks('none');
console.log(performance.getEntriesByType('mark').map((e) => e.name).join(), performance.getEntriesByType('Mark').length); // expect: m0,m2 0
performance.clearMarks();
performance.mark('a', { startTime: 3 });
console.log(performance.measure('x', { unknown: 1 }, 'a').duration, throws(() => performance.measure('x', { detail: 1 })), throws(() => performance.measure('x', { start: 1, end: 2, duration: 3 }))); // expect: 3 TypeError TypeError
console.log(throws(() => performance.measure('x', 'navigationStart')), throws(() => performance.measure('x', 'absent')), throws(() => performance.mark())); // expect: TypeError SyntaxError TypeError
let reads = '';
performance.measure('x', {
	get end() {
		reads += 'e';
		return 5;
	},
	get start() {
		reads += 's';
		return 1;
	},
});
console.log(reads); // expect: es
console.log(throws(() => new PerformanceResourceTiming()), performance.onresourcetimingbufferfull, performance.getEntriesByType('resource').length); // expect: TypeError null 0
performance.setResourceTimingBufferSize(5);
performance.clearResourceTimings();
console.log(throws(() => performance.setResourceTimingBufferSize()), Object.keys(PerformanceResourceTiming.prototype).includes('responseEnd')); // expect: TypeError true
const now = performance.now();
console.log(Math.abs(now * 200 - Math.round(now * 200)) < 1e-6); // expect: true
