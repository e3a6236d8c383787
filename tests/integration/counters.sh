#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a clone costs, in numbers that no other load on the machine changes: mappings, and memory of
# its own, parked and after its first answer. From the base image and from a new engine.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

VMAS_MAX=250
PARKED_KIB_MAX=100
# Pages written to up to the first answer.
HELLO_PAGES_MAX=300
HELLO_KIB_MAX=1024
# System calls of a clone, from its birth to its first answer.
CALLS_MAX=300

[ -x "$B/aworker" ] || skip "aworker is not built: no V8 here"
export TURF_BASE_IMAGE=$TMP/base
base_image
id=$MARK-a
dir=$TMP/b
mkdir -p "$dir/rootfs"/{proc,dev,sys,tmp}
echo "addEventListener('fetch', (e) => e.respondWith(new Response('hello')));" >"$dir/rootfs/worker.js"
turf spec --bundle "$dir"
edit "$dir" '.root.readonly = false | .process.terminal = false
	| .process.args = ["aworker", "--listen=unix:/tmp/s", "/worker.js"]'

dirty_kib() {
	awk '/^Private_Dirty:/ {print $2}' "/proc/$1/smaps_rollup"
}
at_most() { # at_most LIMIT VALUE WHAT
	echo "$3: $2, at most $1"
	[ "$2" -le "$1" ] || fail "$3: $2, more than $1"
}
all_parked() {
	turf seed info | awk '/^parked:/ { exit $2 != $4 }'
}
# costs ENGINE: what clones of a seed with that engine cost
costs() {
	local engine=$1 keeper seed parked pid

	turf seed start default
	matches "$(turf seed info)" "engine: +$engine"
	await all_parked
	keeper=$(turf seed info | sed -n 's/^keeper pid: *//p')
	seed=$(turf seed info | sed -n 's/^seed pid: *//p')
	parked=$(tr ' ' '\n' <"/proc/$keeper/task/$keeper/children" | grep -vx "$seed" | head -n 1)
	at_most $PARKED_KIB_MAX "$(dirty_kib "$parked")" "KiB of a parked clone, $engine"
	turf run -d --exit-file --warmfork require -b "$dir" "$id" </dev/null >"$TMP/out"
	await test -S "$dir/rootfs/tmp/s"
	eq "$(curl -s --unix-socket "$dir/rootfs/tmp/s" http://h/)" hello
	pid=$(turf state "$id" | jq .pid)
	at_most $VMAS_MAX "$(wc -l <"/proc/$pid/maps")" "mappings, $engine"
	at_most $HELLO_PAGES_MAX $(($(dirty_kib "$pid") / 4)) "pages written to up to the first answer, $engine"
	at_most $HELLO_KIB_MAX "$(dirty_kib "$pid")" "KiB of a clone that has answered, $engine"
	turf delete -f "$id"
	rm "$dir/rootfs/tmp/s"
	turf seed stop
}
costs "from the base image"
rm "$TURF_BASE_IMAGE"
costs new

# What a clone asks the kernel for, of which it makes none twice without a reason.
base_image
turf seed start --parked 0 default
seed=$(turf seed info | sed -n 's/^seed pid: *//p')
strace -f -qq -o "$TMP/trace" -p "$seed" &
tracer=$!
traced() { grep -q "^TracerPid:[[:space:]]*$tracer$" "/proc/$seed/status"; }
await traced
turf run -d --exit-file --warmfork require -b "$dir" "$id" </dev/null >"$TMP/out"
await test -S "$dir/rootfs/tmp/s"
eq "$(curl -s --unix-socket "$dir/rootfs/tmp/s" http://h/)" hello
pid=$(turf state "$id" | jq .pid)
kill "$tracer"
wait "$tracer" || :
# A call that waited is one, though it has two lines.
sed -n "/^$pid .*resumed>/d; s/^$pid *//p" "$TMP/trace" | sed '/HTTP\/1.1 200/q' >"$TMP/calls"
grep -q 'HTTP/1.1 200' "$TMP/calls" || fail "no answer in the trace: $(tail -n 3 "$TMP/calls")"
sed 's/(.*//' "$TMP/calls" | sort | uniq -c | sort -rn | awk '{printf "%s %s, ", $1, $2} END {print ""}'
at_most $CALLS_MAX "$(wc -l <"$TMP/calls")" "system calls of a clone up to its first answer"
turf delete -f "$id"
turf seed stop
nothing_left "counting"
