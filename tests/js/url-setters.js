// SPDX-License-Identifier: Apache-2.0
// Setters of URL: what they take, what they refuse silently.
const u = new URL('http://example.com/path?q#h');
u.protocol = 'https';
console.log(u.href); // expect: https://example.com/path?q#h
u.protocol = 'mailto'; // special to not special: ignored
console.log(u.protocol); // expect: https:
u.host = 'other.org:81';
console.log(u.host); // expect: other.org:81
u.hostname = 'third.net';
console.log(u.host); // expect: third.net:81
u.port = '443';
console.log(u.port === '', u.href); // expect: true https://third.net/path?q#h
u.port = '8x9';
console.log(u.port); // expect: 8
u.port = 'x';
console.log(u.port); // expect: 8
u.port = '';
console.log(u.host); // expect: third.net
u.pathname = 'a b/../c';
console.log(u.pathname); // expect: /c
u.search = 'x=ü';
console.log(u.search); // expect: ?x=%C3%BC
u.search = '';
console.log(u.href); // expect: https://third.net/c#h
u.hash = '#a b';
console.log(u.hash); // expect: #a%20b
u.hash = '';
u.username = 'me:';
u.password = 'p@';
console.log(u.href); // expect: https://me%3A:p%40@third.net/c
u.username = u.password = '';
console.log(u.href); // expect: https://third.net/c
u.host = '';
console.log(u.host); // expect: third.net
u.href = 'ftp://x/y';
console.log(u.href); // expect: ftp://x/y
try {
	u.href = 'bad';
} catch (e) {
	console.log(e.name, u.href); // expect: TypeError ftp://x/y
}
const spaces = new URL('data:space  ?q#f');
spaces.search = '';
console.log(spaces.href); // expect: data:space %20#f
spaces.hash = '';
console.log(spaces.href); // expect: data:space %20
u.href = 'http://h/';
u.pathname = 'a^b';
console.log(u.pathname); // expect: /a%5Eb
