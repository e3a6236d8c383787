#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A state image: made of a worker that would serve, gone on from, and passed over where it
# does not fit.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$B/aworker" ] || skip "aworker is not built: no V8 here"
export TURF_BASE_IMAGE=$TMP/base
base_image
state=$TMP/state

build() { # build FILE [ARG]...
	"$B/aworker" --build-state="$state" "$@"
}

# Output and errors go to $TMP/out and $TMP/err.
serve() { # serve FILE [ARG]...
	rm -f "$TMP/sock"
	"$B/aworker" --state="$state" --listen="unix:$TMP/sock" "$@" >"$TMP/out" 2>"$TMP/err" &
	HELPERS+=($!)
	await test -S "$TMP/sock"
}
get() {
	curl -sS --max-time 30 --unix-socket "$TMP/sock" "http://h/${1:-}"
}
stop() {
	kill "${HELPERS[-1]}"
	wait "${HELPERS[-1]}" || :
}

# --- what was done is there ---
cat >"$TMP/w.js" <<-'END'
	console.log('initialised');
	const table = new Map();
	for (let i = 0; i < 300000; i++) table.set(i, { i, s: `s${i}` });
	let ticks = 0, restored = 0;
	const drawn = Math.random(), buffer = new Uint8Array(3e6).fill(7);
	setInterval(() => ticks++, 20);
	setTimeout(() => console.log('never again'), 1);
	addEventListener('serialize', (e) => e.waitUntil(new Promise((done) => setTimeout(done, 30))));
	addEventListener('deserialize', (e) => e.waitUntil((async () => {
		await new Promise((done) => setTimeout(done, 5));
		restored++;
	})()));
	const routes = {
		table: () => table.get(49999).s + table.size + buffer.reduce((a, b) => a + b, 0),
		drawn: () => drawn,
		random: () => `${Math.random()} ${crypto.randomUUID()}`,
		ticks: () => ticks > 2,
		restored: () => restored,
		now: () => performance.now() < 5000 && Math.abs(Date.now() - performance.timeOrigin) < 5000,
		zone: () => `${new Date(0).getHours()} ${(1234.5).toLocaleString()}`,
		deep: () => { const f = () => 1 + f(); try { f(); } catch (e) { return e instanceof RangeError; } },
		work: () => {
			let kept = [];
			for (let i = 0; i < 400; i++) {
				kept.push(new Array(2000).fill({ i }));
				if (kept.length > 50) kept = [];
			}
			return new Function('a', `return a + ${Math.random() > 2}`)('x') + /^(a+)b$/.test('aaab');
		},
		wasm: () => {
			const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 6, 1, 96, 1, 127, 1, 127, 3, 2,
				1, 0, 5, 3, 1, 0, 1, 7, 5, 1, 1, 102, 0, 0, 10, 9, 1, 7, 0, 32, 0, 40, 2, 0, 11]);
			const { f } = new WebAssembly.Instance(new WebAssembly.Module(bytes)).exports;
			try { f(1 << 20); } catch (e) { return f(0) === 0 && e instanceof WebAssembly.RuntimeError; }
		},
	};
	addEventListener('fetch', (e) =>
		e.respondWith(new Response(`${routes[new URL(e.request.url).pathname.slice(1)]()}`)));
END
eq "$(build "$TMP/w.js")" "$(printf 'initialised\nnever again')" "output while a state is made"
eq "$(stat -c %a "$state")" 400 "mode of a state image"
[ "$(readelf -lW "$state" | grep -c LOAD)" -le 100 ] || fail "a state image of more than 100 extents"
serve "$TMP/w.js"
eq "$(get table)" "s4999930000021000000" "the state"
eq "$(get restored)" 1 "deserialize, which is over before anything is served"
ticks() { [ "$(get ticks)" = true ]; }
await ticks
eq "$(get now)" true "clocks"
eq "$(get deep)" true "deep recursion"
eq "$(get wasm)" true "wasm out of bounds"
for _ in $(seq 50); do
	eq "$(get work)" xfalsetrue "work"
