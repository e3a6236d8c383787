// SPDX-License-Identifier: Apache-2.0
// WritableStream, its writer and its controller (WHATWG Streams, section 5).
'use strict';

const { expose, guardConstructor, secret, isObject } = internals.webidl;
const { ReflectApply } = internals.primordials;
const S = internals.streams;
const { deferred } = S;

const CLOSE = Symbol('close'); // stands in the queue for the end

class WritableState {
	state = 'writable';
	storedError = undefined;
	writer = null;
	controller = null;
	inFlightWrite = null;
	closeRequest = null;
	inFlightClose = null;
	pendingAbort = null; // { deferred, reason, wasAlreadyErroring }
	writeRequests = new S.Fifo();
	backpressure = false;
	wrapper = null;
}

class WritableControllerState {
	stream;
	queue = new S.SizedQueue();
	started = false;
	mark;
	size;
	writeAlgorithm;
	closeAlgorithm;
	abortAlgorithm;
	written = () => finishInFlightWrite(this);
	writeFailed = (error) => finishInFlightWriteWithError(this, error);
	signal = null; // made when it is asked for
	aborted = false;
	wrapper;

	constructor(stream) {
		this.stream = stream;
		this.wrapper = new WritableStreamDefaultController(secret, this);
	}

	abortSignal() {
		if (!this.signal) {
			this.signal = internals.newAbortSignal();
			if (this.aborted)
				internals.abortSignal(this.signal, this.abortReason);
		}
		return this.signal;
	}

	signalAbort(reason) {
		if (this.aborted)
			return;
		this.aborted = true;
		this.abortReason = reason;
		if (this.signal)
			internals.abortSignal(this.signal, reason);
	}
}

class WriterState {
	stream = null;
	closed = null;
	ready = null;
	wrapper = null;
}

// --- the stream ---

S.createWritable = (start, write, close, abort, mark = 1, size = () => 1) => {
	const stream = new WritableState();
	stream.wrapper = new WritableStream(secret, stream);
	setUpController(
		stream, new WritableControllerState(stream), start, write, close, abort, mark, size);
	return stream;
};

S.isWritableLocked = (stream) => stream.writer !== null;

S.writableAbort = (stream, reason) => {
	if (stream.state === 'closed' || stream.state === 'errored')
		return S.nothing();
	stream.controller.signalAbort(reason);
	if (stream.state === 'closed' || stream.state === 'errored')
		return S.nothing();
	if (stream.pendingAbort)
		return stream.pendingAbort.deferred.promise;
	const wasAlreadyErroring = stream.state === 'erroring';
	if (wasAlreadyErroring)
		reason = undefined;
	const d = deferred();
	stream.pendingAbort = { deferred: d, reason, wasAlreadyErroring };
	if (!wasAlreadyErroring)
		startErroring(stream, reason);
	return d.promise;
};

S.writableClose = (stream) => {
	if (stream.state === 'closed' || stream.state === 'errored')
		return S.rejectedWith(new TypeError(`The stream is ${stream.state} and cannot be closed`));
	const d = (stream.closeRequest = deferred());
	if (stream.writer && stream.backpressure && stream.state === 'writable')
		stream.writer.ready.resolve();
	stream.controller.queue.enqueue(CLOSE, 0);
	advance(stream.controller);
	return d.promise;
};

S.closeQueuedOrInFlight = (stream) => stream.closeRequest !== null || stream.inFlightClose !== null;

function dealWithRejection(stream, error) {
	if (stream.state === 'writable')
		startErroring(stream, error);
	else
		finishErroring(stream);
}

function startErroring(stream, reason) {
	stream.state = 'erroring';
	stream.storedError = reason;
	if (stream.writer)
		S.ensureRejected(stream.writer, 'ready', reason);
	if (!stream.inFlightWrite && !stream.inFlightClose && stream.controller.started)
		finishErroring(stream);
}

