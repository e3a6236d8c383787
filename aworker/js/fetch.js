// SPDX-License-Identifier: Apache-2.0
// fetch() (WHATWG Fetch, section 4 and 5.6), as a server wants it: no CORS, no cookies, no cache, and
// no header is filtered but those that frame a message (aworker/fetch/fetch.h). C makes single transfers
// and reads files; redirects, bodies and aborts are made here.
'use strict';

const { isObject, requireArguments, defineGlobal } = internals.webidl;
const { PromiseReject, markHandled, viewTag } = internals.primordials;
const { Body, ResponseState } = internals;
const S = internals.streams;

const REDIRECTS_MAX = 20;
const HIGH_WATER = 262144; // FETCH_HIGH_WATER
const URL_SHOWN = 200; // characters of a URL in a message
const REDIRECT_STATUS = [301, 302, 303, 307, 308];
const NULL_BODY_STATUS = [101, 103, 204, 205, 304];
const CODINGS = 'gzip, deflate, br, zstd';
const BODY_HEADERS = ['content-encoding', 'content-language', 'content-location', 'content-type',
	'content-length'];
const SECRET_HEADERS = ['authorization', 'cookie', 'host', 'proxy-authorization'];
const CONDITIONS = ['if-modified-since', 'if-none-match', 'if-unmodified-since', 'if-match',
	'if-range'];

// id -> Transfer, as long as C may speak of it. Of one that waits for nothing but a reader of its body
// there is a WeakRef: when nobody can read it any more, it is given up.
const transfers = new Map();
let abandoned; // FinalizationRegistry, with the first body

function giveUp(id) {
	transfers.delete(id);
	ops.fetchCancel(id);
}

function transferOf(id) {
	const found = transfers.get(id);
	return found instanceof Transfer ? found : found?.deref();
}

function failure(url, message, code, thrown) {
	const shown = url.length > URL_SHOWN ? `${url.slice(0, URL_SHOWN)}...` : url;
	let cause = thrown;
	if (code !== undefined) {
		cause = new Error(message);
		cause.code = code;
	}
	return new TypeError(`fetch failed: ${shown}: ${message}`,
		cause === undefined ? undefined : { cause });
}

function withoutFragment(url) {
	const hash = url.indexOf('#');
	return hash < 0 ? url : url.slice(0, hash);
}

function isHttp(url) {
	return url.startsWith('http:') || url.startsWith('https:');
}

function find(list, name) {
	for (let i = 0; i < list.length; i++)
		if (list[i][0] === name)
			return list[i][1];
	return null;
}

function addDefault(list, name, value) {
	if (find(list, name) === null)
		list.push([name, value]);
}

function percent(c) {
	return `%${c.charCodeAt(0).toString(16).toUpperCase()}`;
}

// --- one transfer ---

class Transfer {
	id = 0;
	fetching;
	reader = null; // of the request's stream
	wanted = null; // reads one more chunk of it
	body = null; // controller of the response's stream
	pulled = null;
	over = false;
	#weak = null;

	constructor(fetching) {
		this.fetching = fetching;
	}

	start(method, url, list, source, stream) {
		const flat = [];
		for (let i = 0; i < list.length; i++)
			flat.push(list[i][0], list[i][1]);
		const bytes = typeof source === 'string' ? ops.textEncode(source) : source;
		this.id = ops.fetchStart(method, url, flat, stream ? true : bytes);
		transfers.set(this.id, this);
		if (stream)
			this.upload(stream);
	}

