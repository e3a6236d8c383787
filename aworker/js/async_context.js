// SPDX-License-Identifier: Apache-2.0
// AsyncLocalStorage and AsyncContext: values that follow the flow of a program through promises,
// timers, microtasks and messages.
//
// All of them together are one frame, a list of (storage, value, epoch) in turn that nobody
// changes. The engine keeps the current frame beside each reaction of a promise and brings it back
// for its time (engine.h); what else calls back later keeps internals.asyncFrame() itself. Until
// the first storage is made, nothing of this costs anything.
'use strict';

const {
	shape, expose, defineGlobal, namespace, domString, dictionary, callbackFunction,
	requireArguments,
} = internals.webidl;
const { ReflectApply } = internals.primordials;

const STEP = 3;

let used = false;

function current() {
	return ops.asyncFrame() ?? null;
}

// The frame of the moment, for asyncCall(); undefined while nobody has a storage.
internals.asyncFrame = () => (used ? current() : undefined);

// fn.apply(thisArg, args) in a frame that was kept.
internals.asyncCall = (frame, fn, thisArg, args) => {
	if (frame === undefined)
		return ReflectApply(fn, thisArg, args);
	const before = current();
	ops.asyncSetFrame(frame);
	try {
		return ReflectApply(fn, thisArg, args);
	} finally {
		ops.asyncSetFrame(before);
	}
};

function find(frame, storage) {
	if (frame !== null) {
		for (let i = 0; i < frame.length; i += STEP)
			if (frame[i] === storage)
				return i;
	}
	return -1;
}

// `frame` with another value of `storage`, or without it.
function replaced(frame, storage, value, epoch) {
	const next = [];
	let n = 0;
	if (frame !== null) {
		for (let i = 0; i < frame.length; i += STEP) {
			if (frame[i] === storage)
				continue;
			for (let j = 0; j < STEP; j++)
				next[n++] = frame[i + j];
		}
	}
	if (epoch >= 0) {
		next[n++] = storage;
		next[n++] = value;
		next[n] = epoch;
	}
	return next;
}

class Storage {
	epoch = 0; // values of an older one were disabled
	initial;
	name;

	constructor(options, what) {
		const { defaultValue, name } = dictionary(options, what);
		this.initial = defaultValue;
		this.name = name === undefined ? '' : domString(name);
		used = true;
		ops.asyncSetFrame(current());
	}

	get() {
		const frame = current();
		const i = find(frame, this);
		return i >= 0 && frame[i + 2] === this.epoch ? frame[i + 1] : this.initial;
	}

	set(value) {
		ops.asyncSetFrame(replaced(current(), this, value, this.epoch));
	}

	run(value, fn, args) {
		return internals.asyncCall(replaced(current(), this, value, this.epoch), fn, undefined, args);
	}
}

// A function that runs fn in the frame of now.
function bound(fn) {
	const frame = current();
	const f = function (...args) {
		return internals.asyncCall(frame, fn, this, args);
	};
	Object.defineProperty(f, 'name', { value: `bound ${fn.name}`, configurable: true });
	Object.defineProperty(f, 'length', { value: fn.length, configurable: true });
	return f;
}

class AsyncLocalStorage {
	#s;

	constructor(options = undefined) {
		this.#s = new Storage(options, 'AsyncLocalStorage: options');
	}

	static bind(fn) {
		requireArguments(arguments.length, 1, 'AsyncLocalStorage.bind');
		return bound(callbackFunction(fn, 'AsyncLocalStorage.bind: the argument'));
	}

	static snapshot() {
		const frame = current();
		return function runInAsyncScope(fn, ...args) {
			callbackFunction(fn, 'AsyncLocalStorage.snapshot: the argument');
			return internals.asyncCall(frame, fn, this, args);
		};
	}

	get name() {
		return this.#s.name;
	}

	getStore() {
		return this.#s.get();
	}

	run(store, callback, ...args) {
		void this.#s;
		callbackFunction(callback, 'AsyncLocalStorage.run: the callback');
		return this.#s.run(store, callback, args);
	}

	exit(callback, ...args) {
		void this.#s;
		callbackFunction(callback, 'AsyncLocalStorage.exit: the callback');
		return internals.asyncCall(replaced(current(), this.#s, undefined, -1), callback, undefined,
			args);
	}

	enterWith(store) {
		this.#s.set(store);
	}

	disable() {
		this.#s.epoch++;
	}
}

class Variable {
	#s;

	constructor(options = undefined) {
		this.#s = new Storage(options, 'AsyncContext.Variable: options');
	}

	get name() {
		return this.#s.name;
	}

	get() {
		return this.#s.get();
	}

	run(value, fn, ...args) {
		void this.#s;
		callbackFunction(fn, 'AsyncContext.Variable.run: the callback');
		return this.#s.run(value, fn, args);
	}
}

class Snapshot {
	#frame = current();

	static wrap(fn) {
		requireArguments(arguments.length, 1, 'AsyncContext.Snapshot.wrap');
		return bound(callbackFunction(fn, 'AsyncContext.Snapshot.wrap: the argument'));
	}

	run(fn, ...args) {
		void this.#frame;
		callbackFunction(fn, 'AsyncContext.Snapshot.run: the callback');
		return internals.asyncCall(this.#frame, fn, undefined, args);
	}
}

expose(AsyncLocalStorage);
shape(Variable);
shape(Snapshot);
defineGlobal('AsyncContext', namespace('AsyncContext', { Variable, Snapshot }));
