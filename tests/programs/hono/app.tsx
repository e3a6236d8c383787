// SPDX-License-Identifier: Apache-2.0
/** @jsxImportSource hono/jsx */
import { Hono } from 'hono';
import { basicAuth } from 'hono/basic-auth';
import { bodyLimit } from 'hono/body-limit';
import { compress } from 'hono/compress';
import { getSignedCookie, setSignedCookie } from 'hono/cookie';
import { cors } from 'hono/cors';
import { etag } from 'hono/etag';
import { HTTPException } from 'hono/http-exception';
import { Suspense, renderToReadableStream } from 'hono/jsx/streaming';
import { jwt, sign } from 'hono/jwt';
import { secureHeaders } from 'hono/secure-headers';
import { streamSSE } from 'hono/streaming';
import { validator } from 'hono/validator';

type Env = { Bindings: { SECRET: string }; Variables: { jwtPayload: { sub: string } } };

const app = new Hono<Env>();
app.use('/api/*', cors({ origin: 'https://example.com', allowMethods: ['GET', 'POST'] }));
app.use('/page', secureHeaders(), etag());
app.use('/admin/*', basicAuth({ username: 'admin', password: 'pässword' }));
app.use('/me', (c, next) => jwt({ secret: c.env.SECRET, alg: 'HS256' })(c, next));
app.use('/packed', compress());

const Later = async ({ text }: { text: string }) => {
	await new Promise((done) => setTimeout(done, 2));
	return <p>{text}</p>;
};

app.get('/', (c) => c.text('hello'));
app.get('/page', (c) => c.html(
	<html>
		<body class="a">{['one', '<two>'].map((text) => <b>{text}</b>)}</body>
	</html>,
));
app.get('/stream', (c) => c.body(renderToReadableStream(
	<Suspense fallback={<p>wait</p>}>
		<Later text="here & now" />
	</Suspense>,
), { headers: { 'Content-Type': 'text/html; charset=UTF-8' } }));
app.get('/events', (c) => streamSSE(c, async (stream) => {
	for (let id = 0; id < 3; id++) {
		await stream.writeSSE({ id: `${id}`, event: 'tick', data: `line ${id}\nand another` });
		await stream.sleep(1);
	}
}));
app.get('/api/items/:id{[0-9]+}', (c) => c.json({ id: +c.req.param('id'), query: c.req.queries() }));
app.post('/api/items', validator('json', (value, c) =>
	typeof value.name === 'string' ? { name: value.name } : c.json({ error: 'no name' }, 422),
), (c) => c.json({ made: c.req.valid('json') }, 201));
app.post('/form', bodyLimit({ maxSize: 1000 }), async (c) => {
	const { tag, file } = await c.req.parseBody({ all: true });
	return c.json({ tag, file: file instanceof File && [file.name, file.type, await file.text()] });
});
app.get('/admin/', (c) => c.text('welcome'));
app.get('/token', async (c) => c.text(await sign({ sub: 'who' }, c.env.SECRET, 'HS256')));
app.get('/me', (c) => c.json(c.get('jwtPayload')));
app.get('/packed', (c) => c.text('again and '.repeat(500)));
app.get('/cookie', async (c) => {
	const seen = await getSignedCookie(c, c.env.SECRET, 'visit');
	await setSignedCookie(c, 'visit', 'first; visit', c.env.SECRET, { path: '/', httpOnly: true });
	return c.text(`${seen ?? 'none'}`);
});
app.get('/throw', () => {
	throw new HTTPException(418, { message: 'a teapot' });
});
app.notFound((c) => c.json({ missing: c.req.path }, 404));

export default app;
