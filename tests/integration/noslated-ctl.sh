#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# noslatectl and the admin API against a daemon with workers: every verb, what is wrong said as it should be,
# sets that last, and a disk that is full.
# shellcheck disable=SC2016 # jq has variables of its own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$B/aworker" ] || skip "aworker is not built: no V8 here"
[ -x "$B/noslated" ] || skip "noslated is not built"
command -v curl >/dev/null || skip "needs curl"
export TURF_BASE_IMAGE=$TMP/base TURF_STATES_DIR=$TMP/states NOSLATED_RUN=$TMP/run TERM=xterm
code=$TMP/code
run=$TMP/run
mkdir "$code" "$TMP/run" "$TMP/state"
mount -t tmpfs -o size=8m,mode=700 "$MARK" "$TMP/state"
mount -t tmpfs -o size=64m,mode=700 "$MARK" "$run"
# shellcheck disable=SC2317 # called by lib.sh
at_end() { umount "$TMP/state" "$run" 2>/dev/null || :; }

ctl() { "$B/noslatectl" "$@"; }
json() { ctl -o json "$@"; }
api() { curl -sS --max-time 60 --unix-socket "$run/admin.sock" "${@:2}" "http://any$1"; }
api_status() { api "$1" -o /dev/null -w '%{http_code}' "${@:2}"; }
daemon() {
	"$B/noslated" --listen "unix:$TMP/front" --run "$run" --state "$TMP/state" --log "$TMP/log" \
		--root "$ROOT" 2>>"$TMP/err" &
	noslated=$!
	HELPERS+=("$noslated")
	await ctl version >/dev/null 2>&1
}
ends() {
	kill "$noslated"
	code 0 wait "$noslated"
}
workers() { json list | jq ".[] | select(.name == \"$1\").workers"; }
has_workers() { [ "$(workers "$1")" = "$2" ]; }
has_line() { grep -q -- "$2" "$1"; } # has_line FILE PATTERN
lines() { wc -l <"$1"; }

echo 'onfetch = (e) => e.respondWith(new Response("hello " + e.request.method + " " + new URL(e.request.url).pathname));' >"$code/hello.js"
cat >"$code/echo.mjs" <<'END'
export default { fetch: async (r) => new Response(await r.text(), {status: 201, headers: {'x-back': r.headers.get('x-there') ?? 'none'}}) };
END
# One that answers when it is asked to, so that a request runs for as long as a test wants.
cat >"$code/waits.mjs" <<'END'
let release;
export default { async fetch(r) {
	if (new URL(r.url).pathname === '/release') {
		release();
		return new Response('released');
	}
	await new Promise((done) => release = done);
	return new Response('waited');
} };
END
# COUNT numbered lines of a kilobyte each.
cat >"$code/talks.mjs" <<'END'
let n = 0;
export default { fetch(r) {
	const count = Number(new URL(r.url).searchParams.get('count'));
	for (let i = 0; i < count; i++)
		console.log(`line ${++n} ` + 'x'.repeat(1000));
	return new Response('said');
} };
END
functions() { # functions [JQ]: the set, changed
	jq -n --arg code "$code" '
		def f(name; file): {name: name, code: {path: ($code + "/" + file)}, scale: {idle: "1s"}};
		{version: 1, functions: [f("hello"; "hello.js"), f("echo"; "echo.mjs"), f("waits"; "waits.mjs"),
			f("talks"; "talks.mjs")]} | '"${1:-.}"
}

# --- without a daemon ---
fails "connect to noslated at '$run/admin.sock': No such file" ctl list
fails "connect to noslated at '/no/such': No such file" ctl --socket /no/such version
code 1 ctl version 2>/dev/null
fails "a verb is needed" ctl
fails "unknown verb 'frob'" ctl frob
fails "usage: noslatectl logs \[-f\]" ctl logs
fails "scale: --min, --max or both" ctl scale hello
fails "list: --follow is not for it" ctl list -f
fails "output: 'xml' is neither" ctl -o xml list
fails "socket: '.*' is too long" ctl --socket "/$(printf '%0120d' 0)" version
code 2 ctl frob 2>/dev/null
ctl schema | jq -e '.properties.functions' >/dev/null

base_image
turf seed start default
daemon

