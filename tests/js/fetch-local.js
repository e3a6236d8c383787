// What fetch() does without a network; tests/integration/fetch.sh has the rest.
const said = async (...args) => {
	try {
		const r = await fetch(...args);
		return [r.status, r.type, r.headers.get('content-type'), await r.text()].join(' ');
	} catch (e) {
		return `${e.name}: ${e.message}`;
	}
};
const say = async (...args) => console.log(await said(...args));

(async () => {
	console.log(fetch.length, fetch.name); // expect: 1 fetch
	await say('data:,hi%20there'); // expect: 200 basic text/plain;charset=US-ASCII hi there
	await say('data:text/html;base64,PGI+#x'); // expect: 200 basic text/html <b>
	await say('data:;charset=x,%c3%a4'); // expect: 200 basic text/plain;charset=x ä
	console.log((await said('data:,x', { method: 'HEAD' })).endsWith('ASCII ')); // expect: true
	await say('data:x'); // expect: TypeError: fetch failed: data:x: the data: URL has no comma
	await say('data:;base64,!'); // expect: TypeError: fetch failed: data:;base64,!: the data: URL is not in base64
	await say('about:blank'); // expect: TypeError: fetch failed: about:blank: the scheme 'about' cannot be fetched
	await say('http://a:b@c/'); // expect: TypeError: Request: the URL has credentials in it: 'http://a:b@c/'
	await say(); // expect: TypeError: fetch: 1 argument required, but only 0 given
	await say('data:,x', { signal: AbortSignal.abort(new RangeError('mine')) }); // expect: RangeError: mine
	await say('data:,x', { integrity: 'sha256-LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=' }); // expect: 200 basic text/plain;charset=US-ASCII x
	await say('data:,y', { integrity: 'sha256-LXEWQrcmsEQBYnyp+6wy9chTD7GQPMTbAiWHF5IaSIE=' }); // expect: TypeError: fetch failed: data:,y: its body is not what `integrity` says
	const own = await fetch(location.href);
	console.log(own.headers.get('content-type'), (await own.text()).includes('no network')); // expect: text/javascript;charset=utf-8 true
	await say('file:///etc/passwd'); // expect: TypeError: fetch failed: file:///etc/passwd: only files in the directory of the worker's file can be fetched
	const refused = await fetch('http://127.0.0.1:1/').catch((e) => e);
	console.log(refused.name, refused.cause.code); // expect: TypeError ECONNREFUSED
	Promise.prototype.then = null;
	await say('data:,still'); // expect: 200 basic text/plain;charset=US-ASCII still
})();
