#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The command line around a worker: import maps, environment and stores, source maps,
# TypeScript, check, serve and --watch, the prompt, reports, colours.
# shellcheck source=tests/integration/lib-aworker.sh
. "$(dirname "$0")/lib-aworker.sh"
needs curl
cd "$TMP" || exit 1
export NO_COLOR=1

# --- import maps ---
mkdir -p lib old
echo 'export default "lib";' >lib/x.js
echo 'export default "old";' >old/x.js
echo 'export { default } from "x";' >old/user.js
cat >map.json <<'JSON'
{"imports": {"x": "./lib/x.js", "lib/": "./lib/", "node:fs": "./lib/x.js", "no": null},
 "scopes": {"./old/": {"x": "./old/x.js"}}}
JSON
cat >main.js <<'JS'
import x from 'x';
import again from 'lib/x.js';
import old from './old/user.js';
import fs from 'node:fs';
console.log(x, again, old, fs, import.meta.resolve('lib/y.js').split('/').pop());
JS
ends 0 '' --import-map map.json main.js
is "$(cat out)" 'lib lib old lib y.js'
ends 1 "Cannot import 'x': it is neither a path" main.js
ends 1 "Cannot import 'no': the import map '$TMP/map.json' forbids it" \
	--import-map=map.json -e 'import "no"'
echo '{"imports": {"a": 1}}' >bad.json
ends 3 "import map '$TMP/bad.json': imports.a: not a string" --import-map bad.json main.js
ends 3 "import map: open '$TMP/none.json': No such file" --import-map none.json main.js

# --- environment and stores ---
cat >.env <<'END'
# of the worker
GREETING="hello\tyou"
export WHO='every body' # here
HOME=/nowhere
END
echo '{"a": "first", "b": {"deep": [1]}}' >kv.json
cat >env.js <<'JS'
export default {
	async fetch(request, env) {
		const { pathname, searchParams } = new URL(request.url);
		switch (pathname) {
		case '/env': return new Response(`${env.GREETING}|${env.WHO}|${env.HOME}`);
		case '/keys': return Response.json(await env.STORE.list({ prefix: searchParams.get('p') ?? '' }));
		case '/empty': return Response.json((await env.EMPTY.list()).keys);
		case '/bad':
			return new Response(await env.EMPTY.put('k', {}).catch((e) => e.message));
		default: {
			const key = pathname.slice(1);
			if (request.method === 'PUT')
				await env.STORE.put(key, request.body, { metadata: { n: 1 }, expirationTtl: 90 });
			else if (request.method === 'DELETE')
				await env.STORE.delete(key);
			const { value, metadata } = await env.STORE.getWithMetadata(key, searchParams.get('t') ?? 'text');
			return Response.json({ value, metadata });
		}
		}
	},
};
JS
HOME=/home serve --env-file .env --kv STORE=kv.json --kv EMPTY env.js
is "$(get http://w/env)" $'hello\tyou|every body|/home'
is "$(get http://w/a)" '{"value":"first","metadata":null}'
is "$(get 'http://w/b?t=json')" '{"value":{"deep":[1]},"metadata":null}'
is "$(get http://w/none)" '{"value":null,"metadata":null}'
is "$(get -T kv.json 'http://w/c/d?t=json')" \
	'{"value":{"a":"first","b":{"deep":[1]}},"metadata":{"n":1}}'
is "$(get http://w/keys | sed 's/"expiration":[0-9]*,//')" \
	'{"keys":[{"name":"a"},{"name":"b"},{"name":"c/d","metadata":{"n":1}}],"list_complete":true,"cacheStatus":null}'
