// SPDX-License-Identifier: Apache-2.0
// A script that replaces intrinsics breaks itself, not the platform.
Promise.prototype.then = () => {
	throw new Error('tampered then');
};
Function.prototype.call = Function.prototype.apply = Reflect.apply = undefined;
Promise.resolve = Promise.reject = undefined;
globalThis.Uint8Array = globalThis.Error = globalThis.Map = undefined;
const r = new ReadableStream({ start(c) {
	c.enqueue('chunk');
	c.close();
} }).getReader();
(async () => {
	const { value } = await r.read();
	console.log(value);
	console.log(await new Response('body').text());
})();
setTimeout(() => console.log('timer'), 20);
// expect: chunk
// expect: body
// expect: timer