# --- sets ---
eq "$(json version | jq .set)" 0 "sets before the first one"
eq "$(ctl history | wc -l)" 1 "history before the first one"
functions >"$TMP/set"
ctl apply "$TMP/set"
ctl apply - <"$TMP/set"
eq "$(json apply "$TMP/set" | jq .set)" 1 "the same set again"
eq "$(ctl get | jq -r '[.functions[].name] | join(" ")')" "echo hello talks waits" "what is applied"
eq "$(readlink "$TMP/state/functions.json")" sets/00000001.apply.json "where it is"
ctl scale --max 7 hello
eq "$(ctl get | jq -c '.functions[] | select(.name == "hello").replicas')" '{"min":0,"max":7}' "scaled"
ctl scale hello --min 2
await has_workers hello 2
fails "min: 8, more than max, 7" ctl scale --min 8 hello
fails "max: 0, not 1 to 10000" ctl scale --max 0 hello
fails "min: 'x' is no number up to 10000" ctl scale --min x hello
fails "there is no function 'none'" ctl scale --min 1 none
eq "$(json history | jq -c '[.[] | [.set, .how, .served]]')" \
	'[[3,"scale",true],[2,"scale",false],[1,"apply",false]]' "history"
ctl rollback 1
await has_workers hello 0
eq "$(json history | jq -c '.[0] | [.set, .how]')" '[4,"rollback"]' "after a rollback"
fails "set 99 is not kept" ctl rollback 99
fails "rollback: 'x' is no number" ctl rollback x
ctl scale --min 1 hello
ends
daemon
eq "$(json version | jq .set)" 5 "after a restart"
await has_workers hello 1
ctl apply "$TMP/set"
await has_workers hello 0
for i in $(seq 12); do ctl scale --max "$((20 + i))" hello; done
eq "$(json history | jq -c '[length, .[0].set, .[-1].set]')" '[10,18,9]' "of many sets"
eq "$(find "$TMP/state/sets" -type f | wc -l)" 10 "files of many sets"

# --- what is wrong changes nothing ---
cat >"$TMP/wrong" <<'END'
{"version": 2, "extra": 1, "node": {"memory": "1"}, "functions": [
	{"name": "/", "code": {"path": "/x"}}, {"name": "a", "code": {"path": "x"}}, {"name": "b"},
	{"name": "c", "code": {"path": "/x"}, "replicas": {"min": 5, "max": 2}},
	{"name": "d", "code": {"path": "/x"}, "routes": [{"path": "/a"}, {"host": "UP"}]}]}
END
code 2 ctl apply "$TMP/wrong" 2>"$TMP/errors"
eq "$(lines "$TMP/errors")" 8 "mistakes: $(cat "$TMP/errors")"
for place in 'version: 2, this program knows 1' 'extra: unknown member' 'node.memory: ' 'functions\[0\].name: ' \
	'functions\[1\].code.path: ' 'functions\[2\].code: missing' 'functions\[3\].replicas.min: 5, more than max, 2' \
	'functions\[4\].routes\[1\].host: '; do
	matches "$(cat "$TMP/errors")" "noslatectl: $place" "mistakes"
done
fails "line [0-9]+, column [0-9]+: " ctl apply <(echo '{"version": 1,')
fails "function 'gone': code.path: '/none': No such file" \
	ctl apply <(echo '{"version": 1, "functions": [{"name": "gone", "code": {"path": "/none"}}]}')
fails "open '/none': No such file" ctl apply /none
eq "$(json version | jq .set)" 18 "after mistakes"
matches "$(ctl events)" "refused apply: extra: unknown member" "events"

# --- a full disk ---
on_full() { # on_full FOLDER COMMAND...
	cat /dev/zero >"$1/full" 2>/dev/null || :
	"${@:2}"
	rm "$1/full"
}
has_no_room() { eq "$(api_status /v1/functions/hello/replicas -X PUT -d '{"min": 3}')" 507 "a full disk"; }
answers() { [ "$(ctl invoke hello 2>/dev/null)" = "hello GET /" ]; }
before=$(ctl get | sha256sum)
for folder in "$TMP/state" "$run"; do
	on_full "$folder" fails "No space left on device" ctl apply <(functions '.functions[0].concurrency = 77')
	on_full "$folder" fails "No space left on device" ctl scale --min 3 hello
	on_full "$folder" has_no_room
	eq "$(ctl get | sha256sum)" "$before" "what is applied after that"
	eq "$(json version | jq .set)" 18 "its number"
done
eq "$(find "$TMP/state" "$run" \( -name '*.tmp' -o -name '*.new' -o -name '*.next' \) -print)" "" "what is left of it"
on_full "$TMP/state" answers || fail "no requests while a disk is full"
ends
daemon
eq "$(ctl get | sha256sum)" "$before" "after a restart"

