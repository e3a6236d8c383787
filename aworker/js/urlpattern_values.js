// SPDX-License-Identifier: Apache-2.0
// Values of URL components as a URL would have them (URL Pattern Standard, canonicalisation), and a
// URLPatternInit brought into that form. A value that no URL can have is a TypeError.
'use strict';

const P = internals.urlPattern;

const COMPONENTS = (P.COMPONENTS = [
	'protocol', 'username', 'password', 'hostname', 'port', 'pathname', 'search', 'hash',
]);
const DEFAULT_PORTS = {
	__proto__: null, http: '80', https: '443', ws: '80', wss: '443', ftp: '21', file: '',
};
const SPECIAL = Object.keys(DEFAULT_PORTS);
const DUMMY = 'https://dummy.invalid/';
const DUMMY_HOST = 'dummy.invalid';

P.SPECIAL = SPECIAL;
P.defaultPort = (protocol) => DEFAULT_PORTS[protocol];

function parse(url, base = undefined) {
	try {
		return new internals.URL(url, base);
	} catch {
		return null;
	}
}

// Reads the component back from a URL that it was given to.
function throughUrl(component, value) {
	const url = new internals.URL(DUMMY);
	url[component] = value;
	return url[component];
}

function refuse(component, value) {
	throw new TypeError(`URLPattern: '${value}' is no ${component}`);
}

const encode = {
	__proto__: null,

	protocol(value) {
		if (value === '')
			return '';
		const url = /^[^:/?#]*$/.test(value) ? parse(`${value}://dummy.test`) : null;
		return url ? url.protocol.slice(0, -1) : refuse('protocol', value);
	},

	username: (value) => (value === '' ? '' : throughUrl('username', value)),
	password: (value) => (value === '' ? '' : throughUrl('password', value)),

	hostname(value) {
		if (value === '')
			return '';
		const host = throughUrl('hostname', value);
		if (host === DUMMY_HOST && value.toLowerCase() !== DUMMY_HOST)
			refuse('hostname', value);
		return host;
	},

	ipv6(value) {
		return /^[0-9a-f:[\]]*$/i.test(value) ? value.toLowerCase() : refuse('hostname', value);
	},

	port(value, protocol = '') {
		if (value === '')
			return '';
		const digits = /^[0-9]+/.exec(value.replace(/[\t\n\r]/g, ''))?.[0];
		if (digits === undefined || +digits > 65535)
			refuse('port', value);
		return DEFAULT_PORTS[protocol] === `${+digits}` ? '' : `${+digits}`;
	},

	pathname(value) {
		if (value === '')
			return '';
		if (value[0] === '/')
			return throughUrl('pathname', value);
		// With a start of its own, so that none is added and none is resolved away.
		return throughUrl('pathname', `/-${value}`).slice(2);
	},

	opaquePathname(value) {
		const text = value.replace(/[\t\n\r]/g, '').replace(/[?#].*$/s, '');
		return text.replace(/[\0-\x1f]|[^\0-\x7e]/gu, percent);
	},

	search: (value) => (value === '' ? '' : throughUrl('search', `?${value}`).slice(1)),
	hash: (value) => (value === '' ? '' : throughUrl('hash', `#${value}`).slice(1)),
};
P.encode = encode;

function percent(c) {
	let text = '';
	for (const byte of ops.textEncode(c))
		text += `%${byte < 16 ? '0' : ''}${byte.toString(16).toUpperCase()}`;
	return text;
}

function hasOpaquePath(url) {
	return url.pathname[0] !== '/' && url.pathname !== '';
}

// The components of a URL, without what separates them.
function componentsOf(url) {
	const { protocol, username, password, hostname, port, pathname, search, hash } = url;
	return {
		protocol: protocol.slice(0, -1), username, password, hostname, port, pathname,
		search: search.slice(1), hash: hash.slice(1),
	};
}

// The components of what is matched, or null when it is no URL.
P.parseUrl = (input, base) => {
	const url = parse(input, base);
	return url ? componentsOf(url) : null;
};

// --- URLPatternInit ---

// A component comes from the base URL only when neither it nor one of these is given.
const EARLIER = {
	__proto__: null,
	protocol: [],
	username: ['protocol', 'hostname', 'port'],
	password: ['protocol', 'hostname', 'port', 'username'],
	hostname: ['protocol'],
	port: ['protocol', 'hostname'],
	pathname: ['protocol', 'hostname', 'port'],
	search: ['protocol', 'hostname', 'port', 'pathname'],
	hash: ['protocol', 'hostname', 'port', 'pathname', 'search'],
};

function inherit(result, init, base, isPattern) {
	const parts = componentsOf(base);
	for (const name of COMPONENTS) {
		if (isPattern && (name === 'username' || name === 'password'))
			continue;
		if (init[name] === undefined && EARLIER[name].every((e) => init[e] === undefined))
			result[name] = isPattern ? P.escapePattern(parts[name]) : parts[name];
	}
}

function isAbsolute(pathname, isPattern) {
	return pathname[0] === '/' ||
		(isPattern && (pathname.startsWith('\\/') || pathname.startsWith('{/')));
}

function resolvePathname(pathname, base, isPattern) {
	if (base === null || hasOpaquePath(base) || isAbsolute(pathname, isPattern))
		return pathname;
	const path = isPattern ? P.escapePattern(base.pathname) : base.pathname;
	return path.slice(0, path.lastIndexOf('/') + 1) + pathname;
}

function stripSeparator(name, value) {
	if (name === 'protocol' && value.endsWith(':'))
		return value.slice(0, -1);
	if ((name === 'search' && value[0] === '?') || (name === 'hash' && value[0] === '#'))
		return value.slice(1);
	return value;
}

function encodeValue(name, value, protocol) {
	if (name === 'port')
		return encode.port(value, protocol);
	if (name === 'pathname' && protocol !== '' && !SPECIAL.includes(protocol))
		return encode.opaquePathname(value);
	return encode[name](value);
}

// isPattern: values are patterns and stay as they are written; else they are encoded, and what
// is not given is ''.
P.processInit = (init, isPattern) => {
	const result = {};
	let base = null;
	if (!isPattern)
		for (const name of COMPONENTS)
			result[name] = '';
	if (init.baseURL !== undefined) {
		base = parse(init.baseURL);
		if (base === null)
			throw new TypeError(`URLPattern: the base URL '${init.baseURL}' is no URL`);
		inherit(result, init, base, isPattern);
	}
	for (const name of COMPONENTS) {
		let value = init[name];
		if (value === undefined)
			continue;
		if (name === 'pathname')
			value = resolvePathname(value, base, isPattern);
		value = stripSeparator(name, value);
		result[name] = isPattern ? value : encodeValue(name, value, result.protocol);
	}
	return result;
};
