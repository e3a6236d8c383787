// SPDX-License-Identifier: Apache-2.0
// Parts of URLs, relative references, special schemes and IDNA.
const u = new URL('https://user:p%40ss@EXAMPLE.com:8080/a/./b/../c?q=1#frag');
console.log(u.href); // expect: https://user:p%40ss@example.com:8080/a/c?q=1#frag
console.log(u.origin); // expect: https://example.com:8080
console.log(u.protocol, u.username, u.password); // expect: https: user p%40ss
console.log(u.host, u.hostname, u.port); // expect: example.com:8080 example.com 8080
console.log(u.pathname, u.search, u.hash); // expect: /a/c ?q=1 #frag
console.log(new URL('https://example.com:443/').port === ''); // expect: true
console.log(new URL('../x/y?z', 'http://h/a/b/c').href); // expect: http://h/a/x/y?z
console.log(new URL('//other/p', 'https://h/').href); // expect: https://other/p
console.log(new URL('?only', 'http://h/p?old#f').href); // expect: http://h/p?only
console.log(new URL('#f', 'mailto:a@b').href); // expect: mailto:a@b#f
console.log(new URL('http://münchen.de/ä b').href); // expect: http://xn--mnchen-3ya.de/%C3%A4%20b
console.log(new URL('http://0x7f.1/').host); // expect: 127.0.0.1
console.log(new URL('http://[::1]:80/').host); // expect: [::1]
console.log(new URL('file:///C|/x').href); // expect: file:///C:/x
console.log(new URL('data:text/plain,hi').pathname); // expect: text/plain,hi
console.log(new URL('data:x').origin); // expect: null
console.log(new URL('http:\\\\h\\p').href); // expect: http://h/p
console.log(new URL('web+x:/.//p').href); // expect: web+x:/.//p
console.log(JSON.stringify({ u })); // expect: {"u":"https://user:p%40ss@example.com:8080/a/c?q=1#frag"}
console.log(String(u) === u.href); // expect: true
console.log(URL.canParse('x'), URL.canParse('x', 'http://h')); // expect: false true
console.log(URL.parse('nope'), URL.parse('/p', 'http://h').href); // expect: null http://h/p
for (const bad of ['', 'x', 'http://', 'http://a b/', 'http://h:99999/', 'http://[::1', 'http://%/']) {
	try {
		new URL(bad);
		console.log('parsed', bad);
	} catch (e) {
		if (!(e instanceof TypeError) || !e.message.includes(bad))
			console.log('wrong error', e);
	}
}
// '^' in a path is encoded, and so is the last space of an opaque path.
console.log(new URL('http://h/a^b?^#^').href); // expect: http://h/a%5Eb?^#^
console.log(new URL('c^d', 'sc://h/x/y').pathname); // expect: /x/c%5Ed
console.log(new URL('sc:a^  ?q').href, new URL('sc:a  ').href); // expect: sc:a^ %20?q sc:a
