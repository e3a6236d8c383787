// SPDX-License-Identifier: Apache-2.0
// Web IDL: conversions of arguments, the shape of interface objects, pair iterators.
// Every class of the platform goes through expose(), so that its members are enumerable, its
// prototype carries Symbol.toStringTag and the global property is not enumerable, as browsers have it.
'use strict';

const {
	hasOwn, IteratorPrototype, viewTag, typedBuffer, typedByteOffset, typedByteLength,
	dataViewBuffer, dataViewByteOffset, dataViewByteLength, bufferByteLength, isView, ReflectApply,
} = internals.primordials;
const { Uint8Array } = globalThis;
const KIND_BUFFER = 9; // enum engine_kind

// --- strings ---

const ANY_SURROGATE = /[\ud800-\udfff]/;
const LONE_SURROGATE = /\p{Surrogate}/gu;
const ABOVE_BYTE = /[^\0-\xff]/;

function domString(value) {
	return typeof value === 'string' ? value : `${value}`;
}

function usvString(value) {
	const s = typeof value === 'string' ? value : `${value}`;
	return ANY_SURROGATE.test(s) ? s.replace(LONE_SURROGATE, '\ufffd') : s;
}

function byteString(value, what = 'value') {
	const s = typeof value === 'string' ? value : `${value}`;
	if (ABOVE_BYTE.test(s))
		throw new TypeError(`Cannot convert ${what} to a ByteString: it has a character above U+00FF`);
	return s;
}

// --- numbers ---

function toNumber(value, what) {
	if (typeof value === 'bigint')
		throw new TypeError(`${what}: a BigInt is no number`);
	return +value;
}

// The range of an integer type of `bits`; 64-bit types are limited to safe integers.
function integerRange(bits, signed) {
	if (bits === 64)
		return { low: signed ? Number.MIN_SAFE_INTEGER : 0, high: Number.MAX_SAFE_INTEGER };
	return signed ? { low: -(2 ** (bits - 1)), high: 2 ** (bits - 1) - 1 }
		: { low: 0, high: 2 ** bits - 1 };
}

function wrapInteger(x, bits, signed) {
	const size = 2 ** bits;
	let r = x % size;
	if (r < 0)
		r += size;
	if (signed && r >= size / 2)
		r -= size;
	return r === 0 ? 0 : r;
}

// options: enforceRange (TypeError when outside), clamp; neither: modulo.
function integer(value, bits, signed, options, what = 'value') {
	const { low, high } = integerRange(bits, signed);
	let x = toNumber(value, what);
	if (options?.enforceRange) {
		if (!Number.isFinite(x))
			throw new TypeError(`${what} is not a finite number`);
		x = Math.trunc(x);
		if (x < low || x > high)
			throw new TypeError(`${what} is outside the range ${low} to ${high}`);
		return x === 0 ? 0 : x;
	}
	if (options?.clamp) {
		if (Number.isNaN(x))
			return 0;
		x = Math.min(Math.max(x, low), high);
		const floor = Math.floor(x);
		const half = x - floor;
		// Ties go to the even neighbour.
		const up = half > 0.5 || (half === 0.5 && floor % 2 !== 0);
		return (up ? floor + 1 : floor) + 0;
	}
	return Number.isFinite(x) ? wrapInteger(Math.trunc(x), bits, signed) : 0;
}

function unrestrictedDouble(value, what = 'value') {
	return toNumber(value, what);
}

// --- objects ---

function isObject(value) {
	return (typeof value === 'object' && value !== null) || typeof value === 'function';
}

function dictionary(value, what = 'options') {
	if (value === undefined || value === null)
		return {};
	if (!isObject(value))
		throw new TypeError(`${what} is not an object`);
	return value;
}

function enumeration(value, allowed, what) {
	const s = `${value}`;
	if (!allowed.includes(s))
		throw new TypeError(`${what}: '${s}' is not one of ${allowed.join(', ')}`);
	return s;
}

function callbackFunction(value, what) {
	if (typeof value !== 'function')
		throw new TypeError(`${what} is not a function`);
	return value;
}

function sequence(value, convert, what) {
	if (!isObject(value))
		throw new TypeError(`${what} is not iterable`);
	const method = value[Symbol.iterator];
	if (typeof method !== 'function')
		throw new TypeError(`${what} is not iterable`);
	return sequenceFrom(value, method, convert);
}

function sequenceFrom(value, method, convert) {
	const iterator = ReflectApply(method, value, []);
	const next = iterator.next;
	const out = [];
	for (;;) {
		const step = ReflectApply(next, iterator, []);
		if (step.done)
			return out;
		out.push(convert(step.value));
	}
}

// --- bytes ---

function isArrayBuffer(value) {
	try {
		bufferByteLength(value);
		return true;
	} catch {
		return false;
	}
}

// Asked of the engine: while a snapshot is made there is no SharedArrayBuffer to take a getter from.
function isSharedArrayBuffer(value) {
	return ops.valueKind(value) === KIND_BUFFER && !isArrayBuffer(value);
}

function isBufferSource(value) {
	return typeof value === 'object' && value !== null && (isView(value) || isArrayBuffer(value));
}

