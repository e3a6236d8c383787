// SPDX-License-Identifier: Apache-2.0
// structuredClone(). Objects, arrays, maps and sets are walked here, so that platform objects in
// them are copied (DOMException, Blob, File) or refused; everything else that is built in goes
// through the engine's own serialiser. Order and errors follow HTML's StructuredSerialize.
'use strict';

const { isObject, dictionary, requireArguments, sequence, defineGlobal, isArrayBuffer,
	viewParts, platformPrototypes } = internals.webidl;
const { viewTag, typedLength, hasOwn } = internals.primordials;
const { DOMException } = internals;

// enum engine_kind
const OBJECT = 1;
const ARRAY = 2;
const FUNCTION = 3;
const ERROR = 4;
const DATE = 5;
const REGEXP = 6;
const MAP = 7;
const SET = 8;
const BUFFER = 9;
const VIEW = 10;
const BOXED = 11;
const ARGUMENTS = 17;
const LEAF = [DATE, REGEXP, BOXED];
const KIND_NAMES = {
	12: 'a Promise', 13: 'a Proxy', 14: 'a weak collection', 15: 'an iterator',
	16: 'a module namespace', 18: 'an object of this kind',
};
const ERROR_TYPES = {
	__proto__: null, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError,
};
const VIEW_TYPES = {
	__proto__: null, Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array,
	Uint32Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array,
};
const mapForEach = internals.primordials.uncurryThis(Map.prototype.forEach);
const setForEach = internals.primordials.uncurryThis(Set.prototype.forEach);

function refuse(what) {
	throw new DOMException(`structuredClone: ${what} cannot be cloned`, 'DataCloneError');
}

// The engine's serialiser reports what it cannot copy by this.
internals.dataCloneError = (message) => new DOMException(message, 'DataCloneError');

function put(object, key, value) {
	Object.defineProperty(object, key,
		{ value, writable: true, enumerable: true, configurable: true });
}

// Built-in objects that the engine does not tell from ordinary ones.
platformPrototypes.add(WeakRef.prototype);
platformPrototypes.add(FinalizationRegistry.prototype);

function isPlatformObject(proto) {
	for (let p = proto; p !== null; p = Object.getPrototypeOf(p)) {
		if (platformPrototypes.has(p))
			return true;
	}
	return false;
}

class Copier {
	memory = new Map(); // original -> copy, transferred buffers too
	views = new Map(); // copy of a view -> its shape
	source; // of a second walk: the first

	constructor(source = null) {
		this.source = source;
	}

	copy(value) {
		if (!isObject(value)) {
			if (typeof value === 'symbol')
				refuse(value.toString());
			return value;
		}
		if (this.memory.has(value))
			return this.memory.get(value);
		const kind = ops.valueKind(value);
		switch (kind) {
		case ARRAY: return this.#array(value);
		case MAP: return this.#map(value);
		case SET: return this.#set(value);
		case ERROR: return this.#error(value);
		case VIEW: return this.#view(value);
		case BUFFER: return this.#keep(value, ops.clone(value));
		case FUNCTION: return refuse(`the function '${value.name}'`);
		case OBJECT: case ARGUMENTS: return this.#object(value);
		}
		if (LEAF.includes(kind))
			return this.#keep(value, ops.clone(value));
		if (typeof WebAssembly === 'object' && value instanceof WebAssembly.Module)
			return this.#keep(value, ops.clone(value));
		return refuse(KIND_NAMES[kind]);
	}

