// SPDX-License-Identifier: Apache-2.0
// A router, and a client of it in the same worker, so that both halves of the library run.
import { createTRPCClient, httpBatchStreamLink, httpLink, splitLink } from '@trpc/client';
import { TRPCError, initTRPC, tracked } from '@trpc/server';
import { fetchRequestHandler } from '@trpc/server/adapters/fetch';
import superjson from 'superjson';
import * as z from 'zod';

const t = initTRPC.context<{ user: string | null }>().create({ transformer: superjson, isDev: false });
const mine = t.procedure.use(({ ctx, next }) => {
	if (!ctx.user)
		throw new TRPCError({ code: 'UNAUTHORIZED', message: 'who are you' });
	return next({ ctx: { user: ctx.user } });
});
const router = t.router({
	hello: t.procedure.input(z.object({ name: z.string() })).query(({ input }) => `hello ${input.name}`),
	kinds: t.procedure.query(() => ({ date: new Date(0), map: new Map([['a', new Set([1n, 2n])]]), none: undefined,
		not: NaN, re: /a+/gi, url: new URL('https://h/ü'), error: new RangeError('far') })),
	me: mine.query(({ ctx }) => ctx.user),
	nested: t.router({ add: t.procedure.input(z.tuple([z.number(), z.number()])).mutation(({ input: [a, b] }) => a + b) }),
	numbers: t.procedure.input(z.number()).query(async function* ({ input }) {
		for (let n = 0; n < input; n++)
			yield await new Promise<number>((done) => setTimeout(done, 1, n));
	}),
	form: t.procedure.input(z.instanceof(FormData)).mutation(({ input }) => [...input.keys()]),
	ticks: t.procedure.subscription(async function* () {
		for (let n = 0; n < 3; n++)
			yield tracked(`${n}`, { n });
	}),
});
type Router = typeof router;

const serve = (req: Request) => fetchRequestHandler({
	endpoint: '/trpc', req, router,
	createContext: ({ req }) => ({ user: req.headers.get('X-User') }),
	onError: () => {},
});

async function client() {
	const options = { url: 'http://self/trpc', transformer: superjson, headers: { 'X-User': 'who' },
		fetch: (url: string | URL | Request, init?: RequestInit) => serve(new Request(url as string, init)) };
	const trpc = createTRPCClient<Router>({ links: [splitLink({
		condition: (op) => op.input instanceof FormData,
		true: httpLink(options),
		false: httpBatchStreamLink(options as never),
	})] });
	const form = new FormData();
	form.append('a', new Blob(['x']));
	const [hello, kinds, me, add, error] = await Promise.all([
		trpc.hello.query({ name: 'you' }), trpc.kinds.query(), trpc.me.query(), trpc.nested.add.mutate([1, 2]),
		trpc.hello.query({ name: 1 } as never).catch((e) => [e.name, e.data.code]),
	]);
	const numbers = [];
	for await (const n of await trpc.numbers.query(4))
		numbers.push(n);
	return { hello, kinds: [kinds.date.getTime(), [...kinds.map.get('a')!].map(String), 'none' in kinds, kinds.not,
		kinds.re.source, kinds.url.href, kinds.error.message], me, add, error, numbers,
		form: await trpc.form.mutate(form) };
}

export default {
	async fetch(request: Request) {
		const { pathname } = new URL(request.url);
		if (pathname === '/client')
			return Response.json(await client());
		return pathname.startsWith('/trpc/') ? serve(request) : new Response('none', { status: 404 });
	},
};