function finishErroring(stream) {
	if (stream.inFlightWrite || stream.inFlightClose)
		return;
	stream.state = 'errored';
	stream.controller.queue.reset();
	while (stream.writeRequests.length > 0)
		stream.writeRequests.shift().reject(stream.storedError);
	const abort = stream.pendingAbort;
	if (!abort) {
		rejectCloseAndClosed(stream);
		return;
	}
	stream.pendingAbort = null;
	if (abort.wasAlreadyErroring) {
		abort.deferred.reject(stream.storedError);
		rejectCloseAndClosed(stream);
		return;
	}
	const { abortAlgorithm } = stream.controller;
	clearAlgorithms(stream.controller);
	S.upon(abortAlgorithm(abort.reason), () => {
		abort.deferred.resolve();
		rejectCloseAndClosed(stream);
	}, (error) => {
		abort.deferred.reject(error);
		rejectCloseAndClosed(stream);
	});
}

function rejectCloseAndClosed(stream) {
	if (stream.closeRequest) {
		stream.closeRequest.reject(stream.storedError);
		stream.closeRequest = null;
	}
	if (stream.writer) {
		stream.writer.closed.handle();
		stream.writer.closed.reject(stream.storedError);
	}
}

function finishInFlightClose(stream) {
	stream.inFlightClose.resolve();
	stream.inFlightClose = null;
	if (stream.state === 'erroring') {
		stream.storedError = undefined;
		if (stream.pendingAbort) {
			stream.pendingAbort.deferred.resolve();
			stream.pendingAbort = null;
		}
	}
	stream.state = 'closed';
	stream.writer?.closed.resolve();
}

function finishInFlightCloseWithError(stream, error) {
	stream.inFlightClose.reject(error);
	stream.inFlightClose = null;
	if (stream.pendingAbort) {
		stream.pendingAbort.deferred.reject(error);
		stream.pendingAbort = null;
	}
	dealWithRejection(stream, error);
}

function updateBackpressure(stream, backpressure) {
	if (stream.writer && backpressure !== stream.backpressure) {
		if (backpressure)
			stream.writer.ready = deferred();
		else
			stream.writer.ready.resolve();
	}
	stream.backpressure = backpressure;
}

// --- the controller ---

function setUpController(stream, controller, start, write, close, abort, mark, size) {
	stream.controller = controller;
	controller.size = size;
	controller.mark = mark;
	controller.writeAlgorithm = write;
	controller.closeAlgorithm = close;
	controller.abortAlgorithm = abort;
	updateBackpressure(stream, desiredSize(controller) <= 0);
	S.upon(S.resolvedWith(start(controller)), () => {
		controller.started = true;
		advance(controller);
	}, (error) => {
		controller.started = true;
		dealWithRejection(stream, error);
	});
}

function setUpFromSink(stream, sink, abort, close, start, write, mark, size) {
	const controller = new WritableControllerState(stream);
	setUpController(stream, controller,
		start ? () => ReflectApply(start, sink, [controller.wrapper]) : () => undefined,
		write ? (chunk) => S.chunkCall(write, sink, [chunk, controller.wrapper]) : () => undefined,
		close ? () => S.promiseCall(close, sink, []) : S.nothing,
		abort ? (reason) => S.promiseCall(abort, sink, [reason]) : S.nothing, mark, size);
}

function clearAlgorithms(controller) {
	controller.writeAlgorithm = controller.closeAlgorithm = controller.abortAlgorithm = undefined;
	controller.size = undefined;
}

function desiredSize(controller) {
	return controller.mark - controller.queue.totalSize;
}

function chunkSize(controller, chunk) {
	if (controller.size === undefined)
		return 1;
	try {
		return controller.size(chunk);
	} catch (error) {
		S.writableErrorIfNeeded(controller, error);
		return 1;
	}
}

function enqueueWrite(controller, chunk, size) {
	const { stream } = controller;
	try {
		controller.queue.enqueue(chunk, size);
	} catch (error) {
		S.writableErrorIfNeeded(controller, error);
		return;
	}
	if (!S.closeQueuedOrInFlight(stream) && stream.state === 'writable')
		updateBackpressure(stream, desiredSize(controller) <= 0);
	advance(controller);
}

S.writableErrorIfNeeded = (controller, error) => {
	if (controller.stream.state === 'writable')
		controllerError(controller, error);
};

function controllerError(controller, error) {
	clearAlgorithms(controller);
	startErroring(controller.stream, error);
}

