// SPDX-License-Identifier: Apache-2.0
// EventSource over data: and blob: URLs; tests/integration/event-source.sh has servers.
const name = (fn) => {
	try {
		fn();
		return 'nothing';
	} catch (e) {
		return e.name;
	}
};
console.log(EventSource.length, EventSource.CONNECTING, EventSource.OPEN, EventSource.prototype.CLOSED); // expect: 1 0 1 2
console.log(Object.getPrototypeOf(EventSource) === EventTarget, String(EventSource.prototype)); // expect: true [object EventSource]
console.log(Object.keys(EventSource.prototype).sort().join());
// expect: CLOSED,CONNECTING,OPEN,close,onerror,onmessage,onopen,readyState,url,withCredentials
console.log(name(() => EventSource('x:')), name(() => new EventSource()), name(() => new EventSource('http://[')));
// expect: TypeError TypeError SyntaxError
console.log(name(() => new EventSource('x:', 1)), name(() => EventSource.prototype.close.call({}))); // expect: TypeError TypeError

// What happens until `count` errors, as lines.
function listen(url, count, ...types) {
	return new Promise((resolve) => {
		const said = [];
		const source = new EventSource(url);
		source.onopen = (e) => said.push(`open ${source.readyState} ${e.isTrusted} ${e.bubbles}`);
		for (const type of ['message', ...types])
			source.addEventListener(type, (e) => said.push(
				`${e.type} ${JSON.stringify(e.data)} ${JSON.stringify(e.lastEventId)} ${e.origin}`));
		source.onerror = (e) => {
			said.push(`${e.type} ${source.readyState}`);
			if (--count > 0)
				return;
			source.close();
			resolve(said.join('\n'));
		};
	});
}
const stream = (...text) => URL.createObjectURL(new Blob(text, { type: 'text/event-stream' }));
const data = async (...text) => {
	const said = await listen(stream('retry:1\n', ...text), 1, 'other');
	return said.split('\n').slice(1, -1).map((line) => line.replace(/( "")? null$/, '')).join(' | ');
};

(async () => {
	console.log(await listen('data:text/event-stream;x=y,retry:1%0Adata:a%0Aid:7%0A%0Adata:b%0A%0A', 2));
	// expect: open 1 true false
	// expect: message "a" "7" null
	// expect: message "b" "7" null
	// expect: error 0
	// expect: open 1 true false
	// expect: message "a" "7" null
	// expect: message "b" "7" null
	// expect: error 0
	console.log(await data('data: a\n\ndata:b\r\rdata:c\r\n\r\ndata:d\n\r\ndata:e\r\n\n'));
	// expect: message "a" | message "b" | message "c" | message "d" | message "e"
	console.log(await data('data\n\ndata:\ndata\n\n\n\ndata:x\n:data:y\ndata:  z\ndate:no\ndata :no\nDATA:no\n\n'));
	// expect: message "" | message "\n" | message "x\n z"
	console.log(await data('event: other\ndata:1\n\ndata:2\n\nevent:other\n\ndata:3\n\nevent:\ndata:4\n\n'));
	// expect: other "1" | message "2" | message "3" | message "4"
	console.log(await data('id:1\ndata:a\n\nid:b\0\ndata:b\n\nid\ndata:c\n\nid: é\n\ndata:d\n\nid:x\ndata:lost\n'));
	// expect: message "a" "1" | message "b" "1" | message "c" | message "d" "é"
	console.log(await data('retry:9e9\nretry:-1\nretry\nretry: \nretry:00000000000000000000000000000000001\ndata:\0\n\n'));
	// expect: message "\u0000"
	console.log(await data(new Uint8Array([...'data:'].map((c) => c.charCodeAt()).concat(0xc3, 10, 0xa4, 10, 10))));
	// expect: message "�"
	const bom = '\ufeff';
	for (const parts of [[bom, 'data:1\n\n', bom, 'data:2\n\n'], [bom, bom, 'data:3\n\n'], [bom, '\ndata:4\n\n']])
		console.log(await (async () => (await listen(stream(...parts), 1)).split('\n').slice(1, -1).join())());
	// expect: message "1" "" null
	// expect:
	// expect: message "4" "" null

	for (const url of ['data:,x', 'data:text/plain,data:x%0A%0A', 'about:blank', 'mailto:a@b', 'blob:null/x', 'ftp://x/'])
		console.log(await listen(url, 1)); // expect: error 2
	// expect: error 2
	// expect: error 2
	// expect: error 2
	// expect: error 2
	// expect: error 2
	console.log(await listen('http://127.0.0.1:1/', 1)); // expect: error 0
	const long = 'x'.repeat(4096);
	console.log((await listen(stream(`retry:1\nid:${long}\ndata:\n\n`), 1)).includes(`"" "${long}"`)); // expect: true
	console.log(await listen(stream(`data:1\n\nid:${long}x\ndata:\n\n`), 1));
	// expect: open 1 true false
	// expect: message "1" "" null
	// expect: error 2
	const most = 'y'.repeat((16 << 20) - 5);
	const large = await listen(stream(`data:${most}\n\n`), 1);
	console.log(large.length, large.endsWith('error 0')); // expect: 16777255 true
	const larger = await listen(stream(`data:a\n\ndata:${most}\ndata:z\n\ndata:`, most, most), 1);
	console.log(larger.length, larger.endsWith('error 2')); // expect: 16777278 true

	// Each event is a task of its own: a promise that one settles is seen before the next.
	const three = new EventSource(stream('data:1\n\ndata:2\n\ndata:3\n\n'), { withCredentials: 1 });
	const next = () => new Promise((resolve) => (three.onmessage = (e) => resolve(e.data)));
	console.log(three.withCredentials, await next(), await next(), await next()); // expect: true 1 2 3
	three.close();
	three.close();
	console.log(three.readyState); // expect: 2

	// Nothing comes after close(), wherever it is called.
	const closed = async (when) => {
		const source = new EventSource(stream('data:1\n\ndata:2\n\n'));
		const said = [];
		const note = (e) => {
			said.push(e.type);
			if (e.type === when)
				source.close();
		};
		source.onopen = source.onmessage = source.onerror = note;
		if (when === 'now')
			source.close();
		// That one takes more tasks than this.
		await listen(stream('data:1\n\n'.repeat(5)), 1);
		return said.join();
	};
	console.log(await closed('now'), await closed('open'), await closed('message'), await closed('error'));
	// expect:  open open,message open,message,message,error

	const [entry] = performance.getEntriesByType('resource').slice(-1);
	console.log(entry.initiatorType); // expect: other
})();
