// SPDX-License-Identifier: Apache-2.0
// URLPattern (URL Pattern Standard): one regular expression for each component of a URL.
'use strict';

const { expose, isObject, dictionary, enumeration, requireArguments, usvString } = internals.webidl;
const P = internals.urlPattern;
const { COMPONENTS, SPECIAL, encode } = P;

const DEFAULT_OPTIONS = { delimiter: '', prefix: '' };
const HOSTNAME_OPTIONS = { delimiter: '.', prefix: '' };
const PATHNAME_OPTIONS = { delimiter: '/', prefix: '/' };
const MEMBERS = [...COMPONENTS, 'baseURL'].sort();

let unicodeFlag; // 'v' where the engine knows it

class Component {
	parts;
	pattern;
	names = [];
	regexp;

	constructor(input, encoder, options, ignoreCase) {
		this.parts = P.parseParts(input, options, encoder);
		for (const part of this.parts)
			if (part.type !== 'fixed')
				this.names.push(part.name);
		this.regexp = compile(P.regexpOf(this.parts, options), ignoreCase, input);
		this.pattern = P.patternOf(this.parts, options);
	}

	get hasRegexp() {
		return this.parts.some((part) => part.type === 'regexp');
	}

	// { input, groups }, or null when it does not match
	exec(input) {
		const found = this.regexp.exec(input);
		if (found === null)
			return null;
		const groups = {};
		for (let i = 0; i < this.names.length; i++)
			Object.defineProperty(groups, this.names[i],
				{ value: found[i + 1], writable: true, enumerable: true, configurable: true });
		return { input, groups };
	}
}

function hasFlag(flag) {
	try {
		return new RegExp('', flag) !== null;
	} catch {
		return false;
	}
}

function compile(source, ignoreCase, input) {
	unicodeFlag ??= hasFlag('v') ? 'v' : 'u';
	try {
		return new RegExp(source, ignoreCase ? `${unicodeFlag}i` : unicodeFlag);
	} catch {
		throw new TypeError(`URLPattern: '${input}' has a wrong regular expression`);
	}
}

function matchesSpecial(component) {
	return SPECIAL.some((scheme) => component.regexp.test(scheme));
}

P.protocolIsSpecial = (pattern) =>
	matchesSpecial(new Component(pattern, encode.protocol, DEFAULT_OPTIONS, false));

function isIpv6(hostname) {
	return hostname.length > 1 &&
		(hostname[0] === '[' || hostname.startsWith('{[') || hostname.startsWith('\\['));
}

// The eight components by name.
function compileAll(init, ignoreCase) {
	const of = (name) => init[name] ?? '*';
	if (SPECIAL.includes(init.protocol) && init.port === P.defaultPort(init.protocol))
		init.port = '';
	const all = { __proto__: null };
	for (const name of ['protocol', 'username', 'password', 'port'])
		all[name] = new Component(of(name), (s) => encode[name](s), DEFAULT_OPTIONS, false);
	all.hostname = new Component(
		of('hostname'), isIpv6(of('hostname')) ? encode.ipv6 : encode.hostname, HOSTNAME_OPTIONS, false);
	all.pathname = matchesSpecial(all.protocol)
		? new Component(of('pathname'), encode.pathname, PATHNAME_OPTIONS, ignoreCase)
		: new Component(of('pathname'), encode.opaquePathname, DEFAULT_OPTIONS, ignoreCase);
	for (const name of ['search', 'hash'])
		all[name] = new Component(of(name), encode[name], DEFAULT_OPTIONS, ignoreCase);
	return all;
}

// --- arguments ---

// A string, or a dictionary with the members that are there.
function convertInput(value) {
	if (value !== undefined && value !== null && !isObject(value))
		return usvString(value);
	const from = dictionary(value, 'URLPattern: input');
	const init = {};
	for (const name of MEMBERS) {
		const member = from[name];
		if (member !== undefined)
			init[name] = usvString(member);
	}
	return init;
}

function convertOptions(value) {
	return { ignoreCase: Boolean(dictionary(value, 'URLPattern: options').ignoreCase) };
}

// (input, baseURL, options) or (input, options): [baseURL, options].
function overload(args) {
	const [, second, third] = args;
	if (args.length > 2 || (second !== undefined && second !== null && !isObject(second)))
		return [usvString(second), convertOptions(third)];
	return [undefined, convertOptions(second)];
}

function initOf(input, baseURL) {
	if (typeof input !== 'string') {
		if (baseURL !== undefined)
			throw new TypeError('URLPattern: a base URL beside a dictionary belongs into it');
		return input;
	}
	const init = P.parseString(input);
	if (baseURL !== undefined)
		init.baseURL = baseURL;
	else if (init.protocol === undefined)
		throw new TypeError(`URLPattern: '${input}' has no protocol, and there is no base URL`);
	return init;
}

class URLPattern {
	#components;

	constructor(input = undefined, baseURL = undefined, options = undefined) {
		const pattern = convertInput(input);
		const [base, { ignoreCase }] = overload(arguments);
		this.#components = compileAll(P.processInit(initOf(pattern, base), true), ignoreCase);
	}

	test(input = undefined, baseURL = undefined) {
		return this.#match(input, baseURL) !== null;
	}

	exec(input = undefined, baseURL = undefined) {
		return this.#match(input, baseURL);
	}

	get protocol() {
		return this.#components.protocol.pattern;
	}

	get username() {
		return this.#components.username.pattern;
	}

	get password() {
		return this.#components.password.pattern;
	}

	get hostname() {
		return this.#components.hostname.pattern;
	}

	get port() {
		return this.#components.port.pattern;
	}

	get pathname() {
		return this.#components.pathname.pattern;
	}

	get search() {
		return this.#components.search.pattern;
	}

	get hash() {
		return this.#components.hash.pattern;
	}

	get hasRegExpGroups() {
		const components = this.#components;
		return COMPONENTS.some((name) => components[name].hasRegexp);
	}

	static compareComponent(component, left, right) {
		requireArguments(arguments.length, 3, 'URLPattern.compareComponent');
		const name = enumeration(component, COMPONENTS, 'URLPattern.compareComponent: component');
		return P.compare(left.#components[name].parts, right.#components[name].parts);
	}

	#match(input, baseURL) {
		const components = this.#components;
		const wanted = convertInput(input);
		const inputs = [wanted];
		if (baseURL !== undefined)
			inputs.push(baseURL = usvString(baseURL));
		const values = matchedValues(wanted, baseURL);
		if (values === null)
			return null;
		const result = { inputs };
		for (const name of COMPONENTS) {
			result[name] = components[name].exec(values[name]);
			if (result[name] === null)
				return null;
		}
		return result;
	}
}

// The components that are matched; null when they are of no URL.
function matchedValues(input, baseURL) {
	if (typeof input === 'string')
		return P.parseUrl(input, baseURL);
	if (baseURL !== undefined)
		throw new TypeError('URLPattern: a base URL beside a dictionary belongs into it');
	try {
		return P.processInit(input, false);
	} catch {
		return null;
	}
}

expose(URLPattern);
