// SPDX-License-Identifier: Apache-2.0
// How console shows each kind of object.
'use strict';

const { viewParts } = internals.webidl;
const { viewTag, typedLength, uncurryThis } = internals.primordials;
const I = internals.inspection;

// enum engine_kind
const KIND = (I.KIND = {
	__proto__: null, OBJECT: 1, ARRAY: 2, FUNCTION: 3, ERROR: 4, DATE: 5, REGEXP: 6, MAP: 7, SET: 8,
	BUFFER: 9, VIEW: 10, BOXED: 11, PROMISE: 12, PROXY: 13, WEAK: 14, ITERATOR: 15, NAMESPACE: 16,
	ARGUMENTS: 17, OTHER: 18,
});
const BYTES_MAX = 50; // of an ArrayBuffer that are shown

const dateTime = uncurryThis(Date.prototype.getTime);
const dateIso = uncurryThis(Date.prototype.toISOString);
const regexpText = uncurryThis(RegExp.prototype.toString);
const mapSize = uncurryThis(Object.getOwnPropertyDescriptor(Map.prototype, 'size').get);
const setSize = uncurryThis(Object.getOwnPropertyDescriptor(Set.prototype, 'size').get);
const functionText = uncurryThis(Function.prototype.toString);

// A word that stands for the whole object, followed by properties when it has any.
function word(ctx, object, text, skip) {
	const keys = I.keys(ctx, object, skip);
	if (keys.length === 0)
		return text;
	return I.deeper(ctx, text, () => {
		const items = I.properties(ctx, object, keys, []);
		ctx.level--;
		const shown = I.layout(ctx, `${text} `, '{', items, '}');
		ctx.level++;
		return shown;
	});
}

// The layout of what is inside happens one level back.
function block(ctx, short, prefix, open, close, fill, isList = false) {
	return I.deeper(ctx, short, () => {
		const items = fill();
		ctx.level--;
		const shown = I.layout(ctx, prefix, open, items, close, isList);
		ctx.level++;
		return shown;
	});
}

function shortName(prefix, fallback) {
	return prefix.trim() || fallback;
}

// --- plain objects and platform objects ---

// Attributes of a platform class are accessors on its prototype: these are the ones worth seeing.
const SHOWN = {
	__proto__: null,
	URL: ['href', 'origin', 'protocol', 'username', 'password', 'host', 'hostname', 'port',
		'pathname', 'search', 'hash'],
	Request: ['method', 'url', 'headers', 'bodyUsed'],
	Response: ['status', 'statusText', 'headers', 'bodyUsed', 'type'],
	// A class stands before the one that it extends.
	MessageEvent: ['type', 'data', 'origin', 'lastEventId', 'ports'],
	ErrorEvent: ['type', 'message', 'filename', 'lineno', 'colno', 'error'],
	PromiseRejectionEvent: ['type', 'promise', 'reason'],
	CustomEvent: ['type', 'detail', 'defaultPrevented', 'cancelable', 'timeStamp'],
	Event: ['type', 'defaultPrevented', 'cancelable', 'timeStamp'],
	AbortSignal: ['aborted'],
	BroadcastChannel: ['name'],
	File: ['name', 'size', 'type', 'lastModified'],
	Blob: ['size', 'type'],
	CryptoKey: ['type', 'extractable', 'algorithm', 'usages'],
	ReadableStream: ['locked'],
	WritableStream: ['locked'],
	TextDecoder: ['encoding', 'fatal', 'ignoreBOM'],
	PerformanceMark: ['name', 'entryType', 'startTime', 'duration', 'detail'],
	PerformanceMeasure: ['name', 'entryType', 'startTime', 'duration', 'detail'],
	PerformanceResourceTiming: ['name', 'entryType', 'startTime', 'duration', 'initiatorType',
		'nextHopProtocol', 'responseStatus', 'transferSize'],
	TransformStream: ['readable', 'writable'],
};
const PAIRED = ['Headers', 'URLSearchParams', 'FormData'];

