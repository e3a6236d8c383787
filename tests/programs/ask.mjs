// SPDX-License-Identifier: Apache-2.0
// Gives the requests of a program to its bundle in this very Node.js, which is the reference, and
// then to workers that run the same bundle, whose answers have to be the same, byte for byte:
//   node ask.mjs REQUESTS BUNDLE WAY=ROUND=SOCKET...
// A worker in its round 2 has answered all of them once before, and is compared with a reference
// that has, too. A request says what its answer must hold besides, so that not everybody is wrong
// in the same way. Ends with the number of ways that passed and failed.
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';

const [, , file, bundle, ...ways] = process.argv;
const requests = JSON.parse(readFileSync(file, 'utf8'));
const env = { ...process.env };
const deadline = Date.now() + 30000;

// Of the connection, and what depends on when and how it is sent.
const OF_THE_WIRE = new Set(['connection', 'keep-alive', 'date', 'content-length', 'transfer-encoding']);

function answer(status, headers, body) {
	const kept = headers.map(([name, value]) => `${name.toLowerCase()}: ${value}`)
		.filter((line) => !OF_THE_WIRE.has(line.slice(0, line.indexOf(':')))).sort();
	// Who packs it chooses how: it is what is in it that counts.
	const data = kept.includes('content-encoding: gzip') ? gunzipSync(body) : body;
	return { status, head: [status, ...kept].join('\n'), data };
}

// --- the reference ---

let listener = null;
globalThis.addEventListener = (type, f) => {
	listener = f;
};
const { default: program } = await import(pathToFileURL(bundle));
const wait = { waitUntil() {} };

function handle(request) {
	if (!listener)
		return program.fetch(request, env, wait);
	return new Promise((respondWith) => listener({ request, respondWith, ...wait }));
}

async function here({ url, method = 'GET', headers, body }) {
	const sent = body === undefined ? undefined : Buffer.from(body);
	const response = await handle(new Request(`http://programs${url}`, { method, headers, body: sent }));
	return answer(response.status, [...response.headers], Buffer.from(await response.arrayBuffer()));
}

// --- workers ---

function send(socketPath, { url, method = 'GET', headers, body }) {
	return new Promise((resolve, reject) => {
		const options = { socketPath, path: url, method, headers: { Host: 'programs', ...headers } };
		const request = http.request(options, (response) => {
			const chunks = [];
			response.on('data', (chunk) => chunks.push(chunk));
			response.on('error', reject);
			response.on('end', () => {
				const { rawHeaders: raw, statusCode } = response;
				const pairs = raw.flatMap((name, i) => i % 2 ? [] : [[name, raw[i + 1]]]);
				resolve(answer(statusCode, pairs, Buffer.concat(chunks)));
			});
		});
		request.setTimeout(30000, () => request.destroy(new Error('no answer in 30 s')));
		request.on('error', reject);
		request.end(body);
	});
}

// One that is not there yet is waited for.
async function ask(socket, request) {
	for (;;) {
		try {
			return await send(socket, request);
		} catch (e) {
			if (!['ENOENT', 'ECONNREFUSED'].includes(e.code) || Date.now() > deadline)
				throw e;
			await new Promise((done) => setTimeout(done, 5));
		}
	}
}

// --- judgement ---

function complain(way, request, what) {
	console.log(`FAILED ${way}: ${request.method ?? 'GET'} ${request.url}: ${what}`);
	return false;
}
const shown = ({ head, data }) => `${head}\n\n${data.toString().slice(0, 4000)}\n`;

function fits(way, request, { status, data }) {
	if (status !== (request.status ?? 200) || !data.includes(request.has ?? ''))
		return complain(way, request, `no ${request.status ?? 200} with '${request.has ?? ''}':\n${data.toString().slice(0, 4000)}`);
	return true;
}

function same(way, request, got, want) {
	if (got.head === want.head && got.data.equals(want.data))
		return true;
	const at = got.data.findIndex((byte, i) => byte !== want.data[i]);
	return complain(way, request, `its answer is not the reference's (bytes: ${got.data.length} instead of `
		+ `${want.data.length}, the first other one at ${at})\n--- wanted\n${shown(want)}--- got\n${shown(got)}`);
}

// Whether all are as they should be, in a way: a word, and who answers.
async function judge(way, asked, judged) {
	let ok = true;
	for (const [i, request] of requests.entries()) {
		try {
			ok = judged(request, await asked(request), i) && ok;
		} catch (e) {
			ok = complain(way, request, e.stack);
		}
	}
	return ok;
}

// Round by round.
const wanted = [];
async function remember() {
	const round = [];
	wanted.push(round);
	return judge('node', here, (request, got) => round.push(got) && fits('node', request, got));
}

async function compare(word) {
	const [way, round, socket] = word.split('=');
	return judge(way, (request) => ask(socket, request),
		(request, got, i) => same(way, request, got, wanted[round - 1][i]));
}

const tally = [await remember() && await remember()];
for (const word of ways)
	tally.push(tally[0] && await compare(word));
const passed = tally.filter(Boolean).length;
console.log(`${passed} passed, ${tally.length - passed} failed`);
process.exit(passed === tally.length ? 0 : 1);
