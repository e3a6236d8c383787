#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The command line around a worker: import maps, environment and stores, source maps.
set -u

B=${B:-build}
A=$(realpath "$B")/aworker
[ -x "$A" ] || {
	echo "aworker is not built: no V8 here"
	exit 77
}
command -v curl >/dev/null || {
	echo "needs curl"
	exit 77
}

TMP=$(mktemp -d /tmp/turf-test-XXXXXX)
worker='' # pid of the one that runs
# shellcheck disable=SC2317 # called by the trap
clean_up() {
	[ -z "$worker" ] || kill -KILL "$worker" 2>/dev/null
	rm -rf "$TMP"
}
trap clean_up EXIT
cd "$TMP" || exit 1
export NO_COLOR=1

fail() {
	echo "FAILED: $*"
	cat err out 2>/dev/null
	exit 1
}
# ends CODE TEXT ARG...: aworker ends with the code and says the text on standard error.
ends() {
	local code=$1 text=$2 rc=0

	shift 2
	timeout 60 "$A" "$@" >out 2>err </dev/null || rc=$?
	[ "$rc" = "$code" ] || fail "exit code $rc instead of $code: aworker $*"
	[ -z "$text" ] || grep -qF -- "$text" err || fail "no '$text' from aworker $*"
}
is() {
	[ "$1" = "$2" ] || fail "'$1' instead of '$2'"
}
await() {
	local i

	for ((i = 0; i < 600; i++)); do
		"$@" >/dev/null 2>&1 && return
		sleep 0.05
	done
	fail "waited in vain for: $*"
}
get() {
	curl -s --max-time 20 --unix-socket sock "$@"
}
stop() {
	kill "$worker"
	wait "$worker"
	worker=''
}

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
HOME=/home "$A" --listen unix:sock --env-file .env --kv STORE=kv.json --kv EMPTY env.js >out 2>err &
worker=$!
await test -S sock
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
echo "const e = new Error('made up'); e.stack = 'Error\n    at f ($TMP/inline.js:1:15)'; console.error(e)" |
	tr -d '\n' >made.js
ends 0 "at f ($TMP/inline.js:1:15)" made.js
printf "throw new Error('x');\n//# sourceMappingURL=../gen.js.map\n" >outside.js
ends 1 "$TMP/outside.js:1:7: Error: x" outside.js

echo "all as it should be"
