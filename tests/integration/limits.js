// SPDX-License-Identifier: Apache-2.0
// A worker that goes beyond each of its limits when it is asked to; see limits.sh.
console.log('initialises');

const bytes = (text) => Uint8Array.from(text.match(/../g), (digits) => parseInt(digits, 16));
// One function, exported as f, of type () -> (); its body is in hexadecimal digits.
const wasm = (body) => {
	const n = (length) => length.toString(16).padStart(2, '0');
	const size = body.length / 2 + 1;
	return new WebAssembly.Instance(new WebAssembly.Module(bytes(
		`0061736d0100000001040160000003020100070501016600000a${n(size + 2)}01${n(size)}00${body}`
	))).exports.f;
};
const error = (f) => {
	try {
		return f();
	} catch (e) {
		return e.name;
	}
};
const nested = (depth) => {
	let value = [];
	while (depth-- > 0)
		value = [value];
	return value;
};

const kept = [];
const cases = {
	heap() {
		for (;;)
			kept.push(new Array(100).fill(kept.length));
	},
	promises() {
		const more = async () => {
			await null;
			kept.push(more(), more());
		};
		return more().then(() => new Promise(() => {}));
	},
	wasm() {
		for (;;)
			kept.push(new WebAssembly.Memory({ initial: 200 }));
	},
	loop() {
		for (;;);
	},
	microtasks() {
		return new Promise(() => {
			const again = () => void Promise.resolve().then(again);
			again();
		});
	},
	regexp: () => /^(a+)+$/.test(`${'a'.repeat(40)}b`),
	'wasm-loop': () => wasm('03400c000b0b')(),
	finally() {
		try {
			for (;;);
		} finally {
			for (;;);
		}
	},
	// In V8's C++, which nothing interrupts.
	native: () => 'a'.repeat(1e7).lastIndexOf(`${'a'.repeat(1e5)}b`),
	tasks: () => new Promise(() => setInterval(() => {
		for (const until = performance.now() + 5; performance.now() < until;);
	}, 0)),
	refused: () => [
		error(() => new ArrayBuffer(65 << 20)),
		error(() => {
			for (;;)
				kept.push(new Uint8Array(4 << 20));
		}),
		kept.splice(0).length > 10,
		error(() => new WebAssembly.Memory({ initial: 1025 })),
		error(() => new WebAssembly.Memory({ initial: 1 }).grow(1024)),
		error(function deep() {
			deep();
		}),
		error(wasm('10000b')),
		error(() => JSON.parse('['.repeat(1e5) + ']'.repeat(1e5), (key, value) => value)),
		error(() => JSON.stringify(nested(1e5))),
		error(() => structuredClone(nested(1e5))),
		error(() => new RegExp('(?:a|b)*c').test('ab'.repeat(5e6))),
	].join(' '),
	depth() {
		let n = 0;
		const deep = () => {
			n++;
			deep();
		};

		error(deep);
		return n;
	},
	// More than the limit, of which it keeps nothing.
	async upload(body) {
		let n = 0;

		for await (const piece of body)
			n += piece.length;
		return n;
	},
	fine: () => 'fine',
};

addEventListener('fetch', (event) => event.respondWith((async () => {
	const name = new URL(event.request.url).pathname.slice(1);
	return new Response(String(await cases[name](event.request.body)));
})()));
