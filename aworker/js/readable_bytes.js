// SPDX-License-Identifier: Apache-2.0
// Byte streams: their controller, the BYOB reader and its request (WHATWG Streams, section 4.7).
'use strict';

const {
	expose, guardConstructor, secret, isObject, integer, dictionary, requireArguments, viewParts,
} = internals.webidl;
const { isView, viewTag, bufferByteLength, bufferSlice } = internals.primordials;
const { Uint8Array } = globalThis;
const S = internals.streams;

const CONSTRUCTORS = {
	__proto__: null, Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array,
	Uint32Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array,
};

function constructorOf(view) {
	const tag = viewTag(view);
	return tag === undefined ? DataView : CONSTRUCTORS[tag];
}

// A detached ArrayBuffer has no bytes and cannot be viewed.
function isDetached(buffer) {
	if (bufferByteLength(buffer) !== 0)
		return false;
	try {
		new Uint8Array(buffer);
		return false;
	} catch {
		return true;
	}
}

function transfer(buffer) {
	if (isDetached(buffer))
		throw new TypeError('The ArrayBuffer is detached');
	try {
		return internals.transferBuffer(buffer);
	} catch {
		throw new TypeError('The ArrayBuffer cannot be transferred');
	}
}

class ByteController {
	stream;
	queue = []; // of { buffer, offset, length }
	totalSize = 0;
	started = false;
	closeRequested = false;
	pulling = false;
	pullAgain = false;
	mark;
	pulled = null;
	pullFailed = null;
	pullAlgorithm;
	cancelAlgorithm;
	chunkSize;
	byobRequest = null;
	pending = []; // pull-into descriptors
	wrapper;

	constructor(stream) {
		this.stream = stream;
		this.wrapper = new ReadableByteStreamController(secret, this);
	}

	cancelSteps(reason) {
		clearPending(this);
		resetQueue(this);
		const result = this.cancelAlgorithm(reason);
		clearAlgorithms(this);
		return result;
	}

	pullSteps(request) {
		if (this.totalSize > 0) {
			fillFromQueue(this, request);
			return;
		}
		if (this.chunkSize !== undefined) {
			let buffer;
			try {
				buffer = new ArrayBuffer(this.chunkSize);
			} catch (error) {
				request.error(error);
				return;
			}
			this.pending.push(descriptor(buffer, 0, this.chunkSize, 1, 1, Uint8Array, 'default'));
		}
		this.stream.reader.requests.push(request);
		callPull(this);
	}

	releaseSteps() {
		if (this.pending.length > 0) {
			this.pending[0].reader = 'none';
			this.pending = [this.pending[0]];
		}
	}
}

function descriptor(buffer, offset, length, minimum, elementSize, type, reader) {
	return {
		buffer, bufferLength: bufferByteLength(buffer), offset, length, filled: 0, minimum,
		elementSize, type, reader,
	};
}

S.setUpByteController = (stream, start, pull, cancel, mark, chunkSize) => {
	const controller = new ByteController(stream);
	stream.controller = controller;
	controller.mark = mark;
	controller.pullAlgorithm = pull;
	controller.cancelAlgorithm = cancel;
	controller.chunkSize = chunkSize;
	S.upon(S.resolvedWith(start(controller)), () => {
		controller.started = true;
		callPull(controller);
	}, (error) => byteError(controller, error));
};
S.isByteController = (controller) => controller instanceof ByteController;

function resetQueue(controller) {
	controller.queue = [];
	controller.totalSize = 0;
}

function clearAlgorithms(controller) {
	controller.pullAlgorithm = controller.cancelAlgorithm = undefined;
}

function invalidateRequest(controller) {
	if (controller.byobRequest) {
		controller.byobRequest.controller = null;
		controller.byobRequest.view = null;
		controller.byobRequest = null;
	}
}

function clearPending(controller) {
	invalidateRequest(controller);
	controller.pending = [];
}

function shouldPull(controller) {
	const { stream } = controller;
	if (stream.state !== 'readable' || controller.closeRequested || !controller.started)
		return false;
	if (stream.reader && stream.reader.requests.length > 0)
		return true;
	return controller.mark - controller.totalSize > 0;
}

function callPull(controller) {
	S.pull(controller, shouldPull, byteError);
}

function byteError(controller, error) {
	if (controller.stream.state !== 'readable')
		return;
	clearPending(controller);
	resetQueue(controller);
	clearAlgorithms(controller);
	S.readableError(controller.stream, error);
}
S.byteError = byteError;

