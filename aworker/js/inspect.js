// SPDX-License-Identifier: Apache-2.0
// How console shows values: primitives, properties, layout. What is special about built-in objects
// is in inspect_objects.js. No user code runs but for toString tags of classes: getters are shown as
// such, a Proxy is not asked.
'use strict';

const I = (internals.inspection = { __proto__: null });

const LINE_WIDTH = 76; // an object that fits is shown in one line
const DEPTH = 2; // levels that are opened
const ITEMS_MAX = 100; // elements and properties that are shown
const STRING_MAX = 10000; // characters of a nested string

const COLORS = {
	__proto__: null, string: 32, number: 33, bigint: 33, boolean: 33, undefined: 90, null: 1,
	symbol: 32, special: 36, date: 35, regexp: 31, name: 0, dim: 90,
};
const ENDS = { __proto__: null, 1: 22 };

class Context {
	seen = [];
	circular = new Map(); // object -> number, of those that contain themselves
	level = 0;

	constructor({ colors = false, depth = DEPTH, showHidden = false } = {}) {
		this.colors = colors;
		this.depth = depth;
		this.showHidden = showHidden;
	}

	paint(text, kind) {
		const code = COLORS[kind];
		return this.colors && code ? `\x1b[${code}m${text}\x1b[${ENDS[code] ?? 39}m` : text;
	}
}

// --- strings and names ---

const ESCAPES = {
	__proto__: null, '\b': '\\b', '\t': '\\t', '\n': '\\n', '\f': '\\f', '\r': '\\r', '\\': '\\\\',
};
// Control characters, the quote in use, backslash and lone surrogates.
const TO_ESCAPE = /[\0-\x1f\x7f-\x9f\\]|\p{Surrogate}/gu;
const IDENTIFIER = /^[a-zA-Z_$][\w$]*$/;

function escapeCharacter(c) {
	const code = c.charCodeAt(0);
	return ESCAPES[c] ?? (code < 0x100 ? `\\x${code.toString(16).toUpperCase().padStart(2, '0')}`
		: `\\u${code.toString(16).toUpperCase()}`);
}

I.quote = (text) => {
	const quotes = ["'", '"', '`'];
	const q = quotes.find((mark) => !text.includes(mark)) ?? "'";
	let body = text.replace(TO_ESCAPE, escapeCharacter);
	if (text.includes(q))
		body = body.replaceAll(q, `\\${q}`);
	return q + body + q;
};

function stringText(ctx, value) {
	let rest = '';
	if (value.length > STRING_MAX) {
		rest = `... ${value.length - STRING_MAX} more characters`;
		value = value.slice(0, STRING_MAX);
	}
	return ctx.paint(I.quote(value), 'string') + rest;
}

I.primitive = (ctx, value) => {
	switch (typeof value) {
	case 'string': return stringText(ctx, value);
	case 'number': return ctx.paint(Object.is(value, -0) ? '-0' : `${value}`, 'number');
	case 'bigint': return ctx.paint(`${value}n`, 'bigint');
	case 'boolean': return ctx.paint(`${value}`, 'boolean');
	case 'symbol': return ctx.paint(value.toString(), 'symbol');
	case 'undefined': return ctx.paint('undefined', 'undefined');
	default: return ctx.paint('null', 'null');
	}
};

function keyText(ctx, key) {
	if (typeof key === 'symbol')
		return `[${ctx.paint(key.toString(), 'symbol')}]`;
	return IDENTIFIER.test(key) ? key : ctx.paint(I.quote(key), 'string');
}

// --- the name of an object's class ---

// The nearest constructor on the prototype chain that is data; null without one.
I.className = (object) => {
	for (let o = object; o !== null; o = Object.getPrototypeOf(o)) {
		// A Proxy on the chain would run user code.
		if (ops.valueKind(o) === I.KIND.PROXY)
			return '';
		const d = Object.getOwnPropertyDescriptor(o, 'constructor');
		if (d && typeof d.value === 'function' && typeof d.value.name === 'string' &&
			d.value.name !== '')
			return d.value.name;
	}
	return null;
};

I.toStringTag = (object, name) => {
	let tag;
	try {
		tag = object[Symbol.toStringTag];
	} catch {
		return '';
	}
	return typeof tag === 'string' && tag !== '' && tag !== name ? ` [${tag}]` : '';
};

// "ClassName [Tag] " before the braces; '' for plain objects.
I.prefix = (object, fallback, size = null) => {
	const name = I.className(object);
	const shown = name === null ? `[${fallback}: null prototype]` : name;
	const count = size === null ? '' : `(${size})`;
	return `${shown}${count}${I.toStringTag(object, name)} `;
};

// --- properties ---

function propertyText(ctx, object, key) {
	const d = Object.getOwnPropertyDescriptor(object, key);
	const name = d.enumerable ? keyText(ctx, key) : `[${String(key)}]`;
	if ('value' in d)
		return `${name}: ${I.value(ctx, d.value)}`;
	const kind = d.get ? (d.set ? 'Getter/Setter' : 'Getter') : 'Setter';
	return `${name}: ${ctx.paint(`[${kind}]`, 'special')}`;
}

