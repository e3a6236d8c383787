#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What is killed under a steady load costs the requests that were in flight on it, and nothing else: none for
# the control plane, a maker, the seed, another build or another set. Afterwards nothing is left over.
# SECONDS_EACH: of load for each of them (100,000 requests in all are a matter of seconds).
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$B/aworker" ] || skip "aworker is not built: no V8 here"
[ -x "$B/noslated" ] || skip "noslated is not built"
for tool in wrk curl; do
	command -v $tool >/dev/null || skip "needs $tool"
done
each=${SECONDS_EACH:-3}
connections=8
export TURF_BASE_IMAGE=$TMP/base TURF_STATES_DIR=$TMP/states
run=$TMP/run
program=$TMP/noslated
cp "$B/noslated" "$program"
mkdir "$TMP/code"
echo 'onfetch = (e) => e.respondWith(new Response("hello"));' >"$TMP/code/hello.js"
ctl() { "$B/noslatectl" --run "$run" "$@"; }
process() { pgrep -f -- "^$program $1"; } # process ROLE
changed() { [ "$(process "$1")" ] && [ "$(process "$1")" != "$2" ]; }
set_of() { # set_of IDLE
	jq -n --arg c "$TMP/code/hello.js" --arg i "$1" '{version: 1, functions: [{name: "hello", code: {path: $c},
		routes: [{path: "/"}], concurrency: 4, replicas: {min: 2, max: 4}, scale: {idle: $i},
		ejectedAfter: 0, breaker: {failures: 0}}]}'
}
free_port() { /usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
port=$(free_port)
daemon() {
	"$program" --listen "127.0.0.1:$port" --run "$run" --state "$TMP/state" --log "$TMP/log" --root "$ROOT" \
		--access-log "$TMP/access" 2>>"$TMP/err" &
	noslated=$!
	HELPERS+=("$noslated")
	await ctl version >/dev/null 2>&1
}
# under_load COMMAND...: again and again for as long as the load lasts; sets `failed` and `times`
under_load() {
	local load

	times=0
	wrk -t1 -c$connections -d"${each}s" --timeout 10s "http://127.0.0.1:$port/" >"$TMP/wrk" &
	load=$!
	sleep 0.3
	while [ -e "/proc/$load/fd/0" ] || kill -0 $load 2>/dev/null; do
		"$@"
		times=$((times + 1))
		[ "$times" -lt 8 ] || break
		sleep 0.3
	done
	wait $load
	requests=$(awk '/ requests in / { print $1 }' "$TMP/wrk")
	failed=$(awk '/Socket errors/ { gsub(",", ""); n += $4 + $6 + $8 + $10 } /Non-2xx/ { n += $NF } END { print n + 0 }' "$TMP/wrk")
	total=$((total + requests))
	echo "$1: $times times during $requests requests, $failed failed"
}
total=0
# What is known of it: of the client, of the daemon, of requests.
tell() {
	cat "$TMP/wrk" "$TMP/err"
	jq -c 'select(.status != 200) | {status, error}' "$TMP/access" | sort | uniq -c
}
free() { [ "$failed" = 0 ] || fail "$failed requests failed: $(tell)"; }
at_most() { [ "$failed" -le "$1" ] || fail "$failed requests failed, at most $1 were in flight: $(tell)"; }

kill_control() {
	local was

	was=$(process --control-plane)
	kill -KILL "$was"
	await changed --control-plane "$was"
	await ctl version >/dev/null 2>&1
}
kill_maker() { kill -KILL "$(process --maker= | shuf -n 1)"; }
kill_seed() { kill -KILL "$(turf seed info default | sed -n 's|^seed pid: *||p')" 2>/dev/null || :; }
apply_another() { set_of "$((20 + RANDOM % 100))s" | ctl apply -; }
upgrade() {
	local was

	was=$(process --data-plane= | tail -n 1)
	cp "$B/noslated" "$program.new"
	mv "$program.new" "$program"
	kill -HUP "$noslated"
	await changed --data-plane= "$was"
	await ctl version >/dev/null 2>&1
}
kill_data() {
	local was

	was=$(process --data-plane=)
	# shellcheck disable=SC2086 # two of them, for a moment
	kill -KILL $was
	await changed --data-plane= "$was"
}
kill_worker() { kill -KILL "$(ctl --json workers | jq '[.[].pid] | .[now * 1000 % length | floor]')"; }

base_image
turf seed start default
daemon
set_of 30s | ctl apply -
answers() { [ "$(curl -sS "http://127.0.0.1:$port/")" = hello ]; }
await answers
under_load true
free
under_load kill_control
free
under_load kill_maker
free
under_load kill_seed
free
under_load apply_another
free
under_load upgrade
free
under_load kill_data
at_most $((times * connections))
under_load kill_worker
at_most $((times * connections))
await answers
eq "$(ctl get | jq -r '[.functions[].name] | join(" ")')" hello "what is applied"
kept() { [ "$(ctl --json workers | jq length)" -ge 2 ]; }
await kept
kill "$noslated"
code 0 wait "$noslated"
eq "$(turf list -q | wc -l)" 0 "containers afterwards"
[ -z "$(ls "$run/workers")" ] || fail "left in $run/workers: $(ls "$run/workers")"
turf seed stop
nothing_left "chaos"
echo "$total requests"
