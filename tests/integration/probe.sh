#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What surrounds a container's process must be the same for one that was executed, a cold and a
# warm worker, and the same as runc gives; differences are listed here, each with its reason.
# shellcheck disable=SC2016,SC2317 # jq and the inner shell have variables of their own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

PROBE=$B/tests/probe
[ -x "$B/aworker" ] || skip "aworker is not built: no V8 here"
command -v runc >/dev/null || skip "needs runc"
id=$MARK-a

# One bundle for all: what runs in it is the only difference.
dir=$TMP/b
mkdir -p "$dir/rootfs"/{proc,dev,sys,tmp}
cp "$PROBE" "$dir/rootfs/probe"
echo 'setInterval(() => {}, 100000);' >"$dir/rootfs/worker.js"
"$TURF" spec --bundle "$dir"
edit "$dir" '.process.terminal = false | .process.env += ["TEST_MARK=\($m)"]' --arg m "$MARK"
cp "$dir/config.json" "$TMP/plain.json"

as() { # as ARG...: process.args
	edit "$dir" '.process.args = $ARGS.positional' --args "$@"
}

# --- normal forms: what is left out, and why ---

# What any two containers differ in: ids, and pipes or files of the one who started them.
anonymous() {
	sed -e "s/${MARK}[-a-z]*/ID/g" -e 's/^\(fd [012]\): .*/\1/' -e 's/^self session keyring: \(keyring;[0-9]*;[0-9]*;[0-9a-f]*\);.*/self session keyring: \1/'
}
# A worker has an event loop: its descriptors above 2, and as process 1 a signal that it reads from one.
# Its writes to a closed socket must not kill it, as in every server.
but_event_loop() {
	grep -vE '^fd ([3-9]|[0-9]{2,}): |^status: Sig(Blk|Ign):'
}
# runc masks with a node of the container's /dev, whose owner could replace it; turf with the
# host's. It names the sources of read-only tmpfs differently; turf's /sys/fs/cgroup is read-only
# as the configuration says, where runc leaves the tmpfs below it writable. runc sets umask 0022
# where the specification leaves it as the caller has it. turf resets signals that its caller
# ignores, as make does with some. runc joins a cpuset also where none is limited, and on v1 that
# gives a process all processors of the cpuset, on older kernels (6.1) those that the caller
# was told not to use, too.
but_runc() {
	grep -vE '^status: (Umask|SigIgn|Cpus_allowed(_list)?):|^mount: /null /proc/|^mount: / /(proc/acpi|proc/scsi|sys/firmware|sys/devices/virtual/powercap) |^mount: / /sys/fs/cgroup(/systemd)? |^mount: / /proc/(asound|kcore)'
}
# runc joins every hierarchy, turf those that have a limit or that it needs, and turf shows no
# others: in them the container would see everybody's cgroups.
but_cgroups() {
	grep -vE '^cgroup: |^mount: [^ ]* /sys/fs/cgroup/[^ ]* .* - cgroup '
}

# outside FILE [COMMAND...]: a detached container as seen through /proc.
outside() {
	local file=$1

	shift
	"$@" </dev/null >"$TMP/out" 2>&1
	await running
	"$PROBE" "$(pid_of)" | anonymous >"$file"
}

same() { # same A B WHAT
	diff "$1" "$2" >"$TMP/diff" || {
		cat "$TMP/diff" >&2
		fail "$3 differ"
	}
	[ "$(wc -l <"$1")" -gt "$4" ] || fail "$3: only $(wc -l <"$1") lines were compared"
}

by_turf() {
	running() { [ "$(status_of "$id")" = running ] && settled; }
	pid_of() { turf state "$id" | jq -r .pid; }
	outside "$@"
	turf delete --force "$id"
}
# Executed programs have been replaced, and workers are in their loops, when they sleep.
settled() {
	grep -q '^State:[[:space:]]*S' "/proc/$(pid_of)/status" &&
		[ "$(tr '\0' ' ' <"/proc/$(pid_of)/cmdline")" = "$EXPECTED " ]
}
by_runc() {
	running() { [ "$(runc --root "$TMP/runc" state "$id" | jq -r .status)" = running ] && settled; }
	pid_of() { runc --root "$TMP/runc" state "$id" | jq -r .pid; }
	outside "$@"
	runc --root "$TMP/runc" delete --force "$id"
}

