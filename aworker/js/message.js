// SPDX-License-Identifier: Apache-2.0
// MessageChannel, MessagePort and MessageEvent (HTML, section 9.4), within this process.
//
// An End is one side of a channel with its queue; a MessagePort is what a user sees of it. Transfer
// gives the end to a new port and leaves the old one without. A message is copied when it is sent,
// and delivered as a task of its own. Only messages on their way keep the worker alive: nobody
// outside of it can send any, so an open port alone has nothing to wait for.
'use strict';

const {
	domString, usvString, dictionary, isObject, requireArguments, expose, sequence, sequenceFrom,
	callbackFunction, secret, guardConstructor,
} = internals.webidl;
const { ReflectApply } = internals.primordials;
const { EventTarget, Event, DOMException } = internals;
const { Fifo } = internals.streams;
const { WeakRef, FinalizationRegistry } = globalThis;

const NO_PORTS = Object.freeze([]);

class MessageEvent extends Event {
	#data;
	#origin;
	#lastEventId;
	#source;
	#ports;

	constructor(type, init = undefined) {
		requireArguments(arguments.length, 1, 'MessageEvent');
		super(type, init);
		const d = dictionary(init, 'eventInitDict');
		this.#data = d.data === undefined ? null : d.data;
		this.#lastEventId = d.lastEventId === undefined ? '' : domString(d.lastEventId);
		this.#origin = d.origin === undefined ? '' : usvString(d.origin);
		this.#ports = d.ports === undefined ? NO_PORTS : portsOf(d.ports);
		this.#source = sourceOf(d.source);
	}

	get data() {
		return this.#data;
	}

	get origin() {
		return this.#origin;
	}

	get lastEventId() {
		return this.#lastEventId;
	}

	get source() {
		return this.#source;
	}

	get ports() {
		return this.#ports;
	}

	initMessageEvent(type, bubbles = false, cancelable = false, data = null, origin = '',
		lastEventId = '', source = null, ports = []) {
		void this.#data;
		requireArguments(arguments.length, 1, 'initMessageEvent');
		origin = usvString(origin);
		lastEventId = domString(lastEventId);
		source = sourceOf(source);
		ports = portsOf(ports);
		if (!internals.canDispatch(this))
			return;
		this.initEvent(type, bubbles, cancelable);
		this.#data = data;
		this.#origin = origin;
		this.#lastEventId = lastEventId;
		this.#source = source;
		this.#ports = ports;
	}

	static {
		internals.fireMessage = (target, data, origin, ports, type = 'message', lastEventId = '') => {
			const event = new MessageEvent(type);
			event.#data = data;
			event.#origin = origin;
			event.#lastEventId = lastEventId;
			event.#ports = ports;
			internals.fire(target, event);
		};
	}
}

function asPort(value) {
	if (!internals.isMessagePort(value))
		throw new TypeError('ports: an element is not a MessagePort');
	return value;
}

function portsOf(value) {
	return Object.freeze(sequence(value, asPort, 'ports'));
}

function sourceOf(value) {
	if (value === undefined || value === null)
		return null;
	if (!internals.isMessagePort(value))
		throw new TypeError('source is not a MessagePort');
	return value;
}

// --- who is told of messages ---

// Holds an event target weakly until somebody listens: then it lives as long as what sends to it.
class Receiver {
	#weak;
	#strong = null;

	constructor(target, types) {
		this.#weak = new WeakRef(target);
		internals.listenersOf(target).added = (type) => {
			if (types.includes(type))
				this.#strong = this.#weak.deref();
		};
	}

	get target() {
		return this.#strong ?? this.#weak.deref();
	}
}
internals.Receiver = Receiver;

// --- channels ---

// What is sent is { data, ports, frame }.
class End {
	peer = null;
	port = null; // Receiver of the MessagePort; null while in transit or the platform's own
	sink = null; // sink(data): the platform's own receiver
	queue = new Fifo();
	enabled = false;
	closed = false; // by its own port

