#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# From a socket through the platform's JavaScript and back: both styles of handler, bodies in both
# directions, errors, clients that leave, work that goes on after the response.
set -u

dir=$(mktemp -d) || exit 1
pid=
failed=0 passed=0
trap '[ -z "$pid" ] || kill "$pid"; rm -rf "$dir"' EXIT

check() { # name wanted got
	if [ "$2" = "$3" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf 'FAILED %s\nwanted: %s\ngot:    %s\n' "$1" "$2" "$3"
	fi
}

start() { # script
	rm -f "$dir/socket"
	ANSWER=42 "$B/aworker" --listen "unix:$dir/socket" "$1" >"$dir/out" 2>"$dir/err" &
	pid=$!
	waits=0
	while [ ! -S "$dir/socket" ]; do
		waits=$((waits + 1))
		if [ "$waits" -gt 300 ]; then
			echo "the worker does not listen"
			cat "$dir/err"
			exit 1
		fi
		sleep 0.1
	done
}

stop() {
	kill "$pid"
	wait "$pid"
	pid=
}

get() {
	curl -sS --max-time 30 --unix-socket "$dir/socket" "$@" 2>&1
}

# A text that appears in a file, sooner or later.
await() { # file text
	waits=0
	until grep -qF -- "$2" "$1"; do
		waits=$((waits + 1))
		[ "$waits" -le 100 ] || return 1
		sleep 0.1
	done
}

cat >"$dir/events.js" <<'JS'
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
start "$dir/events.js"
check hello hello "$(get http://h/)"
check head '5' "$(get -I http://h/ | tr -d '\r' | sed -n 's/^Content-Length: //p')"
check echo 'data 201' "$(get -d data -w ' %{http_code}' http://h/echo)"
check chunked 'data' "$(get -H 'Transfer-Encoding: chunked' -d data http://h/echo)"
check json '{"got":{"a":1},"type":"application/json"}' \
	"$(get -H 'Content-Type: application/json' -d '{"a":1}' http://h/json)"
check 'bad json' 500 "$(get -o /dev/null -w '%{http_code}' -d '{' http://h/json)"
printf 'content of a file' >"$dir/file"
check form 'content of a file' "$(get -F "f=@$dir/file" http://h/form)"
check stream '1;2;3;' "$(get http://h/stream)"
check 'no content' ' 204' "$(get -w ' %{http_code}' http://h/none)"
check 'no length of no content' 0 "$(get -I http://h/none | grep -ci '^content-length')"
head -c 5000000 /dev/urandom >"$dir/big"
get -T "$dir/big" http://h/echo >"$dir/back"
check 'big body' 0 "$(cmp "$dir/big" "$dir/back" >&2; echo $?)"
check 'broken stream' cut "$(get http://h/broken >/dev/null || echo cut)"
for path in throw reject text missing; do
	check "$path" 500 "$(get -o /dev/null -w '%{http_code}' "http://h/$path")"
done
# A reader this slow must slow the handler down, too.
get --max-time 1 --limit-rate 100k http://h/slow >/dev/null
check 'stream cancelled' 0 "$(await "$dir/out" 'cancelled true'; echo $?)"
get --max-time 1 http://h/leave >/dev/null
check 'signal aborted' 0 "$(await "$dir/out" 'left AbortError'; echo $?)"
check waitUntil hello "$(get http://h/after)"
check 'went on' 0 "$(await "$dir/out" after; echo $?)"
check 'still there' hello "$(get http://h/)"
for text in 'RangeError: thrown' 'TypeError: rejected' 'gave no Response' 'the stream broke' \
	'called respondWith()' 'events.js:'; do
	check "report of $text" 0 "$(grep -qF "$text" "$dir/err"; echo $?)"
done
stop

cat >"$dir/module.js" <<'JS'
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
check 'tools' 0 "$(command -v socat >/dev/null; echo $?)"
"$B/aworker" --listen 127.0.0.1:0 "$dir/events.js" >"$dir/out" 2>"$dir/err" &
pid=$!
await "$dir/err" 'listening on '
address=$(sed -n 's/.*listening on //p' "$dir/err")
ask() { # path: on a connection that is half closed behind the request
	printf 'GET %s HTTP/1.1\r\nHost: h\r\n\r\n' "$1" |
		timeout 30 socat -t 30 - "TCP:$address" | tr -d '\r'
}
check 'half closed' 'still true' "$(ask /patient | tail -n 1)"
check 'gives up' 'HTTP/1.1 500 Internal Server Error' "$(ask /gives-up | head -n 1)"
check 'no report' '' "$(grep -F Uncaught "$dir/err")"
# Who breaks off an upload gives nobody anything to report.
{
	printf 'POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nabc'
	await "$dir/out" reading
} | timeout 30 socat -t 0 - "TCP:$address" >/dev/null
check 'another request' 'HTTP/1.1 500 Internal Server Error' "$(ask /gives-up | head -n 1)"
check 'no report of an upload' '' "$(grep -F Uncaught "$dir/err")"
curl -sS --max-time 1 "http://$address/beat" >/dev/null 2>&1
check 'beat aborted' 0 "$(await "$dir/out" 'beat aborted'; echo $?)"
check 'beat cancelled' 0 "$(await "$dir/out" 'beat cancelled'; echo $?)"
curl -sS --max-time 1 "http://$address/leave" >/dev/null 2>&1
check 'TCP signal' 0 "$(await "$dir/out" 'left AbortError'; echo $?)"
stop

start "$dir/module.js"
check module 'this 42 b, c' "$(get -H 'X-A: b' -H 'x-a: c' http://h/)"
check 'module throws' 500 "$(get -o /dev/null -w '%{http_code}' http://h/throw)"
check 'waitUntil rejects' 0 "$(await "$dir/err" 'waited for'; echo $?)"
check 'module still there' 'this 42 null' "$(get http://h/)"
stop

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