function platformClass(object) {
	for (const name of [...Object.keys(SHOWN), ...PAIRED]) {
		const klass = I.classes[name];
		if (klass && klass.prototype.isPrototypeOf(object))
			return name;
	}
	return null;
}

// The classes as they are now; users may replace the globals.
I.classes = { __proto__: null };
for (const name of [...Object.keys(SHOWN), ...PAIRED])
	I.classes[name] = globalThis[name];

function platformItems(ctx, object, name) {
	if (PAIRED.includes(name))
		return [...I.classes[name].prototype.entries.call(object)].map(
			([key, value]) => `${I.primitive(ctx, key)} => ${I.value(ctx, value)}`);
	return SHOWN[name].map((key) => {
		const d = attributeOf(I.classes[name].prototype, key);
		return `${key}: ${I.value(ctx, d.get.call(object))}`;
	});
}

function attributeOf(prototype, key) {
	return Object.getOwnPropertyDescriptor(prototype, key) ??
		attributeOf(Object.getPrototypeOf(prototype), key);
}

function plain(ctx, object) {
	if (internals.isDOMException(object))
		return errorText(ctx, object);
	const name = I.className(object);
	const tag = I.toStringTag(object, name);
	const prefix = name === 'Object' && tag === '' ? '' : I.prefix(object, 'Object');
	const platform = platformClass(object);
	return block(ctx, shortName(prefix, 'Object'), prefix, '{', '}', () => {
		let items = [];
		if (platform) {
			try {
				items = platformItems(ctx, object, platform);
			} catch {
				// The prototype of the class itself, or an impostor.
				items = [];
			}
		}
		return I.properties(ctx, object, I.keys(ctx, object), items);
	});
}

// --- lists ---

// The own indexes after `from`; only asked for when there is a hole, so that a dense array is
// not listed, and a sparse one is not walked.
function indexesAfter(array, from) {
	return Object.keys(array).filter((key) => I.isIndex(key) && +key > from).map(Number);
}

function arrayItems(ctx, array) {
	const items = [];
	let sparse = null;
	let i = 0;
	while (i < array.length && items.length < I.ITEMS_MAX) {
		const d = Object.getOwnPropertyDescriptor(array, i);
		if (d === undefined) {
			sparse ??= indexesAfter(array, i);
			const next = sparse.find((index) => index > i) ?? array.length;
			const holes = next - i;
			items.push(ctx.paint(`<${holes} empty item${holes === 1 ? '' : 's'}>`, 'dim'));
			i = next;
			continue;
		}
		items.push('value' in d ? I.value(ctx, d.value) : ctx.paint('[Getter]', 'special'));
		i++;
	}
	I.more(items, array.length - i, 'item', '', 's');
	return items;
}

function array(ctx, object) {
	const name = I.className(object);
	const prefix = name === 'Array' ? '' : I.prefix(object, 'Array', object.length);
	return block(ctx, shortName(prefix, 'Array'), prefix, '[', ']', () => {
		const items = arrayItems(ctx, object);
		const names = ops.namedKeys(object, ctx.showHidden).filter((key) => key !== 'length');
		return I.properties(ctx, object, names, items);
	}, true);
}

function view(ctx, object) {
	const tag = viewTag(object);
	if (tag === undefined)
		return dataView(ctx, object);
	const length = typedLength(object);
	const prefix = I.prefix(object, tag, length);
	return block(ctx, shortName(prefix, tag), prefix, '[', ']', () => {
		const items = [];
		for (let i = 0; i < Math.min(length, I.ITEMS_MAX); i++)
			items.push(I.primitive(ctx, object[i]));
		I.more(items, length - I.ITEMS_MAX, 'item', '', 's');
		return I.properties(ctx, object, ops.namedKeys(object, ctx.showHidden), items);
	}, true);
}

