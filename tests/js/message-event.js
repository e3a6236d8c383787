// SPDX-License-Identifier: Apache-2.0
// MessageEvent as a constructor.
const throws = (f) => {
	try {
		f();
		return 'nothing';
	} catch (e) {
		return e.name;
	}
};
const { port1 } = new MessageChannel();
const e = new MessageEvent('x', { data: [1], origin: 'o', lastEventId: 'i', source: port1, ports: [port1], bubbles: true });
console.log(e.type, e.data[0], e.origin, e.lastEventId, e.source === port1, e.ports[0] === port1, e.ports === e.ports, e.bubbles, e.isTrusted); // expect: x 1 o i true true true true false
const empty = new MessageEvent('y');
console.log(empty.data, `[${empty.origin}]`, `[${empty.lastEventId}]`, empty.source, empty.ports.length); // expect: null [] [] null 0
console.log(new MessageEvent('z', { data: undefined }).data); // expect: null
empty.initMessageEvent('w', false, true, 'd', 'o2', 'l', port1, [port1]);
console.log(empty.type, empty.cancelable, empty.data, empty.origin, empty.lastEventId, empty.source === port1, empty.ports.length); // expect: w true d o2 l true 1
console.log(throws(() => new MessageEvent('x', { ports: 1 })), throws(() => new MessageEvent('x', { ports: [{}] })), throws(() => new MessageEvent('x', { source: {} })), throws(() => new MessageEvent())); // expect: TypeError TypeError TypeError TypeError
