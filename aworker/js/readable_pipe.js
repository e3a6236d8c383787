// SPDX-License-Identifier: Apache-2.0
// What is built on top of readable streams: tee, pipeTo, from, asynchronous iteration, and a few
// helpers for bodies.
'use strict';

const { dictionary, isObject } = internals.webidl;
const { promiseThen, markHandled, ReflectApply, AsyncIteratorPrototype, viewTag } =
	internals.primordials;
const S = internals.streams;
const { resolvedWith, rejectedWith, upon, later } = S;

// --- tee ---

S.readableTee = (stream, cloneForBranch2 = false) =>
	S.isByteController(stream.controller) ? byteTee(stream) : defaultTee(stream, cloneForBranch2);

// What both kinds of tee share: cancelling is done when both branches have asked for it.
class TeeState {
	reading = false;
	canceled1 = false;
	canceled2 = false;
	reason1 = undefined;
	reason2 = undefined;
	branch1 = null;
	branch2 = null;
	done = S.deferred();

	constructor(stream) {
		this.stream = stream;
	}

	cancel1(reason) {
		this.canceled1 = true;
		this.reason1 = reason;
		return this.#finish(this.canceled2);
	}

	cancel2(reason) {
		this.canceled2 = true;
		this.reason2 = reason;
		return this.#finish(this.canceled1);
	}

	#finish(both) {
		if (both)
			this.done.resolve(S.readableCancel(this.stream, [this.reason1, this.reason2]));
		return this.done.promise;
	}

	finishUncanceled() {
		if (!this.canceled1 || !this.canceled2)
			this.done.resolve();
	}
}

function defaultTee(stream, clone) {
	const reader = S.acquireReader(stream);
	const tee = new TeeState(stream);
	let again = false;
	const each = (fn) => {
		if (!tee.canceled1)
			fn(tee.branch1.controller);
		if (!tee.canceled2)
			fn(tee.branch2.controller);
	};
	const deliver = (chunk) => later(() => {
		again = false;
		let chunk2 = chunk;
		if (!tee.canceled2 && clone) {
			try {
				chunk2 = internals.structuredClone(chunk);
			} catch (error) {
				S.controllerError(tee.branch1.controller, error);
				S.controllerError(tee.branch2.controller, error);
				tee.done.resolve(S.readableCancel(stream, error));
				return;
			}
		}
		if (!tee.canceled1)
			S.controllerEnqueue(tee.branch1.controller, chunk);
		if (!tee.canceled2)
			S.controllerEnqueue(tee.branch2.controller, chunk2);
		tee.reading = false;
		if (again)
			pull();
	});
	function pull() {
		if (tee.reading) {
			again = true;
			return S.nothing();
		}
		tee.reading = true;
		S.readerRead(reader, {
			chunk: deliver,
			close() {
				tee.reading = false;
				each(S.controllerClose);
				tee.finishUncanceled();
			},
			error() {
				tee.reading = false;
			},
		});
		return S.nothing();
	}
	const nothing = () => undefined;
	tee.branch1 = S.createReadable(nothing, pull, (reason) => tee.cancel1(reason));
	tee.branch2 = S.createReadable(nothing, pull, (reason) => tee.cancel2(reason));
	upon(reader.closed, undefined, (error) => {
		S.controllerError(tee.branch1.controller, error);
		S.controllerError(tee.branch2.controller, error);
		tee.finishUncanceled();
	});
	return [tee.branch1, tee.branch2];
}

// The tee of a byte stream reads with whatever its branches read: a default reader or a BYOB one.
class ByteTee extends TeeState {
	again1 = false;
	again2 = false;