function dataView(ctx, object) {
	const { buffer, offset: byteOffset, length: byteLength } = viewParts(object);
	return block(ctx, 'DataView', I.prefix(object, 'DataView'), '{', '}', () => [
		`byteLength: ${I.primitive(ctx, byteLength)}`, `byteOffset: ${I.primitive(ctx, byteOffset)}`,
		`buffer: ${I.value(ctx, buffer)}`,
	]);
}

function buffer(ctx, object) {
	const prefix = I.prefix(object, 'ArrayBuffer');
	return block(ctx, shortName(prefix, 'ArrayBuffer'), prefix, '{', '}', () => {
		let bytes;
		try {
			bytes = new Uint8Array(object);
		} catch {
			return ['(detached)', `byteLength: ${I.primitive(ctx, 0)}`];
		}
		let hex = '';
		for (const b of bytes.subarray(0, BYTES_MAX))
			hex += `${hex ? ' ' : ''}${(b + 256).toString(16).slice(1)}`;
		if (bytes.length > BYTES_MAX)
			hex += ` ... ${bytes.length - BYTES_MAX} more bytes`;
		return [`contents: <${ctx.paint(hex, 'special')}>`,
			`byteLength: ${I.primitive(ctx, bytes.length)}`];
	});
}

function entryList(ctx, flat, pairs) {
	const items = [];
	const step = pairs ? 2 : 1;
	const shown = Math.min(flat.length, I.ITEMS_MAX * step);
	for (let i = 0; i < shown; i += step)
		items.push(pairs ? `${I.value(ctx, flat[i])} => ${I.value(ctx, flat[i + 1])}`
			: I.value(ctx, flat[i]));
	I.more(items, (flat.length - shown) / step, 'item', '', 's');
	return items;
}

function collection(ctx, object, isMap) {
	const size = isMap ? mapSize(object) : setSize(object);
	const prefix = I.prefix(object, isMap ? 'Map' : 'Set', size);
	return block(ctx, shortName(prefix, 'Map'), prefix, '{', '}', () => I.properties(ctx, object,
		I.keys(ctx, object), entryList(ctx, ops.valueInside(object) ?? [], isMap)));
}

// --- functions and errors ---

function functionName(object) {
	const d = Object.getOwnPropertyDescriptor(object, 'name');
	return typeof d?.value === 'string' ? d.value : '';
}

