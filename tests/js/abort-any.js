// SPDX-License-Identifier: Apache-2.0
// AbortSignal.any(): follows its sources, keeps the order, sees through dependent signals.
const a = new AbortController();
const b = new AbortController();
const any = AbortSignal.any([a.signal, b.signal]);
const nested = AbortSignal.any([any]);
const log = [];
a.signal.addEventListener('abort', () => log.push('source', any.aborted));
any.addEventListener('abort', () => log.push('any'));
nested.addEventListener('abort', () => log.push('nested'));
a.abort('reason');
b.abort('other');
console.log(log.join(), any.reason, nested.reason); // expect: source,true,any,nested reason reason
console.log(AbortSignal.any([]).aborted); // expect: false
console.log(AbortSignal.any([AbortSignal.abort(1), AbortSignal.abort(2)]).reason); // expect: 1
const c = new AbortController();
const twice = AbortSignal.any([c.signal, c.signal]);
let count = 0;
twice.onabort = () => count++;
c.abort();
console.log(count, twice.reason === c.signal.reason); // expect: 1 true
for (const bad of [undefined, {}, [1], [null]]) {
	try {
		AbortSignal.any(bad);
		console.log('accepted', bad);
	} catch (e) {
		if (!(e instanceof TypeError))
			console.log('wrong error', e);
	}
}
const long = new AbortController();
for (let i = 0; i < 1000; i++)
	AbortSignal.any([long.signal]);
const kept = AbortSignal.any([long.signal]);
kept.addEventListener('abort', () => console.log('kept')); // expect: kept
long.abort();
