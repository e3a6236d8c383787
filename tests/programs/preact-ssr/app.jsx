// SPDX-License-Identifier: Apache-2.0
/** @jsxImportSource preact */
import { Component, createContext, options } from 'preact';
import { Suspense, lazy } from 'preact/compat';
import { useContext, useId, useMemo, useState } from 'preact/hooks';
import { renderToString, renderToStringAsync } from 'preact-render-to-string';
import { renderToReadableStream } from 'preact-render-to-string/stream';

options.errorBoundaries = true;

const Locale = createContext('en');
const Lazy = lazy(async () => {
	await new Promise((done) => setTimeout(done, 2));
	return { default: ({ name }) => <em>{name}</em> };
});

function Prices({ of }) {
	const locale = useContext(Locale);
	const format = useMemo(() => new Intl.NumberFormat(locale, { style: 'currency', currency: 'EUR' }), [locale]);
	return <ol>{of.map((price) => <li>{format.format(price)}</li>)}</ol>;
}
class Safe extends Component {
	static getDerivedStateFromError(error) {
		return { error };
	}
	render({ children }, { error }) {
		return error ? <strong>{error.message}</strong> : children;
	}
}
function Broken() {
	throw new RangeError('out of range');
}
function Field({ label }) {
	const id = useId();
	const [value] = useState(() => `the "${label}"`);
	return <><label for={id}>{label}</label><input id={id} value={value} required /></>;
}
const Page = ({ locale }) => (
	<main class="page" style={{ color: 'red', zIndex: 3 }}>
		<Locale.Provider value={locale}><Prices of={[1, 1234.5, -0.01]} /></Locale.Provider>
		<Field label="a" /><Field label="b" />
		<svg viewBox="0 0 1 1"><path d="M0 0" stroke-width="2" /></svg>
		<Suspense fallback={<i>wait</i>}><Lazy name="lazy & late" /></Suspense>
	</main>
);

const html = (body) => new Response(body, { headers: { 'Content-Type': 'text/html; charset=utf-8' } });
const routes = {
	'/': async () => html(`<!doctype html>${await renderToStringAsync(<Page locale="en" />)}`),
	'/de': async () => html(await renderToStringAsync(<Page locale="de-DE" />)),
	'/stream': () => html(renderToReadableStream(<Page locale="fr" />)),
	'/error': () => html(renderToString(<Safe><Broken /></Safe>)),
};

export default {
	fetch: (request) => routes[new URL(request.url).pathname]?.() ?? new Response('none', { status: 404 }),
};