	// Nothing more comes from C for this id.
	end() {
		this.over = true;
		transfers.delete(this.id);
		if (this.#weak)
			abandoned.unregister(this);
		this.stopUpload(new TypeError('The fetch is over'));
	}

	// Whether somebody waits has changed.
	#hold() {
		if (this.over || !this.#weak)
			return;
		transfers.set(this.id, this.pulled || this.reader ? this : this.#weak);
	}

	cancel(error) {
		if (this.over)
			return;
		this.stopUpload(error);
		ops.fetchCancel(this.id);
		this.end();
		if (this.body && this.body.stream.state === 'readable')
			S.byteError(this.body, error);
		this.pulled?.resolve();
	}

	// --- the request's body ---

	upload(stream) {
		const request = {
			chunk: (chunk) => this.write(chunk),
			close: () => {
				this.reader = null;
				ops.fetchEnd(this.id);
				this.#hold();
			},
			error: (error) => {
				this.reader = null;
				this.fetching.fail('the body of the request failed', undefined, error);
			},
		};
		let wanted = false;
		let pumping = false;
		this.reader = S.acquireReader(S.readableState(stream));
		this.wanted = () => {
			wanted = true;
			if (pumping)
				return;
			pumping = true;
			while (wanted && this.reader) {
				wanted = false;
				S.readerRead(this.reader, request);
			}
			pumping = false;
		};
		this.wanted();
	}

	write(chunk) {
		if (!isObject(chunk) || viewTag(chunk) !== 'Uint8Array') {
			this.fetching.fail('a chunk of the request is not a Uint8Array');
			return;
		}
		const queued = ops.fetchWrite(this.id, chunk);
		if (queued < 0)
			this.stopUpload(new TypeError('The server wants no more of the body'));
		else if (queued < HIGH_WATER)
			this.wanted();
	}

	stopUpload(error) {
		const { reader } = this;
		this.reader = null;
		this.#hold();
		if (reader?.stream)
			markHandled(S.readableCancel(reader.stream, error));
	}

	// --- the response's body ---

	makeBody() {
		const stream = S.createReadableBytes(() => undefined, () => this.pull(), (reason) => {
			this.body = null;
			this.cancel(reason);
			this.fetching.close();
			return S.nothing();
		});
		this.body = stream.controller;
		abandoned ??= new FinalizationRegistry(giveUp);
		this.#weak = new WeakRef(this);
		abandoned.register(this, this.id, this);
		this.#hold();
		return new Body(null, stream.wrapper);
	}

	pull() {
		if (this.over || this.take())
			return undefined;
		this.pulled = S.deferred();
		this.#hold();
		return this.pulled;
	}

	readable() {
		const { pulled } = this;
		if (!pulled || !this.take())
			return;
		this.pulled = null;
		this.#hold();
		pulled.resolve();
	}

	// False when there is nothing yet.
	take() {
		let piece;
		try {
			piece = ops.fetchRead(this.id);
		} catch (error) {
			this.end();
			this.fetching.close();
			S.byteError(this.body, failure(this.fetching.url, error.message));
			return true;
		}
		if (piece === undefined)
			return false;
		if (piece !== true) {
			S.byteEnqueue(this.body, piece);
			return true;
		}
		this.end();
		this.fetching.close();
		S.byteClose(this.body);
		if (this.body.pending.length > 0)
			S.byteRespond(this.body, 0);
		return true;
	}
}

internals.fetchHead = (id, status, statusText, flat, protocol) =>
	transferOf(id)?.fetching.head(status, statusText, flat, protocol);
internals.fetchReadable = (id) => transferOf(id)?.readable();
internals.fetchWritable = (id) => transferOf(id)?.wanted?.();
internals.fetchFailed = (id, code, message) => {
	const transfer = transferOf(id);
	transfer?.end();
	transfer?.fetching.fail(message, code);
};

// --- one fetch ---

class Fetching {
	url;
	#state;
	#method;
	#list; // headers
	#source = null; // of the body: a string or bytes, which can be sent once more
	#stream = null;
	#hasBody = false;
	#redirects = 0;
	#transfer = null;
	#signal = null;
	#onAbort = null;
	#resolve;
	#reject;
	#closed = false;
	#timing = null;

	constructor(state, resolve, reject) {
		this.#state = state;
		this.#resolve = resolve;
		this.#reject = reject;
		this.url = state.url;
		this.#method = state.method;
		this.#list = internals.headersList(state.getHeaders()).slice();
	}

	start() {
		const body = this.#state.getBody();
		if (this.#state.signal || this.#state.signalOf) {
			const signal = this.#state.getSignal();
			if (signal.aborted) {
				if (body && !body.unusable)
					markHandled(S.readableCancel(S.readableState(body.stream), signal.reason));
				this.#reject(signal.reason);
				return;
			}
			this.#signal = signal;
			this.#onAbort = () => this.#abort();
			internals.addAbortAlgorithm(signal, this.#onAbort);
		}
		this.#timing = { name: withoutFragment(this.url),
			initiatorType: this.#state.initiatorType, startTime: ops.now() };
		if (body) {
			this.#hasBody = true;
			this.#source = body.takeSource();
			if (this.#source === null) {
				this.#source = body.source;
				this.#stream = body.stream;
			}
		}
		this.#step();
	}

	// Whatever comes now, the signal has no effect on it.
	close() {
		if (this.#signal)
			internals.removeAbortAlgorithm(this.#signal, this.#onAbort);
		this.#signal = null;
		if (this.#closed)
			return;
		this.#closed = true;
		this.#timing.responseEnd = ops.now();
		internals.addResourceTiming?.(this.#timing);
	}

	#abort() {
		const { reason } = this.#signal;
		this.#signal = null;
		this.#transfer?.cancel(reason);
		this.#reject(reason);
	}

	fail(message, code, thrown) {
		const error = failure(this.url, message, code, thrown);
		this.#transfer?.cancel(error);
		this.close();
		this.#reject(error);
	}

	#step() {
		if (this.#state.cache === 'only-if-cached') {
			this.fail("there is no cache, and 'only-if-cached' wants one");
			return;
		}
		if (isHttp(this.url))
			this.#send();
		else
			this.#local();
	}

	#local() {
		let found;
		try {
			found = internals.fetchLocal(withoutFragment(this.url), this.#method,
				find(this.#list, 'range'));
		} catch (error) {
			this.fail(error.message);
			return;
		}
		if (!found) {
			this.fail(`the scheme '${this.url.slice(0, this.url.indexOf(':'))}' cannot be fetched`);
			return;
		}
		const list = found.more;
		if (found.type !== '')
			list.unshift(['content-type', found.type]);
		this.#finish(found.status, found.statusText, list, this.#localBody(found));
	}

	#localBody({ id, isShort, bytes }) {
		if (isShort)
			return Body.ofFile(id);
		if (!id) {
			const body = new Body(this.#method === 'HEAD' ? '' : bytes, null);
			body.owned = this.url.startsWith('file:');
			return body;
		}
		this.#transfer = new Transfer(this);
		this.#transfer.id = id;
		return this.#transfer.makeBody();
	}

	#send() {
		const { cache } = this.#state;
		const list = this.#list.slice();
		addDefault(list, 'accept', '*/*');
		addDefault(list, 'accept-language', '*');
		addDefault(list, 'user-agent', `aworker/${ops.version()}`);
		if (cache === 'no-store' || cache === 'reload') {
			addDefault(list, 'pragma', 'no-cache');
			addDefault(list, 'cache-control', 'no-cache');
		} else if (cache === 'no-cache' && !CONDITIONS.some((name) => find(list, name) !== null)) {
			addDefault(list, 'cache-control', 'max-age=0');
		}
		addDefault(list, 'accept-encoding', find(list, 'range') === null ? CODINGS : 'identity');
		const stream = this.#stream;
		this.#stream = null;
		this.#transfer = new Transfer(this);
		try {
			this.#transfer.start(this.#method, withoutFragment(this.url), list, this.#source, stream);
		} catch (error) {
			this.#transfer = null;
			if (stream)
				markHandled(S.readableCancel(S.readableState(stream), error));
			this.fail(error.message);
		}
	}

	head(status, statusText, flat, protocol) {
		const list = internals.headersFromFlat(flat);
		this.#timing.responseStart = ops.now();
		this.#timing.responseStatus = status;
		this.#timing.nextHopProtocol = protocol;
		const location = REDIRECT_STATUS.includes(status) ? find(list, 'location') : null;
		if (location !== null && this.#state.redirect !== 'manual') {
			this.#redirect(status, location);
			return;
		}
		const transfer = this.#transfer;
		if (NULL_BODY_STATUS.includes(status) || this.#method === 'HEAD') {
			transfer.cancel(new TypeError('The response has no body'));
			this.#finish(status, statusText, list, null);
			return;
		}
		this.#finish(status, statusText, list, transfer.makeBody());
	}

	#redirect(status, location) {
		if (this.#state.redirect === 'error') {
			this.fail(`the server redirects to '${location}', and redirect is 'error'`);
			return;
		}
		let target;
		try {
			// Bytes above ASCII are taken for UTF-8, as browsers do.
			target = new internals.URL(location.replace(/[\x80-\xff]/g, percent), this.url);
		} catch {
			this.fail(`the server redirects to '${location}', which is no URL`);
			return;
		}
		if (target.protocol !== 'http:' && target.protocol !== 'https:') {
			this.fail(`the server redirects to '${location}', which is not of HTTP`);
			return;
		}
		if (target.username !== '' || target.password !== '') {
			this.fail('the server redirects to a URL with credentials in it');
			return;
		}
		if (++this.#redirects > REDIRECTS_MAX) {
			this.fail(`more than ${REDIRECTS_MAX} redirects`);
			return;
		}
		this.#follow(status, target);
	}

	#follow(status, target) {
		if (status !== 303 && this.#hasBody && this.#source === null) {
			this.fail('the server redirects, but the body of the request was a stream');
			return;
		}
		this.#transfer.cancel(new TypeError('The server redirects'));
		if ((status === 303 && this.#method !== 'GET' && this.#method !== 'HEAD') ||
			((status === 301 || status === 302) && this.#method === 'POST')) {
			this.#method = 'GET';
			this.#source = null;
			this.#hasBody = false;
			this.#drop(BODY_HEADERS);
		}
		if (target.origin !== new internals.URL(this.url).origin)
			this.#drop(SECRET_HEADERS);
		if (target.hash === '' && this.url.includes('#'))
			target.hash = this.url.slice(this.url.indexOf('#'));
		this.url = target.href;
		this.#step();
	}

	#drop(names) {
		this.#list = this.#list.filter((pair) => !names.includes(pair[0]));
	}

	#finish(status, statusText, list, body) {
		const state = new ResponseState();
		state.type = 'basic';
		state.url = withoutFragment(this.url);
		state.redirected = this.#redirects > 0;
		state.status = status;
		state.statusText = statusText;
		state.headers = internals.freezeHeaders(internals.newHeaders(list));
		state.body = body;
		if (!body || !body.hasStream)
			this.close();
		if (this.#state.integrity !== '' && body)
			this.#check(state);
		else
			this.#resolve(internals.responseFrom(state));
	}

	// Subresource Integrity: the whole body comes first.
	#check(state) {
		S.upon(state.body.takeBytes(), (bytes) => {
			if (!isIntact(bytes, this.#state.integrity)) {
				this.fail('its body is not what `integrity` says');
				return;
			}
			state.body = new Body(bytes, null);
			this.#resolve(internals.responseFrom(state));
		}, (error) => this.#reject(error));
	}
}

// For others of the platform. Both functions may be called from within start().
internals.newFetching = (state, resolve, reject) => new Fetching(state, resolve, reject);

const STRENGTH = ['sha256', 'sha384', 'sha512'];

// Of all digests only the strongest count; what is not understood does not count.
function isIntact(bytes, integrity) {
	let best = -1;
	let wanted = [];
	for (const part of integrity.split(/[\t\n\f\r ]+/)) {
		const [, name, digest] = /^(sha\d+)-([A-Za-z0-9+/_=-]+)(?:\?.*)?$/i.exec(part) ?? [];
		const strength = name === undefined ? -1 : STRENGTH.indexOf(name.toLowerCase());
		if (strength > best) {
			best = strength;
			wanted = [];
		}
		if (strength === best && strength >= 0)
			wanted.push(digest.replace(/-/g, '+').replace(/_/g, '/').replace(/=+$/, ''));
	}
	return best < 0 ||
		wanted.includes(ops.fetchDigest(STRENGTH[best], bytes).replace(/=+$/, ''));
}

defineGlobal('fetch', function fetch(input, init = undefined) {
	let state;
	try {
		requireArguments(arguments.length, 1, 'fetch');
		state = internals.requestState(new internals.Request(input, init));
	} catch (error) {
		return PromiseReject(error);
	}
	return new Promise((resolve, reject) => new Fetching(state, resolve, reject).start());
});
