// SPDX-License-Identifier: Apache-2.0
// Event, EventTarget and the event classes that need nothing else. There is no tree of targets:
// an event visits its target and is done.
'use strict';

const {
	domString, usvString, integer, dictionary, isObject, requireArguments, expose, constants, secret,
} = internals.webidl;
const { ReflectApply } = internals.primordials;

const NONE = 0;
const AT_TARGET = 2;

class Event {
	#type;
	#bubbles;
	#cancelable;
	#composed;
	#timeStamp;
	#target = null;
	#phase = NONE;
	#initialized = true;
	#dispatching = false;
	#stop = false;
	#stopNow = false;
	#canceled = false;
	#passive = false;
	#trusted = false;

	constructor(type, init = undefined) {
		if (type === secret) {
			this.#platform(init);
			return;
		}
		requireArguments(arguments.length, 1, 'Event');
		this.#type = domString(type);
		const d = dictionary(init, 'eventInitDict');
		this.#bubbles = !!d.bubbles;
		this.#cancelable = !!d.cancelable;
		this.#composed = !!d.composed;
		this.#timeStamp = ops.now();
		Object.defineProperty(this, 'isTrusted', isTrusted);
	}

	// A cancelable one of the platform, whose class has isTrusted.
	#platform(type) {
		this.#type = type;
		this.#bubbles = this.#composed = false;
		this.#cancelable = true;
		this.#timeStamp = ops.now();
	}

	get type() {
		return this.#type;
	}

	get target() {
		return this.#target;
	}

	get srcElement() {
		return this.#target;
	}

	get currentTarget() {
		return this.#phase === AT_TARGET ? this.#target : null;
	}

	composedPath() {
		return this.#phase === AT_TARGET ? [this.#target] : [];
	}

	get eventPhase() {
		return this.#phase;
	}

	stopPropagation() {
		this.#stop = true;
	}

	get cancelBubble() {
		return this.#stop;
	}

	set cancelBubble(value) {
		if (value)
			this.#stop = true;
		else
			void this.#stop;
	}

	stopImmediatePropagation() {
		this.#stop = true;
		this.#stopNow = true;
	}

	get bubbles() {
		return this.#bubbles;
	}

	get cancelable() {
		return this.#cancelable;
	}

	get returnValue() {
		return !this.#canceled;
	}

	set returnValue(value) {
		if (!value)
			this.#cancel();
		else
			void this.#canceled;
	}

	preventDefault() {
		this.#cancel();
	}

	get defaultPrevented() {
		return this.#canceled;
	}

	get composed() {
		return this.#composed;
	}

	get timeStamp() {
		return this.#timeStamp;
	}

	initEvent(type, bubbles = false, cancelable = false) {
		requireArguments(arguments.length, 1, 'initEvent');
		if (this.#dispatching)
			return;
		this.#type = domString(type);
		this.#bubbles = !!bubbles;
		this.#cancelable = !!cancelable;
		this.#stop = this.#stopNow = this.#canceled = this.#trusted = false;
		this.#target = null;
	}

	#cancel() {
		if (this.#cancelable && !this.#passive)
			this.#canceled = true;
	}

	static {
		const getTrusted = Object.getOwnPropertyDescriptor({
			get isTrusted() {
				return this.#trusted;
			},
		}, 'isTrusted').get;
		internals.isTrustedGetter = getTrusted;
		internals.isEvent = (value) => isObject(value) && #type in value;
		internals.trustEvent = (event) => {
			event.#trusted = true;
			return event;
		};
		// A message of an event that is used once more: the type stays.
		internals.dispatch = (target, list, event) => {
			event.#dispatching = true;
			event.#target = target;
			event.#phase = AT_TARGET;
			if (list && !event.#stop)
				Event.#invoke(target, list, event);
			event.#phase = NONE;
			event.#dispatching = event.#stop = event.#stopNow = false;
			return !event.#canceled;
		};
		internals.canDispatch = (event) => !event.#dispatching && event.#initialized;
	}

	static #invoke(target, list, event) {
		// Listeners added from now on are not called; capturing ones go first.
		const now = list.slice();
		Event.#callSome(target, now, event, true);
		if (!event.#stop)
			Event.#callSome(target, now, event, false);
	}

	static #callSome(target, list, event, capture) {
		for (let i = 0; i < list.length && !event.#stopNow; i++) {
			const l = list[i];
			if (l.capture !== capture || l.removed)
				continue;
			if (l.once)
				l.owner.remove(l);
			event.#passive = l.passive;
			callListener(target, l, event);
			event.#passive = false;
		}
	}
}

