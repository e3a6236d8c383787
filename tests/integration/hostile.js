// SPDX-License-Identifier: Apache-2.0
// The worker of aworker-hostile.sh: /WHO/WHAT[/VALUE]. It notes every request that it sees, but for
// those of "quiet"; /quiet/seen tells and forgets them.
const MIB = 1 << 20;
const seen = [];
let produced = 0;
let through;

// Adler-32: it tells order and number, and costs next to nothing.
function digest() {
	let a = 1, b = 0, size = 0;
	return {
		add(bytes) {
			for (let i = 0; i < bytes.length;) {
				const end = Math.min(i + 3800, bytes.length);
				for (; i < end; i++) {
					a += bytes[i];
					b += a;
				}
				a %= 65521;
				b %= 65521;
			}
			size += bytes.length;
		},
		text: () => `${size} ${b * 65536 + a}`,
	};
}

async function count(stream) {
	const all = digest();
	for await (const bytes of stream)
		all.add(bytes);
	return all.text();
}

function pass(stream) {
	through = digest();
	return stream.pipeThrough(new TransformStream({
		transform(bytes, c) {
			through.add(bytes);
			c.enqueue(bytes);
		},
	}));
}

function zeros(mib) {
	let left = mib * 16;
	return new ReadableStream({
		pull(c) {
			produced += 65536;
			c.enqueue(new Uint8Array(65536));
			if (--left === 0)
				c.close();
		},
	}, { highWaterMark: 0 });
}

function bomb(format) {
	const code = { gzip: 'gzip', br: 'brotli', zstd: 'zstd' }[format];
	return new Response(zeros(256).pipeThrough(new CompressionStream(code)),
		{ headers: { 'content-encoding': format } });
}

// From a server that is this one.
async function unpack(format, port) {
	return count((await fetch(`http://127.0.0.1:${port}/quiet/bomb/${format}`)).body);
}

async function form(request) {
	const entries = [...await request.formData()];
	return Promise.all(entries.map(async ([k, v]) => [k, typeof v === 'string' ? v : await v.text()]));
}

async function body(request, note) {
	note.text += ` ${await request.text()}`;
	return new Response('read');
}

async function spin() {
	console.log('busy');
	for (;;)
		await null;
}

function match() {
	console.log('busy');
	return new Response(String(/(a+)+$/.test(`${'a'.repeat(40)}b`)));
}

function promise(many) {
	globalThis.pending = Array.from({ length: many }, () => new Promise(() => {}).then());
	return new Response('pending');
}

const answers = {
	seen: () => Response.json(seen.splice(0).map((note) => note.text)),
	hello: () => new Response('hello'),
	body: (request, value, note) => body(request, note),
	text: async (request) => new Response(await request.text()),
	json: async (request) => Response.json(await request.json()),
	form: async (request) => Response.json(await form(request)),
	header: (request) => Response.json(request.headers.get('x')),
	url: (request) => new Response(request.url),
	count: async (request) => new Response(await count(request.body)),
	through: (request) => new Response(pass(request.body)),
	passed: () => new Response(through.text()),
	stream: (request, value) => new Response(zeros(Number(value))),
	produced: () => new Response(String(produced / MIB)),
	bomb: (request, value) => bomb(value),
	unpack: async (request, value) => new Response(await unpack(...value.split('-'))),
	promises: (request, value) => promise(Number(value)),
	microtasks: spin,
	regexp: match,
};

export default {
	async fetch(request) {
		const [, who, what, value] = new URL(request.url).pathname.split('/');
		const note = { text: `${request.method} ${request.url}` };
		if (who !== 'quiet')
			seen.push(note);
		return answers[what]?.(request, value, note) ?? new Response('ignored');
	},
};
