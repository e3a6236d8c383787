// SPDX-License-Identifier: Apache-2.0
// The worker that Chromium's DevTools look at.
class Findable {}
globalThis.held = [new Findable()];

function add(a, b) {
	const sum = a + b; // here
	return sum;
}

globalThis.spin = function spin(ms) {
	let n = 0;
	for (const end = Date.now() + ms; Date.now() < end;)
		n++;
	return n;
};

addEventListener('fetch', (event) => {
	const sum = add(2, 3);
	console.log('the sum is', sum);
	event.respondWith(new Response(String(sum)));
});