const isTrusted = {
	get: internals.isTrustedGetter, set: undefined, enumerable: true, configurable: false,
};

function callListener(target, l, event) {
	try {
		if (l.handler)
			l.handler(target, event);
		else if (typeof l.callback === 'function')
			ReflectApply(l.callback, target, [event]);
		else {
			const handle = l.callback.handleEvent;
			if (typeof handle !== 'function')
				throw new TypeError('The listener has no function handleEvent');
			ReflectApply(handle, l.callback, [event]);
		}
	} catch (error) {
		internals.report(error);
	}
}

// The listeners of one target.
class Listeners {
	lists = { __proto__: null };
	handlers = null; // of on... attributes: type -> { value, listener }
	added = null; // called with the type of a new listener

	find(type, callback, capture) {
		const list = this.lists[type];
		return list?.find((l) => l.callback === callback && l.capture === capture && !l.handler);
	}

	add(type, listener) {
		listener.owner = this;
		listener.type = type;
		(this.lists[type] ??= []).push(listener);
		this.added?.(type);
	}

	remove(listener) {
		listener.removed = true;
		const list = this.lists[listener.type];
		const i = list.indexOf(listener);
		if (i >= 0)
			list.splice(i, 1);
		if (list.length === 0)
			delete this.lists[listener.type];
	}
}

const globalListeners = new Listeners();

function captureOf(options) {
	return isObject(options) ? !!options.capture : !!options;
}

function listenerCallback(callback) {
	if (callback === null || callback === undefined)
		return null;
	if (!isObject(callback))
		throw new TypeError('addEventListener: the listener is no function and no object');
	return callback;
}

function signalOf(options) {
	if (!isObject(options) || options.signal === undefined)
		return null;
	if (!internals.isAbortSignal(options.signal))
		throw new TypeError("addEventListener: options.signal is not an AbortSignal");
	return options.signal;
}

class EventTarget {
	#listeners = new Listeners();

	addEventListener(type, callback, options = undefined) {
		const listeners = EventTarget.#of(this);
		requireArguments(arguments.length, 2, 'addEventListener');
		type = domString(type);
		const capture = captureOf(options);
		const once = isObject(options) ? !!options.once : false;
		const passive = isObject(options) ? !!options.passive : false;
		const signal = signalOf(options);
		callback = listenerCallback(callback);
		if (callback === null || signal?.aborted || listeners.find(type, callback, capture))
			return;
		const l = {
			type, callback, capture, once, passive, handler: null, removed: false, owner: null,
		};
		listeners.add(type, l);
		if (signal)
			internals.addAbortAlgorithm(signal, () => l.removed || listeners.remove(l));
	}

	removeEventListener(type, callback, options = undefined) {
		const listeners = EventTarget.#of(this);
		requireArguments(arguments.length, 2, 'removeEventListener');
		const found = listeners.find(domString(type), listenerCallback(callback), captureOf(options));
		if (found)
			listeners.remove(found);
	}

	dispatchEvent(event) {
		const target = this ?? globalThis;
		const listeners = EventTarget.#of(target);
		requireArguments(arguments.length, 1, 'dispatchEvent');
		if (!internals.isEvent(event))
			throw new TypeError('dispatchEvent: the argument is not an Event');
		if (!internals.canDispatch(event))
			throw new internals.DOMException('The event is being dispatched', 'InvalidStateError');
		return internals.dispatch(target, listeners.lists[event.type], event);
	}

	// The global is an EventTarget too, and `this` may be left out for it.
	static #of(target) {
		if (target === undefined || target === null || target === globalThis)
			return globalListeners;
		return target.#listeners;
	}

	static {
		internals.listenersOf = (target) => EventTarget.#of(target);
	}
}