S.byteClose = (controller) => {
	const { stream } = controller;
	if (controller.closeRequested || stream.state !== 'readable')
		return;
	if (controller.totalSize > 0) {
		controller.closeRequested = true;
		return;
	}
	if (controller.pending.length > 0) {
		const first = controller.pending[0];
		if (first.filled % first.elementSize !== 0) {
			const error = new TypeError('The stream was closed in the middle of an element');
			byteError(controller, error);
			throw error;
		}
	}
	clearAlgorithms(controller);
	S.readableClose(stream);
};

S.byteEnqueue = (controller, chunk) => {
	const { stream } = controller;
	if (controller.closeRequested || stream.state !== 'readable')
		return;
	const { buffer, offset, length } = viewParts(chunk);
	const moved = transfer(buffer);
	if (controller.pending.length > 0) {
		const first = controller.pending[0];
		if (isDetached(first.buffer))
			throw new TypeError('The buffer of the BYOB request is detached');
		invalidateRequest(controller);
		first.buffer = transfer(first.buffer);
		if (first.reader === 'none')
			detachedToQueue(controller, first);
	}
	deliver(controller, moved, offset, length);
	callPull(controller);
};

function deliver(controller, buffer, offset, length) {
	const { stream } = controller;
	if (S.hasDefaultReader(stream)) {
		serveFromQueue(controller);
		if (stream.reader.requests.length === 0) {
			enqueueChunk(controller, buffer, offset, length);
			return;
		}
		if (controller.pending.length > 0)
			shiftPending(controller);
		S.fulfillRead(stream, new Uint8Array(buffer, offset, length), false);
	} else if (stream.reader) {
		enqueueChunk(controller, buffer, offset, length);
		for (const filled of fillPending(controller))
			commit(stream, filled);
	} else {
		enqueueChunk(controller, buffer, offset, length);
	}
}

function enqueueChunk(controller, buffer, offset, length) {
	controller.queue.push({ buffer, offset, length });
	controller.totalSize += length;
}

function enqueueClone(controller, buffer, offset, length) {
	let copy;
	try {
		copy = bufferSlice(buffer, offset, offset + length);
	} catch (error) {
		byteError(controller, error);
		throw error;
	}
	enqueueChunk(controller, copy, 0, length);
}

// Bytes that came for a reader that has gone go back to the queue.
function detachedToQueue(controller, d) {
	if (d.filled > 0)
		enqueueClone(controller, d.buffer, d.offset, d.filled);
	shiftPending(controller);
}

function serveFromQueue(controller) {
	const { reader } = controller.stream;
	while (reader.requests.length > 0 && controller.totalSize > 0)
		fillFromQueue(controller, reader.requests.shift());
}

function fillFromQueue(controller, request) {
	const { buffer, offset, length } = controller.queue.shift();
	controller.totalSize -= length;
	handleDrain(controller);
	request.chunk(new Uint8Array(buffer, offset, length));
}

function handleDrain(controller) {
	if (controller.totalSize === 0 && controller.closeRequested) {
		clearAlgorithms(controller);
		S.readableClose(controller.stream);
	} else {
		callPull(controller);
	}
}

// --- pull-into descriptors ---

function shiftPending(controller) {
	return controller.pending.shift();
}

function convert(d) {
	return new d.type(transfer(d.buffer), d.offset, d.filled / d.elementSize);
}

function commit(stream, d) {
	let done = false;
	if (stream.state === 'closed')
		done = true;
	const view = convert(d);
	S.fulfillRead(stream, view, done);
}

// True when `d` has enough to be given to its reader.
function fillDescriptor(controller, d) {
	const room = Math.min(controller.totalSize, d.length - d.filled);
	const most = d.filled + room;
	const aligned = most - (most % d.elementSize);
	const ready = aligned >= d.minimum;
	let left = ready ? aligned - d.filled : room;
	while (left > 0) {
		const head = controller.queue[0];
		const n = Math.min(left, head.length);
		new Uint8Array(d.buffer, d.offset + d.filled, n).set(
			new Uint8Array(head.buffer, head.offset, n));
		if (head.length === n) {
			controller.queue.shift();
		} else {
			head.offset += n;
			head.length -= n;
		}
		controller.totalSize -= n;
		d.filled += n;
		left -= n;
	}
	return ready;
}

function fillPending(controller) {
	const filled = [];
	while (controller.pending.length > 0 && controller.totalSize > 0 &&
		fillDescriptor(controller, controller.pending[0]))
		filled.push(shiftPending(controller));
	return filled;
}

