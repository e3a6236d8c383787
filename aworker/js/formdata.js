// SPDX-License-Identifier: Apache-2.0
// FormData, and multipart/form-data in both directions.
'use strict';

const { expose, isObject, usvString, pairIterable, requireArguments } = internals.webidl;

function toEntry(name, value, filename) {
	name = usvString(name);
	if (!internals.isBlob(value))
		return [name, usvString(value)];
	if (filename !== undefined)
		filename = usvString(filename);
	if (internals.isFile(value) && filename === undefined)
		return [name, value];
	const modified = internals.isFile(value) ? value.lastModified : undefined;
	return [name, internals.newFile(internals.blobBytes(value), value.type, filename ?? 'blob',
		modified)];
}

function checkFilename(given, value, what) {
	if (given >= 3 && !internals.isBlob(value))
		throw new TypeError(`${what}: with a file name the value must be a Blob`);
}

class FormData {
	#list = [];

	constructor(form = undefined, submitter = undefined) {
		if (form !== undefined || (submitter !== undefined && submitter !== null))
			throw new TypeError('FormData: there are no HTML forms here');
	}

	append(name, value, filename = undefined) {
		void this.#list;
		requireArguments(arguments.length, 2, 'append');
		checkFilename(arguments.length, value, 'append');
		this.#list.push(toEntry(name, value, filename));
	}

	delete(name) {
		void this.#list;
		requireArguments(arguments.length, 1, 'delete');
		name = usvString(name);
		this.#list = this.#list.filter((e) => e[0] !== name);
	}

	get(name) {
		void this.#list;
		requireArguments(arguments.length, 1, 'get');
		name = usvString(name);
		return this.#list.find((e) => e[0] === name)?.[1] ?? null;
	}

	getAll(name) {
		void this.#list;
		requireArguments(arguments.length, 1, 'getAll');
		name = usvString(name);
		return this.#list.filter((e) => e[0] === name).map((e) => e[1]);
	}

	has(name) {
		void this.#list;
		requireArguments(arguments.length, 1, 'has');
		name = usvString(name);
		return this.#list.some((e) => e[0] === name);
	}

	set(name, value, filename = undefined) {
		void this.#list;
		requireArguments(arguments.length, 2, 'set');
		checkFilename(arguments.length, value, 'set');
		const entry = toEntry(name, value, filename);
		const at = this.#list.findIndex((e) => e[0] === entry[0]);
		if (at < 0) {
			this.#list.push(entry);
			return;
		}
		this.#list[at] = entry;
		this.#list = this.#list.filter((e, i) => i <= at || e[0] !== entry[0]);
	}

