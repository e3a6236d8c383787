#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# exec in the containers of workers: their root holds one file, so what is executed is mounted there.
# shellcheck disable=SC2016 # jq and the inner shells have variables of their own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$B/aworker" ] || skip "aworker is not built: no V8 here"
command -v curl >/dev/null || skip "needs curl"

id=$MARK-a
mkdir -p "$TMP/w/rootfs"
"$TURF" spec --bundle "$TMP/w"
edit "$TMP/w" '.process.terminal = false | .root.readonly = false
	| .process.args = ["aworker", "--listen", "unix:/sock", "worker.js"]
	| .process.env += ["TEST_MARK=\($m)"]
	| .linux.namespaces |= map(select(.type != "network"))
	| .mounts += [{"destination": "/busybox", "type": "bind", "source": $b, "options": ["bind", "ro"]}]' \
	--arg m "$MARK" --arg b "$BUSYBOX"
echo 'addEventListener("fetch", (e) => e.respondWith(new Response("hello")));' >"$TMP/w/rootfs/worker.js"

# try KIND: exec in the worker that runs.
try() {
	local kind=$1 pid ns line

	eq "$(jq -r .payload "$ROOT/$id/state.json")" "$kind"
	pid=$(turf state "$id" | jq .pid)
	eq "$(turf exec "$id" /busybox echo inside)" inside "exec in a $kind worker"
	code 3 turf exec "$id" /busybox sh -c 'exit 3'
	for ns in ipc mnt net pid uts user cgroup; do
		eq "$(turf exec "$id" /busybox readlink /proc/self/ns/$ns)" "$(readlink "/proc/$pid/ns/$ns")" "$kind: $ns"
	done
	turf exec -d --pid-file "$TMP/pid" "$id" /busybox sleep 1000
	for line in CapInh CapPrm CapEff CapBnd CapAmb; do
		eq "$(grep "^$line:" "/proc/$(cat "$TMP/pid")/status")" "$(grep "^$line:" "/proc/$pid/status")" "$kind: $line"
	done
	eq "$(sort "/proc/$(cat "$TMP/pid")/cgroup")" "$(sort "/proc/$pid/cgroup")" "$kind: cgroups"
	kill -9 "$(cat "$TMP/pid")"
	# The worker itself has not noticed.
	eq "$(curl -s --max-time 10 --unix-socket "$TMP/w/rootfs/sock" http://worker/)" hello
	code 255 turf exec "$id" /bin/sh 2>/dev/null
	code 255 turf exec "$id" aworker 2>/dev/null
	turf pause "$id"
	eq "$(status_of "$id")" paused
	code 255 turf exec "$id" /busybox true 2>/dev/null
	turf resume "$id"
	eq "$(curl -s --max-time 10 --unix-socket "$TMP/w/rootfs/sock" http://worker/)" hello "after resume"
}

run() {
	rm -f "$TMP/w/rootfs/sock"
	turf run -d -b "$TMP/w" --warmfork "$1" "$id"
	await test -S "$TMP/w/rootfs/sock"
}

run never
try cold
turf delete -f "$id"
nothing_left "exec in a cold worker"

turf seed start default
run require
try warm
# What was executed dies with the worker.
turf exec -d --pid-file "$TMP/pid" "$id" /busybox sleep 1000
turf delete -f "$id"
nothing_left "exec in a warm worker"