function pullInto(controller, view, min, request) {
	const { stream } = controller;
	const type = constructorOf(view);
	const elementSize = type === DataView ? 1 : type.BYTES_PER_ELEMENT;
	const { buffer, offset, length } = viewParts(view);
	let moved;
	try {
		moved = transfer(buffer);
	} catch (error) {
		request.error(error);
		return;
	}
	const d = descriptor(moved, offset, length, min * elementSize, elementSize, type, 'byob');
	if (controller.pending.length > 0) {
		controller.pending.push(d);
		stream.reader.requests.push(request);
		return;
	}
	if (stream.state === 'closed') {
		request.close(new type(d.buffer, d.offset, 0));
		return;
	}
	if (controller.totalSize > 0) {
		if (fillDescriptor(controller, d)) {
			const filled = convert(d);
			handleDrain(controller);
			request.chunk(filled);
			return;
		}
		if (controller.closeRequested) {
			const error = new TypeError('The stream was closed in the middle of an element');
			byteError(controller, error);
			request.error(error);
			return;
		}
	}
	controller.pending.push(d);
	stream.reader.requests.push(request);
	callPull(controller);
}

// --- answers to a BYOB request ---

function respond(controller, written) {
	const first = controller.pending[0];
	if (controller.stream.state === 'closed') {
		if (written !== 0)
			throw new TypeError('respond: the stream is closed, nothing can be written');
	} else {
		if (written === 0)
			throw new TypeError('respond: 0 bytes are for a closed stream only');
		if (first.filled + written > first.length)
			throw new RangeError('respond: more bytes than the view holds');
	}
	first.buffer = transfer(first.buffer);
	respondInternal(controller, written);
}

function checkNewView(first, offset, length, buffer) {
	if (first.offset + first.filled !== offset)
		throw new RangeError('respondWithNewView: the view starts at another offset');
	if (first.bufferLength !== bufferByteLength(buffer))
		throw new RangeError('respondWithNewView: the buffer has another length');
	if (first.filled + length > first.length)
		throw new RangeError('respondWithNewView: the view is too long');
}

function respondWithNewView(controller, view) {
	const first = controller.pending[0];
	const { buffer, offset, length } = viewParts(view);
	if (controller.stream.state === 'closed') {
		if (length !== 0)
			throw new TypeError('respondWithNewView: the stream is closed');
	} else if (length === 0) {
		throw new TypeError('respondWithNewView: an empty view is for a closed stream only');
	}
	checkNewView(first, offset, length, buffer);
	first.buffer = transfer(buffer);
	respondInternal(controller, length);
}

function respondInternal(controller, written) {
	const first = controller.pending[0];
	invalidateRequest(controller);
	if (controller.stream.state === 'closed')
		respondClosed(controller, first);
	else
		respondReadable(controller, written, first);
	callPull(controller);
}

function respondClosed(controller, first) {
	const { stream } = controller;
	if (first.reader === 'none')
		shiftPending(controller);
	if (!stream.reader?.byob)
		return;
	const filled = [];
	while (filled.length < stream.reader.requests.length)
		filled.push(shiftPending(controller));
	for (const d of filled)
		commit(stream, d);
}

function respondReadable(controller, written, d) {
	const { stream } = controller;
	d.filled += written;
	if (d.reader === 'none') {
		detachedToQueue(controller, d);
		for (const filled of fillPending(controller))
			commit(stream, filled);
		return;
	}
	if (d.filled < d.minimum)
		return;
	shiftPending(controller);
	const rest = d.filled % d.elementSize;
	if (rest > 0) {
		const end = d.offset + d.filled;
		enqueueClone(controller, d.buffer, end - rest, rest);
	}
	d.filled -= rest;
	const more = fillPending(controller);
	commit(stream, d);
	for (const filled of more)
		commit(stream, filled);
}

S.byobRequest = (controller) => {
	if (!controller.byobRequest && controller.pending.length > 0) {
		const first = controller.pending[0];
		const state = {
			controller,
			view: new Uint8Array(first.buffer, first.offset + first.filled, first.length - first.filled),
			wrapper: null,
		};
		state.wrapper = new ReadableStreamBYOBRequest(secret, state);
		controller.byobRequest = state;
	}
	return controller.byobRequest;
};
S.byteRespond = respond;
S.byteRespondWithNewView = respondWithNewView;

// --- public classes ---

class ReadableStreamBYOBRequest {
	#s;

	constructor() {
		guardConstructor(arguments[0]);
		this.#s = arguments[1];
	}

	get view() {
		return this.#s.view;
	}

	respond(bytesWritten) {
		const state = this.#s;
		requireArguments(arguments.length, 1, 'respond');
		const n = integer(bytesWritten, 64, false, { enforceRange: true }, 'bytesWritten');
		if (!state.controller)
			throw new TypeError('The BYOB request has been answered');
		if (isDetached(viewParts(state.view).buffer))
			throw new TypeError('The buffer of the BYOB request is detached');
		respond(state.controller, n);
	}