	static {
		internals.isFormData = (value) => isObject(value) && #list in value;
		internals.formEntries = (form) => form.#list;
		internals.newFormData = (list) => {
			const form = new FormData();
			form.#list = list;
			return form;
		};
		pairIterable(FormData, (form) => form.#list);
	}
}

expose(FormData);

// --- writing ---

function crlf(text) {
	return text.replace(/\r\n|\r|\n/g, '\r\n');
}

function quoteName(text) {
	return text.replace(/\r\n|\r|\n/g, '\r\n').replace(/\n/g, '%0A').replace(/\r/g, '%0D')
		.replace(/"/g, '%22');
}

function boundary() {
	const random = new Uint8Array(16);
	ops.randomFill(random);
	let s = '----formdata-aworker-';
	for (const b of random)
		s += (b + 256).toString(16).slice(1);
	return s;
}

// { bytes, type } of a form
internals.writeMultipart = (form) => {
	const mark = boundary();
	const pieces = [];
	const text = (s) => pieces.push(ops.textEncode(s));
	for (const [name, value] of internals.formEntries(form)) {
		const head = `--${mark}\r\nContent-Disposition: form-data; name="${quoteName(name)}"`;
		if (typeof value === 'string') {
			text(`${head}\r\n\r\n${crlf(value)}\r\n`);
			continue;
		}
		const file = value.name.replace(/\n/g, '%0A').replace(/\r/g, '%0D').replace(/"/g, '%22');
		text(`${head}; filename="${file}"\r\n` +
			`Content-Type: ${value.type || 'application/octet-stream'}\r\n\r\n`);
		pieces.push(internals.blobBytes(value));
		text('\r\n');
	}
	text(`--${mark}--\r\n`);
	return { bytes: internals.joinBytes(pieces), type: `multipart/form-data; boundary=${mark}` };
};

// --- reading ---

const PARTS_MAX = 10000; // in one body
const PART_HEAD_MAX = 16384; // characters of a part's headers
const NOT_ASCII = /[^\0-\x7f]/;

function malformed(why) {
	return new TypeError(`The multipart body is malformed: ${why}`);
}

function fromByteString(s) {
	const bytes = new Uint8Array(s.length);
	for (let i = 0; i < s.length; i++)
		bytes[i] = s.charCodeAt(i);
	return bytes;
}

function skipBlanks(s, at) {
	while (s[at] === ' ' || s[at] === '\t')
		at++;
	return at;
}

// One parameter, from behind its ';': [name, value, where it ends]
function dispositionParameter(s, at) {
	const start = skipBlanks(s, at);
	const equals = s.indexOf('=', start);
	const name = equals < 0 ? '' : s.slice(start, equals);
	if (name === '' || /[";]/.test(name))
		throw malformed('a parameter of Content-Disposition is wrong');
	const quoted = s[equals + 1] === '"';
	const from = equals + (quoted ? 2 : 1);
	let end = s.indexOf(quoted ? '"' : ';', from);
	if (end < 0 && quoted)
		throw malformed('a quoted string of Content-Disposition has no end');
	if (end < 0)
		end = s.length;
	const value = s.slice(from, end);
	if (!quoted && value.includes('"'))
		throw malformed('a value in Content-Disposition has a quote in it');
	return [name.toLowerCase(), value, quoted ? end + 1 : end];
}

function disposition(value) {
	const out = { name: undefined, filename: undefined };
	let at = 'form-data'.length;
	if (value.slice(0, at).toLowerCase() !== 'form-data')
		throw malformed('Content-Disposition is not form-data');
	for (at = skipBlanks(value, at); at < value.length; at = skipBlanks(value, at)) {
		if (value[at] !== ';')
			throw malformed('Content-Disposition is not form-data');
		const [name, raw, end] = dispositionParameter(value, at + 1);
		if (name === 'name' || name === 'filename')
			out[name] = ops.textDecodeUtf8(fromByteString(raw.replace(/%0A/gi, '\n')
				.replace(/%0D/gi, '\r').replace(/%22/g, '"')), false);
		at = end;
	}
	if (out.name === undefined)
		throw malformed('a part has no name');
	return out;
}

function partHeaders(text) {
	const headers = { __proto__: null };
	for (const line of text.split('\r\n')) {
		if (line === '')
			continue;
		const colon = line.indexOf(':');
		if (colon < 0 || !internals.isToken(line.slice(0, colon)))
			throw malformed('a header line of a part is wrong');
		headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
	}
	if (headers['content-disposition'] === undefined)
		throw malformed('a part has no Content-Disposition');
	return headers;
}

// `bytes` belong to the entry.
function partEntry(headers, bytes) {
	const { name, filename } = disposition(headers['content-disposition']);
	if (filename === undefined)
		return [name, ops.textDecodeUtf8(bytes, false)];
	const type = headers['content-type'] ?? 'text/plain';
	return [name, internals.newFile(bytes, NOT_ASCII.test(type) ? '' : type, filename)];
}

internals.readMultipart = (bytes, mark) => {
	// A string with one character for each byte is searched quickly, and has the same positions.
	const body = ops.textLatin1(bytes);
	const delimiter = `--${mark}`;
	const list = [];
	let at = 0;
	while (body.startsWith('\r\n', at))
		at += 2;
	if (!body.startsWith(delimiter, at))
		throw malformed('it does not start with the boundary');
	at += delimiter.length;
	for (;;) {
		if (body.startsWith('--', at))
			return internals.newFormData(list);
		if (!body.startsWith('\r\n', at))
			throw malformed('a boundary is not followed by a line break');
		const headEnd = body.indexOf('\r\n\r\n', at);
		const end = headEnd < 0 ? -1 : body.indexOf(`\r\n${delimiter}`, headEnd + 2);
		if (end < 0)
			throw malformed('it ends in the middle of a part');
		if (headEnd - at > PART_HEAD_MAX)
			throw malformed(`the headers of a part are longer than ${PART_HEAD_MAX}`);
		if (list.length === PARTS_MAX)
			throw malformed(`it has more than ${PARTS_MAX} parts`);
		list.push(partEntry(partHeaders(body.slice(at + 2, headEnd)),
			bytes.slice(headEnd + 4, Math.max(headEnd + 4, end))));
		at = end + 2 + delimiter.length;
	}
};
