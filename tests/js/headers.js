// SPDX-License-Identifier: Apache-2.0
// Headers: names, values, combining, sorting, Set-Cookie, iteration.
const h = new Headers([['B', ' two '], ['a', '1'], ['A', '2'], ['Set-Cookie', 'x=1'], ['set-cookie', 'y=2']]);
console.log(h.get('a'), h.get('b'), h.get('none')); // expect: 1, 2 two null
console.log([...h].map((p) => p.join('=')).join('|')); // expect: a=1, 2|b=two|set-cookie=x=1|set-cookie=y=2
console.log(h.get('set-cookie'), h.getSetCookie().length); // expect: x=1, y=2 2
h.set('A', 'only');
h.append('C', '');
console.log([...h.keys()].join(), h.has('c'), h.get('c') === ''); // expect: a,b,c,set-cookie,set-cookie true true
h.delete('SET-COOKIE');
console.log(h.getSetCookie().length, [...h.values()].join()); // expect: 0 only,two,
console.log(new Headers({ X: 1, y: 'é' }).get('y')); // expect: é
console.log(new Headers(h).get('a'), [...new Headers()].length); // expect: only 0
const seen = [];
h.forEach(function (value, name, target) {
	seen.push(name, value, target === h, this.mark);
}, { mark: 'm' });
console.log(seen.slice(0, 4).join()); // expect: a,only,true,m
const throws = (f) => {
	try {
		f();
		return 'nothing';
	} catch (e) {
		return e.name;
	}
};
const bad = [() => h.append('a b', 'x'), () => h.set('', 'x'), () => h.get('ü'), () => h.set('a', 'x\ny'),
	() => h.append('a', '\0'), () => h.set('a', '€'), () => new Headers([['x']]), () => new Headers('x'),
	() => new Headers(null), () => new Headers([1]), () => h.get(), () => h.forEach(), () => h.append('x'),
	() => Headers.prototype.get.call({}, 'x'), () => Headers(), () => new Headers({ 'a\n': 'b' })];
console.log(bad.map(throws).every((n) => n === 'TypeError')); // expect: true
h.set('x', '\t v\r\n ');
console.log(h.get('x')); // expect: v
const order = [];
for (const [name] of h) {
	order.push(name);
	if (name === 'a')
		h.append('aa', 'new');
}
console.log(order.join()); // expect: a,aa,b,c,x
console.log(String(h), Object.prototype.toString.call(h.keys())); // expect: [object Headers] [object Headers Iterator]
// A run of blanks inside a value takes time by its length, not by its square.
h.set('x', ` a${' '.repeat(1000000)}b `);
console.log(h.get('x').length); // expect: 1000002
