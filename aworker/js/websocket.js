// SPDX-License-Identifier: Apache-2.0
// WebSocket, WebSocketPair and CloseEvent (WHATWG WebSockets; WebSocketPair and accept() as
// Cloudflare Workers have them).
//
// A Peer is what stands behind a WebSocket: the other end is another Peer (of a pair) or, by the
// number `wire`, a connection that C keeps. Answering a request with one end of a pair gives its
// place to the connection: then the other end talks to the client.
'use strict';

const {
	domString, usvString, dictionary, isObject, integer, requireArguments, expose, constants, secret,
	isBufferSource, bytesCopy, sequence,
} = internals.webidl;
const { typedByteLength, typedBuffer } = internals.primordials;
const { EventTarget, Event, DOMException } = internals;

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

const STATUS_NORMAL = 1000;
const STATUS_NONE = 1005;
const STATUS_ABNORMAL = 1006;
const REASON_MAX = 123; // bytes
const WAITING_MAX = 1 << 20; // bytes that wait for an end of a pair which nobody has accepted

// --- events ---

class CloseEvent extends Event {
	#wasClean;
	#code;
	#reason;

	constructor(type, init = undefined) {
		requireArguments(arguments.length, 1, 'CloseEvent');
		super(type, init);
		const d = dictionary(init, 'eventInitDict');
		this.#wasClean = !!d.wasClean;
		this.#code = d.code === undefined ? 0 : integer(d.code, 16, false);
		this.#reason = d.reason === undefined ? '' : usvString(d.reason);
	}

	get wasClean() {
		return this.#wasClean;
	}

	get code() {
		return this.#code;
	}

	get reason() {
		return this.#reason;
	}
}

// --- what is behind a WebSocket ---

function byteLength(data) {
	return typedByteLength(typeof data === 'string' ? ops.textEncode(data) : data);
}

const wires = new Map(); // number of a connection -> Peer

class Peer {
	socket = null; // the WebSocket
	state = CONNECTING;
	url = '';
	protocol = '';
	binaryType = 'blob';
	origin = '';
	wire = 0;
	other = null; // the other end of a pair
	accepted = false;
	used = false; // it answered a request
	waiting = []; // for accept(): functions that deliver
	waitingBytes = 0;
	buffered = 0; // what was sent after the end

	// --- sending ---

	// A string or a Uint8Array of its own.
	send(data) {
		const { other } = this;
		if (this.state === CLOSING || this.state === CLOSED)
			this.buffered += byteLength(data);
		else if (this.wire)
			ops.wsSend(this.wire, data);
		else
			other.arrive(data.length, () => other.message(data));
	}

	get bufferedAmount() {
		return this.buffered + (this.wire ? ops.wsBuffered(this.wire) : 0);
	}

	close(code, reason) {
		if (this.state === CLOSING || this.state === CLOSED)
			return;
		this.state = CLOSING;
		if (this.wire) {
			ops.wsClose(this.wire, code, reason);
			return;
		}
		const { other } = this;
		other?.arrive(0, () => other.closeArrived(code, reason));
	}

	// --- between the ends of a pair ---

	// What the other end sends waits until somebody listens here, or a connection takes the place.
	arrive(length, deliver) {
		if (this.accepted) {
			internals.startTimer(deliver, 0);
			return;
		}
		if (this.waitingBytes + length > WAITING_MAX)
			throw new TypeError('WebSocket: the other end was not accepted, and too much waits for it');
		this.waitingBytes += length;
		this.waiting.push(deliver);
	}

	closeArrived(code, reason) {
		if (this.state === CLOSED)
			return;
		const answer = this.state === OPEN;
		this.closed(code, reason, true);
		if (answer)
			internals.startTimer(() => this.other.closed(code, reason, true), 0);
		else
			this.other.closed(code, reason, true);
	}

	accept() {
		this.accepted = true;
		this.state = this.state === CONNECTING ? OPEN : this.state;
		if (this.wire)
			ops.wsRead(this.wire, true);
		const { waiting } = this;
		this.waiting = [];
		for (let i = 0; i < waiting.length; i++)
			internals.startTimer(waiting[i], 0);
	}

