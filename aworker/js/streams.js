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

const DONE = Promise.resolve(); // nobody else ever sees it
const ignore = () => {};

// Runs a step later, as the standard's "queue a microtask". The step does not throw.
S.later = (step) => void promiseThen(DONE, step);

// Reacts to the result of an algorithm: nothing, which is done, a Deferred or a promise. The
// reactions are ours and do not throw.
S.upon = (result, onFulfilled, onRejected) => {
	if (result === undefined) {
		if (onFulfilled)
			S.later(onFulfilled);
	} else if (result instanceof Deferred) {
		result.react(onFulfilled, onRejected);
	} else {
		promiseThen(result, onFulfilled, onRejected ?? ignore);
	}
};

const PENDING = 0;
const FULFILLED = 1;
const REJECTED = 2;

// A promise with its ends, made when somebody wants to see it: most are only waited for by streams.
class Deferred {
	state = PENDING;
	value = undefined;
	made = null; // the promise
	handled = false;
	waits = false; // for the promise there are no reactions yet but these two
	onFulfilled = undefined;
	onRejected = undefined;
	resolveMade;
	rejectMade;

	get pending() {
		return this.state === PENDING;
	}

	get rejected() {
		return this.state === REJECTED;
	}

	get promise() {
		this.made ??= this.#make();
		return this.made;
	}

	#make() {
		if (this.state === FULFILLED)
			return S.resolvedWith(this.value);
		const promise = this.state === REJECTED ? S.rejectedWith(this.value)
			: new Promise((resolve, reject) => {
				this.resolveMade = resolve;
				this.rejectMade = reject;
			});
		if (this.handled)
			markHandled(promise);
		return promise;
	}

	resolve(value) {
		if (this.state !== PENDING)
			return;
		this.state = FULFILLED;
		this.value = value;
		this.resolveMade?.(value);
		if (this.waits)
			this.#run(this.onFulfilled, this.onRejected);
	}

	reject(reason) {
		if (this.state !== PENDING)
			return;
		this.state = REJECTED;
		this.value = reason;
		this.rejectMade?.(reason);
		if (this.waits)
			this.#run(this.onFulfilled, this.onRejected);
	}

	// Nobody is told of a rejection.
	handle() {
		if (!this.handled && this.made)
			markHandled(this.made);
		this.handled = true;
	}

	react(onFulfilled, onRejected) {
		if (this.made || this.waits) {
			promiseThen(this.promise, onFulfilled, onRejected ?? ignore);
			return;
		}
		this.handled = true;
		if (this.state === PENDING) {
			this.waits = true;
			this.onFulfilled = onFulfilled;
			this.onRejected = onRejected;
		} else {
			this.#run(onFulfilled, onRejected);
		}
	}

	#run(onFulfilled, onRejected) {
		const { value } = this;
		if (this.state === REJECTED) {
			if (onRejected)
				S.later(() => onRejected(value));
		} else if (isObject(value)) {
			promiseThen(this.promise, onFulfilled, onRejected ?? ignore);
		} else if (onFulfilled) {
			S.later(value === undefined ? onFulfilled : () => onFulfilled(value));
		}
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
	d.handle();
	d.reject(reason);
	return d;
};

// owner[name] becomes rejected: the same promise when it is pending, else a new one.
S.ensureRejected = (owner, name, reason) => {
	if (!owner[name].pending) {
		owner[name] = S.failed(reason);
		return;
	}
	owner[name].handle();
	owner[name].reject(reason);
};

// A callback of the user's that gives a promise.
S.promiseCall = (fn, thisArg, args) => {
	try {
		return S.resolvedWith(ReflectApply(fn, thisArg, args));
	} catch (error) {
		return S.rejectedWith(error);
	}
};

// The same for those that are called for each chunk: nothing, where the callback gave nothing.
S.chunkCall = (fn, thisArg, args) => {
	try {
		const result = ReflectApply(fn, thisArg, args);
		return result === undefined ? undefined : S.resolvedWith(result);
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

// A first-in first-out list, as a ring whose size is a power of two.
class Fifo {
	#items = [undefined, undefined];
	#head = 0;
	length = 0;

	push(item) {
		const items = this.#items;
		if (this.length === items.length)
			this.#grow();
		this.#items[(this.#head + this.length++) & (this.#items.length - 1)] = item;
	}

	#grow() {
		const old = this.#items;
		const items = [];
		for (let i = 0; i < old.length; i++)
			items[i] = old[(this.#head + i) & (old.length - 1)];
		for (let i = old.length; i < 2 * old.length; i++)
			items[i] = undefined;
		this.#items = items;
		this.#head = 0;
	}

	peek() {
		return this.#items[this.#head];
	}

	shift() {
		const item = this.#items[this.#head];
		this.#items[this.#head] = undefined;
		this.#head = (this.#head + 1) & (this.#items.length - 1);
		if (--this.length === 0 && this.#items.length > 1024)
			this.clear();
		return item;
	}

	last() {
		return this.#items[(this.#head + this.length - 1) & (this.#items.length - 1)];
	}

	clear() {
		this.#items = [undefined, undefined];
		this.#head = 0;
		this.length = 0;
	}
}
S.Fifo = Fifo;

// A chunk and its size are two items.
class SizedQueue {
	#fifo = new Fifo();
	totalSize = 0;

	get length() {
		return this.#fifo.length / 2;
	}

	enqueue(value, size) {
		if (typeof size !== 'number' || !(size >= 0) || size === Infinity)
			throw new RangeError(`The size of a chunk is ${size}`);
		this.#fifo.push(value);
		this.#fifo.push(size);
		this.totalSize += size;
	}

	dequeue() {
		const value = this.#fifo.shift();
		// Rounding may leave less than nothing.
		this.totalSize = Math.max(0, this.totalSize - this.#fifo.shift());
		return value;
	}

	peek() {
		return this.#fifo.peek();
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
