// SPDX-License-Identifier: Apache-2.0
// performance: clock, marks, measures.
const a = performance.now();
const b = performance.now();
console.log(b >= a, a >= 0, performance.timeOrigin > 1.5e12); // expect: true true true
console.log(Math.abs(performance.timeOrigin + performance.now() - Date.now()) < 60000); // expect: true
const m = performance.mark('start', { startTime: 5, detail: { x: [1] } });
console.log(m.name, m.entryType, m.startTime, m.duration, m.detail.x[0]); // expect: start mark 5 0 1
performance.mark('end', { startTime: 12 });
const s = performance.measure('span', 'start', 'end');
console.log(s.entryType, s.startTime, s.duration, s.detail); // expect: measure 5 7 null
console.log(performance.measure('o', { start: 1, duration: 3, detail: 'd' }).duration); // expect: 3
console.log(performance.measure('p', { end: 'end', duration: 2 }).startTime); // expect: 10
console.log(performance.getEntriesByType('mark').map((e) => e.name).join()); // expect: start,end
console.log(performance.getEntriesByName('span').length, performance.getEntriesByName('span', 'mark').length); // expect: 1 0
console.log(performance.getEntries().map((e) => e.name).join()); // expect: o,start,span,p,end
performance.clearMarks('start');
performance.clearMeasures();
console.log(performance.getEntries().length); // expect: 1
console.log(JSON.stringify(m)); // expect: {"name":"start","entryType":"mark","startTime":5,"duration":0}
const throws = (f) => {
	try {
		f();
		return 'nothing';
	} catch (e) {
		return e.name;
	}
};
console.log(throws(() => performance.measure('x', 'none')), throws(() => performance.mark('x', { startTime: -1 }))); // expect: SyntaxError TypeError
console.log(throws(() => performance.measure('x', { start: 1 }, 'end')), throws(() => performance.measure('x', { duration: 1 }))); // expect: TypeError TypeError
console.log(throws(() => new Performance()), throws(() => new PerformanceMeasure())); // expect: TypeError TypeError
console.log(new PerformanceMark('free').name, performance.toJSON().timeOrigin === performance.timeOrigin); // expect: free true
