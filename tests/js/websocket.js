// SPDX-License-Identifier: Apache-2.0
// The constructor of WebSocket: what it refuses, and a connection that is given up before it is made.
const name = (...args) => {
	try {
		new WebSocket(...args);
		return 'nothing';
	} catch (e) {
		return e.name;
	}
};
console.log(name(), name('nonsense:'), name('ftp://x/'), name('ws://x/#'), name('ws://x/#a'));
// expect: TypeError SyntaxError SyntaxError SyntaxError SyntaxError
console.log(name('ws://x/', ['a', 'A']), name('ws://x/', 'a b'), name('ws://x/', ''), name('ws://x/', [1, 'é']));
// expect: SyntaxError SyntaxError SyntaxError SyntaxError

const ws = new WebSocket('http://127.0.0.1:1/a?b', 'chat');
console.log(ws.url, ws.readyState, ws.protocol === '', ws.binaryType, ws.bufferedAmount);
// expect: ws://127.0.0.1:1/a?b 0 true blob 0
try {
	ws.send('x');
} catch (e) {
	console.log(e.name);
}
// expect: InvalidStateError
try {
	ws.accept();
} catch (e) {
	console.log(e.name);
}
// expect: TypeError
ws.onopen = () => console.log('open');
ws.onerror = (e) => console.log('error', e.isTrusted);
ws.onclose = (e) => console.log('close', e.code, e.wasClean, ws.readyState, e instanceof CloseEvent);
ws.close();
ws.close(1000, 'again');
console.log(ws.readyState);
// expect: 2
// expect: error true
// expect: close 1006 false 3 true
