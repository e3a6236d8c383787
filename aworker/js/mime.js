// SPDX-License-Identifier: Apache-2.0
// MIME types (WHATWG MIME Sniffing, section 4): parse and serialise.
'use strict';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const QUOTED_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;

// By hand: /[ ]+$/ takes the square of a run of blanks that is not at the end.
function isSpace(code) {
	return code === 0x20 || code === 0x09 || code === 0x0a || code === 0x0d;
}

function trimEnd(s) {
	let end = s.length;
	while (end > 0 && isSpace(s.charCodeAt(end - 1)))
		end--;
	return s.slice(0, end);
}

// Without the HTTP whitespace around it.
internals.trimSpace = (s) => {
	let start = 0;
	while (start < s.length && isSpace(s.charCodeAt(start)))
		start++;
	return trimEnd(s.slice(start));
};

internals.isToken = (s) => TOKEN.test(s);

// A quoted string that starts at input[at]: [value, position after it]
function quotedString(input, at) {
	let value = '';
	let i = at + 1;
	while (i < input.length && input[i] !== '"') {
		if (input[i] === '\\' && i + 1 < input.length)
			i++;
		value += input[i++];
	}
	return [value, i + 1];
}

function until(input, at, stop) {
	let i = at;
	while (i < input.length && !stop.includes(input[i]))
		i++;
	return i;
}

function parseParameters(input, at, parameters) {
	while (at < input.length) {
		at++;
		while (at < input.length && '\t\n\r '.includes(input[at]))
			at++;
		let end = until(input, at, ';=');
		const name = input.slice(at, end).toLowerCase();
		at = end;
		if (input[at] !== '=')
			continue;
		at++;
		let value;
		if (input[at] === '"') {
			[value, end] = quotedString(input, at);
			at = until(input, end, ';');
		} else {
			end = until(input, at, ';');
			value = trimEnd(input.slice(at, end));
			at = end;
			if (value === '')
				continue;
		}
		if (TOKEN.test(name) && QUOTED_VALUE.test(value) && !parameters.has(name))
			parameters.set(name, value);
	}
}

// { essence, parameters: Map } or null
internals.parseMime = (text) => {
	const input = internals.trimSpace(text);
	const slash = input.indexOf('/');
	if (slash < 0)
		return null;
	const type = input.slice(0, slash);
	const end = until(input, slash + 1, ';');
	const subtype = trimEnd(input.slice(slash + 1, end));
	if (!TOKEN.test(type) || !TOKEN.test(subtype))
		return null;
	const mime = { essence: `${type}/${subtype}`.toLowerCase(), parameters: new Map() };
	parseParameters(input, end, mime.parameters);
	return mime;
};

internals.mimeText = ({ essence, parameters }) => {
	let s = essence;
	for (const [name, value] of parameters) {
		const plain = TOKEN.test(value);
		s += `;${name}=${plain ? value : `"${value.replace(/(["\\])/g, '\\$1')}"`}`;
	}
	return s;
};

// The MIME type of a list of Content-Type values, as fetch extracts it; null when there is none.
internals.extractMime = (values) => {
	let mime = null;
	let charset = null;
	for (let i = 0; i < values.length; i++) {
		const one = internals.parseMime(values[i]);
		if (!one || one.essence === '*/*')
			continue;
		if (mime && mime.essence === one.essence) {
			if (!one.parameters.has('charset') && charset !== null)
				one.parameters.set('charset', charset);
		} else {
			charset = null;
		}
		mime = one;
		charset = one.parameters.get('charset') ?? charset;
	}
	return mime;
};
