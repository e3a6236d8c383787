// SPDX-License-Identifier: Apache-2.0
// EventSource (HTML, section 9.2): events that a server sends in a response without an end. When it
// ends all the same, or cannot be had, it is asked for again.
//
// A Feed is what stands behind an EventSource. It waits for exactly one thing at a time: a response,
// bytes of it, or a timer. Each event is a task of its own, and bytes are taken when there is no
// event left in those before, so a server that is too fast waits.
'use strict';

const { usvString, dictionary, requireArguments, expose, constants } = internals.webidl;
const { typedBuffer, typedByteOffset, typedSet } = internals.primordials;
const { EventTarget, Event, DOMException, RequestState, URL } = internals;
const { Uint8Array } = globalThis;
const S = internals.streams;

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 2;

const EVENT_MAX = 16 << 20; // bytes of one line, and of the data of one event
const ID_MAX = 4096; // bytes of an id, which becomes a header
const RETRY_MS = 3000; // until a server says otherwise
const RETRY_MAX_MS = 2 ** 31 - 1;
// What is waited for at least after two failures in a row; twice as long after each further one.
const BACKOFF_MS = 500;
const BACKOFF_MAX_MS = 60000;

const KEPT = 65536; // a larger buffer is given back
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const COLON = 0x3a;
const DIGIT_0 = 0x30;
const BOM = [0xef, 0xbb, 0xbf];
const FIELD_NAME_MAX = 5; // no field that means something has a longer one
const NO_PORTS = Object.freeze([]);

// --- bytes ---

function view(bytes, from, to) {
	return new Uint8Array(typedBuffer(bytes), typedByteOffset(bytes) + from, to - from);
}

function text(bytes, from, to) {
	return from === to ? '' : ops.textDecodeUtf8(view(bytes, from, to), false);
}

// Bytes that come piece by piece; it grows by doubling, so that small pieces are not expensive.
class Growing {
	bytes = new Uint8Array(256);
	length = 0;

	append(from, start, end) {
		const length = this.length + end - start;
		if (length > EVENT_MAX)
			throw new RangeError('an event is too large');
		if (length > this.bytes.length) {
			const larger = new Uint8Array(length * 2);
			typedSet(larger, view(this.bytes, 0, this.length), 0);
			this.bytes = larger;
		}
		typedSet(this.bytes, view(from, start, end), this.length);
		this.length = length;
	}

	clear() {
		this.length = 0;
		if (this.bytes.length > KEPT)
			this.bytes = new Uint8Array(256);
	}
}

const LINE_FEED = new Uint8Array([LF]);

// --- events out of bytes ---

// One for each response. In bytes, because line ends never are within a character, and because
// strings that are parts of chunks would keep the chunks.
class Parser {
	lastId; // of the last event
	retry = -1; // ms; -1: none was given
	#id; // of the next event
	#type = '';
	#data = new Growing();
	#hasData = false;
	#chunk = LINE_FEED;
	#at = 1; // what of the chunk was read
	#rest = new Growing(); // a line that began in an earlier chunk
	#afterCr = false;
	#first = true;

	constructor(lastId) {
		this.lastId = this.#id = lastId;
	}

	give(chunk) {
		this.#chunk = chunk;
		this.#at = 0;
	}

	// { type, data }, or null when more bytes are needed. Throws when something is too large.
	next() {
		const bytes = this.#chunk;
		const { length } = bytes;
		while (this.#at < length) {
			const start = this.#at;
			let end = start;
			while (end < length && bytes[end] !== LF && bytes[end] !== CR)
				end++;
			const event = end < length ? this.#lineEnd(bytes, start, end)
				: this.#unfinished(bytes, start, end);
			if (event)
				return event;
		}
		return null;
	}