	respondWithNewView(view) {
		const state = this.#s;
		requireArguments(arguments.length, 1, 'respondWithNewView');
		if (!isView(view))
			throw new TypeError('respondWithNewView: the argument is not a view');
		if (!state.controller)
			throw new TypeError('The BYOB request has been answered');
		if (isDetached(viewParts(view).buffer))
			throw new TypeError('respondWithNewView: the buffer is detached');
		respondWithNewView(state.controller, view);
	}
}

class ReadableByteStreamController {
	#s;

	constructor() {
		guardConstructor(arguments[0]);
		this.#s = arguments[1];
	}

	get byobRequest() {
		return S.byobRequest(this.#s)?.wrapper ?? null;
	}

	get desiredSize() {
		const { stream, mark, totalSize } = this.#s;
		if (stream.state === 'errored')
			return null;
		return stream.state === 'closed' ? 0 : mark - totalSize;
	}

	close() {
		this.#check();
		S.byteClose(this.#s);
	}

	enqueue(chunk) {
		void this.#s;
		requireArguments(arguments.length, 1, 'enqueue');
		if (!isView(chunk))
			throw new TypeError('enqueue: the chunk is not a view of an ArrayBuffer');
		const { buffer, length } = viewParts(chunk);
		if (length === 0 || bufferByteLength(buffer) === 0)
			throw new TypeError('enqueue: the chunk is empty');
		this.#check();
		S.byteEnqueue(this.#s, chunk);
	}

	error(reason = undefined) {
		byteError(this.#s, reason);
	}

	#check() {
		if (this.#s.closeRequested || this.#s.stream.state !== 'readable')
			throw new TypeError('The stream is closing or closed');
	}
}

S.newByobReader = (stream) => new ReadableStreamBYOBReader(secret, S.acquireByobReader(stream));

S.acquireByobReader = (stream) => {
	if (stream.reader)
		throw new TypeError('The ReadableStream is locked to a reader');
	if (!S.isByteController(stream.controller))
		throw new TypeError('The stream is not a byte stream');
	const reader = new S.ReaderState();
	reader.byob = true;
	S.readerInitialize(reader, stream);
	return reader;
};

S.byobRead = (reader, view, min, request) => {
	const { stream } = reader;
	stream.disturbed = true;
	if (stream.state === 'errored')
		request.error(stream.storedError);
	else
		pullInto(stream.controller, view, min, request);
};

function checkByobRead(view, min) {
	if (!isView(view))
		throw new TypeError('read: the argument is not a view of an ArrayBuffer');
	const { buffer, length } = viewParts(view);
	if (length === 0 || bufferByteLength(buffer) === 0)
		throw new TypeError('read: the view is empty');
	if (isDetached(buffer))
		throw new TypeError('read: the buffer of the view is detached');
	if (min === 0)
		throw new TypeError('read: options.min is 0');
	const type = constructorOf(view);
	const elements = type === DataView ? length : length / type.BYTES_PER_ELEMENT;
	if (min > elements)
		throw new RangeError('read: options.min is more than the view holds');
}

class ReadableStreamBYOBReader {
	#s;

	constructor(stream) {
		if (stream === secret) {
			this.#s = arguments[1];
		} else {
			if (!S.isReadable(stream))
				throw new TypeError('ReadableStreamBYOBReader: the argument is not a ReadableStream');
			this.#s = S.acquireByobReader(S.readableState(stream));
		}
		this.#s.wrapper = this;
	}

	read(view, options = undefined) {
		if (!isObject(this) || !(#s in this))
			return S.rejectedWith(illegalReader());
		let min;
		try {
			const wanted = dictionary(options, 'options').min;
			min = wanted === undefined ? 1
				: integer(wanted, 64, false, { enforceRange: true }, 'options.min');
			checkByobRead(view, min);
		} catch (error) {
			return S.rejectedWith(error);
		}
		if (!this.#s.stream)
			return S.rejectedWith(new TypeError('The reader has been released'));
		return new Promise((resolve, reject) => {
			S.byobRead(this.#s, view, min, {
				chunk: (value) => resolve({ value, done: false }),
				close: (value) => resolve({ value, done: true }),
				error: reject,
			});
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
	return new TypeError('Illegal invocation: not a ReadableStreamBYOBReader');
}

expose(ReadableByteStreamController, ReadableStreamBYOBReader, ReadableStreamBYOBRequest);