	// A connection takes the place of this end of a pair.
	replace(wire, protocol) {
		const { other, waiting } = this;
		this.used = true;
		this.state = CLOSED;
		other.wire = wire;
		other.protocol = protocol;
		wires.set(wire, other);
		if (!other.accepted)
			ops.wsRead(wire, false);
		// Sent before: these speak to this end, which now stands for the connection.
		this.message = (data) => ops.wsSend(wire, data);
		this.closeArrived = (code, reason) => ops.wsClose(wire, code, reason);
		for (let i = 0; i < waiting.length; i++)
			waiting[i]();
		this.waiting = [];
	}

	// --- what has arrived ---

	opened(protocol) {
		if (this.state !== CONNECTING)
			return;
		this.state = OPEN;
		this.protocol = protocol;
		internals.fire(this.socket, new Event('open'));
	}

	message(data) {
		if (this.state !== OPEN)
			return;
		if (typeof data !== 'string')
			data = this.binaryType === 'blob' ? internals.newBlob(data, '') : typedBuffer(data);
		internals.fireMessage(this.socket, data, this.origin, NO_PORTS);
	}

	closed(code, reason, wasClean) {
		if (this.state === CLOSED)
			return;
		this.state = CLOSED;
		if (this.wire) {
			wires.delete(this.wire);
			this.wire = 0;
		}
		if (code === STATUS_ABNORMAL)
			internals.fire(this.socket, new Event('error'));
		internals.fire(this.socket, new CloseEvent('close', { wasClean, code, reason }));
	}
}

const NO_PORTS = Object.freeze([]);

internals.wsOpened = (wire, protocol) => wires.get(wire)?.opened(protocol);
internals.wsMessage = (wire, data) => wires.get(wire)?.message(data);
internals.wsClosed = (wire, code, reason, wasClean) =>
	wires.get(wire)?.closed(code, reason, wasClean);

// --- WebSocket ---

// A code that close() may be called with. Ends of a pair are servers, which have more to say.
function closeCode(peer, code) {
	const value = integer(code, 16, false, { clamp: true });
	const server = peer.accepted && ops.wsStatusIsValid(value);
	if (value !== STATUS_NORMAL && !server && (value < 3000 || value > 4999))
		throw new DOMException(`WebSocket.close: the code ${value} is neither 1000 nor in 3000 to 4999`,
			'InvalidAccessError');
	return value;
}

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

function syntaxError(text) {
	return new DOMException(`WebSocket: ${text}`, 'SyntaxError');
}

function protocolsOf(value) {
	const list = isObject(value) && typeof value[Symbol.iterator] === 'function'
		? sequence(value, domString, 'WebSocket: protocols') : [domString(value)];
	const names = list.map((name) => name.toLowerCase());
	for (let i = 0; i < list.length; i++) {
		if (!TOKEN.test(list[i]) || names.indexOf(names[i]) !== i)
			throw syntaxError(`the protocol '${list[i]}' is no token, or given twice`);
	}
	return list.join(', ');
}

const SCHEMES = { '__proto__': null, 'http:': 'ws:', 'https:': 'wss:' };

function parseUrl(text) {
	const base = internals.baseUrl();
	let url;
	try {
		url = new internals.URL(text, base === '' ? undefined : base);
	} catch {
		throw syntaxError(`'${text}' is not a URL`);
	}
	url.protocol = SCHEMES[url.protocol] ?? url.protocol;
	if (url.protocol !== 'ws:' && url.protocol !== 'wss:')
		throw syntaxError(`'${text}' is neither ws: nor wss:`);
	if (url.hash !== '' || url.href.endsWith('#'))
		throw syntaxError(`'${text}' has a fragment`);
	return url;
}

// A Peer that is on its way to a server.
function connect(text, protocols) {
	const url = parseUrl(text);
	const tls = url.protocol === 'wss:';
	const peer = new Peer();
	peer.url = url.href;
	peer.origin = url.origin;
	const port = url.port === '' ? (tls ? 443 : 80) : +url.port;
	peer.wire = ops.wsConnect(url.hostname, port, tls, url.pathname + url.search, url.host, protocols);
	wires.set(peer.wire, peer);
	return peer;
}

