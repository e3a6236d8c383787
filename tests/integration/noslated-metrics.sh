#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What noslated says of itself: metrics as Prometheus' own parser reads them, the access log, traces as a
# collector gets them; whether they agree with what clients have sent, also when a data plane is killed.
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$B/aworker" ] || skip "aworker is not built: no V8 here"
[ -x "$B/noslated" ] || skip "noslated is not built"
for tool in curl jq /usr/bin/python3; do
	command -v $tool >/dev/null || skip "needs $tool"
done
/usr/bin/python3 -c 'import prometheus_client' 2>/dev/null || skip "needs python3-prometheus-client"
export TURF_BASE_IMAGE=$TMP/base TURF_STATES_DIR=$TMP/states OTEL_SERVICE_NAME=noslated-test
code=$TMP/code
front=$TMP/front
run=$TMP/run
log=$TMP/access.log
mkdir "$code"
reader() { /usr/bin/python3 -B "$here/noslated_metrics.py" "$@"; }
here=$(realpath "$(dirname "$0")")
ctl() { "$B/noslatectl" --run "$run" "$@"; }
get() { # get FUNCTION PATH [ARG]...
	curl -sS --max-time 60 --unix-socket "$front" -H "x-noslate-function: $1" "http://any$2" "${@:3}"
}
scrape() { # scrape open|plain [SOCKET]
	local accept=text/plain

	[ "$1" = plain ] || accept='application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3'
	curl -sS --max-time 20 --unix-socket "${2:-$TMP/metrics}" -H "Accept: $accept" http://x/metrics
}
# value NAME [LABEL=VALUE]...: the sum of such samples. What a parser makes of it is looked at by check.
value() {
	local wanted='' label

	for label in "${@:2}"; do
		wanted+="${label%%=*}=\"${label#*=}\"|"
	done
	scrape open | awk -v name="$1" -v wanted="$wanted" '
		{ own = $1; sub(/\{.*/, "", own) }
		own != name { next }
		{ n = split(wanted, list, "|"); for (i = 1; i < n; i++) if (!index($1, list[i])) next; sum += $2; found = 1 }
		END { if (found) printf "%.9g\n", sum; else print "none" }'
}
is() { # is VALUE NAME [LABEL=VALUE]...
	[ "$(value "${@:2}")" = "$1" ]
}
above() { # above NUMBER NAME [LABEL=VALUE]...
	awk -v n="$(value "${@:2}")" -v m="$1" 'BEGIN { exit !(n + 0 > m) }'
}
daemon() { # daemon [ARG]...
	"$B/noslated" --listen "unix:$front" --run "$run" --state "$TMP/state" --log "$TMP/log" \
		--root "$ROOT" --metrics "unix:$TMP/metrics" --access-log "$log" "$@" 2>>"$TMP/err" &
	noslated=$!
	HELPERS+=("$noslated")
	await ready
}
ready() { curl -sf --unix-socket "$TMP/metrics" http://x/readyz >/dev/null; }
ends() {
	kill "$noslated"
	code 0 wait "$noslated"
}
functions() { # functions JQ: the set, changed
	jq -n --arg code "$code" '
		def f(name; file): {name: name, code: {path: ($code + "/" + file)}, resources: {memory: "128Mi"},
			tenant: "shop", scale: {idle: "60s"}};
		{version: 1, functions: [f("hello"; "hello.js"), f("slow"; "slow.js") + {concurrency: 1, replicas: {max: 1}},
			f("few"; "hello.js") + {rate: {perSecond: 1, burst: 2}}, f("crashes"; "crashes.js"),
			f("brief"; "hello.js") * {scale: {idle: "100ms"}}]} | '"$1"
}

echo 'onfetch = (e) => e.respondWith(new Response(e.request.headers.get("traceparent")));' >"$code/hello.js"
echo 'onfetch = (e) => e.respondWith(new Promise((done) => setTimeout(() => done(new Response("late")), 300)));' >"$code/slow.js"
echo 'onfetch = (e) => { if (e.request.url.endsWith("/die")) setTimeout(() => { throw new Error("now"); }); e.respondWith(new Promise((done) => setTimeout(() => done(new Response("alive")), 50))); };' >"$code/crashes.js"

refuses() { # refuses PATTERN ARG...
	fails "$1" "$B/noslated" --run "$run" --state "$TMP/state" --log "$TMP/log" --root "$ROOT" --listen "unix:$front" "${@:2}"
}
refuses "trace-ratio: '2' is no number from 0 to 1" --trace-ratio 2
refuses "metrics: 'nowhere' is neither" --metrics nowhere
refuses "access-log: 'a.log' is neither '-' nor absolute" --access-log a.log
refuses "access-log: open '/nowhere/a.log': No such file" --access-log /nowhere/a.log
refuses "'https://127.0.0.1' does not begin with http://" --otlp https://127.0.0.1
refuses "'collector' is no address" --otlp http://collector:4318
base_image
turf seed start default
/usr/bin/python3 -B "$here/noslated_metrics.py" collector "$TMP/port" "$TMP/traces" &
HELPERS+=($!)
await test -e "$TMP/port"
daemon --otlp "http://127.0.0.1:$(cat "$TMP/port")" --trace-ratio 1
eq "$(curl -s --unix-socket "$TMP/metrics" http://x/healthz)" '{"status": "ok"}' "it lives"
eq "$(curl -s --unix-socket "$TMP/metrics" -o /dev/null -w '%{http_code}' http://x/v1/functions)" 404 "what others may not ask"
eq "$(curl -s --unix-socket "$TMP/metrics" -o /dev/null -w '%{http_code}' -X POST http://x/metrics)" 405 "what nobody may"
functions . | ctl apply -

# --- metrics ---
reader check open < <(scrape open) >/dev/null
for i in 1 2 3 4; do
	get hello "/[1-100]" -o /dev/null &
	askers[i]=$!
done
# Under load it is read, too.
for _ in 1 2 3 4 5; do
	scrape open | reader check open >/dev/null || fail "a text under load"
	scrape plain "$run/admin.sock" | reader check plain >/dev/null || fail "a text of the admin socket under load"
done
wait "${askers[@]}"
await is 400 noslate_data_invoke_count_total function=hello tenant=shop code=2xx
eq "$(value noslate_data_invoke_duration_seconds_count function=hello)" 400 "values of the histogram"
eq "$(scrape plain | reader value plain noslate_data_invoke_count_total function=hello tenant=shop)" 400 "as Prometheus reads it"
eq "$(scrape open | reader value open noslate_data_invoke_count_total function=hello tenant=shop)" 400 "as OpenMetrics is read"
eq "$(get few /[1-3] -o /dev/null -w '%{http_code} ')" "200 200 429 " "more than it may have"
await is 1 noslate_data_error_count_total function=few error=rate_limited
eq "$(value noslate_data_invoke_count_total function=few code=4xx)" 1 "errors by class"
curl -sS --unix-socket "$front" http://any/none -o /dev/null
await is 1 noslate_node_refused_total error=no_function
# Those that wait for the one worker.
for i in 1 2 3 4 5 6; do
	get slow / -o /dev/null &
	askers[i]=$!
done
await above 0 noslate_data_requests function=slow state=waiting
wait "${askers[@]}"
await is 6 noslate_data_queued_request_duration_seconds_count function=slow
above 0.29 noslate_data_queued_request_duration_seconds_sum function=slow || fail "the wait is too short"
above 0 noslate_data_cold_start_count_total function=slow || fail "nobody has waited for the start"
await is 1 noslate_data_workers function=hello state=idle
await above 1000000 noslate_control_replica_mem_rss_bytes function=hello
eq "$(value noslate_control_function_replica_total_count function=hello)" 1 "workers"
eq "$(value noslate_control_function_replica_start_duration_seconds_count function=hello)" 1 "starts"
eq "$(value noslate_node_functions)" 5 "functions"

# --- how workers end ---
eq "$(get brief / -o /dev/null -w '%{http_code}')" 200 "one that goes when it is idle"
await is 1 noslate_control_function_replica_exit_count_total function=brief reason=stopped
get crashes /die -X POST -o /dev/null
await is 1 noslate_control_function_replica_exit_count_total function=crashes reason=failed
get crashes /die -o /dev/null
await is 1 noslate_data_retry_count_total function=crashes
get crashes / -o /dev/null
kill -KILL "$(ctl --json workers | jq '.[] | select(.function == "crashes") | .pid')"
await is 1 noslate_control_function_replica_exit_count_total function=crashes reason=killed

# --- the access log ---
await test -s "$log"
same_as_log() { [ "$(wc -l <"$log")" = "$(value noslate_node_answered_total)" ]; }
await same_as_log
eq "$(jq -s '[.[] | select(.function == "hello" and .status == 200)] | length' "$log")" 400 "lines"
eq "$(jq -s '[.[] | select(.error == "rate_limited")] | length' "$log")" 1 "lines of errors"
mv "$log" "$log.1"
kill -USR1 "$noslated"
await test -e "$log"
get hello /rotated -o /dev/null
await grep -q /rotated "$log"
eq "$(wc -l <"$log")" 1 "lines of the new file"

# --- a data plane that is killed: nothing goes backwards ---
before=$(value noslate_data_invoke_count_total)
kill -KILL "$(pgrep -P "$(pgrep -P "$noslated" -f -- --control-plane)" -f -- --data-plane=)"
await is 2 noslate_node_data_plane_starts_total
await get hello /again -o /dev/null
above "$before" noslate_data_invoke_count_total || fail "less than $before"
eq "$(scrape open | reader check open)" "$(scrape plain | reader check plain)" "families"

# --- functions that go: the sum stays ---
before=$(value noslate_data_invoke_count_total)
functions 'del(.functions[0])' | ctl apply -
removed() { above 400 noslate_data_invoke_count_total 'function=(removed)'; }
await removed
eq "$(value noslate_data_invoke_count_total function=hello)" none "one that is no more"
above $((before - 1)) noslate_data_invoke_count_total || fail "the sum was $before"
functions . | ctl apply -
await above 400 noslate_data_invoke_count_total function=hello

# --- traces: by 503 the collector was asked again ---
id=4bf92f3577b34da6a3ce929d0e0e4736
worker=$(get hello /traced -H "traceparent: 00-$id-00f067aa0ba902b7-01" -H 'tracestate: a=b')
matches "$worker" "^00-$id-[0-9a-f]{16}-01$" "what a worker gets"
get hello /not-sampled -H "traceparent: 00-$id-00f067aa0ba902b7-00" -o /dev/null
await grep -q "$id" "$TMP/traces"
exported() { is "$(value noslate_node_traces_total)" noslate_control_traces_sent_total; }
await exported
eq "$(value noslate_control_traces_lost_total)" 0 "traces that were lost"
reader traces "$TMP/traces" >"$TMP/spans"
eq "$(jq '.counts.server' "$TMP/spans")" "$(value noslate_node_traces_total)" "spans of requests"
span() { jq -r --arg id $id "[.spans[] | select(.traceId == \$id and .kind == $1)] | .[] | $2" "$TMP/spans"; }
eq "$(span 2 .parentSpanId)" 00f067aa0ba902b7 "its parent"
eq "$(span 2 .name)" "GET hello" "its name"
eq "$(span 3 .spanId)" "$(cut -d- -f3 <<<"$worker")" "the parent of what the worker does"
eq "$(span 3 .parentSpanId)" "$(span 2 .spanId)" "parentage"
jq -e '.counts.queue >= 6 and .counts.start >= 1' "$TMP/spans" >/dev/null || fail "$(jq -c .counts "$TMP/spans")"
ends

# --- without any of it ---
log=-
daemon >"$TMP/out"
get hello /plain -o /dev/null
await grep -q '"path":"/plain"' "$TMP/out"
above 400 noslate_data_invoke_count_total function=hello || fail "a restart has forgotten"
ends
if [ -e "$TMP/metrics" ] || [ -e "$run/admin.sock" ]; then fail "a socket is left"; fi
turf seed stop
nothing_left "a scheduler that has ended"
