#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Our shim under a real containerd: every way a container can end, events and their order, what
# happens when containerd, the shim or the runtime is not there.
#   shim.sh [VERSION [RUNTIME]]
#       VERSION of containerd as in cri.sh; RUNTIME that the shim drives: turf (the default), runc
# ABSENT (1) is for how many seconds containerd is not there; CONTAINERS (60) is how many short-lived ones are run, KILLS (12) how often the shim is killed, PODS
# (6) how many are made at once.
# shellcheck disable=SC2016 # shells inside have variables of their own
# shellcheck source=tests/integration/lib-containerd.sh
. "$(dirname "$0")/lib-containerd.sh"

RUNTIME=${2:-turf}
CONTAINERS=${CONTAINERS:-60}
KILLS=${KILLS:-12}
ABSENT=${ABSENT:-1}
PODS=${PODS:-6}
needs_containerd "${1:-installed}"
own_network "$@"
[ -x "$B/containerd-shim-turf-v2" ] || skip "$B/containerd-shim-turf-v2 is not built"
containerd_with_cri "${1:-installed}"
HANDLER=turf
OPTIONS=(--runtime io.containerd.turf.v2 --env "TEST_MARK=$MARK")
if [ "$RUNTIME" != turf ]; then
	HANDLER=turf-runc
	OPTIONS+=(--runtime-config-path "$D/runc.toml")
fi
STATE=/run/containerd/$RUNTIME/k8s.io

# run ID [OPTION]... [-- ARG...]: `ctr run` of the image.
run() {
	local id=$1 options=()

	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	ctr run "${OPTIONS[@]}" --cgroup "$CGROUP/$id" "${options[@]}" "$IMAGE" "$id" "$@"
}
task_is() { [ "$(ctr task ls | awk -v id="$1" '$1 == id {print $3}')" = "$2" ]; }
task_pid() { ctr task ls | awk -v id="$1" '$1 == id {print $2}'; }
remove() { # ID: whatever state it is in
	ctr task kill -s KILL "$1" >/dev/null 2>&1 || :
	await task_is "$1" STOPPED
	quiet ctr task delete "$1"
	quiet ctr containers delete "$1"
}
c=$MARK-c

# All events of this daemon, for the end.
watch_events() {
	"$CTR" --address "$D/sock" events >>"$D/events" 2>/dev/null &
	HELPERS+=($!)
	# It has to be subscribed before anything is to be seen.
	until grep -q sees-me "$D/events"; do
		quiet ctr images label "$IMAGE" "sees-me=$RANDOM"
	done
}
watch_events
# events_of ID: topics and, of an exec, its id; in order.
events_of() {
	grep -F "\"$1\"" "$D/events" | grep -o '/tasks/[a-z-]* {.*' |
		sed -E 's|/tasks/([a-z-]*) .*"exec_id":"([^"]*)".*|\1:\2|; s|/tasks/exit .*"id":"([^"]*)".*|exit:\1|; s|/tasks/([a-z-]*) .*|\1|'
}
saw() { events_of "$1" | grep -qx "$2"; }

