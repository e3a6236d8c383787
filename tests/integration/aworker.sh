#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# aworker as a program: exit codes, sentences, addresses, signals, HTTP by curl.
# shellcheck source=tests/integration/lib-aworker.sh
. "$(dirname "$0")/lib-aworker.sh"
needs curl
cd "$TMP" || exit 1

# --- exit codes and sentences ---
ends 0 '' -e 'setTimeout(() => console.log("done"), 5)'
is "$(cat out)" "done"
ends 0 '' --version
ends 0 '' --help
sed '/aworker report/d' out | grep -oE -- '--[a-z0-9-]+' | sort -u >options
"$A" __complete - | sort | diff options - || fail "help and completion differ"
is "$("$A" __complete report -)" --json
ends 1 '[eval]:1:7: Error: boo' -e 'throw new Error("boo")'
ends 1 'TypeError: late' -e 'Promise.reject(new TypeError("late"))'
ends 1 'Error: timer' -e 'setTimeout(() => { throw new Error("timer"); })'
printf 'ok();\nlet x = ;\n' >bad.js
ends 1 "$TMP/bad.js:2:9: SyntaxError" bad.js
ends 2 "unknown option '--frob'" --frob
ends 2 'a file is needed'
ends 2 '--listen needs a value' --listen
ends 2 "report: 'x' is no process id" report x
ends 2 "report: '2' is too much" report 1 2
ends 2 "report: '--frob' is too much" report --frob
ends 1 'report: ask process 4194303: No such process' report 4194303
ends 2 "'70000' is no port" --listen 127.0.0.1:70000 bad.js
ends 2 "option --max-connections: '65536' is not a number from 1 to 65535" --max-connections 65536 bad.js
ends 3 "open 'none.js': No such file or directory" none.js
ends 3 'Is a directory' .
ends 1 "Cannot import 'react': it is neither a path" -e 'import "react"'
ends 5 'out of memory' --v8-options=--max-old-space-size=16 -e 'let a = []; for (;;) a.push({})'
ends 0 '' -e 'function f() { f(); } try { f(); } catch (e) { console.log(e.name); }'
is "$(cat out)" RangeError
echo 'export const v = 1;' >lib.mjs
echo 'import { v } from "./lib.mjs"; await null; console.log(v, import.meta.url);' >main.mjs
ends 0 '' main.mjs
is "$(cat out)" "1 file://$TMP/main.mjs"

# --- HTTP ---
cat >worker.js <<'JS'
async function* numbers() {
	for (let i = 0; i < 3; i++) {
		await new Promise((r) => setTimeout(r, 5));
		yield new TextEncoder().encode(`${i}\n`);
	}
}
async function appears(name) {
	while (!await fetch(new URL(name, import.meta.url)).catch(() => null))
		await new Promise((r) => setTimeout(r, 5));
}
function stream() {
	const it = numbers();
	return new ReadableStream({
		async pull(c) {
			const { done, value } = await it.next();
			if (done) c.close();
			else c.enqueue(value);
		},
	});
}
// The URL of a request is known without a parser, most often; what a parser says of it is the same.
function parts(text) {
	const u = new URL(text);
	return JSON.stringify([u.href, u.origin, u.protocol, u.username, u.host, u.hostname, u.port,
		u.pathname, u.search, u.hash, [...u.searchParams]]);
}
const parsedAlike = ({ url }) => parts(url) === parts(` ${url}`) ? parts(url)
	: `${parts(url)}, parsed ${parts(` ${url}`)}`;
let previous = { url: 'http://none/' };
export default {
	async fetch(request, env) {
		if (new URL(request.url).pathname.includes('/url')) {
			const before = previous;
			previous = request;
			return new Response(`${parsedAlike(request)}\n${parsedAlike(before)}`);
		}
		switch (new URL(request.url).pathname) {
		case '/env': return new Response(env.MARK);
		case '/slow':
			console.log('slow');
			await appears('go');
			return new Response('slow');
		case '/never': console.log('never'); return new Promise(() => {});
		case '/echo': return new Response(request.body);
		case '/size': return new Response(String((await request.arrayBuffer()).byteLength));
		case '/stream': return new Response(stream());
		case '/throw': throw new Error('handler');
		case '/nothing': return undefined;
		default: return new Response('hello');
		}
	},
};
JS
MARK=x7 serve worker.js
is "$(get http://w/)" hello
is "$(get http://w/env)" x7
is "$(get http://w/stream)" $'0\n1\n2'
head -c 3000000 /dev/zero >zeros
is "$(get --data-binary @zeros http://w/size)" 3000000
is "$(get -H 'Transfer-Encoding: chunked' --data-binary @zeros http://w/echo | wc -c)" 3000000
is "$(get -H 'Expect: 100-continue' -d abc http://w/echo)" abc
is "$(get -o /dev/null -w '%{http_code} %{size_download}' -I http://w/)" '200 0'
is "$(get -o /dev/null -w '%{http_code}' http://w/throw)" 500
is "$(get -o /dev/null -w '%{http_code}' http://w/nothing)" 500
grep -q 'Error: handler' err || fail "the handler's error is not on standard error"
is "$(get -o /dev/null -w '%{http_code}' -H 'Content-Length: 1' -H 'Transfer-Encoding: chunked' \
	-d a http://w/size)" 400