function advance(controller) {
	const { stream } = controller;
	if (!controller.started || stream.inFlightWrite)
		return;
	if (stream.state === 'erroring') {
		finishErroring(stream);
		return;
	}
	if (controller.queue.length === 0)
		return;
	const chunk = controller.queue.peek();
	if (chunk === CLOSE)
		processClose(controller);
	else
		processWrite(controller, chunk);
}

function processClose(controller) {
	const { stream } = controller;
	stream.inFlightClose = stream.closeRequest;
	stream.closeRequest = null;
	controller.queue.dequeue();
	const done = controller.closeAlgorithm();
	clearAlgorithms(controller);
	S.upon(done, () => finishInFlightClose(stream),
		(error) => finishInFlightCloseWithError(stream, error));
}

function processWrite(controller, chunk) {
	const { stream } = controller;
	stream.inFlightWrite = stream.writeRequests.shift();
	S.upon(controller.writeAlgorithm(chunk), controller.written, controller.writeFailed);
}

function finishInFlightWrite(controller) {
	const { stream } = controller;
	stream.inFlightWrite.resolve();
	stream.inFlightWrite = null;
	controller.queue.dequeue();
	if (!S.closeQueuedOrInFlight(stream) && stream.state === 'writable')
		updateBackpressure(stream, desiredSize(controller) <= 0);
	advance(controller);
}

function finishInFlightWriteWithError(controller, error) {
	const { stream } = controller;
	if (stream.state === 'writable')
		clearAlgorithms(controller);
	stream.inFlightWrite.reject(error);
	stream.inFlightWrite = null;
	dealWithRejection(stream, error);
}

// --- the writer ---

S.acquireWriter = (stream) => {
	const writer = new WriterState();
	setUpWriter(writer, stream);
	return writer;
};

function setUpWriter(writer, stream) {
	if (stream.writer)
		throw new TypeError('The WritableStream is locked to a writer');
	writer.stream = stream;
	stream.writer = writer;
	switch (stream.state) {
	case 'writable':
		writer.ready = !S.closeQueuedOrInFlight(stream) && stream.backpressure
			? deferred() : S.settled();
		writer.closed = deferred();
		break;
	case 'erroring':
		writer.ready = S.failed(stream.storedError);
		writer.closed = deferred();
		break;
	case 'closed':
		writer.ready = S.settled();
		writer.closed = S.settled();
		break;
	default:
		writer.ready = S.failed(stream.storedError);
		writer.closed = S.failed(stream.storedError);
	}
}

function writerDesiredSize(writer) {
	const { stream } = writer;
	if (stream.state === 'errored' || stream.state === 'erroring')
		return null;
	return stream.state === 'closed' ? 0 : desiredSize(stream.controller);
}
S.writerDesiredSize = writerDesiredSize;

S.writerCloseWithErrorPropagation = (writer) => {
	const { stream } = writer;
	if (S.closeQueuedOrInFlight(stream) || stream.state === 'closed')
		return S.nothing();
	if (stream.state === 'errored')
		return S.rejectedWith(stream.storedError);
	return S.writableClose(stream);
};

S.writerRelease = (writer) => {
	const { stream } = writer;
	const released = new TypeError('The writer has been released');
	S.ensureRejected(writer, 'ready', released);
	S.ensureRejected(writer, 'closed', released);
	stream.writer = null;
	writer.stream = null;
};

// request: { resolve(), reject(error) }
S.writerWriteFor = (writer, chunk, request) => {
	const { stream } = writer;
	const { controller } = stream;
	const size = chunkSize(controller, chunk);
	if (stream !== writer.stream) {
		request.reject(new TypeError('The writer has been released'));
	} else if (stream.state === 'errored') {
		request.reject(stream.storedError);
	} else if (S.closeQueuedOrInFlight(stream) || stream.state === 'closed') {
		request.reject(new TypeError('The stream is closing or closed'));
	} else if (stream.state === 'erroring') {
		request.reject(stream.storedError);
	} else {
		stream.writeRequests.push(request);
		enqueueWrite(controller, chunk, size);
	}
};

S.writerWrite = (writer, chunk) => {
	const d = deferred();
	S.writerWriteFor(writer, chunk, d);
	return d.promise;
};

// --- public classes ---

class WritableStream {
	#s;

