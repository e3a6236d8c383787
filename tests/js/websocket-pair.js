// SPDX-License-Identifier: Apache-2.0
// A WebSocketPair within the worker: queues until accept(), events, closing, what is refused.
const name = (f) => {
	try {
		f();
		return 'nothing';
	} catch (e) {
		return e.name;
	}
};
const log = (who, socket) => {
	for (const type of ['message', 'close', 'error'])
		socket.addEventListener(type, (e) => console.log(who, type, e.data instanceof ArrayBuffer
			? [...new Uint8Array(e.data)].join() : e.data ?? `${e.code} ${e.reason} ${e.wasClean}`));
};

const pair = new WebSocketPair();
const [a, b] = Object.values(pair);
console.log(Object.keys(pair).join(), a instanceof WebSocket, a instanceof EventTarget);
// expect: 0,1 true true
console.log(a.readyState, a.url === '', a.protocol === '', a.extensions === '', a.binaryType);
// expect: 0 true true true arraybuffer
a.binaryType = 'nonsense';
console.log(a.binaryType, WebSocket.OPEN, a.CLOSED, Object.prototype.toString.call(a));
// expect: arraybuffer 1 3 [object WebSocket]

console.log(name(() => a.send('x')), name(() => a.send()), name(() => WebSocket.prototype.send.call({}, 1)));
// expect: TypeError TypeError TypeError
a.accept();
a.accept();
console.log(a.readyState, a.bufferedAmount);
// expect: 1 0
log('a', a);
log('b', b);
a.send('first');
const bytes = new Uint8Array([7, 8, 9]);
a.send(bytes.subarray(1));
bytes.fill(0);
a.send('\ud800');
a.send(new Blob(['blob']));
console.log(name(() => a.close(1005)), name(() => a.close(3000, 'é'.repeat(62))), name(() => a.close(2999)));
// expect: InvalidAccessError SyntaxError InvalidAccessError
console.log(name(() => new Response(null, { status: 101 })));
// expect: RangeError
console.log(name(() => new Response(null, { status: 200, webSocket: b })));
// expect: RangeError
console.log(name(() => new Response(null, { status: 101, webSocket: {} })));
// expect: TypeError
console.log(name(() => new Response('', { status: 101, webSocket: b })));
// expect: TypeError
const response = new Response(null, { status: 101, webSocket: b });
console.log(response.webSocket === b, response.status, new Response().webSocket, name(() => response.clone()));
// expect: true 101 null TypeError

setTimeout(() => {
	console.log('accepted');
	b.accept();
	b.onmessage = (e) => {
		if (e.data === '\ufffd')
			b.send('answer');
	};
}, 5);
// expect: accepted
// expect: b message first
// expect: b message 8,9
// expect: b message �
// expect: b message 98,108,111,98
// expect: a message answer

a.onmessage = () => {
	b.close(1001, 'gone é');
	console.log(b.readyState, name(() => b.send('lost')), b.bufferedAmount);
};
// expect: 2 nothing 4
// expect: a close 1001 gone é true
// expect: b close 1001 gone é true

b.onclose = () => {
	console.log(a.readyState, b.readyState);
	const [c] = Object.values(new WebSocketPair());
	c.accept();
	console.log(name(() => {
		for (let i = 0; i < 20; i++)
			c.send('x'.repeat(1e5));
	}));
	const event = new CloseEvent('close', { code: 65536 + 7, reason: 'r', wasClean: 1 });
	console.log(event.code, event.reason, event.wasClean, event instanceof Event);
};
// expect: 3 3
// expect: TypeError
// expect: 7 r true true
