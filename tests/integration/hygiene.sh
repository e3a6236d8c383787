#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A worker is the same process whichever way it came: new engine, base image, fork, parked clone,
# each from source or from a state image. And nothing that ought to be its own is another's.
# shellcheck disable=SC2016 # jq has variables of its own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

[ -x "$B/aworker" ] || skip "aworker is not built: no V8 here"
export TURF_STATES_DIR=$TMP/states TURF_BASE_IMAGE=$TMP/base
base_image
id=$MARK-a
dir=$TMP/b
mkdir -p "$dir/rootfs"/{proc,dev,sys,tmp}
chmod 1777 "$dir/rootfs/tmp"
cat >"$dir/rootfs/worker.js" <<-'END'
	let ticks = 0;
	setInterval(() => ticks++, 20);
	addEventListener('fetch', (e) => e.respondWith(Response.json({
		random: [Math.random(), Math.random(), crypto.randomUUID(),
			crypto.getRandomValues(new Uint32Array(4)).join()],
		origin: Math.abs(Date.now() - performance.timeOrigin - performance.now()) < 50,
		young: performance.now() < 5000,
		now: Math.floor(Date.now() / 1000),
		zone: new Date(0).getHours() + new Date(0).toString(),
		number: (1234.5).toLocaleString(),
		ticks,
	})));
END
turf spec --bundle "$dir"
edit "$dir" '.root.readonly = false | .process.terminal = false | .hostname = "worker"
	| .process.args = ["aworker", "--listen=unix:/tmp/s", "/worker.js"]
	| .process.env += ["TZ=Asia/Tokyo", "LANG=de_DE.UTF-8", "MARK=own"]
	| .process.user = {uid: 1000, gid: 1000, additionalGids: [7], umask: 23}
	| .process.capabilities = {} | .process.oomScoreAdj = 500
	| .process.rlimits += [{type: "RLIMIT_CORE", soft: 0, hard: 0}]
	| .linux.cgroupsPath = "/\($mark)" | .linux.seccomp = {defaultAction: "SCMP_ACT_ALLOW"}' --arg mark "$MARK"

# describe PID: all that is to be the same
describe() {
	local p=/proc/$1 ns

	grep -E '^(Name|Umask|Uid|Gid|Groups|NSpid|NStgid|NSpgid|NSsid|Threads|Sig|Shd|Cap|NoNew|Seccomp|Cpus|Mems|Speculation|CoreDumping)' "$p/status" |
		sed -E "s/^(NS[a-z]*:).*[[:space:]]([0-9]+)$/\1 \2/"
	echo "comm $(cat "$p/comm"), $(tr '\0' ' ' <"$p/cmdline")"
	tr '\0' '\n' <"$p/environ" | sort
	# Which of them has which number depends on when the runtime's was closed.
	echo "descriptors $(find "$p/fd" -type l -printf '%f\n' | sort -n | xargs)"
	find "$p/fd" -type l -printf '%l\n' | sed 's/:\[[0-9]*\]//' | sort
	cat "$p/limits" "$p/oom_score_adj" "$p/personality" "$p/timerslack_ns" "$p/sched" 2>/dev/null |
		grep -E '^(Max|[0-9]+$|policy|prio)'
	# Ours, or its own?
	for ns in cgroup ipc mnt net pid user uts; do
		[ "$(readlink "$p/ns/$ns")" = "$(readlink /proc/self/ns/$ns)" ] && echo "$ns shared" || echo "$ns own"
	done
	cut -d' ' -f 4- "$p/mountinfo" | sed -E 's/(shared|master):[0-9]+//; s/[a-z]*turf-test[^ ]*//g
		/ - cgroup/s/^/cgroup: /' | sort
	sed "s/:[^:]*$MARK.*/ own/; s/^/cgroup: /" "$p/cgroup" | sort
	echo "dumpable $(stat -c %u "$p/mem"), tracer $(sed -n 's/^TracerPid:[[:space:]]*//p' "$p/status")"
	echo "session keyring $(awk -v u=1000 '/keyring.*_ses/ && $6 == u {n++} END {print n > 0}' /proc/keys)"
}
# ticks FILE: whether the worker's timer has run, and its answer
ticks() {
	curl -s --unix-socket "$dir/rootfs/tmp/s" http://h/ >"$1"
	[ "$(jq .ticks "$1")" -ge 1 ]
}
GLOBAL=()
# way NAME ARG...: one that came that way
way() {
	local name=$1 pid now

	shift
	rm -f "$dir/rootfs/tmp/s"
	turf "${GLOBAL[@]}" run -d "$@" -b "$dir" "$id" </dev/null >/dev/null 2>&1
	await test -S "$dir/rootfs/tmp/s"
	pid=$(turf state "$id" | jq .pid)
	await ticks "$TMP/$name.json"
	now=$(date +%s)
	describe "$pid" >"$TMP/$name.txt"
	echo "$pid" >"$TMP/$name.pid"
	jq -r '.random[]' "$TMP/$name.json" >>"$TMP/random"
	eq "$(jq -c '[.origin, .young, .zone, .number]' "$TMP/$name.json")" \
		'[true,true,"9Thu Jan 01 1970 09:00:00 GMT+0900 (Japanische Normalzeit)","1.234,5"]' "clocks and locale, $name"
	[ $((now - $(jq .now "$TMP/$name.json"))) -le 2 ] || fail "the time of $name"
	turf delete -f "$id"
}
all_parked() { turf seed info | awk '/^parked:/ { exit $2 != $4 }'; }

TURF_BASE_IMAGE=/nowhere way new-engine --warmfork never
way base-image --warmfork never
turf seed start --parked 0 default
way forked --exit-file --warmfork require
turf seed image build --bundle "$dir" >/dev/null
way base-state --warmfork never
way forked-state --exit-file --warmfork require
turf seed stop
# One that waits is taken where there is no v2 cgroup to be born in.
turf seed start default
await all_parked
GLOBAL=(--cgroup-manager disabled)
waiting=$(cat "/proc/$(turf seed info | sed -n 's/^keeper pid: *//p')/task/"*/children)
way parked-state --exit-file --warmfork require
find "$TURF_STATES_DIR" -type f -delete
way parked --exit-file --warmfork require
for name in parked-state parked; do
	matches " $waiting" " $(cat "$TMP/$name.pid") "
done
turf seed stop

for name in base-image forked base-state forked-state parked parked-state; do
	[[ $name != parked* ]] || sed -i '/^cgroup: /d' "$TMP/new-engine.txt" "$TMP/$name.txt"
	diff "$TMP/new-engine.txt" "$TMP/$name.txt" >"$TMP/diff" || fail "$name is another process: $(cat "$TMP/diff")"
done
[ "$(wc -l <"$TMP/new-engine.txt")" -gt 60 ] || fail "little was looked at: $(cat "$TMP/new-engine.txt")"
eq "$(sort "$TMP/random" | uniq -d)" "" "random numbers of two workers"
eq "$(wc -l <"$TMP/random")" 28 "random numbers"
nothing_left "hygiene"
