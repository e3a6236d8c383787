// SPDX-License-Identifier: Apache-2.0
// URL and URLSearchParams. A URL is its serialisation and eight offsets into it, both from ada; the
// getters slice. Nothing native is held.
'use strict';

const {
	usvString, isObject, requireArguments, expose, pairIterable, sequenceFrom,
} = internals.webidl;

// Offsets as ops.urlParse() gives them (ada_url_components).
const PROTOCOL_END = 0;
const USERNAME_END = 1;
const HOST_START = 2;
const HOST_END = 3;
const PORT = 4;
const PATHNAME_START = 5;
const SEARCH_START = 6;
const HASH_START = 7;
const OMITTED = -1;

// Where ops leave the offsets: small integers, which arrays hold as they are.
const offsets = new Int32Array(8);
const takeOffsets = () => [offsets[0], offsets[1], offsets[2], offsets[3], offsets[4], offsets[5],
	offsets[6], offsets[7]];

// --- URLs of requests ---

// Most come with the "http://host:port" of the one before. When the server says that a parser would
// leave what is behind it as it is, nothing is to be parsed: neither now nor when the handler makes a
// URL of it.
let knownOrigin = '';
let knownOffsets = null;
let plainHref = null; // of the last such request with that origin

// As its parser writes it; undefined when it is none. originLength is 0 when it may be anything.
internals.requestURL = (url, originLength) => {
	if (originLength > 0 && originLength === knownOrigin.length && url.startsWith(knownOrigin)) {
		plainHref = url;
		return url;
	}
	const href = ops.urlParse(url, null, offsets);
	if (originLength > 0 && href === url) {
		knownOrigin = url.slice(0, originLength);
		knownOffsets = takeOffsets();
		plainHref = url;
	}
	return href;
};

function plainOffsets() {
	const search = plainHref.indexOf('?', knownOrigin.length);
	return [knownOffsets[0], knownOffsets[1], knownOffsets[2], knownOffsets[3], knownOffsets[4],
		knownOffsets[5], search < 0 ? OMITTED : search, OMITTED];
}

// Parts as ops.urlSet() takes them (enum url_part).
const PART = {
	href: 0, protocol: 1, username: 2, password: 3, host: 4, hostname: 5, port: 6, pathname: 7,
	search: 8, hash: 9,
};

function invalid(input) {
	const error = new TypeError(`Invalid URL: '${input}'`);
	error.code = 'ERR_INVALID_URL';
	return error;
}

class URL {
	#href;
	#parts;
	#params = null;

	constructor(url, base = undefined) {
		requireArguments(arguments.length, 1, 'URL');
		if (url === plainHref && base === undefined) {
			this.#href = plainHref;
			this.#parts = plainOffsets();
			return;
		}
		const input = usvString(url);
		const href = ops.urlParse(input, base === undefined ? null : usvString(base), offsets);
		if (href === undefined)
			throw invalid(input);
		this.#href = href;
		this.#parts = takeOffsets();
	}

	static canParse(url, base = undefined) {
		requireArguments(arguments.length, 1, 'URL.canParse');
		return ops.urlCanParse(usvString(url), base === undefined ? null : usvString(base));
	}

	static parse(url, base = undefined) {
		requireArguments(arguments.length, 1, 'URL.parse');
		const input = usvString(url);
		base = base === undefined ? undefined : usvString(base);
		return URL.canParse(input, base) ? new URL(input, base) : null;
	}

	get href() {
		return this.#href;
	}

