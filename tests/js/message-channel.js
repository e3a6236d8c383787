// SPDX-License-Identifier: Apache-2.0
// MessageChannel and MessagePort: order, start, close, transfer, errors.
const throws = (f) => {
	try {
		f();
		return 'nothing';
	} catch (e) {
		return e.name;
	}
};
const { port1, port2 } = new MessageChannel();
console.log(port1 instanceof MessagePort, port1 instanceof EventTarget, port1.onmessage); // expect: true true null
console.log(throws(() => new MessagePort()), throws(() => port1.postMessage()), throws(() => port1.postMessage(1, 5))); // expect: TypeError TypeError TypeError
console.log(throws(() => port1.postMessage(() => {})), throws(() => port1.postMessage(port2)), throws(() => port1.postMessage(1, [port1]))); // expect: DataCloneError DataCloneError DataCloneError
const next = (target, type = 'message') => new Promise((resolve) => target.addEventListener(type, resolve, { once: true }));

async function started() {
	// Nothing is read before start(); each message is a task of its own.
	const log = [];
	const done = new Promise((resolve) => {
		port2.addEventListener('message', (e) => {
			log.push(e.data.n);
			if (e.data.n === 1)
				Promise.resolve().then(() => log.push('microtask'));
			if (e.data.n === 3)
				resolve(e);
		});
	});
	const sent = { n: 1 };
	port1.postMessage(sent);
	sent.n = 99;
	port1.postMessage({ n: 2 });
	await new Promise((resolve) => setTimeout(resolve, 2));
	log.push('timer');
	port2.start();
	port1.postMessage({ n: 3 });
	const e = await done;
	console.log(log.join()); // expect: timer,1,microtask,2,3
	console.log(e.isTrusted, e.origin === '', e.lastEventId === '', e.source, e.ports.length, Object.isFrozen(e.ports)); // expect: true true true null 0 true
}

async function moved() {
	// A port that changes hands takes what waits for it along.
	const a = new MessageChannel();
	const b = new MessageChannel();
	a.port1.postMessage('waits');
	b.port2.postMessage({ port: a.port2 }, [a.port2]);
	a.port2.postMessage('into the void');
	console.log(throws(() => b.port2.postMessage(0, [a.port2]))); // expect: DataCloneError
	b.port1.start();
	const { data, ports } = await next(b.port1);
	console.log(data.port === ports[0], data.port !== a.port2, ports.length); // expect: true true 1
	ports[0].start();
	console.log((await next(ports[0])).data); // expect: waits
	ports[0].postMessage('answer');
	a.port1.start();
	console.log((await next(a.port1)).data); // expect: answer
	a.port1.onclose = () => console.log('only the other side is told');
	a.port1.close();
	const closed = await next(ports[0], 'close');
	console.log(closed.type, closed.isTrusted); // expect: close true
	// A port that is sent through its own channel is lost, and nobody suffers.
	const c = new MessageChannel();
	c.port1.postMessage('self', [c.port2]);
	console.log(structuredClone([1, b.port1], { transfer: [b.port1] })[1] instanceof MessagePort); // expect: true
}

async function closed() {
	// What was sent before close() arrives, what comes behind it does not.
	const c = new MessageChannel();
	c.port2.onmessage = (e) => console.log(e.data); // expect: before
	c.port1.postMessage('before');
	c.port1.close();
	c.port1.postMessage('behind');
	await next(c.port2, 'close');
	console.log(throws(() => structuredClone(0, { transfer: [c.port1] }))); // expect: DataCloneError
}

async function transferred() {
	// Both forms of the second argument.
	const d = new MessageChannel();
	const buffers = [new ArrayBuffer(1), new ArrayBuffer(2)];
	d.port2.postMessage(buffers[0], [buffers[0]]);
	d.port2.postMessage(buffers[1], { transfer: [buffers[1]] });
	console.log(buffers.map((b) => b.byteLength).join()); // expect: 0,0
	d.port1.start();
	console.log((await next(d.port1)).data.byteLength); // expect: 1
	console.log((await next(d.port1)).data.byteLength); // expect: 2
}

async function thrown() {
	// A listener that throws does not stop the next message.
	addEventListener('error', (e) => {
		console.log('caught', e.error); // expect: caught thrown
		e.preventDefault();
	});
	const f = new MessageChannel();
	f.port2.postMessage(1);
	f.port2.postMessage(2);
	f.port1.onmessage = (e) => {
		if (e.data === 1)
			throw 'thrown';
		console.log('next', e.data); // expect: next 2
	};
}

started().then(moved).then(closed).then(transferred).then(thrown);
// An open port that listens does not keep the worker alive.
new MessageChannel().port1.onmessage = () => {};
