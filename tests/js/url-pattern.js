// SPDX-License-Identifier: Apache-2.0
// URLPattern: pattern strings, matching, what a pattern looks like again, errors.
const groups = (result, name) => (result ? JSON.stringify(result[name].groups) : 'no match');
const books = new URLPattern({ pathname: '/books/:id(\\d+)/:rest*' });
console.log(books.test('https://h/books/12'), books.test('https://h/books/x')); // expect: true false
console.log(groups(books.exec('https://h/books/12/a/b'), 'pathname')); // expect: {"id":"12","rest":"a/b"}
console.log(books.exec('https://h/books/1').pathname.groups.rest); // expect: undefined
console.log(books.pathname, books.hostname, books.hasRegExpGroups); // expect: /books/:id(\d+)/:rest* * true

// One string, cut into its components.
const show = (p) => ['protocol', 'username', 'password', 'hostname', 'port', 'pathname', 'search', 'hash']
	.map((n) => p[n]).join(' ');
console.log(show(new URLPattern('http{s}?://*.example.com/a/:b\\?x=*#end'))); // expect: http{s}? * * *.example.com  /a/:b x=* end
console.log(show(new URLPattern('https://user\\:pass@h:8080'))); // expect: https user pass h 8080 * * *
console.log(show(new URLPattern('../x/{*}?q', 'https://h/a/b/c'))); // expect: https * * h  /a/x/{*}?q * *
console.log(show(new URLPattern('data\\:foobar'))); // expect: data * *   foobar * *
console.log(show(new URLPattern('http://[\\:\\:1]/'))); // expect: http * * [\:\:1]  / * *
console.log(show(new URLPattern())); // expect: * * * * * * * *

// What was written in two ways looks the same.
const same = (...list) => list.map((pathname) => new URLPattern({ pathname }).pathname).join(' ');
console.log(same('/{:a}', '/:a{b}', '{/:a}?', '/(.*)', '/{a}', '/a{b}*', '/([^\\/]+?)')); // expect: /{:a} {/:a}b /:a? /* /a /a{b}* /([^\/]+?)
console.log(same('/caf\u00e9', '/a b', '/:\u00e9t\u00e9', '/\\:x')); // expect: /caf%C3%A9 /a%20b /:été /\:x
console.log(new URLPattern({ hostname: 'CAF\u00c9.example' }).hostname, new URLPattern({ protocol: 'https', port: '443' }).port === ''); // expect: xn--caf-dma.example true

// Repeated groups, prefixes, case, numbers.
const list = new URLPattern({ pathname: '/a{/:x.y}+' });
console.log(list.test({ pathname: '/a/1.y/2.y' }), list.test({ pathname: '/a' })); // expect: true false
console.log(groups(new URLPattern({ pathname: '/*/(b|c)/*' }).exec({ pathname: '/1/c/2/3' }), 'pathname')); // expect: {"0":"1","1":"c","2":"2/3"}
const loose = new URLPattern({ pathname: '/Foo' }, { ignoreCase: true });
console.log(loose.test({ pathname: '/fOO' }), new URLPattern('https://h/Foo', { ignoreCase: true }).test('https://h/foo')); // expect: true true
console.log(new URLPattern('/x', 'https://h', { ignoreCase: true }).test('https://h/X')); // expect: true
console.log(new URLPattern({ pathname: '/:__proto__' }).exec({ pathname: '/p' }).pathname.groups.__proto__); // expect: p

// Inputs: strings with a base, dictionaries, what is no URL.
const p = new URLPattern({ protocol: 'https', pathname: '/a/*' });
console.log(p.test('b', 'https://h/a/'), p.test({ pathname: 'b', baseURL: 'https://h/a/x' })); // expect: true true
console.log(p.test('no url'), p.exec('b', 'bad'), p.test({ pathname: 'b', baseURL: 'bad' })); // expect: false null false
console.log(JSON.stringify(p.exec('b?c', 'https://h/a/').inputs)); // expect: ["b?c","https://h/a/"]
console.log(JSON.stringify(p.exec({ protocol: 'https', pathname: '/a/' }).inputs)); // expect: [{"pathname":"/a/","protocol":"https"}]

const name = (fn) => {
	try {
		fn();
		return 'nothing';
	} catch (e) {
		return e.name;
	}
};
const bad = [
	() => new URLPattern('/no/base'), () => new URLPattern('x', 'bad'), () => new URLPattern({}, 'https://h'),
	() => new URLPattern({ pathname: '/(' }), () => new URLPattern({ pathname: '/()' }), () => new URLPattern({ pathname: '/(?a)' }),
	() => new URLPattern({ pathname: '/((a))' }), () => new URLPattern({ pathname: '/(\u00e9)' }), () => new URLPattern({ pathname: '/([)' }),
	() => new URLPattern({ pathname: ':' }), () => new URLPattern({ pathname: '\\' }), () => new URLPattern({ pathname: '{a' }),
	() => new URLPattern({ pathname: 'a}' }), () => new URLPattern({ pathname: '/:a/:a' }), () => new URLPattern({ pathname: '**?+' }),
	() => new URLPattern({ protocol: 'a b' }), () => new URLPattern({ hostname: 'a|b' }), () => new URLPattern({ hostname: '[x]' }),
	() => new URLPattern({ port: '99999' }), () => new URLPattern({ port: 'a' }), () => new URLPattern({ baseURL: 'x' }),
	() => URLPattern({}), () => URLPattern.prototype.hash, () => URLPattern.prototype.test.call({}),
	() => p.test({ pathname: '/a/' }, 'https://h'), () => new URLPattern({}, 1), () => new URLPattern({}, { get ignoreCase() { throw new TypeError(); } }),
];
bad.forEach((fn, i) => name(fn) === 'TypeError' || console.log('accepted', i, String(fn)));

const order = (a, b) => URLPattern.compareComponent('pathname', new URLPattern({ pathname: a }), new URLPattern({ pathname: b }));
console.log(order('/a/*', '/a/:b'), order('/a', '/a/:b'), order('/:a', '/:b'), order('/(x)', '/:a')); // expect: -1 1 0 1
console.log(name(() => URLPattern.compareComponent('x', p, p)), name(() => URLPattern.compareComponent('hash', p, {}))); // expect: TypeError TypeError
console.log(Object.prototype.toString.call(p), Object.keys(URLPattern.prototype).join()); // expect: [object URLPattern] test,exec,protocol,username,password,hostname,port,pathname,search,hash,hasRegExpGroups
