// SPDX-License-Identifier: Apache-2.0
// console (WHATWG Console): log and its levels go to standard output, warn and error to standard
// error, one write for each call.
'use strict';

const { namespace, defineGlobal, isObject } = internals.webidl;
const I = internals.inspection;

const STDOUT = 1;
const STDERR = 2;

const counts = new Map();
const timers = new Map();
let indent = '';
let colors = null; // per descriptor, asked for when first needed

function environment(name) {
	return ops.workerEnv().split('\0').find((pair) => pair.startsWith(`${name}=`))
		?.slice(name.length + 1);
}

function useColors(fd) {
	if (!colors) {
		const off = (environment('NO_COLOR') ?? '') !== '' || environment('TERM') === 'dumb';
		colors = { [STDOUT]: !off && ops.isTerminal(STDOUT), [STDERR]: !off && ops.isTerminal(STDERR) };
	}
	return colors[fd];
}
internals.useColors = useColors;
// A new process has other descriptors, another environment and a clock of its own.
internals.resetConsole = () => {
	colors = null;
	timers.clear();
};

function show(value, fd, options) {
	return internals.inspect(value, { colors: useColors(fd), ...options });
}

// --- formats ---

const FORMAT = /%[sdifoOjc%]/g;

function formatString(value, fd) {
	if (typeof value === 'string')
		return value;
	if (typeof value === 'bigint')
		return `${value}n`;
	if (Object.is(value, -0))
		return '-0';
	if (!isObject(value))
		return String(value);
	return show(value, fd, { depth: 0, colors: false });
}

function formatNumber(value, parse) {
	if (typeof value === 'symbol' || isObject(value))
		return 'NaN';
	if (typeof value === 'bigint')
		return `${value}n`;
	const n = parse(value);
	return Object.is(n, -0) ? '-0' : `${n}`;
}

function formatJson(value) {
	try {
		return `${JSON.stringify(value)}`;
	} catch {
		return '[Circular]';
	}
}

function formatOne(spec, value, fd) {
	switch (spec) {
	case '%s': return formatString(value, fd);
	case '%d': return formatNumber(value, Number);
	case '%i': return formatNumber(value, (v) => parseInt(v, 10));
	case '%f': return formatNumber(value, parseFloat);
	case '%o': return show(value, fd, { showHidden: true, depth: 4 });
	case '%O': return show(value, fd);
	case '%j': return formatJson(value);
	default: return ''; // %c: there is no CSS here
	}
}

function format(args, fd) {
	const parts = [];
	let used = 0;
	if (typeof args[0] === 'string') {
		used = 1;
		parts.push(args.length === 1 ? args[0] : args[0].replace(FORMAT, (spec) => {
			if (spec === '%%')
				return '%';
			return used < args.length ? formatOne(spec, args[used++], fd) : spec;
		}));
	}
	for (; used < args.length; used++)
		parts.push(typeof args[used] === 'string' ? args[used] : show(args[used], fd));
	return parts.join(' ');
}

function print(fd, text) {
	if (indent !== '')
		text = indent + text.replaceAll('\n', `\n${indent}`);
	ops.write(fd, `${text}\n`);
}

function printArgs(fd, args) {
	print(fd, format(args, fd));
}

// --- table ---

// Rows and columns of tabular data.
function tableOf(data, properties, fd) {
	const cell = (value) => show(value, fd, { depth: 0 });
	const columns = new Map();
	const rows = [];
	let hasValues = false;
	for (const [key, row] of rowKeys(data)) {
		const line = { key, cells: new Map(), value: undefined };
		if (isObject(row)) {
			for (const name of properties ?? Object.keys(row)) {
				columns.set(name, true);
				if (Object.prototype.hasOwnProperty.call(row, name))
					line.cells.set(name, cell(row[name]));
			}
		} else {
			hasValues = true;
			line.value = cell(row);
		}
		rows.push(line);
	}
	return { names: [...columns.keys()], rows, hasValues };
}

// [key, row] of each row.
function rowKeys(data) {
	const kind = ops.valueKind(data);
	if (kind !== I.KIND.MAP && kind !== I.KIND.SET)
		return Object.keys(data).map((key) => [key, data[key]]);
	const inside = ops.valueInside(data);
	if (kind === I.KIND.SET)
		return inside.map((value, i) => [`${i}`, value]);
	const rows = [];
	for (let i = 0; i < inside.length; i += 2)
		rows.push([`${i / 2}`, { Key: inside[i], Values: inside[i + 1] }]);
	return rows;
}

// Lines of a box, and where they meet.
const ACROSS = '\u2500';
const DOWN = '\u2502';
const TOP = '\u250c\u252c\u2510';
const MIDDLE = '\u251c\u253c\u2524';
const BOTTOM = '\u2514\u2534\u2518';

