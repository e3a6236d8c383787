// SPDX-License-Identifier: Apache-2.0
// What all streams share: the queue with sizes, strategies, promises (WHATWG Streams, sections 7, 8).
//
// How the stream files are built: each public class holds one private field, a plain state object
// with the internal slots of the standard. The abstract operations work on those state objects, so
// that they may lie in several files and run without brand checks; the classes convert and check.
// A state's `wrapper` is its public object. Names follow the standard, without its class prefixes.
'use strict';

const { isObject, dictionary, expose, requireArguments, unrestrictedDouble } = internals.webidl;
const { promiseThen, markHandled, ReflectApply } = internals.primordials;

const S = (internals.streams = { __proto__: null });

S.resolvedWith = (value) => new Promise((resolve) => resolve(value));
S.rejectedWith = (reason) => new Promise((_, reject) => reject(reason));

// Reacts to a promise; the reactions are ours and do not throw.
S.upon = (promise, onFulfilled, onRejected) =>
	markHandled(promiseThen(promise, onFulfilled, onRejected));

// A promise with its ends, which knows whether it was settled.
class Deferred {
	pending = true;
	#resolve;
	#reject;

	constructor() {
		this.promise = new Promise((resolve, reject) => {
			this.#resolve = resolve;
			this.#reject = reject;
		});
	}

	resolve(value) {
		this.pending = false;
		this.#resolve(value);
	}

	reject(reason) {
		this.pending = false;
		this.#reject(reason);
	}
}

S.deferred = () => new Deferred();
S.settled = (value) => {
	const d = new Deferred();
	d.resolve(value);
	return d;
};
S.failed = (reason) => {
	const d = new Deferred();
	d.reject(reason);
	markHandled(d.promise);
	return d;
};

// owner[name] becomes rejected: the same promise when it is pending, else a new one.
S.ensureRejected = (owner, name, reason) => {
	if (!owner[name].pending) {
		owner[name] = S.failed(reason);
		return;
	}
	owner[name].reject(reason);
	markHandled(owner[name].promise);
};

// A callback of the user's that gives a promise.
S.promiseCall = (fn, thisArg, args) => {
	try {
		return S.resolvedWith(ReflectApply(fn, thisArg, args));
	} catch (error) {
		return S.rejectedWith(error);
	}
};

S.nothing = () => S.resolvedWith(undefined);

// A member of an underlying source, sink or transformer.
S.method = (object, name) => {
	const fn = object[name];
	if (fn === undefined)
		return undefined;
	if (typeof fn !== 'function')
		throw new TypeError(`${name} is not a function`);
	return fn;
};

S.underlying = (value, what) => {
	if (value === undefined)
		return {};
	if (!isObject(value))
		throw new TypeError(`${what} is not an object`);
	return value;
};

// --- queue with sizes ---

// A first-in first-out list; taking from the front is O(1) on the average.
class Fifo {
	#items = [];
	#head = 0;

	get length() {
		return this.#items.length - this.#head;
	}

	push(item) {
		this.#items.push(item);
	}

	peek() {
		return this.#items[this.#head];
	}

	shift() {
		const item = this.#items[this.#head];
		this.#items[this.#head++] = undefined;
		if (this.#head === this.#items.length) {
			this.#items = [];
			this.#head = 0;
		} else if (this.#head >= 1024) {
			this.#items = this.#items.slice(this.#head);
			this.#head = 0;
		}
		return item;
	}

	last() {
		return this.#items[this.#items.length - 1];
	}

	clear() {
		this.#items = [];
		this.#head = 0;
	}
}
S.Fifo = Fifo;

class SizedQueue {
	#fifo = new Fifo();
	totalSize = 0;

	get length() {
		return this.#fifo.length;
	}

	enqueue(value, size) {
		if (typeof size !== 'number' || !(size >= 0) || size === Infinity)
			throw new RangeError(`The size of a chunk is ${size}`);
		this.#fifo.push({ value, size });
		this.totalSize += size;
	}

	dequeue() {
		const { value, size } = this.#fifo.shift();
		// Rounding may leave less than nothing.
		this.totalSize = Math.max(0, this.totalSize - size);
		return value;
	}

	peek() {
		return this.#fifo.peek().value;
	}

	reset() {
		this.#fifo.clear();
		this.totalSize = 0;
	}
}
S.SizedQueue = SizedQueue;

// --- strategies ---

const ONE = () => 1;

// [highWaterMark, size] of a QueuingStrategy dictionary; `high` is the default.
S.strategy = (value, high) => {
	const d = dictionary(value, 'strategy');
	const wanted = d.highWaterMark;
	const mark = wanted === undefined ? high : unrestrictedDouble(wanted, 'highWaterMark');
	const size = S.method(d, 'size');
	return [mark, size];
};

S.checkMark = (mark) => {
	if (Number.isNaN(mark) || mark < 0)
		throw new RangeError(`highWaterMark is ${mark}`);
	return mark;
};

S.sizeAlgorithm = (size) =>
	(size === undefined ? ONE : (chunk) => +ReflectApply(size, undefined, [chunk]));

// The very same function for every instance, as the standard wants it.
const byteLengthSize = { size: (chunk) => chunk.byteLength }.size;
const countSize = { size: () => 1 }.size;

function markOf(init, name) {
	if (!isObject(init) || init.highWaterMark === undefined)
		throw new TypeError(`${name}: init.highWaterMark is missing`);
	return unrestrictedDouble(init.highWaterMark, 'highWaterMark');
}

class ByteLengthQueuingStrategy {
	#mark;

	constructor(init) {
		requireArguments(arguments.length, 1, 'ByteLengthQueuingStrategy');
		this.#mark = markOf(init, 'ByteLengthQueuingStrategy');
	}

	get highWaterMark() {
		return this.#mark;
	}

	get size() {
		void this.#mark;
		return byteLengthSize;
	}
}

class CountQueuingStrategy {
	#mark;

	constructor(init) {
		requireArguments(arguments.length, 1, 'CountQueuingStrategy');
		this.#mark = markOf(init, 'CountQueuingStrategy');
	}

	get highWaterMark() {
		return this.#mark;
	}

	get size() {
		void this.#mark;
		return countSize;
	}
}

expose(ByteLengthQueuingStrategy, CountQueuingStrategy);
