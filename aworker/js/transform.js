// SPDX-License-Identifier: Apache-2.0
// TransformStream (WHATWG Streams, section 6) and the streams of the Encoding standard.
'use strict';

const { expose, guardConstructor, secret, isObject, domString } = internals.webidl;
const { promiseThen, markHandled, ReflectApply } = internals.primordials;
const S = internals.streams;

class TransformState {
	readable;
	writable;
	backpressure = undefined;
	change = null; // settles when backpressure changes
	controller = null;
}

class TransformControllerState {
	stream;
	transformAlgorithm;
	flushAlgorithm;
	cancelAlgorithm;
	finish = null; // Deferred of a cancel, abort or flush that has begun
	wrapper;

	constructor(stream) {
		this.stream = stream;
		this.wrapper = new TransformStreamDefaultController(secret, this);
	}
}

function initialize(stream, started, writableMark, writableSize, readableMark, readableSize) {
	const start = () => started;
	stream.writable = S.createWritable(start, (chunk) => sinkWrite(stream, chunk),
		() => sinkClose(stream), (reason) => sinkAbort(stream, reason), writableMark, writableSize);
	stream.readable = S.createReadable(start, () => sourcePull(stream),
		(reason) => sourceCancel(stream, reason), readableMark, readableSize);
	setBackpressure(stream, true);
}

function transformError(stream, error) {
	S.controllerError(stream.readable.controller, error);
	errorWritableAndUnblock(stream, error);
}

function errorWritableAndUnblock(stream, error) {
	clearAlgorithms(stream.controller);
	S.writableErrorIfNeeded(stream.writable.controller, error);
	unblockWrite(stream);
}

function unblockWrite(stream) {
	if (stream.backpressure)
		setBackpressure(stream, false);
}

function setBackpressure(stream, backpressure) {
	stream.change?.resolve();
	stream.change = S.deferred();
	stream.backpressure = backpressure;
}

function clearAlgorithms(controller) {
	controller.transformAlgorithm = controller.flushAlgorithm = undefined;
	controller.cancelAlgorithm = undefined;
}

function enqueue(controller, chunk) {
	const { stream } = controller;
	const readableController = stream.readable.controller;
	if (!S.controllerCanClose(readableController))
		throw new TypeError('The readable side is closing or closed');
	try {
		S.controllerEnqueue(readableController, chunk);
	} catch (error) {
		errorWritableAndUnblock(stream, error);
		throw stream.readable.storedError;
	}
	if (S.controllerHasBackpressure(readableController) !== stream.backpressure)
		setBackpressure(stream, true);
}

function performTransform(controller, chunk) {
	const result = controller.transformAlgorithm(chunk);
	return result === undefined ? undefined : promiseThen(result, undefined, (error) => {
		transformError(controller.stream, error);
		throw error;
	});
}

function terminate(controller) {
	S.controllerClose(controller.stream.readable.controller);
	errorWritableAndUnblock(controller.stream, new TypeError('The TransformStream was terminated'));
}

// --- the sink of the writable side ---

function sinkWrite(stream, chunk) {
	const { controller } = stream;
	if (!stream.backpressure)
		return performTransform(controller, chunk);
	const done = S.deferred();
	S.upon(stream.change, () => {
		if (stream.writable.state === 'erroring') {
			done.reject(stream.writable.storedError);
			return;
		}
		const result = performTransform(controller, chunk);
		if (result === undefined)
			done.resolve();
		else
			S.upon(result, () => done.resolve(), (error) => done.reject(error));
	});
	return done;
}

// The last algorithm of the user's; whoever ends the stream second gets what the first got.
function finishSink(stream, algorithm, end) {
	const { controller, readable } = stream;
	if (controller.finish)
		return controller.finish.promise;
	const finish = (controller.finish = S.deferred());
	const done = algorithm(controller);
	clearAlgorithms(controller);
	S.upon(done, () => {
		if (readable.state === 'errored') {
			finish.reject(readable.storedError);
		} else {
			end(readable.controller);
			finish.resolve();
		}
	}, (error) => {
		S.controllerError(readable.controller, error);
		finish.reject(error);
	});
	return finish.promise;
}

