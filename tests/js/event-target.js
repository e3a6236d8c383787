// SPDX-License-Identifier: Apache-2.0
// EventTarget: order, options, removal while dispatching, objects as listeners.
const t = new EventTarget();
const log = [];
const add = (name) => () => log.push(name);
const take = () => log.splice(0).join();
t.addEventListener('a', add('bubble'));
t.addEventListener('a', add('capture'), true);
t.addEventListener('a', add('once'), { once: true });
t.dispatchEvent(new Event('a'));
t.dispatchEvent(new Event('a'));
console.log(take()); // expect: capture,bubble,once,capture,bubble
const same = add('same');
t.addEventListener('b', same);
t.addEventListener('b', same);
t.addEventListener('b', same, { capture: true });
t.dispatchEvent(new Event('b'));
t.removeEventListener('b', same);
t.dispatchEvent(new Event('b'));
console.log(take()); // expect: same,same,same
t.addEventListener('c', { handleEvent(e) {
	log.push(this.tag, e.type, e.eventPhase, e.currentTarget === t, e.composedPath()[0] === t);
}, tag: 'object' });
t.dispatchEvent(new Event('c'));
console.log(take()); // expect: object,c,2,true,true
const later = add('later');
t.addEventListener('d', () => {
	log.push('first');
	t.removeEventListener('d', later);
	t.addEventListener('d', add('added'));
});
t.addEventListener('d', later);
t.dispatchEvent(new Event('d'));
console.log(take()); // expect: first
t.addEventListener('e', (e) => e.stopImmediatePropagation());
t.addEventListener('e', add('not reached'));
t.dispatchEvent(new Event('e'));
console.log(take()); // expect:
t.addEventListener('f', (e) => e.preventDefault(), { passive: true });
console.log(t.dispatchEvent(new Event('f', { cancelable: true }))); // expect: true
t.addEventListener('g', (e) => e.preventDefault());
console.log(t.dispatchEvent(new Event('g', { cancelable: true }))); // expect: false
const abort = new AbortController();
t.addEventListener('h', add('aborted'), { signal: abort.signal });
abort.abort();
t.addEventListener('h', add('too late'), { signal: abort.signal });
t.dispatchEvent(new Event('h'));
console.log(take()); // expect:
const throws = (f) => {
	try {
		f();
		return 'nothing';
	} catch (e) {
		return e.name;
	}
};
const busy = new Event('i');
t.addEventListener('i', () => log.push(throws(() => t.dispatchEvent(busy))));
t.dispatchEvent(busy);
t.dispatchEvent(busy);
console.log(take()); // expect: InvalidStateError,InvalidStateError
console.log(throws(() => t.dispatchEvent({}))); // expect: TypeError
console.log(throws(() => t.addEventListener('x', 1))); // expect: TypeError
console.log(throws(() => t.addEventListener('x'))); // expect: TypeError
console.log(throws(() => t.addEventListener('x', () => {}, { signal: null }))); // expect: TypeError
console.log(t.addEventListener('x', null), t.removeEventListener('x', null)); // expect: undefined undefined
console.log(throws(() => EventTarget.prototype.dispatchEvent.call({}, new Event('x')))); // expect: TypeError
class Mine extends EventTarget {}
const mine = new Mine();
mine.addEventListener('z', function (e) {
	console.log(this === mine, e.target === mine); // expect: true true
});
mine.dispatchEvent(new Event('z'));
