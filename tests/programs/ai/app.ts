// SPDX-License-Identifier: Apache-2.0
// The server's half of a chat, of which the browser reads the stream.
import { createOpenAI } from '@ai-sdk/openai';
import { convertToModelMessages, generateText, smoothStream, stepCountIs, streamObject, streamText, tool,
	type UIMessage } from 'ai';
import * as z from 'zod';

const weather = tool({
	description: 'The weather of a city',
	inputSchema: z.object({ city: z.string() }),
	execute: async ({ city }) => ({ city, degrees: 21 }),
});
const prompt = 'Weather in Köln?';

export default {
	async fetch(request: Request, env: { UPSTREAM: string }): Promise<Response> {
		const openai = createOpenAI({ baseURL: `${env.UPSTREAM}/v1`, apiKey: 'sk-local' });
		const model = openai.chat('local');
		switch (new URL(request.url).pathname) {
		case '/text': {
			const { text, finishReason } = await generateText({ model, prompt });
			return Response.json({ text, finishReason });
		}
		case '/stream':
			return streamText({ model, prompt }).toTextStreamResponse();
		case '/smooth': {
			const experimental_transform = smoothStream({ chunking: /./su, delayInMs: null });
			const parts = [];
			for await (const part of streamText({ model, prompt, experimental_transform }).textStream)
				parts.push(part);
			return Response.json(parts);
		}
		case '/chat': {
			const { messages } = await request.json() as { messages: UIMessage[] };
			const result = streamText({ model, messages: await convertToModelMessages(messages) });
			return result.toUIMessageStreamResponse({ generateMessageId: () => 'm1' });
		}
		case '/tool': { // called between two steps
			const result = streamText({ model, prompt, tools: { weather }, stopWhen: stepCountIs(3) });
			const types = [];
			for await (const { type } of result.fullStream)
				types.push(type);
			const steps = (await result.steps).map(({ text, toolResults }) => ({ text, outputs: toolResults.map((r) => r.output) }));
			return Response.json({ types, steps });
		}
		case '/object': {
			const schema = z.object({ city: z.string(), degrees: z.number() });
			const { partialObjectStream } = streamObject({ model, schema, prompt });
			const seen = [];
			for await (const partial of partialObjectStream)
				seen.push(partial);
			return Response.json(seen);
		}
		case '/abort': {
			const controller = new AbortController();
			const types = [];
			for await (const { type } of streamText({ model, prompt, abortSignal: controller.signal }).fullStream) {
				types.push(type);
				if (type === 'text-delta')
					controller.abort();
			}
			return Response.json(types.filter((type) => type !== 'text-delta'));
		}
		case '/error': {
			const wrong = createOpenAI({ baseURL: `${env.UPSTREAM}/v1`, apiKey: 'other' }).chat('local');
			return generateText({ model: wrong, prompt, maxRetries: 0 }).then(() => new Response('answered'),
				(e) => Response.json({ name: e.name, message: e.message, status: e.statusCode }, { status: 502 }));
		}
		}
		return new Response(null, { status: 404 });
	},
};
