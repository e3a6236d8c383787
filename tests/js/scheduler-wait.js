// SPDX-License-Identifier: Apache-2.0
// scheduler.wait(): order, signals, errors.
const throws = (f) => {
	try {
		f();
		return 'nothing';
	} catch (e) {
		return e.name;
	}
};
console.log(Object.prototype.toString.call(scheduler), throws(() => scheduler.wait()), throws(() => scheduler.wait(1, { signal: 1 }))); // expect: [object Scheduler] TypeError TypeError
(async () => {
	const order = [];
	const long = scheduler.wait(500).then(() => order.push('long'));
	await scheduler.wait(1);
	order.push('short');
	await long;
	console.log(order.join(), await scheduler.wait(-5)); // expect: short,long undefined
	const controller = new AbortController();
	const endless = scheduler.wait(1e9, { signal: controller.signal });
	controller.abort('enough');
	await endless.catch((reason) => console.log(reason)); // expect: enough
	await scheduler.wait(0, { signal: AbortSignal.abort() }).catch((e) => console.log(e.name)); // expect: AbortError
	await scheduler.wait(0, { signal: new AbortController().signal });
	const als = new AsyncLocalStorage();
	als.run('kept', () => scheduler.wait(1).then(() => console.log(als.getStore()))); // expect: kept
})();
