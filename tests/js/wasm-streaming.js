// SPDX-License-Identifier: Apache-2.0
// WebAssembly from a Response, and what there is of it.
const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 7, 7, 1, 3, 97, 100,
	100, 0, 0, 10, 9, 1, 7, 0, 32, 0, 32, 1, 106, 11]);
const response = (body = bytes, type = 'application/wasm', status = 200) =>
	new Response(body, { status, headers: type === null ? {} : { 'content-type': type } });
const failure = (promise) => promise.then(() => 'nothing', (e) => `${e.name}`);

(async () => {
	const module = await WebAssembly.compileStreaming(response());
	console.log(module instanceof WebAssembly.Module, new WebAssembly.Instance(module).exports.add(2, 3)); // expect: true 5
	const made = await WebAssembly.instantiateStreaming(Promise.resolve(response(bytes, ' Application/WASM\t')), {});
	console.log(made.instance.exports.add(4, 5), made.module instanceof WebAssembly.Module); // expect: 9 true
	const chunks = new ReadableStream({
		start(controller) {
			controller.enqueue(bytes.slice(0, 10));
			controller.enqueue(bytes.slice(10));
			controller.close();
		},
	});
	console.log((await WebAssembly.instantiateStreaming(response(chunks))).instance.exports.add(1, 1)); // expect: 2
	const compile = (source) => failure(WebAssembly.compileStreaming(source));
	console.log(await compile(), await compile(bytes), await compile(response(bytes, null)), await compile(response(bytes, 'application/wasm;')), await compile(response(bytes, 'text/plain'))); // expect: TypeError TypeError TypeError TypeError TypeError
	console.log(await compile(response(bytes, 'application/wasm', 404)), await compile(Response.error()), await compile(Promise.reject(new RangeError()))); // expect: TypeError TypeError RangeError
	console.log(await compile(response(bytes.slice(0, 9))), await compile(response(null))); // expect: CompileError CompileError
	const read = response();
	await read.text();
	console.log(await compile(read), await failure(WebAssembly.instantiateStreaming(response(), 5))); // expect: TypeError TypeError
	console.log(WebAssembly.compileStreaming.length, WebAssembly.instantiateStreaming.length); // expect: 1 1
	console.log(typeof WebAssembly.Tag, typeof WebAssembly.Exception, typeof WebAssembly.JSTag); // expect: function function undefined
})();
