// SPDX-License-Identifier: Apache-2.0
// Request (WHATWG Fetch, section 5.4). A request that came over HTTP is made of what C gave;
// its headers, signal and body become objects when somebody looks at them.
'use strict';

const {
	expose, isObject, usvString, byteString, dictionary, enumeration, requireArguments, secret,
} = internals.webidl;

const FORBIDDEN_METHODS = ['CONNECT', 'TRACE', 'TRACK'];
const NORMALIZED_METHODS = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'];
const REFERRER_POLICIES = [
	'', 'no-referrer', 'no-referrer-when-downgrade', 'same-origin', 'origin', 'strict-origin',
	'origin-when-cross-origin', 'strict-origin-when-cross-origin', 'unsafe-url',
];
const ENUMS = {
	__proto__: null,
	cache: ['default', 'no-store', 'reload', 'no-cache', 'force-cache', 'only-if-cached'],
	credentials: ['omit', 'same-origin', 'include'],
	mode: ['same-origin', 'no-cors', 'cors', 'navigate'],
	priority: ['high', 'low', 'auto'],
	redirect: ['follow', 'error', 'manual'],
	referrerPolicy: REFERRER_POLICIES,
};

class RequestState {
	method = 'GET';
	url = '';
	headers = null;
	flat = null; // of a request over HTTP, until somebody wants the headers
	body = null;
	bodyOf = null; // makes the body of a request over HTTP
	signal = null;
	signalOf = null; // makes the signal
	cache = 'default';
	credentials = 'same-origin';
	destination = '';
	initiatorType = 'fetch';
	integrity = '';
	keepalive = false;
	mode = 'cors';
	redirect = 'follow';
	referrer = 'about:client';
	referrerPolicy = '';

	getHeaders() {
		if (!this.headers) {
			this.headers = internals.newHeaders(this.flat !== null ? internals.headersFromFlat(this.flat) : []);
			if (this.flat !== null)
				internals.freezeHeaders(this.headers);
		}
		return this.headers;
	}

	getBody() {
		if (this.bodyOf) {
			this.body = this.bodyOf();
			this.bodyOf = null;
		}
		return this.body;
	}

	getSignal() {
		if (!this.signal) {
			this.signal = this.signalOf ? this.signalOf() : internals.newAbortSignal();
			this.signalOf = null;
		}
		return this.signal;
	}
}
internals.RequestState = RequestState;

function normalMethod(value) {
	const method = byteString(value, 'method');
	if (!internals.isToken(method))
		throw new TypeError(`Request: '${method}' is not a valid method`);
	const upper = method.toUpperCase();
	if (FORBIDDEN_METHODS.includes(upper))
		throw new TypeError(`Request: the method ${upper} is forbidden`);
	return NORMALIZED_METHODS.includes(upper) ? upper : method;
}

// `text` is `input` as a string.
function parseUrl(text, input) {
	if (internals.isHrefOf(text, input) && !text.includes('@'))
		return text;
	const base = internals.baseUrl();
	const url = new internals.URL(text, base === '' ? undefined : base);
	if (url.username !== '' || url.password !== '')
		throw new TypeError(`Request: the URL has credentials in it: '${text}'`);
	return url.href;
}

const NO_INIT = Object.freeze({ __proto__: null });

// Members of RequestInit in the order in which Web IDL reads them.
function readInit(init) {
	if (init === undefined || init === null)
		return NO_INIT;
	const d = dictionary(init, 'init');
	const out = { body: d.body };
	const read = (name) => {
		const value = d[name];
		if (value !== undefined)
			out[name] = name in ENUMS ? enumeration(value, ENUMS[name], `init.${name}`) : value;
	};
	for (const name of ['cache', 'credentials', 'duplex', 'headers', 'integrity', 'keepalive',
		'method', 'mode', 'priority', 'redirect', 'referrer', 'referrerPolicy', 'signal', 'window'])
		read(name);
	if (out.duplex !== undefined && `${out.duplex}` !== 'half')
		throw new TypeError("Request: init.duplex is not 'half'");
	return out;
}

function applyInit(state, init) {
	if (init === NO_INIT)
		return;
	if (init.window !== undefined && init.window !== null)
		throw new TypeError('Request: init.window is not null');
	if (init.mode === 'navigate')
		throw new TypeError("Request: init.mode is 'navigate'");
	for (const name of ['cache', 'credentials', 'mode', 'redirect', 'referrerPolicy'])
		if (init[name] !== undefined)
			state[name] = init[name];
	if (state.cache === 'only-if-cached' && state.mode !== 'same-origin')
		throw new TypeError("Request: cache 'only-if-cached' needs mode 'same-origin'");
	if (init.referrer !== undefined)
		state.referrer = referrerOf(usvString(init.referrer));
	if (init.integrity !== undefined)
		state.integrity = `${init.integrity}`;
	if (init.keepalive !== undefined)
		state.keepalive = !!init.keepalive;
	if (init.method !== undefined)
		state.method = normalMethod(init.method);
}

