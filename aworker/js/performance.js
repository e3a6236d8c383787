// SPDX-License-Identifier: Apache-2.0
// performance: now(), timeOrigin, the timeline of entries, and user timing (mark and measure). Who
// observes them is in performance_observer.js, resources are in performance_resource.js.
'use strict';

const {
	domString, dictionary, isObject, requireArguments, expose, defineGlobal, guardConstructor,
	integer, secret,
} = internals.webidl;
const { EventTarget, DOMException } = internals;

// Entries of a type that are kept; the oldest go first. A worker lives long, and marks are easily
// forgotten. What resources may leave, the user says (setResourceTimingBufferSize).
const ENTRIES_MAX = 10000;

const P = (internals.timeline = { __proto__: null });

// What the timeline holds of each type.
const noEntries = () => ({ __proto__: null, mark: [], measure: [], resource: [] });
P.buffers = noEntries();

class PerformanceEntry {
	#name;
	#type;
	#start;
	#duration;

	constructor() {
		guardConstructor(arguments[0]);
		const [, name, type, start, duration] = arguments;
		this.#name = name;
		this.#type = type;
		this.#start = start;
		this.#duration = duration;
	}

	get name() {
		return this.#name;
	}

	get entryType() {
		return this.#type;
	}

	get startTime() {
		return this.#start;
	}

	get duration() {
		return this.#duration;
	}

	toJSON() {
		return {
			name: this.#name, entryType: this.#type, startTime: this.#start, duration: this.#duration,
		};
	}
}

P.PerformanceEntry = PerformanceEntry;

function detailOf(value) {
	return value === undefined || value === null ? null : internals.structuredClone(value);
}

function startTimeOf(value) {
	const time = +value;
	if (!Number.isFinite(time))
		throw new TypeError('startTime is not a finite number');
	if (time < 0)
		throw new TypeError('startTime is negative');
	return time;
}

class PerformanceMark extends PerformanceEntry {
	#detail;

	constructor(markName, markOptions = undefined) {
		requireArguments(arguments.length, 1, 'PerformanceMark');
		const options = dictionary(markOptions, 'markOptions');
		const start = options.startTime === undefined ? ops.now() : startTimeOf(options.startTime);
		super(secret, domString(markName), 'mark', start, 0);
		this.#detail = detailOf(options.detail);
	}

	get detail() {
		return this.#detail;
	}
}

class PerformanceMeasure extends PerformanceEntry {
	#detail;

	constructor() {
		guardConstructor(arguments[0]);
		super(secret, arguments[1], 'measure', arguments[2], arguments[3]);
		this.#detail = arguments[4];
	}

	get detail() {
		return this.#detail;
	}
}

// Attributes of PerformanceTiming: as marks they are times of a document's navigation.
const NAVIGATION = new Set([
	'navigationStart', 'unloadEventStart', 'unloadEventEnd', 'redirectStart', 'redirectEnd',
	'fetchStart', 'domainLookupStart', 'domainLookupEnd', 'connectStart', 'connectEnd',
	'secureConnectionStart', 'requestStart', 'responseStart', 'responseEnd', 'domLoading',
	'domInteractive', 'domContentLoadedEventStart', 'domContentLoadedEventEnd', 'domComplete',
	'loadEventStart', 'loadEventEnd',
]);

function timeOf(value) {
	if (typeof value === 'number')
		return startTimeOf(value);
	const name = domString(value);
	if (NAVIGATION.has(name))
		throw new TypeError(`measure: '${name}' is a time of a document, which a worker has not`);
	const marks = P.buffers.mark;
	for (let i = marks.length - 1; i >= 0; i--)
		if (marks[i].name === name)
			return marks[i].startTime;
	throw new DOMException(`There is no mark '${name}'`, 'SyntaxError');
}

function checkMeasure(options, endMark) {
	const { detail, duration, end, start } = options;
	if ([detail, duration, end, start].every((member) => member === undefined))
		return;
	if (endMark !== undefined)
		throw new TypeError('measure: with options there is no third argument');
	if (start === undefined && end === undefined)
		throw new TypeError('measure: options need start or end');
	if (start !== undefined && end !== undefined && duration !== undefined)
		throw new TypeError('measure: options have start, end and duration');
}

