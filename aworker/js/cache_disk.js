// SPDX-License-Identifier: Apache-2.0
// Caches in the directory of --cache (aworker/cache/). Names of caches come as byte strings. Several
// processes may use it, so that nothing of it is remembered here: each operation looks.
'use strict';

const { typedByteLength } = internals.primordials;
const { Body, CacheEntry } = internals;
const S = internals.streams;

// enum cache_code
const BUSY = -1;
const CHANGED = -2;
const FULL = -3;
const GONE = -4;
const TOO_LARGE = -5;

const PIECE = 65536; // bytes that go to C at once
const LOCK_MS = 10000; // for which another process may hold the lock
const LOCK_STEP_MS = 2;

const waiting = new Map(); // number of a stream -> who wants to know that it is ready
let abandoned; // FinalizationRegistry of bodies that nobody read
let unused; // ... and of deleted caches

internals.cacheReady = (stream) => {
	const resolve = waiting.get(stream);
	waiting.delete(stream);
	resolve?.();
};

function ready(stream) {
	return new Promise((resolve) => waiting.set(stream, resolve));
}

function close(stream) {
	waiting.delete(stream);
	ops.cacheClose(stream);
}

// Throws for a code that is an error.
function check(code) {
	if (code === FULL || code === TOO_LARGE)
		throw internals.cacheFull(ops.cacheWhy(), code === FULL);
	return code;
}

function sleep() {
	return new Promise((resolve) => internals.startTimer(resolve, LOCK_STEP_MS));
}

// As long as another process holds the lock.
async function patiently(call) {
	const end = ops.now() + LOCK_MS;
	for (;;) {
		const code = call();
		if (code !== BUSY)
			return check(code);
		if (ops.now() > end)
			throw new TypeError('cache: another process has not let go of the directory');
		await sleep();
	}
}

// --- bodies ---

class DiskBody {
	#stream;
	#controller;

	constructor(stream) {
		this.#stream = stream;
	}

	open() {
		const stream = S.createReadableBytes(() => undefined, () => this.#pull(), () => {
			this.#end();
			return S.nothing();
		});
		this.#controller = stream.controller;
		abandoned ??= new FinalizationRegistry(close);
		abandoned.register(this, this.#stream, this);
		return new Body(null, stream.wrapper);
	}

	#end() {
		abandoned.unregister(this);
		close(this.#stream);
	}

	#pull() {
		const piece = this.#take();
		return piece ? S.nothing() : this.#later();
	}

	async #later() {
		do
			await ready(this.#stream);
		while (!this.#take());
	}

	// False: there is nothing yet.
	#take() {
		const controller = this.#controller;
		let piece;
		try {
			piece = ops.cacheRead(this.#stream);
		} catch (error) {
			this.#end();
			S.byteError(controller, error);
			return true;
		}
		if (piece === undefined)
			return false;
		if (piece !== true) {
			S.byteEnqueue(controller, piece);
			return true;
		}
		this.#end();
		S.byteClose(controller);
		if (controller.pending.length > 0)
			S.byteRespond(controller, 0);
		return true;
	}
}

function shortBody(stream) {
	const bytes = ops.cacheRead(stream);
	close(stream);
	return new Body(bytes === true ? '' : bytes, null);
}

class DiskDraft {
	#cache;
	#stream;
	#key;

	constructor(cache, stream, key) {
		this.#cache = cache;
		this.#stream = stream;
		this.#key = key;
	}

