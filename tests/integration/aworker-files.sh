#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Files beside the worker's own, through Linux AIO: slow_fs.c is a file system whose reads end when
# the test says so, so that what does not overlap would wait for ever.
# shellcheck source=tests/integration/lib-aworker.sh
. "$(dirname "$0")/lib-aworker.sh"
needs curl strace

slow=$TMP/slow
mkdir "$slow"
[ -c /dev/fuse ] || skip "there is no /dev/fuse"
at_end() {
	umount -l "$slow" 2>/dev/null
}
server mounted "$B/tests/slow_fs" "$slow" "$TMP/blob"
release() { # release FILE BYTES: until the file has as many
	[ ! -e "$slow/release" ] && [ "$(wc -c <"$1")" = "$2" ]
}

# What all scripts begin with; the script is on standard input.
cat >"$TMP/head.js" <<'JS'
const url = (name) => new URL(name, import.meta.url);
const failure = (e) => console.log(`${e.name}: ${e.message.replace(/.*: file:[^ ]*\//, '')}`);
const size = async (name) => (await (await fetch(url(name))).arrayBuffer()).byteLength;
JS
script() {
	cat "$TMP/head.js" - >"$TMP/w.mjs"
}
js() { # js [COMMAND]...: output and errors together
	script
	timeout -s KILL 60 "$@" "$A" "$TMP/w.mjs" 2>&1 | without_asan
}

# --- many at once ---
check 'eight files' '8 100000' "$(js <<'JS'
const all = await Promise.all([...'abcdefgh'].map((c) => size(`slow/gate8-${c}`)));
console.log(all.length, new Set(all).size === 1 && all[0]);
JS
)"
check 'as many as the kernel has at a time, and more' '40 100000' "$(js <<'JS'
const all = await Promise.all(Array.from({ length: 40 }, (_, i) => size(`slow/gate4-${i}`)));
console.log(all.length, new Set(all).size === 1 && all[0]);
JS
)"

# --- modules: all of a level at once, then all that they import ---
graph='gate2-a-from-gate3-x,gate3-y.js gate2-b-from-gate3-z.js'
for name in $graph; do
	echo "import './slow/$name';"
done >"$TMP/graph.mjs"
echo 'console.log(import.meta.main)' >>"$TMP/graph.mjs"
check 'static imports' true "$(timeout -s KILL 60 "$A" "$TMP/graph.mjs" 2>&1 | without_asan)"
check 'dynamic imports' 'gate2-a-from-gate3-x,gate3-y.js gate2-b-from-gate3-z.js true' "$(js <<JS
const [a, b] = await Promise.all('$graph'.split(' ').map((name) => import('./slow/' + name)));
console.log(a.default, b.default, (await import('./slow/gate3-x.js')) === (await import('./slow/gate3-x.js')));
JS
)"
check 'one that waits for another one' 'gate2-c.js gate2-d-from-gate2-c.js' "$(js <<'JS'
const all = await Promise.all(['gate2-c', 'gate2-d-from-gate2-c'].map((x) => import(`./slow/${x}.js`)));
console.log(all.map((x) => x.default).join(' '));
JS
)"
check 'a failure says where' "Error: Cannot import './slow/eio-a.js': read '$slow/eio-a.js': Input/output error
    at load ($TMP/w.mjs:4:20)
    at $TMP/w.mjs:5:7" "$(js <<'JS'
const load = () => import('./slow/eio-a.js');
await load().catch((e) => console.log(e.stack));
JS
)"

# --- what can be wrong with one ---
check 'no file, no more of one, no bytes' 'TypeError: none: open '\''none'\'': No such file or directory
TypeError: fifo: it is no regular file
TypeError: directory: it is no regular file
TypeError: eio-a: it cannot be read: Input/output error
TypeError: short-a: it has become shorter while it was read' "$(js <<'JS'
for (const name of ['none', 'slow/fifo', 'slow/directory', 'slow/eio-a', 'slow/short-a'])
	await size(name).catch(failure);
JS
)"
check 'HEAD reads nothing' '100000 0 200' "$(js <<'JS'
const response = await fetch(url('slow/held-head'), { method: 'HEAD' });
console.log(response.headers.get('content-length'), (await response.text()).length, response.status);
JS
)"

# --- a startup snapshot: all of its pieces at once ---
echo 'console.log("from source"); onfetch = (e) => e.respondWith(new Response("on"));' >"$TMP/s.js"
"$A" --build-snapshot --snapshot-blob "$TMP/blob" "$TMP/s.js" >/dev/null
snapshot() { # snapshot NAME [COMMAND]...: what is said of it, and the answer of what goes on
	local blob=$slow/$1

	shift
	rm -f "$TMP/sock"
	timeout -s KILL 60 "$@" "$A" --snapshot-blob "$blob" --require-snapshot --listen "unix:$TMP/sock" \
		>"$TMP/out" 2>"$TMP/err" &
	worker=$!
	await eval "[ -S '$TMP/sock' ] || ! kill -0 $worker"
	[ ! -S "$TMP/sock" ] || get http://h/
	kill "$worker" 2>/dev/null
	wait "$worker"
	worker=
	without_asan <"$TMP/err" | sed "s|.*$blob'*: ||"
	cat "$TMP/out"
}
pieces=$((($(stat -c %s "$TMP/blob") + 131071) / 131072)) # of what FUSE asks for at a time
check "a snapshot, $pieces reads at once" on "$(snapshot "gate$pieces-copy")"
for broken in io_setup:error=EAGAIN io_submit:error=EAGAIN; do
	check "a snapshot, $broken" on "$(snapshot plain-copy "${traced[@]}" -f -o "$TMP/trace" -e inject="$broken")"
	check "$broken was met" yes "$(grep -q INJECTED "$TMP/trace" && echo yes)"
