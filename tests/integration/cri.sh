#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Pods and containers as Kubernetes makes them, by CRI.
#   cri.sh [VERSION [HANDLER [SANDBOXER]]]
#       VERSION of containerd: installed (the default), 1.6, 1.7, 2; HANDLER: runc (the default:
#       containerd's shim), turf, turf-runc (turf's shim over runc); SANDBOXER 'shim': containerd 2 has the pod itself made by turf's shim
# shellcheck disable=SC2016 # shells inside have variables of their own
# shellcheck source=tests/integration/lib-containerd.sh
. "$(dirname "$0")/lib-containerd.sh"

HANDLER=${2:-runc}
SANDBOXER=${3:-}
needs_containerd "${1:-installed}"
own_network "$@"
[ "$HANDLER" = runc ] || [ -x "$B/containerd-shim-turf-v2" ] ||
	skip "$B/containerd-shim-turf-v2 is not built"
containerd_with_cri "${1:-installed}" "$SANDBOXER"
# Mounts made below it are seen in containers.
in_memory "$D/share"
mount --make-shared "$D/share"

# log FILE: what the container wrote, by stream, without the time; of equal lines the first.
log() {
	cut -d' ' -f2- "$D/logs/$1" | uniq
}
log_is() { [ "$(log "$1" | xargs)" = "$2" ]; }
state_of() { cri inspect -f status.state "$1"; }
reason_of() { cri inspect -f status.reason "$1"; }
reason_is() { [ "$(reason_of "$1")" = "$2" ]; }
pid_of() { cri inspect --verbose -f info.info.pid "$1"; }
# exec_gives TEXT CMD...: the process writes it.
exec_gives() {
	local text=$1

	shift
	[ "$(cri execsync "$@" 2>/dev/null)" = "$text" ]
}
has_lines() { # has_lines FILE N: at least so many
	[ -e "$1" ] && [ "$(wc -l <"$1")" -ge "$2" ]
}
# memory_limit ID: what its cgroup says.
memory_limit() {
	cat "/sys/fs/cgroup/memory$CGROUP/$1/memory.limit_in_bytes" 2>/dev/null ||
		cat "/sys/fs/cgroup$CGROUP/$1/memory.max"
}
# background VERB [ARG]...: cri as a process $! that end_of ends.
background() {
	tests/cri/cri "$@" &
	HELPERS+=($!)
}
end_of() {
	kill "$1"
	wait "$1" 2>/dev/null || :
}
LOOP='trap "exit 9" TERM; while :; do sleep 0.1; done'

# --- the runtime ---
eq "$(cri version -f runtime_name)" containerd "the runtime"
eq "$(cri status | jq -c '[.status.conditions[] | select(.status) | .type][:2]')" \
	'["RuntimeReady","NetworkReady"]' "conditions"
fails 'no runtime for .*nothing.* is configured' cri runp --runtime nothing
fails 'not found' cri podstatus no-such-pod
case $(version_of "$DAEMON") in
1.6) fails UNIMPLEMENTED cri events ;;
*)
	background events >"$TMP/events"
	events=$!
	;;
esac

