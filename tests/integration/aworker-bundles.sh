#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Bundles as esbuild and wrangler emit them, made at test time of sources in TypeScript and of a
# package: they run, and their stacks name the sources.
# shellcheck source=tests/integration/lib-aworker.sh
. "$(dirname "$0")/lib-aworker.sh"
needs npm curl
# Fetched once for a build directory.
npm=$B/bundles-npm
[ -x "$npm/node_modules/.bin/esbuild" ] && [ -d "$npm/node_modules/hono" ] || {
	mkdir -p "$npm" && timeout 120 npm install --no-audit --no-fund --no-save --silent \
		--fetch-retries 0 --prefix "$npm" esbuild@0.25.0 hono@4.6.0 >/dev/null 2>&1
} || skip "npm cannot fetch esbuild and hono"
esbuild=$npm/node_modules/.bin/esbuild

cd "$TMP" || exit 1
export NO_COLOR=1

has() { # has FILE TEXT
	grep -qF -- "$2" "$1" || fail "no '$2' in $1"
}
bundle() {
	"$esbuild" --bundle --log-level=warning "$@" || fail "esbuild $*"
}

mkdir -p src dist
cat >src/fail.ts <<'TS'
interface Thing {
	name: string;
}

export function fail(thing: Thing): never {
	const message: string = `failed: ${thing.name}`;
	throw new RangeError(message);
}
TS
cat >src/main.ts <<'TS'
import { fail } from './fail';
import config from './config.json';

enum Level { Low = 1, High }

console.log(config.title, Level.High);
try {
	fail({ name: 'caught' });
} catch (e) {
	console.error(e);
}
setTimeout(() => fail({ name: 'uncaught' }), 1);
TS
echo '{"title": "of JSON"}' >src/config.json

# stacks BUNDLE: where its source map has to lead to
stacks() {
	rc=0
	"$A" "$1" >out 2>err || rc=$?
	is "$rc" 1
	is "$(cat out)" 'of JSON 2'
	has err "$TMP/src/fail.ts:7:8: RangeError: failed: uncaught"
	has err "$TMP/src/fail.ts:7:8"
	has err "$TMP/src/main.ts:8:2"
	has err "$TMP/src/main.ts:12:18"
	! grep -qF dist/ err || fail "a place in the bundle: $1"
}
bundle src/main.ts --format=esm --sourcemap --outfile=dist/linked.js
bundle src/main.ts --format=esm --sourcemap=inline --minify --outfile=dist/inline.mjs
bundle src/main.ts --format=iife --sourcemap --minify --outfile=dist/classic.js
stacks dist/linked.js
stacks dist/inline.mjs
stacks dist/classic.js
# Without a map the places are those of the bundle.
rm dist/linked.js.map
"$A" dist/linked.js >out 2>err
has err "$TMP/dist/linked.js:"

# What esbuild leaves of a module of Node.js, and of CommonJS.
echo 'import fs from "node:fs"; console.log(fs);' >src/node.js
bundle src/node.js --format=esm --external:node:fs --outfile=dist/node.js
"$A" dist/node.js >out 2>err
has err "Cannot import 'node:fs': it is a module of Node.js, which aworker has not"
echo 'module.exports = { answer: 42 }; console.log(typeof require);' >src/common.cjs
echo 'import { answer } from "./common.cjs"; console.log(answer);' >src/uses.js
bundle src/uses.js --format=esm --outfile=dist/uses.js
is "$("$A" dist/uses.js | tail -n 1)" 42

# An application, as wrangler bundles it: split files, a module of WebAssembly, text and bytes beside.
printf '\0asm\1\0\0\0\1\7\1\140\2\177\177\1\177\3\2\1\0\7\7\1\3add\0\0\12\11\1\7\0\40\0\40\1\152\13' >src/add.wasm
echo 'a page' >src/page.html
cat >src/app.ts <<'TS'
import { Hono } from 'hono';
import add from './add.wasm';
import page from './page.html';

type Env = { Bindings: { NAME: string; STORE: any } };
const app = new Hono<Env>();
app.get('/', (c) => c.text(`hello ${c.env.NAME}`));
app.get('/page', (c) => c.html(page));
app.get('/add/:a/:b', (c) => {
	const { exports } = new WebAssembly.Instance(add);
	return c.json({ sum: (exports.add as Function)(+c.req.param('a'), +c.req.param('b')) });
});
app.get('/lazy', async (c) => c.text((await import('./lazy')).text));
app.put('/kv/:key', async (c) => {
	await c.env.STORE.put(c.req.param('key'), await c.req.text());
	return c.text('kept');
});
app.get('/kv/:key', async (c) => c.text(await c.env.STORE.get(c.req.param('key')) ?? 'nothing'));
export default app;
TS
echo "export const text: string = 'loaded when asked for';" >src/lazy.ts
NODE_PATH=$npm/node_modules bundle src/app.ts --format=esm --splitting --sourcemap --target=es2022 \
	--conditions=workerd,worker,browser --external:*.wasm --external:*.html --outdir=dist/app
cp src/add.wasm src/page.html dist/app/
NAME=bundle launch serve --listen unix:sock --kv STORE dist/app/app.js
await test -S sock
is "$(get http://w/)" 'hello bundle'
is "$(get http://w/page)" 'a page'
is "$(get http://w/add/20/22)" '{"sum":42}'
is "$(get http://w/lazy)" 'loaded when asked for'
is "$(get -X PUT -d value http://w/kv/key)" kept
is "$(get http://w/kv/key)" value
is "$(get http://w/kv/none)" nothing
stop

echo "all as it should be"