	set href(value) {
		const input = usvString(value);
		if (!this.#set(PART.href, input))
			throw invalid(input);
		this.#syncParams();
	}

	get origin() {
		return ops.urlOrigin(this.#href);
	}

	get protocol() {
		return this.#slice(0, this.#parts[PROTOCOL_END]);
	}

	set protocol(value) {
		this.#set(PART.protocol, usvString(value));
	}

	get username() {
		const start = this.#parts[PROTOCOL_END] + 2;
		const end = this.#parts[USERNAME_END];
		return start < end ? this.#slice(start, end) : '';
	}

	set username(value) {
		this.#set(PART.username, usvString(value));
	}

	get password() {
		const start = this.#parts[USERNAME_END];
		const end = this.#parts[HOST_START];
		return end > start ? this.#slice(start + 1, end) : '';
	}

	set password(value) {
		this.#set(PART.password, usvString(value));
	}

	get host() {
		// A path that starts with "//" is kept apart from an empty host by "/.".
		const end = this.#parts[PORT] === OMITTED ? this.#parts[HOST_END] : this.#parts[PATHNAME_START];
		return this.#slice(this.#hostStart(), end);
	}

	set host(value) {
		this.#set(PART.host, usvString(value));
	}

	get hostname() {
		return this.#slice(this.#hostStart(), this.#parts[HOST_END]);
	}

	set hostname(value) {
		this.#set(PART.hostname, usvString(value));
	}

	get port() {
		const port = this.#parts[PORT];
		return port === OMITTED ? '' : `${port}`;
	}

	set port(value) {
		this.#set(PART.port, usvString(value));
	}

	get pathname() {
		const search = this.#parts[SEARCH_START];
		return this.#slice(this.#parts[PATHNAME_START], search === OMITTED ? this.#hashStart() : search);
	}

	set pathname(value) {
		this.#set(PART.pathname, usvString(value));
	}

	get search() {
		const start = this.#parts[SEARCH_START];
		if (start === OMITTED)
			return '';
		const s = this.#slice(start, this.#hashStart());
		return s.length > 1 ? s : '';
	}

	set search(value) {
		this.#set(PART.search, usvString(value));
		this.#syncParams();
	}

	get searchParams() {
		return (this.#params ??= internals.newSearchParams(this.search, this));
	}

	get hash() {
		const start = this.#parts[HASH_START];
		if (start === OMITTED)
			return '';
		const s = this.#slice(start, this.#href.length);
		return s.length > 1 ? s : '';
	}

	set hash(value) {
		this.#set(PART.hash, usvString(value));
	}

	toString() {
		return this.#href;
	}

	toJSON() {
		return this.#href;
	}

	#slice(start, end) {
		return this.#href.slice(start, end);
	}

	// Or the end, where there is none.
	#hashStart() {
		const start = this.#parts[HASH_START];
		return start === OMITTED ? this.#href.length : start;
	}

	// The '@' after credentials belongs to no part.
	#hostStart() {
		const start = this.#parts[HOST_START];
		return this.#href[start] === '@' ? start + 1 : start;
	}

	#set(part, value) {
		const href = ops.urlSet(this.#href, part, value, offsets);
		if (href === undefined)
			return false;
		this.#href = href;
		this.#parts = takeOffsets();
		return true;
	}