# --- a pod on the host's network: output, exit codes ---
# containerd 2.1 dies of such a pod when a shim is to make it.
network=host options=(--host-network)
[ "$SANDBOXER" != shim ] || network=own options=()
pod=$(run_pod --name host --label of=test "${options[@]}")
eq "$(cri podstatus -f status.state "$pod")" SANDBOX_READY "the pod"
eq "$(cri podstatus -f status.runtime_handler "$pod")" "$HANDLER" "its handler"
eq "$(cri pods --label of=test)" "$pod host SANDBOX_READY $HANDLER" "the list of pods"
first=$(create "$pod" --name first --log first.log --label of=test -- sh -c '
	[ "$(readlink /proc/self/ns/net)" = "$0" ] && echo host || echo own
	echo err >&2
	exit 3' "$(readlink /proc/self/ns/net)")
eq "$(state_of "$first")" CONTAINER_CREATED "before its start"
cri start "$first"
code 3 cri wait "$first"
eq "$(cri inspect "$first" | jq -r '.status | "\(.reason) \((.finished_at | tonumber) > 0)"')" \
	"Error true" "how it ended"
await has_lines "$D/logs/first.log" 2
eq "$(log first.log | sort | xargs)" "stderr F err stdout F $network" "its log"
fails 'not running|CONTAINER_EXITED|exited' cri execsync "$first" true
second=$(launch "$pod" --name second --memory 67108864 --user 1000 -- sh -c "$LOOP")
eq "$(cri ps --pod "$pod" --label of=test -q)" "$first" "the list of containers"
eq "$(cri ps --pod "$pod" | awk '{print $2, $3}' | sort | xargs)" \
	"first CONTAINER_EXITED second CONTAINER_RUNNING" "containers of the pod"

# --- execsync ---
code 7 cri execsync "$second" sh -c 'id -u; echo err >&2; exit 7' >"$TMP/out" 2>"$TMP/err"
eq "$(cat "$TMP/out" "$TMP/err" | xargs)" "1000 err" "execsync"
fails 'timeout|timed out|deadline' cri execsync --limit 1 "$second" sleep 1001
await exec_gives 0 "$second" sh -c 'ps | grep -c "[s]leep 1001"'
fails 'no-such-program' cri execsync "$second" no-such-program

# --- streams of a process ---
echo in | code 4 cri exec -i "$second" sh -c 'read x; echo "got $x"; echo err >&2; exit 4' \
	>"$TMP/out" 2>"$TMP/err"
eq "$(cat "$TMP/out" "$TMP/err" | xargs)" "got in err" "exec"
printf abc | cri exec -i --hang-up "$second" sh -c 'cat >/tmp/got; echo end >>/tmp/got'
await exec_gives abcend "$second" cat /tmp/got
# Without an input the shim for runc may lose what a short process writes to its terminal.
code 5 cri exec -i -t --size 41x97 "$second" sh -c \
	'tty; until [ "$(stty size 2>/dev/null)" = "41 97" ]; do sleep 0.1; done; stty size; exit 5' \
	>"$TMP/out" </dev/null
eq "$(tr -d '\r' <"$TMP/out" | xargs)" "/dev/pts/0 41 97" "exec with a terminal"
code 0 cri exec "$second" sh -c 'head -c 3000000 /dev/zero' >"$TMP/out"
eq "$(wc -c <"$TMP/out")" 3000000 "bytes of a long output"

# --- attach ---
# What is written before all is attached is not seen, nor what stdout has when stderr ends: so it is
# asked until it answers, and ends only when all has come.
READER='while read x; do [ "$x" != exit ] || exit 6; echo "$x at $(stty size 2>/dev/null)"; done'
answers() { tr -d '\r' <"$TMP/out" | grep -qs "$1"; }
ask_until() { # ask_until TEXT: lines for the reader
	until answers "$1"; do
		echo ask
		sleep 0.1
	done
	echo last
	until answers "last at"; do sleep 0.1; done
	echo exit
}
id=$(launch "$pod" --name attach --stdin --log attach.log -- sh -c "$READER")
: >"$TMP/out"
# shellcheck disable=SC2094 # the writer waits for what comes out at the other end
ask_until "ask at" | cri attach -i "$id" >"$TMP/out"
eq "$(uniq "$TMP/out" | xargs)" "ask at last at" "attach"
code 6 cri wait "$id"
await log_is attach.log "stdout F ask at stdout F last at"
id=$(launch "$pod" --name terminal --stdin --tty -- sh -c "$READER")
: >"$TMP/out"
# shellcheck disable=SC2094
ask_until "ask at 30 90" | cri attach -i -t --size 30x90 "$id" >"$TMP/out"
answers "last at 30 90" || fail "attach with a terminal: $(cat "$TMP/out")"
code 6 cri wait "$id"
id=$(launch "$pod" --name once --stdin --stdin-once -- sh -c 'cat >/dev/null; exit 8')
printf x | cri attach -i --hang-up "$id"
code 8 cri wait "$id"

# --- the log is reopened, what is used, other limits ---
id=$(launch "$pod" --name log --log log.log -- sh -c 'while :; do echo line; sleep 0.1; done')
await has_lines "$D/logs/log.log" 1
mv "$D/logs/log.log" "$D/logs/old.log"
cri reopen-log "$id"
await has_lines "$D/logs/log.log" 2
eq "$(log log.log)" "stdout F line" "the log that was reopened"
cri stats "$second" >"$TMP/stats"
matches "$(jq -r .memory.working_set_bytes.value "$TMP/stats")" '^[1-9]' "memory"
matches "$(jq -r .cpu.usage_core_nano_seconds.value "$TMP/stats")" '^[1-9]' "processor time"
matches "$(cri stats | jq -r '.[].attributes.id' | xargs)" "$id" "containers in all stats"
[ "$(version_of "$DAEMON")" = 1.6 ] ||
	matches "$(cri podstats -f linux.memory.usage_bytes.value "$pod")" '^[1-9]' "the pod's memory"
eq "$(memory_limit "$second")" 67108864 "the limit"
cri update-resources --memory 33554432 "$second"
eq "$(memory_limit "$second")" 33554432 "the new limit"

# --- stop: with grace, without, and what does not listen; out of memory ---
cri stop --grace 60 "$second"
eq "$(cri inspect -f status.exit_code "$second")" 9 "exit code after TERM"
cri stop "$id"
eq "$(cri inspect -f status.exit_code "$id")" 137 "exit code after KILL"
id=$(launch "$pod" --name deaf --log deaf.log -- \
	sh -c 'trap "" TERM; echo deaf; while :; do sleep 0.1; done')
await has_lines "$D/logs/deaf.log" 1
cri stop --grace 1 "$id"
eq "$(cri inspect -f status.exit_code "$id")" 137 "exit code after grace"
# The shim for runc misses it when it comes before the shim listens, and when the cgroup is gone
# before the shim looks.
id=$(launch "$pod" --name memory --memory 16777216 --mount "$D/share:/share" -- sh -c '
	until [ -e /share/started ]; do sleep 0.1; done
	tail /dev/zero
	until [ -e /share/told ]; do sleep 0.1; done
	exit 3')
touch "$D/share/started"
await reason_is "$id" OOMKilled
touch "$D/share/told"
code 3 cri wait "$id"
eq "$(reason_of "$id")" OOMKilled "the reason, after the end"
id=$(launch "$pod" --name all-memory --memory 16777216 -- tail /dev/zero)
code 137 cri wait "$id"
[ "$HANDLER" = runc ] || await reason_is "$id" OOMKilled

# --- removed, and what was told about it all ---
cri rm "$first"
fails 'not found|NOT_FOUND' cri inspect "$first"
events_of() { # events_of ID: their kinds
	jq -r --arg id "$1" 'select(.container_id == $id) | .container_event_type' <"$TMP/events" |
		sed 's/CONTAINER_\(.*\)_EVENT/\1/' | xargs
}
events_are() { [ "$(events_of "$1")" = "$2" ]; }
if [ -n "${events:-}" ]; then
	await events_are "$first" "CREATED STARTED STOPPED DELETED"
	end_of "$events"
fi

# --- the daemon goes and comes; one exits meanwhile ---
stays=$(launch "$pod" --name stays --log stays.log -- \
	sh -c 'while :; do echo tick; sleep 0.1; done')
exits=$(launch "$pod" --name exits --mount "$D/share:/share:rslave" -- \
	sh -c 'until [ -e /share/sub/go ]; do sleep 0.1; done; exit 5')
pid=$(pid_of "$exits")
stop_containerd KILL
mkdir "$D/share/sub"
mount -t tmpfs none "$D/share/sub"
touch "$D/share/sub/go"
await gone "$pid"
umount "$D/share/sub"
start_containerd
rc=0
cri wait "$exits" || rc=$?
# Since 1.7 a shim that names no process of its container is taken for one that nobody wants.
case "$rc $(version_of "$DAEMON")" in
"5 "* | "255 1.7" | "255 2") ;;
*) fail "what exited without a daemon has exit code $rc" ;;
esac
eq "$(state_of "$stays")" CONTAINER_RUNNING "what runs under the next daemon"
eq "$(cri execsync "$stays" echo still)" still "execsync under the next daemon"
lines=$(wc -l <"$D/logs/stays.log")
await has_lines "$D/logs/stays.log" $((lines + 3))
eq "$(cri podstatus -f status.state "$pod")" SANDBOX_READY "the pod under the next daemon"

