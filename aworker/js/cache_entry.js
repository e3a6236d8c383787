// SPDX-License-Identifier: Apache-2.0
// Entries of caches: a request and its response without the body, what of it is stored, when two of
// them match, and how long one is fresh (Service Workers, section 5).
'use strict';

const { ResponseState, RequestState } = internals;
const NULL_BODY_STATUS = [101, 103, 204, 205, 304];
const FIXED = 9; // CACHE_HEAD_FIXED

function withoutFragment(url) {
	const hash = url.indexOf('#');
	return hash < 0 ? url : url.slice(0, hash);
}

function withoutSearch(url) {
	const search = url.indexOf('?');
	return search < 0 ? url : url.slice(0, search);
}

// The values of all headers of that name, as Headers.get() joins them; null: there is none.
function valueOf(list, name) {
	let found = null;
	for (let i = 0; i < list.length; i++)
		if (list[i][0] === name)
			found = found === null ? list[i][1] : `${found}, ${list[i][1]}`;
	return found;
}

function namesIn(value) {
	return value === null ? [] : value.split(',').map((name) => internals.trimSpace(name).toLowerCase());
}

class Entry {
	url; // of the request
	method;
	requestHeaders; // [name in lower case, value]
	status;
	statusText;
	type;
	responseUrl;
	redirected;
	time; // of the put, in ms since 1970
	headers;

	static of(request, response) {
		const entry = new Entry();
		entry.url = request.url;
		entry.method = request.method;
		entry.requestHeaders = internals.headersList(request.getHeaders()).slice();
		entry.status = response.status;
		entry.statusText = response.statusText;
		entry.type = response.type;
		entry.responseUrl = response.url;
		entry.redirected = response.redirected;
		entry.time = Date.now();
		entry.headers = internals.headersList(response.getHeaders()).slice();
		return entry;
	}

	// The strings of a head (aworker/cache/cache_file.h), and from them.
	toStrings() {
		const strings = [this.url, this.method, `${this.status}`, this.statusText, this.type,
			this.responseUrl, this.redirected ? '1' : '', `${this.time}`,
			`${2 * this.requestHeaders.length}`];
		const push = (list) => {
			for (let i = 0; i < list.length; i++)
				strings.push(list[i][0], list[i][1]);
		};
		push(this.requestHeaders);
		push(this.headers);
		return strings;
	}

	static from(strings) {
		const entry = new Entry();
		const middle = FIXED + +strings[8];
		const pairs = (from, to) => {
			const list = [];
			for (let i = from; i < to; i += 2)
				list.push([strings[i], strings[i + 1]]);
			return list;
		};
		entry.url = strings[0];
		entry.method = strings[1];
		entry.status = +strings[2];
		entry.statusText = strings[3];
		entry.type = strings[4];
		entry.responseUrl = strings[5];
		entry.redirected = strings[6] === '1';
		entry.time = +strings[7];
		entry.requestHeaders = pairs(FIXED, middle);
		entry.headers = pairs(middle, strings.length);
		return entry;
	}

	get vary() {
		return namesIn(valueOf(this.headers, 'vary'));
	}

	// Whether it answers that request (a RequestState), or one with these headers.
	matches(url, headers, options) {
		let mine = withoutFragment(this.url);
		let wanted = withoutFragment(url);
		if (options.ignoreSearch) {
			mine = withoutSearch(mine);
			wanted = withoutSearch(wanted);
		}
		if (mine !== wanted)
			return false;
		return options.ignoreVary || this.vary.every((name) => name !== '*' &&
			valueOf(this.requestHeaders, name) === valueOf(headers, name));
	}

	toRequest() {
		const state = new RequestState();
		state.url = this.url;
		state.method = this.method;
		state.headers = internals.freezeHeaders(internals.newHeaders(this.requestHeaders.slice()));
		return internals.requestFrom(state);
	}

	toResponse(body) {
		const state = new ResponseState();
		state.type = this.type;
		state.url = this.responseUrl;
		state.redirected = this.redirected;
		state.status = this.status;
		state.statusText = this.statusText;
		state.immutable = true;
		state.headers = internals.freezeHeaders(internals.newHeaders(this.headers.slice()));
		state.body = NULL_BODY_STATUS.includes(this.status) || this.status === 0 ? null : body;
		return internals.responseFrom(state);
	}

	// When it is stale, in ms since 1970, by its Cache-Control or Expires; Infinity: never.
	get expires() {
		const control = namesIn(valueOf(this.headers, 'cache-control'));
		for (const name of ['s-maxage=', 'max-age=']) {
			const directive = control.find((d) => d.startsWith(name));
			const seconds = directive === undefined ? NaN
				: +directive.slice(name.length).replace(/^"(\d+)"$/, '$1');
			if (seconds >= 0)
				return this.time + seconds * 1000;
		}
		const at = valueOf(this.headers, 'expires');
		if (at === null)
			return Infinity;
		const ms = Date.parse(at);
		return Number.isNaN(ms) ? this.time : ms;
	}

	// Whether a cache that is shared by all clients may have it.
	get isPrivate() {
		return namesIn(valueOf(this.headers, 'cache-control'))
			.some((d) => d === 'private' || d === 'no-store' || d === 'no-cache') ||
			valueOf(this.headers, 'set-cookie') !== null;
	}
}

// --- limits ---

let lastFull = null;

// What is thrown beyond a limit; `passing`: there is room when others go.
internals.cacheFull = (message, passing) => {
	const error = new DOMException(message, 'QuotaExceededError');
	if (passing)
		lastFull = error;
	return error;
};
internals.isPassing = (error) => error === lastFull;

internals.CacheEntry = Entry;
internals.cacheKey = withoutFragment;
