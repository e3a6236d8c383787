#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Worker bundles: a root file system of one file, cold and forked from a seed; which of the two is
# taken; what is said when a worker is at fault.
# shellcheck disable=SC2016 # jq and the inner shells have variables of their own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$B/aworker" ] || skip "aworker is not built: no V8 here"
command -v curl >/dev/null || skip "needs curl"

id=$MARK-a

# worker DIR FILE.js [ARG...]: a root with that file alone.
worker() {
	local dir=$1 file=$2

	shift 2
	mkdir -p "$dir/rootfs"
	rm -f "$dir/config.json"
	"$TURF" spec --bundle "$dir"
	edit "$dir" '.process.terminal = false | .root.readonly = false
		| .process.args = ["aworker"] + $ARGS.positional
		| .process.env += ["TEST_MARK=\($m)"]
		| .linux.namespaces |= map(select(.type != "network"))' \
		--arg m "$MARK" --args -- "$file" "$@"
}
payload_of() {
	jq -r .payload "$ROOT/$1/state.json"
}

worker "$TMP/hello" worker.js
edit "$TMP/hello" '.process.args = ["aworker", "--listen", "unix:/sock", "worker.js"]'
cat >"$TMP/hello/rootfs/worker.js" <<'JS'
addEventListener('fetch', (event) => event.respondWith(new Response('hello ' + Math.random())));
JS
worker "$TMP/short" worker.js
echo "console.log('ran');" >"$TMP/short/rootfs/worker.js"

fetch() {
	curl -s --max-time 10 --unix-socket "$TMP/hello/rootfs/sock" http://worker/
}
# serve KIND [OPTION...]: runs it detached, fetches, and checks how it was made.
serve() {
	local kind=$1

	shift
	rm -f "$TMP/hello/rootfs/sock"
	turf run -d -b "$TMP/hello" "$@" "$id"
	await test -S "$TMP/hello/rootfs/sock"
	matches "$(fetch)" '^hello 0\.[0-9]+$' "answer of a $kind worker"
	eq "$(payload_of "$id")" "$kind"
	turf kill "$id" TERM
	await has_status "$id" stopped
	turf delete "$id"
	nothing_left "a $kind worker"
}

# --- cold ---
serve cold --warmfork never
[ ! -e "$TURF_SEEDS_DIR" ] || fail "'never' started a seed"
fails "seed 'default'" turf run -b "$TMP/short" --warmfork require "$id"
nothing_left "a refused cold start"

# --- a body for which there is no memory ends its request, and nothing else ---
worker "$TMP/small" worker.js
edit "$TMP/small" '.process.args = ["aworker", "--listen", "unix:/sock", "worker.js"]
	| .linux.resources.memory = {limit: 134217728}'
cat >"$TMP/small/rootfs/worker.js" <<'JS'
export default { async fetch(request) {
	try {
		await request.arrayBuffer();
	} catch (error) {
		console.log('caught', error.name);
		throw error;
	}
	return new Response(new Uint8Array(30e6).length);
} };
JS
small() {
	curl -s --max-time 60 --unix-socket "$TMP/small/rootfs/sock" "$@" http://worker/
}
turf run -d -b "$TMP/small" --warmfork never "$id" >"$TMP/out"
await test -S "$TMP/small/rootfs/sock"
eq "$(small)" 30000000
eq "$(head -c 400000000 /dev/zero | small -T - -o /dev/null -w '%{http_code}')" 500 "a body of 400 MB"
await grep -q 'caught TypeError' "$TMP/out"
eq "$(small)" 30000000 "after it"
turf delete --force "$id"
nothing_left "a body without memory"

# create's callers need a descendant, unless they say otherwise.
fails "warmfork is required, but the caller needs a descendant" \
	turf create -b "$TMP/short" --warmfork require "$id"
turf create -b "$TMP/hello" "$id"
eq "$(payload_of "$id")" cold
eq "$(status_of "$id")" created
turf delete --force "$id"
nothing_left "a cold worker at its gate"

