# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2016 # jq has variables of its own
# Sourced by every integration script: a directory of its own, bundles, assertions, and the proof
# at the end that nothing is left. Scripts drive the programs of the build directory $B. One that
# defines at_end() has it called last, whatever happened.
set -eEu
trap 'echo "FAILED: $0:$LINENO: $BASH_COMMAND" >&2' ERR

# In a mount namespace of its own, so that nobody else's mounts are counted as ours.
if [ "${TURF_TEST_INSIDE:-}" != "$0" ] && [ "$(id -u)" = 0 ]; then
	TURF_TEST_INSIDE=$0 exec unshare --mount --propagation private bash "$0" "$@"
fi
unset TURF_TEST_INSIDE

B=${B:-build}
B=$(realpath "$B")
TURF=$B/turf
export TURF_SEEDS_DIR TURF_VERIFIED_DIR

# shellcheck disable=SC2317 # called by scripts
skip() {
	echo "$*"
	exit 77
}

[ "$(id -u)" = 0 ] || skip "needs root"

# Mounts are counted at the end: those of others must not come into it.
[ -n "${TURF_TEST_MOUNTS:-}" ] || TURF_TEST_MOUNTS=own exec unshare --mount bash "$0" "$@"
[ -x "$TURF" ] || skip "$TURF is not built"

# With an argument: on a host with other cgroups, which this mount namespace pretends. v1: nothing
# of v2; v2: nothing but, and without the controllers that the host has in v1.
case ${1:-} in
v1) umount /sys/fs/cgroup/unified ;;
v2) mount -t cgroup2 cgroup2 /sys/fs/cgroup ;;
esac

TMP=$(mktemp -d /tmp/turf-test-XXXXXX)
ROOT=$TMP/root
TURF_SEEDS_DIR=$TMP/seeds
TURF_VERIFIED_DIR=$TMP/verified
# Ids, cgroups and environments of this script carry it, so that what is left can be found.
MARK=turftest-$$
# Processes that are no container's: ended when the script is.
HELPERS=()

# In the background it would be a shell's child: write "$TURF" --root "$ROOT" there.
turf() {
	"$TURF" --root "$ROOT" "$@"
}

count_mounts() {
	wc -l </proc/self/mountinfo
}
MOUNTS=$(count_mounts)

# Processes that are no zombies and have the mark in their command line or environment.
# The pattern does not match itself: the grep that ends may be there still when it is looked at.
marked_processes() {
	grep -sla "${MARK%?}[${MARK: -1}]" /proc/[0-9]*/cmdline /proc/[0-9]*/environ |
		cut -d/ -f3 | sort -u | while read -r pid; do
		[ "$pid" = $$ ] || grep -sq '^State:[[:space:]]*Z' "/proc/$pid/status" ||
			[ ! -e "/proc/$pid/status" ] || echo "$pid"
	done
}

leftovers() {
	local found

	found=$(marked_processes)
	[ -z "$found" ] || echo "processes: $found"
	# Also those of a runtime's own naming: /ID or /turf/ID.
	found=$(find /sys/fs/cgroup -name "*$MARK*" 2>/dev/null)
	[ -z "$found" ] || echo "cgroups: $found"
	found=$(ls -A "$ROOT" 2>/dev/null || :)
	[ -z "$found" ] || echo "state: $found"
	[ "$(count_mounts)" = "$MOUNTS" ] || echo "mounts: $MOUNTS before, $(count_mounts) now"
}

# Told at the very end: what fails may have its standard error redirected.
fail() {
	echo "FAILED: $*" >>"$TMP/failure"
	exit 1
}

# Nothing may be left, at once: what a verb made is gone when it returns.
nothing_left() {
	local left

	left=$(leftovers)
	[ -z "$left" ] || fail "${1:-it} left $left"
}

