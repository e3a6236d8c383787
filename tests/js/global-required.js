// SPDX-License-Identifier: Apache-2.0
// The minimum common Web API (ECMA-429): every name is there and is what it should be.
const classes = ['AbortController', 'AbortSignal', 'Event', 'EventTarget', 'CustomEvent', 'ErrorEvent', 'MessageChannel',
	'MessageEvent', 'MessagePort', 'PromiseRejectionEvent', 'DOMException', 'Headers', 'Request', 'Response', 'FormData',
	'Blob', 'File', 'ByteLengthQueuingStrategy', 'CountQueuingStrategy', 'ReadableByteStreamController', 'ReadableStream',
	'ReadableStreamBYOBReader', 'ReadableStreamBYOBRequest', 'ReadableStreamDefaultController',
	'ReadableStreamDefaultReader', 'TransformStream', 'TransformStreamDefaultController', 'WritableStream',
	'WritableStreamDefaultController', 'WritableStreamDefaultWriter', 'TextDecoder', 'TextDecoderStream', 'TextEncoder',
	'TextEncoderStream', 'URL', 'URLSearchParams', 'Crypto', 'Performance',
	// and beyond it
	'AsyncLocalStorage', 'BroadcastChannel', 'Cache', 'CacheStorage', 'PerformanceEntry', 'PerformanceMark', 'PerformanceMeasure',
	'PerformanceObserver', 'PerformanceObserverEntryList', 'PerformanceResourceTiming'];
for (const name of classes) {
	const d = Object.getOwnPropertyDescriptor(globalThis, name);
	if (typeof d?.value !== 'function' || d.enumerable || !d.writable || !d.configurable)
		console.log('global', name);
	else if (d.value.name !== name || d.value.prototype[Symbol.toStringTag] !== name)
		console.log('shape', name);
}
const wasm = ['Global', 'Instance', 'Memory', 'Module', 'Table', 'Tag', 'Exception', 'CompileError', 'LinkError',
	'RuntimeError', 'compile', 'compileStreaming', 'instantiate', 'instantiateStreaming', 'validate'];
for (const name of wasm)
	if (typeof WebAssembly[name] !== 'function')
		console.log('WebAssembly', name);
const functions = ['atob', 'btoa', 'clearTimeout', 'clearInterval', 'queueMicrotask', 'reportError', 'setTimeout',
	'setInterval', 'structuredClone'];
for (const name of functions)
	if (typeof globalThis[name] !== 'function' || globalThis[name].name !== name)
		console.log('function', name);
console.log(globalThis === self, typeof console, Object.prototype.toString.call(console), crypto instanceof Crypto, performance instanceof Performance); // expect: true object [object console] true true
console.log(/^[\w.-]+\/[\w.+-]+$/.test(navigator.userAgent), navigator.hardwareConcurrency, navigator.language, navigator.languages.join()); // expect: true 1 en-US en-US
for (const name of ['onerror', 'onunhandledrejection', 'onrejectionhandled'])
	console.log(name in globalThis, globalThis[name]);
// expect: true null
// expect: true null
// expect: true null
console.log(globalThis instanceof EventTarget); // expect: true
const e = new ErrorEvent('error', { message: 'm', filename: 'f', lineno: 1, colno: 2, error: 3, cancelable: true });
console.log(e.message, e.filename, e.lineno, e.colno, e.error, new ErrorEvent('x').error); // expect: m f 1 2 3 undefined
const promise = Promise.resolve();
const r = new PromiseRejectionEvent('unhandledrejection', { promise, reason: 'why' });
console.log(r.promise === promise, r.reason); // expect: true why
// onerror is called with five arguments for an ErrorEvent, with the event for any other.
onerror = (...args) => {
	console.log(args.length, typeof args[0]);
	return true;
};
console.log(dispatchEvent(new ErrorEvent('error', { cancelable: true })), dispatchEvent(new Event('error', { cancelable: true })));
// expect: 5 string
// expect: 1 object
// expect: false true
onerror = null;
addEventListener('error', (event) => {
	console.log(event.message, event.filename.endsWith('global-required.js'), event.lineno > 0, event.colno > 0); // expect: Uncaught 7 true true true
	event.preventDefault();
}, { once: true });
reportError(7);