// The second argument of measure() with its members read once.
function measureOptions(value, endMark) {
	if (value === undefined || value === null)
		return {};
	if (!isObject(value))
		return { start: domString(value) };
	const { detail, duration, end, start } = value;
	const options = { detail, duration, end, start };
	checkMeasure(options, endMark);
	return options;
}

// [start, end] of measure(name, startOrOptions, endMark)
function measureSpan(options, endMark) {
	const { start, duration } = options;
	const wanted = endMark ?? options.end;
	let end;
	if (wanted !== undefined)
		end = timeOf(wanted);
	else if (start !== undefined && duration !== undefined)
		end = timeOf(start) + timeOf(+duration);
	else
		end = ops.now();
	if (start !== undefined)
		return [timeOf(start), end];
	return [duration === undefined ? 0 : end - timeOf(+duration), end];
}

function keep(entry) {
	const buffer = P.buffers[entry.entryType];
	if (buffer.length >= ENTRIES_MAX)
		buffer.shift();
	buffer.push(entry);
	P.notify(entry);
	return entry;
}

function clear(type, name) {
	P.buffers[type] = name === undefined ? []
		: P.buffers[type].filter((entry) => entry.name !== name);
}

// In order of time; what began at once stays in order of arrival.
P.sorted = (list) => list.sort((a, b) => a.startTime - b.startTime);

// The entries that match, of some lists.
P.select = (lists, name, type) => {
	const found = [];
	lists.forEach((list) => list.forEach((entry) => {
		if ((name === undefined || entry.name === name) &&
			(type === undefined || entry.entryType === type))
			found.push(entry);
	}));
	return P.sorted(found);
};

function timeline(name, type) {
	const { mark, measure, resource } = P.buffers;
	return P.select([mark, measure, resource], name, type);
}

// The times of another process mean nothing in this one.
internals.resetPerformance = () => {
	P.buffers = noEntries();
	P.resetResources();
};

class Performance extends EventTarget {
	#brand;

	constructor() {
		guardConstructor(arguments[0]);
		super();
	}

	get timeOrigin() {
		void this.#brand;
		return ops.timeOrigin();
	}

	now() {
		void this.#brand;
		return ops.now();
	}

	mark(markName, markOptions = undefined) {
		void this.#brand;
		requireArguments(arguments.length, 1, 'mark');
		return keep(new PerformanceMark(markName, markOptions));
	}

	measure(measureName, startOrOptions = undefined, endMark = undefined) {
		void this.#brand;
		requireArguments(arguments.length, 1, 'measure');
		const name = domString(measureName);
		const options = measureOptions(startOrOptions, endMark);
		const [start, end] = measureSpan(options, endMark);
		return keep(new PerformanceMeasure(secret, name, start, end - start,
			detailOf(options.detail)));
	}

	clearMarks(markName = undefined) {
		void this.#brand;
		clear('mark', markName === undefined ? undefined : domString(markName));
	}

	clearMeasures(measureName = undefined) {
		void this.#brand;
		clear('measure', measureName === undefined ? undefined : domString(measureName));
	}

	getEntries() {
		void this.#brand;
		return timeline();
	}

	getEntriesByType(type) {
		void this.#brand;
		requireArguments(arguments.length, 1, 'getEntriesByType');
		return timeline(undefined, domString(type));
	}

	getEntriesByName(name, type = undefined) {
		void this.#brand;
		requireArguments(arguments.length, 1, 'getEntriesByName');
		return timeline(domString(name), type === undefined ? undefined : domString(type));
	}

	clearResourceTimings() {
		void this.#brand;
		P.buffers.resource = [];
	}

	setResourceTimingBufferSize(maxSize) {
		void this.#brand;
		requireArguments(arguments.length, 1, 'setResourceTimingBufferSize');
		P.limitResources(integer(maxSize, 32, false));
	}

	toJSON() {
		void this.#brand;
		return { timeOrigin: ops.timeOrigin() };
	}
}

internals.defineHandler(Performance.prototype, 'resourcetimingbufferfull');
expose(PerformanceEntry, PerformanceMark, PerformanceMeasure, Performance);

P.performance = new Performance(secret);
defineGlobal('performance', P.performance);
