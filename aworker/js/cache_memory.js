// SPDX-License-Identifier: Apache-2.0
// Caches without --cache: in the memory of their worker, and gone with it, but for state images. The
// methods of a store and of a cache are those of cache_disk.js, which wait where these do not.
'use strict';

const { viewParts } = internals.webidl;
const { typedByteLength, typedSet } = internals.primordials;
const { Body } = internals;
const S = internals.streams;

const BLOCK = 65536; // bytes
const CACHES_MAX = 128;
const ENTRIES_MAX = 4096;
const HEAD_MAX = 49152; // bytes of URL and headers
const STRINGS_MAX = 1024; // of them
const OVERHEAD = 512; // bytes, of an entry

function full(message, passing = true) {
	return internals.cacheFull(`cache: ${message}`, passing);
}

// --- bodies ---

function streamOf(blocks) {
	let next = 0;
	const stream = S.createReadableBytes(() => undefined, () => {
		const { controller } = stream;
		if (next < blocks.length) {
			S.byteEnqueue(controller, blocks[next++].slice());
			return S.nothing();
		}
		S.byteClose(controller);
		if (controller.pending.length > 0)
			S.byteRespond(controller, 0);
		return S.nothing();
	}, () => S.nothing());
	return stream.wrapper;
}

function bodyOf(blocks) {
	if (blocks.length <= 1)
		return new Body(blocks.length === 0 ? '' : blocks[0], null);
	return new Body(null, streamOf(blocks));
}

// The same memory, `max` bytes of it at most.
function restOf(bytes, at, max) {
	const { buffer, offset, length } = viewParts(bytes);
	return new Uint8Array(buffer, offset + at, Math.min(max, length - at));
}
internals.cacheRest = restOf;

// What is being put. Pieces of any size become blocks.
class MemoryDraft {
	entry;
	size = 0;
	blocks = [];
	#cache;
	#last = null; // block that is not full
	#used = 0;

	constructor(cache, entry, size) {
		this.#cache = cache;
		this.entry = entry;
		this.#reserve(size + OVERHEAD);
	}

	#reserve(size) {
		this.#cache.store.reserve(size, this.size + size);
		this.size += size;
	}

	async write(bytes, done) {
		while (done.at < typedByteLength(bytes)) {
			if (!this.#last) {
				this.#reserve(BLOCK);
				this.#last = new Uint8Array(BLOCK);
				this.#used = 0;
			}
			const piece = restOf(bytes, done.at, BLOCK - this.#used);
			const n = typedByteLength(piece);
			typedSet(this.#last, piece, this.#used);
			done.at += n;
			this.#used += n;
			if (this.#used === BLOCK)
				this.#push(this.#last);
		}
	}

	#push(block) {
		this.blocks.push(block);
		this.#last = null;
	}

	async finish() {
		if (!this.#last)
			return;
		this.size -= BLOCK - this.#used;
		this.#cache.store.release(BLOCK - this.#used);
		this.#push(this.#last.slice(0, this.#used));
	}

	// In the place of those for which `replaces` is true.
	async commit(replaces) {
		this.#cache.replace(this, replaces);
		this.size = 0;
	}

	close() {
		this.#cache.store.release(this.size);
		this.size = 0;
		this.#last = null;
		this.blocks = [];
	}
}

class MemoryCache {
	store;
	#cleared = false; // it was deleted, and what was in it had to go
	#records = []; // { entry, blocks, size }

	constructor(store) {
		this.store = store;
	}

	// Those for which `wants` is true; `one`: the first of them alone. With `withBody` each has one.
	async find(key, wants, withBody, one) {
		const found = [];
		for (let i = 0; i < this.#records.length; i++) {
			const { entry, blocks } = this.#records[i];
			if ((key !== null && internals.cacheKey(entry.url) !== key) || !wants(entry))
				continue;
			found.push({ entry, body: withBody ? bodyOf(blocks) : null });
			if (one)
				break;
		}
		return found;
	}

	async remove(key, wants) {
		return this.#drop((entry) => (key === null || internals.cacheKey(entry.url) === key) && wants(entry));
	}

	#drop(wants) {
		const before = this.#records.length;
		this.#records = this.#records.filter(({ entry, size }) => {
			if (!wants(entry))
				return true;
			this.store.release(size, 1);
			return false;
		});
		return this.#records.length < before;
	}

	replace(draft, replaces) {
		if (this.#cleared)
			throw new DOMException('cache: it was deleted', 'InvalidStateError');
		this.#drop(replaces);
		this.store.count();
		this.#records.push({ entry: draft.entry, blocks: draft.blocks, size: draft.size });
	}

	// False: there is none.
	async removeOldest() {
		const record = this.#records.shift();
		if (record)
			this.store.release(record.size, 1);
		return record !== undefined;
	}

	async draft(entry) {
		const strings = entry.toStrings();
		let size = 0;
		for (let i = 0; i < strings.length; i++)
			size += 4 + strings[i].length;
		if (size > HEAD_MAX || strings.length > STRINGS_MAX)
			throw full(`the headers are more than ${HEAD_MAX} bytes or ${STRINGS_MAX} strings`,
				false);
		return new MemoryDraft(this, entry, size);
	}

	clear() {
		this.#drop(() => true);
		this.#cleared = true;
	}
}

class MemoryStore {
	#caches = new Map();
	#deleted = new Set(); // what is in those goes when there is no room
	#max;
	#used = 0;
	#entries = 0;

	constructor(max) {
		this.#max = max;
	}

	async names() {
		return [...this.#caches.keys()];
	}

	async has(name) {
		return this.#caches.has(name);
	}

	async open(name) {
		let cache = this.#caches.get(name);
		if (!cache) {
			if (this.#caches.size >= CACHES_MAX)
				throw full(`at most ${CACHES_MAX} caches`);
			cache = new MemoryCache(this);
			this.#caches.set(name, cache);
		}
		return cache;
	}

	async delete(name) {
		const cache = this.#caches.get(name);
		if (!cache)
			return false;
		this.#caches.delete(name);
		if (this.#deleted.size >= CACHES_MAX)
			this.#clearDeleted();
		this.#deleted.add(cache);
		return true;
	}

	#clearDeleted() {
		for (const cache of this.#deleted)
			cache.clear();
		this.#deleted.clear();
	}

	reserve(size, sum = size) {
		if (sum > this.#max)
			throw full('the entry is too large', false);
		if (this.#used + size > this.#max)
			this.#clearDeleted();
		if (this.#used + size > this.#max)
			throw full('there is no room for the entry');
		this.#used += size;
	}

	release(size, entries = 0) {
		this.#used -= size;
		this.#entries -= entries;
	}

	// One more entry.
	count() {
		if (this.#entries >= ENTRIES_MAX)
			this.#clearDeleted();
		if (this.#entries >= ENTRIES_MAX)
			throw full(`at most ${ENTRIES_MAX} entries`);
		this.#entries++;
	}
}

internals.newMemoryCaches = (max) => new MemoryStore(max);
