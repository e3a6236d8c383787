// SPDX-License-Identifier: Apache-2.0
// Cache and CacheStorage (Service Workers, section 5.4-5.5), and `caches`. Where entries are is the
// business of cache_memory.js and cache_disk.js.
//
// caches.default is there always, as Cloudflare Workers have it: it has no name, an entry in it is
// not found any more when its Cache-Control or Expires says so, what is private does not get in, and
// when there is no room its oldest entries go. In other caches nothing happens by itself.
'use strict';

const {
	expose, guardConstructor, secret, isObject, domString, usvString, dictionary, sequence,
	requireArguments, defineGlobal,
} = internals.webidl;
const { viewTag, typedByteLength, markHandled } = internals.primordials;
const { CacheEntry, Request } = internals;
const { AbortController, AbortSignal, fetch } = globalThis;
const S = internals.streams;

const NAMED = 'n'; // what names of caches begin with in a store
const DEFAULT = 'd';
const NAME_MAX = 1024; // UTF-16 code units

let store; // undefined: nothing has been asked for yet

function theStore() {
	if (!store) {
		const [onDisk, max] = ops.cacheSetup();
		store = onDisk ? internals.newDiskCaches() : internals.newMemoryCaches(max);
	}
	return store;
}

// A process that goes on from a state image may have another directory, or none: what is in memory
// is kept only by one that has none.
internals.resetCaches = () => {
	if (store && ops.cacheSetup()[0] !== 0)
		store = undefined;
};

// Names may have any code units in them: two bytes each.
function encodeName(name) {
	let bytes = NAMED;
	for (let i = 0; i < name.length; i++) {
		const unit = name.charCodeAt(i);
		bytes += String.fromCharCode(unit >> 8, unit & 255);
	}
	return bytes;
}

function decodeName(bytes) {
	let name = '';
	for (let i = 1; i + 1 < bytes.length; i += 2)
		name += String.fromCharCode(bytes.charCodeAt(i) << 8 | bytes.charCodeAt(i + 1));
	return name;
}

// --- arguments ---

function queryOptions(value) {
	const d = dictionary(value, 'options');
	return {
		ignoreMethod: !!d.ignoreMethod, ignoreSearch: !!d.ignoreSearch, ignoreVary: !!d.ignoreVary,
	};
}

// The RequestState of a RequestInfo.
function requestOf(info) {
	if (internals.isRequest(info))
		return internals.requestState(info);
	return internals.requestState(new Request(usvString(info)));
}

function isHttp(url) {
	return url.startsWith('http:') || url.startsWith('https:');
}

function checkRequest(request, what) {
	if (!isHttp(request.url))
		throw new TypeError(`${what}: only http: and https: can be cached, not '${request.url}'`);
	if (request.method !== 'GET')
		throw new TypeError(`${what}: only GET can be cached, not ${request.method}`);
}

function checkResponse(response, what) {
	if (response.status === 206)
		throw new TypeError(`${what}: a partial response cannot be cached`);
	if (response.webSocket)
		throw new TypeError(`${what}: a response with a WebSocket cannot be cached`);
	const vary = internals.headersList(response.getHeaders());
	for (let i = 0; i < vary.length; i++)
		if (vary[i][0] === 'vary' && vary[i][1].split(',').some((v) => v.trim() === '*'))
			throw new TypeError(`${what}: a response that varies by everything cannot be cached`);
	if (response.body?.unusable)
		throw new TypeError(`${what}: the body was read, or is locked`);
}

// --- bodies on their way into a cache ---

function readChunk(reader) {
	return new Promise((resolve, reject) => S.readerRead(reader, {
		chunk: resolve,
		close: () => resolve(undefined),
		error: reject,
	}));
}

// A function (write) that gives the whole body to it, in turn. From now on the body is read.
function bodySource(body) {
	if (!body)
		return async () => {};
	const source = body.takeSource(true);
	if (source !== null)
		return (write) => write(typeof source === 'string' ? ops.textEncode(source) : source);
	const reader = S.acquireReader(S.readableState(body.stream));
	return async (write) => {
		try {
			for (;;) {
				const chunk = await readChunk(reader);
				if (chunk === undefined)
					return;
				if (!isObject(chunk) || viewTag(chunk) !== 'Uint8Array')
					throw new TypeError('A chunk of the body is not a Uint8Array');
				await write(chunk);
			}
		} catch (error) {
			if (reader.stream)
				markHandled(S.readableCancel(reader.stream, error));
			throw error;
		}
	};
}

// --- one cache ---

class Cache {
	#backing; // gives it, or a promise of it
	#isDefault;