# --- a pod with a network of its own, and processes that see each other ---
net=$(run_pod --pid pod --config - <<-END
	{"metadata": {"name": "net", "uid": "$MARK", "namespace": "test"},
	"hostname": "net", "dns_config": {"servers": ["10.88.0.1"]}}
END
)
ip=$(cri podstatus -f status.network.ip "$net")
matches "$ip" '^10\.88\.0\.[0-9]+$' "the pod's address"
served=$(launch "$net" --name served --pid pod -- httpd -f -p 8080 -h /etc)
id=$(launch "$net" --name other --pid pod -- sh -c "$LOOP")
get() { busybox wget -qO- "http://$1/text"; }
is_served() { get "$ip:8080" >/dev/null 2>&1; }
await is_served
eq "$(get "$ip:8080")" "not a program" "from the host"
eq "$(cri execsync "$id" busybox wget -qO- http://127.0.0.1:8080/text)" "not a program" "in the pod"
eq "$(cri execsync "$id" sh -c 'hostname; cat /etc/resolv.conf' | xargs)" \
	"net nameserver 10.88.0.1" "its names"
matches "$(cri execsync "$id" ps | xargs)" 'httpd -f' "processes of the pod"
[ -n "$SANDBOXER" ] || eq "$(cri execsync "$id" cat /proc/1/comm)" pause "the first process"
matches "$(printf 'GET /text HTTP/1.0\r\n\r\n' | cri port-forward "$net" 8080 | tail -n 1)" \
	'not a program' "port-forward"
