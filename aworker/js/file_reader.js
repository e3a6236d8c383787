// SPDX-License-Identifier: Apache-2.0
// FileReader, FileReaderSync and ProgressEvent (File API, section 6). A blob is in memory, so a read
// takes no time; its events come one by one from the loop, as if it did.
'use strict';

const {
	constants, dictionary, domString, expose, requireArguments, unrestrictedDouble,
} = internals.webidl;
const { DOMException, Event, EventTarget } = internals;

const EMPTY = 0;
const LOADING = 1;
const DONE = 2;

class ProgressEvent extends Event {
	#lengthComputable;
	#loaded;
	#total;

	constructor(type, init = undefined) {
		requireArguments(arguments.length, 1, 'ProgressEvent');
		super(type, init);
		const d = dictionary(init, 'eventInitDict');
		this.#lengthComputable = !!d.lengthComputable;
		this.#loaded = finite(d.loaded, 'loaded');
		this.#total = finite(d.total, 'total');
	}

	get lengthComputable() {
		return this.#lengthComputable;
	}

	get loaded() {
		return this.#loaded;
	}

	get total() {
		return this.#total;
	}
}

function finite(value, what) {
	const x = value === undefined ? 0 : unrestrictedDouble(value, `ProgressEvent: ${what}`);
	if (!Number.isFinite(x))
		throw new TypeError(`ProgressEvent: ${what} is not a finite number`);
	return x;
}

// --- what a read gives ---

function bomEncoding(bytes) {
	if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf)
		return 'utf-8';
	if (bytes[0] === 0xfe && bytes[1] === 0xff)
		return 'utf-16be';
	return bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : undefined;
}

function charsetOf(type) {
	return internals.parseMime(type)?.parameters.get('charset');
}

// A byte order mark wins over the argument, and that over the charset of the type.
function textOf(blob, label) {
	const bytes = internals.blobBytes(blob);
	const byLabel = label === undefined ? undefined : internals.encodingName(label);
	const charset = byLabel === undefined ? charsetOf(blob.type) : undefined;
	const encoding = bomEncoding(bytes) ?? byLabel ??
		(charset === undefined ? undefined : internals.encodingName(charset)) ?? 'utf-8';
	if (encoding === 'replacement')
		return bytes.length === 0 ? '' : '\ufffd';
	return new internals.TextDecoder(encoding).decode(bytes);
}

const packages = {
	__proto__: null,
	arrayBuffer: (blob) => internals.blobBytes(blob).slice().buffer,
	binaryString: (blob) => ops.textLatin1(internals.blobBytes(blob)),
	dataUrl: (blob) => `data:${blob.type || 'application/octet-stream'};base64,` +
		ops.base64Encode(packages.binaryString(blob)),
	text: textOf,
};

function requireBlob(args, what) {
	requireArguments(args.length, 1, what);
	if (!internals.isBlob(args[0]))
		throw new TypeError(`${what}: the argument is not a Blob`);
	return args[0];
}

function labelOf(value) {
	return value === undefined ? undefined : domString(value);
}

// --- FileReader ---

class FileReader extends EventTarget {
	#state = EMPTY;
	#result = null;
	#error = null;
	#read = null; // the read that goes on: its events are for nobody once another one began

	readAsArrayBuffer(blob) {
		void this.#state;
		this.#start(requireBlob(arguments, 'readAsArrayBuffer'), packages.arrayBuffer);
	}

	readAsBinaryString(blob) {
		void this.#state;
		this.#start(requireBlob(arguments, 'readAsBinaryString'), packages.binaryString);
	}

	readAsText(blob, encoding = undefined) {
		void this.#state;
		requireBlob(arguments, 'readAsText');
		const label = labelOf(encoding);
		this.#start(blob, () => packages.text(blob, label));
	}

	readAsDataURL(blob) {
		void this.#state;
		this.#start(requireBlob(arguments, 'readAsDataURL'), packages.dataUrl);
	}

	abort() {
		const loading = this.#state === LOADING;
		this.#result = null;
		if (!loading)
			return;
		this.#state = DONE;
		const size = this.#read.blob.size;
		this.#read = null;
		this.#fire('abort', 0, size);
		if (this.#state !== LOADING)
			this.#fire('loadend', 0, size);
	}

	get readyState() {
		return this.#state;
	}

	get result() {
		return this.#result;
	}

	get error() {
		return this.#error;
	}

	#start(blob, make) {
		if (this.#state === LOADING)
			throw new DOMException('FileReader: it is reading already', 'InvalidStateError');
		this.#state = LOADING;
		this.#result = null;
		this.#error = null;
		this.#read = { blob, make };
		this.#later(this.#read, () => this.#began(this.#read));
	}

	// One task each, so that promises of listeners are served in between.
	#later(read, step) {
		internals.startTimer(() => {
			if (this.#read === read)
				step();
		}, 0);
	}

	#began(read) {
		const { size } = read.blob;
		this.#fire('loadstart', 0, size);
		if (size > 0)
			this.#later(read, () => this.#fire('progress', size, size));
		this.#later(read, () => this.#finish(read));
	}

	#finish(read) {
		const { size } = read.blob;
		let type = 'load';
		this.#state = DONE;
		try {
			this.#result = read.make(read.blob);
		} catch (error) {
			type = 'error';
			this.#error = new DOMException(error.message, 'NotReadableError');
		}
		this.#later(read, () => {
			this.#read = null;
			this.#fire('loadend', size, size);
		});
		this.#fire(type, size, size);
	}

	#fire(type, loaded, total) {
		internals.fire(this, new ProgressEvent(type, { lengthComputable: true, loaded, total }));
	}
}

class FileReaderSync {
	#brand;

	readAsArrayBuffer(blob) {
		void this.#brand;
		return packages.arrayBuffer(requireBlob(arguments, 'readAsArrayBuffer'));
	}

	readAsBinaryString(blob) {
		void this.#brand;
		return packages.binaryString(requireBlob(arguments, 'readAsBinaryString'));
	}

	readAsText(blob, encoding = undefined) {
		void this.#brand;
		requireBlob(arguments, 'readAsText');
		return packages.text(blob, labelOf(encoding));
	}

	readAsDataURL(blob) {
		void this.#brand;
		return packages.dataUrl(requireBlob(arguments, 'readAsDataURL'));
	}
}

expose(ProgressEvent, FileReader, FileReaderSync);
constants(FileReader, { EMPTY, LOADING, DONE });
for (const type of ['loadstart', 'progress', 'load', 'abort', 'error', 'loadend'])
	internals.defineHandler(FileReader.prototype, type);