is "$(get 'http://w/keys?p=b')" '{"keys":[{"name":"b"}],"list_complete":true,"cacheStatus":null}'
is "$(get -X DELETE http://w/a)" '{"value":null,"metadata":null}'
is "$(get http://w/empty)" '[]'
is "$(get http://w/bad)" 'KV: a value is a string, an ArrayBuffer, a view or a ReadableStream'
stop
is "$(cat kv.json)" '{"a": "first", "b": {"deep": [1]}}'
printf 'A=1\nB\n' >bad.env
ends 3 "environment: open 'none.env'" --env-file none.env env.js
ends 3 'bad.env:2: NAME=VALUE is expected' --env-file bad.env env.js
ends 2 "--kv: '1x' is no name" --kv 1x env.js
ends 2 "--kv: 'A' is there twice" --kv A --kv A=kv.json env.js
echo '[]' >list.json
ends 3 '--kv A: list.json: not an object' --kv A=list.json env.js

# --- source maps ---
# Made by hand: line 1, column 7 of gen.js is line 3, column 5 of src/orig.ts.
mkdir -p src
cat >gen.js <<'JS'
throw new Error('mapped');
//# sourceMappingURL=gen.js.map
JS
echo '{"version":3,"sources":["src/orig.ts"],"names":[],"mappings":"AAAA,MAEI"}' >gen.js.map
ends 1 "$TMP/src/orig.ts:3:5: Error: mapped" gen.js
grep -qF "    at $TMP/src/orig.ts:3:5" err || fail "no mapped frame"
echo 'not json' >gen.js.map
ends 1 "$TMP/gen.js:1:7: Error: mapped" gen.js
rm gen.js.map
ends 1 "$TMP/gen.js:1:7: Error: mapped" gen.js
{
	echo "console.error(new Error('shown'));"
	printf '//# sourceMappingURL=data:application/json;base64,%s\n' \
		"$(printf '{"version":3,"sources":["a.ts"],"mappings":"AAAA,cAUA"}' | base64 -w 0)"
} >inline.js
ends 0 "at $TMP/a.ts:11:1" inline.js
grep -qF inline.js err && fail "a frame that is not mapped"
# A stack that is made up opens nothing; a map is beside its file or nowhere.
printf '%s' "const e = new Error('made up'); e.stack = 'Error\n    at f ($TMP/inline.js:1:15)';" \
	'console.error(e)' >made.js
ends 0 "at f ($TMP/inline.js:1:15)" made.js
printf "throw new Error('x');\n//# sourceMappingURL=../gen.js.map\n" >outside.js
ends 1 "$TMP/outside.js:1:7: Error: x" outside.js

# --- TypeScript, where the build has what it takes ---
mkdir -p ts
cat >ts/main.ts <<'TS'
import { type Shape, area } from './shape.mts';
interface Local { a: number }
enum Kind { Square = 2 }
const s: Shape = { side: 3 } satisfies Shape as Shape;
export class Box<T> { constructor(public readonly value: T) {} }
console.log(area(s), Kind.Square, new Box<string>('b').value, (<any>s).side!);
// The globals of the user are not those of what strips types.
(Array.prototype as any).push = undefined;
await import('./late.ts');
TS
sed -i 's/ satisfies Shape//' ts/main.ts
echo 'export type Shape = { side: number };
export const area = (s: Shape): number => s.side ** 2;' >ts/shape.mts
echo 'throw new Error("line" as string);' >ts/late.ts
printf 'let a: = 1;\n' >ts/bad.ts
if [ -e "$(dirname "$A")/lib/typescript.js" ]; then
	ends 1 "$TMP/ts/late.ts:1:7: Error: line" ts/main.ts
	is "$(cat out)" '9 2 b 3'
	ends 0 '' check ts/main.ts
	ends 1 "$TMP/ts/bad.ts: SyntaxError: " check ts/bad.ts
	ends 1 "Cannot import './ts/bad.ts': $TMP/ts/bad.ts: SyntaxError: " -e 'import "./ts/bad.ts"'
fi
mkdir -p bare/lib
cp "$A" bare/
cp "$(dirname "$A")"/lib/libnode* bare/lib/
A_full=$A A=$TMP/bare/aworker
[ -e /usr/local/lib/turf/typescript.js ] || ends 1 'TypeScript needs ' ts/main.ts
A=$A_full
rm -r bare