	constructor(stream) {
		super(stream);
		this.reader = S.acquireReader(stream);
		const nothing = () => undefined;
		this.branch1 = S.createReadableBytes(nothing, () => this.#pull(1), (r) => this.cancel1(r));
		this.branch2 = S.createReadableBytes(nothing, () => this.#pull(2), (r) => this.cancel2(r));
		this.#forwardError(this.reader);
	}

	#forwardError(reader) {
		upon(reader.closed.promise, undefined, (error) => {
			if (reader !== this.reader)
				return;
			S.byteError(this.branch1.controller, error);
			S.byteError(this.branch2.controller, error);
			this.finishUncanceled();
		});
	}

	#exchangeReader(byob) {
		if (this.reader.byob === byob)
			return;
		S.readerRelease(this.reader);
		this.reader = byob ? S.acquireByobReader(this.stream) : S.acquireReader(this.stream);
		this.#forwardError(this.reader);
	}

	#pull(which) {
		if (this.reading) {
			this[`again${which}`] = true;
			return S.nothing();
		}
		this.reading = true;
		const branch = which === 1 ? this.branch1 : this.branch2;
		const request = S.byobRequest(branch.controller);
		if (request)
			this.#pullByob(request.view, which === 2);
		else
			this.#pullDefault();
		return S.nothing();
	}

	#pullAgain() {
		if (this.again1)
			this.#pull(1);
		else if (this.again2)
			this.#pull(2);
	}

	#copy(chunk) {
		try {
			return new Uint8Array(chunk);
		} catch (error) {
			S.byteError(this.branch1.controller, error);
			S.byteError(this.branch2.controller, error);
			this.done.resolve(S.readableCancel(this.stream, error));
			return null;
		}
	}

	#pullDefault() {
		this.#exchangeReader(false);
		S.readerRead(this.reader, {
			chunk: (chunk) => later(() => {
				this.again1 = this.again2 = false;
				let chunk2 = chunk;
				if (!this.canceled1 && !this.canceled2) {
					chunk2 = this.#copy(chunk);
					if (!chunk2)
						return;
				}
				if (!this.canceled1)
					S.byteEnqueue(this.branch1.controller, chunk);
				if (!this.canceled2)
					S.byteEnqueue(this.branch2.controller, chunk2);
				this.reading = false;
				this.#pullAgain();
			}),
			close: () => {
				this.reading = false;
				if (!this.canceled1)
					S.byteClose(this.branch1.controller);
				if (!this.canceled2)
					S.byteClose(this.branch2.controller);
				for (const branch of [this.branch1, this.branch2])
					if (branch.controller.pending.length > 0)
						S.byteRespond(branch.controller, 0);
				this.finishUncanceled();
			},
			error: () => {
				this.reading = false;
			},
		});
	}

	#pullByob(view, forBranch2) {
		this.#exchangeReader(true);
		const own = forBranch2 ? this.branch2 : this.branch1;
		const other = forBranch2 ? this.branch1 : this.branch2;
		const canceled = (branch) => (branch === this.branch1 ? this.canceled1 : this.canceled2);
		S.byobRead(this.reader, view, 1, {
			chunk: (chunk) => later(() => {
				this.again1 = this.again2 = false;
				if (!canceled(other)) {
					const copy = this.#copy(chunk);
					if (!copy)
						return;
					if (!canceled(own))
						S.byteRespondWithNewView(own.controller, chunk);
					S.byteEnqueue(other.controller, copy);
				} else if (!canceled(own)) {
					S.byteRespondWithNewView(own.controller, chunk);
				}
				this.reading = false;
				this.#pullAgain();
			}),
			close: (chunk) => {
				this.reading = false;
				if (!canceled(own))
					S.byteClose(own.controller);
				if (!canceled(other))
					S.byteClose(other.controller);
				if (chunk !== undefined) {
					if (!canceled(own))
						S.byteRespondWithNewView(own.controller, chunk);
					if (!canceled(other) && other.controller.pending.length > 0)
						S.byteRespond(other.controller, 0);
				}
				this.finishUncanceled();
			},
			error: () => {
				this.reading = false;
			},
		});
	}
}

function byteTee(stream) {
	const tee = new ByteTee(stream);
	return [tee.branch1, tee.branch2];
}

