// SPDX-License-Identifier: Apache-2.0
// A PNG of an SVG, drawn by Rust in WebAssembly.
import { Resvg, initWasm } from '@resvg/resvg-wasm';
import wasm from '@resvg/resvg-wasm/index_bg.wasm';

const ready = initWasm(wasm);

const badge = (color, turn) => `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 60">
	<defs>
		<linearGradient id="g"><stop stop-color="${color}"/><stop offset="1" stop-color="#fff"/></linearGradient>
		<filter id="f"><feGaussianBlur stdDeviation="2"/></filter>
		<clipPath id="c"><circle cx="30" cy="30" r="25"/></clipPath>
	</defs>
	<rect width="120" height="60" rx="12" fill="url(#g)"/>
	<g transform="rotate(${turn} 30 30)" clip-path="url(#c)"><path d="M5 5h50L30 55z" fill="tomato"/></g>
	<path d="M70 10c20 0 20 40 40 40" fill="none" stroke="navy" stroke-width="4" stroke-dasharray="6 3"/>
	<circle cx="95" cy="20" r="8" filter="url(#f)" opacity=".6"/>
</svg>`;

const size = ({ x, y, width, height }) => ({ x, y, width, height });

export default {
	async fetch(request) {
		await ready;
		const { pathname, searchParams } = new URL(request.url);
		if (pathname === '/box')
			return Response.json(size(new Resvg(badge('red', 0)).getBBox()));
		try {
			const svg = pathname === '/wrong' ? '<svg' : badge(searchParams.get('color') ?? 'red', +searchParams.get('turn'));
			const resvg = new Resvg(svg, { fitTo: { mode: 'width', value: +(searchParams.get('width') ?? 240) } });
			const image = resvg.render();
			return new Response(image.asPng(), {
				headers: { 'Content-Type': 'image/png', 'X-Size': `${image.width}x${image.height}` },
			});
		} catch (e) {
			return new Response(`${e}`, { status: 400 });
		}
	},
};
