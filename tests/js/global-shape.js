// SPDX-License-Identifier: Apache-2.0
// What interface objects look like: enumerability, tags, lengths, constructors.
const names = ['Event', 'EventTarget', 'CustomEvent', 'ErrorEvent', 'PromiseRejectionEvent', 'ExtendableEvent', 'FetchEvent',
	'AbortController', 'AbortSignal', 'DOMException', 'URL', 'URLSearchParams', 'TextEncoder', 'TextDecoder',
	'TextEncoderStream', 'TextDecoderStream', 'Headers', 'Request', 'Response', 'Blob', 'File', 'FormData',
	'ReadableStream', 'ReadableStreamDefaultReader', 'ReadableStreamBYOBReader', 'ReadableStreamDefaultController',
	'ReadableByteStreamController', 'ReadableStreamBYOBRequest', 'WritableStream', 'WritableStreamDefaultWriter',
	'WritableStreamDefaultController', 'TransformStream', 'TransformStreamDefaultController',
	'ByteLengthQueuingStrategy', 'CountQueuingStrategy', 'Crypto', 'SubtleCrypto', 'CryptoKey', 'Performance', 'PerformanceEntry',
	'PerformanceMark', 'PerformanceMeasure', 'EventSource', 'Cache', 'CacheStorage'];
for (const name of names) {
	const d = Object.getOwnPropertyDescriptor(globalThis, name);
	const klass = d?.value;
	if (typeof klass !== 'function' || d.enumerable || !d.writable || !d.configurable)
		console.log('global', name, d);
	if (klass.prototype[Symbol.toStringTag] !== name || klass.name !== name)
		console.log('tag', name);
	if (Object.getOwnPropertyDescriptor(klass, 'prototype').writable)
		console.log('prototype is writable', name);
	for (const key of Object.getOwnPropertyNames(klass.prototype)) {
		const member = Object.getOwnPropertyDescriptor(klass.prototype, key);
		if (key !== 'constructor' && !member.enumerable)
			console.log('not enumerable', name, key);
		if (key === 'constructor' || !member.get)
			continue;
		try {
			const value = member.get.call({});
			if (!(value instanceof Promise))
				console.log('no brand check', name, key);
			else
				value.catch(() => {});
		} catch (e) {
			if (!(e instanceof TypeError))
				console.log('wrong error', name, key, e);
		}
	}
}
const functions = ['atob', 'btoa', 'clearInterval', 'clearTimeout', 'queueMicrotask', 'reportError', 'setInterval', 'setTimeout', 'structuredClone'];
for (const name of functions) {
	const d = Object.getOwnPropertyDescriptor(globalThis, name);
	if (typeof d?.value !== 'function' || d.value.name !== name || 'prototype' in d.value && name !== 'reportError' && name !== 'structuredClone')
		console.log('function', name, d);
}
console.log(URL.length, Headers.length, Response.length, Request.length, Event.length, DOMException.length, File.length); // expect: 1 0 0 1 1 0 2
console.log(Headers.prototype.append.length, URLSearchParams.prototype.has.length, EventTarget.prototype.addEventListener.length, ReadableStream.prototype.pipeTo.length); // expect: 2 1 2 1
console.log(Headers.prototype[Symbol.iterator] === Headers.prototype.entries); // expect: true
console.log(typeof internals, typeof ops, typeof require, typeof process); // expect: undefined undefined undefined undefined
console.log(Object.keys(globalThis).join()); // expect:
console.log(Cache.prototype.put.length, Cache.prototype.match.length, Cache.prototype.keys.length, CacheStorage.prototype.match.length); // expect: 2 1 0 1
console.log('caches' in globalThis, Object.prototype.toString.call(caches)); // expect: true [object CacheStorage]
console.log(AbortSignal.__proto__ === EventTarget, File.__proto__ === Blob); // expect: true true
console.log(typeof WebAssembly.instantiate, typeof fetch); // expect: function function
