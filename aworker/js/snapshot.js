// SPDX-License-Identifier: Apache-2.0
// What JavaScript does when its heap becomes a startup snapshot.
'use strict';

const { ReflectApply } = internals.primordials;

// The engine has none of these meanwhile. Whoever asked whether they are there would take the answer
// along, and silently do without them for good.
const LATER = ['WebAssembly', 'SharedArrayBuffer'];

// Without it an error has no stack; it, too, is there in a context that was restored only.
const STACK_TRACE_LIMIT = 10;
let stackTraceLimit;

// Before the user's code runs.
internals.beginSnapshot = () => {
	Error.stackTraceLimit = STACK_TRACE_LIMIT;
	for (const name of LATER)
		Object.defineProperty(globalThis, name, {
			get() {
				throw new TypeError(`${name} is not there while a startup snapshot is made:`
					+ ' ask for it in a listener of "deserialize" or later');
			},
			configurable: true,
		});
};

// When it is at rest.
internals.endSnapshot = () => {
	internals.suspendTimers();
	for (const name of LATER)
		delete globalThis[name];
	({ stackTraceLimit } = Error);
	delete Error.stackTraceLimit;
};

internals.restored = () => {
	Error.stackTraceLimit = stackTraceLimit;
	internals.resumeTimers();
	internals.resumed();
};

// A method of each class of Intl that throws for what is none of its objects.
const probes = [];
for (const name of ['Collator', 'DateTimeFormat', 'DisplayNames', 'ListFormat', 'Locale',
	'NumberFormat', 'PluralRules', 'RelativeTimeFormat', 'Segmenter'])
	probes.push([name, Intl[name].prototype[name === 'Locale' ? 'toString' : 'resolvedOptions']]);

// What inherits of these may have a part outside of the heap, which no snapshot holds.
internals.nativePrototypes =
	[internals.codecPrototype, ...probes.map(([name]) => Intl[name].prototype)];

// In words, when it has; undefined when it has not.
internals.nativePart = (value) => {
	if (internals.isOpenCodec(value))
		return 'a CompressionStream or DecompressionStream that has begun and not ended';
	for (const [name, probe] of probes) {
		try {
			ReflectApply(probe, value, []);
			return `an object of Intl.${name}`;
		} catch {
			// It is none of these.
		}
	}
	return undefined;
};
