// SPDX-License-Identifier: Apache-2.0
// ReadableStream, the default reader and the default controller (WHATWG Streams, section 4).
// Byte streams are in readable_bytes.js; tee, pipes and iteration in readable_pipe.js.
'use strict';

const { expose, guardConstructor, secret, isObject, integer, dictionary, requireArguments } =
	internals.webidl;
const { markHandled, ReflectApply } = internals.primordials;
const S = internals.streams;

class ReadableState {
	state = 'readable';
	storedError = undefined;
	reader = null;
	controller = null;
	disturbed = false;
	wrapper = null;
}

class ReaderState {
	stream = null;
	closed = null;
	byob = false;
	requests = new S.Fifo(); // of { chunk(value), close(value), error(reason) }
	wrapper = null;
}
S.ReaderState = ReaderState;

// --- the stream ---

S.createReadable = (start, pull, cancel, mark = 1, size = () => 1) => {
	const stream = new ReadableState();
	stream.wrapper = new ReadableStream(secret, stream);
	setUpController(stream, new DefaultController(stream), start, pull, cancel, mark, size);
	return stream;
};

S.createReadableBytes = (start, pull, cancel, mark = 0) => {
	const stream = new ReadableState();
	stream.wrapper = new ReadableStream(secret, stream);
	S.setUpByteController(stream, start, pull, cancel, mark, undefined);
	return stream;
};

S.isReadableLocked = (stream) => stream.reader !== null;

S.readableCancel = (stream, reason) => {
	stream.disturbed = true;
	if (stream.state === 'closed')
		return S.nothing();
	if (stream.state === 'errored')
		return S.rejectedWith(stream.storedError);
	S.readableClose(stream);
	const { reader } = stream;
	if (reader?.byob)
		while (reader.requests.length > 0)
			reader.requests.shift().close(undefined);
	return internals.primordials.promiseThen(stream.controller.cancelSteps(reason), () => undefined);
};

S.readableClose = (stream) => {
	stream.state = 'closed';
	const { reader } = stream;
	if (!reader)
		return;
	reader.closed.resolve();
	if (!reader.byob)
		while (reader.requests.length > 0)
			reader.requests.shift().close();
};

S.readableError = (stream, error) => {
	stream.state = 'errored';
	stream.storedError = error;
	const { reader } = stream;
	if (!reader)
		return;
	reader.closed.handle();
	reader.closed.reject(error);
	S.errorRequests(reader, error);
};

S.errorRequests = (reader, error) => {
	const { requests } = reader;
	reader.requests = new S.Fifo();
	while (requests.length > 0)
		requests.shift().error(error);
};

S.fulfillRead = (stream, chunk, done) => {
	const request = stream.reader.requests.shift();
	if (done)
		request.close(chunk);
	else
		request.chunk(chunk);
};

S.hasDefaultReader = (stream) => stream.reader !== null && !stream.reader.byob;

// --- readers ---

S.readerInitialize = (reader, stream) => {
	reader.stream = stream;
	stream.reader = reader;
	if (stream.state === 'readable')
		reader.closed = S.deferred();
	else if (stream.state === 'closed')
		reader.closed = S.settled();
	else
		reader.closed = S.failed(stream.storedError);
};

S.acquireReader = (stream) => {
	if (stream.reader)
		throw new TypeError('The ReadableStream is locked to a reader');
	const reader = new ReaderState();
	S.readerInitialize(reader, stream);
	return reader;
};

S.readerRead = (reader, request) => {
	const { stream } = reader;
	stream.disturbed = true;
	if (stream.state === 'closed')
		request.close();
	else if (stream.state === 'errored')
		request.error(stream.storedError);
	else
		stream.controller.pullSteps(request);
};

S.readerRelease = (reader) => {
	const { stream } = reader;
	const released = new TypeError('The reader has been released');
	S.ensureRejected(reader, 'closed', released);
	stream.controller.releaseSteps();
	stream.reader = null;
	reader.stream = null;
	S.errorRequests(reader, released);
};

