// SPDX-License-Identifier: Apache-2.0
// CompressionStream and DecompressionStream (WHATWG Compression). The work is done in C, in pieces
// of at most 64 KiB of output; between two of them the consumer is waited for. What a chunk blows
// up to is therefore never in memory at once.
'use strict';

const { expose, enumeration, isBufferSource, isSharedArrayBuffer, bytesOf, viewParts,
	requireArguments } = internals.webidl;
const { isView } = internals.primordials;
const S = internals.streams;

const FORMATS = ['deflate', 'deflate-raw', 'gzip', 'brotli', 'zstd']; // enum codec_format
const NO_BYTES = new Uint8Array(0);

let abandoned = null; // closes streams that were dropped in the middle

function bytesOfChunk(chunk) {
	if (!isBufferSource(chunk) || (isView(chunk) && isSharedArrayBuffer(viewParts(chunk).buffer)))
		throw new TypeError('The chunk is not an ArrayBuffer or a view of one');
	return bytesOf(chunk);
}

class Codec {
	#id = 0; // opened when there is something to do
	#format;
	#decompress;
	#stream;
	#progress = new Uint32Array(2);

	constructor(format, decompress) {
		this.#format = FORMATS.indexOf(format);
		this.#decompress = decompress;
		this.#stream = S.createTransform(
			(chunk, put) => this.#run(bytesOfChunk(chunk), false, put),
			(put) => this.#run(NO_BYTES, true, put),
			() => this.#close());
	}

	get readable() {
		return this.#stream.readable.wrapper;
	}

	get writable() {
		return this.#stream.writable.wrapper;
	}

	#open() {
		this.#id = ops.codecOpen(this.#format, this.#decompress);
		abandoned ??= new FinalizationRegistry((id) => ops.codecClose(id));
		abandoned.register(this, this.#id, this);
	}

	#close() {
		if (this.#id === 0)
			return;
		ops.codecClose(this.#id);
		abandoned.unregister(this);
		this.#id = 0;
	}

	static {
		internals.isOpenCodec = (value) => #id in value && value.#id !== 0;
		internals.codecPrototype = this.prototype;
	}

	// The usual chunk is done in one step, without a promise.
	#run(bytes, last, put) {
		try {
			if (this.#id === 0)
				this.#open();
			const rest = this.#step(bytes, last, put);
			if (rest !== null)
				return this.#runSlowly(rest, last, put);
		} catch (error) {
			this.#close();
			throw error;
		}
		if (last)
			this.#close();
		return undefined;
	}

	async #runSlowly(rest, last, put) {
		try {
			// The caller may change the chunk as soon as we wait.
			let owned = rest.length === 0;
			while (rest !== null) {
				if (this.#stream.backpressure) {
					rest = owned ? rest : rest.slice();
					owned = true;
					await this.#stream.change.promise;
					this.#checkEnd();
				}
				rest = this.#step(rest, last, put);
			}
		} catch (error) {
			this.#close();
			throw error;
		}
		if (last)
			this.#close();
	}

	// The stream may have ended while it waited.
	#checkEnd() {
		const { readable, writable } = this.#stream;
		if (writable.state === 'erroring' || writable.state === 'errored')
			throw writable.storedError;
		if (readable.state !== 'readable')
			throw new TypeError('The readable side is closed');
	}

	// What is left of the input; null when there is nothing more to do.
	#step(bytes, last, put) {
		if (bytes.length === 0 && !last && this.#progress[1] === 0)
			return null;
		const out = ops.codecStep(this.#id, bytes, last, this.#progress);
		if (out.length > 0)
			put(out);
		return this.#progress[1] === 0 ? null : bytes.subarray(this.#progress[0]);
	}
}

class CompressionStream {
	#codec;

	constructor(format) {
		requireArguments(arguments.length, 1, 'CompressionStream');
		this.#codec = new Codec(enumeration(format, FORMATS, 'CompressionStream: format'), false);
	}

	get readable() {
		return this.#codec.readable;
	}

	get writable() {
		return this.#codec.writable;
	}
}

class DecompressionStream {
	#codec;

	constructor(format) {
		requireArguments(arguments.length, 1, 'DecompressionStream');
		this.#codec = new Codec(enumeration(format, FORMATS, 'DecompressionStream: format'), true);
	}

	get readable() {
		return this.#codec.readable;
	}

	get writable() {
		return this.#codec.writable;
	}
}

expose(CompressionStream, DecompressionStream);