# --- check ---
ends 0 '' check env.js
is "$(cat out)" ''
echo 'console.log("ran"); export default 1' >quiet.mjs
ends 0 '' check quiet.mjs
is "$(cat out)" ''
ends 0 '' check main.js --import-map map.json
ends 1 "$TMP/main.js:1:15: Error: Cannot import 'x'" check main.js
printf 'import { nothing } from "./lib/x.js";\n' >nolink.js
ends 1 "does not provide an export named 'nothing'" check nolink.js
printf 'let a = 1;\nconst = 2' >syntax.js
ends 1 "$TMP/syntax.js:2:7: SyntaxError" check syntax.js
ends 3 "open 'none.js'" check none.js
ends 2 'a file is needed' check
ends 2 "check: 'x' is too much" check env.js x
echo 'console.log("a file called check")' >check
ends 0 '' ./check
is "$("$A" __complete ch)" $'serve\ncheck\nrepl\nreport'
"$A" __complete serve a.js - | grep -qx -- --watch || fail "no completion behind a command"
"$A" __complete a.js - | grep -q . && fail "completion behind a file"

# --- serve ---
echo 'console.log("once")' >once.js
ends 1 "$TMP/once.js: it has no fetch handler" serve -- once.js
ends 2 "'x' is no port" serve env.js --port x
ends 2 '--listen says what --host and --port say' serve env.js --port 1 --listen :0
# shellcheck disable=SC2016 # a template of JavaScript
echo 'export default { fetch: (r, env) => new Response(`one ${env.WHO}`) };' >app.js
WHO=1 PORT=1 launch serve app.js --port 0
is "$(curl -s "http://$(listening)/")" 'one 1'
stop

