// SPDX-License-Identifier: Apache-2.0
// The global object is an EventTarget, with `this` given or left out.
console.log(globalThis instanceof EventTarget, self === globalThis); // expect: true true
addEventListener('ping', function (e) {
	console.log(this === globalThis, e.target === self); // expect: true true
});
dispatchEvent(new Event('ping'));
const { addEventListener: add, dispatchEvent: fire, removeEventListener: remove } = self;
const listener = () => console.log('free'); // expect: free
add('pong', listener);
fire(new Event('pong'));
remove('pong', listener);
fire(new Event('pong'));
console.log(String(globalThis)); // expect: [object ServiceWorkerGlobalScope]
console.log(globalThis instanceof WorkerGlobalScope); // expect: true
