// SPDX-License-Identifier: Apache-2.0
// AsyncLocalStorage: values that follow promises, timers, microtasks and messages.
const als = new AsyncLocalStorage({ name: 'first' });
const other = new AsyncLocalStorage({ defaultValue: 'none' });
console.log(als.name, als.getStore(), other.getStore()); // expect: first undefined none
console.log(als.run('a', (x, y) => [als.getStore(), other.getStore(), x + y].join(), 1, 2)); // expect: a,none,3
console.log(als.getStore()); // expect: undefined
try {
	als.run(1, () => {
		throw new Error('gone');
	});
} catch (e) {
	console.log(e.message, als.getStore()); // expect: gone undefined
}
als.run('outer', () => {
	other.run('inner', () => {
		console.log(als.exit(() => als.getStore()), als.getStore(), other.getStore()); // expect: undefined outer inner
	});
});

const lines = [];
const note = (what, where = als) => lines.push(`${what}=${where.getStore()}`);
async function flow(name) {
	await null;
	note(`${name} await`);
	await new Promise((resolve) => setTimeout(resolve, 2));
	note(`${name} timer`);
	await { then: (resolve) => resolve() };
	note(`${name} thenable`);
	for await (const v of (async function* () {
		yield 1;
	})())
		note(`${name} generator ${v}`);
	try {
		await Promise.reject(new Error('no'));
	} catch {
		note(`${name} catch`);
	}
}
const flows = [als.run('x', flow, 'x'), als.run('y', flow, 'y'), flow('z')];
als.run('m', () => queueMicrotask(() => note('microtask')));
als.run('i', () => {
	let n = 0;
	const id = setInterval(() => {
		note('interval');
		if (++n === 2)
			clearInterval(id);
	}, 1);
});
// A listener runs in the context of who dispatches, as in Node.js.
const target = new EventTarget();
als.run('adder', () => target.addEventListener('e', () => note('listener')));
als.run('sender', () => target.dispatchEvent(new Event('e')));
// A message, in that of who sends it.
const { port1, port2 } = new MessageChannel();
als.run('reader', () => {
	port1.onmessage = () => note('message');
});
als.run('writer', () => port2.postMessage(1));
// A promise's reactions run in the context of then(), not of resolve().
let resolve;
const waited = new Promise((r) => {
	resolve = r;
});
als.run('then', () => waited.then(() => note('reaction')));
als.run('resolve', () => resolve());
// bind and snapshot
const bound = als.run('bound', () => AsyncLocalStorage.bind(function (a) {
	return `${als.getStore()} ${this} ${a}`;
}));
const inSnapshot = als.run('snap', () => AsyncLocalStorage.snapshot());
als.run('elsewhere', () => {
	console.log(bound.call('me', 1), bound.length); // expect: bound me 1 1
	console.log(inSnapshot((a) => als.getStore() + a, '!')); // expect: snap!
});
// enterWith lasts as long as the turn, and goes to what it starts.
const entered = new AsyncLocalStorage();
Promise.resolve().then(() => lines.push(`before enterWith=${entered.getStore()}`));
entered.enterWith('e');
Promise.resolve().then(() => lines.push(`behind enterWith=${entered.getStore()}`));
setTimeout(() => {
	lines.push(`timer=${entered.getStore()}`);
	entered.enterWith('changed');
	lines.push(`timer=${entered.getStore()}`);
}, 3);
const stale = new AsyncLocalStorage();
stale.run(1, () => {
	stale.disable();
	console.log(stale.getStore(), stale.run(2, () => stale.getStore())); // expect: undefined 2
});
Promise.all(flows).then(() => setTimeout(() => {
	console.log(lines.sort().join('\n'));
	const clean = new AsyncLocalStorage();
	console.log(clean.getStore());
}, 20));
// expect: before enterWith=undefined
// expect: behind enterWith=e
// expect: interval=i
// expect: interval=i
// expect: listener=sender
// expect: message=writer
// expect: microtask=m
// expect: reaction=then
// expect: timer=changed
// expect: timer=e
// expect: x await=x
// expect: x catch=x
// expect: x generator 1=x
// expect: x thenable=x
// expect: x timer=x
// expect: y await=y
// expect: y catch=y
// expect: y generator 1=y
// expect: y thenable=y
// expect: y timer=y
// expect: z await=undefined
// expect: z catch=undefined
// expect: z generator 1=undefined
// expect: z thenable=undefined
// expect: z timer=undefined
// expect: undefined
