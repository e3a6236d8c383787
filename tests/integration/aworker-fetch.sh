#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# From a socket through the platform's JavaScript and back: both styles of handler, bodies in both
# directions, errors, clients that leave, work that goes on after the response.
# shellcheck source=tests/integration/lib-aworker.sh
. "$(dirname "$0")/lib-aworker.sh"
needs curl socat

cat >"$TMP/events.js" <<'JS'
const text = new TextEncoder();
const routes = {
	'/': () => new Response('hello'),
	'/echo': (r) => new Response(r.body, { status: 201, headers: { 'x-method': r.method } }),
	'/json': async (r) => Response.json({ got: await r.json(), type: r.headers.get('content-type') }),
	'/form': async (r) => new Response(await (await r.formData()).get('f').text()),
	'/stream': () => {
		let n = 0;
		return new Response(new ReadableStream({ async pull(c) {
			await new Promise((resolve) => setTimeout(resolve, 1));
			if (n++ < 3)
				c.enqueue(text.encode(`${n};`));
			else
				c.close();
		} }));
	},
	'/broken': () => new Response(new ReadableStream({ pull() {
		throw new Error('the stream broke');
	} })),
	'/none': () => new Response(null, { status: 204, headers: { 'content-length': '5' } }),
	'/upload': async (r) => {
		console.log('reading');
		return new Response((await r.arrayBuffer()).byteLength);
	},
	'/reject': () => Promise.reject(new TypeError('rejected')),
	'/text': () => 'no response',
	'/leave': (r) => {
		r.signal.onabort = () => console.log('left', r.signal.reason.name);
		console.log('waiting');
		return new Promise(() => {});
	},
	'/patient': async (r) => {
		await new Promise((resolve) => r.signal.addEventListener('abort', resolve));
		return new Response(`still ${r.signal.aborted}`);
	},
	'/gives-up': (r) => new Promise((resolve, reject) => {
		r.signal.onabort = () => reject(r.signal.reason);
	}),
	'/beat': (r) => {
		let timer;
		r.signal.onabort = () => console.log('beat aborted');
		return new Response(new ReadableStream({ start(c) {
			timer = setInterval(() => c.enqueue(text.encode('.')), 5);
		}, cancel() {
			clearInterval(timer);
			console.log('beat cancelled');
		} }));
	},
	'/slow': () => {
		let n = 0;
		return new Response(new ReadableStream({ pull(c) {
			c.enqueue(new Uint8Array(65536));
			n++;
		}, cancel() {
			console.log('cancelled', n < 1000);
		} }));
	},
};
addEventListener('fetch', (event) => {
	const { pathname } = new URL(event.request.url);
	if (pathname === '/throw')
		throw new RangeError('thrown');
	if (pathname === '/after')
		event.waitUntil(new Promise((r) => setTimeout(r, 5)).then(() => console.log('after')));
	const route = routes[pathname === '/after' ? '/' : pathname];
	if (route)
		event.respondWith(route(event.request));
});
JS
ANSWER=42 serve "$TMP/events.js"
check hello hello "$(get http://h/)"
check head '5' "$(get -I http://h/ | tr -d '\r' | sed -n 's/^Content-Length: //p')"
check echo 'data 201' "$(get -d data -w ' %{http_code}' http://h/echo)"
check chunked 'data' "$(get -H 'Transfer-Encoding: chunked' -d data http://h/echo)"
check json '{"got":{"a":1},"type":"application/json"}' \
	"$(get -H 'Content-Type: application/json' -d '{"a":1}' http://h/json)"
check 'bad json' 500 "$(get -o /dev/null -w '%{http_code}' -d '{' http://h/json)"
printf 'content of a file' >"$TMP/file"
check form 'content of a file' "$(get -F "f=@$TMP/file" http://h/form)"
check stream '1;2;3;' "$(get http://h/stream)"
check 'no content' ' 204' "$(get -w ' %{http_code}' http://h/none)"
check 'no length of no content' 0 "$(get -I http://h/none | grep -ci '^content-length')"
head -c 5000000 /dev/urandom >"$TMP/big"
get -T "$TMP/big" http://h/echo >"$TMP/back"
check 'big body' 0 "$(cmp "$TMP/big" "$TMP/back" >&2; echo $?)"
check 'broken stream' cut "$(get http://h/broken >/dev/null || echo cut)"
for path in throw reject text missing; do
	check "$path" 500 "$(get -o /dev/null -w '%{http_code}' "http://h/$path")"
done
# leaves FILE TEXT ARG...: a client, curl, goes away once the text is in $TMP/FILE; what it gets is in
# $TMP/got.
leaves() {
	local file=$1 text=$2 client

	shift 2
	rm -f "$TMP/got"
	curl -sS "$@" >"$TMP/got" &
	client=$!
	said "$file" "$text"
	kill $client
	wait $client
}
# A reader this slow must slow the handler down, too.
leaves got '' --limit-rate 100k --unix-socket "$TMP/sock" http://h/slow
said out 'cancelled true'
leaves out waiting --unix-socket "$TMP/sock" http://h/leave
said out 'left AbortError'
check waitUntil hello "$(get http://h/after)"
said out after
check 'still there' hello "$(get http://h/)"
for text in 'RangeError: thrown' 'TypeError: rejected' 'gave no Response' 'the stream broke' \
	'called respondWith()' 'events.js:'; do
	check "report of $text" 0 "$(grep -qF "$text" "$TMP/err"; echo $?)"
done
stop

cat >"$TMP/module.js" <<'JS'
export default {
	name: 'this',
	async fetch(request, env, ctx) {
		if (request.url.endsWith('/throw'))
			throw new Error('thrown');
		ctx.waitUntil(Promise.reject(new Error('waited for')));
		return new Response(`${this.name} ${env.ANSWER} ${request.headers.get('x-a')}`);
	},
};
JS
# Over TCP: a client that sends no more gets its answer, one that is gone ends the stream.
launch --listen 127.0.0.1:0 "$TMP/events.js"
address=$(listening)
ask() { # path: on a connection that is half closed behind the request
	printf 'GET %s HTTP/1.1\r\nHost: h\r\n\r\n' "$1" |
		timeout 30 socat -t 30 - "TCP:$address" | tr -d '\r'
}
check 'half closed' 'still true' "$(ask /patient | tail -n 1)"
check 'gives up' 'HTTP/1.1 500 Internal Server Error' "$(ask /gives-up | head -n 1)"
check 'no report' '' "$(grep -F Uncaught "$TMP/err")"
# Who breaks off an upload gives nobody anything to report.
{
	printf 'POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc'
	said out reading
} | timeout 30 socat -t 0 - "TCP:$address" >/dev/null
check 'another request' 'HTTP/1.1 500 Internal Server Error' "$(ask /gives-up | head -n 1)"
check 'no report of an upload' '' "$(grep -F Uncaught "$TMP/err")"
leaves got . --no-buffer "http://$address/beat"
said out 'beat aborted'
said out 'beat cancelled'
leaves out waiting "http://$address/leave"
said out 'left AbortError'
stop

ANSWER=42 serve "$TMP/module.js"
check module 'this 42 b, c' "$(get -H 'X-A: b' -H 'x-a: c' http://h/)"
check 'module throws' 500 "$(get -o /dev/null -w '%{http_code}' http://h/throw)"
said err 'waited for'
check 'module still there' 'this 42 null' "$(get http://h/)"
stop

verdict