	async write(bytes, done) {
		while (done.at < typedByteLength(bytes)) {
			const piece = internals.cacheRest(bytes, done.at, PIECE);
			const taken = check(ops.cacheWrite(this.#stream, piece));
			done.at += taken;
			if (taken === 0)
				await ready(this.#stream);
		}
	}

	async finish() {
		while (check(ops.cacheFinish(this.#stream)) !== true)
			await ready(this.#stream);
	}

	async commit(replaces) {
		for (;;) {
			const { names, found } = await this.#cache.look(this.#key, replaces);
			const code = await patiently(() => ops.cacheCommit(this.#stream, names, found));
			if (code === GONE)
				throw new DOMException('cache: it was deleted', 'InvalidStateError');
			if (code !== CHANGED)
				return;
		}
	}

	close() {
		close(this.#stream);
	}
}

class DiskCache {
	#name;
	#id = null; // of a deleted one

	constructor(name) {
		this.#name = name;
	}

	// null: it is not there.
	#current() {
		if (this.#id !== null)
			return this.#id;
		const id = ops.cacheFind(this.#name);
		return typeof id === 'string' ? id : null;
	}

	delete(id) {
		this.#id = id;
		unused ??= new FinalizationRegistry((gone) => ops.cacheForget(gone));
		unused.register(this, id);
	}

	#names(key) {
		const id = this.#current();
		return id === null ? [] : ops.cacheEntries(id, key === null ? null : ops.cacheDigest(key));
	}

	// A stream at whose head { entry, stream } stands; null: there is no such entry any more.
	async #open(name) {
		const id = this.#current();
		const stream = id === null ? GONE : check(ops.cacheOpen(id, name));
		if (stream === GONE)
			return null;
		let head = ops.cacheHead(stream);
		while (head === undefined) {
			await ready(stream);
			head = ops.cacheHead(stream);
		}
		if (head !== false)
			return { entry: CacheEntry.from(head), stream };
		// It will not get better.
		close(stream);
		await patiently(() => ops.cacheRemove(id, [name]));
		return null;
	}

	async find(key, wants, withBody, one) {
		const names = this.#names(key);
		const found = [];
		for (let i = 0; i < names.length && !(one && found.length > 0); i++) {
			const opened = await this.#open(names[i]);
			if (!opened)
				continue;
			const { entry, stream } = opened;
			if ((key !== null && internals.cacheKey(entry.url) !== key) || !wants(entry)) {
				close(stream);
			} else if (withBody) {
				found.push({ entry, body: ops.cacheIsShort(stream) ? shortBody(stream)
					: new DiskBody(stream).open() });
			} else {
				close(stream);
				found.push({ entry, body: null, name: names[i] });
			}
		}
		return found;
	}

	// All names for that key, and those whose entries are wanted, or are none.
	async look(key, wants) {
		const names = this.#names(key);
		const found = [];
		for (let i = 0; i < names.length; i++) {
			const opened = await this.#open(names[i]);
			if (opened)
				close(opened.stream);
			if (!opened || wants(opened.entry))
				found.push(names[i]);
		}
		return { names, found };
	}

	async remove(key, wants) {
		const found = await this.find(key, wants, false, false);
		const names = found.map((record) => record.name);
		if (names.length > 0)
			await patiently(() => ops.cacheRemove(this.#current() ?? '', names));
		return names.length > 0;
	}

	async removeOldest() {
		const names = this.#names(null);
		if (names.length > 0)
			await patiently(() => ops.cacheRemove(this.#current() ?? '', [names[0]]));
		return names.length > 0;
	}

	async draft(entry) {
		const id = this.#id ?? await patiently(() => ops.cacheMake(this.#name));
		const key = internals.cacheKey(entry.url);
		const strings = entry.toStrings();
		const digest = ops.cacheDigest(key);
		const stream = await patiently(() => ops.cachePut(id, digest, strings));
		return new DiskDraft(this, stream, key);
	}
}

class DiskStore {
	#used = new Map(); // name -> WeakRef of its DiskCache

	async names() {
		const list = ops.cacheList();
		const names = [];
		for (let i = 1; i < list.length; i += 2)
			names.push(list[i]);
		return names;
	}

	async has(name) {
		return typeof ops.cacheFind(name) === 'string';
	}

	async open(name, make = true) {
		if (make)
			await patiently(() => ops.cacheMake(name));
		let cache = this.#used.get(name)?.deref();
		if (!cache) {
			cache = new DiskCache(name);
			this.#used.set(name, new WeakRef(cache));
		}
		return cache;
	}

	async delete(name) {
		const id = ops.cacheFind(name);
		if (typeof id !== 'string')
			return false;
		const cache = this.#used.get(name)?.deref();
		const code = await patiently(() => ops.cacheDelete(id, cache !== undefined));
		this.#used.delete(name);
		if (code !== GONE)
			cache?.delete(id);
		return code !== GONE;
	}
}

internals.newDiskCaches = () => new DiskStore();
