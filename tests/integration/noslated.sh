#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# noslated from end to end: functions are applied, requests come, workers in containers answer them; those
# that misbehave hurt themselves alone; and whatever is killed, nothing is left behind.
# shellcheck disable=SC2016 # jq has variables of its own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$B/aworker" ] || skip "aworker is not built: no V8 here"
[ -x "$B/noslated" ] || skip "noslated is not built"
command -v curl >/dev/null || skip "needs curl"
export TURF_BASE_IMAGE=$TMP/base TURF_STATES_DIR=$TMP/states
code=$TMP/code
front=$TMP/front
run=$TMP/run
program=$TMP/noslated
mkdir "$code"
cp "$B/noslated" "$program"
ctl() { "$B/noslatectl" --run "$run" "$@"; }
get() { # get FUNCTION PATH [ARG]...
	curl -sS --max-time 60 --unix-socket "$front" -H "x-noslate-function: $1" "http://any$2" "${@:3}"
}
status() { # status FUNCTION PATH [ARG]...: of the answer, and what kind of error it is
	get "$1" "$2" "${@:3}" -o "$TMP/body" -w '%{http_code} %header{x-noslate-error}'
}
workers() { ctl --json workers | jq "[.[] | select(.function == \"$1\")] | length"; }
has_workers() { [ "$(workers "$1")" = "$2" ]; }
daemon() {
	"$program" --listen "unix:$front" --run "$run" --state "$TMP/state" --log "$TMP/log" \
		--root "$ROOT" 2>>"$TMP/err" &
	noslated=$!
	HELPERS+=("$noslated")
	await ctl version >/dev/null 2>&1
}
ends() {
	kill "$noslated"
	code 0 wait "$noslated"
}

cat >"$code/hello.js" <<'END'
console.log('hello begins');
let n = 0;
addEventListener('fetch', (e) => e.respondWith(new Response(`hello ${++n}`)));
END
cat >"$code/stream.mjs" <<'END'
export default {
	async fetch(request) {
		return new Response(request.body.pipeThrough(new TransformStream({
			transform: (chunk, to) => to.enqueue(chunk) })));
	},
};
END
echo 'onfetch = (e) => e.respondWith(new Promise((done) => setTimeout(() => done(new Response("late")), 1000)));' >"$code/slow.js"
echo 'throw new Error("not today");' >"$code/dies.js"
echo 'onfetch = (e) => { if (e.request.url.endsWith("/die")) setTimeout(() => { throw new Error("now"); }); e.respondWith(new Promise((done) => setTimeout(() => done(new Response("alive")), 50))); };' >"$code/crashes.js"
echo 'const all = []; onfetch = (e) => { if (e.request.url.endsWith("/eat")) for (;;) all.push(new Array(1e5).fill(0)); e.respondWith(new Response("fed")); };' >"$code/hog.js"
echo 'onfetch = (e) => { if (e.request.url.endsWith("/loop")) for (;;); e.respondWith(new Response("free")); };' >"$code/loops.js"
echo 'let n = 0; onfetch = (e) => e.respondWith(new Response(String(++n)));' >"$code/once.js"
functions() { # functions JQ: the set, changed
	jq -n --arg code "$code" '
		def f(name; file): {name: name, code: {path: ($code + "/" + file)}, resources: {memory: "128Mi"},
			scale: {idle: "2s"}};
		{version: 1, node: {running: 200, starting: 20}, functions: [
			f("hello"; "hello.js") + {routes: [{host: "hello.example"}, {path: "/greetings"}], concurrency: 100},
			f("stream"; "stream.mjs"), f("slow"; "slow.js") + {concurrency: 1, replicas: {max: 20}},
			f("dies"; "dies.js") + {queue: {deadline: "1s"}}, f("crashes"; "crashes.js"),
			f("hog"; "hog.js") * {resources: {memory: "64Mi"}},
			f("loops"; "loops.js") * {resources: {taskTime: "200ms"}},
			f("once"; "once.js") + {disposable: true, replicas: {max: 10}},
			f("kept"; "hello.js") + {replicas: {min: 2}},
			f("few"; "hello.js") + {rate: {perSecond: 1, burst: 2}}]} | '"$1"
}