# --- the first run starts a seed, the next ones are warm ---
eq "$(turf --log-level info run -b "$TMP/short" "$id" 2>"$TMP/err")" ran
grep -q "cold start: seed 'default'" "$TMP/err" || fail "nothing is said of a cold start: $(cat "$TMP/err")"
seed_is_ready() {
	turf seed info 2>/dev/null | grep -q '^state: *ready'
}
await seed_is_ready
serve warm
serve warm --warmfork require
serve cold --warmfork never
eq "$(turf run -b "$TMP/short" --warmfork require "$id")" ran
# A clone sees no file of the host while its sandbox is made, but one that has to: for a user
# namespace, for a file system that is mounted by a path, without a mount namespace.
cp "$TMP/short/config.json" "$TMP/plain.json"
sees_host() {
	edit "$TMP/short" "$@"
	eq "$(turf run -b "$TMP/short" --warmfork require "$id")" ran "with $1"
	cp "$TMP/plain.json" "$TMP/short/config.json"
}
chown -R 100000:100000 "$TMP/short/rootfs"
sees_host '.linux.namespaces += [{"type": "user"}]
	| .linux.uidMappings = [{"containerID": 0, "hostID": 100000, "size": 65536}]
	| .linux.gidMappings = .linux.uidMappings'
chown -R 0:0 "$TMP/short/rootfs"
mkdir "$TMP/lower"
sees_host '.mounts += [{"destination": "/over", "type": "overlay", "source": "overlay",
	"options": ["lowerdir=" + $lower + ":" + $lower + "/../short"]}]' --arg lower "$TMP/lower"
sees_host 'del(.linux.namespaces[] | select(.type == "mount")) | .mounts = []
	| .linux.maskedPaths = [] | .linux.readonlyPaths = []'
# Who may mount has a root with nothing below it.
sees_host '.process.capabilities.bounding += ["CAP_SYS_ADMIN"]'
serve warm --warmfork require
# Time zone and locale are the container's, whoever made the engine.
worker "$TMP/local" -e 'console.log((1234.5).toLocaleString(), new Date(0).getHours())'
edit "$TMP/local" '.process.env += ["LANG=de_DE.UTF-8", "TZ=Asia/Tokyo"]'
for way in require never; do
	eq "$(turf run -b "$TMP/local" --warmfork "$way" "$id")" "1.234,5 9" "time zone and locale ($way)"
done

# The annotation says the same as the option, which wins.
edit "$TMP/short" '.annotations = {"turf.noslate.dev/warmfork": "never"}'
turf run --keep -b "$TMP/short" "$id" >/dev/null
eq "$(payload_of "$id")" cold
turf delete "$id"
turf run --keep -b "$TMP/short" --warmfork auto "$id" >/dev/null
eq "$(payload_of "$id")" warm
[ -s "$ROOT/$id/exit" ] || fail "a clone left no exit file"
turf delete "$id"
edit "$TMP/short" 'del(.annotations)'

# create for a caller that reads the exit file.
turf create --exit-file -b "$TMP/short" "$id" >/dev/null
eq "$(payload_of "$id")" warm
eq "$(status_of "$id")" created
turf start "$id"
await has_status "$id" stopped
turf delete "$id"
turf create --exit-file -b "$TMP/hello" "$id"
turf delete --force "$id"
nothing_left "warm workers"

# --- what is no worker ---
mkdir -p "$TMP/own/rootfs/bin"
cp -a "$TMP/short/." "$TMP/own/"
cp "$BUSYBOX" "$TMP/own/rootfs/bin/aworker"
turf run --keep -b "$TMP/own" "$id" >/dev/null 2>&1 || :
eq "$(payload_of "$id")" exec "payload of an image with an aworker of its own"
turf delete "$id"
bundle "$TMP/busybox" true
fails "warmfork is required, but 'true' is no worker" turf run --warmfork require -b "$TMP/busybox" "$id"

# --- workers at fault, warm and cold alike ---
at_fault() { # at_fault CODE PATTERN
	local kind

	for kind in require never; do
		code "$1" turf run -b "$TMP/fault" --warmfork $kind "$id" >/dev/null 2>"$TMP/err" </dev/null
		matches "$(cat "$TMP/err")" "$2" "what a faulty worker says ($kind)"
		nothing_left "a faulty worker ($kind)"
	done
}
worker "$TMP/fault" nosuch.js
# Told before the gate: create itself fails.
at_fault 1 "open .nosuch.js.: No such file"
worker "$TMP/fault" worker.js
printf 'let a = 1;\nlet b = ;\n' >"$TMP/fault/rootfs/worker.js"
at_fault 1 "worker.js:2:9"
printf 'function f() {\n  throw new Error("mine");\n}\nf();\n' >"$TMP/fault/rootfs/worker.js"
at_fault 1 "worker.js:2"
cp "$TMP/hello/rootfs/worker.js" "$TMP/fault/rootfs/"
# A port that somebody has: ours, on loopback, with a number from the kernel.
"$B/tests/hold_port" >"$TMP/port" &
holder=$!
HELPERS+=("$holder")
await test -s "$TMP/port"
edit "$TMP/fault" '.process.args = ["aworker", "--listen", "127.0.0.1:\($port)", "worker.js"]' \
	--arg port "$(cat "$TMP/port")"