# --- standard input and output ---
eq "$(run "$c" --rm -- sh -c 'echo out; echo err >&2' 2>"$TMP/err")" out "output"
eq "$(cat "$TMP/err")" err "error output"
# The container waits for its input's end, which comes with the client's.
# shellcheck disable=SC2094 # the writer waits for what comes out at the other end
{ echo in; await grep -qs in "$TMP/out"; } | run "$c" --rm -- cat >"$TMP/out"
eq "$(cat "$TMP/out")" in "standard input"
quiet run "$c" -d --log-uri "file://$D/new/dir/log" -- sh -c 'echo one; echo two >&2'
await task_is "$c" STOPPED
quiet ctr task delete "$c"
quiet ctr containers delete "$c"
eq "$(sort "$D/new/dir/log" | xargs)" "one two" "a log file"
# A disk that is full costs the rest of the log, and nobody waits for it.
mkdir "$D/full"
mount -t tmpfs -o size=64k tmpfs "$D/full"
quiet run "$c" -d --log-uri "file://$D/full/log" -- sh -c 'head -c 1000000 /dev/zero; exit 9'
await task_is "$c" STOPPED
matches "$(ctr task delete "$c" 2>&1)" "exit code 9" "with a full disk"
quiet ctr containers delete "$c"
eq "$(stat -c %s "$D/full/log")" 65536 "a log on a full disk"
umount "$D/full"
cat >"$D/logger" <<'END'
#!/bin/sh
cd "$(dirname "$0")" || exit 1
echo "$CONTAINER_NAMESPACE/$CONTAINER_ID $*" >logger.args
exec 5>&-
cat <&3 >logger.out
END
chmod 755 "$D/logger"
quiet run "$c" -d --log-uri "binary://$D/logger?name=a%20b&x" -- echo logged
await task_is "$c" STOPPED
quiet ctr task delete "$c"
quiet ctr containers delete "$c"
await grep -qs logged "$D/logger.out"
eq "$(cat "$D/logger.args")" "k8s.io/$c name a b x " "arguments of a log program"
fails "execute '/no-such-logger': No such file" run "$c" -d --log-uri binary:///no-such-logger -- true
quiet ctr containers delete "$c"
matches "$(script -qec "stty cols 77 rows 33; timeout --foreground -s KILL 60 $CTR --address $D/sock --namespace k8s.io run ${OPTIONS[*]} --cgroup $CGROUP/$c --rm -t $IMAGE $c sh -c 'until stty size | grep -q 33.77; do sleep 0.1; done; stty size; tty'" /dev/null </dev/null | xargs)" \
	'33 77.* /dev/pts/0' "a terminal and its size"

# A client that goes leaves its container running, and another one takes its place.
run "$c" -- sh -c 'until [ -e /tmp/go ]; do sleep 0.1; done; echo attached; exit 3' </dev/null >/dev/null 2>&1 &
client=$!
await task_is "$c" RUNNING
client_of() { pgrep -f "^$CTR --address $D/sock .*$1" || :; }
# shellcheck disable=SC2046 # ids
kill -9 "$client" $(client_of "run .* $c ")
{ wait "$client"; } 2>/dev/null || :
code 3 ctr task attach "$c" </dev/null >"$TMP/out" &
attached=$!
attaches() { [ -n "$(client_of "task attach $c")" ]; }
await attaches
touch "/proc/$(task_pid "$c")/root/tmp/go"
wait $attached || fail "attach"
eq "$(tr -d '\r' <"$TMP/out")" attached "output of one that was attached to"
# attach has deleted the task.
quiet ctr containers delete "$c"

# --- processes of exec, and how they and their container end ---
quiet run "$c" -d -- sh -c 'trap "" TERM; while :; do sleep 0.1; done'
eq "$(ctr task exec --exec-id e1 --user 1000:1000 --cwd /tmp "$c" sh -c 'id -u; pwd; echo $PATH' | xargs)" "1000 /tmp /bin" "exec"
matches "$(script -qec "$CTR --address $D/sock --namespace k8s.io task exec --exec-id e2 -t $c tty" /dev/null </dev/null)" /dev/pts "exec with a terminal"
code 1 ctr task exec --exec-id e3 "$c" no-such-program 2>"$TMP/err"
matches "$(cat "$TMP/err")" 'executable file not found in \$PATH' "exec of what is not there"
quiet ctr task exec -d --exec-id e4 "$c" sleep 1000
matches "$(ctr task ps "$c" | xargs)" "PID INFO $(task_pid "$c") .*exec_id.*e4|PID INFO $(task_pid "$c") .*e4" "processes"
quiet ctr task kill --exec-id e4 -s KILL "$c"
await saw "$c" exit:e4
# busybox ignores QUIT.
for n in 1 2 6 9 11 14 15; do
	code $((128 + n)) ctr task exec --exec-id "s$n" "$c" sh -c "kill -$n \$\$"
done
quiet ctr task exec -d --exec-id e5 "$c" sleep 1000
quiet ctr task pause "$c"
task_is "$c" PAUSED || fail "not paused: $(ctr task ls)"
quiet ctr task resume "$c"
task_is "$c" RUNNING || fail "not running again: $(ctr task ls)"
quiet ctr task metrics "$c"
matches "$(ctr task metrics --format json "$c" | tr -d '\n ')" '"usage(_usec)?":\{?"?[a-z"]*:?"?[1-9]' "metrics"
kill -9 "$(task_pid "$c")"
await task_is "$c" STOPPED
matches "$(ctr task delete "$c" 2>&1)" "exit code 137" "killed from outside"
quiet ctr containers delete "$c"
await saw "$c" delete
eq "$(events_of "$c" | tail -n 4 | xargs)" "resumed exit:e5 exit:$c delete" "order of the last events"
code 137 run "$c-oom" --rm --memory-limit 16777216 -- sh -c 'tail /dev/zero'
await saw "$c-oom" delete
eq "$(events_of "$c-oom" | xargs)" "create start oom exit:$c-oom delete" "events of one without memory"

