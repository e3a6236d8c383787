// SPDX-License-Identifier: Apache-2.0
// What programs fetch from: an API like OpenAI's, keys of an issuer of tokens, an API like
// Stripe's, and a bucket that wants signed requests. It runs in a worker of its own.
const words = ['In ', 'Köln ', 'it ', 'is ', '21 ', '°C ', '☀️ '];
const base = { id: 'c1', object: 'chat.completion', created: 1e9, model: 'local' };
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const json = (value, status = 200, headers = {}) => Response.json(value, { status, headers });

// --- chat completions ---

const chunk = (delta, finish_reason = null) =>
	`data: ${JSON.stringify({ ...base, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason }] })}\n\n`;

const call = (piece) => chunk({ tool_calls: [{ index: 0, ...piece }] });
const toolCall = () => call({ id: 'call_1', type: 'function', function: { name: 'weather', arguments: '' } })
	+ call({ function: { arguments: '{"city": "Kö' } }) + call({ function: { arguments: 'ln"}' } }) + chunk({}, 'tool_calls');
const said = (parts) => parts.map((content) => chunk({ content })).join('') + chunk({}, 'stop');

// Events of which some arrive in two pieces, cut within a character, and some two at once.
function events(answer) {
	const text = `: a comment\n\n${chunk({ role: 'assistant', content: '' })}${answer}data: [DONE]\n\n`;
	const bytes = new TextEncoder().encode(text);
	let at = 0;
	return new ReadableStream({
		async pull(controller) {
			await pause(1);
			controller.enqueue(bytes.slice(at, at += 211));
			if (at >= bytes.length)
				controller.close();
		},
	});
}

async function chat(request) {
	const asked = await request.json();
	if (request.headers.get('Authorization') !== 'Bearer sk-local' || !asked.messages.length)
		return json({ error: { message: 'who are you' } }, 401);
	if (asked.stream) {
		const answer = asked.tools && asked.messages.at(-1).role !== 'tool' ? toolCall()
			: said(asked.response_format ? ['{"city": "Kö', 'ln", "degrees"', ': 21}'] : words);
		return new Response(events(answer), { headers: { 'Content-Type': 'text/event-stream' } });
	}
	const content = asked.response_format ? '{"city": "Köln", "degrees": 21}' : words.join('').trim();
	return json({ ...base, usage: { total_tokens: 9 },
		choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content, refusal: null } }] });
}

async function upload(request) {
	const form = await request.formData();
	const file = form.get('file');
	return json({ id: 'f1', filename: file.name, bytes: file.size, purpose: form.get('purpose') });
}

const tries = new Map();
async function model(name, signal) {
	if (name === 'slow') // until nobody waits any more
		await new Promise((done) => signal.addEventListener('abort', done));
	if (!name.startsWith('busy'))
		return json({ error: { message: 'no such model' } }, 404);
	tries.set(name, (tries.get(name) ?? 0) + 1);
	return tries.get(name) < 3 ? json({ error: { message: 'busy' } }, 429, { 'Retry-After-Ms': '1' })
		: json({ object: 'model', tries: tries.get(name) });
}

// --- tokens ---

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const keys = crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
const base64url = (data) => btoa(String.fromCharCode(...new Uint8Array(data)))
	.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
async function token() {
	const parts = [{ alg: 'ES256', kid: 'k1' }, { sub: 'who', iss: 'upstream' }];
	const signed = parts.map((part) => base64url(new TextEncoder().encode(JSON.stringify(part)))).join('.');
	const { privateKey } = await keys;
	const signature = await crypto.subtle.sign(algorithm, privateKey, new TextEncoder().encode(signed));
	return new Response(`${signed}.${base64url(signature)}`);
}
async function jwks() {
	const key = await crypto.subtle.exportKey('jwk', (await keys).publicKey);
	return json({ keys: [{ ...key, kid: 'k1', alg: 'ES256', use: 'sig' }] });
}

// --- customers, by pages ---

async function customers(request, url) {
	const sent = Object.fromEntries(new URLSearchParams(await request.text()));
	if (request.method === 'POST')
		return json({ id: 'cus_1', object: 'customer', sent, key: request.headers.get('Idempotency-Key') });
	const first = url.searchParams.get('starting_after') ? 3 : 1;
	return json({ object: 'list', url: '/v1/customers', has_more: first === 1,
		data: [first, first + 1].map((n) => ({ id: `cus_${n}`, object: 'customer' })) });
}
const declined = () => json({ error: { type: 'card_error', code: 'card_declined', message: 'Declined.' } }, 402,
	{ 'Request-Id': 'req_1' });

// --- a bucket ---

const bucket = new Map();
async function object(request, url) {
	const [, credential, signed] = /Credential=([^,]*), SignedHeaders=([^,]*), Signature=[0-9a-f]{64}$/
		.exec(request.headers.get('Authorization') ?? '') ?? [];
	if (!credential && !url.searchParams.get('X-Amz-Signature'))
		return new Response('<Error><Code>AccessDenied</Code></Error>', { status: 403 });
	if (request.method === 'PUT') {
		bucket.set(url.pathname, await request.bytes());
		return new Response(null, { headers: { ETag: '"e"', 'X-Signed': signed } });
	}
	const bytes = bucket.get(url.pathname);
	return bytes ? new Response(bytes) : new Response('<Error><Code>NoSuchKey</Code></Error>', { status: 404 });
}

export default {
	fetch(request) {
		const url = new URL(request.url);
		switch (url.pathname) {
		case '/v1/chat/completions': return chat(request);
		case '/v1/files': return upload(request);
		case '/v1/models': return json({ object: 'list', data: [{ id: 'local' }, { id: 'other' }] });
		case '/v1/customers': return customers(request, url);
		case '/v1/payment_intents': return declined();
		case '/token': return token();
		case '/jwks.json': return jwks();
		}
		if (url.pathname.startsWith('/v1/models/'))
			return model(url.pathname.slice('/v1/models/'.length), request.signal);
		return object(request, url);
	},
};