background port-forward "$net" 0:8080 >"$TMP/port"
forward=$!
await has_lines "$TMP/port" 1
eq "$(get "127.0.0.1:$(cat "$TMP/port")")" "not a program" "a port that listens"
end_of $forward
fails 'refused' cri port-forward "$net" 9
cri stop "$served" "$id"

# --- away with them ---
cri stopp "$net"
eq "$(cri podstatus -f status.state "$net")" SANDBOX_NOTREADY "a pod that is stopped"
cri rmp "$net"
eq "$(cri pods -q)" "$pod" "pods that are left"
cri stopp "$pod"
eq "$(state_of "$stays")" CONTAINER_EXITED "a container of a pod that is stopped"
cri rmp "$pod"
# --- the shim that is the pod is killed: its containers go, and its files ---
if [ "$SANDBOXER" = shim ]; then
	killed=$(run_pod --name killed)
	one=$(launch "$killed" --name one -- sleep 1000)
	pid=$(pid_of "$one")
	kill -9 "$(pgrep -f "containerd-shim-turf-v2.*-id $killed .*start\$")"
	await gone "$pid"
	is_away() { [ "$(state_of "$one")" = CONTAINER_EXITED ] && ! grep -q "$killed/shm" /proc/self/mountinfo; }
	await is_away
	await test ! -e "/run/containerd/turf/k8s.io/$one"
fi

end_of_containerd