# --- checkpoint: where criu works, else a sentence ---
quiet run "$c" -d -- sh -c 'while :; do sleep 0.1; done'
if ctr task checkpoint --image-path "$TMP/criu" "$c" >"$TMP/err" 2>&1; then
	task_is "$c" RUNNING || task_is "$c" STOPPED || fail "after a checkpoint: $(ctr task ls)"
	remove "$c"
	quiet run "$c" -d -- sh -c 'n=0; while :; do n=$((n + 1)); echo $n >/tmp/n; sleep 0.1; done'
	counted() { cat "/proc/$(task_pid "$c")/root/tmp/n" 2>/dev/null || :; }
	counts_from() { [ "$(counted)" -gt "$1" ] 2>/dev/null; }
	await counts_from 30
	quiet ctr containers checkpoint --rw --task --image "$c" "turf.test/checkpoint:$MARK"
	remove "$c"
	quiet ctr containers restore --rw --live "$c" "turf.test/checkpoint:$MARK"
	task_is "$c" RUNNING || fail "not running after it was restored: $(ctr task ls)"
	await counts_from 31
else
	matches "$(cat "$TMP/err")" 'OCI runtime checkpoint failed: .*criu' "a checkpoint that fails"
fi
remove "$c"

# --- a runtime that is not there, or fails; nobody who reads; garbage ---
bad_runtime() { # PROGRAM PATTERN
	echo "BinaryName = \"$1\"" >"$D/bad.toml"
	fails "$2" ctr run --runtime io.containerd.turf.v2 --runtime-config-path "$D/bad.toml" -d "$IMAGE" "$c" true
	eq "$(ctr task ls -q)" "" "tasks after '$1'"
	quiet ctr containers delete "$c"
}
bad_runtime /no/such/runtime "OCI runtime create failed: execute '/no/such/runtime': No such file"
bad_runtime /bin/false 'OCI runtime create failed: create: exit status 1'
ctr run "${OPTIONS[@]}" --cgroup "$CGROUP/$c" "$IMAGE" "$c" sh -c 'while :; do echo much; done' >/dev/null 2>&1 &
reader=$!
await task_is "$c" RUNNING
ctr_of_reader() { pgrep -P "$(pgrep -P "$reader" | head -n 1)" | head -n 1; }
# shellcheck disable=SC2046 # ids
kill -STOP "$reader" $(pgrep -P "$reader") "$(ctr_of_reader)" 2>/dev/null || :
is_blocked() { [ "$(cat "/proc/$(task_pid "$c")/wchan" 2>/dev/null)" = anon_pipe_write ] || grep -qs pipe_write "/proc/$(task_pid "$c")/stack"; }
await is_blocked
eq "$(ctr task exec --exec-id free "$c" echo free)" free "the shim goes on while nobody reads"
socket=$(sed 's|unix://||' "$D"/state/io.containerd.runtime.v2.task/k8s.io/"$c"/address)
head -c 65536 /dev/urandom | timeout 5 socat -u - "UNIX-CONNECT:$socket" 2>/dev/null || :
printf '\0\0\0\5\0\0\0\1\1\0garb' | timeout 5 socat -u - "UNIX-CONNECT:$socket" || :
task_is "$c" RUNNING || fail "not running after garbage: $(ctr task ls)"
remove "$c"
# shellcheck disable=SC2046 # ids
kill -CONT "$reader" $(pgrep -P "$reader") "$(ctr_of_reader)" 2>/dev/null || :
wait "$reader" || :

