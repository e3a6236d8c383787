// SPDX-License-Identifier: Apache-2.0
// Headers (WHATWG Fetch, section 5.1). A list of [name in lower case, value]; the sorted and
// combined view that iteration shows is made on demand.
'use strict';

const {
	byteString, expose, isObject, pairIterable, requireArguments, sequenceFrom, secret,
} = internals.webidl;

const BAD_VALUE = /[\0\n\r]/;
const UPPER = /[A-Z]/;

function normalName(name) {
	const s = byteString(name, 'the name of a header');
	if (!internals.isToken(s))
		throw new TypeError(`Headers: '${s}' is not a valid name`);
	return UPPER.test(s) ? s.toLowerCase() : s;
}

function normalValue(value) {
	const s = internals.trimSpace(byteString(value, 'the value of a header'));
	if (BAD_VALUE.test(s))
		throw new TypeError('Headers: a value has a line break or NUL in it');
	return s;
}

function pairFrom(value) {
	const method = isObject(value) ? value[Symbol.iterator] : undefined;
	if (typeof method !== 'function')
		throw new TypeError('Headers: an element of init is not a pair');
	return sequenceFrom(value, method, (v) => byteString(v, 'a header'));
}

function fillFrom(headers, init) {
	if (!isObject(init))
		throw new TypeError('Headers: init is not an object');
	const method = init[Symbol.iterator];
	if (method !== undefined && method !== null) {
		if (typeof method !== 'function')
			throw new TypeError('Headers: init is not iterable');
		for (const pair of sequenceFrom(init, method, pairFrom)) {
			if (pair.length !== 2)
				throw new TypeError('Headers: an element of init is not a pair of name and value');
			internals.headersAppend(headers, pair[0], pair[1]);
		}
		return;
	}
	fillFromRecord(headers, init);
}

function fillFromRecord(headers, init) {
	const pairs = [];
	for (const key of Reflect.ownKeys(init)) {
		const d = Reflect.getOwnPropertyDescriptor(init, key);
		if (d !== undefined && d.enumerable)
			pairs.push([byteString(key, 'the name of a header'),
				byteString(init[key], 'the value of a header')]);
	}
	for (const [name, value] of pairs)
		internals.headersAppend(headers, name, value);
}

// Sorted by name, values of one name joined; each Set-Cookie stands for itself.
function sortAndCombine(list) {
	const combined = new Map();
	const out = [];
	for (const [name, value] of list) {
		const entry = name === 'set-cookie' ? undefined : combined.get(name);
		if (entry) {
			entry[1] += `, ${value}`;
			continue;
		}
		const made = [name, value];
		combined.set(name, made);
		out.push(made);
	}
	return out.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
}

class Headers {
	#list = [];
	#sorted = null;
	#immutable = false;

	constructor(init = undefined) {
		if (init !== undefined && init !== secret)
			fillFrom(this, init);
	}

	append(name, value) {
		void this.#list;
		requireArguments(arguments.length, 2, 'append');
		internals.headersAppend(this, byteString(name), byteString(value));
	}

	delete(name) {
		void this.#list;
		requireArguments(arguments.length, 1, 'delete');
		const wanted = normalName(name);
		this.#guard();
		this.#list = this.#list.filter((p) => p[0] !== wanted);
		this.#sorted = null;
	}

	get(name) {
		void this.#list;
		requireArguments(arguments.length, 1, 'get');
		return internals.headersGet(this, normalName(name));
	}

	getSetCookie() {
		return this.#list.filter((p) => p[0] === 'set-cookie').map((p) => p[1]);
	}

	has(name) {
		void this.#list;
		requireArguments(arguments.length, 1, 'has');
		const wanted = normalName(name);
		return this.#list.some((p) => p[0] === wanted);
	}

	set(name, value) {
		void this.#list;
		requireArguments(arguments.length, 2, 'set');
		name = byteString(name);
		const text = normalValue(value);
		const wanted = normalName(name);
		this.#guard();
		const at = this.#list.findIndex((p) => p[0] === wanted);
		if (at < 0) {
			this.#list.push([wanted, text]);
		} else {
			this.#list[at] = [wanted, text];
			this.#list = this.#list.filter((p, i) => i <= at || p[0] !== wanted);
		}
		this.#sorted = null;
	}

	#guard() {
		if (this.#immutable)
			throw new TypeError('The headers are immutable');
	}

	static {
		internals.isHeaders = (value) => isObject(value) && #list in value;
		internals.headersList = (headers) => headers.#list;
		// `list` becomes the headers' own.
		internals.newHeaders = (list) => {
			const headers = new Headers(secret);
			headers.#list = list;
			return headers;
		};
		internals.freezeHeaders = (headers) => {
			headers.#immutable = true;
			return headers;
		};
		internals.headersAppend = (headers, name, value) => {
			const text = normalValue(value);
			const wanted = normalName(name);
			headers.#guard();
			headers.#list.push([wanted, text]);
			headers.#sorted = null;
		};
		internals.headersGet = (headers, name) => {
			let found = null;
			for (const p of headers.#list)
				if (p[0] === name)
					found = found === null ? p[1] : `${found}, ${p[1]}`;
			return found;
		};
		pairIterable(Headers, (headers) => (headers.#sorted ??= sortAndCombine(headers.#list)));
	}
}

expose(Headers);
internals.Headers = Headers;

// From a flat array of names and values that C has checked, or from one string in which U+0000 ends
// each of them.
internals.headersFromFlat = (names) => {
	const flat = typeof names === 'string' ? names.split('\0') : names;
	const list = [];
	for (let i = 0; i + 1 < flat.length; i += 2) {
		const name = flat[i];
		list.push([UPPER.test(name) ? name.toLowerCase() : name, flat[i + 1]]);
	}
	return list;
};
