// SPDX-License-Identifier: Apache-2.0
import { AutoRouter, StatusError, cors, error, json, text, withContent, withCookies } from 'itty-router';

const { preflight, corsify } = cors({ origin: ['https://example.com'], credentials: true });
const todos = new Map([['1', 'bread'], ['2', 'butter']]);

const withUser = (request) => {
	const [kind, token] = request.headers.get('Authorization')?.split(' ') ?? [];
	if (kind !== 'Bearer')
		return error(401, 'no token');
	request.user = atob(token);
};

const router = AutoRouter({
	before: [preflight, withCookies],
	finally: [corsify],
	catch: (e, request) => error(e.status ?? 500, { path: new URL(request.url).pathname, error: e.message }),
});
router
	.get('/', () => text('hello'))
	.get('/todos', ({ query }) => [...todos].filter(([, what]) => what.includes(query.has ?? '')))
	.get('/todos/:id', ({ id }) => todos.get(id) ?? error(404, 'no such thing to do'))
	.post('/echo', withContent, ({ content, cookies }) =>
		json({ content: content instanceof FormData ? [...content] : content, cookies }, { status: 201 }))
	.get('/me', withUser, ({ user }) => ({ user }))
	.get('/files/:path+', ({ params, url }) => ({ ...params, url }))
	.get('/image.:format?', ({ format }) => text(format))
	.get('/throws', () => {
		throw new StatusError(409, 'in the way');
	})
	.get('/breaks', () => null.nothing);

addEventListener('fetch', (event) => event.respondWith(router.fetch(event.request)));
