// SPDX-License-Identifier: Apache-2.0
import OpenAI, { toFile } from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import * as z from 'zod';

const Weather = z.object({ city: z.string(), degrees: z.number() });
const messages = [{ role: 'user' as const, content: 'Weather in Köln?' }];
const model = 'local';

export default {
	async fetch(request: Request, env: { UPSTREAM: string }): Promise<Response> {
		const client = new OpenAI({ baseURL: `${env.UPSTREAM}/v1`, apiKey: 'sk-local', maxRetries: 2 });
		switch (new URL(request.url).pathname) {
		case '/chat': {
			const { choices, usage } = await client.chat.completions.create({ model, messages });
			return Response.json({ text: choices[0].message.content, usage });
		}
		case '/stream': { // handed on as it comes
			const stream = await client.chat.completions.create({ model, messages, stream: true });
			const { readable, writable } = new TransformStream<string, string>();
			const writer = writable.getWriter();
			(async () => {
				for await (const chunk of stream)
					await writer.write(`[${chunk.choices[0]?.delta.content ?? ''}]`);
				await writer.close();
			})();
			return new Response(readable.pipeThrough(new TextEncoderStream()));
		}
		case '/lines': { // as the browser's half of the library reads it
			const stream = await client.chat.completions.create({ model, messages, stream: true });
			return new Response(stream.toReadableStream());
		}
		case '/break': {
			const stream = await client.chat.completions.create({ model, messages, stream: true });
			for await (const chunk of stream) {
				if (chunk.choices[0].delta.content?.includes('is'))
					break;
			}
			return new Response(`${stream.controller.signal.aborted}`);
		}
		case '/helper': {
			const stream = client.chat.completions.stream({ model, messages });
			const deltas: string[] = [];
			stream.on('content', (delta) => deltas.push(delta));
			return Response.json({ deltas, final: await stream.finalContent() });
		}
		case '/parse': {
			const response_format = zodResponseFormat(Weather, 'weather');
			const done = await client.chat.completions.parse({ model, messages, response_format });
			return Response.json(done.choices[0].message.parsed);
		}
		case '/upload': {
			const file = await toFile(new Blob(['{"a": 1}\n']), 'lines.jsonl');
			return Response.json(await client.files.create({ file, purpose: 'batch' }));
		}
		case '/models': {
			const names = [];
			for await (const { id } of client.models.list())
				names.push(id);
			return Response.json(names);
		}
		case '/retry': // refused twice
			return Response.json(await client.models.retrieve(`busy-${crypto.randomUUID()}`));
		case '/error':
			return client.models.retrieve('none').then(() => new Response('found'),
				(e) => Response.json({ name: e.constructor.name, message: e.message, status: e.status,
					api: e instanceof OpenAI.NotFoundError }, { status: 502 }));
		case '/timeout':
			return client.models.retrieve('slow', { timeout: 30, maxRetries: 0 }).then(() => new Response('found'),
				(e) => new Response(`${e instanceof OpenAI.APIConnectionTimeoutError} ${e.message}`));
		}
		return new Response(null, { status: 404 });
	},
};