// --- the default controller ---

class DefaultController {
	stream;
	queue = new S.SizedQueue();
	started = false;
	closeRequested = false;
	pulling = false;
	pullAgain = false;
	pulled = null;
	pullFailed = null;
	mark;
	size;
	pullAlgorithm;
	cancelAlgorithm;
	wrapper;

	constructor(stream) {
		this.stream = stream;
		this.wrapper = new ReadableStreamDefaultController(secret, this);
	}

	cancelSteps(reason) {
		this.queue.reset();
		const result = this.cancelAlgorithm(reason);
		clearAlgorithms(this);
		return result;
	}

	pullSteps(request) {
		if (this.queue.length === 0) {
			this.stream.reader.requests.push(request);
			callPull(this);
			return;
		}
		const chunk = this.queue.dequeue();
		if (this.closeRequested && this.queue.length === 0) {
			clearAlgorithms(this);
			S.readableClose(this.stream);
		} else {
			callPull(this);
		}
		request.chunk(chunk);
	}

	releaseSteps() {}
}

function setUpController(stream, controller, start, pull, cancel, mark, size) {
	stream.controller = controller;
	controller.mark = mark;
	controller.size = size;
	controller.pullAlgorithm = pull;
	controller.cancelAlgorithm = cancel;
	S.upon(S.resolvedWith(start(controller)), () => {
		controller.started = true;
		callPull(controller);
	}, (error) => S.controllerError(controller, error));
}

function clearAlgorithms(controller) {
	controller.pullAlgorithm = controller.cancelAlgorithm = controller.size = undefined;
}

function shouldPull(controller) {
	const { stream } = controller;
	if (!S.controllerCanClose(controller) || !controller.started)
		return false;
	if (stream.reader && stream.reader.requests.length > 0)
		return true;
	return S.controllerDesiredSize(controller) > 0;
}

// One call of the user's pull() at a time; what is wanted meanwhile is asked for once more behind it.
S.pull = (controller, wanted, fail) => {
	if (!wanted(controller))
		return;
	if (controller.pulling) {
		controller.pullAgain = true;
		return;
	}
	controller.pulling = true;
	controller.pulled ??= () => {
		controller.pulling = false;
		if (controller.pullAgain) {
			controller.pullAgain = false;
			S.pull(controller, wanted, fail);
		}
	};
	controller.pullFailed ??= (error) => fail(controller, error);
	S.upon(controller.pullAlgorithm(), controller.pulled, controller.pullFailed);
};

function callPull(controller) {
	S.pull(controller, shouldPull, S.controllerError);
}

S.controllerCanClose = (controller) =>
	!controller.closeRequested && controller.stream.state === 'readable';

S.controllerDesiredSize = (controller) => {
	switch (controller.stream.state) {
	case 'errored': return null;
	case 'closed': return 0;
	default: return controller.mark - controller.queue.totalSize;
	}
};

S.controllerHasBackpressure = (controller) => !shouldPull(controller);

S.controllerClose = (controller) => {
	if (!S.controllerCanClose(controller))
		return;
	controller.closeRequested = true;
	if (controller.queue.length === 0) {
		clearAlgorithms(controller);
		S.readableClose(controller.stream);
	}
};

S.controllerEnqueue = (controller, chunk) => {
	if (!S.controllerCanClose(controller))
		return;
	const { stream } = controller;
	if (stream.reader && stream.reader.requests.length > 0) {
		S.fulfillRead(stream, chunk, false);
	} else {
		try {
			controller.queue.enqueue(chunk, controller.size(chunk));
		} catch (error) {
			S.controllerError(controller, error);
			throw error;
		}
	}
	callPull(controller);
};

