// SPDX-License-Identifier: Apache-2.0
import { Suspense, Teleport, computed, createSSRApp, defineAsyncComponent, h, inject, onServerPrefetch, provide,
	reactive, ref } from 'vue';
import { pipeToWebWritable, renderToString, renderToWebStream } from 'vue/server-renderer';

const Item = {
	props: { name: String, done: Boolean },
	setup: (props, { slots }) => () => h('li', { class: { done: props.done } }, slots.default?.(props) ?? props.name),
};
const Later = defineAsyncComponent(async () => {
	await new Promise((done) => setTimeout(done, 2));
	return { setup: () => { const who = inject('who'); return () => h('em', who.value); } };
});
const List = {
	setup() {
		const state = reactive({ items: [] });
		const open = computed(() => state.items.filter((item) => !item.done).length);
		onServerPrefetch(async () => {
			state.items = await Promise.resolve([{ name: 'a < b', done: true }, { name: 'c' }]);
		});
		return () => [
			h('ul', state.items.map((item) => h(Item, item, { default: ({ name }) => [name, ' ', h('b', '!')] }))),
			h('p', { style: { top: '1px' }, innerHTML: `<i>${open.value}</i>` }),
		];
	},
};
const App = {
	props: { who: String },
	setup(props) {
		provide('who', ref(props.who));
		return () => h('div', { id: 'app', 'data-who': props.who }, [
			h(List),
			h(Suspense, null, { default: () => h(Later), fallback: () => 'wait' }),
			h(Teleport, { to: '#modal' }, [h('dialog', 'moved')]),
			h('textarea', { value: '</textarea>' }),
		]);
	},
};

export default {
	async fetch(request) {
		const url = new URL(request.url);
		const app = createSSRApp(App, { who: url.searchParams.get('who') ?? 'nobody' });
		const headers = { 'Content-Type': 'text/html' };
		if (url.pathname === '/stream')
			return new Response(renderToWebStream(app), { headers });
		if (url.pathname === '/pipe') {
			const { readable, writable } = new TransformStream();
			pipeToWebWritable(app, {}, writable);
			return new Response(readable, { headers });
		}
		const context = {};
		const html = await renderToString(app, context);
		return new Response(`${html}<div id="modal">${context.teleports['#modal']}</div>`, { headers });
	},
};