cleanup() {
	local rc=$? id pid left

	trap - EXIT ERR
	for pid in "${HELPERS[@]}"; do
		kill -9 "$pid" 2>/dev/null || :
	done
	[ ! -e "$TMP/failure" ] || cat "$TMP/failure" >&2
	if [ -d "$TURF_SEEDS_DIR" ]; then
		for id in "$TURF_SEEDS_DIR"/*; do
			"$TURF" seed stop --force "${id##*/}" >/dev/null 2>&1 || :
		done
	fi
	left=$(leftovers)
	if [ $rc = 0 ] && [ -n "$left" ]; then
		echo "FAILED: left $left" >&2
		rc=1
	fi
	! declare -F at_end >/dev/null || at_end
	for id in $(turf list -q 2>/dev/null); do
		turf delete --force "$id" >/dev/null 2>&1 || :
	done
	for pid in $(marked_processes); do
		kill -9 "$pid" 2>/dev/null || :
	done
	# Deepest first; of mounts that a test made below its directory.
	awk '{print $5}' /proc/self/mountinfo | grep "^$TMP" | sort -r | while read -r id; do
		umount -l "$id" || :
	done
	rm -rf "$TMP"
	exit $rc
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

# --- assertions ---

eq() {
	[ "$1" = "$2" ] || fail "${3:-value}: '$1', expected '$2'"
}

matches() {
	printf '%s' "$1" | grep -Eq -- "$2" || fail "${3:-text}: '$1' does not match '$2'"
}

# fails PATTERN COMMAND...: it exits non-zero and says one line on stderr that matches.
fails() {
	local pattern=$1 rc=0

	shift
	"$@" >"$TMP/fails.out" 2>"$TMP/fails.err" </dev/null || rc=$?
	[ $rc != 0 ] || fail "'$*' succeeded"
	[ $rc -lt 126 ] || fail "'$*' ended with $rc: $(cat "$TMP/fails.err")"
	eq "$(wc -l <"$TMP/fails.err")" 1 "lines of '$*': $(cat "$TMP/fails.err")"
	matches "$(cat "$TMP/fails.err")" "$pattern" "'$*'"
}

# code N COMMAND...: it exits with exactly N.
code() {
	local expected=$1 rc=0

	shift
	"$@" || rc=$?
	eq "$rc" "$expected" "exit code of '$*'"
}

status_of() {
	turf state "$1" | jq -r .status
}

# Waits, at most 20 s, until the command is true.
await() {
	local _

	for _ in $(seq 400); do
		if "$@"; then return 0; fi
		sleep 0.05
	done
	fail "'$*' did not come true"
}

has_status() {
	[ "$(status_of "$1")" = "$2" ]
}

# --- what several scripts want ---

# Makes the base image at $TURF_BASE_IMAGE. Where memory cannot be saved nothing is left to test.
base_image() {
	turf seed image rebuild 2>"$TMP/err" && return
	grep -q 'sanitizer reserves all memory' "$TMP/err" || fail "$(cat "$TMP/err")"
	echo "not here: the address sanitizer's memory cannot be saved"
	exit 0
}

# on_full_disk ID CMD...: while nothing can be written to the state directory of ID.
on_full_disk() {
	local dir=$ROOT/$1

	shift
	cp -a "$dir" "$TMP/state-copy"
	mount -t tmpfs -o size=64k,mode=700 "$MARK" "$dir"
	cp -a "$TMP/state-copy/." "$dir/"
	cat /dev/zero >"$dir/full" 2>/dev/null || :
	"$@"
	umount "$dir"
	rm -r "$TMP/state-copy"
}

# --- bundles ---

BUSYBOX=$(command -v busybox) || skip "needs busybox (busybox-static)"
command -v jq >/dev/null || skip "needs jq"

# bundle DIR [ARG...]: a busybox root and a configuration without a terminal that runs ARG.
bundle() {
	local dir=$1 applet

	shift
	mkdir -p "$dir/rootfs/bin" "$dir/rootfs/proc" "$dir/rootfs/dev" "$dir/rootfs/sys" "$dir/rootfs/tmp"
	cp "$BUSYBOX" "$dir/rootfs/bin/busybox"
	for applet in sh true false sleep cat echo ls id hostname kill stty tty readlink; do
		ln -sf busybox "$dir/rootfs/bin/$applet"
	done
	rm -f "$dir/config.json"
	"$TURF" spec --bundle "$dir"
	edit "$dir" '.process.terminal = false | .root.readonly = false
		| .process.env += ["TEST_MARK=\($m)"]' --arg m "$MARK"
	[ $# = 0 ] || edit "$dir" '.process.args = $ARGS.positional' --args -- "$@"
}

# edit DIR FILTER [JQ OPTION...]: changes its config.json.
edit() {
	local dir=$1 filter=$2

	shift 2
	jq "$filter" "$@" <"$dir/config.json" >"$dir/config.json.new"
	mv "$dir/config.json.new" "$dir/config.json"
}
