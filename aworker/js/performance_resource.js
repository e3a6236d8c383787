// SPDX-License-Identifier: Apache-2.0
// Resource timing: what fetch() tells of each request by internals.addResourceTiming().
'use strict';

const { expose, guardConstructor, secret } = internals.webidl;
const { Event } = internals;
const P = internals.timeline;

// Entries kept until setResourceTimingBufferSize() says otherwise (Resource Timing, section 4.2).
const BUFFER_SIZE = 250;
// Entries that wait, beyond a full buffer, for its event.
const WAITING_MAX = 1000;

const TIMES = [
	'workerStart', 'redirectStart', 'redirectEnd', 'fetchStart', 'domainLookupStart',
	'domainLookupEnd', 'connectStart', 'connectEnd', 'secureConnectionStart', 'requestStart',
	'finalResponseHeadersStart', 'firstInterimResponseStart', 'responseStart', 'responseEnd',
];
const NUMBERS = [
	...TIMES, 'transferSize', 'encodedBodySize', 'decodedBodySize', 'responseStatus',
];
const TEXTS = ['initiatorType', 'deliveryType', 'nextHopProtocol', 'contentType'];

class PerformanceResourceTiming extends P.PerformanceEntry {
	#values;

	constructor() {
		guardConstructor(arguments[0]);
		const [, name, startTime, values] = arguments;
		super(secret, name, 'resource', startTime,
			Math.max(0, values.responseEnd - startTime));
		this.#values = values;
	}

	toJSON() {
		void this.#values;
		return { ...super.toJSON(), ...this.#values };
	}

	static {
		for (const key of [...TEXTS, 'renderBlockingStatus', ...NUMBERS]) {
			const attribute = Object.getOwnPropertyDescriptor({
				get [key]() {
					return this.#values[key];
				},
			}, key);
			Object.defineProperty(PerformanceResourceTiming.prototype, key, attribute);
		}
	}
}

let limit = BUFFER_SIZE;
let dropped = 0;
let waiting = []; // the secondary buffer: until the event for a full one was fired
let eventPending = false;
let inVain = false; // the last event has made no room

P.dropped = () => dropped;
P.limitResources = (size) => {
	limit = size;
	inVain = false;
};
P.resetResources = () => {
	dropped = 0;
	waiting = [];
};

function hasRoom() {
	return P.buffers.resource.length < limit;
}

// The user may make room in a listener; without that what waits is lost.
function fireFull() {
	while (waiting.length > 0) {
		const before = waiting.length;
		if (!hasRoom())
			internals.fire(P.performance, new Event('resourcetimingbufferfull'));
		inVain = !hasRoom();
		const moved = waiting.splice(0, Math.max(0, limit - P.buffers.resource.length));
		moved.forEach((entry) => P.buffers.resource.push(entry));
		dropped -= moved.length;
		if (before <= waiting.length)
			waiting = [];
	}
	eventPending = false;
}

// A server that looks at none of them soon has a full buffer.
function isWanted() {
	return !inVain || hasRoom() || P.isObserved() ||
		internals.hasListeners(P.performance, 'resourcetimingbufferfull');
}

// init: { name, startTime, initiatorType, nextHopProtocol, ... }, the attributes of
// PerformanceResourceTiming; those that are missing are 0 or ''. Times are as of performance.now().
internals.addResourceTiming = (init) => {
	if (!isWanted()) {
		dropped++;
		return;
	}
	const values = {};
	TEXTS.forEach((key) => {
		values[key] = init[key] ?? (key === 'initiatorType' ? 'fetch' : '');
	});
	values.renderBlockingStatus = 'non-blocking';
	NUMBERS.forEach((key) => {
		values[key] = init[key] ?? 0;
	});
	values.fetchStart ||= init.startTime;
	const entry = new PerformanceResourceTiming(secret, init.name, init.startTime, values);
	P.notify(entry);
	if (hasRoom() && !eventPending) {
		P.buffers.resource.push(entry);
		return;
	}
	dropped++;
	if (waiting.length < WAITING_MAX)
		waiting.push(entry);
	if (!eventPending) {
		eventPending = true;
		internals.startTimer(fireFull, 0);
	}
};

expose(PerformanceResourceTiming);
