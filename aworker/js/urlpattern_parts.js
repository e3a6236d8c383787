// SPDX-License-Identifier: Apache-2.0
// Pattern strings of the URL Pattern Standard: tokens, parts, and what is made of a list of parts:
// a regular expression, and a pattern string again.
'use strict';

const P = (internals.urlPattern = { __proto__: null });

const NAME_START = /[$_\p{ID_Start}]/u;
const NAME_PART = /[$_\u200c\u200d\p{ID_Continue}]/u;
const ASCII_DIGIT = /[0-9]/;
const PATTERN_SYNTAX = /[+*?:{}()\\]/g;
const REGEXP_SYNTAX = /[.+*?^${}()[\]|/\\]/g;
const FULL_WILDCARD = '.*';

// --- tokens ---

// Type of the tokens that are one character.
const SINGLE = {
	__proto__: null, '*': 'asterisk', '+': 'modifier', '?': 'modifier', '{': 'open', '}': 'close',
};

function codePointAt(input, at) {
	return String.fromCodePoint(input.codePointAt(at));
}

// Where a name ends that would start at `at`; `at` when none does.
function nameEnd(input, at) {
	let end = at;
	while (end < input.length) {
		const c = codePointAt(input, end);
		if (!(end === at ? NAME_START : NAME_PART).test(c))
			break;
		end += c.length;
	}
	return end;
}

// Where the regular expression behind a '(' ends, behind its ')'; -1 when it is none.
function regexpEnd(input, start) {
	let depth = 1;
	for (let at = start; at < input.length; at++) {
		const c = input[at];
		if (c > '\x7f' || (c === '?' && at === start))
			return -1;
		if (c === '\\') {
			if (++at === input.length || input[at] > '\x7f')
				return -1;
		} else if (c === ')') {
			if (--depth === 0)
				return at === start ? -1 : at + 1;
		} else if (c === '(') {
			depth++;
			// Groups that capture would get the numbers of ours.
			if (input[at + 1] !== '?')
				return -1;
		}
	}
	return -1;
}

// [type, start of the value, end of the value, end of the token], or null for what is wrong.
function scanToken(input, at) {
	const c = codePointAt(input, at);
	const next = at + c.length;
	if (c === '\\')
		return next === input.length ? null
			: ['escaped', next, next + codePointAt(input, next).length];
	if (c === ':') {
		const end = nameEnd(input, next);
		return end === next ? null : ['name', next, end];
	}
	if (c === '(') {
		const end = regexpEnd(input, next);
		return end < 0 ? null : ['regexp', next, end - 1, end];
	}
	return [SINGLE[c] ?? 'char', at, next];
}

// lenient: what is wrong becomes a token of type 'invalid'; else it is a TypeError.
P.tokenize = (input, lenient) => {
	const tokens = [];
	let at = 0;
	while (at < input.length) {
		const found = scanToken(input, at);
		if (found === null && !lenient)
			throw new TypeError(`URLPattern: '${input}' is wrong at position ${at}`);
		const [type, start, end, behind] = found ?? ['invalid', at, at + 1];
		tokens.push({ type, index: at, value: input.slice(start, end) });
		at = behind ?? end;
	}
	tokens.push({ type: 'end', index: at, value: '' });
	return tokens;
};

// --- parts ---

// A part is { type, modifier, name, prefix, value, suffix }. type: 'fixed', 'regexp', 'segment' (up
// to the delimiter) or 'full' (everything); modifier: '', '?', '*' or '+'.
function newPart(type, modifier, name, prefix, value, suffix) {
	return { type, modifier, name, prefix, value, suffix };
}

P.segmentWildcard = (options) => `[^${escapeRegexp(options.delimiter)}]+?`;

function escapeRegexp(text) {
	return text.replace(REGEXP_SYNTAX, '\\$&');
}

P.escapePattern = (text) => text.replace(PATTERN_SYNTAX, '\\$&');

