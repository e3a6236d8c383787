#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A base image: made, started from, and passed over where it does not fit.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$B/aworker" ] || skip "aworker is not built: no V8 here"
image=$TMP/base
"$B/aworker" --build-image="$image" 2>"$TMP/err" || {
	grep -q 'sanitizer reserves all memory' "$TMP/err" || fail "$(cat "$TMP/err")"
	echo "not here: the address sanitizer's memory cannot be saved"
	exit 0
}
eq "$(stat -c %a "$image")" 400 "mode of an image"

# What runs when the image does not fit says so.
cat >"$TMP/cold" <<-'END'
	#!/bin/sh
	echo cold "$@"
END
chmod +x "$TMP/cold"
load() { "$B/aworker-loader" "$image" "$TMP/cold" "$@"; }
# --- the same as without an image ---
same() { # same ARG...: output and exit code
	local a b a_rc=0 b_rc=0

	a=$("$B/aworker-loader" "$image" "$B/aworker" "$@" 2>&1) || a_rc=$?
	b=$("$B/aworker" "$@" 2>&1) || b_rc=$?
	eq "$a_rc" "$b_rc" "exit code of: $*"
	eq "$a" "$b" "output of: $*"
}
cat >"$TMP/a.js" <<-'END'
	console.log(location.href, typeof addEventListener, new Intl.NumberFormat('de').format(1234.5));
	console.log([3, 1, 2].sort().map((x) => x * 2).join(), new Date(0).toString());
	let s = 0;
	for (let i = 0; i < 3e6; i++) s = (s * 31 + i) | 0;
	console.log(s, [...Array(2e5).keys()].map(String).join().length);
	function deep(n) { return n === 0 ? 0 : 1 + deep(n - 1); }
	try { deep(1e9); } catch (e) { console.log(e instanceof RangeError); }
	setTimeout(() => console.log('later'), 20);
	queueMicrotask(() => console.error('soon'));
END
cp "$TMP/a.js" "$TMP/b.mjs"
echo 'export default await new Promise((r) => setTimeout(() => r(1), 5));' >"$TMP/c.mjs"
eq "$(load -e 'console.log(1 + 1)')" 2 "code that is run from an image"
same "$TMP/a.js"
same "$TMP/b.mjs"
same "$TMP/c.mjs" x y
same -e 'throw new Error("x")'
same -e 'syntax error'
same "$TMP/none.js"
same --nonsense
same --version
same --help
same --location http://a.example/b -e 'console.log(location.pathname)'
same --v8-options=--expose-gc -e 'console.log(typeof gc)'
for lang in de_DE.UTF-8 C sv_SE fr_FR@euro nonsense; do
	LANG=$lang same -e 'console.log(Intl.NumberFormat().resolvedOptions().locale.slice(0, 5), (1234.5).toLocaleString())'
done
LANG=C LC_ALL=de_DE same -e 'console.log((1234.5).toLocaleString())'
TZ=Asia/Tokyo same -e 'console.log(new Date(0).getHours())'
same -e 'const w = new WebAssembly.Memory({ initial: 1 }); console.log(w.buffer.byteLength)'
same --v8-options=--stack-size=200 -e 'console.log(1)'

# --- each start is its own ---
random() { load -e 'console.log(Math.random(), crypto.getRandomValues(new Uint32Array(4)).join())'; }
[ "$(random)" != "$(random)" ] || fail "two starts have the same random numbers"
load -e 'console.log(performance.now() < 500, Math.abs(performance.timeOrigin - Date.now()) < 500)' >"$TMP/out"
eq "$(cat "$TMP/out")" "true true" "clocks"
"$B/aworker-loader" "$image" "$TMP/cold" -e 'setInterval(() => {}, 1000)' &
pid=$!
HELPERS+=("$pid")
await grep -q '^State:[[:space:]]*S' "/proc/$pid/status"
eq "$(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -d" " -f 1,2)" "$TMP/cold -e" "command line"
eq "$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 | wc -l)" 1 "threads"
[ "$(grep -c . "/proc/$pid/maps")" -le 250 ] || fail "more than 250 areas of memory"
kill "$pid"

# --- it serves ---
echo "addEventListener('fetch', (e) => e.respondWith(new Response(new URL(e.request.url).pathname)));" >"$TMP/s.js"
"$B/aworker-loader" "$image" "$TMP/cold" --listen="unix:$TMP/sock" "$TMP/s.js" 2>/dev/null &
HELPERS+=($!)
await test -S "$TMP/sock"
for i in 1 2 3; do
	eq "$(curl -s --unix-socket "$TMP/sock" "http://h/$i")" "/$i" "an answer"
done
kill "${HELPERS[-1]}"

# --- what does not fit is passed over ---
cold() { # cold WHY
	eq "$(load one two)" "cold one two" "$1"
}
ok=$image
image=$TMP/none
cold "no image"
cp "$ok" "$TMP/bad"
image=$TMP/bad
chmod 0420 "$image"
cold "an image that its group may write"
chmod 0600 "$image"
eq "$(load -e 'console.log(1)')" 1 "a copy of an image"
[ "$(id -u)" != 0 ] || {
	chown 65534 "$image"
	cold "an image of somebody else"
	chown 0 "$image"
}
for size in 0 63 64 5000 20000 1000000; do
	truncate -s "$size" "$image"
	cold "an image of $size bytes"
	cp "$ok" "$image"
done
mkdir "$TMP/moved"
cp "$B/aworker" "$B/aworker-loader" "$TMP/moved/"
ln -s "$(realpath "$B/lib")" "$TMP/moved/lib"
image=$TMP/moved/base
"$TMP/moved/aworker" --build-image="$image"
eq "$(load -e 'console.log(1)')" 1 "an image of a program elsewhere"
touch "$TMP/moved/aworker"
cold "an image of a program that has changed"
"$TMP/moved/aworker" --build-image="$image"
eq "$(load -e 'console.log(1)')" 1 "an image that was made anew"
# An image that does not start is none.
printf '#!/bin/sh\nexit 3\n' >"$TMP/moved/aworker-loader"
fails "image '$image.new': a process that was started from it ended with 3" \
	"$TMP/moved/aworker" --build-image="$image.new"
[ -z "$(find "$TMP/moved" -name '*.new*')" ] || fail "an image that does not start was left"
rm "$TMP/moved/aworker"
cold "an image of a program that has gone"

# --- bad input ---
fails "image '/nowhere/x': make '/nowhere/x.*': No such file" "$B/aworker" --build-image=/nowhere/x
[ -z "$(find "$TMP" -name 'base.*')" ] || fail "a half-made image was left"
fails "usage: aworker-loader IMAGE PROGRAM" "$B/aworker-loader"
fails "neither image nor program can be started" "$B/aworker-loader" "$TMP/none" "$TMP/none"
