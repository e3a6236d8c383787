// SPDX-License-Identifier: Apache-2.0
// Bodies of requests and responses (WHATWG Fetch, section 5.2-5.3).
// A body is { source, stream, used }. `source` is what it was made from and is in memory (string or
// Uint8Array); `stream` is made only when somebody asks for it. So the usual body never becomes a
// stream: it goes to C, or to text(), as it is.
'use strict';

const { isObject, isBufferSource, bytesCopy, usvString } = internals.webidl;
const { PromiseReject, PromiseResolve, promiseThen } = internals.primordials;
const S = internals.streams;

// Bodies that are open files, of which nobody has wanted the bytes yet; the oldest is read when there are
// more.
const FILES_MAX = 64;
const files = new Array(FILES_MAX).fill(null);
let filesSeen = 0;

class Body {
	#source;
	#file = 0; // its id
	#slot = 0;
	owned = false; // nobody else has the bytes
	#stream = null;
	#used = false; // consumed without a stream
	#locked = false; // ... by a reader that never lets go

	constructor(source, stream) {
		this.#source = source;
		this.#stream = stream;
	}

	// Of a file that is short and in the page cache.
	static ofFile(id) {
		const body = new Body(null, null);
		body.#file = id;
		body.#slot = filesSeen++ % FILES_MAX;
		void files[body.#slot]?.source;
		files[body.#slot] = body;
		return body;
	}

	get source() {
		if (this.#file !== 0) {
			this.#source = ops.fetchFileBytes(this.#leaveFile());
			this.owned = true;
		}
		return this.#source;
	}

	#leaveFile() {
		const id = this.#file;
		files[this.#slot] = null;
		this.#file = 0;
		return id;
	}

	// The id of the file, when it can be sent as it is, and is not read then; else 0.
	takeFile() {
		if (this.#file === 0)
			return 0;
		this.#used = true;
		return this.#leaveFile();
	}

	get stream() {
		if (!this.#stream) {
			this.#stream = S.streamOfBytes(this.#used ? new Uint8Array(0) : sourceCopy(this.source));
			if (this.#used)
				S.readableState(this.#stream).disturbed = true;
			if (this.#locked)
				S.acquireReader(S.readableState(this.#stream));
		}
		return this.#stream;
	}

	get hasStream() {
		return this.#stream !== null;
	}

	get used() {
		return this.#stream ? internals.isDisturbed(this.#stream) : this.#used;
	}

	get unusable() {
		return this.#stream
			? internals.isDisturbed(this.#stream) || this.#stream.locked : this.#used;
	}

	// Takes the whole body; the caller has checked that it is usable.
	takeBytes() {
		if (this.#stream)
			return S.readAllBytes(S.readableState(this.#stream));
		this.#used = true;
		return PromiseResolve(sourceBytes(this.source));
	}

	// The string or bytes, when no stream is needed to have them; else null. `locked`: whoever looks at
	// the stream later finds a reader there.
	takeSource(locked = false) {
		if (this.#stream)
			return null;
		this.#used = true;
		this.#locked = locked;
		return this.source;
	}

	// Everything goes to a new body; this one counts as read.
	moveOut() {
		const moved = this.#stream
			? new Body(this.source, S.pipeThroughIdentity(this.#stream)) : new Body(this.source, null);
		if (!this.#stream)
			this.#used = true;
		return moved;
	}

	clone() {
		const { source } = this;
		this.owned = false;
		if (!this.#stream)
			return new Body(source, null);
		const [a, b] = S.readableTee(S.readableState(this.#stream), true);
		this.#stream = a.wrapper;
		return new Body(source, b.wrapper);
	}
}

function sourceBytes(source) {
	return typeof source === 'string' ? ops.textEncode(source) : source;
}

function sourceCopy(source) {
	return typeof source === 'string' ? ops.textEncode(source) : bytesCopy(source);
}

internals.Body = Body;

// [Body, Content-Type or null] of an init value that is neither null nor undefined.
internals.extractBody = (value) => {
	if (typeof value === 'string')
		return [new Body(usvString(value), null), 'text/plain;charset=UTF-8'];
	if (isObject(value)) {
		if (S.isReadable(value))
			return [streamBody(value), null];
		if (internals.isBlob(value))
			return [new Body(internals.blobBytes(value), null), value.type === '' ? null : value.type];
		if (isBufferSource(value))
			return [new Body(bytesCopy(value), null), null];
		if (internals.isFormData(value)) {
			const { bytes, type } = internals.writeMultipart(value);
			return [new Body(bytes, null), type];
		}
		if (internals.isSearchParams(value))
			return [new Body(value.toString(), null),
				'application/x-www-form-urlencoded;charset=UTF-8'];
	}
	return [new Body(usvString(value), null), 'text/plain;charset=UTF-8'];
};

function streamBody(stream) {
	if (stream.locked || internals.isDisturbed(stream))
		throw new TypeError('The stream of the body is locked or was read from');
	return new Body(null, stream);
}

// --- the Body mixin ---

// consume(body bytes, mime type) for each way of reading; `hooks` = { isInstance, body(this),
// contentTypes(this) }
function consume(self, hooks, convert) {
	if (!hooks.isInstance(self))
		return PromiseReject(new TypeError(`Illegal invocation: not a ${hooks.name}`));
	const body = hooks.body(self);
	if (body === null)
		return promiseThen(PromiseResolve(new Uint8Array(0)), (bytes) => convert(bytes, self));
	if (body.unusable)
		return PromiseReject(new TypeError('The body has been read already, or is locked'));
	return promiseThen(body.takeBytes(), (bytes) => convert(bytes, self));
}

function toFormData(bytes, types) {
	const mime = internals.extractMime(types);
	if (mime?.essence === 'multipart/form-data') {
		const mark = mime.parameters.get('boundary');
		if (mark === undefined)
			throw new TypeError('formData: Content-Type has no boundary');
		return internals.readMultipart(bytes, mark);
	}
	if (mime?.essence === 'application/x-www-form-urlencoded')
		return internals.newFormData(internals.parsePairs(ops.textDecodeUtf8(bytes, false)));
	throw new TypeError('formData: the Content-Type is neither multipart/form-data nor ' +
		'application/x-www-form-urlencoded');
}

// What the caller gets must be its own memory: the source may be read by a clone, too.
function ownBuffer(bytes) {
	return bytes.slice().buffer;
}

internals.mixinBody = (klass, hooks) => {
	const members = {
		get body() {
			return hooks.body(this)?.stream ?? null;
		},
		get bodyUsed() {
			return hooks.body(this)?.used ?? false;
		},
		arrayBuffer() {
			return consume(this, hooks, ownBuffer);
		},
		blob() {
			return consume(this, hooks, (bytes, self) => {
				const mime = internals.extractMime(hooks.contentTypes(self));
				return internals.newBlob(bytes, mime ? internals.mimeText(mime).toLowerCase() : '');
			});
		},
		bytes() {
			return consume(this, hooks, (bytes) => bytes.slice());
		},
		formData() {
			return consume(this, hooks, (bytes, self) => toFormData(bytes, hooks.contentTypes(self)));
		},
		json() {
			return consume(this, hooks, (bytes) => JSON.parse(internals.decodeUtf8(bytes)));
		},
		text() {
			return consume(this, hooks, (bytes) => internals.decodeUtf8(bytes));
		},
	};
	for (const name of Object.keys(members))
		Object.defineProperty(klass.prototype, name,
			Object.getOwnPropertyDescriptor(members, name));
};
