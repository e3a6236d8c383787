// SPDX-License-Identifier: Apache-2.0
// PerformanceObserver (Performance Timeline): entries are gathered for each observer and handed
// over in a task of their own.
'use strict';

const {
	domString, dictionary, requireArguments, callbackFunction, expose, guardConstructor, sequence,
	secret,
} = internals.webidl;
const { ReflectApply } = internals.primordials;
const { DOMException } = internals;
const P = internals.timeline;

const TYPES = Object.freeze(['mark', 'measure', 'resource']);

class PerformanceObserverEntryList {
	#entries;

	constructor() {
		guardConstructor(arguments[0]);
		this.#entries = arguments[1];
	}

	getEntries() {
		return P.select([this.#entries]);
	}

	getEntriesByType(type) {
		void this.#entries;
		requireArguments(arguments.length, 1, 'getEntriesByType');
		return P.select([this.#entries], undefined, domString(type));
	}

	getEntriesByName(name, type = undefined) {
		void this.#entries;
		requireArguments(arguments.length, 1, 'getEntriesByName');
		return P.select([this.#entries], domString(name),
			type === undefined ? undefined : domString(type));
	}
}

const observers = new Set(); // those that observe something
let offer; // (observer, entry): true when it is one of those that the observer wants
let callObserver;
let queued = false; // a task that calls them is on its way

function deliver() {
	queued = false;
	const now = [];
	observers.forEach((observer) => now.push(observer));
	now.forEach(callObserver);
}

function queueDelivery() {
	if (queued)
		return;
	queued = true;
	internals.startTimer(deliver, 0);
}

P.isObserved = () => observers.size > 0;

P.notify = (entry) => {
	let any = false;
	observers.forEach((observer) => {
		any = offer(observer, entry) || any;
	});
	if (any)
		queueDelivery();
};

class PerformanceObserver {
	#callback;
	#kind = null; // 'type' or 'entryTypes': how the first observe() was called
	#types = [];
	#entries = [];
	#wantsDropped = false; // the next call says how many entries were lost

	constructor(callback) {
		requireArguments(arguments.length, 1, 'PerformanceObserver');
		this.#callback = callbackFunction(callback, 'PerformanceObserver: the argument');
	}

	static get supportedEntryTypes() {
		return TYPES;
	}

	observe(options = undefined) {
		void this.#callback;
		const d = dictionary(options, 'options');
		const buffered = !!d.buffered;
		const entryTypes = d.entryTypes === undefined ? undefined
			: sequence(d.entryTypes, domString, 'options.entryTypes');
		const type = d.type === undefined ? undefined : domString(d.type);
		if ((entryTypes === undefined) === (type === undefined))
			throw new TypeError('observe: options need entryTypes or type, not both');
		const kind = type === undefined ? 'entryTypes' : 'type';
		if ((this.#kind ?? kind) !== kind)
			throw new DOMException(`observe was called with ${this.#kind} before`,
				'InvalidModificationError');
		this.#kind = kind;
		const wanted = (entryTypes ?? [type]).filter((name) => TYPES.includes(name));
		if (wanted.length === 0)
			return;
		this.#wantsDropped = true;
		observers.add(this);
		if (kind === 'entryTypes') {
			this.#types = wanted;
			return;
		}
		if (!this.#types.includes(type))
			this.#types.push(type);
		if (buffered)
			this.#catchUp(type);
	}

	disconnect() {
		void this.#callback;
		observers.delete(this);
		this.#entries = [];
		this.#types = [];
		this.#kind = null;
	}

	takeRecords() {
		const entries = this.#entries;
		this.#entries = [];
		return entries;
	}

	#catchUp(type) {
		P.buffers[type].forEach((entry) => this.#entries.push(entry));
		queueDelivery();
	}

	static {
		offer = (observer, entry) => {
			if (!observer.#types.includes(entry.entryType))
				return false;
			observer.#entries.push(entry);
			return true;
		};
		callObserver = (observer) => {
			if (observer.#entries.length === 0)
				return;
			const list = new PerformanceObserverEntryList(secret, observer.takeRecords());
			const options = {};
			if (observer.#wantsDropped)
				options.droppedEntriesCount = observer.#types.includes('resource') ? P.dropped() : 0;
			observer.#wantsDropped = false;
			try {
				ReflectApply(observer.#callback, observer, [list, observer, options]);
			} catch (error) {
				internals.report(error);
			}
		};
	}
}

expose(PerformanceObserver, PerformanceObserverEntryList);
