// SPDX-License-Identifier: Apache-2.0
// AsyncContext.Variable and Snapshot, as TC39 proposes them.
const v = new AsyncContext.Variable({ name: 'v', defaultValue: 0 });
console.log(v.name, v.get(), v.run(1, () => v.get())); // expect: v 0 1
const snapshot = v.run(2, () => new AsyncContext.Snapshot());
const wrapped = v.run(3, () => AsyncContext.Snapshot.wrap((a) => v.get() + a));
console.log(snapshot.run(() => v.get()), wrapped(10), v.get()); // expect: 2 13 0
v.run(4, async () => {
	await 0;
	console.log(v.get());
});
const throws = (f) => {
	try {
		f();
		return 'nothing';
	} catch (e) {
		return e.name;
	}
};
console.log(throws(() => v.run(1)), throws(() => AsyncContext.Snapshot.wrap(1)), throws(() => new AsyncLocalStorage().run(1, 2)), throws(() => AsyncContext.Variable.prototype.get.call({}))); // expect: TypeError TypeError TypeError TypeError
console.log(Object.prototype.toString.call(AsyncContext), Object.prototype.toString.call(v)); // expect: [object AsyncContext] [object Variable]
// expect: 4
