// SPDX-License-Identifier: Apache-2.0
// URLSearchParams: parsing, serialising, and staying in step with its URL.
const p = new URLSearchParams('?a=1&b=2&a=3&c&=d&e=%zz&f=a+b&&g=%E2%82%AC');
console.log(p.toString()); // expect: a=1&b=2&a=3&c=&=d&e=%25zz&f=a+b&g=%E2%82%AC
console.log(p.get('a'), p.getAll('a').join(), p.get('none'), p.size); // expect: 1 1,3 null 8
console.log(p.has('a', '3'), p.has('a', '4'), p.has('g')); // expect: true false true
p.delete('a', '1');
console.log(p.getAll('a').join()); // expect: 3
p.set('b', 'x y&z');
p.append('b', '~*-._');
console.log(p.toString()); // expect: b=x+y%26z&a=3&c=&=d&e=%25zz&f=a+b&g=%E2%82%AC&b=%7E*-._
p.sort();
console.log([...p.keys()].join()); // expect: ,a,b,b,c,e,f,g
console.log(new URLSearchParams([['x', '1'], ['y', '2']]).toString()); // expect: x=1&y=2
console.log(new URLSearchParams({ k: 'v', n: 1 }).toString()); // expect: k=v&n=1
console.log(new URLSearchParams(new URLSearchParams('q=1')).toString()); // expect: q=1
console.log(new URLSearchParams(new Map([['m', 'v']])).toString()); // expect: m=v
console.log(new URLSearchParams('%FF=%').get('\ufffd')); // expect: %
console.log(new URLSearchParams({ a: '\ud800' }).get('a') === '\ufffd'); // expect: true
const u = new URL('http://h/?a=1');
const sp = u.searchParams;
console.log(sp === u.searchParams); // expect: true
sp.append('b', 'ä');
console.log(u.href); // expect: http://h/?a=1&b=%C3%A4
sp.delete('a');
sp.delete('b');
console.log(u.href); // expect: http://h/
u.search = '?n=%20';
console.log(sp.get('n') === ' ', [...sp].length); // expect: true 1
u.href = 'http://h/?z=26';
console.log(sp.get('z')); // expect: 26
const seen = [];
sp.append('y', '25');
for (const [name] of sp) {
	seen.push(name);
	sp.delete(name);
}
console.log(seen.join()); // expect: z
for (const bad of [[['a']], [['a', 'b', 'c']], [1], { [Symbol.iterator]: 1 }]) {
	try {
		new URLSearchParams(bad);
		console.log('accepted', bad);
	} catch (e) {
		if (!(e instanceof TypeError))
			console.log('wrong error', e);
	}
}
console.log(Object.prototype.toString.call(sp.entries())); // expect: [object URLSearchParams Iterator]