function sinkAbort(stream, reason) {
	// None is left when the write that was waited for has failed.
	return finishSink(stream, (controller) => controller.cancelAlgorithm?.(reason) ?? S.nothing(),
		(readable) => S.controllerError(readable, reason));
}

function sinkClose(stream) {
	return finishSink(stream, (controller) => controller.flushAlgorithm(), S.controllerClose);
}

// --- the source of the readable side ---

function sourcePull(stream) {
	setBackpressure(stream, false);
	return stream.change;
}

function sourceCancel(stream, reason) {
	const { controller, writable } = stream;
	if (controller.finish)
		return controller.finish.promise;
	const finish = (controller.finish = S.deferred());
	const done = controller.cancelAlgorithm(reason);
	clearAlgorithms(controller);
	S.upon(done, () => {
		if (writable.state === 'errored') {
			finish.reject(writable.storedError);
			return;
		}
		S.writableErrorIfNeeded(writable.controller, reason);
		unblockWrite(stream);
		finish.resolve();
	}, (error) => {
		S.writableErrorIfNeeded(writable.controller, error);
		unblockWrite(stream);
		finish.reject(error);
	});
	return finish.promise;
}

// --- public classes ---

function identity(controller) {
	return (chunk) => {
		try {
			enqueue(controller, chunk);
			return undefined;
		} catch (error) {
			return S.rejectedWith(error);
		}
	};
}

function setUp(stream, transformer, methods) {
	const { cancel, flush, transform } = methods;
	const controller = new TransformControllerState(stream);
	stream.controller = controller;
	controller.transformAlgorithm = transform
		? (chunk) => S.chunkCall(transform, transformer, [chunk, controller.wrapper])
		: identity(controller);
	controller.flushAlgorithm = flush
		? () => S.promiseCall(flush, transformer, [controller.wrapper]) : S.nothing;
	controller.cancelAlgorithm = cancel
		? (reason) => S.promiseCall(cancel, transformer, [reason]) : S.nothing;
}

function readTransformer(transformer) {
	const cancel = S.method(transformer, 'cancel');
	const flush = S.method(transformer, 'flush');
	if (transformer.readableType !== undefined)
		throw new RangeError('transformer.readableType is reserved');
	const start = S.method(transformer, 'start');
	const transform = S.method(transformer, 'transform');
	if (transformer.writableType !== undefined)
		throw new RangeError('transformer.writableType is reserved');
	return { cancel, flush, start, transform };
}

class TransformStream {
	#s = new TransformState();

	constructor(transformer = undefined, writableStrategy = undefined, readableStrategy = undefined) {
		const object = S.underlying(transformer, 'transformer');
		const [writableMark, writableSize] = S.strategy(writableStrategy, 1);
		const [readableMark, readableSize] = S.strategy(readableStrategy, 0);
		const methods = readTransformer(object);
		const started = S.deferred();
		const stream = this.#s;
		const marks = [S.checkMark(readableMark), S.checkMark(writableMark)];
		initialize(stream, started.promise, marks[1], S.sizeAlgorithm(writableSize), marks[0],
			S.sizeAlgorithm(readableSize));
		setUp(stream, object, methods);
		started.resolve(methods.start
			? ReflectApply(methods.start, object, [stream.controller.wrapper]) : undefined);
	}

	get readable() {
		return this.#s.readable.wrapper;
	}

	get writable() {
		return this.#s.writable.wrapper;
	}

