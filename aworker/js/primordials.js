// SPDX-License-Identifier: Apache-2.0
// Intrinsics as they were before any user code ran. Platform code that runs on behalf of C (dispatch,
// streams, timers) takes them from here, so that a user who replaces Promise.prototype.then or
// Array.prototype[Symbol.iterator] breaks only their own code.
'use strict';

const uncurryThis = Function.prototype.bind.bind(Function.prototype.call);
const TypedArrayPrototype = Object.getPrototypeOf(Uint8Array.prototype);
const getterOf = (object, name) =>
	uncurryThis(Object.getOwnPropertyDescriptor(object, name).get);

const promiseThen = uncurryThis(Promise.prototype.then);
const PromiseResolve = Promise.resolve.bind(Promise);
const PromiseReject = Promise.reject.bind(Promise);

// A promise with its two ends, as Promise.withResolvers() gives in newer engines.
function deferred() {
	const d = { promise: null, resolve: null, reject: null };
	d.promise = new Promise((resolve, reject) => {
		d.resolve = resolve;
		d.reject = reject;
	});
	return d;
}

const ignore = () => {};

internals.primordials = {
	__proto__: null,
	uncurryThis,
	promiseThen,
	PromiseResolve,
	PromiseReject,
	deferred,
	// Marks a rejection as handled: nobody is told of it.
	markHandled: (promise) => void promiseThen(promise, undefined, ignore),
	ReflectApply: Reflect.apply,
	queueMicrotask: null,
	IteratorPrototype: Object.getPrototypeOf(Object.getPrototypeOf([][Symbol.iterator]())),
	AsyncIteratorPrototype: Object.getPrototypeOf(
		Object.getPrototypeOf(async function* () {}).prototype),
	hasOwn: uncurryThis(Object.prototype.hasOwnProperty),
	viewTag: getterOf(TypedArrayPrototype, Symbol.toStringTag),
	typedLength: getterOf(TypedArrayPrototype, 'length'),
	typedBuffer: getterOf(TypedArrayPrototype, 'buffer'),
	typedByteOffset: getterOf(TypedArrayPrototype, 'byteOffset'),
	typedByteLength: getterOf(TypedArrayPrototype, 'byteLength'),
	typedSet: uncurryThis(TypedArrayPrototype.set),
	dataViewBuffer: getterOf(DataView.prototype, 'buffer'),
	dataViewByteOffset: getterOf(DataView.prototype, 'byteOffset'),
	dataViewByteLength: getterOf(DataView.prototype, 'byteLength'),
	bufferByteLength: getterOf(ArrayBuffer.prototype, 'byteLength'),
	bufferSlice: uncurryThis(ArrayBuffer.prototype.slice),
	isView: ArrayBuffer.isView,
};