S.controllerError = (controller, error) => {
	if (controller.stream.state !== 'readable')
		return;
	controller.queue.reset();
	clearAlgorithms(controller);
	S.readableError(controller.stream, error);
};

// --- public classes ---

function setUpFromSource(stream, source, strategy) {
	const [wanted, size] = strategy;
	const autoAllocate = source.autoAllocateChunkSize;
	const chunkSize = autoAllocate === undefined ? undefined
		: integer(autoAllocate, 64, false, { enforceRange: true }, 'autoAllocateChunkSize');
	const cancel = S.method(source, 'cancel');
	const pull = S.method(source, 'pull');
	const start = S.method(source, 'start');
	const { type } = source;
	if (type !== undefined && `${type}` !== 'bytes')
		throw new TypeError(`underlyingSource.type is '${type}', not 'bytes'`);
	const steps = [
		start ? (c) => ReflectApply(start, source, [c.wrapper]) : () => undefined,
		pull ? () => S.chunkCall(pull, source, [stream.controller.wrapper]) : () => undefined,
		cancel ? (reason) => S.promiseCall(cancel, source, [reason]) : S.nothing,
	];
	if (type === undefined) {
		const mark = S.checkMark(wanted ?? 1);
		setUpController(stream, new DefaultController(stream), ...steps, mark, S.sizeAlgorithm(size));
		return;
	}
	if (size !== undefined)
		throw new RangeError('A byte stream takes no strategy with a size function');
	const mark = S.checkMark(wanted ?? 0);
	if (chunkSize === 0)
		throw new TypeError('autoAllocateChunkSize is 0');
	S.setUpByteController(stream, ...steps, mark, chunkSize);
}

class ReadableStream {
	#s;

