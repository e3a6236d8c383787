// SPDX-License-Identifier: Apache-2.0
// performance: now(), timeOrigin, and user timing (mark, measure and the entries they leave).
'use strict';

const {
	domString, dictionary, isObject, requireArguments, expose, defineGlobal, guardConstructor,
	secret,
} = internals.webidl;
const { EventTarget, DOMException } = internals;

// Entries kept; the oldest go first. A worker lives long, and marks are easily forgotten.
const ENTRIES_MAX = 10000;

const entries = [];

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

function timeOf(value) {
	if (typeof value === 'number')
		return startTimeOf(value);
	const name = domString(value);
	for (let i = entries.length - 1; i >= 0; i--)
		if (entries[i].entryType === 'mark' && entries[i].name === name)
			return entries[i].startTime;
	throw new DOMException(`There is no mark '${name}'`, 'SyntaxError');
}

function checkMeasure(options, endMark) {
	if (endMark !== undefined)
		throw new TypeError('measure: with options there is no third argument');
	const { start, end, duration } = options;
	if (start === undefined && end === undefined)
		throw new TypeError('measure: options need start or end');
	if (start !== undefined && end !== undefined && duration !== undefined)
		throw new TypeError('measure: options have start, end and duration');
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
	if (entries.length >= ENTRIES_MAX)
		entries.shift();
	entries.push(entry);
	return entry;
}

function clear(type, name) {
	for (let i = entries.length - 1; i >= 0; i--)
		if (entries[i].entryType === type && (name === undefined || entries[i].name === name))
			entries.splice(i, 1);
}

function sorted(list) {
	return list.sort((a, b) => a.startTime - b.startTime);
}

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
		let options = startOrOptions ?? {};
		if (!isObject(options))
			options = { start: domString(options) };
		else if (Object.keys(options).length > 0)
			checkMeasure(options, endMark);
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
		return sorted(entries.slice());
	}

	getEntriesByType(type) {
		void this.#brand;
		requireArguments(arguments.length, 1, 'getEntriesByType');
		type = domString(type);
		return sorted(entries.filter((e) => e.entryType === type));
	}

	getEntriesByName(name, type = undefined) {
		void this.#brand;
		requireArguments(arguments.length, 1, 'getEntriesByName');
		name = domString(name);
		return sorted(entries.filter(
			(e) => e.name === name && (type === undefined || e.entryType === `${type}`)));
	}

	toJSON() {
		void this.#brand;
		return { timeOrigin: ops.timeOrigin() };
	}
}

expose(PerformanceEntry, PerformanceMark, PerformanceMeasure, Performance);
defineGlobal('performance', new Performance(secret));
