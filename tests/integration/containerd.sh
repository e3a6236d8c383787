#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# containerd with its shim for runc, which runs turf instead; with an argument, "turf", with our
# own shim. The daemon and everything it keeps is the test's own.
# shellcheck disable=SC2016 # shells inside have variables of their own
# shellcheck source=tests/integration/lib-engines.sh
. "$(dirname "$0")/lib-engines.sh"

needs_engines containerd ctr
D=$TMP/containerd
in_memory "$D"
in_memory /run/containerd # what shims and their runtimes keep
export TEST_MARK=$MARK TURF_BASE_IMAGE=$TMP/base # of the daemon, its shims and the runtime
cat >"$D/config.toml" <<-END
	version = 2
	root = "$D/root"
	state = "$D/state"
	temp = "$D/tmp"
	disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
	[grpc]
	address = "$D/sock"
	[ttrpc]
	address = "$D/sock.ttrpc"
	[debug]
	level = "debug"
END
start_daemon() {
	PATH=$B:$PATH containerd --config "$D/config.toml" >>"$D/log" 2>&1 &
	daemon=$!
	ENGINE_PIDS=("$daemon")
	await is_up
}
is_up() {
	kill -0 "$daemon" || fail "containerd ended: $(tail -n 5 "$D/log")"
	timeout 10 ctr -a "$D/sock" version >/dev/null 2>&1
}
ctr() {
	timeout 60 "$CTR" --address "$D/sock" --namespace "$MARK" "$@"
}
CTR=$(command -v ctr)
IMAGE=turf.test/busybox:1
TURF_OPTIONS=(--runtime io.containerd.runc.v2 --runc-binary "$TURF" --env "TEST_MARK=$MARK")
[ "${1:-}" != turf ] || TURF_OPTIONS=(--runtime io.containerd.turf.v2 --env "TEST_MARK=$MARK")
# run ID [OPTION]... [-- ARG...]: `ctr run` of the image.
run() {
	local id=$1 options=()

	shift
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	ctr run "${TURF_OPTIONS[@]}" --cgroup "$CGROUP/$id" "${options[@]}" $IMAGE "$id" "$@"
}
c=$MARK-c
task_is() {
	[ "$(ctr task ls | awk -v id="$1" '$1 == id {print $3}')" = "$2" ]
}

start_daemon
engine_root "$TMP/rootfs"
image_archive "$TMP/image.tar" $IMAGE "$TMP/rootfs"
quiet ctr images import "$TMP/image.tar"

# --- run ---
eq "$(run "$c" --rm -- sh -c 'id -u; cat /proc/1/comm; echo $FROM_IMAGE' | xargs)" "0 sh yes" "a container"
code 3 run "$c" --rm -- sh -c 'exit 3'
# ctr misses an end of its input that comes before the task runs, whatever the runtime is.
# shellcheck disable=SC2094 # the writer waits for what comes out at the other end
{ echo in; await grep -qs in "$TMP/out"; } | run "$c" --rm -- cat >"$TMP/out"
eq "$(cat "$TMP/out")" in "standard input"
code 1 run "$c" --rm -- no-such-program 2>"$TMP/err"
matches "$(cat "$TMP/err")" 'exec: "no-such-program": executable file not found in \$PATH' "a program that is not there"
code 1 run "$c" --rm -- /etc/text 2>"$TMP/err"
matches "$(cat "$TMP/err")" 'permission denied' "what is no program"
eq "$(ctr containers ls -q; ctr task ls -q)" "" "containers after --rm"
matches "$(script -qec "$CTR --address $D/sock --namespace $MARK run ${TURF_OPTIONS[*]} --cgroup $CGROUP/$c --rm -t $IMAGE $c tty" /dev/null </dev/null)" \
	/dev/pts/0 "a terminal"

# --- a container that stays ---
quiet run "$c" -d --pid-file "$TMP/pid" --memory-limit 67108864 --cpus 0.5 -- \
	sh -c 'trap "exit 9" TERM; while :; do sleep 0.1; done'
task_is "$c" RUNNING || fail "not running: $(ctr task ls)"
pid=$(cat "$TMP/pid")
eq "$(ctr task ls | awk -v id="$c" '$1 == id {print $2}')" "$pid" "pid of task ls"
matches "$(tr '\0' ' ' <"/proc/$pid/cmdline")" '^sh -c trap' "the process of the pid file"
eq "$(ctr task exec --exec-id e1 "$c" echo out)" out "exec"
code 7 ctr task exec --exec-id e2 "$c" sh -c 'exit 7'
eq "$(ctr task exec --exec-id e3 --user 1000:1000 --cwd /tmp "$c" sh -c 'id -u; pwd' | xargs)" "1000 /tmp" "exec --user --cwd"
code 1 ctr task exec --exec-id e4 "$c" no-such-program 2>"$TMP/err"
matches "$(cat "$TMP/err")" 'executable file not found in \$PATH' "exec of what is not there"
quiet ctr task exec -d --exec-id e5 "$c" sleep 1000
matches "$(ctr task ps "$c" | xargs)" "^PID INFO $pid .*e5" "task ps"
quiet ctr task kill --exec-id e5 -s KILL "$c"
quiet ctr task exec -d --exec-id e6 "$c" sh -c 'exit 0'
matches "$(ctr task metrics "$c")" '^ID +TIMESTAMP' "metrics"
matches "$(ctr task metrics --format json "$c")" '[0-9]' "metrics as JSON"
eq "$(cat "/sys/fs/cgroup/memory$CGROUP/$c/memory.limit_in_bytes" 2>/dev/null || cat "/sys/fs/cgroup$CGROUP/$c/memory.max")" \
	67108864 "--memory-limit"
