// SPDX-License-Identifier: Apache-2.0
// AbortController and AbortSignal.
const c = new AbortController();
const { signal } = c;
console.log(signal.aborted, signal.reason, c.signal === signal); // expect: false undefined true
const log = [];
signal.addEventListener('abort', (e) => log.push(e.type, e.isTrusted, e.target === signal));
signal.onabort = () => log.push('onabort');
signal.throwIfAborted();
c.abort();
c.abort('again');
console.log(log.join()); // expect: abort,true,true,onabort
console.log(signal.aborted, signal.reason.name, signal.reason.code); // expect: true AbortError 20
try {
	signal.throwIfAborted();
} catch (e) {
	console.log(e === signal.reason, e instanceof DOMException); // expect: true true
}
const own = new AbortController();
own.abort(0);
console.log(own.signal.reason); // expect: 0
console.log(AbortSignal.abort().reason.name, AbortSignal.abort('why').reason); // expect: AbortError why
const throws = (f) => {
	try {
		f();
		return 'nothing';
	} catch (e) {
		return e.name;
	}
};
console.log(throws(() => new AbortSignal()), throws(() => AbortSignal.timeout(-1))); // expect: TypeError TypeError
console.log(throws(() => AbortSignal.timeout(NaN)), throws(() => AbortSignal.timeout())); // expect: TypeError TypeError
console.log(throws(() => AbortController.prototype.abort.call({}))); // expect: TypeError
const timed = AbortSignal.timeout(1);
timed.onabort = () => console.log(timed.reason.name, timed.reason.code); // expect: TimeoutError 23
setTimeout(() => {}, 20);