	#unfinished(bytes, start, end) {
		this.#rest.append(bytes, start, end);
		this.#at = end;
		this.#afterCr = false;
		return null;
	}

	#lineEnd(bytes, start, end) {
		const halfOfCrLf = this.#afterCr && end === start && bytes[end] === LF;
		this.#at = end + 1;
		this.#afterCr = bytes[end] === CR;
		if (halfOfCrLf)
			return null;
		const rest = this.#rest;
		if (rest.length === 0)
			return this.#line(bytes, start, end);
		rest.append(bytes, start, end);
		const event = this.#line(rest.bytes, 0, rest.length);
		rest.clear();
		return event;
	}

	#line(bytes, start, end) {
		if (this.#first) {
			this.#first = false;
			if (end - start >= BOM.length && BOM[0] === bytes[start] && BOM[1] === bytes[start + 1] &&
				BOM[2] === bytes[start + 2])
				start += BOM.length;
		}
		if (start === end)
			return this.#complete();
		let colon = start;
		while (colon < end && bytes[colon] !== COLON)
			colon++;
		if (colon - start > FIELD_NAME_MAX)
			return null;
		let value = colon < end ? colon + 1 : end;
		if (value < end && bytes[value] === SPACE)
			value++;
		this.#field(text(bytes, start, colon), bytes, value, end);
		return null;
	}

	#field(name, bytes, start, end) {
		switch (name) {
		case 'data':
			if (this.#hasData)
				this.#data.append(LINE_FEED, 0, 1);
			this.#data.append(bytes, start, end);
			this.#hasData = true;
			break;
		case 'event':
			this.#type = text(bytes, start, end);
			break;
		case 'id':
			this.#setId(bytes, start, end);
			break;
		case 'retry':
			this.#setRetry(bytes, start, end);
			break;
		}
	}

	#setId(bytes, start, end) {
		for (let i = start; i < end; i++)
			if (bytes[i] === 0)
				return;
		if (end - start > ID_MAX)
			throw new RangeError('an id is too long');
		this.#id = text(bytes, start, end);
	}

	#setRetry(bytes, start, end) {
		let ms = 0;
		for (let i = start; i < end; i++) {
			const digit = bytes[i] - DIGIT_0;
			if (digit < 0 || digit > 9)
				return;
			ms = ms * 10 + digit;
			if (ms > RETRY_MAX_MS)
				ms = RETRY_MAX_MS;
		}
		if (start < end)
			this.retry = ms;
	}

	#complete() {
		const type = this.#type;
		const data = this.#data;
		this.lastId = this.#id;
		this.#type = '';
		if (!this.#hasData)
			return null;
		const event = { type: type === '' ? 'message' : type, data: text(data.bytes, 0, data.length) };
		data.clear();
		this.#hasData = false;
		return event;
	}
}

// --- what is behind an EventSource ---

function isEventStream(response) {
	const list = internals.headersList(response.getHeaders());
	const values = list.filter((h) => h[0] === 'content-type').map((h) => h[1]);
	return response.status === 200 && internals.extractMime(values)?.essence === 'text/event-stream';
}

class Feed {
	target;
	url;
	withCredentials;
	state = CONNECTING;
	#retry = RETRY_MS;
	#lastId = '';
	#failures = 0; // in a row
	#fetching = null;
	#reader = null;
	#parser = null;
	#origin = '';
	#timer = 0;

	constructor(target, url, withCredentials) {
		this.target = target;
		this.url = url;
		this.withCredentials = withCredentials;
		this.#connect();
	}

	close() {
		this.state = CLOSED;
		internals.stopTimer(this.#timer);
		this.#drop();
	}

	// There is never more than one timer.
	#later(ms, then) {
		this.#timer = internals.startTimer(then, ms);
	}