// --- pipeTo ---

S.pipeOptions = (options) => {
	const d = dictionary(options, 'options');
	const out = {
		preventAbort: !!d.preventAbort,
		preventCancel: !!d.preventCancel,
		preventClose: !!d.preventClose,
		signal: d.signal,
	};
	if (out.signal !== undefined && !internals.isAbortSignal(out.signal))
		throw new TypeError('options.signal is not an AbortSignal');
	return out;
};

// It is the request of its own reads.
class Pipe {
	#shuttingDown = false;
	#reading = false;
	#writes = 0; // chunks that were read and are not written yet
	#allWritten = null; // what waits for them
	#wrote = () => {
		if (--this.#writes === 0 && this.#allWritten)
			later(this.#allWritten);
	};
	#writeRequest = { resolve: this.#wrote, reject: this.#wrote };
	#next = () => this.#loop();
	#readOne = () => this.#step();
	#abort = null;

	constructor(source, dest, options) {
		this.source = source;
		this.dest = dest;
		this.options = options;
		this.reader = S.acquireReader(source);
		this.writer = S.acquireWriter(dest);
		source.disturbed = true;
		this.result = S.deferred();
	}

	run() {
		const { signal } = this.options;
		if (signal) {
			this.#abort = () => this.#onAbort(signal.reason);
			if (signal.aborted) {
				this.#abort();
				return;
			}
			internals.addAbortAlgorithm(signal, this.#abort);
		}
		this.#watch();
		if (!this.#shuttingDown)
			upon(this.writer.ready, this.#readOne);
	}

	#onAbort(error) {
		const { preventAbort, preventCancel } = this.options;
		const { source, dest } = this;
		this.#shutdown(() => {
			const actions = [];
			if (!preventAbort)
				actions.push(dest.state === 'writable' ? S.writableAbort(dest, error) : S.nothing());
			if (!preventCancel)
				actions.push(source.state === 'readable' ? S.readableCancel(source, error) : S.nothing());
			return all(actions);
		}, true, error);
	}

	// Errors and ends must be propagated whether or not a write is going on.
	#watch() {
		const { source, dest, reader, writer } = this;
		const { preventAbort, preventCancel, preventClose } = this.options;
		whenErrored(source, reader.closed, (error) => this.#shutdown(
			preventAbort ? null : () => S.writableAbort(dest, error), true, error));
		whenErrored(dest, writer.closed, (error) => this.#shutdown(
			preventCancel ? null : () => S.readableCancel(source, error), true, error));
		whenClosed(source, reader.closed, () => this.#shutdown(
			preventClose ? null : () => S.writerCloseWithErrorPropagation(writer), false));
		if (S.closeQueuedOrInFlight(dest) || dest.state === 'closed') {
			const error = new TypeError('The destination of the pipe is closed');
			this.#shutdown(preventCancel ? null : () => S.readableCancel(source, error), true, error);
		}
	}

	#loop() {
		const { ready } = this.writer;
		if (this.#shuttingDown)
			return;
		if (ready.pending)
			upon(ready, this.#readOne);
		else if (!ready.rejected)
			this.#step();
	}

	#step() {
		if (this.#shuttingDown)
			return;
		this.#reading = true;
		S.readerRead(this.reader, this);
		this.#reading = false;
	}

	chunk(chunk) {
		this.#writes++;
		if (this.#reading) {
			S.writerWriteFor(this.writer, chunk, this.#writeRequest);
			// Synchronous chunks must not starve the microtasks that propagate errors.
			later(this.#next);
			return;
		}
		// Whoever enqueues must not find himself in the sink's write().
		later(() => {
			S.writerWriteFor(this.writer, chunk, this.#writeRequest);
			this.#loop();
		});
	}

	close() {}

	error() {}

	#shutdown(action, failed, error) {
		if (this.#shuttingDown)
			return;
		this.#shuttingDown = true;
		const act = () => {
			if (!action) {
				this.#finalize(failed, error);
				return;
			}
			upon(action(), () => this.#finalize(failed, error), (e) => this.#finalize(true, e));
		};
		if (this.dest.state === 'writable' && !S.closeQueuedOrInFlight(this.dest))
			this.#whenWritten(act);
		else
			act();
	}

	#whenWritten(act) {
		if (this.#writes === 0)
			later(act);
		else
			this.#allWritten = act;
	}

	#finalize(failed, error) {
		S.writerRelease(this.writer);
		S.readerRelease(this.reader);
		if (this.#abort)
			internals.removeAbortAlgorithm(this.options.signal, this.#abort);
		if (failed)
			this.result.reject(error);
		else
			this.result.resolve(undefined);
	}
}

function whenErrored(stream, closed, action) {
	if (stream.state === 'errored')
		action(stream.storedError);
	else
		upon(closed, undefined, action);
}

function whenClosed(stream, closed, action) {
	if (stream.state === 'closed')
		action();
	else
		upon(closed, action);
}

// Waits for all of them; the first rejection counts.
function all(promises) {
	if (promises.length === 0)
		return S.nothing();
	const d = S.deferred();
	let left = promises.length;
	for (const p of promises)
		upon(p, () => --left === 0 && d.resolve(), (error) => d.reject(error));
	return d.promise;
}

S.pipeTo = (source, dest, options) => {
	const pipe = new Pipe(source, dest, options);
	pipe.run();
	return pipe.result.promise;
};

// --- ReadableStream.from ---

// { next, return } of anything that is iterable, asynchronously or not.
function iteratorOf(iterable) {
	if (typeof iterable === 'string')
		iterable = Object(iterable);
	if (!isObject(iterable))
		throw new TypeError('ReadableStream.from: the argument is not iterable');
	let method = iterable[Symbol.asyncIterator];
	const sync = method === undefined || method === null;
	if (sync)
		method = iterable[Symbol.iterator];
	if (typeof method !== 'function')
		throw new TypeError('ReadableStream.from: the argument is not iterable');
	const iterator = ReflectApply(method, iterable, []);
	if (!isObject(iterator))
		throw new TypeError('ReadableStream.from: the iterator is not an object');
	return { iterator, next: iterator.next, sync };
}

S.readableFrom = (iterable) => {
	const { iterator, next, sync } = iteratorOf(iterable);
	let stream;
	const pull = () => {
		const step = S.promiseCall(next, iterator, []);
		return promiseThen(step, (result) => {
			if (!isObject(result))
				throw new TypeError('The iterator gave no object');
			if (result.done) {
				S.controllerClose(stream.controller);
				return undefined;
			}
			const { value } = result;
			if (!sync) {
				S.controllerEnqueue(stream.controller, value);
				return undefined;
			}
			return promiseThen(resolvedWith(value),
				(v) => S.controllerEnqueue(stream.controller, v));
		});
	};
	const cancel = (reason) => {
		let method;
		try {
			method = iterator.return;
		} catch (error) {
			return rejectedWith(error);
		}
		if (method === undefined || method === null)
			return S.nothing();
		return promiseThen(S.promiseCall(method, iterator, [reason]), (result) => {
			if (!isObject(result))
				throw new TypeError('The iterator gave no object');
		});
	};
	stream = S.createReadable(() => undefined, pull, cancel, 0);
	return stream;
};

// --- asynchronous iteration ---

class IteratorState {
	ongoing = null;
	finished = false;

	constructor(stream, preventCancel) {
		this.reader = S.acquireReader(stream);
		this.preventCancel = preventCancel;
	}

	// Calls never overlap: each waits for the one before.
	enqueue(step) {
		this.ongoing = this.ongoing ? promiseThen(this.ongoing, step, step) : step();
		return this.ongoing;
	}

	// One turn behind the read, as Web IDL has it: pull() comes before what follows this result.
	#settle(promise) {
		return promiseThen(promise, (result) => {
			this.ongoing = null;
			return result;
		}, (error) => {
			this.ongoing = null;
			throw error;
		});
	}

	next() {
		if (this.finished)
			return resolvedWith({ value: undefined, done: true });
		const d = S.deferred();
		S.readerRead(this.reader, {
			chunk: (value) => d.resolve({ value, done: false }),
			close: () => {
				this.finished = true;
				S.readerRelease(this.reader);
				d.resolve({ value: undefined, done: true });
			},
			error: (error) => {
				this.finished = true;
				S.readerRelease(this.reader);
				d.reject(error);
			},
		});
		return this.#settle(d.promise);
	}

	return(value) {
		const done = { value, done: true };
		if (this.finished)
			return resolvedWith(done);
		this.finished = true;
		if (this.preventCancel) {
			S.readerRelease(this.reader);
			return resolvedWith(done);
		}
		const result = S.readableCancel(this.reader.stream, value);
		S.readerRelease(this.reader);
		return promiseThen(result, () => done);
	}
}

const iterators = new WeakMap();

function iteratorState(object) {
	const state = iterators.get(object);
	if (!state)
		throw new TypeError('Illegal invocation: not an iterator of a ReadableStream');
	return state;
}

const IteratorProto = Object.create(AsyncIteratorPrototype);
const iteratorMethods = {
	next() {
		try {
			const state = iteratorState(this);
			return state.enqueue(() => state.next());
		} catch (error) {
			return rejectedWith(error);
		}
	},
	return(value = undefined) {
		try {
			const state = iteratorState(this);
			return state.enqueue(() => state.return(value));
		} catch (error) {
			return rejectedWith(error);
		}
	},
};
Object.defineProperty(iteratorMethods.return, 'length', { value: 1, configurable: true });
for (const name of ['next', 'return'])
	Object.defineProperty(IteratorProto, name, {
		value: iteratorMethods[name], writable: true, enumerable: true, configurable: true,
	});

S.iterate = (stream, preventCancel) => {
	const iterator = Object.create(IteratorProto);
	iterators.set(iterator, new IteratorState(stream, preventCancel));
	return iterator;
};

// --- for bodies ---

// All bytes of a stream. A chunk that is not a Uint8Array is a TypeError.
S.readAllBytes = (stream) => {
	const reader = S.acquireReader(stream);
	const d = S.deferred();
	const chunks = [];
	let length = 0;
	const request = {
		chunk(chunk) {
			if (viewTag(chunk) !== 'Uint8Array') {
				const error = new TypeError('A chunk of the body is not a Uint8Array');
				markHandled(S.readableCancel(stream, error));
				d.reject(error);
				return;
			}
			chunks.push(chunk);
			length += chunk.byteLength;
			next();
		},
		close: () => d.resolve(join(chunks, length)),
		error: (error) => d.reject(error),
	};
	// Chunks that are there at once must not become recursion.
	let calling = false;
	let wanted = false;
	function next() {
		wanted = true;
		if (calling)
			return;
		calling = true;
		while (wanted) {
			wanted = false;
			S.readerRead(reader, request);
		}
		calling = false;
	}
	next();
	return d.promise;
};

function join(chunks, length) {
	if (chunks.length === 1 && chunks[0].byteLength === chunks[0].buffer.byteLength)
		return chunks[0];
	const out = new Uint8Array(length);
	let at = 0;
	for (let i = 0; i < chunks.length; i++) {
		out.set(chunks[i], at);
		at += chunks[i].byteLength;
	}
	return out;
}

// A byte stream that gives one chunk and ends.
S.streamOfBytes = (bytes) => {
	const stream = S.createReadableBytes((c) => {
		if (bytes.byteLength > 0)
			S.byteEnqueue(c, bytes);
		S.byteClose(c);
	}, S.nothing, S.nothing);
	return stream.wrapper;
};
