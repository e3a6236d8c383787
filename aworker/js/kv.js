// SPDX-License-Identifier: Apache-2.0
// The key-value stores of `env` (--kv NAME[=FILE]), with the methods that Cloudflare's have. A store
// lives in the memory of its worker and is gone with it; FILE, an object of JSON, is what it begins
// with. Every worker has its own.
'use strict';

const { guardConstructor, secret, isObject, requireArguments, tag, shape } = internals.webidl;
const { isView, typedByteLength } = internals.primordials;
const { Response } = globalThis;

const KEY_MAX = 512; // bytes
const VALUE_MAX = 25 << 20; // bytes
const METADATA_MAX = 1024; // characters of JSON
const STORE_MAX = 64 << 20; // bytes of all keys and values
const LIST_MAX = 1000; // keys that one call lists
const TTL_MIN = 60; // seconds
const KIND_BUFFER = 9; // enum engine_kind

function keyOf(value) {
	const key = `${value}`;
	if (key === '' || key === '.' || key === '..')
		throw new TypeError(`KV: '${key}' is no key`);
	if (internals.encodeUtf8(key).byteLength > KEY_MAX)
		throw new TypeError(`KV: a key has at most ${KEY_MAX} bytes`);
	return key;
}

async function bytesOf(value) {
	if (isObject(value) && (isView(value) || ops.valueKind(value) === KIND_BUFFER ||
		value instanceof ReadableStream))
		return new Uint8Array(await new Response(value).arrayBuffer());
	if (isObject(value))
		throw new TypeError('KV: a value is a string, an ArrayBuffer, a view or a ReadableStream');
	return internals.encodeUtf8(`${value}`);
}

// In milliseconds since 1970; Infinity: never.
function expiryOf({ expiration, expirationTtl }) {
	if (expiration === undefined && expirationTtl === undefined)
		return Infinity;
	const now = Date.now();
	const at = expiration === undefined ? now + expirationTtl * 1000 : expiration * 1000;
	if (!(at >= now + TTL_MIN * 1000 - 1000))
		throw new TypeError(`KV: a value expires after ${TTL_MIN} seconds at the earliest`);
	return at;
}

function metadataOf({ metadata }) {
	if (metadata === undefined || metadata === null)
		return null;
	const text = JSON.stringify(metadata);
	if (typeof text !== 'string' || text.length > METADATA_MAX)
		throw new TypeError(`KV: metadata is JSON of at most ${METADATA_MAX} characters`);
	return text;
}

function decode(bytes, type) {
	switch (type) {
	case 'text': return internals.decodeUtf8(bytes);
	case 'json': return JSON.parse(internals.decodeUtf8(bytes));
	case 'arrayBuffer': return bytes.slice().buffer;
	case 'stream': return new Response(bytes).body;
	default: throw new TypeError(`KV: no type '${type}': text, json, arrayBuffer or stream`);
	}
}

function typeOf(options) {
	return `${(isObject(options) ? options.type : options) ?? 'text'}`;
}

class KVNamespace {
	#name;
	#entries = null; // key -> { bytes, expires, metadata }; null: nobody has asked for it
	#size = 0;

	constructor(guard, name) {
		guardConstructor(guard);
		this.#name = name;
	}

	async get(key, options = undefined) {
		const entry = this.#find(keyOf(key));
		return entry ? decode(entry.bytes, typeOf(options)) : null;
	}

	async getWithMetadata(key, options = undefined) {
		const entry = this.#find(keyOf(key));
		return {
			value: entry ? decode(entry.bytes, typeOf(options)) : null,
			metadata: entry?.metadata ? JSON.parse(entry.metadata) : null,
			cacheStatus: null,
		};
	}

	async put(key, value, options = undefined) {
		requireArguments(arguments.length, 2, 'put');
		const name = keyOf(key);
		const how = isObject(options) ? options : {};
		const entry = { expires: expiryOf(how), metadata: metadataOf(how), bytes: await bytesOf(value) };
		this.#set(name, entry);
	}

	async delete(key) {
		this.#drop(keyOf(key));
	}

	async list(options = undefined) {
		const { prefix, limit = LIST_MAX, cursor } = isObject(options) ? options : {};
		const most = Math.min(Math.max(Math.trunc(+limit) || 1, 1), LIST_MAX);
		const after = cursor ? decodeURIComponent(`${cursor}`) : '';
		const names = [...this.#all().keys()].sort().filter((name) =>
			name.startsWith(prefix ?? '') && name > after && this.#find(name));
		const keys = names.slice(0, most).map((name) => this.#describe(name));
		const complete = names.length <= most;
		return {
			keys, list_complete: complete, cacheStatus: null,
			...(complete ? {} : { cursor: encodeURIComponent(keys[most - 1].name) }),
		};
	}

	#describe(name) {
		const { expires, metadata } = this.#entries.get(name);
		return {
			name,
			...(expires === Infinity ? {} : { expiration: Math.floor(expires / 1000) }),
			...(metadata ? { metadata: JSON.parse(metadata) } : {}),
		};
	}

	#all() {
		if (this.#entries)
			return this.#entries;
		this.#entries = new Map();
		const first = ops.kvText(this.#name);
		if (first !== '')
			this.#fill(JSON.parse(first));
		return this.#entries;
	}

	#fill(values) {
		for (const key of Object.keys(values)) {
			const value = values[key];
			this.#set(keyOf(key), {
				bytes: internals.encodeUtf8(typeof value === 'string' ? value : JSON.stringify(value)),
				expires: Infinity, metadata: null,
			});
		}
	}

	#find(key) {
		const entry = this.#all().get(key);
		if (!entry || entry.expires > Date.now())
			return entry;
		this.#drop(key);
		return undefined;
	}

	#drop(key) {
		const entry = this.#all().get(key);
		if (!entry)
			return;
		this.#size -= key.length + entry.bytes.byteLength;
		this.#entries.delete(key);
	}

	#set(key, entry) {
		const length = typedByteLength(entry.bytes);
		if (length > VALUE_MAX)
			throw new RangeError(`KV: a value has at most ${VALUE_MAX >> 20} MiB`);
		const old = this.#all().get(key);
		const size = this.#size - (old ? key.length + old.bytes.byteLength : 0) + key.length + length;
		if (size > STORE_MAX)
			throw new RangeError(`KV: '${this.#name}' is full: it has at most ${STORE_MAX >> 20} MiB`);
		this.#entries.set(key, entry);
		this.#size = size;
	}
}

shape(KVNamespace);
tag(KVNamespace.prototype, 'KVNamespace');

const stores = new Map(); // they outlive a state image

// [name, store] of each.
internals.kvStores = () => {
	const names = ops.kvNames();
	if (names === '')
		return [];
	return names.split('\0').slice(0, -1).map((name) => {
		if (!stores.has(name))
			stores.set(name, new KVNamespace(secret, name));
		return [name, stores.get(name)];
	});
};
