// SPDX-License-Identifier: Apache-2.0
// PerformanceObserver: types, buffered entries, records, order.
const throws = (f) => {
	try {
		f();
		return 'nothing';
	} catch (e) {
		return e.name;
	}
};
console.log(PerformanceObserver.supportedEntryTypes.join(), PerformanceObserver.supportedEntryTypes === PerformanceObserver.supportedEntryTypes, Object.isFrozen(PerformanceObserver.supportedEntryTypes)); // expect: mark,measure,resource true true
const idle = new PerformanceObserver(() => {});
console.log(throws(() => new PerformanceObserver()), throws(() => new PerformanceObserver({})), throws(() => idle.observe()), throws(() => idle.observe({ type: 'mark', entryTypes: ['mark'] }))); // expect: TypeError TypeError TypeError TypeError
idle.observe({ type: 'nothing' });
idle.observe({ type: 'mark' });
console.log(throws(() => idle.observe({ entryTypes: ['mark'] }))); // expect: InvalidModificationError
idle.disconnect();
idle.observe({ entryTypes: ['mark', 'unknown'] });
performance.mark('kept');
console.log(idle.takeRecords().map((e) => e.name).join(), idle.takeRecords().length); // expect: kept 0
idle.disconnect();
performance.mark('unseen');
console.log(idle.takeRecords().length, throws(() => new PerformanceObserverEntryList())); // expect: 0 TypeError

const seen = [];
const watcher = new PerformanceObserver(function (list, observer, options) {
	seen.push(list.getEntries().map((e) => e.name).join());
	if (seen.length === 1) {
		console.log(seen[0], this === watcher && observer === watcher, options.droppedEntriesCount); // expect: kept,unseen,late true 0
		console.log(list.getEntriesByType('measure').length, list.getEntriesByName('kept', 'mark').length, list.getEntriesByName('kept', 'measure').length); // expect: 0 1 0
		performance.measure('m');
		performance.mark('second', { startTime: 2 });
		performance.mark('first', { startTime: 1 });
		return;
	}
	console.log(seen[1], 'droppedEntriesCount' in options); // expect: first,second false
	observer.disconnect();
	performance.mark('behind');
	thrown();
});
watcher.observe({ type: 'mark', buffered: true });
performance.mark('late');

function thrown() {
	addEventListener('error', (e) => {
		console.log('caught', e.error); // expect: caught from an observer
		e.preventDefault();
	});
	new PerformanceObserver((list, observer) => {
		observer.disconnect();
		throw 'from an observer';
	}).observe({ type: 'mark', buffered: true });
}
