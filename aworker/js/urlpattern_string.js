// SPDX-License-Identifier: Apache-2.0
// A pattern that is one string, 'https://*.example/:path', cut into the patterns of its components
// (URL Pattern Standard, constructor string parsing).
'use strict';

const P = internals.urlPattern;

const ORDER = [
	'init', 'protocol', 'authority', 'username', 'password', 'hostname', 'port', 'pathname', 'search',
	'hash',
];
const place = (state) => ORDER.indexOf(state);

class StringParser {
	#input;
	#tokens;
	#index = 0;
	#step = 1;
	#start = 0; // of the component, among the tokens
	#state = 'init';
	#groups = 0;
	#brackets = 0;
	#special = false;
	result = {};

	constructor(input) {
		this.#input = input;
		this.#tokens = P.tokenize(input, true);
	}

	parse() {
		while (this.#state !== 'done') {
			this.#step = 1;
			const { type } = this.#token(this.#index);
			if (type === 'end')
				this.#end();
			else if (type === 'open')
				this.#groups++;
			else if (this.#groups === 0)
				this[this.#state]();
			else if (type === 'close')
				this.#groups--;
			this.#index += this.#step;
		}
		if (this.result.hostname !== undefined && this.result.port === undefined)
			this.result.port = '';
		return this.result;
	}

	// --- states ---

	#end() {
		if (this.#state === 'init') {
			this.#rewind('init');
			if (this.#isChar('#'))
				this.#change('hash', 1);
			else if (this.#isSearch())
				this.#change('search', 1);
			else
				this.#change('pathname', 0);
		} else if (this.#state === 'authority') {
			this.#rewind('hostname');
		} else {
			this.#change('done', 0);
		}
	}

	init() {
		if (this.#isChar(':'))
			this.#rewind('protocol');
	}

	protocol() {
		if (!this.#isChar(':'))
			return;
		this.#special = P.protocolIsSpecial(this.#component());
		if (this.#isChar('/', 1) && this.#isChar('/', 2))
			this.#change('authority', 3);
		else
			this.#change(this.#special ? 'authority' : 'pathname', 1);
	}

	authority() {
		if (this.#isChar('@'))
			this.#rewind('username');
		else if (this.#isChar('/') || this.#isSearch() || this.#isChar('#'))
			this.#rewind('hostname');
	}

	username() {
		if (this.#isChar(':'))
			this.#change('password', 1);
		else if (this.#isChar('@'))
			this.#change('hostname', 1);
	}

	password() {
		if (this.#isChar('@'))
			this.#change('hostname', 1);
	}

	hostname() {
		if (this.#isChar('['))
			this.#brackets++;
		else if (this.#isChar(']'))
			this.#brackets--;
		else if (this.#isChar(':') && this.#brackets === 0)
			this.#change('port', 1);
		else
			this.port();
	}

	port() {
		if (this.#isChar('/'))
			this.#change('pathname', 0);
		else
			this.pathname();
	}

	pathname() {
		if (this.#isSearch())
			this.#change('search', 1);
		else
			this.search();
	}

	search() {
		if (this.#isChar('#'))
			this.#change('hash', 1);
	}

	hash() {}

	// --- moves ---

	#rewind(state) {
		this.#index = this.#start;
		this.#step = 0;
		this.#state = state;
	}

	#change(state, skip) {
		if (this.#state !== 'init' && this.#state !== 'authority')
			this.result[this.#state] = this.#component();
		if (this.#state !== 'init' && state !== 'done')
			this.#fill(place(this.#state), place(state));
		this.#state = state;
		this.#index += skip;
		this.#start = this.#index;
		this.#step = 0;
	}

	// What was skipped is empty, not whatever.
	#fill(from, to) {
		const { result } = this;
		if (from < place('hostname') && to > place('hostname'))
			result.hostname ??= '';
		if (from < place('pathname') && to > place('pathname'))
			result.pathname ??= this.#special ? '/' : '';
		if (from < place('search') && to > place('search'))
			result.search ??= '';
	}

	// --- looks ---

	#token(index) {
		return this.#tokens[Math.min(index, this.#tokens.length - 1)];
	}

	#isChar(value, ahead = 0) {
		const token = this.#token(this.#index + ahead);
		return token.value === value &&
			(token.type === 'char' || token.type === 'escaped' || token.type === 'invalid');
	}

	// A '?' that is no modifier.
	#isSearch() {
		if (this.#isChar('?'))
			return true;
		if (this.#token(this.#index).value !== '?')
			return false;
		if (this.#index === 0)
			return true;
		const { type } = this.#token(this.#index - 1);
		return type !== 'name' && type !== 'regexp' && type !== 'close' && type !== 'asterisk';
	}

	#component() {
		return this.#input.slice(this.#token(this.#start).index, this.#token(this.#index).index);
	}
}

P.parseString = (input) => new StringParser(input).parse();
