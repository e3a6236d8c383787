// SPDX-License-Identifier: Apache-2.0
// FileReader, FileReaderSync, ProgressEvent and blob: URLs.
(async () => {
	const blob = new Blob(['a\u00e9'], { type: 'text/x' });
	const read = (method, ...args) => new Promise((resolve) => {
		const r = new FileReader();
		const seen = [];
		for (const type of ['loadstart', 'progress', 'load', 'abort', 'error', 'loadend'])
			r[`on${type}`] = (e) => seen.push(`${type} ${r.readyState} ${e.loaded}/${e.total} ${r.result === null}`);
		r.addEventListener('loadend', () => resolve([r.result, seen.join(', ')]));
		r[method](...args);
	});
	const [text, events] = await read('readAsText', blob);
	console.log(text, events); // expect: aé loadstart 1 0/3 true, progress 1 3/3 true, load 2 3/3 false, loadend 2 3/3 false
	console.log((await read('readAsText', new Blob()))[1]); // expect: loadstart 1 0/0 true, load 2 0/0 false, loadend 2 0/0 false
	console.log((await read('readAsDataURL', blob))[0], (await read('readAsDataURL', new Blob()))[0]); // expect: data:text/x;base64,YcOp data:application/octet-stream;base64,
	console.log((await read('readAsBinaryString', blob))[0].length, new Uint8Array((await read('readAsArrayBuffer', blob))[0]).join()); // expect: 3 97,195,169

	// Encodings: the mark, the argument, the type, UTF-8.
	const bytes = (...b) => new Blob([new Uint8Array(b)]);
	const typed = (type, ...b) => new Blob([new Uint8Array(b)], { type });
	const sync = new FileReaderSync();
	console.log(sync.readAsText(bytes(0xff, 0xfe, 0x61, 0)), sync.readAsText(bytes(0xfe, 0xff, 0, 0x62), 'utf-8')); // expect: a b
	console.log(sync.readAsText(bytes(0xe9), 'latin1'), sync.readAsText(typed('text/plain;charset=koi8-r', 0xc1))); // expect: é а
	console.log(sync.readAsText(typed('text/plain;charset=koi8-r', 0xc1), 'none such'), sync.readAsText(bytes(0xef, 0xbb, 0xbf, 0x63))); // expect: а c
	console.log(sync.readAsDataURL(blob), sync.readAsBinaryString(bytes(255)).charCodeAt(0), sync.readAsArrayBuffer(blob).byteLength); // expect: data:text/x;base64,YcOp 255 3

	// One read at a time; abort() ends it at once, and another may follow.
	const r = new FileReader();
	r.readAsText(blob);
	const name = (fn) => {
		try {
			fn();
			return 'nothing';
		} catch (e) {
			return e.name;
		}
	};
	console.log(name(() => r.readAsText(blob)), r.readyState, r.LOADING); // expect: InvalidStateError 1 1
	const order = [];
	r.onabort = () => order.push(`abort ${r.readyState}`);
	r.onload = () => order.push(`load ${r.result}`);
	r.onloadend = () => order.push('loadend');
	r.abort();
	order.push('then');
	r.readAsText(new Blob(['second']));
	await new Promise((resolve) => r.addEventListener('load', resolve));
	await new Promise((resolve) => r.addEventListener('loadend', resolve));
	console.log(order.join(', ')); // expect: abort 2, loadend, then, load second, loadend
	r.abort();
	console.log(r.result, r.readyState, r.error, new FileReader().readyState); // expect: null 2 null 0
	// A read that begins in a listener takes the place of the last event.
	const again = new FileReader();
	const ends = [];
	again.onloadend = () => ends.push(again.result);
	again.addEventListener('load', () => again.readAsText(new Blob(['more'])), { once: true });
	again.readAsText(blob);
	await new Promise((resolve) => again.addEventListener('loadend', resolve));
	console.log(ends.join()); // expect: more
	const bad = [() => FileReader(), () => new FileReader().readAsText(), () => new FileReader().readAsText({}), () => sync.readAsText('x'),
		() => FileReader.prototype.result, () => FileReader.prototype.readAsText.call({}, blob), () => FileReaderSync.prototype.readAsText(blob),
		() => new ProgressEvent(), () => new ProgressEvent('x', { loaded: NaN })];
	bad.forEach((fn) => name(fn) === 'TypeError' || console.log('accepted', fn));
	const e = new ProgressEvent('x', { lengthComputable: 1, loaded: 1.5, total: 2, cancelable: true });
	console.log(e.lengthComputable, e.loaded, e.total, e.cancelable, e instanceof Event); // expect: true 1.5 2 true true

	const url = URL.createObjectURL(blob);
	console.log(/^blob:(null|[a-z]+:\/\/[^/]*)\/[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(url)); // expect: true
	console.log(url !== URL.createObjectURL(blob), new URL(url).origin === self.origin, URL.revokeObjectURL('blob:x')); // expect: true true undefined
	console.log(name(() => URL.createObjectURL()), name(() => URL.createObjectURL({})), name(() => URL.revokeObjectURL())); // expect: TypeError TypeError TypeError
})();