	constructor(guard, backing, isDefault) {
		guardConstructor(guard);
		this.#backing = backing;
		this.#isDefault = isDefault;
	}

	async match(request, options = {}) {
		const found = await this.#find(arguments, 'match', true);
		return found.length > 0 ? found[0].entry.toResponse(found[0].body) : undefined;
	}

	async matchAll(request = undefined, options = {}) {
		const found = await this.#find(arguments, 'matchAll', false);
		return found.map(({ entry, body }) => entry.toResponse(body));
	}

	async #find(args, what, one) {
		void this.#isDefault;
		if (one)
			requireArguments(args.length, 1, what);
		const info = one && args[0] === undefined ? 'undefined' : args[0];
		const query = this.#query(info, args[1]);
		if (!query)
			return [];
		const backing = await this.#backing();
		return backing.find(query.key, query.wants, true, one);
	}

	// null: nothing can match.
	#query(info, options) {
		const how = queryOptions(options);
		const now = Date.now();
		const isFresh = this.#isDefault ? (entry) => entry.expires > now : () => true;
		if (info === undefined)
			return { key: null, wants: isFresh };
		const request = requestOf(info);
		if (request.method !== 'GET' && !how.ignoreMethod)
			return null;
		const { url } = request;
		const headers = internals.headersList(request.getHeaders());
		return {
			key: how.ignoreSearch ? null : internals.cacheKey(url),
			wants: (entry) => entry.matches(url, headers, how) && isFresh(entry),
		};
	}

	async add(request) {
		void this.#isDefault;
		requireArguments(arguments.length, 1, 'add');
		await this.#addAll([request], 'add');
	}

	async addAll(requests) {
		void this.#isDefault;
		requireArguments(arguments.length, 1, 'addAll');
		await this.#addAll(sequence(requests, (v) => v, 'addAll: the argument'), 'addAll');
	}

	async #addAll(infos, what) {
		const requests = infos.map((info) =>
			(internals.isRequest(info) ? info : new Request(usvString(info))));
		for (let i = 0; i < requests.length; i++)
			checkRequest(internals.requestState(requests[i]), what);
		checkTwins(requests.map(internals.requestState));
		const controller = new AbortController();
		const drafts = [];
		try {
			// All of them come to an end before anything is thrown.
			const failures = [];
			const all = requests.map((request) => this.#fetchDraft(request, controller, drafts, what)
				.catch((error) => failures.push(error)));
			for (let i = 0; i < all.length; i++)
				await all[i];
			if (failures.length > 0)
				throw failures[0];
			checkDifferent(drafts);
			for (let i = 0; i < drafts.length; i++)
				await commit(drafts[i]);
		} finally {
			controller.abort();
			closeDrafts(drafts);
		}
	}

	async #fetchDraft(request, controller, drafts, what) {
		try {
			const signal = AbortSignal.any([request.signal, controller.signal]);
			const copy = new Request(request, { signal });
			const response = internals.responseState(await fetch(copy));
			if (response.status < 200 || response.status > 299)
				throw new TypeError(`${what}: the status of '${request.url}' is ${response.status}`);
			checkResponse(response, what);
			await this.#draft(internals.requestState(request), response, drafts);
		} catch (error) {
			controller.abort(error);
			throw error;
		}
	}

	async put(request, response) {
		void this.#isDefault;
		requireArguments(arguments.length, 2, 'put');
		const about = requestOf(request);
		if (!internals.isResponse(response))
			throw new TypeError('put: the second argument is not a Response');
		checkRequest(about, 'put');
		const state = internals.responseState(response);
		checkResponse(state, 'put');
		const drafts = [];
		try {
			await this.#draft(about, state, drafts);
			if (drafts.length > 0)
				await commit(drafts[0]);
		} finally {
			closeDrafts(drafts);
		}
	}

	// Adds one that is complete but for its commit.
	async #draft(request, response, drafts) {
		const entry = CacheEntry.of(request, response);
		const feed = bodySource(response.body);
		if (this.#isDefault && (entry.isPrivate || entry.expires <= entry.time)) {
			await feed(async () => {});
			return;
		}
		let draft;
		try {
			const backing = await this.#backing();
			draft = await this.#withRoom(backing, () => backing.draft(entry));
			drafts.push({ draft, entry, room: (act) => this.#withRoom(backing, act) });
		} catch (error) {
			await feed(() => Promise.reject(error)).catch(() => {});
			throw error;
		}
		const { room } = drafts[drafts.length - 1];
		await feed((bytes) => writeAll(draft, bytes, room));
		await room(() => draft.finish());
	}

	// Makes room in the default cache for what does not fit.
	async #withRoom(backing, act) {
		for (;;) {
			try {
				return await act();
			} catch (error) {
				if (!this.#isDefault || !internals.isPassing(error) || !await backing.removeOldest())
					throw error;
			}
		}
	}

	async delete(request, options = {}) {
		void this.#isDefault;
		requireArguments(arguments.length, 1, 'delete');
		const how = queryOptions(options);
		const about = requestOf(request);
		if (about.method !== 'GET' && !how.ignoreMethod)
			return false;
		const headers = internals.headersList(about.getHeaders());
		const backing = await this.#backing();
		return backing.remove(how.ignoreSearch ? null : internals.cacheKey(about.url),
			(entry) => entry.matches(about.url, headers, how));
	}

	async keys(request = undefined, options = {}) {
		void this.#isDefault;
		const query = this.#query(request, options);
		if (!query)
			return [];
		const backing = await this.#backing();
		const found = await backing.find(query.key, query.wants, false, false);
		return found.map(({ entry }) => entry.toRequest());
	}
}

