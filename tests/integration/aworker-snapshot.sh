#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Startup snapshots of the user's own state: what goes on from one, what is refused and why, and in
# which order the events of a worker's life come.
# shellcheck source=tests/integration/lib-aworker.sh
. "$(dirname "$0")/lib-aworker.sh"
needs curl
cd "$TMP" || exit 1
blob=$TMP/blob

build() { # build FILE ARG...
	"$A" --build-snapshot --snapshot-blob "$blob" "$@" >out 2>err || fail "no snapshot of $1"
}
from() { # from ARG...: serves from the snapshot, and from nothing else
	serve --snapshot-blob "$blob" --require-snapshot "$@"
}

# --- the life of a worker ---
cat >life.js <<'JS'
const events = [];
let ticks = 0, drawn = Math.random();
const later = (ms) => new Promise((done) => setTimeout(done, ms));
const made = Date.now();
const timer = setInterval(() => ticks++, 10);
for (const type of ['serialize', 'deserialize', 'install', 'activate', 'uninstall'])
	addEventListener(type, (event) => {
		events.push(`${type}(`);
		event.waitUntil(later(30).then(() => {
			events.push(')');
			if (type === 'uninstall')
				console.log(events.join(' '));
		}));
	});
onfetch = (event) => {
	events.push('fetch');
	const { pathname } = new URL(event.request.url);
	event.respondWith((async () => {
		if (pathname === '/slow') {
			console.log('slow');
			await later(200);
		}
		if (pathname === '/ticks') {
			const before = ticks;
			while (ticks === before)
				await later(5);
		}
		return Response.json({ events: events.join(' '), drawn, random: Math.random(),
			age: performance.now() < 20000 && Date.now() >= made });
	})());
};
JS
serve life.js
is "$(get http://w/ | jq -r .events)" 'install( ) activate( ) fetch'
get http://w/slow >slow &
client=$!
said out slow
stop
wait "$client" || fail "the request that ran was cut off"
is "$(tail -n 1 out)" 'install( ) activate( ) fetch fetch uninstall( )'

build life.js
is "$(cat out)$(without_asan <err)" ''
for _ in 1 2; do
	from life.js
	get http://w/ticks >one
	is "$(jq -r .events one)" 'serialize( ) deserialize( ) install( ) activate( ) fetch'
	is "$(jq -r .age one)" true
	jq -r .drawn one >>drawn
	jq -r .random one >>random
	stop
	said out 'fetch uninstall( )'
done
is "$(sort -u drawn | wc -l) $(sort -u random | wc -l)" '1 2'
# Without the file there is all of it, too.
from
is "$(get http://w/ | jq -r .age)" true
stop

# --- events that fail, or do not end ---
echo 'addEventListener("install", (e) => e.waitUntil(Promise.reject(new Error("no")))); onfetch = () => {};' >fails.js
ends 1 'Uncaught (in waitUntil): Error: no' --listen "unix:$TMP/sock" fails.js
sed 's/install/activate/; s/() => {}/(e) => e.respondWith(new Response("on"))/' fails.js >activate.js
serve activate.js
is "$(get http://w/)" on
stop
sed 's/install/deserialize/' fails.js >restored.js
build restored.js
ends 1 'Uncaught (in waitUntil): Error: no' --snapshot-blob "$blob" --listen "unix:$TMP/sock" restored.js
sed 's/install/serialize/' fails.js >serialize.js
ends 1 'Uncaught (in waitUntil): Error: no' --build-snapshot --snapshot-blob new serialize.js
[ ! -e new ] || fail "a snapshot is left of a worker that failed"
echo 'onuninstall = (e) => { console.log("ends"); e.waitUntil(new Promise(() => {})); }; onfetch = () => {};' >hangs.js
serve hangs.js
kill "$worker"
said out ends
kill "$worker"
ended_with 143