	#drop() {
		const fetching = this.#fetching;
		this.#fetching = this.#reader = this.#parser = null;
		fetching?.fail('the EventSource is closed');
	}

	#connect() {
		const request = new RequestState();
		const list = [['accept', 'text/event-stream']];
		if (this.#lastId !== '')
			list.push(['last-event-id', ops.textLatin1(ops.textEncode(this.#lastId))]);
		request.url = this.url;
		request.headers = internals.newHeaders(list);
		request.cache = 'no-store';
		request.credentials = this.withCredentials ? 'include' : 'same-origin';
		request.initiatorType = 'other';
		// Both may be called before the first returns.
		const fetching = internals.newFetching(request, (response) => {
			if (this.#fetching === fetching)
				this.#answered(internals.responseState(response));
		}, (error) => {
			if (this.#fetching === fetching)
				this.#failed(error);
		});
		this.#fetching = fetching;
		fetching.start();
	}

	#answered(response) {
		if (!isEventStream(response)) {
			this.#giveUp();
			return;
		}
		this.#failures = 0;
		this.#origin = new URL(response.url).origin;
		this.#parser = new Parser(this.#lastId);
		this.#reader = S.acquireReader(S.readableState(response.body.stream));
		this.#later(0, () => {
			this.state = OPEN;
			internals.fire(this.target, new Event('open'));
			this.#deliver();
		});
	}

	// Without a code it is not the network: the same would happen again.
	#failed(error) {
		this.#fetching = null;
		if (error.cause?.code === undefined) {
			this.#giveUp();
			return;
		}
		this.#failures++;
		this.#reconnect();
	}

	#giveUp() {
		this.#drop();
		this.#later(0, () => {
			this.state = CLOSED;
			internals.fire(this.target, new Event('error'));
		});
	}

	#reconnect() {
		this.#drop();
		this.#later(0, () => {
			this.state = CONNECTING;
			internals.fire(this.target, new Event('error'));
			if (this.state !== CLOSED)
				this.#later(this.#delay(), () => this.#connect());
		});
	}

	#delay() {
		const grown = this.#failures < 2 ? 0 : BACKOFF_MS * 2 ** (this.#failures - 2);
		return Math.max(this.#retry, Math.min(grown, BACKOFF_MAX_MS));
	}

	// One event, or more bytes.
	#deliver() {
		if (this.state !== OPEN)
			return;
		const parser = this.#parser;
		let event;
		try {
			event = parser.next();
		} catch {
			this.#giveUp();
			return;
		}
		this.#lastId = parser.lastId;
		if (parser.retry >= 0)
			this.#retry = parser.retry;
		if (event === null) {
			this.#read(this.#reader);
			return;
		}
		internals.fireMessage(this.target, event.data, this.#origin, NO_PORTS, event.type, this.#lastId);
		if (this.state === OPEN)
			this.#later(0, () => this.#deliver());
	}

	#read(reader) {
		const ended = () => {
			if (this.#reader === reader)
				this.#reconnect();
		};
		S.readerRead(reader, {
			chunk: (chunk) => {
				if (this.#reader !== reader)
					return;
				this.#parser.give(chunk);
				this.#deliver();
			},
			close: ended,
			error: ended,
		});
	}
}

// --- EventSource ---

function parseUrl(input) {
	const base = internals.baseUrl();
	try {
		return new URL(input, base === '' ? undefined : base).href;
	} catch {
		throw new DOMException(`EventSource: '${input}' is not a URL`, 'SyntaxError');
	}
}

class EventSource extends EventTarget {
	#feed;

	constructor(url, init = undefined) {
		requireArguments(arguments.length, 1, 'EventSource');
		super();
		const input = usvString(url);
		const withCredentials = !!dictionary(init, 'eventSourceInitDict').withCredentials;
		this.#feed = new Feed(this, parseUrl(input), withCredentials);
	}

	get url() {
		return this.#feed.url;
	}

	get withCredentials() {
		return this.#feed.withCredentials;
	}

	get readyState() {
		return this.#feed.state;
	}

	close() {
		this.#feed.close();
	}
}

expose(EventSource);
constants(EventSource, { CONNECTING, OPEN, CLOSED });
for (const type of ['open', 'message', 'error'])
	internals.defineHandler(EventSource.prototype, type);