fails "run: '.*' has more than 80 bytes" "$B/noslated" --run "$TMP/$(printf '%080d' 0)" --state "$TMP/state" --log "$TMP/log"
fails "listen: 'nowhere' is neither" "$B/noslated" --run "$run" --state "$TMP/state" --log "$TMP/log" --listen nowhere
fails "connect to noslated at '$run/admin.sock'" ctl version
base_image
turf seed start default
daemon
eq "$(status hello /)" "404 no_function" "a function that is not there"
functions . | ctl apply -
eq "$(ctl get | jq -r '[.functions[].name] | join(" ")')" "crashes dies few hello hog kept loops once slow stream" "what is applied"
eq "$(stat -c %a "$run/admin.sock" "$run" | xargs)" "600 700" "who may ask"

# --- from nothing, and back to nothing ---
eq "$(workers hello)" 0 "workers before anybody asks"
eq "$(get hello /)" "hello 1" "the first answer"
eq "$(get hello /)" "hello 2" "the second one, of the same worker"
eq "$(curl -sS --unix-socket "$front" -H 'Host: hello.example' http://x/a)" "hello 3" "by its host"
eq "$(curl -sS --unix-socket "$front" http://x/greetings/all)" "hello 4" "by its path"
eq "$(workers hello)" 1 "workers"
pid=$(ctl --json workers | jq '.[] | select(.function == "hello") | .pid')
eq "$(sed -n 's/^\(Uid\|CapEff\|NoNewPrivs\|Seccomp\):\t\([^\t]*\).*/\2/p' "/proc/$pid/status" | xargs)" \
	"65534 0000000000000000 1 2" "its rights"
matches "$(turf list)" "hello\.[^ ]* +$pid +running" "it is a container"
eq "$(jq -r .text "$TMP/log/hello.log" | sort -u)" "hello begins" "its log"
await has_workers kept 2
await has_workers hello 0
eq "$(get hello /)" "hello 1" "a new one"

# --- many at a time ---
askers=()
for _ in $(seq 20); do
	get slow / >>"$TMP/slow" &
	askers+=($!)
done
await has_workers slow 20
wait "${askers[@]}"
eq "$(grep -o late "$TMP/slow" | wc -l)" 20 "answers of twenty workers"
eq "$(for _ in 1 2 3; do get once /; done)" 111 "each request has a worker of its own"
await has_workers once 0
head -c 50M /dev/urandom >"$TMP/large"
get stream / -T "$TMP/large" -o "$TMP/back"
cmp "$TMP/large" "$TMP/back" || fail "a stream comes back changed"
rm "$TMP/large" "$TMP/back"
eq "$(get few /a; get few /b; status few /c)" "hello 1hello 2429 rate_limited" "more than it may have"

# --- those that misbehave ---
# polite COMMAND...: meanwhile another function answers all that it is asked
polite() {
	local asking

	(while [ ! -e "$TMP/enough" ]; do [ "$(get hello /)" ] || exit 1; done) &
	asking=$!
	"$@"
	touch "$TMP/enough"
	wait $asking || fail "hello was not answered during: $*"
	rm "$TMP/enough"
}
misbehave() { # misbehave FUNCTION PATH STATUS: and the function goes on
	polite eq "$(status "$1" "$2")" "$3" "$1$2"
}
get loops / >/dev/null
get hog / >/dev/null
matches "$(status dies /)" "^50[23] (worker_unreachable|worker_closed|not_starting)" "one that fails to start"
backs_off() { [ "$(status dies /)" = "503 not_starting" ]; }
await backs_off
misbehave crashes /die "502 worker_closed"
eq "$(get crashes /)" alive "a crashed one is replaced"
misbehave hog /eat "500 "
eq "$(get hog /)" fed "one that was out of memory is replaced"
misbehave loops /loop "500 "
eq "$(get loops /)" free "one that was stopped is replaced"

load() { # until stop_load: what hello answers
	(while [ ! -e "$TMP/enough" ]; do status hello / || :; echo; done) >"$TMP/load" 2>"$TMP/load.err" &
	load=$!
}
stop_load() { # stop_load WHEN
	touch "$TMP/enough"
	wait $load
	rm "$TMP/enough"
	eq "$(sort "$TMP/load" | uniq -c | awk '{print $2}')" 200 "answers while $1"
}

# --- another set, while requests come ---
load
for i in $(seq 10); do
	functions ".functions[0].environment = {N: \"$i\"} | .functions[0].concurrency = $((10 + i))" | ctl apply -
