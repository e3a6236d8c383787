// SPDX-License-Identifier: Apache-2.0
// structuredClone: built-in types, cycles, platform objects, refusals.
const same = (v) => structuredClone(v);
console.log(same(1), same('s'), same(null), same(undefined), same(2n), Object.is(same(-0), -0)); // expect: 1 s null undefined 2n true
const o = { a: [1, , 3], d: new Date(5), r: /x/gi, m: new Map([[{ k: 1 }, new Set([1])]]), n: new Number(3) };
o.self = o;
const c = same(o);
console.log(c !== o, c.self === c, c.d.getTime(), String(c.r), c.r.lastIndex); // expect: true true 5 /x/gi 0
console.log(1 in c.a, c.a.length, c.a[2], [...c.m.keys()][0].k, [...c.m.values()][0].has(1)); // expect: false 3 3 1 true
console.log(typeof c.n, c.n + 1, Object.keys(same(Object('ab'))).length); // expect: object 4 2
const e = same(new RangeError('m', { cause: { x: 1 } }));
console.log(e instanceof RangeError, e.message, e.cause.x, e.stack.includes('RangeError')); // expect: true m 1 true
class Point {
	x = 1;
	get y() {
		return 2;
	}
}
const p = same(new Point());
console.log(p.constructor === Object, JSON.stringify(p)); // expect: true {"x":1}
const buffer = new Uint8Array([1, 2, 3, 4]).buffer;
const v = same({ a: new Uint8Array(buffer, 1, 2), b: new DataView(buffer), buffer });
console.log([...v.a].join(), v.a.buffer === v.buffer, v.b.buffer === v.buffer, v.buffer !== buffer); // expect: 2,3 true true true
console.log(same(new Float64Array([0.5])) instanceof Float64Array); // expect: true
const d = same(new DOMException('m', 'AbortError'));
console.log(d instanceof DOMException, d.name, d.message, d.code); // expect: true AbortError m 20
console.log(same(new File(['x'], 'n', { type: 'a/b' })).name, same({ b: new Blob(['xy']) }).b.size); // expect: n 2
let gets = 0;
same({ get once() {
	return ++gets;
} });
console.log(gets); // expect: 1
const proto = same(JSON.parse('{"__proto__": {"x": 1}}'));
console.log(Object.getPrototypeOf(proto) === Object.prototype, Object.keys(proto).join()); // expect: true __proto__
const throws = (f) => {
	try {
		f();
		return 'nothing';
	} catch (err) {
		return `${err.name}:${err.code}`;
	}
};
const refused = [() => {}, Symbol('s'), new WeakMap(), Promise.resolve(), { f() {} }, new Proxy({}, {}),
	[Symbol('x')], new EventTarget(), new Headers(), new URL('http://h'), new Response(), new AbortController(),
	(function* () {})(), new WeakRef({})];
refused.forEach((r) => throws(() => same(r)) === 'DataCloneError:25' || console.log('accepted', r));
console.log(throws(() => structuredClone()), throws(() => same({ get x() {
	throw new RangeError('mine');
} }))); // expect: TypeError:undefined RangeError:undefined