// `done` says how much of it was taken when it goes on after room was made.
async function writeAll(draft, bytes, room) {
	const done = { at: 0 };
	if (typedByteLength(bytes) > 0)
		await room(() => draft.write(bytes, done));
}

function commit({ draft, entry, room }) {
	const replaces = (other) => other.matches(entry.url, entry.requestHeaders, {});
	return room(() => draft.commit(replaces));
}

function closeDrafts(drafts) {
	for (let i = 0; i < drafts.length; i++)
		drafts[i].draft.close();
}

function twice(url) {
	return new DOMException(`addAll: '${url}' is there twice`, 'InvalidStateError');
}

// No two of one addAll() may be in each other's place: which are by what their responses vary,
function checkDifferent(drafts) {
	for (let i = 0; i < drafts.length; i++)
		for (let k = 0; k < drafts.length; k++) {
			const { url, requestHeaders } = drafts[i].entry;
			if (i !== k && drafts[k].entry.matches(url, requestHeaders, {}))
				throw twice(url);
		}
}

// ... and which are whatever the responses say.
function checkTwins(requests) {
	const seen = new Set();
	for (let i = 0; i < requests.length; i++) {
		const headers = internals.headersList(requests[i].getHeaders());
		const all = JSON.stringify([internals.cacheKey(requests[i].url), headers]);
		if (seen.has(all))
			throw twice(requests[i].url);
		seen.add(all);
	}
}

// --- all of them ---

class CacheStorage {
	#default = null;

	constructor(guard) {
		guardConstructor(guard);
	}

	get default() {
		void this.#default;
		this.#default ??= new Cache(secret, () => theStore().open(DEFAULT, false), true);
		return this.#default;
	}

	async match(request, options = {}) {
		void this.#default;
		requireArguments(arguments.length, 1, 'match');
		const { cacheName } = dictionary(options, 'options');
		const about = internals.isRequest(request) ? request : new Request(usvString(request));
		const all = theStore();
		const names = cacheName === undefined ? (await all.names()).filter((n) => n !== DEFAULT)
			: [encodeName(domString(cacheName))];
		for (let i = 0; i < names.length; i++) {
			if (!await all.has(names[i]))
				continue;
			const found = await new Cache(secret, () => all.open(names[i]), false).match(about, options);
			if (found)
				return found;
		}
		return undefined;
	}

	async has(cacheName) {
		void this.#default;
		requireArguments(arguments.length, 1, 'has');
		return theStore().has(encodeName(domString(cacheName)));
	}

	async open(cacheName) {
		void this.#default;
		requireArguments(arguments.length, 1, 'open');
		const name = domString(cacheName);
		if (name.length > NAME_MAX)
			throw internals.cacheFull(`cache: a name has at most ${NAME_MAX} characters`, false);
		const backing = await theStore().open(encodeName(name));
		return new Cache(secret, () => backing, false);
	}

	async delete(cacheName) {
		void this.#default;
		requireArguments(arguments.length, 1, 'delete');
		return theStore().delete(encodeName(domString(cacheName)));
	}

	async keys() {
		void this.#default;
		return (await theStore().names()).filter((n) => n !== DEFAULT).map(decodeName);
	}
}

expose(CacheStorage, Cache);

const cachesObject = new CacheStorage(secret);
const attributes = {
	get caches() {
		return cachesObject;
	},
	set caches(value) {
		defineGlobal('caches', value);
	},
};
Object.defineProperty(globalThis, 'caches',
	{ ...Object.getOwnPropertyDescriptor(attributes, 'caches'), enumerable: false });
