// SPDX-License-Identifier: Apache-2.0
// A program that answers each of its requests once before its state is saved. esbuild puts in what
// is called 'program' and 'requests', and UPSTREAM.
import * as program from 'program';
import requests from 'requests';

// A worker that goes on from the state does not come here.
console.log('initialised');
const { default: app } = program;
const env = { UPSTREAM, SECRET: 'of the rehearsal' };

function dispatch(request) {
	return new Promise((respondWith) => {
		const event = new FetchEvent('fetch', { request });
		Object.defineProperty(event, 'respondWith', { value: respondWith });
		dispatchEvent(event);
	});
}

async function rehearse() {
	for (const { url, method, headers, body } of requests) {
		const request = new Request(`http://programs${url}`, { method, headers, body });
		const response = await (app ? app.fetch(request, env, { waitUntil() {} }) : dispatch(request));
		await response.arrayBuffer();
	}
}
addEventListener('serialize', (event) => event.waitUntil(rehearse()));

export default app;
