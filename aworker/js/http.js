// SPDX-License-Identifier: Apache-2.0
// From a request that C has read to the user's fetch handler, and from their Response back to C.
// Contract of both sides: aworker/http/http.h.
//
// The usual request costs three calls into C: parse its URL, answer, and nothing else. The body of
// the request, its headers and its signal come into being when they are asked for.
//
// When the client goes: request.signal aborts as soon as it closes its end, as it does in Deno, and
// as the like of it does in Node.js and Go, which take the end of what a client sends for its
// leaving. TCP cannot tell that from a client that sends no more but still reads, so nothing else
// ends with it: what the handler answers is sent, a stream goes on. The first write that fails, a
// reset, or a Unix socket that is closed, ends the exchange: the response's stream is cancelled
// and the body of the request fails.
'use strict';

const { expose, shape, isObject, requireArguments, secret, guardConstructor } = internals.webidl;
const { promiseThen, PromiseResolve, markHandled, ReflectApply, viewTag } = internals.primordials;
const { Event, DOMException, Body, RequestState } = internals;
const S = internals.streams;

const HIGH_WATER = 65536; // HTTP_WRITE_HIGH_WATER

// --- events ---

// Keeps the worker alive until the promise has settled.
function hold(promise, done) {
	ops.workerHold();
	promiseThen(promise, () => {
		done(false);
		ops.workerUnhold();
	}, (error) => {
		done(true);
		ops.workerUnhold();
		internals.complain('Uncaught (in waitUntil)', error);
	});
}

class ExtendableEvent extends Event {
	#pending = 0;
	#dispatched = false; // now only what is pending keeps the event open
	#failed = false;
	#over = null; // waits for the end of the event

	constructor(type, init = undefined) {
		if (type !== secret)
			requireArguments(arguments.length, 1, 'ExtendableEvent');
		super(type, init);
	}