	post(message) {
		this.queue.push(message);
		if (this.enabled)
			internals.startTimer(() => this.#deliver(), 0);
	}

	enable() {
		if (this.enabled)
			return;
		this.enabled = true;
		for (let i = 0; i < this.queue.length; i++)
			internals.startTimer(() => this.#deliver(), 0);
	}

	// One message; there is a task for each. None is left when the end was disabled and enabled again.
	#deliver() {
		if (!this.enabled || this.queue.length === 0)
			return;
		const message = this.queue.shift();
		if (this.sink) {
			this.sink(message.data);
			return;
		}
		const port = this.port.target;
		if (port)
			internals.asyncCall(message.frame, internals.fireMessage, undefined,
				[port, message.data, '', message.ports]);
	}

	// The other side learns of it behind what was sent before.
	disentangle() {
		const { peer } = this;
		if (!peer)
			return;
		this.peer = peer.peer = null;
		internals.startTimer(() => {
			const port = peer.port?.target;
			if (port)
				internals.fire(port, new Event('close'));
		}, 0);
	}
}

// Two ends that know each other.
internals.newChannel = () => {
	const here = new End();
	const there = new End();
	here.peer = there;
	there.peer = here;
	return { here, there };
};

// Closes the ends of ports that nobody can reach any more. An end that lives is known to its peer,
// so a weak reference is enough, and a strong one would keep the port.
let collected = null;

// postMessage(message, transfer) or postMessage(message, options)
function transferList(value) {
	if (isObject(value)) {
		const method = value[Symbol.iterator];
		if (method !== undefined && method !== null)
			return sequenceFrom(value, callbackFunction(method, 'transfer: its iterator'),
				internals.transferItem);
	}
	return internals.transferOf(value);
}

class MessagePort extends EventTarget {
	#end; // null: transferred

	constructor() {
		guardConstructor(arguments[0]);
		super();
		const end = arguments[1];
		this.#end = end;
		end.port = new Receiver(this, ['message', 'messageerror', 'close']);
		collected ??= new FinalizationRegistry((weak) => weak.deref()?.disentangle());
		collected.register(this, new WeakRef(end), this);
	}

	postMessage(message, transferOrOptions = undefined) {
		const end = this.#end;
		requireArguments(arguments.length, 1, 'postMessage');
		const list = transferList(transferOrOptions);
		if (list.includes(this))
			throw new DOMException('postMessage: a port cannot be sent through itself',
				'DataCloneError');
		const peer = end?.peer;
		// The other end sent through this one: nobody could read what arrives there.
		const doomed = !peer || list.some((o) => internals.isMessagePort(o) && o.#end === peer);
		const { value, transferred } = internals.cloneWithTransfer(message, list);
		if (doomed || end.peer !== peer)
			return;
		const ports = transferred.filter(internals.isMessagePort);
		peer.post({
			data: value, ports: ports.length > 0 ? Object.freeze(ports) : NO_PORTS,
			frame: internals.asyncFrame(),
		});
	}

	start() {
		this.#end?.enable();
	}

	close() {
		const end = this.#end;
		if (!end)
			return;
		end.closed = true;
		end.disentangle();
	}

	static {
		internals.isMessagePort = (value) => isObject(value) && #end in value;
		internals.transferables.push({
			is: internals.isMessagePort,
			transfer(port) {
				const end = port.#end;
				if (!end || end.closed)
					throw new DOMException('A MessagePort of the transfer list is closed or detached',
						'DataCloneError');
				collected.unregister(port);
				port.#end = null;
				end.enabled = false;
				return new MessagePort(secret, end);
			},
		});
	}
}

for (const type of ['message', 'messageerror', 'close'])
	internals.defineHandler(MessagePort.prototype, type);
// To set it is to listen.
const onmessage = Object.getOwnPropertyDescriptor(MessagePort.prototype, 'onmessage');
const start = MessagePort.prototype.start;
const setOnmessage = onmessage.set;
const listening = Object.getOwnPropertyDescriptor({
	set onmessage(value) {
		ReflectApply(setOnmessage, this, [value]);
		ReflectApply(start, this, []);
	},
}, 'onmessage');
Object.defineProperty(MessagePort.prototype, 'onmessage', { ...onmessage, set: listening.set });

class MessageChannel {
	#port1;
	#port2;

	constructor() {
		const { here, there } = internals.newChannel();
		this.#port1 = new MessagePort(secret, here);
		this.#port2 = new MessagePort(secret, there);
	}

	get port1() {
		return this.#port1;
	}

	get port2() {
		return this.#port2;
	}
}

expose(MessageEvent, MessagePort, MessageChannel);
