#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Create, start, kill and delete, CYCLES times of plain containers, cold and warm workers each,
# must leave the numbers of processes, mounts, cgroups, namespaces and descriptors as they were.
# shellcheck disable=SC2016 # jq and the inner shell have variables of their own
# shellcheck source=tests/integration/lib.sh
. "$(dirname "$0")/lib.sh"

CYCLES=${CYCLES:-100}
# Others live on this machine too; what each cycle leaks one of goes far beyond what they change.
STRANGERS=$((CYCLES / 4))
[ -x "$B/aworker" ] || skip "aworker is not built: no V8 here"

worker=$TMP/worker
mkdir -p "$worker/rootfs"
"$TURF" spec --bundle "$worker"
edit "$worker" '.process.terminal = false | .process.args = ["aworker", "worker.js"]
	| .process.env += ["TEST_MARK=\($m)"]' --arg m "$MARK"
echo 'setInterval(() => {}, 100000);' >"$worker/rootfs/worker.js"
bundle "$TMP/plain" sleep 100000

turf seed start default
keeper=$(turf seed info | sed -n 's/^keeper pid: *//p')
seed=$(turf seed info | sed -n 's/^seed pid: *//p')

# Kernel objects, as far as /proc and /sys tell; kworkers come and go and are not counted.
count() {
	local pid ns

	echo "processes $(grep -lvz '^$' /proc/[0-9]*/cmdline 2>/dev/null | wc -l)"
	echo "mounts $(wc -l </proc/self/mountinfo)"
	echo "cgroups $(find /sys/fs/cgroup -type d | wc -l)"
	for ns in net mnt pid ipc uts; do
		echo "$ns $(readlink /proc/[0-9]*/ns/$ns 2>/dev/null | sort -u | wc -l)"
	done
	for pid in $keeper $seed; do
		echo "descriptors of $(cat "/proc/$pid/comm") $(find "/proc/$pid/fd" -type l | wc -l)"
	done
	echo "state $(find "$ROOT" "$TURF_SEEDS_DIR" 2>/dev/null | wc -l)"
}
cycle() {
	local id=$1 bundle=$2

	shift 2
	turf create -b "$bundle" "$@" "$id" </dev/null >/dev/null
	turf start "$id"
	turf kill "$id" KILL
	turf delete --force "$id"
}
# Descriptors and files of our own must be exactly as many; kernel objects no more than before.
settled() {
	count >"$TMP/after"
	paste -d' ' "$TMP/before" "$TMP/after" | awk -v strangers="$STRANGERS" '
		/^(descriptors|state)/ { bad += $(NF / 2) != $NF; next }
		{ bad += $NF > $(NF / 2) + strangers }
		END { exit bad > 0 || NR < 9 }'
}
# The seed keeps as many clones waiting as it wants; until then its numbers grow.
all_parked() {
	turf seed info | awk '/^parked:/ { exit $2 != $4 }'
}
# run KIND N BUNDLE [OPTION...]
run() {
	local kind=$1 n=$2 bundle=$3 i

	shift 3
	cycle "$MARK-0" "$bundle" "$@"
	await all_parked
	count >"$TMP/before"
	for ((i = 1; i <= n; i++)); do
		cycle "$MARK-$i" "$bundle" "$@"
	done
	# The kernel takes namespaces apart in the background.
	for _ in $(seq 100); do
		if settled; then
			echo "$kind: $n cycles, nothing is left"
			return 0
		fi
		sleep 0.1
	done
	diff "$TMP/before" "$TMP/after" >&2 || :
	fail "$n cycles ($kind) changed the numbers above"
}

run plain "$CYCLES" "$TMP/plain"
run warm "$CYCLES" "$worker" --exit-file --warmfork require
run cold "$CYCLES" "$worker" --warmfork never
turf seed stop
