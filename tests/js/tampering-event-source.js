// SPDX-License-Identifier: Apache-2.0
// An EventSource where a script has replaced what it might use.
const url = URL.createObjectURL(new Blob(['retry:1\nid:7\ndata:x\n\n'], { type: 'text/event-stream' }));
const thrower = () => {
	throw new TypeError('tampered');
};
Array.prototype[Symbol.iterator] = Set.prototype[Symbol.iterator] = Map.prototype[Symbol.iterator] = thrower;
Promise.prototype.then = Function.prototype.call = Function.prototype.apply = thrower;
Promise.resolve = Promise.reject = Reflect.apply = undefined;
const TypedArray = Object.getPrototypeOf(Uint8Array.prototype);
TypedArray.set = TypedArray.subarray = TypedArray.slice = TypedArray.indexOf = thrower;
ReadableStream.prototype.getReader = Response.prototype.text = thrower;
globalThis.Uint8Array = globalThis.TextDecoder = globalThis.fetch = globalThis.Request = globalThis.AbortController = undefined;
globalThis.Event = globalThis.MessageEvent = globalThis.setTimeout = globalThis.Error = undefined;
let times = 2;
const source = new EventSource(url);
source.onmessage = (e) => console.log(e.data, e.lastEventId, source.readyState); // expect: x 7 1
// expect: x 7 1
source.onerror = () => {
	if (--times === 0)
		source.close();
};
