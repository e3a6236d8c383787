// SPDX-License-Identifier: Apache-2.0
// Messages, contexts, observers and errors where a script has replaced what they might use.
const als = new AsyncLocalStorage();
const thrower = () => {
	throw new TypeError('tampered');
};
Array.prototype[Symbol.iterator] = Set.prototype[Symbol.iterator] = Map.prototype[Symbol.iterator] = thrower;
Promise.prototype.then = Function.prototype.call = thrower;
globalThis.WeakRef = globalThis.FinalizationRegistry = globalThis.Error = globalThis.Set = globalThis.structuredClone = undefined;
globalThis.MessageEvent = globalThis.Event = globalThis.setTimeout = undefined;
const { port1, port2 } = new MessageChannel();
port2.onmessage = (e) => {
	console.log('message', e.data, als.getStore()); // expect: message 1 store
	port1.close();
};
port2.onclose = () => {
	console.log('close'); // expect: close
	const a = new BroadcastChannel('t');
	const b = new BroadcastChannel('t');
	b.onmessage = (e) => {
		console.log('broadcast', e.data); // expect: broadcast 2
		observe();
	};
	a.postMessage(2);
};
als.run('store', () => port1.postMessage(1));

function observe() {
	new PerformanceObserver((list, observer) => {
		observer.disconnect();
		console.log(list.getEntries()[0].name); // expect: mark
		addEventListener('error', (e) => {
			console.log(e.error, e.lineno > 0); // expect: 3 true
			e.preventDefault();
		});
		reportError(3);
	}).observe({ type: 'mark' });
	performance.mark('mark');
}