class PartParser {
	#tokens;
	#index = 0;
	#encode;
	#wildcard;
	#prefix;
	#fixed = '';
	#names = new Set();
	#nextNumber = 0;
	#input;
	parts = [];

	constructor(input, options, encode) {
		this.#input = input;
		this.#tokens = P.tokenize(input, false);
		this.#encode = encode;
		this.#wildcard = P.segmentWildcard(options);
		this.#prefix = options.prefix;
	}

	parse() {
		while (this.#index < this.#tokens.length)
			this.#next();
		return this.parts;
	}

	#next() {
		const char = this.#take('char');
		const name = this.#take('name');
		const matcher = this.#takeMatcher(name);
		if (name || matcher) {
			let prefix = char?.value ?? '';
			if (prefix !== this.#prefix) {
				this.#fixed += prefix;
				prefix = '';
			}
			this.#flush();
			this.#add(prefix, name, matcher, '', this.#takeModifier());
			return;
		}
		const fixed = char ?? this.#take('escaped');
		if (fixed) {
			this.#fixed += fixed.value;
		} else if (this.#take('open')) {
			this.#group();
		} else {
			this.#flush();
			this.#require('end');
		}
	}

	#group() {
		const prefix = this.#takeText();
		const name = this.#take('name');
		const matcher = this.#takeMatcher(name);
		const suffix = this.#takeText();
		this.#require('close');
		this.#add(prefix, name, matcher, suffix, this.#takeModifier());
	}

	#take(type) {
		const token = this.#tokens[this.#index];
		if (token?.type !== type)
			return null;
		this.#index++;
		return token;
	}

	#takeMatcher(name) {
		return this.#take('regexp') ?? (name ? null : this.#take('asterisk'));
	}

	#takeModifier() {
		return (this.#take('modifier') ?? this.#take('asterisk'))?.value ?? '';
	}

	#takeText() {
		let text = '';
		for (;;) {
			const token = this.#take('char') ?? this.#take('escaped');
			if (!token)
				return text;
			text += token.value;
		}
	}

	#require(type) {
		if (!this.#take(type))
			throw new TypeError(
				`URLPattern: '${this.#input}' is wrong at position ${this.#tokens[this.#index].index}`);
	}

	#flush() {
		if (this.#fixed === '')
			return;
		const value = this.#encode(this.#fixed);
		this.#fixed = '';
		this.parts.push(newPart('fixed', '', '', '', value, ''));
	}

	#add(prefix, nameToken, matcher, suffix, modifier) {
		if (!nameToken && !matcher) {
			if (modifier === '') {
				this.#fixed += prefix;
				return;
			}
			this.#flush();
			if (prefix !== '')
				this.parts.push(newPart('fixed', modifier, '', '', this.#encode(prefix), ''));
			return;
		}
		this.#flush();
		const [type, value] = this.#matcherType(matcher);
		const name = nameToken ? nameToken.value : `${this.#nextNumber++}`;
		if (this.#names.has(name))
			throw new TypeError(`URLPattern: the name '${name}' is in '${this.#input}' twice`);
		this.#names.add(name);
		this.parts.push(
			newPart(type, modifier, name, this.#encode(prefix), value, this.#encode(suffix)));
	}

	#matcherType(matcher) {
		if (matcher === null || matcher.value === this.#wildcard)
			return ['segment', ''];
		if (matcher.type === 'asterisk' || matcher.value === FULL_WILDCARD)
			return ['full', ''];
		return ['regexp', matcher.value];
	}
}

// options = { delimiter, prefix }; encode(text) makes text as it is in a URL, or throws.
P.parseParts = (input, options, encode) => new PartParser(input, options, encode).parse();

// --- regular expressions ---

function partRegexp(part, options) {
	const { modifier } = part;
	if (part.type === 'fixed') {
		const text = escapeRegexp(part.value);
		return modifier === '' ? text : `(?:${text})${modifier}`;
	}
	const value = part.type === 'regexp' ? part.value
		: part.type === 'full' ? FULL_WILDCARD : P.segmentWildcard(options);
	const repeats = modifier === '*' || modifier === '+';
	if (part.prefix === '' && part.suffix === '')
		return repeats ? `((?:${value})${modifier})` : `(${value})${modifier}`;
	const prefix = escapeRegexp(part.prefix);
	const suffix = escapeRegexp(part.suffix);
	if (!repeats)
		return `(?:${prefix}(${value})${suffix})${modifier}`;
	const optional = modifier === '*' ? '?' : '';
	return `(?:${prefix}((?:${value})(?:${suffix}${prefix}(?:${value}))*)${suffix})${optional}`;
}

P.regexpOf = (parts, options) => {
	let source = '^';
	for (let i = 0; i < parts.length; i++)
		source += partRegexp(parts[i], options);
	return `${source}$`;
};

// --- pattern strings ---

// Whether the name of a part would go on into what follows it.
function runsIntoNext(part, next) {
	if (part.type !== 'segment' || part.modifier !== '' || !next || next.prefix !== '' ||
		next.suffix !== '')
		return false;
	if (next.type === 'fixed')
		return NAME_PART.test(codePointAt(next.value, 0));
	return ASCII_DIGIT.test(next.name[0]);
}

function needsGroup(part, previous, next, options, named) {
	if (part.suffix !== '' || (part.prefix !== '' && part.prefix !== options.prefix))
		return true;
	if (named && runsIntoNext(part, next))
		return true;
	return part.prefix === '' && previous?.type === 'fixed' && options.prefix !== '' &&
		previous.value.endsWith(options.prefix);
}

function matcherString(part, previous, options, named, grouped) {
	if (part.type === 'regexp')
		return `(${part.value})`;
	if (part.type === 'segment')
		return named ? '' : `(${P.segmentWildcard(options)})`;
	const alone = !previous || previous.type === 'fixed' || previous.modifier !== '' || grouped ||
		part.prefix !== '';
	return !named && alone ? '*' : `(${FULL_WILDCARD})`;
}

function partString(part, previous, next, options) {
	if (part.type === 'fixed') {
		const text = P.escapePattern(part.value);
		return part.modifier === '' ? text : `{${text}}${part.modifier}`;
	}
	const named = !ASCII_DIGIT.test(part.name[0]);
	const grouped = needsGroup(part, previous, next, options, named);
	let text = P.escapePattern(part.prefix);
	if (named)
		text += `:${part.name}`;
	text += matcherString(part, previous, options, named, grouped);
	if (part.type === 'segment' && named && part.suffix !== '' &&
		NAME_PART.test(codePointAt(part.suffix, 0)))
		text += '\\';
	text += P.escapePattern(part.suffix);
	return (grouped ? `{${text}}` : text) + part.modifier;
}

P.patternOf = (parts, options) => {
	let text = '';
	for (let i = 0; i < parts.length; i++)
		text += partString(parts[i], parts[i - 1], parts[i + 1], options);
	return text;
};

// --- order ---

const TYPE_ORDER = ['full', 'segment', 'regexp', 'fixed'];
const MODIFIER_ORDER = ['*', '?', '+', ''];
const NO_PART = newPart('fixed', '', '', '', '', '');

function sign(a, b) {
	return a < b ? -1 : a > b ? 1 : 0;
}

function compareParts(a, b) {
	return sign(TYPE_ORDER.indexOf(a.type), TYPE_ORDER.indexOf(b.type)) ||
		sign(MODIFIER_ORDER.indexOf(a.modifier), MODIFIER_ORDER.indexOf(b.modifier)) ||
		sign(a.prefix, b.prefix) || sign(a.value, b.value) || sign(a.suffix, b.suffix);
}

// -1, 0 or 1; what matches less is greater.
P.compare = (a, b) => {
	for (let i = 0; i < Math.max(a.length, b.length); i++) {
		const order = compareParts(a[i] ?? NO_PART, b[i] ?? NO_PART);
		if (order !== 0)
			return order;
	}
	return 0;
};
