// SPDX-License-Identifier: Apache-2.0
// One object of each kind that a worker can hold when its state is kept: how it is made, and what must
// still be true of it afterwards: [make, check, refused]. `make` runs while the file runs, `check` in
// each copy; it gives true, or what is wrong. `refused` is how a startup snapshot calls what it cannot
// keep. All of the others are made, or with --location http://k/?kind=NAME that one alone.
'use strict';

const text = (bytes) => new TextDecoder().decode(bytes);
const same = (a, b) => a === b || `${a} instead of ${b}`;
const soon = () => new Promise((done) => setTimeout(done, 1));
const wasm = () => new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]));
// A program that multiplies by two: (func (export "f") (param i32) (result i32)).
const twice = () => new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1,
	0, 0, 0, 1, 6, 1, 96, 1, 127, 1, 127, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 9, 1, 7, 0, 32, 0, 65,
	2, 108, 11])));
const hmac = { name: 'HMAC', hash: 'SHA-256' };

async function* counting() {
	for (let i = 0; ; i++)
		yield i;
}

class Private {
	#secret = 5;
	static #made = 0;

	constructor() {
		Private.#made++;
	}

	get secret() {
		return this.#secret + Private.#made;
	}
}

globalThis.kinds = {
	// --- the language ---
	'private fields': [() => new Private(), (o) => same(o.secret, 6)],
	'closure': [() => { let n = 0; return () => ++n; }, (f) => same(f(), 1)],
	'new Function': [() => new Function('a', 'return a + 1'), (f) => same(f(1), 2)],
	'Map with object keys': [() => { const key = {}; return { key, map: new Map([[key, 1], ['s', 2]]) }; },
		({ key, map }) => same(map.get(key) + map.get('s'), 3)],
	'Set': [() => new Set(['a', 1n, NaN]), (s) => s.has('a') && s.has(1n) && s.has(NaN)],
	'WeakMap': [() => { const key = {}; return { key, map: new WeakMap([[key, 1]]) }; },
		({ key, map }) => same(map.get(key), 1)],
	'WeakSet': [() => { const key = {}; return { key, set: new WeakSet([key]) }; },
		({ key, set }) => set.has(key)],
	'WeakRef': [() => { const of = { a: 1 }; return { of, ref: new WeakRef(of) }; },
		({ of, ref }) => same(ref.deref(), of)],
	'FinalizationRegistry': [() => {
		const r = new FinalizationRegistry(() => {});
		const of = {};
		r.register(of, 1, of);
		return { r, of };
	}, ({ r, of }) => r.unregister(of)],
	'Symbol': [() => ({ [Symbol.for('k')]: 1, own: Symbol('own') }),
		(o) => o[Symbol.for('k')] === 1 && same(o.own.description, 'own')],
	'BigInt': [() => 2n ** 100n, (n) => same(n, 1267650600228229401496703205376n)],
	'RegExp': [() => { const r = /(?<y>\d+)-/gu; r.exec('12-34-'); return r; },
		(r) => same(r.lastIndex, 3) && same(r.exec('12-34-').groups.y, '34')],
	'Date': [() => new Date(86400e3), (d) => same(d.toISOString(), '1970-01-02T00:00:00.000Z')],
	'typed arrays': [() => [new Float64Array([0.5]), new BigInt64Array([3n]), new Uint8ClampedArray([300])],
		([f, b, c]) => f[0] === 0.5 && b[0] === 3n && c[0] === 255],
	'large buffer': [() => new Uint8Array(3 << 20).fill(7), (b) => same(b.reduce((x, y) => x + y), 7 * (3 << 20))],
	'two views of a buffer': [() => { const b = new ArrayBuffer(8); return [new Uint8Array(b), new DataView(b)]; },
		([bytes, view]) => { view.setInt8(3, 9); return same(bytes[3], 9); }],
	'Proxy': [() => new Proxy({}, { get: (_, name) => name }), (p) => same(p.x, 'x')],
	'generator in the middle': [() => { const g = (function* () { yield 1; yield 2; })(); g.next(); return g; },
		(g) => same(g.next().value, 2)],
	'asynchronous generator in the middle': [() => { const g = counting(); g.next(); return g; },
		async (g) => same((await g.next()).value, 1)],
	'pending promise': [() => { let resolve; const p = new Promise((r) => { resolve = r; }); return { p, resolve }; },
		async ({ p, resolve }) => { resolve(4); return same(await p, 4); }],
	'Error with a stack': [() => new Error('kept', { cause: 1 }),
		(e) => e.stack.includes('kinds.js') && same(e.cause, 1)],
	'template objects': [() => { const t = (s) => s; return { t, f: () => t`a` }; }, ({ f }) => same(f(), f())],
	'asynchronous function that waits': [() => { let go; const wait = new Promise((r) => { go = r; });
		return { go, done: (async () => { await wait; return 6; })() }; },
	async ({ go, done }) => { go(); return same(await done, 6); }],

	// --- events ---
	'Event': [() => new Event('x', { cancelable: true }), (e) => same(e.type, 'x') && e.cancelable],
	'CustomEvent': [() => new CustomEvent('x', { detail: 3 }), (e) => same(e.detail, 3)],
	'EventTarget': [() => {
		const o = { target: new EventTarget(), n: 0 };
		o.target.addEventListener('x', () => o.n++, { once: true });
		return o;
	}, (o) => {
		o.target.dispatchEvent(new Event('x'));
		o.target.dispatchEvent(new Event('x'));
		return same(o.n, 1);
	}],
	'AbortController': [() => new AbortController(), (c) => {
		let why;
		c.signal.onabort = () => { why = c.signal.reason; };
		c.abort('stop');
		return same(why, 'stop');
	}],
	'aborted AbortSignal': [() => AbortSignal.abort('early'), (s) => s.aborted && same(s.reason, 'early')],
	'AbortSignal.any': [() => { const c = new AbortController(); return { c, any: AbortSignal.any([c.signal]) }; },
		({ c, any }) => { c.abort(1); return same(any.reason, 1); }],
	'AbortSignal.timeout': [() => AbortSignal.timeout(200), async (s) => {
		await new Promise((done) => s.aborted ? done() : s.addEventListener('abort', done));
		return same(s.reason.name, 'TimeoutError');
	}],
	'DOMException': [() => new DOMException('m', 'DataError'), (e) => same(`${e}`, 'DataError: m')],
	'setTimeout': [() => { const o = {}; o.done = new Promise((r) => setTimeout(r, 200, 3)); return o; },
		async (o) => same(await o.done, 3)],
	'setInterval': [() => { const o = { n: 0 }; o.id = setInterval(() => o.n++, 5); return o; }, async (o) => {
		const before = o.n;
		while (o.n === before)
			await soon();
		clearInterval(o.id);
		return true;
	}],
	'MessageChannel': [() => { const c = new MessageChannel(); c.port1.postMessage({ a: [1] }); return c; },
		async (c) => {
			const got = await new Promise((done) => { c.port2.onmessage = (e) => done(e.data); });
			c.port2.close();
			return same(got.a[0], 1);
		}],
	'BroadcastChannel': [() => [new BroadcastChannel('k'), new BroadcastChannel('k')], async ([a, b]) => {
		const got = new Promise((done) => { b.onmessage = (e) => done(e.data); });
		a.postMessage('hi');
		const data = await got;
		a.close();
		b.close();
		return same(data, 'hi');
	}],
	'AsyncLocalStorage': [() => {
		const s = new AsyncLocalStorage();
		return { s, bound: s.run(5, () => AsyncLocalStorage.snapshot()) };
	}, ({ s, bound }) => same(bound(() => s.getStore()), 5)],
	'performance entries': [() => performance.mark('kept', { detail: 1 }), (m) => same(m.detail, 1)],
	'PerformanceObserver': [() => {
		const o = { seen: [] };
		o.observer = new PerformanceObserver((list) => o.seen.push(...list.getEntries()));
		o.observer.observe({ type: 'mark' });
		return o;
	}, async (o) => {
		performance.mark('later');
		while (!o.seen.some((e) => e.name === 'later'))
			await soon();
		o.observer.disconnect();
		return true;
	}],

	// --- URLs, text, data ---
	'URL': [() => new URL('../b?x=1#h', 'http://u@h:81/a/'), (u) => {
		u.searchParams.append('y', '2');
		return same(u.href, 'http://u@h:81/b?x=1&y=2#h');
	}],
	'URLSearchParams': [() => new URLSearchParams('a=1&a=2'), (p) => same(`${p.getAll('a')}`, '1,2')],
	'URLPattern': [() => new URLPattern({ pathname: '/:id(\\d+)' }),
		(p) => same(p.exec('http://h/12').pathname.groups.id, '12')],
	'TextEncoder': [() => new TextEncoder(), (e) => same(e.encode('\u00e4').length, 2)],
	'TextDecoder in the middle': [() => { const d = new TextDecoder(); d.decode(new Uint8Array([0xe2, 0x82]), { stream: true }); return d; },
		(d) => same(d.decode(new Uint8Array([0xac])), '\u20ac')],
	'TextDecoder of Shift_JIS in the middle': [() => {
		const d = new TextDecoder('shift_jis');
		d.decode(new Uint8Array([0x82]), { stream: true });
		return d;
	}, (d) => same(d.decode(new Uint8Array([0xa0])), '\u3042')],
	'Blob': [() => new Blob(['a', new Uint8Array([98])], { type: 'text/plain' }),
		async (b) => same(await b.slice(1).text(), 'b') && same(b.type, 'text/plain')],
	'File': [() => new File(['abc'], 'f.txt', { lastModified: 5 }),
		async (f) => same(await f.text(), 'abc') && same(f.name, 'f.txt') && same(f.lastModified, 5)],
	'FileReader': [() => new FileReader(), async (r) => {
		r.readAsText(new Blob(['read']));
		await new Promise((done) => { r.onload = done; });
		return same(r.result, 'read');
	}],
	'blob: URL': [() => URL.createObjectURL(new Blob(['by url'])), async (u) => same(await (await fetch(u)).text(), 'by url')],
	'FormData': [() => { const f = new FormData(); f.append('a', 'b'); f.append('f', new File(['x'], 'n')); return f; },
		async (f) => same(f.get('a'), 'b') && same(await f.get('f').text(), 'x')],
	'structured clone': [() => structuredClone({ m: new Map([[1, new Date(5)]]), e: new RangeError('r') }),
		(o) => same(o.m.get(1).getTime(), 5) && o.e instanceof RangeError],

	// --- fetch ---
	'Headers': [() => new Headers([['a', '1'], ['A', '2'], ['set-cookie', 'x'], ['set-cookie', 'y']]),
		(h) => same(h.get('a'), '1, 2') && same(`${h.getSetCookie()}`, 'x,y')],
	'Request': [() => new Request('http://h/p', { method: 'POST', body: 'body', headers: { a: 'b' } }),
		async (r) => same(await r.clone().text(), 'body') && same(r.headers.get('a'), 'b') && same(await r.text(), 'body')],
	'Response': [() => new Response('text', { status: 201, headers: { a: 'b' } }),
		async (r) => same(await r.text(), 'text') && same(r.status, 201)],
	'Response of a stream': [() => new Response(new Blob(['streamed']).stream()), async (r) => same(await r.text(), 'streamed')],
	'Response half read': [() => {
		const r = new Response(new ReadableStream({ pull(c) { c.enqueue(new Uint8Array([65])); } }));
		const reader = r.body.getReader();
		reader.read();
		return reader;
	}, async (reader) => same(text((await reader.read()).value), 'A')],
	'Response of a data: URL': [() => { const o = {}; o.got = fetch('data:,kept'); return o; },
		async (o) => same(await (await o.got).text(), 'kept')],
	'entry of a cache': [() => caches.default.put('http://h/c', new Response('cached')),
		// State must be a process's own: what is cached is not carried along, and is not there.
		async () => { const r = await caches.default.match('http://h/c'); return r ? same(await r.text(), 'cached') : true; }],

	// --- streams ---
	'ReadableStream': [() => { let n = 0; return new ReadableStream({ pull(c) { c.enqueue(n++); } }, { highWaterMark: 3 }); },
		async (s) => { const r = s.getReader(); await r.read(); await r.read(); return same((await r.read()).value, 2); }],
	'byte stream': [() => new ReadableStream({ type: 'bytes', pull(c) { c.byobRequest.view[0] = 9; c.byobRequest.respond(1); } }),
		async (s) => same((await s.getReader({ mode: 'byob' }).read(new Uint8Array(4))).value[0], 9)],
	'WritableStream': [() => { const o = { got: [] }; o.s = new WritableStream({ write(c) { o.got.push(c); } }); return o; },
		async (o) => { await o.s.getWriter().write('w'); return same(o.got[0], 'w'); }],
	'TransformStream with a chunk inside': [() => {
		const t = new TransformStream({ transform(c, controller) { controller.enqueue(c * 2); } });
		t.writable.getWriter().write(4);
		return t;
	}, async (t) => same((await t.readable.getReader().read()).value, 8)],
	'pipe that runs': [() => {
		const o = { got: 0, controller: null };
		o.done = new ReadableStream({ start(c) { o.controller = c; } })
			.pipeThrough(new TransformStream()).pipeTo(new WritableStream({ write(c) { o.got += c; } }));
		o.controller.enqueue(1);
		return o;
	}, async (o) => { o.controller.enqueue(2); o.controller.close(); await o.done; return same(o.got, 3); }],
	'tee': [() => new Blob(['both']).stream().tee(),
		async ([a, b]) => same(await new Response(a).text(), 'both') && same(await new Response(b).text(), 'both')],
	'TextDecoderStream': [() => { const t = new TextDecoderStream(); t.writable.getWriter().write(new Uint8Array([0xe2, 0x82, 0xac])); return t; },
		async (t) => same((await t.readable.getReader().read()).value, '\u20ac')],
	'TextEncoderStream': [() => { const t = new TextEncoderStream(); t.writable.getWriter().write('x'); return t; },
		async (t) => same((await t.readable.getReader().read()).value[0], 120)],
	'CompressionStream that was not used': [() => new CompressionStream('gzip'), async (c) => {
		const packed = new Blob(['zip']).stream().pipeThrough(c);
		return same(await new Response(packed.pipeThrough(new DecompressionStream('gzip'))).text(), 'zip');
	}],

	// --- cryptography ---
	'CryptoKey of HMAC': [() => { const o = {}; o.key = crypto.subtle.importKey('raw', new Uint8Array(32), hmac, false, ['sign', 'verify']); return o; },
		async (o) => {
			const key = await o.key;
			const signed = await crypto.subtle.sign('HMAC', key, new Uint8Array(3));
			return await crypto.subtle.verify('HMAC', key, signed, new Uint8Array(3)) && same(key.extractable, false);
		}],
	'CryptoKey of AES': [() => { const o = {}; o.key = crypto.subtle.generateKey({ name: 'AES-GCM', length: 256 }, true, ['encrypt', 'decrypt']); return o; },
		async (o) => {
			const how = { name: 'AES-GCM', iv: new Uint8Array(12) };
			const sealed = await crypto.subtle.encrypt(how, await o.key, new Uint8Array([8]));
			return same(new Uint8Array(await crypto.subtle.decrypt(how, await o.key, sealed))[0], 8);
		}],
	'pair of keys of ECDSA': [() => { const o = {}; o.pair = crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, false, ['sign', 'verify']); return o; },
		async (o) => {
			const how = { name: 'ECDSA', hash: 'SHA-256' };
			const { privateKey, publicKey } = await o.pair;
			return crypto.subtle.verify(how, publicKey, await crypto.subtle.sign(how, privateKey, new Uint8Array(1)), new Uint8Array(1));
		}],
	'pair of keys of Ed25519': [() => { const o = {}; o.pair = crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify']); return o; },
		async (o) => {
			const { privateKey, publicKey } = await o.pair;
			return crypto.subtle.verify('Ed25519', publicKey, await crypto.subtle.sign('Ed25519', privateKey, new Uint8Array(1)), new Uint8Array(1));
		}],

	// --- in memory of the process, and so not in every form of state ---
	'CompressionStream in the middle': [() => { const c = new CompressionStream('gzip'); const reader = c.readable.getReader(); const writer = c.writable.getWriter(); writer.write(new Uint8Array(9)); return { chunk: reader.read(), writer }; },
		async ({ chunk, writer }) => { writer.close(); return same((await chunk).value[0], 0x1f); }, 'a CompressionStream'],
	'DecompressionStream in the middle': [() => { const d = new DecompressionStream('deflate-raw'); const reader = d.readable.getReader(); const writer = d.writable.getWriter(); writer.write(new Uint8Array([0x4b])); return { chunk: reader.read(), writer }; },
		async ({ chunk, writer }) => { writer.write(new Uint8Array([4, 0])); writer.close(); return same(text((await chunk).value), 'a'); }, 'DecompressionStream'],
	'WebAssembly.Module': [() => wasm(), (m) => same(WebAssembly.Module.exports(m).length, 0), 'WebAssembly'],
	'WebAssembly.Instance': [() => twice(), (i) => same(i.exports.f(21), 42), 'WebAssembly'],
	'function of WebAssembly': [() => twice().exports.f, (f) => same(f(4), 8), 'WebAssembly'],
	'WebAssembly.Memory': [() => { const m = new WebAssembly.Memory({ initial: 1 }); new Uint8Array(m.buffer)[5] = 6; return m; },
		(m) => same(new Uint8Array(m.buffer)[5], 6), 'WebAssembly'],
	'WebAssembly.Table': [() => new WebAssembly.Table({ initial: 2, element: 'anyfunc' }), (t) => same(t.length, 2), 'WebAssembly'],
	'WebAssembly.Global': [() => new WebAssembly.Global({ value: 'i32', mutable: true }, 3), (g) => same(g.value, 3), 'WebAssembly'],
	'Intl.NumberFormat': [() => new Intl.NumberFormat('de'), (f) => same(f.format(1.5), '1,5'), 'Intl.NumberFormat'],
	'Intl.DateTimeFormat': [() => new Intl.DateTimeFormat('en', { timeZone: 'UTC' }), (f) => same(f.format(0), '1/1/1970'), 'Intl.DateTimeFormat'],
	'Intl.Collator': [() => new Intl.Collator('de'), (c) => same(c.compare('a', 'b'), -1), 'Intl.Collator'],
	'Intl.PluralRules': [() => new Intl.PluralRules('en'), (p) => same(p.select(1), 'one'), 'Intl.PluralRules'],
	'Intl.Segmenter': [() => new Intl.Segmenter('en'), (s) => same([...s.segment('ab')].length, 2), 'Intl.Segmenter'],
	'Intl.ListFormat': [() => new Intl.ListFormat('en'), (f) => same(f.format(['a', 'b']), 'a and b'), 'Intl.ListFormat'],
	'Intl.RelativeTimeFormat': [() => new Intl.RelativeTimeFormat('en'), (f) => same(f.format(1, 'day'), 'in 1 day'), 'Intl.RelativeTimeFormat'],
	'Intl.DisplayNames': [() => new Intl.DisplayNames('en', { type: 'region' }), (d) => same(d.of('DE'), 'Germany'), 'Intl.DisplayNames'],
	'Intl.Locale': [() => new Intl.Locale('de-AT'), (l) => same(l.region, 'AT'), 'Intl.Locale'],
	'SharedArrayBuffer': [() => new Uint8Array(new SharedArrayBuffer(4)).fill(3), (b) => same(b[0], 3), 'SharedArrayBuffer'],
};

// Each process is asked once for each kind: what it holds is used up by that.
const wanted = location.protocol === 'http:' ? new URL(location.href).searchParams.get('kind') : null;
const held = {};
for (const [name, [make, , refused]] of Object.entries(kinds))
	if (wanted === null ? !refused : name === wanted)
		held[name] = make();
globalThis.held = held;

async function verdict(name) {
	try {
		const result = await kinds[name][1](held[name]);
		return result === true ? 'ok' : `${result}`;
	} catch (error) {
		return `${error.stack ?? error}`;
	}
}

addEventListener('fetch', (event) => event.respondWith((async () => {
	const lines = [];
	if (new URL(event.request.url).pathname === '/refused')
		return new Response(Object.entries(kinds).filter(([, kind]) => kind[2])
			.map(([name, kind]) => `${name}\t${kind[2]}\n`).join(''));
	for (const name of Object.keys(held))
		lines.push(`${name}\t${await verdict(name)}\n`);
	return new Response(lines.join(''));
})()));