	constructor(underlyingSource = undefined, strategy = undefined) {
		if (underlyingSource === secret) {
			this.#s = strategy;
			return;
		}
		const source = S.underlying(underlyingSource, 'underlyingSource');
		const parsed = S.strategy(strategy, undefined);
		this.#s = new ReadableState();
		this.#s.wrapper = this;
		setUpFromSource(this.#s, source, parsed);
	}

	static from(asyncIterable) {
		requireArguments(arguments.length, 1, 'ReadableStream.from');
		return S.readableFrom(asyncIterable).wrapper;
	}

	get locked() {
		return S.isReadableLocked(this.#s);
	}

	cancel(reason = undefined) {
		if (!S.isReadable(this))
			return S.rejectedWith(new TypeError('Illegal invocation: not a ReadableStream'));
		if (S.isReadableLocked(this.#s))
			return S.rejectedWith(new TypeError('The stream is locked and cannot be cancelled'));
		return S.readableCancel(this.#s, reason);
	}

	getReader(options = undefined) {
		void this.#s;
		const { mode } = dictionary(options, 'options');
		if (mode === undefined)
			return new ReadableStreamDefaultReader(secret, S.acquireReader(this.#s));
		if (`${mode}` !== 'byob')
			throw new TypeError(`getReader: mode '${mode}' is not 'byob'`);
		return S.newByobReader(this.#s);
	}

	pipeThrough(transform, options = undefined) {
		void this.#s;
		requireArguments(arguments.length, 1, 'pipeThrough');
		const pair = dictionary(transform, 'transform');
		const { readable } = pair;
		if (!S.isReadable(readable))
			throw new TypeError('pipeThrough: transform.readable is not a ReadableStream');
		const { writable } = pair;
		if (!S.isWritable(writable))
			throw new TypeError('pipeThrough: transform.writable is not a WritableStream');
		const pipe = S.pipeOptions(options);
		const to = S.writableState(writable);
		if (S.isReadableLocked(this.#s))
			throw new TypeError('pipeThrough: the stream is locked');
		if (S.isWritableLocked(to))
			throw new TypeError('pipeThrough: transform.writable is locked');
		markHandled(S.pipeTo(this.#s, to, pipe));
		return readable;
	}

	pipeTo(destination, options = undefined) {
		if (!S.isReadable(this))
			return S.rejectedWith(new TypeError('Illegal invocation: not a ReadableStream'));
		if (!S.isWritable(destination))
			return S.rejectedWith(new TypeError('pipeTo: the destination is not a WritableStream'));
		let pipe;
		try {
			pipe = S.pipeOptions(options);
		} catch (error) {
			return S.rejectedWith(error);
		}
		const to = S.writableState(destination);
		if (S.isReadableLocked(this.#s))
			return S.rejectedWith(new TypeError('pipeTo: the stream is locked'));
		if (S.isWritableLocked(to))
			return S.rejectedWith(new TypeError('pipeTo: the destination is locked'));
		return S.pipeTo(this.#s, to, pipe);
	}

	tee() {
		return S.readableTee(this.#s).map((branch) => branch.wrapper);
	}

	values(options = undefined) {
		void this.#s;
		return S.iterate(this.#s, !!dictionary(options, 'options').preventCancel);
	}

	static {
		S.isReadable = (value) => isObject(value) && #s in value;
		S.readableState = (wrapper) => wrapper.#s;
		internals.isDisturbed = (wrapper) => wrapper.#s.disturbed;
	}
}

// Of a reader of the user's.
class ReadRequest {
	constructor(resolve, reject) {
		this.resolve = resolve;
		this.error = reject;
	}

	chunk(value) {
		this.resolve({ value, done: false });
	}

	close() {
		this.resolve({ value: undefined, done: true });
	}
}

class ReadableStreamDefaultReader {
	#s;

	constructor(stream) {
		if (stream === secret) {
			this.#s = arguments[1];
		} else {
			if (!S.isReadable(stream))
				throw new TypeError('ReadableStreamDefaultReader: the argument is not a ReadableStream');
			this.#s = S.acquireReader(S.readableState(stream));
		}
		this.#s.wrapper = this;
	}

	read() {
		if (!isObject(this) || !(#s in this))
			return S.rejectedWith(illegalReader());
		if (!this.#s.stream)
			return S.rejectedWith(new TypeError('The reader has been released'));
		return new Promise((resolve, reject) => {
			S.readerRead(this.#s, new ReadRequest(resolve, reject));
		});
	}

	releaseLock() {
		if (this.#s.stream)
			S.readerRelease(this.#s);
	}

	get closed() {
		if (!isObject(this) || !(#s in this))
			return S.rejectedWith(illegalReader());
		return this.#s.closed.promise;
	}

	cancel(reason = undefined) {
		if (!isObject(this) || !(#s in this))
			return S.rejectedWith(illegalReader());
		if (!this.#s.stream)
			return S.rejectedWith(new TypeError('The reader has been released'));
		return S.readableCancel(this.#s.stream, reason);
	}
}

function illegalReader() {
	return new TypeError('Illegal invocation: not a ReadableStreamDefaultReader');
}

class ReadableStreamDefaultController {
	#s;

	constructor() {
		guardConstructor(arguments[0]);
		this.#s = arguments[1];
	}

	get desiredSize() {
		return S.controllerDesiredSize(this.#s);
	}

	close() {
		if (!S.controllerCanClose(this.#s))
			throw new TypeError('The stream is closing or closed');
		S.controllerClose(this.#s);
	}

	enqueue(chunk = undefined) {
		if (!S.controllerCanClose(this.#s))
			throw new TypeError('The stream is closing or closed');
		S.controllerEnqueue(this.#s, chunk);
	}

	error(reason = undefined) {
		S.controllerError(this.#s, reason);
	}
}

expose(ReadableStream, ReadableStreamDefaultReader, ReadableStreamDefaultController);
Object.defineProperty(ReadableStream.prototype, Symbol.asyncIterator, {
	value: ReadableStream.prototype.values, writable: true, enumerable: false, configurable: true,
});