// Fires an event of the platform. True when nobody called preventDefault().
internals.fire = (target, event) =>
	internals.dispatch(target, internals.listenersOf(target).lists[event.type],
		internals.trustEvent(event));
internals.hasListeners = (target, type) => type in internals.listenersOf(target).lists;

// An on... attribute. `call(handler, target, event)` is how it is called, false/true as it wants.
function defineHandler(object, type, call = plainHandler) {
	const name = `on${type}`;
	const accessors = {
		get [name]() {
			return internals.listenersOf(this).handlers?.[type]?.value ?? null;
		},
		set [name](value) {
			setHandler(internals.listenersOf(this), type, isObject(value) ? value : null, call);
		},
	};
	const d = Object.getOwnPropertyDescriptor(accessors, name);
	d.enumerable = object !== globalThis;
	Object.defineProperty(object, name, d);
}

function plainHandler(handler, target, event) {
	if (ReflectApply(handler, target, [event]) === false)
		event.preventDefault();
}

function setHandler(listeners, type, value, call) {
	const handlers = (listeners.handlers ??= { __proto__: null });
	const entry = handlers[type];
	if (value === null) {
		if (entry) {
			listeners.remove(entry.listener);
			delete handlers[type];
		}
		return;
	}
	if (entry) {
		entry.value = value;
		return;
	}
	const made = { value, listener: null };
	made.listener = {
		type, callback: null, capture: false, once: false, passive: false, removed: false, owner: null,
		handler: (target, event) => {
			if (typeof made.value === 'function')
				call(made.value, target, event);
		},
	};
	handlers[type] = made;
	listeners.add(type, made.listener);
}
internals.defineHandler = defineHandler;

class CustomEvent extends Event {
	#detail;

	constructor(type, init = undefined) {
		requireArguments(arguments.length, 1, 'CustomEvent');
		super(type, init);
		const detail = dictionary(init).detail;
		this.#detail = detail === undefined ? null : detail;
	}

	get detail() {
		return this.#detail;
	}

	initCustomEvent(type, bubbles = false, cancelable = false, detail = null) {
		requireArguments(arguments.length, 1, 'initCustomEvent');
		void this.#detail;
		if (!internals.canDispatch(this))
			return;
		this.initEvent(type, bubbles, cancelable);
		this.#detail = detail;
	}
}

class ErrorEvent extends Event {
	#message;
	#filename;
	#lineno;
	#colno;
	#error;

	constructor(type, init = undefined) {
		requireArguments(arguments.length, 1, 'ErrorEvent');
		super(type, init);
		const d = dictionary(init);
		this.#colno = integer(d.colno ?? 0, 32, false);
		this.#error = d.error;
		this.#filename = usvString(d.filename === undefined ? '' : d.filename);
		this.#lineno = integer(d.lineno ?? 0, 32, false);
		this.#message = domString(d.message === undefined ? '' : d.message);
	}

	get message() {
		return this.#message;
	}

	get filename() {
		return this.#filename;
	}

	get lineno() {
		return this.#lineno;
	}

	get colno() {
		return this.#colno;
	}

	get error() {
		return this.#error;
	}

	static {
		internals.isErrorEvent = (event) => #error in event;
	}
}

class PromiseRejectionEvent extends Event {
	#promise;
	#reason;

	constructor(type, init) {
		requireArguments(arguments.length, 2, 'PromiseRejectionEvent');
		super(type, init);
		if (!isObject(init) || !isObject(init.promise))
			throw new TypeError('PromiseRejectionEvent: init.promise is missing');
		this.#promise = init.promise;
		this.#reason = init.reason;
	}

	get promise() {
		return this.#promise;
	}

	get reason() {
		return this.#reason;
	}
}

expose(Event, EventTarget, CustomEvent, ErrorEvent, PromiseRejectionEvent);
constants(Event, { NONE: 0, CAPTURING_PHASE: 1, AT_TARGET: 2, BUBBLING_PHASE: 3 });

Object.assign(internals, { Event, EventTarget, ErrorEvent, PromiseRejectionEvent });