function drawTable(table) {
	const head = ['(index)', ...table.names, ...(table.hasValues ? ['Values'] : [])];
	const lines = table.rows.map((row) => [row.key,
		...table.names.map((name) => row.cells.get(name) ?? ''),
		...(table.hasValues ? [row.value ?? ''] : [])]);
	const widths = head.map((name, i) =>
		Math.max(name.length, ...lines.map((line) => I.visibleLength(line[i]))) + 2);
	const rule = ([l, m, r]) => l + widths.map((w) => ACROSS.repeat(w)).join(m) + r;
	const draw = (cells) => DOWN + cells.map((c, i) =>
		` ${c}${' '.repeat(widths[i] - 1 - I.visibleLength(c))}`).join(DOWN) + DOWN;
	return [rule(TOP), draw(head), rule(MIDDLE), ...lines.map(draw), rule(BOTTOM)].join('\n');
}

// --- the members ---

function label(value) {
	return value === undefined ? 'default' : `${value}`;
}

function duration(ms) {
	if (ms >= 60000)
		return `${Math.floor(ms / 60000)}:${(ms % 60000 / 1000).toFixed(3).padStart(6, '0')} (m:ss.mmm)`;
	return ms >= 1000 ? `${(ms / 1000).toFixed(3)}s` : `${ms.toFixed(3)}ms`;
}

function elapsed(name, what) {
	const start = timers.get(name);
	if (start === undefined) {
		print(STDERR, `Warning: No such label '${name}' for console.${what}()`);
		return null;
	}
	return duration(ops.now() - start);
}

const members = {
	log(...data) {
		printArgs(STDOUT, data);
	},
	debug(...data) {
		printArgs(STDOUT, data);
	},
	info(...data) {
		printArgs(STDOUT, data);
	},
	warn(...data) {
		printArgs(STDERR, data);
	},
	error(...data) {
		printArgs(STDERR, data);
	},
	trace(...data) {
		const holder = { name: 'Trace', message: format(data, STDERR) };
		Error.captureStackTrace(holder, members.trace);
		const at = holder.stack.search(/^ {4}at /m);
		const frames = at < 0 ? '' : `\n${ops.stackText(holder.stack.slice(at))}`;
		print(STDERR, `Trace${holder.message ? `: ${holder.message}` : ''}${frames}`);
	},
	assert(condition = false, ...data) {
		if (condition)
			return;
		if (typeof data[0] === 'string')
			data[0] = `Assertion failed: ${data[0]}`;
		else
			data.unshift(data.length ? 'Assertion failed:' : 'Assertion failed');
		printArgs(STDERR, data);
	},
	clear() {
		indent = '';
		if (ops.isTerminal(STDOUT))
			ops.write(STDOUT, '\x1b[1;1H\x1b[0J');
	},
	dir(item = undefined, options = undefined) {
		const { depth, showHidden, colors: wanted } = isObject(options) ? options : {};
		const chosen = { showHidden: !!showHidden };
		if (depth !== undefined)
			chosen.depth = depth === null ? Infinity : +depth;
		if (wanted !== undefined)
			chosen.colors = !!wanted;
		print(STDOUT, show(item, STDOUT, chosen));
	},
	dirxml(...data) {
		printArgs(STDOUT, data);
	},
	table(tabularData = undefined, properties = undefined) {
		if (!isObject(tabularData)) {
			printArgs(STDOUT, [tabularData]);
			return;
		}
		const names = properties === undefined ? null : [...properties].map(String);
		print(STDOUT, drawTable(tableOf(tabularData, names, STDOUT)));
	},
	count(name = 'default') {
		const key = label(name);
		const n = (counts.get(key) ?? 0) + 1;
		counts.set(key, n);
		print(STDOUT, `${key}: ${n}`);
	},
	countReset(name = 'default') {
		const key = label(name);
		if (!counts.delete(key))
			print(STDERR, `Warning: Count for '${key}' does not exist`);
	},
	group(...data) {
		if (data.length > 0)
			printArgs(STDOUT, data);
		indent += '  ';
	},
	groupCollapsed(...data) {
		members.group(...data);
	},
	groupEnd() {
		indent = indent.slice(2);
	},
	time(name = 'default') {
		const key = label(name);
		if (timers.has(key))
			print(STDERR, `Warning: Label '${key}' already exists for console.time()`);
		else
			timers.set(key, ops.now());
	},
	timeLog(name = 'default', ...data) {
		const key = label(name);
		const text = elapsed(key, 'timeLog');
		if (text !== null)
			printArgs(STDOUT, [`${key.replaceAll('%', '%%')}: ${text}`, ...data]);
	},
	timeEnd(name = 'default') {
		const key = label(name);
		const text = elapsed(key, 'timeEnd');
		if (text !== null)
			print(STDOUT, `${key}: ${text}`);
		timers.delete(key);
	},
};
defineGlobal('console', namespace('console', members));

// What the platform itself has to say about the user's code.
internals.complain = (what, error) => print(STDERR, `${what}: ${show(error, STDERR)}`);