# URLs of requests: hosts and ports change, with and without a query, some that are written anew.
last=
for url in http://w/url http://w/url?a=1 'http://w/url/x.y?b=%20&c' http://w:81/url http://W:81/url/../url \
	'http://[::1]:82/url?' http://w//url 'http://w/url//?/?#f' http://w/url http://w/url?2; do
	get --path-as-is "$url" >parts || fail "no answer for $url"
	! grep parsed parts || fail "a URL that is not parsed differs from one that is"
	[ -z "$last" ] || [ "$(tail -n 1 parts)" = "$last" ] || fail "the request before '$url' changed"
	last=$(head -n 1 parts)
done
is "$last" '["http://w/url?2","http://w","http:","","w","w","","/url","?2","",[["2",""]]]'
# Two requests, one connection.
is "$(get -w '%{num_connects}' http://w/ http://w/)" hello1hello0
is "$(ls "/proc/$worker/task")" "$worker"

# --- the end ---
get http://w/slow >slow &
client=$!
said out slow
kill -TERM "$worker"
# It takes nothing new, says so to who comes, and waits for the running request.
# shellcheck disable=SC2317 # called by await
drains() {
	! get http://w/
}
await drains
touch go
wait "$client"
is "$(cat slow)" slow
ended_with 143
[ ! -e sock ] || fail "the socket file is still there"
serve worker.js
get http://w/never >/dev/null &
said out never
kill -INT "$worker"
await drains
[ ! -e sock ] || fail "the socket file is there while the worker drains"
kill -0 "$worker" || fail "it did not wait for the running request"
kill -INT "$worker"
ended_with 130

# Code that never comes back to the loop: a second signal stops it, or the end of the grace time.
# busy CODE SIGNALS EXPECTED: the code calls say(), when it is where a signal shall meet it
busy() {
	local signal

	launch -e "const say = () => console.log('busy'); $1"
	said out busy
	for signal in $2; do
		kill "-$signal" "$worker"
		await signal_taken
	done
	ended_with "$3"
	is "$(without_asan <err)" ''
}
# shellcheck disable=SC2317 # called by await
signal_taken() {
	[ ! -e "/proc/$worker" ] || grep -Eq '^ShdPnd:[[:space:]]*0+$' "/proc/$worker/status"
}
busy 'say(); for (;;);' 'TERM TERM' 143
busy 'try { say(); for (;;); } finally { console.error("no") }' 'INT HUP' 129
busy '(async () => { await null; say(); for (;;) await null; })()' 'TERM INT' 130
busy 'setTimeout(() => { say(); for (;;); }, 1)' TERM 143
# Output that nobody takes holds nothing up.
mkfifo pipe
exec 9<>pipe
"$A" -e 'for (;;) console.log("x".repeat(1000))' >&9 2>err &
worker=$!
# shellcheck disable=SC2317 # called by await
is_stuck() { # it catches SIGTERM (15) already
	grep -q '^SigCgt:.*[4-7c-f]...$' "/proc/$worker/status" &&
		grep -q '^State:[[:space:]]*S' "/proc/$worker/status"
}
await is_stuck
kill -TERM "$worker"
await signal_taken
stop
exec 9>&-

# --- addresses ---
launch --listen 127.0.0.1:0 worker.js
address=$(listening)
is "$(curl -s --max-time 20 "http://$address/")" hello
cp err first
ends 4 "listen on '$address': the address is in use already" --listen "$address" worker.js
stop
PORT=0 launch worker.js
address=$(listening)
is "$(curl -s --max-time 20 "http://127.0.0.1:${address##*:}/")" hello
stop
rc=0
PORT=frob timeout 60 "$A" worker.js 2>err || rc=$?
is "$rc" 4
grep -q 'environment PORT' err || fail "PORT is not named"
# What a killed worker leaves behind is no obstacle.
serve worker.js
kill -KILL "$worker"
ended_with 137
[ -S sock ] || fail "no socket file to replace"
launch --listen unix:sock worker.js
await get --fail http://w/
stop

# --- as process 1 ---
if unshare -pf true 2>/dev/null; then
	# shellcheck disable=SC2016 # $0 is the inner shell's
	# The orphan ends after its parent and is reaped: no zombie is left in the namespace.
	unshare -pf --kill-child --mount-proc sh -c '(sleep 0.3 & exec true) & exec "$0" --listen unix:sock worker.js' \
		"$A" >out 2>err &
	worker=$!
	await get --fail http://w/
	inner=$(pgrep -P "$worker")
	# shellcheck disable=SC2317 # called by await
	no_child() {
		! pgrep -P "$inner"
	}
	await no_child
	kill -TERM "$inner"
	ended_with 143
fi
echo ok