done
stop_load "sets are applied"
functions 'del(.functions[0])' | ctl apply -
eq "$(status hello /)" "404 no_function" "one that was removed"
echo '{"version": 1, "functions": [{"name": "/", "code": {"path": "/x"}}]}' >"$TMP/wrong"
fails "functions\[0\].name: '/' is no name" ctl apply "$TMP/wrong"
echo '{"version": 1, "functions": [{"name": "x", "code": {"path": "/none"}}]}' >"$TMP/wrong"
fails "function 'x': code.path: '/none': No such file" ctl apply "$TMP/wrong"
eq "$(ctl get | jq '.functions | length')" 9 "what is applied after mistakes"
functions . | ctl apply -

# --- either plane is killed, while requests come ---
process() { pgrep -f -- "^$program $1"; } # process ROLE
changed() { [ "$(process "$1")" ] && [ "$(process "$1")" != "$2" ]; }
kept() { ctl --json workers | jq -c '[.[] | select(.function == "kept") | .pid] | sort'; }
pids() { ctl --json workers | jq -c '[.[] | select(.function == "hello" or .function == "kept") | .pid] | sort'; }
answers() { [ "$(status "$1" /)" = "200 " ]; }
answers hello
await has_workers kept 2
before=$(pids)
load
control=$(process --control-plane) data=$(process --data-plane=)
kill -KILL "$control"
await changed --control-plane "$control"
await ctl version >/dev/null 2>&1
stop_load "the control plane is killed"
eq "$(process --data-plane=)" "$data" "the data plane, after the control plane was killed"
matches "$(cat "$TMP/err")" "the control plane has ended .signal 9.; it is started again" "what is said"
eq "$(pids)" "$before" "the workers, after the control plane was killed"
eq "$(get hello / | cut -d' ' -f1)" hello "of a worker of before"
kill -KILL "$data"
await changed --data-plane= "$data"
await answers hello
matches "$(cat "$TMP/err")" "the data plane has ended .*; it is started again" "what is said"
eq "$(pids)" "$before" "the workers, after the data plane was killed"
control=$(process --control-plane) data=$(process --data-plane=)
kill -KILL "$control" "$data"
await changed --data-plane= "$data"
await answers hello
eq "$(pids)" "$before" "the workers, after both were killed"

# --- everything is killed: the next one finds what was applied, and the workers ---
kill -KILL "$(process --data-plane=)" "$(process --control-plane)" "$noslated"
wait "$noslated" 2>/dev/null || :
daemon
await answers hello
eq "$(pids)" "$before" "the workers, after everything was killed"
await has_workers kept 2

# --- another program takes over, while requests come ---
data=$(process --data-plane=) control=$(process --control-plane)
load
kill -HUP "$noslated"
await changed --control-plane "$control"
await ctl version >/dev/null 2>&1
eq "$(process --data-plane=)" "$data" "the data plane of the same program"
stop_load "the control plane is replaced"
eq "$(pids)" "$before" "the workers, after the control plane was replaced"
before=$(kept)
cp "$B/noslated" "$program.new"
mv "$program.new" "$program"
load
# A client with one connection, which the data plane of before has until it is asked for the next thing.
get hello '/[1-200]' --rate 50/s -o /dev/null -w '%{http_code}\n' >"$TMP/codes" &
many=$!
kill -HUP "$noslated"
await changed --data-plane= "$data"
is_alone() { [ "$(process --data-plane= | wc -l)" = 1 ]; }
wait $many
await is_alone
stop_load "noslated is replaced by another build"
eq "$(sort "$TMP/codes" | uniq -c | xargs)" "200 200" "answers to a client that was there before"
eq "$(kept)" "$before" "the workers, after noslated was replaced"
matches "$(cat "$TMP/err")" "another build by now" "what is said"

# --- the end ---
get slow / >"$TMP/slow" &
slow=$!
await has_workers slow 1
ends
wait $slow
eq "$(cat "$TMP/slow")" late "a request that ran when it was told to end"
eq "$(turf list -q | wc -l)" 0 "containers afterwards"
if [ -e "$front" ] || [ -e "$run/admin.sock" ]; then fail "a socket is left"; fi
turf seed stop
nothing_left "a scheduler that has ended"
