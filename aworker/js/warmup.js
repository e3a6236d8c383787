// SPDX-License-Identifier: Apache-2.0
// In a seed, before the fork point: every path that a first request usually takes is run often
// enough to be compiled. Negative ids are no requests, so C does nothing for them. Nothing remains.
'use strict';

const ROUNDS = 40;
const HEADERS = 'Host\0localhost\0User-Agent\0warm-up\0Accept\0*/*\0Content-Type\0application/json\0';
const ORIGIN_LENGTH = 'http://localhost:8080'.length;

function answers(request) {
	const url = new URL(request.url);
	const encoded = new TextEncoder().encode(`${url.pathname}${url.searchParams.get('q')}`);
	const text = new TextDecoder().decode(encoded);
	const headers = new Headers({ 'x-warm': 'up', 'content-type': 'text/html' });
	headers.append('x-warm', text.slice(0, 4));
	const chunks = new ReadableStream({
		pull(controller) {
			controller.enqueue(encoded);
			controller.close();
		},
	});
	return [
		new Response(text),
		Response.json({ url: request.url, headers: [...request.headers] }),
		new Response(encoded, { status: 201, headers }),
		new Response(chunks, { headers: { 'content-type': 'text/plain' } }),
		new Response(null, { status: 204 }),
	];
}

// Streams and bodies once through their ends; failures would be ours and show up as rejections.
async function drain(request) {
	const upper = new TransformStream({
		transform(chunk, controller) {
			controller.enqueue(chunk.toUpperCase());
		},
	});
	const body = new Response('warm up').body.pipeThrough(new TextDecoderStream())
		.pipeThrough(upper).pipeThrough(new TextEncoderStream());
	await new Response(body).text();
	await request.text();
	await new Response('{"a":[1,2,3]}').json();
	await new Response('bytes').arrayBuffer();
	for await (const chunk of new Response('chunks').body)
		void chunk;
	return new Response('done');
}

function others() {
	const controller = new AbortController();
	controller.signal.addEventListener('abort', () => {}, { once: true });
	controller.abort();
	structuredClone({ list: [1, { deep: new Map([['k', new Date(0)]]) }] });
	internals.inspect({ a: 1, b: ['text', null], e: new Error('warm') });
	atob(btoa('warm up'));
	crypto.randomUUID();
	new URLSearchParams({ a: '1', b: '\u00e4' }).toString();
}

// What is compiled when it is called first: once is enough, and all copies share it.
async function seldom() {
	const { subtle } = crypto;
	const key = await subtle.importKey('raw', new Uint8Array(32),
		{ name: 'HMAC', hash: 'SHA-256' }, false, ['sign', 'verify']);
	await subtle.verify('HMAC', key, await subtle.sign('HMAC', key, await subtle.digest('SHA-256',
		new Uint8Array(1))), new Uint8Array(1));
	const form = new FormData();
	form.append('name', 'value');
	form.append('file', new File(['warm'], 'up.txt', { type: 'text/plain' }));
	await (await new Response(form).formData()).get('file').text();
	new URLPattern({ pathname: '/:id/*' }).exec('http://localhost/1/2');
	const zipped = new Response('warm up').body.pipeThrough(new CompressionStream('gzip'));
	await new Response(zipped.pipeThrough(new DecompressionStream('gzip'))).text();
	await (await fetch('data:text/plain,warm')).text();
	AbortSignal.any([new AbortController().signal]);
	performance.mark('warm up');
	performance.measure('warmed up', 'warm up');
	performance.clearMarks('warm up');
	performance.clearMeasures('warmed up');
	new AsyncLocalStorage().run(1, () => new Blob(['warm']).stream());
}

let id = -1;

function request(handler, method) {
	internals.withHandler(handler,
		() => internals.httpRequest(id--, method, 'http://localhost:8080/warm/up?q=1',
			ORIGIN_LENGTH, HEADERS, method === 'POST'));
}

function byListener() {
	const listener = (event) => event.respondWith(new Response(event.request.url));
	addEventListener('fetch', listener);
	internals.httpRequest(id--, 'GET', 'http://localhost:8080/warm/up?q=2', ORIGIN_LENGTH, HEADERS,
		false);
	removeEventListener('fetch', listener);
}

internals.warmUp = () => {
	internals.installWasmStreaming();
	seldom();
	for (let i = 0; i < ROUNDS; i++) {
		request((r) => answers(r)[i % 5], 'GET');
		request(async (r) => answers(r)[i % 5], 'POST');
		request(drain, 'POST');
		byListener();
		others();
	}
};