# --- watch: a change starts it anew on the same socket, a mistake waits for the next change ---
answers() {
	[ "$(curl -s --max-time 20 "http://$address/")" = "$1" ]
}
echo 'export default "dep 1";' >dep.mjs
cat >app.js <<'JS'
import text from './dep.mjs';
export default { async fetch(request) {
	if (request.url.endsWith('/slow')) {
		console.log('slow');
		await new Promise((r) => setTimeout(r, 400));
	}
	return new Response(text);
} };
JS
launch serve --watch --port=0 app.js
address=$(listening)
is "$(curl -s "http://$address/")" 'dep 1'
curl -s --max-time 20 "http://$address/slow" >slow &
slow=$!
said out slow
echo 'export default "dep 2";' >dep.mjs
# Nobody is refused, whatever it does at that moment.
for ((i = 0; i < 20; i++)); do
	curl -s --max-time 20 -o /dev/null "http://$address/" || fail "a client was refused"
done
await answers 'dep 2'
wait "$slow"
is "$(cat slow)" 'dep 1'
echo 'export default = ;' >dep.mjs
said err 'waiting for a change'
grep -qF "$TMP/dep.mjs:1:16: SyntaxError" err || fail "the mistake was not told"
curl -s --max-time 20 "http://$address/" >slow &
slow=$!
echo 'export default "dep 3";' >dep.new
mv dep.new dep.mjs
wait "$slow"
is "$(cat slow)" 'dep 3'
grep -qF "$TMP/dep.mjs has changed, starting again" err || fail "the change was not told"
is "$(grep -c 'listening on' err)" 1
is "$(find "/proc/$worker/task" -mindepth 1 -maxdepth 1 | wc -l)" 1
is "$(find "/proc/$worker/fd" -lname '*inotify' | wc -l)" 1
stop
# What ends by itself waits, too; a signal ends the wait.
launch --watch once.js
said err 'waiting for a change'
echo 'console.log("twice")' >once.js
said out twice
waits_again() { [ "$(grep -c 'waiting for a change' err)" = 2 ]; }
await waits_again
stop

# --- the prompt: code that is piped in, then keys that are typed ---
cat >input <<'END'
let a = 1
let a = 2; a
_ + 40
{x: 1, y: [a]}
await new Promise((r) => setTimeout(r, 30, 'w'))
function f() {

return 7
}
f()
throw new Error("boo")
let = 1 1
`a
b`
f(
3)
(await import("./lib/x.js")).default
setTimeout(() => { throw new Error('in a timer') }); void 0
new Promise((r) => setTimeout(r, 30)).then(() => console.log('later')); 'last'
END
cat >wanted <<'END'
undefined
2
42
{ x: 1, y: [ 2 ] }
'w'
undefined
7
'a\nb'
7
'lib'
undefined
'last'
later
END
ends 0 '' --version
"$A" repl <input >out 2>err || fail "the prompt ended with $?"
sed 's/^Promise.*//' out | diff - wanted || fail "answers of the prompt"
for text in 'Uncaught Error: boo' 'SyntaxError: Unexpected number' 'Error: in a timer'; do
	grep -qF "$text" err || fail "no '$text' at the prompt"
done
printf '%s' '1 + 1' | "$A" repl --no-snapshot | grep -qx 2 || fail "a line without an end"
printf '%s\n' 'f(' | "$A" repl 2>&1 | grep -qF 'the code goes on' || fail "half an input"
command -v script >/dev/null && {
	{
		await grep -q '^> ' out
		printf 'console.log("tur" + "ning"); for (;;);\n'
		said out turning
		printf '\003'
		said out stopped
		printf '"ty" + "ped"\n'
		said out typed
		printf '\004'
	} | AWORKER_HISTORY=$TMP/history timeout 60 script -qfc "'$A'" out >/dev/null || fail "no prompt"
	[ ! -e history ] || grep -qF '"ty"' history || fail "a history without what was typed"
}

# --- reports ---
command -v jq >/dev/null && {
	mkdir reports
	report_of() {
		find reports -name 'aworker-report.*.json' -print -quit
	}
	echo '{"version":3,"sources":["src/orig.ts"],"names":[],"mappings":"AAAA,MAEI"}' >gen.js.map
	SECRET=hidden timeout 60 "$A" --report reports gen.js 2>err && fail "no error"
	report=$(report_of)
	grep -qF "report: $report" err || fail "the report was not told"
	is "$(jq -r '.reason, .error.message' "$report")" \
		"uncaught error"$'\n'"$TMP/src/orig.ts:3:5: Error: mapped"
	is "$(jq -r '.error.stack[0]' "$report")" "    at $TMP/src/orig.ts:3:5"
	is "$(jq '(.heapSpaces | length > 3) and (.nativeStack | length > 3) and .resources.maxRssKib > 0
		and .limits.descriptors > 0 and .heap.used > 0' "$report")" true
	is "$(jq '.environmentNames | index("SECRET") != null' "$report")" true
	grep -q hidden "$report" && fail "a value of the environment in a report"
	is "$(stat -c %a "$report")" 600
	rm "$report"
	serve --report reports env.js
	get http://w/env >/dev/null
	kill -USR2 "$worker"
	await grep -q '^aworker: report: ' err
	is "$(jq -r '.reason, .requests.total, .pid' "$(report_of)")" "SIGUSR2"$'\n1\n'"$worker"
	get http://w/env >/dev/null || fail "no answer after a report"
	stop
	ends 1 "report: create 'none/where" --report none/where -e 'throw 1'
}

# --- colours ---
command -v script >/dev/null && {
	env -u NO_COLOR TERM=xterm script -qec "'$A' none.js" /dev/null >out </dev/null
	grep -qF $'\033[1maworker:\033[0m open' out || fail "no colours on a terminal"
	script -qec "'$A' none.js" /dev/null >out </dev/null
	grep -q $'\033' out && fail "colours in spite of NO_COLOR"
}

echo "all as it should be"