done
check 'one that cannot be read' 'Input/output error' "$(snapshot eio-copy)"
check 'one that is none' 'it is no startup snapshot' "$(snapshot plain-x)"
check 'one that becomes shorter' 'Input/output error' "$(snapshot short-x)"

# --- without a context, or with a kernel that takes no more ---
for broken in io_setup:error=EAGAIN io_setup:error=ENOSYS io_submit:error=EAGAIN io_submit:error=ENOSPC; do
	check "$broken" '3 100000' "$(js "${traced[@]}" -f -o "$TMP/trace" -e inject="$broken" <<'JS'
const all = await Promise.all([...'abc'].map((c) => size(`slow/plain-${c}`)));
console.log(all.length, new Set(all).size === 1 && all[0]);
JS
	)"
	check "$broken was met" yes "$(grep -q INJECTED "$TMP/trace" && echo yes)"
done

# --- a worker goes on while it reads, and a body at the pace of who reads it ---
truncate -s 300M "$TMP/large"
script <<'JS'
let clone;
let controller;
let reader;
const routes = {
	'/held': () => fetch(url('slow/held-a')),
	'/count': () => fetch(url('slow/count')),
	'/start': async () => {
		controller = new AbortController();
		const { signal } = controller;
		reader = (await fetch(url('slow/held-b'), { signal })).body.getReader();
		reader.read().catch((e) => console.log('aborted', e.name));
		return new Response('started');
	},
	'/abort': () => {
		controller.abort();
		return new Response('abort');
	},
	'/first': async () => {
		reader = (await fetch(url('large'))).body.getReader();
		return new Response((await reader.read()).value.length);
	},
	'/large': () => fetch(url('large')),
	'/clone': async () => {
		const response = await fetch(url('small'));
		clone = response.clone();
		return response;
	},
	'/cloned': () => clone,
	'/small': () => fetch(url('small')),
	'/import': async () => new Response((await import('./slow/held-c-from-held-d.js')).default),
};
export default { fetch: (request) => routes[new URL(request.url).pathname]() };
JS
serve "$TMP/w.mjs"
open_files() { # open_files NAME: how many descriptors of the worker are of it
	find "/proc/$worker/fd" -lname "*$1" | wc -l
}
read_bytes() {
	sed -n 's/^rchar: //p' "/proc/$worker/io"
}
reads_wait() { # reads_wait N
	[ "$(get http://h/count | wc -c)" = "$1" ]
}

get http://h/held >"$TMP/held" &
HELPERS+=($!)
await reads_wait 1
check 'it is open' 1 "$(open_files held-a)"
await release "$TMP/held" 100000
await reads_wait 0
check 'it is closed' 0 "$(open_files held-a)"

check 'a read that is aborted' started "$(get http://h/start)"
await reads_wait 1
check 'it is open, too' 1 "$(open_files held-b)"
get http://h/abort >/dev/null
said out 'aborted AbortError'
check 'an aborted one is closed at once' 0 "$(open_files held-b)"
check 'while the kernel still reads' 1 "$(get http://h/count | wc -c)"
await release "$TMP/held" 100000
await reads_wait 0

echo 'a small file' >"$TMP/small"
check 'a small file' 'a small file' "$(get http://h/small)"
check 'one that is cloned' 'a small file' "$(get http://h/clone)"
check 'it is sent again' 'a small file' "$(get http://h/small)"
check 'and its clone' 'a small file' "$(get http://h/cloned)"
get http://h/import >"$TMP/imported" &
HELPERS+=($!)
await reads_wait 1
check 'others are answered while a module is read' 0 "$(open_files /held-d.js)"
await release "$TMP/imported" "$(printf held-c-from-held-d.js | wc -c)"

before=$(read_bytes)
check 'a piece' 65536 "$(get http://h/first)"
check 'and no more is read' yes "$([ $(($(read_bytes) - before)) -lt 4000000 ] && echo yes)"
check 'a large file' 314572800 "$(get http://h/large | wc -c)"
peak=$(sed -n 's/^VmHWM:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$worker/status")
[ $asan = yes ] || check "is never in memory ($peak KiB)" yes "$([ "$peak" -lt 200000 ] && echo yes)"
stop

# --- what the socket does not take of a file ---
aworker=$A
A=$TMP/broken
printf '#!/bin/sh\nexec %s -D -f -o "%s" -e inject=sendfile:error=EAGAIN "%s" "$@"\n' \
	"${traced[*]}" "$TMP/trace" "$aworker" >"$A"
chmod 755 "$A"
serve "$TMP/w.mjs"
check 'it waits in memory' 'a small file' "$(get http://h/small)"
stop
A=$aworker
check 'sendfile was met' yes "$(grep -q 'sendfile.*INJECTED' "$TMP/trace" && echo yes)"
umount "$slow" || fail "something is still open"

verdict