# --- modules ---
cat >module.mjs <<'JS'
const kept = new Map([['a', 1]]);
export const other = 2;
export default {
	async fetch(request, env) {
		const { v } = await import('./more.mjs');
		return new Response(`${kept.get('a')} ${env.MARK} ${import.meta.url} ${v}`);
	},
};
JS
echo 'export const v = "imported";' >more.mjs
build module.mjs
MARK=x from module.mjs
is "$(get http://w/)" "1 x file://$TMP/module.mjs imported"
is "$(get http://w/)" "1 x file://$TMP/module.mjs imported"
stop

# --- what cannot be made ---
refuses() { # refuses TEXT CODE
	echo "$2" >refused.js
	ends 1 "startup snapshot '$TMP/new': $1" --build-snapshot --snapshot-blob "$TMP/new" refused.js
	[ ! -e new ] || fail "a snapshot is left"
}
refuses 'it has no fetch handler' 'globalThis.a = 1;'
# Eight seconds, so it goes beside the others.
"$A" --build-snapshot --snapshot-blob slow -e \
	'onfetch = () => {}; onserialize = (e) => e.waitUntil(new Promise(() => {}));' 2>slow.err &
slow=$!
HELPERS+=("$slow")
refuses 'a startup snapshot cannot keep an object of Intl.DateTimeFormat, which is at config.format' \
	'globalThis.config = { format: new Intl.DateTimeFormat("de") }; onfetch = () => {};'
refuses 'a startup snapshot cannot keep an object of Intl.NumberFormat, which is at' \
	'(() => { class Money extends Intl.NumberFormat {} const m = new Money("de"); onfetch = () => m; })()'
grep -q 'variable m$' err || fail "the way to a variable: $(cat err)"
ends 1 'WebAssembly is not there while a startup snapshot is made' --build-snapshot \
	--snapshot-blob new -e 'onfetch = () => {}; if (typeof WebAssembly !== "object") x();'
ends 1 'V8 cannot keep something' --build-snapshot --snapshot-blob new \
	-e 'globalThis.s = new Intl.Segmenter("en").segment("abc"); onfetch = () => {};'
ends 2 'which SNAPSHOT? (--snapshot-blob)' --build-snapshot life.js
ends 2 'which SNAPSHOT? (--snapshot-blob)' --require-snapshot life.js
ends 2 'a file is needed' --build-snapshot --snapshot-blob new
ends 1 "startup snapshot 'none/new': " --build-snapshot --snapshot-blob none/new life.js
! wait "$slow" || fail "a snapshot was made although 'serialize' goes on"
grep -qF "startup snapshot 'slow': what listens to 'serialize' did not settle in time" slow.err ||
	fail "$(cat slow.err)"

# --- what does not fit: FILE runs instead, or nothing does ---
stale() { # stale TEXT ARG...
	local text=$1

	shift
	serve --snapshot-blob "$blob" "$@" life.js
	is "$(get http://w/ | jq -r .events)" 'install( ) activate( ) fetch'
	grep -qF "startup snapshot '$blob': $text; running $TMP/life.js" err || fail "no '$text': $(cat err)"
	stop
	ends 3 "$text" --snapshot-blob "$blob" --require-snapshot "$@" life.js
	! grep -q running err || fail "what is required was replaced"
}
build life.js
cp life.js unchanged
echo '// changed' >>life.js
stale "it was made of other code than '$TMP/life.js' has now"
cp unchanged life.js
from life.js
stop
stale 'it was made with other --v8-options' --v8-options=--max-lazy
cp "$blob" whole
size=$(stat -c %s whole)
for at in 0 9 13 20 45 90 170 180 300 4290 5000 $((size / 2)) $((size - 1)); do
	cp whole "$blob"
	printf '\377' | dd of="$blob" bs=1 seek="$at" conv=notrunc status=none
	cmp -s whole "$blob" && printf '\0' | dd of="$blob" bs=1 seek="$at" conv=notrunc status=none
	ends 3 "startup snapshot '$blob': it " --snapshot-blob "$blob" --require-snapshot life.js
done
head -c $((size / 2)) whole >"$blob"
stale 'it was cut short'
: >"$blob"
stale 'it is no startup snapshot'
rm "$blob"
stale "open '$blob': No such file or directory"
ends 3 'No such file or directory' --snapshot-blob "$blob"