	#keep(value, copy) {
		this.memory.set(value, copy);
		return copy;
	}

	#object(value) {
		const proto = Object.getPrototypeOf(value);
		if (proto !== Object.prototype && proto !== null) {
			for (const [isInstance, clone] of internals.cloneables)
				if (isInstance(value))
					return this.#keep(value, clone(value));
			if (isPlatformObject(proto))
				refuse(Object.prototype.toString.call(value));
		}
		return this.#properties(value, this.#keep(value, {}));
	}

	#array(value) {
		const copy = [];
		copy.length = value.length;
		return this.#properties(value, this.#keep(value, copy));
	}

	#properties(value, copy) {
		for (const key of Object.keys(value))
			// A getter may have removed it.
			if (hasOwn(value, key))
				put(copy, key, this.copy(value[key]));
		return copy;
	}

	#map(value) {
		const copy = this.#keep(value, new Map());
		const flat = [];
		mapForEach(value, (v, k) => flat.push(k, v));
		for (let i = 0; i < flat.length; i += 2)
			copy.set(this.copy(flat[i]), this.copy(flat[i + 1]));
		return copy;
	}

	#set(value) {
		const copy = this.#keep(value, new Set());
		const flat = [];
		setForEach(value, (v) => flat.push(v));
		for (const v of flat)
			copy.add(this.copy(v));
		return copy;
	}

	#error(value) {
		const name = value.name;
		const type = ERROR_TYPES[name === undefined ? 'Error' : `${name}`] ?? Error;
		const message = Object.getOwnPropertyDescriptor(value, 'message');
		const copy = this.#keep(value, new type());
		const hidden = (key, v) => Object.defineProperty(copy, key,
			{ value: v, writable: true, enumerable: false, configurable: true });
		if (message && 'value' in message)
			hidden('message', `${message.value}`);
		hidden('stack', typeof value.stack === 'string' ? value.stack : undefined);
		if (hasOwn(value, 'cause'))
			hidden('cause', this.copy(value.cause));
		return copy;
	}

	#view(value) {
		const shape = this.source?.views.get(value) ?? viewShape(value);
		const buffer = this.copy(shape.buffer);
		const copy = new shape.type(buffer, shape.offset, shape.length);
		this.views.set(copy, shape);
		return this.#keep(value, copy);
	}
}

function viewShape(value) {
	const { buffer, offset, length: byteLength } = viewParts(value);
	const tag = viewTag(value);
	if (tag === undefined)
		return { buffer, offset, length: byteLength, type: DataView };
	return { buffer, offset, length: typedLength(value), type: VIEW_TYPES[tag] };
}

// Detaches `buffer` and returns another one with its contents.
function transferBuffer(buffer) {
	return ops.clone(buffer, [buffer]);
}
internals.transferBuffer = transferBuffer;

// Objects besides ArrayBuffers that change hands: entries are { is(object), transfer(object) }, the
// latter gives the object of the receiver, or throws a DataCloneError and leaves all as it was.
internals.transferables = [];

function transferableOf(object) {
	return internals.transferables.find((entry) => entry.is(object));
}

function checkTransfer(list) {
	const seen = new Set();
	for (const object of list) {
		if (!isArrayBuffer(object) && !transferableOf(object))
			throw new DOMException('structuredClone: a value in the transfer list cannot be transferred',
				'DataCloneError');
		if (seen.has(object))
			throw new DOMException('structuredClone: an object is in the transfer list twice',
				'DataCloneError');
		seen.add(object);
	}
}

// A copy of `value`, and what each object of the list has become.
function cloneWithTransfer(value, list) {
	if (list.length === 0) {
		const copy = isObject(value) || typeof value === 'symbol' ? new Copier().copy(value) : value;
		return { value: copy, transferred: [] };
	}
	checkTransfer(list);
	return copyAndTransfer(new Copier(), value, list);
}
internals.cloneWithTransfer = cloneWithTransfer;

// The member `transfer` of options, as a list of objects.
internals.transferOf = (options) => {
	const { transfer } = dictionary(options, 'options');
	return transfer === undefined ? []
		: sequence(transfer, internals.transferItem, 'options.transfer');
};
internals.transferItem = (value) => {
	if (!isObject(value))
		throw new TypeError('transfer: an element is not an object');
	return value;
};

function structuredClone(value, options = undefined) {
	requireArguments(arguments.length, 1, 'structuredClone');
	return cloneWithTransfer(value, internals.transferOf(options)).value;
}

// Whatever cannot be cloned must leave everything where it is, and a getter must run once: the
// first walk makes a copy that still holds the old objects, the second one exchanges them.
function copyAndTransfer(first, value, list) {
	for (const object of list)
		first.memory.set(object, object);
	const copy = first.copy(value);
	const second = new Copier(first);
	const transferred = list.map((object) => {
		const moved = isArrayBuffer(object) ? transferBuffer(object)
			: transferableOf(object).transfer(object);
		second.memory.set(object, moved);
		return moved;
	});
	return { value: second.copy(copy), transferred };
}

internals.structuredClone = structuredClone;
defineGlobal('structuredClone', structuredClone);
