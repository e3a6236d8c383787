// SPDX-License-Identifier: Apache-2.0
// TextEncoder and TextDecoder. Each encoding has a decoder with one method, decode(bytes, flush),
// that keeps what is unfinished until the next call.
'use strict';

const { domString, usvString, dictionary, bufferSource, bytesOf, isObject, expose,
	requireArguments } = internals.webidl;
const { viewTag, isView } = internals.primordials;

const NO_BYTES = new Uint8Array(0);

function concat(a, b) {
	if (a.length === 0)
		return b;
	const out = new Uint8Array(a.length + b.length);
	out.set(a);
	out.set(b, a.length);
	return out;
}
internals.concatBytes = concat;

// --- decoders ---

class Utf8Decoder {
	#pending = NO_BYTES;

	constructor(fatal) {
		this.fatal = fatal;
	}

	decode(bytes, flush) {
		if (this.#pending.length > 0) {
			bytes = concat(this.#pending, bytes);
			this.#pending = NO_BYTES;
		}
		if (!flush) {
			const tail = ops.textUtf8Tail(bytes);
			if (tail > 0) {
				this.#pending = bytes.slice(bytes.length - tail);
				bytes = bytes.subarray(0, bytes.length - tail);
			}
		}
		return ops.textDecodeUtf8(bytes, this.fatal);
	}
}

class Utf16Decoder {
	#pending = NO_BYTES;

	constructor(fatal, big) {
		this.fatal = fatal;
		this.big = big;
	}

	decode(bytes, flush) {
		bytes = concat(this.#pending, bytes);
		this.#pending = NO_BYTES;
		if (!flush) {
			const whole = this.#whole(bytes);
			this.#pending = bytes.slice(whole);
			bytes = bytes.subarray(0, whole);
		}
		return ops.textDecodeUtf16(bytes, this.big, this.fatal);
	}

	// How many bytes end neither in half a unit nor in half a pair.
	#whole(bytes) {
		const even = bytes.length & ~1;
		if (even < 2)
			return even;
		const high = bytes[this.big ? even - 2 : even - 1];
		return (high & 0xfc) === 0xd8 ? even - 2 : even;
	}
}

class SingleByteDecoder {
	constructor(fatal, table) {
		this.fatal = fatal;
		this.table = table;
	}

	decode(bytes) {
		const units = new Uint8Array(bytes.length * 2);
		for (let i = 0; i < bytes.length; i++) {
			const c = this.table[bytes[i]];
			if (c === 0xfffd && this.fatal)
				throw new TypeError('The encoded data was not valid');
			units[2 * i] = c & 0xff;
			units[2 * i + 1] = c >> 8;
		}
		return ops.textDecodeUtf16(units, false, false);
	}
}

// In the order of enum legacy_encoding.
const LEGACY = ['gb18030', 'big5', 'euc-jp', 'iso-2022-jp', 'shift_jis', 'euc-kr'];

class LegacyDecoder {
	#state = new Uint8Array(6); // struct legacy_state

	constructor(fatal, index) {
		this.fatal = fatal;
		this.index = index;
	}

	decode(bytes, flush) {
		return ops.textDecodeLegacy(this.index, this.#state, bytes, this.fatal, flush);
	}
}

function userDefinedTable() {
	return Uint16Array.from({ length: 256 }, (_, i) => (i < 0x80 ? i : 0xf780 + i - 0x80));
}

function makeDecoder(encoding, fatal) {
	switch (encoding) {
	case 'utf-8': return new Utf8Decoder(fatal);
	case 'utf-16le': return new Utf16Decoder(fatal, false);
	case 'utf-16be': return new Utf16Decoder(fatal, true);
	case 'x-user-defined': return new SingleByteDecoder(fatal, userDefinedTable());
	}
	const legacy = LEGACY.indexOf(encoding === 'gbk' ? 'gb18030' : encoding);
	if (legacy >= 0)
		return new LegacyDecoder(fatal, legacy);
	return new SingleByteDecoder(fatal, internals.singleByteTable(encoding));
}

class TextDecoder {
	#encoding;
	#fatal;
	#ignoreBom;
	#decoder = null;
	#streaming = false;
	#bomSeen = false;

	constructor(label = 'utf-8', options = undefined) {
		const wanted = domString(label);
		const d = dictionary(options, 'options');
		const name = internals.encodingName(wanted);
		if (name === undefined || name === 'replacement')
			throw new RangeError(`TextDecoder: no encoding has the label '${wanted}'`);
		this.#encoding = name;
		this.#fatal = !!d.fatal;
		this.#ignoreBom = !!d.ignoreBOM;
	}

	get encoding() {
		return this.#encoding;
	}

	get fatal() {
		return this.#fatal;
	}

	get ignoreBOM() {
		return this.#ignoreBom;
	}

	decode(input = undefined, options = undefined) {
		void this.#encoding;
		const bytes = input === undefined ? NO_BYTES : bytesOf(bufferOrShared(input));
		const stream = !!dictionary(options, 'options').stream;
		if (!this.#streaming)
			this.#bomSeen = false;
		this.#decoder ??= makeDecoder(this.#encoding, this.#fatal);
		this.#streaming = stream;
		try {
			return this.#skipBom(this.#decoder.decode(bytes, !stream));
		} catch (error) {
			this.#streaming = false;
			this.#decoder = null;
			throw error;
		}
	}

	#skipBom(text) {
		if (this.#bomSeen || text.length === 0)
			return text;
		this.#bomSeen = true;
		const bom = text.charCodeAt(0) === 0xfeff && this.#encoding.startsWith('utf-');
		return bom && !this.#ignoreBom ? text.slice(1) : text;
	}
}

function bufferOrShared(input) {
	if (internals.webidl.isSharedArrayBuffer(input))
		return input;
	return bufferSource(input, 'TextDecoder.decode: the input');
}

class TextEncoder {
	#brand;

	get encoding() {
		void this.#brand;
		return 'utf-8';
	}

	encode(input = '') {
		void this.#brand;
		return ops.textEncode(domString(input));
	}

	encodeInto(source, destination) {
		void this.#brand;
		requireArguments(arguments.length, 2, 'encodeInto');
		const text = domString(source);
		if (!isObject(destination) || !isView(destination) || viewTag(destination) !== 'Uint8Array')
			throw new TypeError('encodeInto: the destination is not a Uint8Array');
		// No code unit takes less than a byte: what lies beyond cannot fit.
		const [read, written] = ops.textEncodeInto(text.slice(0, destination.length + 1), destination);
		return { read, written };
	}
}

expose(TextDecoder, TextEncoder);

// UTF-8 as the fetch standard decodes it: a BOM is dropped, errors become U+FFFD.
internals.decodeUtf8 = (bytes) => {
	const text = ops.textDecodeUtf8(bytes, false);
	return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
};
internals.encodeUtf8 = (text) => ops.textEncode(usvString(text));
internals.TextDecoder = TextDecoder;