class WebSocket extends EventTarget {
	#peer;

	constructor(url, protocols = []) {
		requireArguments(arguments.length, 1, 'WebSocket');
		super();
		const peer = url === secret ? protocols : connect(usvString(url), protocolsOf(protocols));
		this.#peer = peer;
		peer.socket = this;
	}

	get url() {
		return this.#peer.url;
	}

	get readyState() {
		return this.#peer.state;
	}

	get bufferedAmount() {
		return this.#peer.bufferedAmount;
	}

	get extensions() {
		void this.#peer;
		return '';
	}

	get protocol() {
		return this.#peer.protocol;
	}

	get binaryType() {
		return this.#peer.binaryType;
	}

	set binaryType(value) {
		const peer = this.#peer;
		const type = `${value}`;
		if (type === 'blob' || type === 'arraybuffer')
			peer.binaryType = type;
	}

	// The other end may send from now on.
	accept() {
		const peer = this.#peer;
		if (!peer.other)
			throw new TypeError('WebSocket.accept: only an end of a WebSocketPair is accepted');
		if (peer.used)
			throw new TypeError('WebSocket.accept: this end answered a request');
		if (!peer.accepted)
			peer.accept();
	}

	send(data) {
		const peer = this.#peer;
		requireArguments(arguments.length, 1, 'WebSocket.send');
		if (peer.other && !peer.accepted)
			throw new TypeError('WebSocket.send: accept() comes first');
		if (peer.state === CONNECTING)
			throw new DOMException('WebSocket.send: not connected yet', 'InvalidStateError');
		if (isBufferSource(data))
			peer.send(bytesCopy(data));
		else if (internals.isBlob(data))
			peer.send(bytesCopy(internals.blobBytes(data)));
		else
			peer.send(usvString(data));
	}

	close(code = undefined, reason = undefined) {
		const peer = this.#peer;
		const status = code === undefined ? STATUS_NONE : closeCode(peer, code);
		const text = reason === undefined ? '' : usvString(reason);
		if (byteLength(text) > REASON_MAX)
			throw new DOMException(`WebSocket.close: the reason is longer than ${REASON_MAX} bytes`,
				'SyntaxError');
		if (peer.other && !peer.accepted)
			throw new TypeError('WebSocket.close: accept() comes first');
		peer.close(text !== '' && code === undefined ? STATUS_NORMAL : status, text);
	}

	static {
		internals.isWebSocket = (value) => isObject(value) && #peer in value;
		internals.webSocketPeer = (socket) => socket.#peer;
	}
}

expose(CloseEvent, WebSocket);
constants(WebSocket, { CONNECTING, OPEN, CLOSING, CLOSED });
for (const type of ['open', 'message', 'error', 'close'])
	internals.defineHandler(WebSocket.prototype, type);

// --- pairs ---

function pairEnd() {
	const peer = new Peer();
	peer.binaryType = 'arraybuffer';
	new WebSocket(secret, peer);
	return peer;
}

// Two WebSockets that talk to each other, as the properties 0 and 1.
class WebSocketPair {
	constructor() {
		const a = pairEnd();
		const b = pairEnd();
		a.other = b;
		b.other = a;
		this[0] = a.socket;
		this[1] = b.socket;
	}
}

expose(WebSocketPair);

// A response whose `webSocket` this is: the connection of the request takes its place. Throws when
// that cannot be.
internals.upgradeWebSocket = (id, socket, headers) => {
	const peer = internals.webSocketPeer(socket);
	if (!peer.other || peer.accepted || peer.used)
		throw new TypeError('The WebSocket of a response must be an end of a WebSocketPair that was ' +
			'neither accepted nor used');
	let protocol = '';
	for (let i = 0; i < headers.length; i += 2) {
		if (domString(headers[i]).toLowerCase() === 'sec-websocket-protocol')
			protocol = headers[i + 1];
	}
	const wire = ops.wsUpgrade(id, headers);
	if (wire > 0)
		peer.replace(wire, protocol);
};