function referrerOf(text) {
	if (text === '')
		return 'no-referrer';
	const base = internals.baseUrl();
	const url = new internals.URL(text, base === '' ? undefined : base).href;
	return url === 'about:client' ? 'about:client' : url;
}

function signalFactory(signal) {
	if (signal === null)
		return null;
	if (!internals.isAbortSignal(signal))
		throw new TypeError('Request: init.signal is not an AbortSignal');
	return () => internals.followSignal(signal);
}

function copyState(from) {
	const state = new RequestState();
	for (const name of ['method', 'url', 'cache', 'credentials', 'destination', 'integrity',
		'keepalive', 'mode', 'redirect', 'referrer', 'referrerPolicy'])
		state[name] = from[name];
	state.headers = internals.newHeaders(internals.headersList(from.getHeaders()).slice());
	return state;
}

function setBody(state, init, input) {
	const hasInit = init.body !== undefined && init.body !== null;
	const inherited = input?.getBody() ?? null;
	if ((hasInit || inherited) && (state.method === 'GET' || state.method === 'HEAD'))
		throw new TypeError(`Request: a ${state.method} request has no body`);
	if (hasInit) {
		const [body, type] = internals.extractBody(init.body);
		if (body.hasStream && init.duplex === undefined)
			throw new TypeError("Request: a stream as body needs init.duplex 'half'");
		state.body = body;
		if (type !== null && internals.headersGet(state.getHeaders(), 'content-type') === null)
			internals.headersAppend(state.getHeaders(), 'content-type', type);
		return;
	}
	if (!inherited)
		return;
	if (inherited.unusable)
		throw new TypeError('Request: the body of the input was read, or is locked');
	// The input gives its body away.
	state.body = inherited.moveOut();
}

class Request {
	#state;

	constructor(input, init = undefined) {
		if (input === secret) {
			this.#state = init;
			return;
		}
		requireArguments(arguments.length, 1, 'Request');
		const from = isObject(input) && #state in input ? input.#state : null;
		const text = from ? null : usvString(input);
		const d = readInit(init);
		const state = from ? copyState(from) : new RequestState();
		if (!from)
			state.url = parseUrl(text, input);
		this.#state = state;
		applyInit(state, d);
		if (d.signal !== undefined)
			state.signalOf = signalFactory(d.signal);
		else if (from)
			state.signalOf = signalFactory(from.getSignal());
		if (d.headers !== undefined)
			state.headers = new internals.Headers(d.headers);
		setBody(state, d, from);
	}

	get method() {
		return this.#state.method;
	}

	get url() {
		return this.#state.url;
	}

	get headers() {
		return this.#state.getHeaders();
	}

	get destination() {
		return this.#state.destination;
	}

	get referrer() {
		const { referrer } = this.#state;
		return referrer === 'no-referrer' ? '' : referrer;
	}

	get referrerPolicy() {
		return this.#state.referrerPolicy;
	}

	get mode() {
		return this.#state.mode;
	}

	get credentials() {
		return this.#state.credentials;
	}

	get cache() {
		return this.#state.cache;
	}

	get redirect() {
		return this.#state.redirect;
	}

	get integrity() {
		return this.#state.integrity;
	}

	get keepalive() {
		return this.#state.keepalive;
	}

	get isReloadNavigation() {
		void this.#state;
		return false;
	}

	get isHistoryNavigation() {
		void this.#state;
		return false;
	}

	get signal() {
		return this.#state.getSignal();
	}

	get duplex() {
		void this.#state;
		return 'half';
	}

	clone() {
		const body = this.#state.getBody();
		if (body?.unusable)
			throw new TypeError('Request.clone: the body was read, or is locked');
		const state = copyState(this.#state);
		if (body)
			state.body = body.clone();
		state.signalOf = signalFactory(this.#state.getSignal());
		return new Request(secret, state);
	}

	static {
		internals.isRequest = (value) => isObject(value) && #state in value;
		internals.requestState = (request) => request.#state;
		internals.requestFrom = (state) => new Request(secret, state);
		internals.mixinBody(Request, {
			name: 'Request',
			isInstance: internals.isRequest,
			body: (request) => request.#state.getBody(),
			contentTypes: (request) => internals.headersList(request.#state.getHeaders())
				.filter((h) => h[0] === 'content-type').map((h) => h[1]),
		});
	}
}

expose(Request);
internals.Request = Request;
