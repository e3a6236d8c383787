// SPDX-License-Identifier: Apache-2.0
// What a test of the Web Platform Tests expects to find around it; put in front of testharness.js.
// The driver replaces WPT_CONFIG: { href, limit, files }, files being URL paths with their text.
(() => {
	const config = WPT_CONFIG;
	const global = globalThis;
	const define = (name, value) =>
		Object.defineProperty(global, name, { value, writable: true, configurable: true });

	if (!('self' in global))
		define('self', global);
	define('GLOBAL', {
		isWindow: () => false,
		isWorker: () => true,
		isShadowRealm: () => false,
	});
	let base;
	try {
		base = global.location && new URL(config.href).href === global.location.href;
	} catch {
		base = false;
	}
	if (!base)
		define('location', new URL(config.href));

	// Small files of the tree are served from here, so that tests of other areas need no fetch().
	const given = new Map(Object.entries(config.files));
	const real = global.fetch;
	if (given.size > 0 || !base) {
		define('fetch', function fetch(input, init) {
			const url = typeof input === 'string' ? new URL(input, config.href) : null;
			if (url && given.has(url.pathname)) {
				const text = given.get(url.pathname);
				return Promise.resolve({
					ok: true,
					status: 200,
					text: async () => text,
					json: async () => JSON.parse(text),
				});
			}
			if (!real)
				return Promise.reject(new TypeError('There is no fetch() yet'));
			return real(url && !base ? url.href : input, init);
		});
	}

	const print = console.log.bind(console);
	const later = setTimeout;
	const stringify = JSON.stringify;
	const hidden = {};
	global.wptDriver = {
		config,
		later,
		say: (record) => print(`@wpt@${stringify(record)}`),
		// testharness.js judges by these where it runs, and would wait for another window's message.
		hideScope() {
			for (const name of ['ServiceWorkerGlobalScope', 'DedicatedWorkerGlobalScope',
				'WorkerGlobalScope']) {
				hidden[name] = Object.getOwnPropertyDescriptor(global, name);
				delete global[name];
			}
		},
		showScope() {
			for (const name of Object.keys(hidden))
				if (hidden[name])
					Object.defineProperty(global, name, hidden[name]);
		},
	};
	global.wptDriver.hideScope();
})();