	constructor(underlyingSink = undefined, strategy = undefined) {
		if (underlyingSink === secret) {
			this.#s = strategy;
			return;
		}
		const sink = S.underlying(underlyingSink, 'underlyingSink');
		const [wanted, size] = S.strategy(strategy, 1);
		const abort = S.method(sink, 'abort');
		const close = S.method(sink, 'close');
		const start = S.method(sink, 'start');
		if (sink.type !== undefined)
			throw new RangeError('underlyingSink.type is reserved');
		const write = S.method(sink, 'write');
		this.#s = new WritableState();
		this.#s.wrapper = this;
		setUpFromSink(this.#s, sink, abort, close, start, write, S.checkMark(wanted),
			S.sizeAlgorithm(size));
	}

	get locked() {
		return S.isWritableLocked(this.#s);
	}

	abort(reason = undefined) {
		if (!S.isWritable(this))
			return S.rejectedWith(new TypeError('Illegal invocation: not a WritableStream'));
		if (S.isWritableLocked(this.#s))
			return S.rejectedWith(new TypeError('The stream is locked and cannot be aborted'));
		return S.writableAbort(this.#s, reason);
	}

	close() {
		if (!S.isWritable(this))
			return S.rejectedWith(new TypeError('Illegal invocation: not a WritableStream'));
		if (S.isWritableLocked(this.#s))
			return S.rejectedWith(new TypeError('The stream is locked and cannot be closed'));
		if (S.closeQueuedOrInFlight(this.#s))
			return S.rejectedWith(new TypeError('The stream is being closed already'));
		return S.writableClose(this.#s);
	}

	getWriter() {
		return new WritableStreamDefaultWriter(secret, S.acquireWriter(this.#s));
	}

	static {
		S.isWritable = (value) => isObject(value) && #s in value;
		S.writableState = (wrapper) => wrapper.#s;
	}
}

class WritableStreamDefaultWriter {
	#s;

	constructor(stream) {
		if (stream === secret) {
			this.#s = arguments[1];
		} else {
			if (!S.isWritable(stream))
				throw new TypeError('WritableStreamDefaultWriter: the argument is not a WritableStream');
			this.#s = S.acquireWriter(S.writableState(stream));
		}
		this.#s.wrapper = this;
	}

	get closed() {
		if (!isObject(this) || !(#s in this))
			return S.rejectedWith(illegalWriter());
		return this.#s.closed.promise;
	}

	get desiredSize() {
		if (!this.#s.stream)
			throw new TypeError('The writer has been released');
		return writerDesiredSize(this.#s);
	}

	get ready() {
		if (!isObject(this) || !(#s in this))
			return S.rejectedWith(illegalWriter());
		return this.#s.ready.promise;
	}

	abort(reason = undefined) {
		if (!isObject(this) || !(#s in this))
			return S.rejectedWith(illegalWriter());
		if (!this.#s.stream)
			return S.rejectedWith(new TypeError('The writer has been released'));
		return S.writableAbort(this.#s.stream, reason);
	}

	close() {
		if (!isObject(this) || !(#s in this))
			return S.rejectedWith(illegalWriter());
		const { stream } = this.#s;
		if (!stream)
			return S.rejectedWith(new TypeError('The writer has been released'));
		if (S.closeQueuedOrInFlight(stream))
			return S.rejectedWith(new TypeError('The stream is being closed already'));
		return S.writableClose(stream);
	}

	releaseLock() {
		if (this.#s.stream)
			S.writerRelease(this.#s);
	}

	write(chunk = undefined) {
		if (!isObject(this) || !(#s in this))
			return S.rejectedWith(illegalWriter());
		if (!this.#s.stream)
			return S.rejectedWith(new TypeError('The writer has been released'));
		return S.writerWrite(this.#s, chunk);
	}
}

function illegalWriter() {
	return new TypeError('Illegal invocation: not a WritableStreamDefaultWriter');
}

class WritableStreamDefaultController {
	#s;

	constructor() {
		guardConstructor(arguments[0]);
		this.#s = arguments[1];
	}

	get signal() {
		return this.#s.abortSignal();
	}

	error(reason = undefined) {
		S.writableErrorIfNeeded(this.#s, reason);
	}
}

expose(WritableStream, WritableStreamDefaultWriter, WritableStreamDefaultController);