	static {
		S.isTransform = (value) => isObject(value) && #s in value;
		S.transformState = (wrapper) => wrapper.#s;
		// One made of two streams that are there already.
		S.transformOf = (readable, writable) => {
			const wrapper = new TransformStream();
			wrapper.#s.readable = readable;
			wrapper.#s.writable = writable;
			return wrapper;
		};
	}
}

class TransformStreamDefaultController {
	#s;

	constructor() {
		guardConstructor(arguments[0]);
		this.#s = arguments[1];
	}

	get desiredSize() {
		return S.controllerDesiredSize(this.#s.stream.readable.controller);
	}

	enqueue(chunk = undefined) {
		enqueue(this.#s, chunk);
	}

	error(reason = undefined) {
		transformError(this.#s.stream, reason);
	}

	terminate() {
		terminate(this.#s);
	}
}

expose(TransformStream, TransformStreamDefaultController);

// A transform of the platform's own: transform(chunk, enqueue), flush(enqueue), which may give
// promises, and cancelled(), when the stream ends in another way.
S.createTransform = (transform, flush, cancelled) => {
	const stream = new TransformState();
	initialize(stream, S.nothing(), 1, () => 1, 0, () => 1);
	const controller = new TransformControllerState(stream);
	stream.controller = controller;
	const put = (chunk) => enqueue(controller, chunk);
	const guarded = (fn, args) => {
		try {
			return fn(...args) ?? undefined;
		} catch (error) {
			return S.rejectedWith(error);
		}
	};
	controller.transformAlgorithm = (chunk) => guarded(transform, [chunk, put]);
	controller.flushAlgorithm = () => guarded(flush, [put]);
	controller.cancelAlgorithm = cancelled ? () => guarded(cancelled, []) : S.nothing;
	return stream;
};

// "Create a proxy": the stream is locked, what it gives comes out of the new one.
S.pipeThroughIdentity = (stream) => {
	const { readable, writable } = S.createTransform((chunk, put) => put(chunk), () => {});
	markHandled(S.pipeTo(S.readableState(stream), writable, S.pipeOptions(undefined)));
	return readable.wrapper;
};

// --- TextDecoderStream, TextEncoderStream ---

class TextDecoderStream {
	#decoder;
	#transform;

	constructor(label = 'utf-8', options = undefined) {
		this.#decoder = new internals.TextDecoder(label, options);
		const decoder = this.#decoder;
		const give = (text, put) => {
			if (text !== '')
				put(text);
		};
		this.#transform = S.createTransform(
			(chunk, put) => give(decoder.decode(asBytes(chunk), { stream: true }), put),
			(put) => give(decoder.decode(), put));
	}

	get encoding() {
		return this.#decoder.encoding;
	}

	get fatal() {
		return this.#decoder.fatal;
	}

	get ignoreBOM() {
		return this.#decoder.ignoreBOM;
	}

	get readable() {
		return this.#transform.readable.wrapper;
	}

	get writable() {
		return this.#transform.writable.wrapper;
	}
}

function asBytes(chunk) {
	if (chunk === undefined)
		throw new TypeError('The chunk is not an ArrayBuffer or a view of one');
	return chunk;
}

class TextEncoderStream {
	#transform;

	constructor() {
		// A high surrogate at the end of a chunk waits for the low one.
		let high = '';
		this.#transform = S.createTransform((chunk, put) => {
			let text = high + domString(chunk);
			high = '';
			const last = text.charCodeAt(text.length - 1);
			if (last >= 0xd800 && last <= 0xdbff) {
				high = text[text.length - 1];
				text = text.slice(0, -1);
			}
			if (text !== '')
				put(ops.textEncode(text));
		}, (put) => {
			if (high !== '')
				put(ops.textEncode('\ufffd'));
		});
	}

	get encoding() {
		void this.#transform;
		return 'utf-8';
	}

	get readable() {
		return this.#transform.readable.wrapper;
	}

	get writable() {
		return this.#transform.writable.wrapper;
	}
}

expose(TextDecoderStream, TextEncoderStream);
