// SPDX-License-Identifier: Apache-2.0
// Blob and File. A blob is one Uint8Array (never changed) and a type; slices share memory.
'use strict';

const {
	expose, isObject, domString, usvString, dictionary, isBufferSource, bytesOf, integer, sequence,
	enumeration, requireArguments,
} = internals.webidl;
const S = internals.streams;

const CHUNK = 65536; // bytes in one piece of blob.stream()
const NOT_PRINTABLE = /[^\x20-\x7e]/;

function normalType(value) {
	const type = domString(value);
	return NOT_PRINTABLE.test(type) ? '' : type.toLowerCase();
}

function nativeLineEndings(text) {
	return text.replace(/\r\n?|\n/g, '\n');
}

// Parts are read before the options are, and turned into bytes after that.
function convertPart(part) {
	if (isBufferSource(part) || internals.isBlob(part))
		return part;
	return usvString(part);
}

function partBytes(part, endings) {
	if (typeof part === 'string')
		return ops.textEncode(endings === 'native' ? nativeLineEndings(part) : part);
	return internals.isBlob(part) ? internals.blobBytes(part) : bytesOf(part);
}

function joinBytes(pieces) {
	let length = 0;
	for (const p of pieces)
		length += p.byteLength;
	const out = new Uint8Array(length);
	let at = 0;
	for (const p of pieces) {
		out.set(p, at);
		at += p.byteLength;
	}
	return out;
}
internals.joinBytes = joinBytes;

// A relative position as in slice(): counted from the end when negative, cut to the size.
function clampPosition(value, size) {
	const x = integer(value, 64, true, { clamp: true });
	return x < 0 ? Math.max(size + x, 0) : Math.min(x, size);
}

class Blob {
	#bytes;
	#type;

	constructor(blobParts = undefined, options = undefined) {
		const parts = blobParts === undefined ? []
			: sequence(blobParts, convertPart, 'Blob: blobParts');
		const d = dictionary(options, 'options');
		const endings = d.endings === undefined ? 'transparent'
			: enumeration(d.endings, ['transparent', 'native'], 'options.endings');
		this.#type = d.type === undefined ? '' : normalType(d.type);
		this.#bytes = joinBytes(parts.map((p) => partBytes(p, endings)));
	}

	get size() {
		return this.#bytes.byteLength;
	}

	get type() {
		return this.#type;
	}

	slice(start = undefined, end = undefined, contentType = undefined) {
		const size = this.#bytes.byteLength;
		const from = start === undefined ? 0 : clampPosition(start, size);
		const to = end === undefined ? size : clampPosition(end, size);
		const type = contentType === undefined ? '' : normalType(contentType);
		return internals.newBlob(this.#bytes.subarray(from, Math.max(from, to)), type);
	}

	stream() {
		const bytes = this.#bytes;
		let at = 0;
		const stream = S.createReadableBytes(() => undefined, () => {
			if (at >= bytes.byteLength) {
				S.byteClose(stream.controller);
				if (stream.controller.pending.length > 0)
					S.byteRespond(stream.controller, 0);
			} else {
				// A copy: the reader may transfer its buffer.
				S.byteEnqueue(stream.controller, bytes.slice(at, at + CHUNK));
				at += CHUNK;
			}
			return undefined;
		}, S.nothing);
		return stream.wrapper;
	}

	async text() {
		return ops.textDecodeUtf8(this.#bytes, false).replace(/^\ufeff/, '');
	}

	async arrayBuffer() {
		return this.#bytes.slice().buffer;
	}

	async bytes() {
		return this.#bytes.slice();
	}

	static {
		internals.isBlob = (value) => isObject(value) && #bytes in value;
		internals.blobBytes = (blob) => blob.#bytes;
		internals.newBlob = (bytes, type) => {
			const blob = new Blob();
			blob.#bytes = bytes;
			blob.#type = type;
			return blob;
		};
		internals.fillBlob = (blob, bytes, type) => {
			blob.#bytes = bytes;
			blob.#type = type;
		};
	}
}

class File extends Blob {
	#name;
	#modified;

	constructor(fileBits, fileName, options = undefined) {
		requireArguments(arguments.length, 2, 'File');
		if (!isObject(fileBits))
			throw new TypeError('File: fileBits is not iterable');
		super(fileBits, options);
		const { lastModified } = dictionary(options, 'options');
		this.#name = usvString(fileName);
		this.#modified = lastModified === undefined ? Date.now() : integer(lastModified, 64, true);
	}

	get name() {
		return this.#name;
	}

	get lastModified() {
		return this.#modified;
	}

	static {
		internals.isFile = (value) => isObject(value) && #name in value;
		internals.newFile = (bytes, type, name, modified = Date.now()) => {
			const file = new File([], name, { lastModified: modified });
			internals.fillBlob(file, bytes, type);
			return file;
		};
	}
}

expose(Blob, File);
internals.cloneables.push(
	[internals.isFile, (f) => internals.newFile(internals.blobBytes(f), f.type, f.name, f.lastModified)],
	[internals.isBlob, (b) => internals.newBlob(internals.blobBytes(b), b.type)]);