// Of a view, whatever its prototype pretends. An object, because to take an array apart is to ask
// an iterator.
function viewParts(view) {
	if (viewTag(view) === undefined)
		return { buffer: dataViewBuffer(view), offset: dataViewByteOffset(view),
			length: dataViewByteLength(view) };
	return { buffer: typedBuffer(view), offset: typedByteOffset(view),
		length: typedByteLength(view) };
}

// A Uint8Array over the same memory.
function bytesOf(source) {
	if (isView(source)) {
		const { buffer, offset, length } = viewParts(source);
		return new Uint8Array(buffer, offset, length);
	}
	return new Uint8Array(source);
}

function bytesCopy(source) {
	return new Uint8Array(bytesOf(source));
}

function bufferSource(value, what = 'value') {
	if (!isBufferSource(value))
		throw new TypeError(`${what} is not an ArrayBuffer or a view of one`);
	return value;
}

// --- interfaces ---

// Given to constructors that users may not call.
const secret = Symbol('secret');

function guardConstructor(token) {
	if (token !== secret)
		throw new TypeError('Illegal constructor');
}

function requireArguments(given, wanted, what) {
	if (given < wanted)
		throw new TypeError(
			`${what}: ${wanted} argument${wanted === 1 ? '' : 's'} required, but only ${given} given`);
}

function makeEnumerable(object, skip) {
	for (const key of Reflect.ownKeys(object)) {
		if (typeof key !== 'string' || skip.includes(key))
			continue;
		const d = Object.getOwnPropertyDescriptor(object, key);
		d.enumerable = true;
		Object.defineProperty(object, key, d);
	}
}

function tag(prototype, name) {
	Object.defineProperty(prototype, Symbol.toStringTag, { value: name, configurable: true });
}

function defineGlobal(name, value) {
	Object.defineProperty(globalThis, name,
		{ value, writable: true, enumerable: false, configurable: true });
}

// Prototypes of platform objects, which structuredClone() must not take for ordinary ones.
const platformPrototypes = new Set();

// Shapes the class as Web IDL wants it; shape() alone for what has no global name.
function shape(klass) {
	platformPrototypes.add(klass.prototype);
	makeEnumerable(klass.prototype, ['constructor']);
	makeEnumerable(klass, ['length', 'name', 'prototype']);
	tag(klass.prototype, klass.name);
}

function expose(...classes) {
	for (const klass of classes) {
		shape(klass);
		defineGlobal(klass.name, klass);
	}
}

function constants(klass, values) {
	for (const name of Object.keys(values)) {
		const d = { value: values[name], enumerable: true };
		Object.defineProperty(klass, name, d);
		Object.defineProperty(klass.prototype, name, d);
	}
}

// A namespace object such as console: plain functions, enumerable, tagged.
function namespace(name, members) {
	const object = Object.create({});
	Object.assign(object, members);
	tag(object, name);
	return object;
}

// --- pair iterators (Headers, URLSearchParams, FormData) ---

// pairsOf(target) gives the current list of [name, value] and throws for a foreign `this`.
function pairIterable(klass, pairsOf) {
	const STATE = Symbol('iterator');
	const proto = Object.create(IteratorPrototype);
	const next = {
		next() {
			const state = hasOwn(Object(this), STATE) ? this[STATE] : undefined;
			if (!state)
				throw new TypeError(`Illegal invocation: not a ${klass.name} Iterator`);
			const pairs = pairsOf(state.target);
			if (state.index >= pairs.length)
				return { value: undefined, done: true };
			const [name, value] = pairs[state.index++];
			return { value: state.pick(name, value), done: false };
		},
	}.next;
	Object.defineProperty(proto, 'next',
		{ value: next, writable: true, enumerable: true, configurable: true });
	tag(proto, `${klass.name} Iterator`);
	const iterate = (target, pick) => {
		pairsOf(target);
		const it = Object.create(proto);
		Object.defineProperty(it, STATE, { value: { target, index: 0, pick } });
		return it;
	};
	const members = {
		entries() {
			return iterate(this, (name, value) => [name, value]);
		},
		keys() {
			return iterate(this, (name) => name);
		},
		values() {
			return iterate(this, (name, value) => value);
		},
		forEach(callback, thisArg = undefined) {
			pairsOf(this);
			requireArguments(arguments.length, 1, 'forEach');
			callbackFunction(callback, 'forEach: the callback');
			for (let i = 0; i < pairsOf(this).length; i++) {
				const [name, value] = pairsOf(this)[i];
				ReflectApply(callback, thisArg, [value, name, this]);
			}
		},
	};
	for (const name of Object.keys(members))
		Object.defineProperty(klass.prototype, name,
			{ value: members[name], writable: true, enumerable: true, configurable: true });
	Object.defineProperty(klass.prototype, Symbol.iterator,
		{ value: members.entries, writable: true, enumerable: false, configurable: true });
}

internals.webidl = {
	__proto__: null,
	domString, usvString, byteString, integer, unrestrictedDouble, isObject, dictionary,
	enumeration, callbackFunction, sequence, sequenceFrom, isArrayBuffer, isSharedArrayBuffer,
	isBufferSource, viewParts, bytesOf, bytesCopy, bufferSource, secret, guardConstructor,
	requireArguments, tag, defineGlobal, platformPrototypes, shape, expose, constants, namespace,
	pairIterable,
};