# --- requests ---
eq "$(ctl invoke hello)" "hello GET /" "a request"
eq "$(ctl invoke hello /a/b?c -X DELETE)" "hello DELETE /a/b" "with a method and a path"
eq "$(ctl invoke echo -d data)" data "with a body"
echo from a file >"$TMP/data"
eq "$(ctl invoke echo -d "@$TMP/data")" "from a file" "with a file"
eq "$(echo from elsewhere | ctl invoke -d @- echo)" "from elsewhere" "with standard input"
matches "$(ctl invoke -i -d x -H 'x-there: yes' echo | tr -d '\r')" '^HTTP/1.1 201' "its head"
matches "$(ctl invoke -i -d x -H 'x-there: yes' echo)" '^x-back: yes' "its header"
code 1 ctl invoke none >"$TMP/out" 2>"$TMP/errors"
eq "$(jq -r .error "$TMP/out")" no_function "an error of the data plane"
eq "$(cat "$TMP/errors")" "noslatectl: 'none' answers with status 404" "what is said of it"
fails "'a b' is no path" ctl invoke hello 'a b'
fails "header: 'x' is not 'name: value'" ctl invoke hello -H x
fails "header: 'content-length' is said already" ctl invoke hello -H 'Content-Length: 3'
fails "header: .* is not 'name: value'" ctl invoke hello -H $'a: b\r\nc: d'

# --- draining ---
events=$(json events | jq -s 'map(.number) | max')
"$B/noslatectl" invoke waits >"$TMP/waited" &
waited=$!
await has_workers waits 1
ctl drain waits
code 1 ctl invoke waits >"$TMP/out" 2>/dev/null
eq "$(jq -r .error "$TMP/out")" drained "a request to a drained function"
matches "$(ctl list | grep ^waits)" "drained" "the list"
socket=$(json workers waits | jq -r '.[0].socket')
eq "$(curl -sS --unix-socket "$socket" http://any/release)" released "the worker"
wait $waited
eq "$(cat "$TMP/waited")" waited "a request that ran before"
await has_workers waits 0
ctl resume waits
matches "$(ctl events --since "$events" --function waits | cut -d' ' -f2- | xargs)" \
	'^worker-started waits .* drained waits set 19 worker-ended waits .* resumed waits set 20$' "events of it"
ctl drain
code 1 ctl invoke hello >"$TMP/out" 2>/dev/null
eq "$(jq -r .error "$TMP/out")" drained "a request to a drained node"
ctl apply "$TMP/set"
ends
daemon
code 1 ctl invoke hello >"$TMP/out" 2>/dev/null
eq "$(jq -r .error "$TMP/out")" drained "after another set, and a restart"
eq "$(api /v1/node | jq .drained)" true "the node"
ctl resume
eq "$(ctl invoke hello)" "hello GET /" "afterwards"

# --- what workers print ---
"$B/noslatectl" logs -f -n 0 talks >"$TMP/follow" &
follower=$!
HELPERS+=("$follower")
eq "$(ctl invoke talks '/?count=10')" said "one that talks"
await has_line "$TMP/follow" 'line 10 '
for _ in $(seq 15); do ctl invoke talks '/?count=100' >/dev/null; done
await has_line "$TMP/follow" 'line 1510 '
eq "$(sed 's/.* line \([0-9]*\) x*$/\1/' "$TMP/follow" | md5sum)" "$(seq 1510 | md5sum)" "lines that were followed"
[ -e "$TMP/log/talks.log.1" ] || fail "nothing was rotated"
kill "$follower"
lines_of() { json logs "$@" talks | jq -r .text | sed 's/line \([0-9]*\) .*/\1/'; }
eq "$(lines_of -n 3 | xargs)" "1508 1509 1510" "the last lines"
eq "$(lines_of -n 1000 | md5sum)" "$(seq 511 1510 | md5sum)" "of two files"
eq "$(lines_of | wc -l)" 100 "by default"
eq "$(lines_of -n 0)" "" "none of them"
total=$(cat "$TMP/log/talks.log.1" "$TMP/log/talks.log" | wc -l)
eq "$(lines_of -n 100000 | wc -l)" "$total" "all of them"
matches "$(ctl logs -n 1 talks)" '^20..-..-..T..:..:..\.... [^ ]+ line 1510 x+$' "for people"
eq "$(ctl logs hello)" "" "one that says nothing"
fails "there is no function of this name" ctl logs none
fails "lines: '-1' is no number" ctl logs -n -1 talks
eq "$(api_status '/v1/functions/..%2f..%2fetc%2fpasswd/log')" 404 "a name with slashes"

# --- what happens ---
"$B/noslatectl" events -f >"$TMP/follow" &
follower=$!
HELPERS+=("$follower")
await has_line "$TMP/follow" ' started noslated '
kill -KILL "$(pgrep -P "$(pgrep -P "$noslated" -f -- --control-plane)" -f -- --data-plane=)"
await has_line "$TMP/follow" ' data-plane-ended signal 9'
await answers
await has_line "$TMP/follow" ' worker-started hello '
kill "$follower"
eq "$(json events | jq -s 'map(.number) | . == [range(1; length + 1)]')" true "numbers of events"