	#syncParams() {
		if (this.#params)
			internals.setSearchParams(this.#params, this.search);
	}

	static {
		internals.isURL = (value) => isObject(value) && #href in value;
		internals.isHrefOf = (text, value) => isObject(value) && #href in value && value.#href === text;
		// The parameters of a URL changed: its query follows, without going back to them.
		internals.urlParamsChanged = (url, text) => void url.#set(PART.search, text);
	}
}

// --- application/x-www-form-urlencoded ---

const CODED = /[%+\ud800-\udfff]/;
const PLAIN = /^[A-Za-z0-9*\-._]*$/;

function decode(s) {
	return CODED.test(s) ? ops.formDecode(s) : s;
}

function encode(s) {
	return PLAIN.test(s) ? s : ops.formEncode(s);
}

function parsePairs(text) {
	const list = [];
	let start = 0;
	while (start <= text.length) {
		let end = text.indexOf('&', start);
		if (end < 0)
			end = text.length;
		if (end > start) {
			const pair = text.slice(start, end);
			const equals = pair.indexOf('=');
			list.push(equals < 0 ? [decode(pair), '']
				: [decode(pair.slice(0, equals)), decode(pair.slice(equals + 1))]);
		}
		start = end + 1;
	}
	return list;
}

function serializePairs(list) {
	let s = '';
	for (let i = 0; i < list.length; i++)
		s += `${i ? '&' : ''}${encode(list[i][0])}=${encode(list[i][1])}`;
	return s;
}

internals.parsePairs = parsePairs;

function pairFrom(value) {
	if (!isObject(value))
		throw new TypeError('URLSearchParams: an element is not a pair');
	const method = value[Symbol.iterator];
	if (typeof method !== 'function')
		throw new TypeError('URLSearchParams: an element is not iterable');
	const pair = sequenceFrom(value, method, usvString);
	if (pair.length !== 2)
		throw new TypeError('URLSearchParams: an element is not a pair of name and value');
	return pair;
}

function recordFrom(object) {
	const list = [];
	const seen = new Map();
	for (const key of Reflect.ownKeys(object)) {
		const d = Reflect.getOwnPropertyDescriptor(object, key);
		if (d === undefined || !d.enumerable)
			continue;
		const name = usvString(key);
		const value = usvString(object[key]);
		// Two keys may become one when lone surrogates are replaced.
		if (seen.has(name)) {
			list[seen.get(name)][1] = value;
		} else {
			seen.set(name, list.length);
			list.push([name, value]);
		}
	}
	return list;
}

function listFrom(init) {
	if (!isObject(init)) {
		const text = usvString(init);
		return parsePairs(text[0] === '?' ? text.slice(1) : text);
	}
	const method = init[Symbol.iterator];
	if (method === undefined || method === null)
		return recordFrom(init);
	if (typeof method !== 'function')
		throw new TypeError('URLSearchParams: init is not iterable');
	return sequenceFrom(init, method, pairFrom);
}

class URLSearchParams {
	#list;
	#url = null;

	constructor(init = '') {
		this.#list = listFrom(init);
	}

	get size() {
		return this.#list.length;
	}

	append(name, value) {
		void this.#list;
		requireArguments(arguments.length, 2, 'append');
		this.#list.push([usvString(name), usvString(value)]);
		this.#changed();
	}

	delete(name, value = undefined) {
		void this.#list;
		requireArguments(arguments.length, 1, 'delete');
		name = usvString(name);
		if (value !== undefined)
			value = usvString(value);
		this.#list = this.#list.filter(
			(p) => p[0] !== name || (value !== undefined && p[1] !== value));
		this.#changed();
	}

	get(name) {
		void this.#list;
		requireArguments(arguments.length, 1, 'get');
		name = usvString(name);
		const found = this.#list.find((p) => p[0] === name);
		return found ? found[1] : null;
	}

	getAll(name) {
		void this.#list;
		requireArguments(arguments.length, 1, 'getAll');
		name = usvString(name);
		return this.#list.filter((p) => p[0] === name).map((p) => p[1]);
	}

	has(name, value = undefined) {
		void this.#list;
		requireArguments(arguments.length, 1, 'has');
		name = usvString(name);
		if (value !== undefined)
			value = usvString(value);
		return this.#list.some((p) => p[0] === name && (value === undefined || p[1] === value));
	}

	set(name, value) {
		void this.#list;
		requireArguments(arguments.length, 2, 'set');
		name = usvString(name);
		value = usvString(value);
		const at = this.#list.findIndex((p) => p[0] === name);
		if (at < 0) {
			this.#list.push([name, value]);
		} else {
			this.#list[at] = [name, value];
			this.#list = this.#list.filter((p, i) => i <= at || p[0] !== name);
		}
		this.#changed();
	}

	sort() {
		// By UTF-16 code units, and stable, as the operators of strings and Array.sort are.
		this.#list.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
		this.#changed();
	}

	toString() {
		return serializePairs(this.#list);
	}

	#changed() {
		if (this.#url)
			internals.urlParamsChanged(this.#url, serializePairs(this.#list));
	}

	static {
		internals.isSearchParams = (value) => isObject(value) && #list in value;
		internals.newSearchParams = (search, url) => {
			const params = new URLSearchParams(search);
			params.#url = url;
			return params;
		};
		internals.setSearchParams = (params, search) => {
			params.#list = listFrom(search);
		};
		pairIterable(URLSearchParams, (params) => params.#list);
	}
}

expose(URL, URLSearchParams);
internals.URL = URL;
