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
edit "$TMP/w" '.process.terminal = false | .root.readonly = false | .process.capabilities |= map_values([])
	| .process.args = ["aworker", "--listen", "unix:/sock", "worker.js"]
	| .process.env += ["TEST_MARK=\($m)"]
	| .linux.namespaces |= map(select(.type != "network"))
	| .mounts += [{"destination": "/busybox", "type": "bind", "source": $b, "options": ["bind", "ro"]}]' \
	--arg m "$MARK" --arg b "$BUSYBOX"
cat >"$TMP/w/rootfs/worker.js" <<'END'
addEventListener("fetch", (e) => {
	if (e.request.url.endsWith("/compute"))
		for (const end = Date.now() + 500; Date.now() < end; )
			;
	e.respondWith(new Response("hello"));
});
END

# No program is there that could ask: turf's own process does.
report() {
	local before after pid

	before=$(turf exec "$id" aworker report --json | jq .requests.total)
	eq "$(curl -s --max-time 10 --unix-socket "$TMP/w/rootfs/sock" http://worker/)" hello
	turf exec "$id" aworker report --json >"$TMP/report"
	after=$(jq .requests.total "$TMP/report")
	eq "$after" $((before + 1)) "requests that were counted"
	eq "$(jq -c '[.worker, .requests.running, (.uptimeSeconds > 0), (.heap.used > 100000),
		(.heap.used <= .heap.committed), (.heap.committed < .heap.limit)]' "$TMP/report")" \
		'["/worker.js",0,true,true,true,true]' "report"
	matches "$(turf exec "$id" aworker report)" "requests: +$after, 0 of them running" "report for people"
	code 2 turf exec "$id" aworker report --yaml 2>"$TMP/err"
	matches "$(cat "$TMP/err")" "report: '--yaml' is too much" "what it does not know"
	code 1 turf exec "$id" aworker report 4711 2>"$TMP/err"
	matches "$(cat "$TMP/err")" "report: ask process 4711: No such process" "somebody who is not there"
	# With another user's rights it asks in vain, and with the container's it is one of its processes.
	code 1 turf exec -u 4711 "$id" aworker report 2>"$TMP/err"
	matches "$(cat "$TMP/err")" "report: ask process 1: Operation not permitted" "another user"
	# Somebody who does not answer is waited for.
	turf exec -d --pid-file "$TMP/pid" "$id" /busybox sleep 1000
	pid=$(awk '/^NSpid:/ {print $NF}' "/proc/$(cat "$TMP/pid")/status")
	turf exec -d --pid-file "$TMP/asking" "$id" aworker report "$pid"
	for line in CapInh CapPrm CapEff CapBnd CapAmb Uid Gid Groups NoNewPrivs; do
		eq "$(grep "^$line:" "/proc/$(cat "$TMP/asking")/status")" "$(grep "^$line:" "/proc/$(cat "$TMP/pid")/status")" "who asks: $line"
	done
	eq "$(readlink "/proc/$(cat "$TMP/asking")/root")" / "root of who asks"
	eq "$(find "/proc/$(cat "$TMP/asking")/fd" -type l | wc -l)" 4 "descriptors of who asks"
	kill -9 "$(cat "$TMP/asking")" "$(cat "$TMP/pid")"
	# Nobody has to wait for another one's answer, and a worker that computes answers later.
	for _ in 1 2 3 4 5; do
		turf exec "$id" aworker report >>"$TMP/reports" &
	done
	curl -s --max-time 10 --unix-socket "$TMP/w/rootfs/sock" http://worker/compute >"$TMP/out"
	turf exec "$id" aworker report >>"$TMP/reports"
	wait
	eq "$(grep -c '^uptime:' "$TMP/reports")" 6 "reports at the same time"
	rm "$TMP/reports"
}

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
	report
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