# --- what there is ---
eq "$(json list | jq -r 'map(.name) | join(" ")')" "echo hello talks waits" "list"
matches "$(ctl list | head -n 1)" '^FUNCTION +TENANT +WORKERS' "its titles"
matches "$(ctl top --once | head -n 1)" '^4 functions, [0-9]+ workers' "top"
eq "$(ctl top | wc -l)" 6 "top without a terminal"
eq "$(json describe hello | jq -r '.profile.name, .status.name, .workers[0].function' | xargs)" "hello hello hello" "describe"
matches "$(ctl describe hello)" '^profile:' "describe for people"
fails "there is no function 'none'" ctl describe none
eq "$(json workers | jq 'map(.function) | index("hello") != null')" true "workers"
eq "$(json workers hello | jq -r 'map(.function) | unique | join(" ")')" hello "workers of one function"
eq "$(json workers none)" "[]" "workers of none"
eq "$(json seeds | jq -r '.[] | [.name, .state] | join(" ")')" "default ready" "seeds"
matches "$(ctl seeds)" '^default +ready ' "seeds for people"
on_terminal() { script -qec "$B/noslatectl list" /dev/null </dev/null; }
matches "$(on_terminal)" $'\033' "colours on a terminal"
code 1 grep -q $'\033' <<<"$(NO_COLOR=1 on_terminal)"
code 1 grep -q $'\033' <<<"$(TERM=dumb on_terminal)"

# --- the shell ---
complete_line() { # complete_line WORD...: what is offered for the last one
	PATH=$B:$PATH bash -c '. seed/noslated/ctl/noslatectl.bash
		COMP_WORDS=(noslatectl "$@"); COMP_CWORD=$#; _noslatectl; printf "%s\n" "${COMPREPLY[@]}"' _ "$@" | sort -u | xargs
}
eq "$(complete_line ro)" rollback "a verb"
eq "$(complete_line logs --fo)" --follow "an option of a verb"
eq "$(complete_line -o '')" "json table" "a format"
eq "$(complete_line logs h)" hello "a function"
eq "$(complete_line --run /no/such logs '')" "" "without a daemon"

# --- so many ---
jq -n --arg file "$code/hello.js" '{version: 1, functions: [range(4001) | {name: "many-\(.)", code: {path: $file}}]}' >"$TMP/many"
ctl apply "$TMP/many"
eq "$(ctl list | wc -l)" 4002 "of thousands"
eq "$(ctl list | tail -n +2 | cut -d' ' -f1 | LC_ALL=C sort -u | wc -l)" 4001 "none of them twice"
jq -n --arg file "$code/hello.js" '{version: 1, functions: [range(10000) | {name: "many-\(.)", code: {path: $file}}]}' >"$TMP/many"
fails "the set with all its defaults: " ctl apply "$TMP/many"
eq "$(ctl list | wc -l)" 4002 "after one that is too large"
ctl apply "$TMP/set"

# --- the API itself ---
eq "$(api_status /healthz)" 200 "health"
eq "$(api_status /v2)" 404 "another path"
eq "$(api_status /v1/functions -X DELETE)" 405 "another method"
eq "$(api '/v1/events?nonsense=1' | jq -r '.errors[0]')" "'nonsense' is no parameter here" "another parameter"
eq "$(api '/v1/events?since=x' | jq -r '.errors[0]')" "'since' is no number up to 18446744073709551615" "a wrong one"
eq "$(api '/v1/status?limit=2' | jq -c 'map(.name)')" '["echo","hello"]' "the first page"
eq "$(api '/v1/status?limit=2&after=hello' | jq -c 'map(.name)')" '["talks","waits"]' "the next page"
eq "$(api '/v1/status?after=waits' | jq -c .)" '[]' "behind the last one"
eq "$(api_status /v1/functions/hello/drained -X PUT -d '{"drained": 1}')" 400 "a wrong body"
eq "$(api_status /v1/functions/hello/replicas -X PUT -d '{"many": 1}')" 400 "an unknown member"
eq "$(api_status /v1/functions -T "$TMP/set" -H 'Expect: 100-continue')" 200 "with an expectation"
head -c 5M /dev/zero >"$TMP/large"
eq "$(api_status /v1/functions -T "$TMP/large")" 413 "a body that is too large"
eq "$(curl -sS --unix-socket "$run/admin.sock" -w '%{num_connects} ' -o /dev/null http://any/healthz \
	-o /dev/null http://any/v1/version)" "1 0 " "connections of two requests"
eq "$(ctl version)" "$(api /v1/version)" "the daemon after all that"

ends
turf seed stop
umount "$TMP/state" "$run"
nothing_left "a daemon that was told so much"
