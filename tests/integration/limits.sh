#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every limit of a worker, reached on purpose in every way of starting one: it ends with its code and
# its sentence, while another worker goes on to answer.
# shellcheck disable=SC2016 # jq has variables of its own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$B/aworker" ] || skip "aworker is not built: no V8 here"
command -v curl >/dev/null || skip "needs curl"
export TURF_BASE_IMAGE=$TMP/base TURF_STATES_DIR=$TMP/states
id=$MARK-a
dir=$TMP/b
mkdir -p "$dir/rootfs"/{proc,dev,sys,tmp}
cp tests/integration/limits.js "$TMP"
cp tests/integration/limits.js "$dir/rootfs"
turf spec --bundle "$dir"
edit "$dir" '.root.readonly = false | .process.terminal = false
	| .process.args = ["aworker", "--listen=unix:/tmp/s", "/limits.js"]'

# What is asked for; the limit; the exit code; what is said.
ENDS="
heap        heap-limit 32Mi  5 ^JavaScript heap out of memory .limit 32 MiB.$
promises    heap-limit 32Mi  5 ^JavaScript heap out of memory .limit 32 MiB.$
wasm        heap-limit 32Mi  5 ^WebAssembly out of memory .limit 32 MiB.$
loop        task-limit 200ms 6 /limits.js:[0-9]+:[0-9]+: a task takes more than 200 ms of processor time, its limit
finally     task-limit 200ms 6 /limits.js:[0-9]+:[0-9]+: a task takes more than 200 ms of processor time, its limit
microtasks  task-limit 200ms 6 /limits.js:[0-9:]* a task takes more than 200 ms
regexp      task-limit 200ms 6 /limits.js:[0-9:]* a task takes more than 200 ms
wasm-loop   task-limit 200ms 6 /limits.js:[0-9:]* a task takes more than 200 ms
native      task-limit 200ms 6 /limits.js:[0-9:]* a task takes more than 200 ms
tasks       cpu-limit  300ms 7 /limits.js:[0-9:]* the worker has used 300 ms of processor time, its limit
"
REFUSED="RangeError RangeError true RangeError RangeError RangeError RangeError RangeError RangeError RangeError RangeError"

echo 'let n = 0; addEventListener("fetch", (e) => e.respondWith(new Response(String(++n))));' >"$TMP/n.js"
"$B/aworker" --listen="unix:$TMP/n" "$TMP/n.js" &
HELPERS+=($!)
await test -S "$TMP/n"
asked=0
ask_neighbour() {
	asked=$((asked + 1))
	eq "$(curl -s --max-time 30 --unix-socket "$TMP/n" http://h/)" $asked "answer of a neighbour"
}

# start WAY LIMIT VALUE: a worker, in $pid, whose socket is $sock.
start() {
	local way=$1 limit=$2 value=$3 program=("$B/aworker") file=$TMP/limits.js

	sock=$TMP/s
	case $way in
	source) program+=(--no-snapshot) ;;
	snapshot) ;;
	base) program=("$B/aworker-loader" "$TURF_BASE_IMAGE" /bin/false) ;;
	state) program+=("--state=$TMP/state") ;;
	snapshot-state) program+=("--snapshot-blob=$TMP/blob" --require-snapshot) ;;
	*) program=() sock=$dir/rootfs/tmp/s ;;
	esac
	rm -f "$sock"
	if [ ${#program[@]} = 0 ]; then
		edit "$dir" '.annotations = {("turf.noslate.dev/" + $limit): $value}' \
			--arg limit "$limit" --arg value "$value"
		program=("$TURF" --root "$ROOT" run --warmfork never)
		[ "${way#clone}" = "$way" ] || program=("$TURF" --root "$ROOT" run --exit-file --warmfork require)
		program+=(-b "$dir" "$id")
	else
		program+=("--listen=unix:$sock" "--$limit=${value%i}" "$file")
	fi
	"${program[@]}" </dev/null >"$TMP/out" 2>"$TMP/err" &
	pid=$!
	HELPERS+=("$pid")
	await test -S "$sock"
	case $way in
	*state) eq "$(cat "$TMP/out")" "" "output of one that goes on ($way)" ;;
	*) eq "$(cat "$TMP/out")" initialises "output ($way)" ;;
	esac
}
ask() {
	curl -sf --max-time 100 --unix-socket "$sock" "http://h/$1" "${@:2}"
}
ends() { # ends WAY NAME LIMIT VALUE CODE PATTERN
	local way=$1 name=$2 asking rc

	start "$way" "$3" "$4"
	eq "$(ask fine)" fine "an answer within the limits ($way)"
	rm -f "$TMP/lost"
	{ ask "$name" >"$TMP/answer" || : >"$TMP/lost"; } &
	asking=$!
	while kill -0 $pid 2>/dev/null; do ask_neighbour; done
	rc=0
	wait $pid || rc=$?
	eq "$rc" "$5" "exit code after $name ($way, '$(cat "$TMP/err")')"
	wait $asking
	[ -e "$TMP/lost" ] || fail "$name was answered ($way): $(cat "$TMP/answer")"
	matches "$(cat "$TMP/err")" "$6" "what is said of $name ($way)"
	echo "$way: $name ended with $5"
}
all_limits() { # all_limits WAY
	local way=$1 name limit value code pattern

	while read -r name limit value code pattern; do
		[ -z "$name" ] || ends "$way" "$name" "$limit" "$value" "$code" "$pattern" </dev/null
	done <<<"$ENDS"
	start "$way" heap-limit 64Mi
	eq "$(ask refused)" "$REFUSED" "what is refused ($way)"
	eq "$(ask fine)" fine "an answer afterwards ($way)"
	deep=$(ask depth)
	eq "$(head -c 200M /dev/zero | ask upload -T -)" 209715200 "an upload ($way)"
	kill $pid
	code 143 wait $pid
	start "$way" stack-limit 512Ki
	shallow=$(ask depth)
	[ "$shallow" -gt 1000 ] || fail "$shallow calls ($way)"
	[ $((shallow * 8)) -lt "$deep" ] || fail "$shallow calls instead of $deep ($way)"
	kill $pid
	code 143 wait $pid
	ask_neighbour
}

all_limits source
all_limits snapshot
"$B/aworker" --build-snapshot --snapshot-blob="$TMP/blob" "$TMP/limits.js" >/dev/null
all_limits snapshot-state
all_limits cold
turf seed start default
all_limits clone
cp "$TMP/blob" "$dir/rootfs"
cp "$dir/config.json" "$TMP/plain.json"
edit "$dir" '.process.args += ["--snapshot-blob=/blob", "--require-snapshot"]
	| .process.args |= [.[0, 1], .[3, 4], .[2]]'
all_limits clone-snapshot-state
cp "$TMP/plain.json" "$dir/config.json"
turf seed stop
nothing_left "workers beyond their limits"

base_image
all_limits base
"$B/aworker" --build-state="$TMP/state" "$TMP/limits.js" >/dev/null
all_limits state
turf seed image build --bundle "$dir" >/dev/null
all_limits cold-state
turf seed start default
all_limits clone-state
turf seed stop