done
# V8's chunks lie side by side, or they alone were more.
[ "$(wc -l <"/proc/${HELPERS[-1]}/maps")" -le 250 ] || fail "more than 250 areas of memory"
first=$(get drawn) random=$(get random)
pid=${HELPERS[-1]}
eq "$(find "/proc/$pid/task" -mindepth 1 -maxdepth 1 | wc -l)" 1 "threads"
eq "$(tr '\0' ' ' <"/proc/$pid/cmdline" | cut -d' ' -f 3)" "--listen=unix:$TMP/sock" "command line"
stop
eq "$(cat "$TMP/out")" "" "what is printed by one that goes on"
serve "$TMP/w.js"
eq "$(get drawn)" "$first" "a number that was drawn before"
[ "$(get random)" != "$random" ] || fail "two that go on have the same random numbers"
stop
TZ=Asia/Tokyo LANG=de_DE serve "$TMP/w.js"
eq "$(get zone)" "9 1.234,5" "time zone and locale of who goes on"
stop

# --- a module gets the environment and is told its place anew ---
cat >"$TMP/m.mjs" <<-'END'
	const started = await new Promise((r) => setTimeout(() => r('yes'), 5));
	export default { fetch: (r, env) => new Response(`${started} ${env.WHO} ${location.href}`) };
END
WHO=builder build "$TMP/m.mjs"
WHO=user serve "$TMP/m.mjs"
eq "$(get)" "yes user file://$TMP/m.mjs" "a module"
stop

# --- optimised code stays, though objects that it was made for are gone ---
cat >"$TMP/hot.js" <<-'END'
	const read = (o) => o.x;
	const optimised = () => (%GetOptimizationStatus(read) & 16) !== 0;
	onserialize = () => {
		class Gone { constructor() { this.x = 1; } }
		const gone = new Gone();
		for (let i = 0; i < 1e6 || (!optimised() && i < 1e8); i++) read(gone);
		console.log(optimised());
	};
	addEventListener('fetch', (e) => e.respondWith(new Response(`${optimised()}`)));
END
TURF_BASE_IMAGE=$TMP/natives
"$B/aworker" --v8-options=--allow-natives-syntax --build-image="$TMP/natives"
eq "$(build "$TMP/hot.js")" true "code that is hot is optimised"
serve "$TMP/hot.js"
eq "$(get)" true "code that was optimised still is"
stop
TURF_BASE_IMAGE=$TMP/base

# --- streams in the middle of what they unpack and pack go on ---
cat >"$TMP/streams.mjs" <<-'END'
	const formats = ['gzip', 'deflate', 'deflate-raw', 'brotli', 'zstd'];
	const text = Array.from({ length: 40000 }, (_, i) => `${i * i} `).join('');
	const pack = (f, s) => new Response(new Blob([s]).stream().pipeThrough(new CompressionStream(f))).bytes();
	const unpackers = await Promise.all(formats.map(async (f) => {
		const packed = await pack(f, text);
		const stream = new DecompressionStream(f);
		const writer = stream.writable.getWriter();
		const reader = stream.readable.getReader();
		writer.write(packed.slice(0, packed.length >> 1));
		return { writer, reader, rest: packed.slice(packed.length >> 1), got: [(await reader.read()).value] };
	}));
	const packers = formats.map((f) => {
		const stream = new CompressionStream(f);
		const writer = stream.writable.getWriter();
		const done = new Response(stream.readable).bytes();
		writer.write(new TextEncoder().encode(text));
		return { f, writer, done };
	});
	async function finish({ writer, reader, rest, got }) {
		writer.write(rest);
		writer.close();
		for (let step; !(step = await reader.read()).done;)
			got.push(step.value);
		return await new Blob(got).text() === text;
	}
	async function check({ f, writer, done }) {
		writer.close();
		const back = new Blob([await done]).stream().pipeThrough(new DecompressionStream(f));
		return await new Response(back).text() === text;
	}
	const answer = async () => [...await Promise.all(unpackers.map(finish)), ...await Promise.all(packers.map(check))];
	export default { fetch: async () => new Response((await answer()).join()) };
END
build "$TMP/streams.mjs"
serve "$TMP/streams.mjs"
eq "$(get)" "true,true,true,true,true,true,true,true,true,true" "streams of compression"
stop
eq "$(cat "$TMP/err")" "" "what they complain about"

# --- on a file system that nothing may be executed on, code is read ---
build "$TMP/w.js" >/dev/null
mkdir "$TMP/noexec"
rm -f "$TMP/sock"
# shellcheck disable=SC2016 # the inner shell expands
unshare -m sh -ec 'mount -t tmpfs -o noexec tmpfs "$1/noexec"; cp -p "$2" "$1/noexec/state"
	exec "$3" --state="$1/noexec/state" --listen="unix:$1/sock" "$1/w.js"' \
	sh "$TMP" "$state" "$B/aworker" &