// Own keys to show; `skip` are those that the kind of object has shown.
I.keys = (ctx, object, skip = () => false) => Reflect.ownKeys(object).filter((key) =>
	!skip(key) && (ctx.showHidden || Object.prototype.propertyIsEnumerable.call(object, key)));

I.isIndex = (key) => typeof key === 'string' && /^(0|[1-9]\d{0,9})$/.test(key);

I.properties = (ctx, object, keys, out) => {
	for (const key of keys.slice(0, ITEMS_MAX))
		out.push(propertyText(ctx, object, key));
	I.more(out, keys.length - ITEMS_MAX, 'propert', 'y', 'ies');
	return out;
};

I.more = (out, n, stem, one, many) => {
	if (n > 0)
		out.push(`... ${n} more ${stem}${n === 1 ? one : many}`);
};
I.ITEMS_MAX = ITEMS_MAX;

// --- layout ---

const ESCAPE_SEQUENCE = /\x1b\[\d+m/g;

function visibleLength(text) {
	return text.includes('\x1b') ? text.replace(ESCAPE_SEQUENCE, '').length : text.length;
}
I.visibleLength = visibleLength;

const NUMBER = /^-?[\d.]+(e[+-]\d+)?n?$/;
const MORE = /^\.\.\. \d+ more items?$/;

// Many short elements of an array go in columns, numbers to the right. What says that there are
// more has a line of its own. Null: there is no room for two.
function columns(items, indent) {
	if (MORE.test(items[items.length - 1])) {
		const rows = columns(items.slice(0, -1), indent);
		if (rows) {
			rows[rows.length - 1] += ',';
			rows.push(items[items.length - 1]);
		}
		return rows;
	}
	const lengths = items.map(visibleLength);
	const widest = Math.max(...lengths) + 2;
	const numbers = items.every((item) => NUMBER.test(item.replace(ESCAPE_SEQUENCE, '')));
	const n = Math.min(Math.max(1, Math.floor((LINE_WIDTH - indent) / widest)), 16);
	if (n < 2)
		return null;
	const rows = [];
	for (let i = 0; i < items.length; i += n) {
		let row = '';
		for (let j = i; j < Math.min(i + n, items.length); j++) {
			const last = j === items.length - 1;
			const end = j === Math.min(i + n, items.length) - 1;
			const pad = ' '.repeat(widest - 2 - lengths[j]);
			row += (numbers ? pad : '') + items[j] + (last ? '' : ',') +
				(end ? '' : numbers ? ' ' : `${pad} `);
		}
		rows.push(row);
	}
	return rows;
}

I.layout = (ctx, prefix, open, items, close, isList = false) => {
	if (items.length === 0)
		return `${prefix}${open}${close}`;
	const oneLine = items.join(', ');
	const indent = ctx.level * 2;
	const fits = visibleLength(oneLine) + prefix.length + indent + 4 <= LINE_WIDTH;
	if (fits && items.length <= (isList ? 6 : 16) && !oneLine.includes('\n'))
		return `${prefix}${open} ${oneLine} ${close}`;
	const pad = ' '.repeat(indent + 2);
	const short = (s) => visibleLength(s) <= 24 && !s.includes('\n');
	const rows = isList && items.length > 6 && items.every(short) ? columns(items, indent) : null;
	const inside = rows ? rows.join(`\n${pad}`) : items.join(`,\n${pad}`);
	return `${prefix}${open}\n${pad}${inside}\n${' '.repeat(indent)}${close}`;
};

// --- entry ---

I.value = (ctx, value) => {
	if ((typeof value !== 'object' && typeof value !== 'function') || value === null)
		return I.primitive(ctx, value);
	if (ctx.seen.includes(value)) {
		if (!ctx.circular.has(value))
			ctx.circular.set(value, ctx.circular.size + 1);
		return ctx.paint(`[Circular *${ctx.circular.get(value)}]`, 'special');
	}
	return guardedObject(ctx, value);
};

function guardedObject(ctx, value) {
	ctx.seen.push(value);
	try {
		const text = I.object(ctx, value);
		const mark = ctx.circular.get(value);
		return mark === undefined ? text : `${ctx.paint(`<ref *${mark}>`, 'special')} ${text}`;
	} catch (error) {
		if (error instanceof RangeError)
			return ctx.paint('[too deep to show]', 'special');
		return ctx.paint(`[cannot be shown: ${String(error?.message)}]`, 'special');
	} finally {
		ctx.seen.pop();
	}
}

// Runs `show` one level further in, or gives the short form when it is too deep.
I.deeper = (ctx, short, show) => {
	if (ctx.level > ctx.depth)
		return ctx.paint(`[${short}]`, 'special');
	ctx.level++;
	try {
		return show();
	} finally {
		ctx.level--;
	}
};

internals.inspect = (value, options) => I.value(new Context(options), value);