	waitUntil(promise) {
		void this.#pending;
		requireArguments(arguments.length, 1, 'waitUntil');
		if (!this.isTrusted || (this.#dispatched && this.#pending === 0))
			throw new DOMException('waitUntil: the event is over', 'InvalidStateError');
		this.#pending++;
		hold(PromiseResolve(promise), (failed) => this.#ended(failed));
	}

	#ended(failed) {
		this.#pending--;
		this.#failed ||= failed;
		if (this.#dispatched && this.#pending === 0)
			this.#over?.(this.#failed);
	}

	static {
		// Between the two the event is open. What begins it keeps the worker alive by itself.
		internals.extendEvent = (event) => void event.#pending++;
		internals.endExtension = (event) => event.#ended(false);
		// over(failed): all that the event was extended for has settled.
		internals.closeEvent = (event, over = null) => {
			event.#dispatched = true;
			if (event.#pending === 0)
				over?.(event.#failed);
			else
				event.#over = over;
		};
	}
}

class FetchEvent extends ExtendableEvent {
	#request;
	#clientId = '';
	#response = null; // what respondWith() got: a Response, or a promise of one

	constructor(type, init) {
		if (type === secret) {
			super(secret, 'fetch');
			this.#request = init;
			return;
		}
		requireArguments(arguments.length, 2, 'FetchEvent');
		super(type, init);
		if (!isObject(init) || !internals.isRequest(init.request))
			throw new TypeError('FetchEvent: init.request is not a Request');
		this.#request = init.request;
		if (init.clientId !== undefined)
			this.#clientId = `${init.clientId}`;
	}

	get request() {
		return this.#request;
	}

	get clientId() {
		return this.#clientId;
	}

	respondWith(r) {
		void this.#request;
		requireArguments(arguments.length, 1, 'respondWith');
		if (this.#response)
			throw new DOMException('respondWith was called already', 'InvalidStateError');
		if (this.eventPhase === 0)
			throw new DOMException('respondWith: the event is over', 'InvalidStateError');
		this.stopImmediatePropagation();
		if (internals.isResponse(r)) {
			this.#response = r;
			return;
		}
		if (!this.isTrusted)
			throw new DOMException('respondWith: nobody asked', 'InvalidStateError');
		this.#response = PromiseResolve(r);
		internals.extendEvent(this);
	}

	static {
		internals.eventResponse = (event) => event.#response;
		// Those that the platform makes, one a request, have it here and not each for itself.
		Object.defineProperty(this.prototype, 'isTrusted',
			{ get: internals.isTrustedGetter, enumerable: true, configurable: true });
	}
}

// The third argument of a module's fetch(): waitUntil without an event.
class ExecutionContext {
	#brand;

	constructor() {
		guardConstructor(arguments[0]);
	}

	waitUntil(promise) {
		void this.#brand;
		requireArguments(arguments.length, 1, 'waitUntil');
		hold(PromiseResolve(promise), () => {});
	}
}

shape(ExecutionContext);
expose(ExtendableEvent, FetchEvent);

// --- one exchange ---

// Those that are not complete, by the connection's number in their id.
const exchanges = [];
const SLOT_MASK = 0xffff;

function exchangeOf(id) {
	const exchange = exchanges[id & SLOT_MASK];
	return exchange?.id === id ? exchange : undefined;
}

class Exchange {
	id;
	over = false;
	body = null; // controller of the request's body stream
	reading = false;
	signal = null;
	aborted = null; // reason of the signal, when the client went away
	gone = null; // what the body fails with then
	reader = null; // of the response's stream
	writable = null; // resolves when C wants more
	pulled = null; // resolves when a piece of the body arrives
	next = null; // reads one more chunk of the response
	wanted = false;
	pumping = false;

	constructor(id) {
		this.id = id;
		exchanges[id & SLOT_MASK] = this;
	}

	// The response is complete: nothing more comes from C for this id.
	finish() {
		if (!this.forget())
			return;
		if (this.body && this.body.stream.state === 'readable')
			S.byteError(this.body, new TypeError('The response is complete, its request is gone'));
	}

	forget() {
		if (this.over)
			return false;
		this.over = true;
		exchanges[this.id & SLOT_MASK] = undefined;
		return true;
	}

	abort(reason) {
		this.forget();
		const error = new TypeError(reason);
		this.gone = error;
		this.leave(reason);
		if (this.body)
			S.byteError(this.body, error);
		if (this.reader?.stream)
			markHandled(S.readableCancel(this.reader.stream, error));
		this.writable?.resolve();
	}

	// The client has closed its end; whether it still reads is not known.
	leave(reason) {
		if (this.aborted)
			return;
		this.aborted = new DOMException(reason, 'AbortError');
		if (this.signal)
			internals.abortSignal(this.signal, this.aborted);
	}

	makeSignal() {
		this.signal = internals.newAbortSignal();
		if (this.aborted)
			internals.abortSignal(this.signal, this.aborted);
		return this.signal;
	}

	// --- the request's body ---

	makeBody() {
		const stream = S.createReadableBytes(() => undefined, () => this.pull(), () => {
			this.body = null;
			return S.nothing();
		});
		this.body = stream.controller;
		if (this.over)
			S.byteError(this.body, new TypeError('The request is gone'));
		return new Body(null, stream.wrapper);
	}

	pull() {
		const piece = ops.httpRead(this.id);
		if (piece !== undefined) {
			this.give(piece);
			return undefined;
		}
		this.pulled = S.deferred();
		return this.pulled;
	}

	// A piece that had to be waited for.
	arrived(bytes) {
		const { pulled } = this;
		this.pulled = null;
		this.give(bytes ?? true);
		pulled?.resolve();
	}

	give(piece) {
		if (!this.body || this.body.stream.state !== 'readable')
			return;
		if (piece !== true) {
			S.byteEnqueue(this.body, piece);
			return;
		}
		S.byteClose(this.body);
		if (this.body.pending.length > 0)
			S.byteRespond(this.body, 0);
	}

	// --- the response ---

	respond(response) {
		if (!internals.isResponse(response)) {
			this.fail(new TypeError('The fetch handler gave no Response'));
			return;
		}
		const state = internals.responseState(response);
		if (state.type === 'error') {
			this.fail(new TypeError('The fetch handler gave Response.error()'));
			return;
		}
		if (state.body?.unusable) {
			this.fail(new TypeError('The body of the response was read already, or is locked'));
			return;
		}
		try {
			this.send(state);
		} catch (error) {
			this.fail(error);
		}
	}

	send(state) {
		const { status, statusText, body } = state;
		const headers = internals.flatHeaders(state);
		if (state.webSocket) {
			internals.upgradeWebSocket(this.id, state.webSocket, headers);
			this.finish();
			return;
		}
		const file = body ? body.takeFile() : 0;
		if (file !== 0) {
			ops.httpRespondFile(this.id, status, statusText, headers, file);
			this.finish();
			return;
		}
		const source = body ? body.takeSource() : null;
		if (typeof source === 'string') {
			ops.httpRespondText(this.id, status, statusText, headers, source);
			this.finish();
		} else if (source || !body) {
			ops.httpRespond(this.id, status, statusText, headers, source, body !== null && body.owned);
			this.finish();
		} else {
			this.sendStream(state, headers);
		}
	}

	sendStream(state, headers) {
		const stream = S.readableState(state.body.stream);
		const reader = S.acquireReader(stream);
		if (!ops.httpRespondStream(this.id, state.status, state.statusText, headers)) {
			markHandled(S.readableCancel(stream, new TypeError('No body is wanted')));
			this.finish();
			return;
		}
		this.reader = reader;
		this.pump();
	}

	// Reads chunks and hands them to C until it has enough; one that is there at once is no recursion.
	pump() {
		const request = {
			chunk: (chunk) => this.write(chunk),
			close: () => {
				ops.httpEnd(this.id);
				this.finish();
			},
			error: (error) => this.broken(error),
		};
		this.next = () => {
			this.wanted = true;
			if (this.pumping)
				return;
			this.pumping = true;
			while (this.wanted) {
				this.wanted = false;
				S.readerRead(this.reader, request);
			}
			this.pumping = false;
		};
		this.next();
	}

	write(chunk) {
		if (!isObject(chunk) || viewTag(chunk) !== 'Uint8Array') {
			this.stop(new TypeError('A chunk of the response is not a Uint8Array'));
			return;
		}
		let queued;
		try {
			queued = ops.httpWrite(this.id, chunk);
		} catch (error) {
			this.stop(error);
			return;
		}
		if (queued < 0)
			return;
		if (queued < HIGH_WATER) {
			this.next();
			return;
		}
		this.writable = S.deferred();
		S.upon(this.writable, () => {
			if (!this.over)
				this.next();
		});
	}

	// We do not want the rest of the user's stream.
	stop(error) {
		markHandled(S.readableCancel(this.reader.stream, error));
		this.broken(error);
	}

	broken(error) {
		if (this.over)
			return;
		internals.complain('Uncaught (in the body of a response)', error);
		ops.httpReset(this.id);
		this.finish();
	}

	// The handler failed before there was a response.
	fail(error) {
		if (this.isExpected(error)) {
			this.refuse(500, 'Aborted\n');
			return;
		}
		if (!internals.reportException(error))
			internals.complain('Uncaught (in the fetch handler)', error);
		this.refuse(500, 'Internal Server Error\n');
	}

	// What we told the handler ourselves is no error of its own.
	isExpected(error) {
		return error !== null && (error === this.aborted || error === this.gone);
	}

	refuse(status, text) {
		ops.httpRespondText(this.id, status, '', ['content-type', 'text/plain;charset=UTF-8'], text);
		this.finish();
	}
}

// --- dispatch ---

let moduleFetch = null; // fetch of `export default`
let moduleObject = null;
let environment = null;

function makeRequest(exchange, method, url, headers, hasBody) {
	const state = new RequestState();
	state.method = method;
	state.url = url;
	state.flat = headers;
	state.redirect = 'manual';
	state.signalOf = () => exchange.makeSignal();
	if (hasBody)
		state.bodyOf = () => exchange.makeBody();
	return internals.requestFrom(state);
}

// What the handler gave: a Response, or a promise of one, for which an event may be open.
function settle(exchange, result, event) {
	if (internals.isResponse(result)) {
		exchange.respond(result);
		return;
	}
	promiseThen(PromiseResolve(result), (response) => {
		if (event)
			internals.endExtension(event);
		if (!exchange.over)
			exchange.respond(response);
	}, (error) => {
		if (event)
			internals.endExtension(event);
		if (!exchange.over)
			exchange.fail(error);
		else if (!exchange.isExpected(error))
			internals.complain('Uncaught (in the fetch handler)', error);
	});
}

function dispatchToModule(exchange, request) {
	let result;
	try {
		result = ReflectApply(moduleFetch, moduleObject,
			[request, environment, new ExecutionContext(secret)]);
	} catch (error) {
		exchange.fail(error);
		return;
	}
	settle(exchange, result, null);
}

function dispatchToListeners(exchange, request) {
	const event = new FetchEvent(secret, request);
	const thrown = [];
	listenerErrors = thrown;
	internals.fire(globalThis, event);
	listenerErrors = null;
	internals.closeEvent(event);
	const response = internals.eventResponse(event);
	if (response) {
		for (const error of thrown)
			internals.complain('Uncaught (in a listener of "fetch")', error);
		settle(exchange, response, event);
	} else {
		exchange.fail(thrown[0] ?? new TypeError('No listener of "fetch" called respondWith()'));
	}
}

// What listeners throw while a fetch event is dispatched fails the request, not the worker.
let listenerErrors = null;
const { report } = internals;
internals.report = (error, caller = undefined) => {
	if (listenerErrors)
		listenerErrors.push(error);
	else
		report(error, caller);
};

internals.httpRequest = (id, method, url, originLength, headers, hasBody) => {
	const exchange = new Exchange(id);
	const href = internals.requestURL(url, originLength);
	if (href === undefined) {
		exchange.refuse(400, `Bad Request: '${url}' is not a URL\n`);
		return;
	}
	const request = makeRequest(exchange, method, href, headers, hasBody);
	if (moduleFetch)
		dispatchToModule(exchange, request);
	else
		dispatchToListeners(exchange, request);
};

internals.httpBody = (id, bytes) => exchangeOf(id)?.arrived(bytes);

internals.httpWritable = (id) => {
	const exchange = exchangeOf(id);
	const waiting = exchange?.writable;
	if (waiting) {
		exchange.writable = null;
		waiting.resolve();
	}
};

internals.httpHalfClosed = (id) => exchangeOf(id)?.leave('the client closed the connection');

internals.httpAbort = (id, reason) => exchangeOf(id)?.abort(reason);

// --- what the worker calls ---

function environmentObject() {
	const env = {};
	for (const pair of ops.workerEnv().split('\0')) {
		const equals = pair.indexOf('=');
		if (equals > 0)
			env[pair.slice(0, equals)] = pair.slice(equals + 1);
	}
	for (const [name, store] of internals.kvStores())
		env[name] = store;
	return env;
}

// The user's file has run: serve when it left a handler behind.
internals.mainLoaded = (exports) => {
	const main = exports?.default;
	if (isObject(main) && typeof main.fetch === 'function') {
		moduleObject = main;
		moduleFetch = main.fetch;
		environment = environmentObject();
	} else if (main !== undefined && !internals.hasListeners(globalThis, 'fetch')) {
		throw new TypeError('The default export has no function fetch(request, env, ctx)');
	}
	if ((moduleFetch || internals.hasListeners(globalThis, 'fetch')) && !ops.workerRest())
		begin();
};

// State that must be this process's own.
internals.started = () => {
	internals.resetConsole();
	internals.resetLocation();
	internals.resetCaches();
	internals.resetPerformance();
	internals.installWasmStreaming();
};

// --- its life ---

// over(failed): all that the event was extended for has settled.
function extend(type, over) {
	if (!internals.hasListeners(globalThis, type)) {
		over(false);
		return;
	}
	const event = new ExtendableEvent(type);
	internals.fire(globalThis, event);
	internals.closeEvent(event, over);
}

// One that fails ends the worker.
const must = (type, next) => extend(type, (failed) => failed ? ops.workerExit(1) : next());

// As with a service worker, only installing may fail.
const begin = () => must('install', () => extend('activate', () => ops.workerServe()));

internals.serialize = () => must('serialize', ops.workerAtRest);

internals.resumed = () => {
	internals.started();
	if (moduleFetch)
		environment = environmentObject();
	must('deserialize', begin);
};

internals.uninstall = () => extend('uninstall', () => {});

// For the warm-up: the dispatch path with a handler of ours, then everything is as before.
internals.withHandler = (handler, run) => {
	moduleFetch = handler;
	moduleObject = null;
	environment = {};
	try {
		run();
	} finally {
		moduleFetch = null;
		environment = null;
	}
};
for (const type of ['fetch', 'serialize', 'deserialize', 'install', 'activate', 'uninstall'])
	internals.defineHandler(globalThis, type);