# --- many short ones at once: codes, and no event is missing ---
one() { # N: the container N ends with the code N
	local code=$(($1 % 256)) rc=0

	run "$MARK-n$1" --rm -- sh -c "exit $code" </dev/null || rc=$?
	[ $rc = "$code" ] || echo "container $1: $rc, expected $code"
}
numbers() { # spread over all codes
	seq 0 "$((CONTAINERS - 1))" | awk -v n="$CONTAINERS" '{print (n >= 256 ? $1 : int($1 * 256 / n))}'
}
for worker in 0 1 2 3; do
	numbers | awk -v w=$worker 'NR % 4 == w' | while read -r n; do one "$n"; done >"$TMP/codes.$worker" &
	workers[worker]=$!
done
wait "${workers[@]}"
eq "$(cat "$TMP"/codes.*)" "" "exit codes"
all_deleted() { [ "$(grep -c "/tasks/delete.*$MARK-n" "$D/events")" = "$CONTAINERS" ]; }
await all_deleted
for n in $(numbers); do
	eq "$(events_of "$MARK-n$n" | xargs)" "create start exit:$MARK-n$n delete" "events of container $n"
done
grep "/tasks/exit.*$MARK-n" "$D/events" | sed -E 's/.*"container_id":"'"$MARK"'-n([0-9]*)".*/\1 &/; s/^([0-9]*) .*"exit_status":([0-9]*).*/\1 \2/; s/^([0-9]*) .*\{.*/\1 0/' |
	while read -r n status; do
		eq "$status" $((n % 256)) "exit status in the event of container $n"
	done

# --- pods at once ---
pod() { # N: a pod of three
	local id i

	id=$(run_pod --host-network --name "pod$1") && for i in 1 2 3; do
		launch "$id" --name "c$i" -- sleep 1000 || return
	done >/dev/null
}
for n in $(seq "$PODS"); do
	pod "$n" &
	workers[n]=$!
done
for n in $(seq "$PODS"); do wait "${workers[n]}" || fail "pod $n"; done
eq "$(cri pods -q | wc -l) $(cri ps -q | wc -l)" "$PODS $((3 * PODS))" "pods and containers"
eq "$(pgrep -cf "containerd-shim-turf-v2.*-namespace k8s.io.*$D/sock")" "$PODS" "shims of pods"
pods=$(cri pods -q)
# shellcheck disable=SC2086 # ids
quiet cri rmp -f $pods

# --- containerd goes while containers end, and comes back ---
quiet run "$c-lives" -d -- sleep 1000
quiet run "$c-ends" -d -- sh -c 'while [ ! -e /tmp/go ]; do sleep 0.1; done; exit 7'
ends=$(task_pid "$c-ends")
stop_containerd KILL
touch "/proc/$ends/root/tmp/go"
await gone "$ends"
sleep "$ABSENT"
start_containerd
watch_events
# After a long time the shim tries so seldom that the event comes when somebody listens again.
[ "$ABSENT" -lt 60 ] || await saw "$c-ends" "exit:$c-ends"
await task_is "$c-ends" STOPPED
task_is "$c-lives" RUNNING || fail "not running under the next daemon: $(ctr task ls)"
matches "$(ctr task delete "$c-ends" 2>&1)" "exit code 7" "what ended meanwhile"
quiet ctr containers delete "$c-ends"
eq "$(ctr task exec --exec-id e9 "$c-lives" echo still)" still "exec under the next daemon"
remove "$c-lives"

# --- the shim is killed at any moment ---
kill_shim() {
	local pid

	for pid in $(pgrep -f "containerd-shim-turf-v2.*-id $1 .*start$" || :); do
		kill -9 "$pid" 2>/dev/null || :
	done
}
for n in $(seq "$KILLS"); do
	id=$MARK-k$n
	"$CTR" --address "$D/sock" --namespace k8s.io run "${OPTIONS[@]}" --cgroup "$CGROUP/$id" -d "$IMAGE" "$id" \
		sleep 1000 >/dev/null 2>&1 &
	starting=$!
	sleep "0.0$((RANDOM % 100 + 10))"
	kill_shim "$id"
	wait $starting || :
	# containerd has cleaned up by the shim's delete, or nothing came to be.
	cleaned() { [ ! -e "$STATE/$id" ] && ! task_is "$id" RUNNING; }
	kill_shim "$id"
	await cleaned
	ctr task delete --force "$id" >/dev/null 2>&1 || :
	ctr containers delete "$id" >/dev/null 2>&1 || :
done
eq "$(ctr containers ls -q; ctr task ls -q)" "" "containers after their shims were killed"

end_of_containerd
