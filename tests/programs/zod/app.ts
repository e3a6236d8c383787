// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import * as mini from 'zod/mini';

const Address = z.object({ street: z.string().trim().min(1), zip: z.string().regex(/^\d{5}$/) });
const Person = z.object({ id: z.uuid() });
const User = Person.extend({
	email: z.email().transform((text) => text.toLowerCase()),
	site: z.url().optional(),
	age: z.coerce.number().int().min(18).max(130),
	born: z.iso.date().pipe(z.coerce.date()),
	role: z.enum(['user', 'admin']).default('user'),
	tags: z.set(z.string()).or(z.array(z.string().max(5)).transform((list) => new Set(list))),
	address: Address.partial({ zip: true }),
	get friends() {
		return z.array(Person).optional();
	},
}).strict().refine((user) => user.role !== 'admin' || user.age > 20, { path: ['role'], error: 'too young' });

const Shape = z.discriminatedUnion('kind', [
	z.object({ kind: z.literal('circle'), r: z.number().positive() }),
	z.object({ kind: z.literal('square'), side: z.bigint().or(z.number()) }),
]);
const Query = z.object({
	page: z.coerce.number().catch(1),
	sort: z.templateLiteral([z.enum(['name', 'age']), ':', z.enum(['asc', 'desc'])]),
	on: z.stringbool(),
});
const Later = z.string().refine(async (name) => (await Promise.resolve(name)) !== 'taken', 'is taken');
const Small = mini.object({ a: mini.optional(mini.string()), b: mini.number().check(mini.gte(2)) });

const answer = (result: { success: boolean; data?: unknown; error?: z.core.$ZodError }) => result.success
	? Response.json(result.data, { headers: { 'X-Type': Object.prototype.toString.call(result.data) } })
	: Response.json({ tree: z.treeifyError(result.error!), pretty: z.prettifyError(result.error!) }, { status: 422 });

export default {
	async fetch(request: Request): Promise<Response> {
		const url = new URL(request.url);
		switch (url.pathname) {
		case '/user': {
			const result = User.safeParse(await request.json());
			return result.success
				? Response.json({ ...result.data, tags: [...result.data.tags] }) : answer(result);
		}
		case '/shape':
			return answer(Shape.safeParse(await request.json()));
		case '/query':
			return answer(Query.safeParse(Object.fromEntries(url.searchParams)));
		case '/later':
			return answer(await Later.safeParseAsync(await request.text()));
		case '/mini':
			return answer(Small.safeParse(await request.json()));
		case '/schema':
			return Response.json(z.toJSONSchema(User, { io: 'input', unrepresentable: 'any' }));
		}
		return new Response('no such schema', { status: 404 });
	},
};