turf seed start default

compare() { # compare WHAT: all four on the bundle's configuration
	as /probe wait
	EXPECTED="/probe wait"
	by_turf "$TMP/exec" turf run -d -b "$dir" "$id"
	by_runc "$TMP/by-runc" runc --root "$TMP/runc" run -d -b "$dir" "$id"
	as aworker /worker.js
	EXPECTED="aworker /worker.js"
	by_turf "$TMP/warm" turf run -d --warmfork require -b "$dir" "$id"
	by_turf "$TMP/cold" turf run -d --warmfork never -b "$dir" "$id"
	same "$TMP/cold" "$TMP/warm" "cold and warm worker ($1)" 60
	for f in exec warm; do
		but_event_loop <"$TMP/$f" >"$TMP/$f.loop"
	done
	same "$TMP/exec.loop" "$TMP/warm.loop" "executed program and worker ($1)" 60
	eq "$(grep Umask "$TMP/exec")" "$(grep Umask "$TMP/warm")" "umask ($1)"
	for f in exec by-runc; do
		but_runc <"$TMP/$f" | but_cgroups >"$TMP/$f.runc"
	done
	same "$TMP/by-runc.runc" "$TMP/exec.runc" "runc and turf ($1)" 50
	echo "$1: $(wc -l <"$TMP/exec") lines of each compared"
}

compare "default configuration"

# What only the process itself can ask.
as /probe
turf run -b "$dir" "$id" | anonymous | but_runc | but_cgroups >"$TMP/exec"
runc --root "$TMP/runc" run -b "$dir" "$id" </dev/null | anonymous | but_runc | but_cgroups >"$TMP/by-runc"
same "$TMP/by-runc" "$TMP/exec" "runc and turf, from inside" 60

# Another user with limits of everything.
edit "$dir" '.process.user = {"uid": 1000, "gid": 1001, "additionalGids": [5, 6], "umask": 63}
	| .process.capabilities = {} | .process.noNewPrivileges = true | .process.oomScoreAdj = 500
	| .process.rlimits = [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200},
		{"type": "RLIMIT_NPROC", "soft": 300, "hard": 400},
		{"type": "RLIMIT_CORE", "soft": 0, "hard": 0}]
	| .process.cwd = "/tmp" | .hostname = "probed" | .root.readonly = true
	| .linux.resources.pids.limit = 50 | .linux.resources.memory.limit = 268435456'
compare "another user"

# Nothing said: what the caller has, who is not where the seed is.
cp "$TMP/plain.json" "$dir/config.json"
edit "$dir" 'del(.process.rlimits) | del(.process.oomScoreAdj)
	| .linux.namespaces = [{"type": "mount"}, {"type": "pid"}]
	| .mounts |= map(select(.type != "sysfs" and .type != "mqueue" and .type != "cgroup"))
	| del(.hostname)'
export -f compare as by_turf by_runc outside same settled anonymous but_event_loop but_runc \
	but_cgroups edit await fail turf status_of matches eq
export B TURF ROOT TMP MARK PROBE dir id
unshare --net --uts --ipc bash -euc '
	umask 0037
	ulimit -n 123 -u 4567 -c 0
	taskset -p 1 $$ >/dev/null
	renice -n 5 $$ >/dev/null
	echo 300 >/proc/self/oom_score_adj
	hostname elsewhere
	compare "surroundings of the caller"
	# A cpuset of v2 gives whoever comes in all of its processors.
	cpus=0
	! grep -qs cpuset /sys/fs/cgroup/cgroup.controllers || cpus=0-$(($(nproc --all) - 1))
	for line in "Umask:.0037" "nice: 5" "oom_score_adj: 300" "Cpus_allowed_list:.$cpus\$" \
		"Max open files *123 *123" "Max processes *4567 *4567"; do
		grep -q "$line" "$TMP/warm" || fail "no \"$line\" in what a warm worker has"
	done'
turf seed stop
