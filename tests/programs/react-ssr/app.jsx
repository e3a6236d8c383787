// SPDX-License-Identifier: Apache-2.0
import { Component, Suspense, createContext, lazy, use, useContext, useId, useMemo, useReducer } from 'react';
import { renderToReadableStream, renderToString } from 'react-dom/server.edge';

const Theme = createContext('light');
const later = (value, ms) => new Promise((done) => setTimeout(done, ms, value));

// Loaded when it is first wanted, and data comes later than that: so what is streamed has an order.
let module = null;
const load = () => module ??= later({ default: () => <em>lazy</em> }, 1);
const Lazy = lazy(load);
const loadOrders = () => load().then(() => later(['a', 'b'], 20));

function Table({ rows }) {
	const sum = useMemo(() => rows.reduce((a, b) => a + b.price, 0), [rows]);
	const id = useId();
	return (
		<table id={id} className={useContext(Theme)} style={{ marginTop: 2, '--wide': '1fr' }}>
			<tbody>{rows.map((row) => <tr key={row.name}><td>{row.name}</td><td>{row.price}</td></tr>)}</tbody>
			<tfoot><tr><td colSpan={2}>{sum.toFixed(2)}</td></tr></tfoot>
		</table>
	);
}
function Orders({ data }) {
	return <ul>{use(data).map((name) => <li key={name}>{name}</li>)}</ul>;
}
class Old extends Component {
	state = { count: this.props.start + 1 };
	render() {
		return <output dangerouslySetInnerHTML={{ __html: `<i>${this.state.count}</i>` }} />;
	}
}
function Counter() {
	const [n] = useReducer((a, b) => a + b, 20, (a) => a * 2);
	return <button disabled data-n={n} onClick={() => {}}>{`<${n}>`}</button>;
}
function Broken() {
	throw new Error('of a component');
}

function Page({ theme, data, broken }) {
	const rows = Array.from({ length: 50 }, (_, i) => ({ name: `row “${i}” & more`, price: i * 1.1 }));
	return (
		<html lang="en">
			<head><title>{`Shop in ${theme}`}</title><meta name="robots" content="none" /></head>
			<body>
				<Theme value={theme}><Table rows={rows} /></Theme>
				<Counter /><Old start={1} />
				<Suspense fallback={<p>loading</p>}><Orders data={data} /></Suspense>
				<Suspense fallback="..."><Lazy /></Suspense>
				{broken && <Suspense fallback="sorry"><Broken /></Suspense>}
			</body>
		</html>
	);
}

export default {
	async fetch(request) {
		const { pathname, searchParams } = new URL(request.url);
		if (pathname === '/string')
			return new Response(renderToString(<Counter />), { headers: { 'Content-Type': 'text/html' } });
		if (pathname !== '/')
			return new Response(null, { status: 404 });
		const errors = [];
		const page = <Page theme={searchParams.get('theme') ?? 'light'} data={loadOrders()}
			broken={searchParams.has('broken')} />;
		const stream = await renderToReadableStream(page, {
			bootstrapModules: ['/client.js'],
			onError: (e) => void errors.push(e.message),
		});
		if (searchParams.has('crawler'))
			await stream.allReady;
		return new Response(stream, {
			headers: { 'Content-Type': 'text/html', 'X-Errors': errors.join() },
		});
	},
};