eq "$(cat "/sys/fs/cgroup/cpu$CGROUP/$c/cpu.cfs_quota_us" 2>/dev/null || cut -d' ' -f1 "/sys/fs/cgroup$CGROUP/$c/cpu.max")" \
	50000 "--cpus"

# --- pause, the daemon goes and comes, kill, delete ---
quiet ctr task pause "$c"
task_is "$c" PAUSED || fail "not paused: $(ctr task ls)"
quiet ctr task resume "$c"
task_is "$c" RUNNING || fail "not running again: $(ctr task ls)"
kill -9 "$daemon"
wait "$daemon" 2>/dev/null || :
start_daemon
task_is "$c" RUNNING || fail "not running under the next daemon: $(ctr task ls)"
eq "$(ctr task exec --exec-id e7 "$c" echo still)" still "exec under the next daemon"
quiet ctr task kill "$c"
await task_is "$c" STOPPED
matches "$(ctr task delete "$c" 2>&1)" "exit code 9" "task delete"
quiet ctr containers delete "$c"
quiet run "$c" -d -- sleep 1000
quiet ctr task pause "$c"
quiet ctr task delete --force "$c"
quiet ctr containers delete "$c"

# --- limits bite, rights, mounts, a root of one's own ---
code 137 run "$c" --rm --memory-limit 16777216 -- sh -c 'tail /dev/zero'
mkdir "$TMP/data"
echo data >"$TMP/data/file"
eq "$(run "$c" --rm --read-only --mount "type=bind,src=$TMP/data,dst=/d,options=rbind:ro" -- \
	sh -c 'cat /d/file; exec 2>&1; echo x >/d/x; echo x >/x; grep -c :/ /proc/self/cgroup >/dev/null' | tr -d "'" | xargs)" \
	"data sh: cant create /d/x: Read-only file system sh: cant create /x: Read-only file system" "--read-only and --mount"
eq "$(run "$c" --rm --cwd /tmp --env A=b -- sh -c 'pwd; echo $A' | xargs)" "/tmp b" "--cwd --env"
eq "$(run "$c" --rm --seccomp -- sh -c 'grep Seccomp: /proc/self/status | cut -f2')" 2 "--seccomp"
eq "$(run "$c" --rm --net-host -- readlink /proc/self/ns/net)" "$(readlink /proc/self/ns/net)" "--net-host"
eq "$(ctr run "${TURF_OPTIONS[@]}" --cgroup "$CGROUP/$c" --rm --env PATH=/bin --rootfs "$TMP/rootfs" "$c" sh -c 'echo own')" own "--rootfs"

# --- workers, whose program the image does not have: with a new engine, then from the base image ---
for base in none image; do
	[ -x "$B/aworker" ] || break
	[ $base = none ] || turf seed image rebuild 2>"$TMP/err" ||
		grep -q 'sanitizer reserves all memory' "$TMP/err" || fail "$(cat "$TMP/err")"
	eq "$(run "$c" --rm -- aworker -e 'console.log("at", "work")')" "at work" "a worker, $base"
	code 1 run "$c" --rm -- aworker -e 'throw new Error("told")' 2>"$TMP/err"
	matches "$(cat "$TMP/err")" 'Error: told' "a worker's error, $base"
	quiet run "$c" -d -- aworker -e 'setInterval(() => {}, 1e6)'
	pid=$(ctr task ls | awk -v id="$c" '$1 == id {print $2}')
	[ ! -e "$TURF_BASE_IMAGE" ] || grep -q "$TURF_BASE_IMAGE" "/proc/$pid/maps" ||
		fail "the worker was not started from the base image"
	quiet ctr task kill -s KILL "$c"
	await task_is "$c" STOPPED
	matches "$(ctr task delete "$c" 2>&1)" "exit code 137" "a worker that was killed, $base"
	quiet ctr containers delete "$c"
done

# --- nothing is left ---
eq "$(ctr containers ls -q; ctr task ls -q)" "" "containers at the end"
kill "$daemon"
wait "$daemon" 2>/dev/null || :
ENGINE_PIDS=()
eq "$(find "$D/state" -path '*v2.task/*' -name config.json)" "" "bundles at the end"
shims_are_gone() { [ -z "$(marked_processes)" ]; }
await shims_are_gone
no_container_left "containerd"
