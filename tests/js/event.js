// SPDX-License-Identifier: Apache-2.0
// Event: attributes, flags, constants, legacy members.
const e = new Event('x', { bubbles: true, cancelable: true });
console.log(e.type, e.bubbles, e.cancelable, e.composed, e.isTrusted); // expect: x true true false false
console.log(e.target, e.currentTarget, e.eventPhase, e.composedPath().length); // expect: null null 0 0
console.log(e.timeStamp >= 0 && e.timeStamp <= performance.now()); // expect: true
e.preventDefault();
console.log(e.defaultPrevented, e.returnValue); // expect: true false
const n = new Event('n');
n.preventDefault();
n.returnValue = false;
console.log(n.defaultPrevented); // expect: false
n.cancelBubble = true;
console.log(n.cancelBubble); // expect: true
n.initEvent('renamed', true, true);
console.log(n.type, n.bubbles, n.cancelBubble); // expect: renamed true false
console.log(Event.NONE, Event.CAPTURING_PHASE, e.AT_TARGET, Event.BUBBLING_PHASE); // expect: 0 1 2 3
const d = Object.getOwnPropertyDescriptor(e, 'isTrusted');
console.log(d.configurable, d.enumerable, typeof d.get, d.set); // expect: false true function undefined
console.log(d.get === Object.getOwnPropertyDescriptor(n, 'isTrusted').get); // expect: true
console.log(String(e), Object.keys(Event.prototype).includes('preventDefault')); // expect: [object Event] true
const throws = (f) => {
	try {
		f();
		return 'nothing';
	} catch (err) {
		return err.name;
	}
};
console.log(throws(() => new Event())); // expect: TypeError
console.log(throws(() => Event('x'))); // expect: TypeError
console.log(throws(() => Event.prototype.type)); // expect: TypeError
console.log(throws(() => new Event(Symbol('s')))); // expect: TypeError
console.log(new Event(undefined).type, new Event('x', null).bubbles); // expect: undefined false
const c = new CustomEvent('c', { detail: { a: 1 } });
console.log(c.detail.a, new CustomEvent('c').detail, c instanceof Event); // expect: 1 null true
c.initCustomEvent('d', false, false, 7);
console.log(c.type, c.detail); // expect: d 7
const err = new ErrorEvent('error', { message: 'm', filename: 'f', lineno: 3, colno: 4, error: 5 });
console.log(err.message, err.filename, err.lineno, err.colno, err.error); // expect: m f 3 4 5
const promise = Promise.resolve();
const pre = new PromiseRejectionEvent('unhandledrejection', { promise, reason: 'r' });
console.log(pre.promise === promise, pre.reason); // expect: true r
console.log(throws(() => new PromiseRejectionEvent('x', {}))); // expect: TypeError