HELPERS+=($!)
await test -S "$TMP/sock"
eq "$(get restored)" 1 "a state image on a file system without execution"
eq "$(get work)" xfalsetrue "its code"
[ "$(grep -c "noexec/state" "/proc/${HELPERS[-1]}/maps")" -gt 0 ] || fail "not mapped from there"
stop

# --- what cannot become one ---
unmade() { # unmade MESSAGE CODE
	echo "$2" >"$TMP/x.js"
	fails "$1" build "$TMP/x.js"
}
rm -f "$state"
serving="addEventListener('fetch', () => {});"
unmade "it has no fetch handler, so there is nothing to start later" "1"
unmade "what listens to 'serialize' did not settle in time" \
	"$serving onserialize = (e) => e.waitUntil(new Promise(() => {}));"
echo 1 >"$TMP/other.mjs"
unmade "it imports or fetches files, which could change unseen" "import './other.mjs'; $serving"
[ ! -e "$state" ] || fail "a state image of a worker that cannot have one"
code 1 build <(echo "$serving onserialize = (e) => e.waitUntil(Promise.reject(1));") 2>/dev/null
code 1 build <(echo "$serving throw 1") 2>"$TMP/err"
matches "$(tail -n 1 "$TMP/err")" "state image '$state': its code ended or failed before it served"
code 3 build "$TMP/none.js" 2>/dev/null
fails "make '/nowhere/s.*': No such file" "$B/aworker" --build-state=/nowhere/s "$TMP/w.js" >/dev/null

# --- Noslate's modes: a state that is kept in memory, and a seed ---
"$B/aworker" --mode=seed-userland "$TMP/w.js" >"$TMP/kept" 2>"$TMP/err" &
HELPERS+=($!)
keeper=$!
await grep -q /proc "$TMP/kept"
matches "$(head -n 1 "$TMP/kept")" initialised "output of one that is made in memory"
state=$(tail -n 1 "$TMP/kept")
matches "$state" "^/proc/$keeper/fd/[0-9]*$" "where it is kept"
for _ in 1 2; do
	serve "$TMP/w.js"
	eq "$(get restored) $(get drawn)" "1 ${same:=$(get drawn)}" "a copy of what is kept in memory"
	eq "$(cat "$TMP/out")" "" "output of a copy"
	stop
done
! (echo x >>"$state") 2>/dev/null || fail "what is kept can be changed"
kill "$keeper"
code 143 wait "$keeper"
[ ! -e "$state" ] || fail "it outlives who keeps it"
state=$TMP/state
fails "state image 'in memory': it has no fetch handler" "$B/aworker" --mode=seed-userland -e 1
fails "option --mode: 'x' is neither seed nor seed-userland" "$B/aworker" --mode=x "$TMP/w.js"
fails "option --build-state: '' is no file" "$B/aworker" --build-state= "$TMP/w.js"
fails "a seed has one name; 'b' is too much" "$B/aworker" --mode=seed a b
fails "'..' is no name for a seed" "$B/aworker" --mode=seed ..
"$B/aworker" --mode=seed mode 2>"$TMP/err" &
HELPERS+=($!)
keeper=$!
ready() {
	turf seed info mode >"$TMP/info" 2>/dev/null
}
await ready
matches "$(cat "$TMP/info")" "keeper pid: +$keeper$" "the process of the keeper"
turf seed stop mode
code 0 wait "$keeper"

# --- what does not fit is passed over, and the source runs ---
build "$TMP/w.js" >/dev/null
passed() { # passed MESSAGE
	serve "$TMP/w.js"
	eq "$(get restored)" 0 "$1"
	stop
	matches "$(head -n 1 "$TMP/err")" "state image '$state': $1"
}
cp "$state" "$TMP/ok"
rm "$state"
passed "open: No such file"
cp "$TMP/ok" "$state"
chmod 0620 "$state"
passed "others than root and this user can write to it"
for size in 0 64 3000 100000; do
	rm -f "$state"
	head -c "$size" "$TMP/ok" >"$state"
	serve "$TMP/w.js"
	eq "$(get restored)" 0 "an image of $size bytes"
	stop
done
rm -f "$state"
cp "$TMP/base" "$state"
passed "a core, but no state image"
cp -f "$TMP/ok" "$state"
mv "$TMP/base" "$TMP/base.old"
passed "base image '.*': No such file"
"$B/aworker" --build-image="$TMP/base"
passed "made from another base image"
