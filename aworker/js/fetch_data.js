// SPDX-License-Identifier: Apache-2.0
// What fetch() finds without a network: data:, blob: and file: URLs (WHATWG Fetch, section 4.2 and 6).
// Each gives { bytes, type, status, statusText, more } or throws; `more` are further headers. A file that
// is open has an `id` instead of bytes: for Body.ofFile() when it `isShort`, else for ops.fetchRead().
'use strict';

const { viewTag } = internals.primordials;

const HEX_PAIR = /^[0-9A-Fa-f]{2}$/;
const BASE64_MARK = /; *base64$/i;
const RANGE = /^bytes[\t ]*=[\t ]*(\d*)[\t ]*-[\t ]*(\d*)[\t ]*$/;

const FILE_HEAD = 'file://'.length;

// Types that a browser or WebAssembly.compileStreaming() insists on.
const FILE_TYPES = {
	__proto__: null,
	css: 'text/css;charset=utf-8',
	csv: 'text/csv;charset=utf-8',
	gif: 'image/gif',
	htm: 'text/html;charset=utf-8',
	html: 'text/html;charset=utf-8',
	ico: 'image/vnd.microsoft.icon',
	jpeg: 'image/jpeg',
	jpg: 'image/jpeg',
	js: 'text/javascript;charset=utf-8',
	json: 'application/json',
	map: 'application/json',
	md: 'text/markdown;charset=utf-8',
	mjs: 'text/javascript;charset=utf-8',
	pdf: 'application/pdf',
	png: 'image/png',
	svg: 'image/svg+xml',
	txt: 'text/plain;charset=utf-8',
	wasm: 'application/wasm',
	webp: 'image/webp',
	woff2: 'font/woff2',
	xml: 'application/xml',
};

// A byte string of an ASCII one.
function percentDecode(text) {
	let at = text.indexOf('%');
	if (at < 0)
		return text;
	let out = '';
	let from = 0;
	while (at >= 0) {
		const pair = text.slice(at + 1, at + 3);
		if (HEX_PAIR.test(pair)) {
			out += text.slice(from, at) + String.fromCharCode(parseInt(pair, 16));
			from = at + 3;
		}
		at = text.indexOf('%', at + 1 < from ? from : at + 1);
	}
	return out + text.slice(from);
}

function bytesOfString(text) {
	const bytes = new Uint8Array(text.length);
	for (let i = 0; i < text.length; i++)
		bytes[i] = text.charCodeAt(i);
	return bytes;
}

function dataUrl(url) {
	const comma = url.indexOf(',');
	if (comma < 0)
		throw new TypeError('the data: URL has no comma');
	let type = url.slice(5, comma).replace(/^[\t\n\f\r ]+|[\t\n\f\r ]+$/g, '');
	let body = percentDecode(url.slice(comma + 1));
	if (BASE64_MARK.test(type)) {
		body = ops.base64Decode(body);
		if (body === undefined)
			throw new TypeError('the data: URL is not in base64');
		type = type.replace(BASE64_MARK, '');
	}
	if (type[0] === ';')
		type = `text/plain${type}`;
	const mime = internals.parseMime(type);
	return {
		bytes: bytesOfString(body),
		type: mime ? internals.mimeText(mime) : 'text/plain;charset=US-ASCII',
		status: 200, statusText: 'OK', more: [],
	};
}

// [first, last] of a blob; null when nothing of it is wanted.
function rangeOf(value, size) {
	const found = RANGE.exec(value);
	if (!found || (found[1] === '' && found[2] === ''))
		return null;
	const first = found[1] === '' ? Math.max(0, size - found[2]) : +found[1];
	const last = found[1] === '' || found[2] === '' ? size - 1 : Math.min(+found[2], size - 1);
	return first >= size || first > last ? null : [first, last];
}

function blobUrl(url, method, range) {
	const blob = method === 'GET' ? internals.blobUrlLookup?.(url) : undefined;
	if (!blob)
		throw new TypeError(method === 'GET' ? 'the blob: URL stands for nothing'
			: 'blob: URLs are for GET');
	const bytes = internals.blobBytes(blob);
	const { length } = bytes;
	if (range === null)
		return { bytes, type: blob.type, status: 200, statusText: 'OK',
			more: [['content-length', `${length}`]] };
	const part = rangeOf(range, length);
	if (!part)
		throw new TypeError('no such range is in the blob');
	const [first, last] = part;
	return { bytes: bytes.subarray(first, last + 1), type: blob.type, status: 206,
		statusText: 'Partial Content', more: [['content-length', `${last + 1 - first}`],
			['content-range', `bytes ${first}-${last}/${length}`]] };
}

function fileUrl(url, method) {
	if (method !== 'GET' && method !== 'HEAD')
		throw new TypeError('file: URLs are for GET and HEAD');
	// It is what a parser has written: "file://HOST/PATH?QUERY".
	if (!url.startsWith('file:///'))
		throw new TypeError('the file: URL names a host');
	const query = url.indexOf('?');
	const pathname = url.slice(FILE_HEAD, query < 0 ? url.length : query);
	const found = ops.fetchFile(percentDecode(pathname), method === 'GET');
	const whole = viewTag(found) !== undefined;
	const ending = pathname.slice(pathname.lastIndexOf('.') + 1).toLowerCase();
	return { bytes: whole ? found : '', id: whole ? 0 : found[0], isShort: !whole && found[2] === 1, type: FILE_TYPES[ending] ?? '',
		status: 200, statusText: 'OK',
		more: [['content-length', `${whole ? found.length : found[1]}`]] };
}

// undefined for a scheme that has to do with a network, or is unknown.
internals.fetchLocal = (url, method, range) => {
	if (url.startsWith('data:'))
		return dataUrl(url);
	if (url.startsWith('blob:'))
		return blobUrl(url, method, range);
	return url.startsWith('file:') ? fileUrl(url, method) : undefined;
};
