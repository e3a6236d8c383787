// SPDX-License-Identifier: Apache-2.0
// Response (WHATWG Fetch, section 5.5). Headers become an object when somebody looks at them; a plain
// new Response('text') keeps only its content type.
'use strict';

const { expose, isObject, usvString, byteString, integer, dictionary, requireArguments, secret } =
	internals.webidl;

const NULL_BODY_STATUS = [101, 103, 204, 205, 304];
const REDIRECT_STATUS = [301, 302, 303, 307, 308];
const REASON = /^[\t\x20-\x7e\x80-\xff]*$/;

class ResponseState {
	type = 'default';
	url = '';
	redirected = false;
	status = 200;
	statusText = '';
	headers = null;
	contentType = null; // as long as `headers` is null
	immutable = false;
	body = null;
	webSocket = null; // of status 101

	getHeaders() {
		if (!this.headers) {
			this.headers = internals.newHeaders(
				this.contentType === null ? [] : [['content-type', this.contentType]]);
			if (this.immutable)
				internals.freezeHeaders(this.headers);
		}
		return this.headers;
	}
}

function initialize(state, init, body, contentType) {
	if (init !== undefined)
		applyInit(state, init);
	if (body === null)
		return;
	if (NULL_BODY_STATUS.includes(state.status))
		throw new TypeError(`Response: status ${state.status} has no body`);
	state.body = body;
	if (contentType === null)
		return;
	if (!state.headers)
		state.contentType = contentType;
	else if (internals.headersGet(state.headers, 'content-type') === null)
		internals.headersAppend(state.headers, 'content-type', contentType);
}

// Only with it a response has status 101, and not without.
function webSocketOf(value, code) {
	if (!internals.isWebSocket(value))
		throw new TypeError('Response: init.webSocket is not a WebSocket');
	if (code !== 101)
		throw new RangeError('Response: init.webSocket needs status 101');
	return value;
}

function applyInit(state, init) {
	const { headers, status, statusText, webSocket } = dictionary(init, 'init');
	const code = status === undefined ? 200 : integer(status, 16, false, undefined, 'init.status');
	const reason = statusText === undefined ? '' : byteString(statusText, 'init.statusText');
	if (webSocket !== undefined && webSocket !== null)
		state.webSocket = webSocketOf(webSocket, code);
	else if (code < 200 || code > 599)
		throw new RangeError(`Response: status ${code} is not between 200 and 599`);
	if (!REASON.test(reason))
		throw new TypeError('Response: init.statusText is not a reason phrase');
	state.status = code;
	state.statusText = reason;
	if (headers !== undefined)
		state.headers = new internals.Headers(headers);
}

class Response {
	#state;

	constructor(body = null, init = undefined) {
		if (body === secret) {
			this.#state = init;
			return;
		}
		const state = new ResponseState();
		this.#state = state;
		if (body === null || body === undefined) {
			initialize(state, init, null, null);
			return;
		}
		const [extracted, type] = internals.extractBody(body);
		initialize(state, init, extracted, type);
	}

	static error() {
		const state = new ResponseState();
		state.type = 'error';
		state.status = 0;
		state.immutable = true;
		return new Response(secret, state);
	}

	static redirect(url, status = 302) {
		requireArguments(arguments.length, 1, 'Response.redirect');
		const base = internals.baseUrl();
		const { href } = new internals.URL(usvString(url), base === '' ? undefined : base);
		const code = integer(status, 16, false);
		if (!REDIRECT_STATUS.includes(code))
			throw new RangeError(`Response.redirect: ${code} is no redirect status`);
		const state = new ResponseState();
		state.status = code;
		state.headers = internals.freezeHeaders(internals.newHeaders([['location', href]]));
		return new Response(secret, state);
	}

	static json(data, init = undefined) {
		requireArguments(arguments.length, 1, 'Response.json');
		const text = JSON.stringify(data);
		if (text === undefined)
			throw new TypeError('Response.json: the value has no JSON form');
		const state = new ResponseState();
		initialize(state, init, internals.extractBody(text)[0], 'application/json');
		return new Response(secret, state);
	}

	get type() {
		return this.#state.type;
	}

	get url() {
		return this.#state.url;
	}

	get redirected() {
		return this.#state.redirected;
	}

	get status() {
		return this.#state.status;
	}

	get ok() {
		const { status } = this.#state;
		return status >= 200 && status <= 299;
	}

	get statusText() {
		return this.#state.statusText;
	}

	get headers() {
		return this.#state.getHeaders();
	}

	// As Cloudflare Workers have it: the end of a WebSocketPair that the client gets.
	get webSocket() {
		return this.#state.webSocket;
	}

	clone() {
		const from = this.#state;
		if (from.webSocket)
			throw new TypeError('Response.clone: it has a WebSocket');
		if (from.body?.unusable)
			throw new TypeError('Response.clone: the body was read, or is locked');
		const state = new ResponseState();
		for (const name of ['type', 'url', 'redirected', 'status', 'statusText', 'immutable'])
			state[name] = from[name];
		state.headers = internals.newHeaders(internals.headersList(from.getHeaders()).slice());
		if (state.immutable)
			internals.freezeHeaders(state.headers);
		state.body = from.body ? from.body.clone() : null;
		return new Response(secret, state);
	}

	static {
		internals.isResponse = (value) => isObject(value) && #state in value;
		internals.ResponseState = ResponseState;
		internals.responseFrom = (state) => new Response(secret, state);
		internals.responseState = (response) => response.#state;
		internals.mixinBody(Response, {
			name: 'Response',
			isInstance: internals.isResponse,
			body: (response) => response.#state.body,
			contentTypes: (response) => internals.headersList(response.#state.getHeaders())
				.filter((h) => h[0] === 'content-type').map((h) => h[1]),
		});
	}
}

expose(Response);

// The headers of a response as C takes them: names and values in turn, or a content type alone.
internals.flatHeaders = (state) => {
	if (!state.headers)
		return state.contentType ?? [];
	const list = internals.headersList(state.headers);
	const flat = [];
	for (let i = 0; i < list.length; i++)
		flat.push(list[i][0], list[i][1]);
	return flat;
};