at_fault 4 "listen on '127.0.0.1:$(cat "$TMP/port")': the address is in use"
kill $holder

# --- the limits of JavaScript, warm and cold alike ---
edit "$TMP/fault" '.process.args = ["aworker", "worker.js"]
	| .linux.resources.memory.limit = 134217728'
echo 'const all = []; for (;;) all.push(new Array(100).fill(all.length));' >"$TMP/fault/rootfs/worker.js"
at_fault 5 "JavaScript heap out of memory .limit 64 MiB."
edit "$TMP/fault" '.annotations = {"turf.noslate.dev/heap-limit": "32Mi"}'
at_fault 5 "JavaScript heap out of memory .limit 32 MiB."
edit "$TMP/fault" '.annotations = {"turf.noslate.dev/heap-limit": "1G"}'
at_fault 5 "JavaScript heap out of memory .limit 64 MiB."
# Of two limits the lower one counts.
echo 'for (;;);' >"$TMP/fault/rootfs/worker.js"
edit "$TMP/fault" '.process.args = ["aworker", "--task-limit=200ms", "worker.js"]
	| .annotations = {"turf.noslate.dev/task-limit": "1h"}'
at_fault 6 "worker.js:1:1: a task takes more than 200 ms of processor time, its limit"
edit "$TMP/fault" '.process.args[1] = "--task-limit=1h"
	| .annotations = {"turf.noslate.dev/task-limit": "2h", "turf.noslate.dev/cpu-limit": "200ms"}'
at_fault 7 "worker.js:1:1: the worker has used 200 ms of processor time, its limit"
edit "$TMP/fault" '.process.args = ["aworker", "worker.js"] | .annotations = {}'
# Signals end what never comes back to its loop.
echo 'console.log("busy"); for (;;);' >"$TMP/fault/rootfs/worker.js"
taken() { grep -Eq '^ShdPnd:[[:space:]]*0+$' "/proc/$(turf state "$id" | jq .pid)/status"; }
for kind in require never; do
	"$TURF" --root "$ROOT" run --keep -b "$TMP/fault" --warmfork $kind "$id" >"$TMP/out" 2>"$TMP/err" &
	runner=$!
	await grep -q busy "$TMP/out"
	turf kill "$id" TERM
	await taken
	turf kill "$id" TERM
	code 143 wait $runner
	turf delete "$id"
	nothing_left "a busy worker ($kind)"
done

# --- a seed that dies ---
seed=$(turf seed info | sed -n 's/^seed pid: *//p')
kill -STOP "$seed"
fails "seed 'default'" turf run -b "$TMP/short" --warmfork require "$id"
nothing_left "a seed that hangs"
"$TURF" --root "$ROOT" run -b "$TMP/short" "$id" >"$TMP/out" &
runner=$!
# It has made the container and waits for the seed.
waits() {
	[ -e "$ROOT/$id/state.json" ] && grep -q '^State:[[:space:]]*S' "/proc/$runner/status"
}
await waits
kill -KILL "$seed"
wait $runner || fail "a run failed because its seed died"
eq "$(cat "$TMP/out")" ran
nothing_left "a seed that was killed in the middle"
await seed_is_ready
serve warm --warmfork require

# --- seed verbs ---
matches "$(turf seed list)" "default +ready +[0-9]+ +0 "
turf create --exit-file -b "$TMP/short" "$id"
fails "seed 'default'" turf seed stop
turf delete --force "$id"
stopped() { turf seed stop 2>/dev/null; }
await stopped
fails "seed 'default'" turf seed info
fails "seed 'default'" turf seed stop
turf seed start other --max-clones 1
matches "$(turf seed info other)" "clones alive: *0 of 1"
fails "seed 'other'" turf seed start other
edit "$TMP/short" '.annotations = {"turf.noslate.dev/seed": "other"}'
turf create --exit-file -b "$TMP/short" "$id"
fails "seed 'other'" turf run -b "$TMP/short" --warmfork require "$id-2"
eq "$(turf run -b "$TMP/short" "$id-2")" ran "when the seed is full"
turf delete --force "$id"
await turf seed stop other
nothing_left "seeds"