function functionShown(ctx, object) {
	const text = functionText(object);
	const name = functionName(object);
	let shown;
	if (text.startsWith('class') && !/^class\s*\(/.test(text)) {
		const parent = Object.getPrototypeOf(object);
		const base = typeof parent === 'function' ? functionName(parent) : '';
		shown = `[class ${name || '(anonymous)'}${base ? ` extends ${base}` : ''}]`;
	} else {
		const type = I.className(object) ?? 'Function';
		shown = `[${type}${name ? `: ${name}` : ' (anonymous)'}]`;
	}
	const skip = (key) => ['length', 'name', 'prototype', 'arguments', 'caller'].includes(key);
	return word(ctx, object, ctx.paint(shown, 'special'), skip);
}

function dataProperty(object, key) {
	for (let o = object; o !== null; o = Object.getPrototypeOf(o)) {
		const d = Object.getOwnPropertyDescriptor(o, key);
		if (d)
			return 'value' in d ? d.value : undefined;
	}
	return undefined;
}

function errorHead(object) {
	const isDom = internals.isDOMException(object);
	const name = isDom ? object.name : dataProperty(object, 'name') ?? I.className(object) ?? 'Error';
	const message = isDom ? object.message : dataProperty(object, 'message');
	return message === undefined || message === '' ? `${name}` : `${name}: ${message}`;
}

// The stack, whose first line is brought up to date when name or message were changed.
function errorText(ctx, object) {
	const head = errorHead(object);
	let stack;
	try {
		stack = object.stack;
	} catch {
		stack = undefined;
	}
	let text = head;
	if (typeof stack === 'string' && stack !== '') {
		const at = stack.search(/^ {4}at /m);
		text = at < 0 ? stack : `${head}\n${ops.stackText(stack.slice(at))}`;
	}
	text = text.replace(/\n+$/, '').replaceAll('\n', `\n${' '.repeat(ctx.level * 2)}`);
	if (!/\n\s+at /.test(text))
		text = `[${text}]`;
	return errorProperties(ctx, object, text);
}

function errorProperties(ctx, object, text) {
	const keys = I.keys(ctx, object, (key) => ['stack', 'message', 'name'].includes(key));
	for (const key of ['cause', 'errors'])
		if (Object.prototype.hasOwnProperty.call(object, key) && !keys.includes(key))
			keys.push(key);
	if (keys.length === 0)
		return text;
	return block(ctx, errorHead(object), `${text} `, '{', '}',
		() => I.properties(ctx, object, keys, []));
}

// --- the rest ---

function boxed(ctx, object) {
	const value = object.valueOf();
	const type = typeof value;
	const name = type === 'bigint' ? 'BigInt' : type[0].toUpperCase() + type.slice(1);
	const skip = type === 'string' ? (key) => I.isIndex(key) || key === 'length' : undefined;
	return word(ctx, object, `[${name}: ${I.primitive(ctx, value)}]`, skip);
}

function date(ctx, object) {
	const text = Number.isNaN(dateTime(object)) ? 'Invalid Date' : dateIso(object);
	return word(ctx, object, ctx.paint(text, 'date'));
}

function promise(ctx, object) {
	const [state, value] = ops.valueInside(object);
	const prefix = I.prefix(object, 'Promise');
	return block(ctx, shortName(prefix, 'Promise'), prefix, '{', '}', () => {
		let text = ctx.paint(state === 0 ? '<pending>' : '<rejected>', 'special');
		if (state !== 0)
			text = state === 1 ? I.value(ctx, value) : `${text} ${I.value(ctx, value)}`;
		return I.properties(ctx, object, I.keys(ctx, object), [text]);
	});
}

function proxy(ctx, object) {
	const [target] = ops.valueInside(object);
	if (target === null)
		return ctx.paint('<Revoked Proxy>', 'special');
	return `${ctx.paint('Proxy', 'special')} ${I.value(ctx, target)}`;
}

function iterator(ctx, object) {
	const tag = Object.prototype.toString.call(object).slice(8, -1);
	return block(ctx, tag, `[${tag}] `, '{', '}',
		() => entryList(ctx, ops.valueInside(object) ?? [], false));
}

const SHOW = {
	__proto__: null,
	[KIND.ARRAY]: array,
	[KIND.FUNCTION]: functionShown,
	[KIND.ERROR]: errorText,
	[KIND.DATE]: date,
	[KIND.REGEXP]: (ctx, o) => word(ctx, o, ctx.paint(regexpText(o), 'regexp')),
	[KIND.MAP]: (ctx, o) => collection(ctx, o, true),
	[KIND.SET]: (ctx, o) => collection(ctx, o, false),
	[KIND.BUFFER]: buffer,
	[KIND.VIEW]: view,
	[KIND.BOXED]: boxed,
	[KIND.PROMISE]: promise,
	[KIND.PROXY]: proxy,
	[KIND.WEAK]: (ctx, o) => `${I.prefix(o, 'WeakMap')}{ ${ctx.paint('<items unknown>', 'special')} }`,
	[KIND.ITERATOR]: iterator,
	[KIND.NAMESPACE]: (ctx, o) => block(ctx, 'Module', '[Module] ', '{', '}',
		() => Object.keys(o).map((key) => `${key}: ${moduleExport(ctx, o, key)}`)),
	[KIND.ARGUMENTS]: (ctx, o) => block(ctx, 'Arguments', '[Arguments] ', '[', ']',
		() => arrayItems(ctx, o), true),
};

function moduleExport(ctx, namespace, key) {
	try {
		return I.value(ctx, namespace[key]);
	} catch {
		return ctx.paint('<uninitialized>', 'special');
	}
}

I.object = (ctx, object) => (SHOW[ops.valueKind(object)] ?? plain)(ctx, object);
